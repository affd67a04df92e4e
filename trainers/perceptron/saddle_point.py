"""Saddle point of the perceptron's loss at fixed norm, in the limit of large N.

The student has norm `lambda` (`|u| / sqrt(N)`), the loss of an example of stability D is
`V(D) = log(1 + exp(-2 lambda D)) / lambda`, and there are `alpha` (the load) examples per
dimension. Write p = sin(pi error), R = cos(pi error) for the overlap, Dt for the unit Gaussian
measure and H for its upper tail. The replica-symmetric saddle point at zero temperature is

    R       = alpha sqrt(2 / pi) int Du g(p u)                     (alignment)
    1 - R^2 = 2 alpha int Dt H(-R t / p) g(t)^2                    (length)

where `g(t) = D0(t) - t` and D0 minimises `V(D) + (D - t)^2 / (2 x)`. The unknowns are `p / R`, the
tangent of the angle, and x, or `K = 4 lambda x`. The problem is convex, so the saddle is exact.

**Units.** Stabilities, p and the tangent are counted in units of 1 / alpha, and lambda in units of
alpha. All powers of alpha then cancel: what is left of it is the width alpha of the density of the
fields, and an infinite load is a load like any other. That is the exact scaling function,
`alpha error = e(lambda / alpha)`.

Source
------
Set-up and loss: D'Amico, Bocchi and Negri (2025), arXiv:2505.13230. The equations were derived for
this package from the standard replica calculation and checked against direct minimisation; for
convex losses the same results follow rigorously, see Sur and Candes (2018), arXiv:1803.06964, and
Aubin, Krzakala, Lu and Zdeborova (2020), arXiv:2006.06560.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit, ndtr

from scalefit.arrays import Array

REACH = 9.0  # standard deviations after which Gaussian tails are cut off
_DECAY = 45.0  # decay lengths after which exponential tails are cut off
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(14)


@dataclass(frozen=True)
class Angle:
    """The angle between student and teacher, at some load; infinite loads included.

    Attributes
    ----------
    load
        Examples per dimension.
    tangent
        Tangent of the angle, p / R, times the load.
    """

    load: float
    tangent: float

    @property
    def cosine(self) -> float:
        """Overlap R."""
        return 1 / math.hypot(1, self.tangent / self.load)

    @property
    def sine(self) -> float:
        """Sine p, times the load."""
        return self.tangent * self.cosine

    @property
    def error(self) -> float:
        """Test error; at infinite load, the limit of load times error."""
        if math.isinf(self.load):
            return self.tangent / math.pi
        return math.atan(self.tangent / self.load) / math.pi

    @property
    def lowest(self) -> float:
        """Field below which there are no training examples."""
        return -REACH * min(self.tangent, self.load)

    def density(self, t: Array) -> Array:
        """Return the density of the training examples over t; its mass is the load."""
        above: Array = ndtr(t / self.tangent)
        return math.sqrt(2 / math.pi) * np.exp(-((t / self.load) ** 2) / 2) * above


def hebb_tangent(load: float) -> float:
    """Return the tangent of the angle of Hebb's rule, times the load; 1 where that is infinite."""
    return 1.0 if math.isinf(load) else math.sqrt(math.pi * load / 2)


def root(function: Callable[[float], float], start: float, step: float) -> float:
    """Return the root of an increasing function by bracketing it from a starting point."""
    low, high = start - step, start + step
    while function(low) > 0:
        high, step = low, 2 * step
        low -= step
    while function(high) < 0:
        low, step = high, 2 * step
        high += step
    return float(brentq(function, low, high, xtol=1e-13, rtol=4 * np.finfo(float).eps))


def rule(low: float, high: float, centres: Sequence[float], scale: float) -> tuple[Array, Array]:
    """Return nodes and weights of composite Gauss-Legendre quadrature; see `edges`."""
    return _gauss(edges(low, high, centres, scale))


def edges(low: float, high: float, centres: Sequence[float], scale: float) -> Array:
    """Return the ends of the pieces of a quadrature.

    The pieces shrink geometrically towards each centre, down to an eighth of the scale: the
    integrands have kinks of very different sharpness.
    """
    doublings = max(math.ceil(math.log2((high - low) / scale)), 0)
    ladder = scale * 2.0 ** np.arange(-3, doublings + 1)
    breaks = [np.linspace(low, high, 26)]
    breaks += [np.concatenate((centre - ladder, [centre], centre + ladder)) for centre in centres]
    merged = np.concatenate(breaks)
    return np.unique(merged[(merged >= low) & (merged <= high)])


def _gauss(ends: Array) -> tuple[Array, Array]:
    half = np.diff(ends)[:, None] / 2
    nodes = ends[:-1, None] + half * (1 + _NODES)
    return nodes.ravel(), (half * _WEIGHTS).ravel()


@dataclass(frozen=True)
class Fields:
    """Quadrature over the training examples at a trial point.

    Attributes
    ----------
    t
        Field before the proximal step.
    weight
        Of the quadrature, in t.
    mass
        Weight times density; the sum is the load.
    scaled
        `z = 2 lambda D0`.
    shift
        `y = 2 lambda g = K sigmoid(-z)`.
    slope
        `K sigmoid(z) sigmoid(-z) = 1 / D0' - 1`.
    """

    t: Array
    weight: Array
    mass: Array
    scaled: Array
    shift: Array
    slope: Array


def fields(angle: Angle, norm: float, log_strength: float) -> Fields:
    """Return the quadrature, with nodes in z, from which t follows without solving anything.

    The pieces end at fields t, for it is there that scales are known: kinks lie at t = 0, where
    D0 = 0 from below, and where the sigmoid sets in.
    """
    double = 2 * norm
    kinks = [0.0]
    if log_strength < 700:
        kinks.append(-math.exp(log_strength) / double)
    if log_strength > 0:
        crossing = log_strength if log_strength > 30 else math.log(math.expm1(log_strength))
        kinks.append((crossing - 1) / double)
    p = angle.sine
    forgotten = (max(log_strength, 0.0) + _DECAY) / double
    highest = min(REACH * angle.load, max(REACH * p, forgotten))
    ends = double * edges(angle.lowest, highest, kinks, min(p, 1 / norm))
    z, weight = _gauss(ends + _shift(ends, log_strength))
    shift = np.exp(log_strength + log_expit(-z))
    slope = shift * expit(z)
    t = (z - shift) / double
    weight = weight * (1 + slope) / double
    return Fields(t, weight, weight * angle.density(t), z, shift, slope)


def _shift(scaled: Array, log_strength: float) -> Array:
    """Return the root of `y = K sigmoid(-(c + y))` for c = 2 lambda t.

    In logs the equation is `log y + softplus(c + y) = log K`, increasing and convex in log y, so
    that Newton's method from above never overshoots.
    """
    log_y = np.log(np.maximum(1.0, np.maximum(log_strength - scaled, -scaled)))
    log_y = np.minimum(log_strength, log_y)
    tolerance = 1e-13 * max(1.0, abs(log_strength))
    for _ in range(100):
        y = np.exp(log_y)
        excess = log_y + np.logaddexp(0, scaled + y) - log_strength
        change = excess / (1 + expit(scaled + y) * y)
        log_y = log_y - change
        if np.max(np.abs(change)) < tolerance:
            break
    return np.exp(log_y)


def _equations(load: float, norm: float, point: Array) -> tuple[Array, Array, Array]:
    """Return the logarithms of right over left side, and how they change.

    Returns
    -------
    mismatch : shape (2,)
        Of alignment and length.
    jacobian : shape (2, 2)
        Derivatives by log tangent and log K.
    drift : shape (2,)
        Derivatives by log norm.
    """
    angle = Angle(load, math.exp(point[0]))
    at = fields(angle, norm, float(point[1]))
    p, cosine = angle.sine, angle.cosine
    g = at.shift / (2 * norm)
    by_strength = g / (1 + at.slope)
    # y changes with c = z - y by -y sigmoid(z) / (1 + y sigmoid(z)), and g = y / (2 lambda)
    by_norm = -g * (at.scaled - at.shift) * expit(at.scaled) / (1 + at.slope) - g

    gauss = at.weight * np.exp(-((at.t / p) ** 2) / 2) / (math.pi * p)
    alignment = float(gauss @ g)
    length = float(at.mass @ g**2)
    edge = np.exp(-((at.t / angle.tangent) ** 2 + (at.t / load) ** 2) / 2) / math.pi
    turned = np.array(
        [
            cosine**2 * float((gauss * g) @ ((at.t / p) ** 2 - 1)) / alignment,
            -float((at.weight * edge * at.t) @ g**2) / angle.tangent / length,
        ]
    )
    mismatch = np.array([math.log(alignment / cosine), math.log(length / p**2)])
    jacobian = np.empty((2, 2))
    jacobian[:, 0] = turned + np.array([1 - cosine**2, -2 * cosine**2])
    jacobian[:, 1] = float(gauss @ by_strength) / alignment, 2 * float(at.mass @ (g * by_strength))
    jacobian[1, 1] /= length
    drift = np.array(
        [float(gauss @ by_norm) / alignment, 2 * float(at.mass @ (g * by_norm)) / length]
    )
    return mismatch, jacobian, drift


def newton(load: float, norm: float, point: Array) -> tuple[Array, Array] | None:
    """Return log tangent and log K at the saddle point and their derivatives by log norm.

    None if the starting point was too far off.
    """
    for _ in range(12):
        try:
            mismatch, jacobian, drift = _equations(load, norm, point)
        except ArithmeticError:  # a side of an equation underflows
            return None
        change, slopes = -np.linalg.solve(jacobian, np.stack([mismatch, drift], axis=1)).T
        if not np.all(np.abs(change) < [2.0, 2.0 + abs(point[1])]):
            return None
        point = point + change
        if np.all(np.abs(change) < 1e-9 * np.maximum(1.0, np.abs(point))):
            return point, slopes
    return None
