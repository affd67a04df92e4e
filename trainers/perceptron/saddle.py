"""Teacher-student perceptron in the limit of large N: the minimiser of the loss at fixed norm.

The student has norm `lambda` (`|u| / sqrt(N)`), the loss of an example of stability D is
`V(D) = log(1 + exp(-2 lambda D)) / lambda`, and there are `alpha` (the load) examples per
dimension. Write p = sin(pi error), R = cos(pi error) for the overlap, Dt for the unit Gaussian
measure and H for its upper tail. The replica-symmetric saddle point at zero temperature is

    R       = alpha sqrt(2 / pi) int Du g(p u)                     (alignment)
    1 - R^2 = 2 alpha int Dt H(-R t / p) g(t)^2                    (length)

where `g(t) = D0(t) - t` and D0 minimises `V(D) + (D - t)^2 / (2 x)`. The unknowns are `p / R`, the
tangent of the angle, and x, or `K = 4 lambda x`. The problem is convex, so the saddle is exact.

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
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, log_expit, ndtr

Array = NDArray[np.float64]

REACH = 9.0  # standard deviations after which Gaussian tails are cut off
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True)
class Minimiser:
    """The solution at one load and norm.

    Attributes
    ----------
    load, norm
        Where.
    tangent
        Tangent of the angle between student and teacher, p / R.
    log_strength
        log K; K itself overflows near maximal stability.
    """

    load: float
    norm: float
    tangent: float
    log_strength: float

    @property
    def test_error(self) -> float:
        """Probability that student and teacher disagree."""
        return math.atan(self.tangent) / math.pi

    @property
    def overlap(self) -> float:
        """Cosine of the angle between student and teacher, R."""
        return cosine(self.tangent)

    @property
    def response(self) -> float:
        """The parameter x of the saddle point; infinite where it overflows."""
        log_response = self.log_strength - math.log(4 * self.norm)
        return math.exp(log_response) if log_response < 700 else math.inf

    @property
    def train_loss(self) -> float:
        """Mean of `log(1 + exp(-2 lambda D0))` over the training examples."""
        weight, _, scaled = self._examples()
        return float(-weight @ log_expit(scaled))

    @property
    def train_error(self) -> float:
        """Fraction of the training examples on the wrong side: D0(t) < 0 where t < -x."""
        reach = tail(self.tangent)
        if self.response >= reach:
            return 0.0
        t, weight = rule(-reach, -self.response, (-self.response,), sine(self.tangent))
        return float(np.sum(weight * density(t, self.tangent)))

    @property
    def multipliers(self) -> tuple[float, float]:
        """The multiplier mu of the sphere, `grad L + mu w = 0`, from the force and the response.

        The two formulas agree only at the saddle point.
        """
        weight, y, scaled = self._examples()
        stability = scaled / (2 * self.norm)
        force = self.load * float(weight @ (2 * expit(-scaled) * stability))
        slope = y * expit(scaled)  # K sigmoid(z) sigmoid(-z), and y = K sigmoid(-z)
        response = (1 - self.load * float(weight @ (slope / (1 + slope)))) / self.response
        return force, response

    def _examples(self) -> tuple[Array, Array, Array]:
        """Return quadrature over the training examples: weight, 2 lambda g, 2 lambda D0."""
        t, weight = _length_rule(self.tangent, self.norm, self.log_strength)
        shift = _shift(2 * self.norm * t, self.log_strength)
        return weight, shift, 2 * self.norm * t + shift


def fixed_norm(load: float, norms: Sequence[float]) -> list[Minimiser]:
    """Return the minimisers of the logistic loss at each of several norms.

    Parameters
    ----------
    load : examples per dimension
        Tested from 0.05 to 1e5.
    norms : increasing
        Tested from 1e-4 to 1e4. Each solution is the starting point of the next.

    Source
    ------
    The equations at the head of this module, solved one inside the other by Brent's method.
    """
    log_tangent = math.log(hebb_tangent(load))
    log_strength = math.log(4 * norms[0]) - math.log(load + 2 * load**2 / math.pi) / 2
    found = []
    for norm in norms:
        log_tangent, log_strength = solve(
            partial(_alignment, load, norm),
            partial(_length, load, norm),
            log_tangent,
            log_strength,
        )
        found.append(Minimiser(load, norm, math.exp(log_tangent), log_strength))
    return found


def hebb_tangent(load: float) -> float:
    """Return the tangent of the angle of Hebb's rule."""
    return math.sqrt(math.pi / (2 * load))


def solve(
    alignment: Callable[[float, float], float],
    length: Callable[[float, float], float],
    log_tangent: float,
    inner: float,
) -> tuple[float, float]:
    """Return the logarithm of the tangent, and the second unknown, at the saddle point.

    At a fixed angle the first equation fixes the second unknown; the second equation, with that
    put in, fixes the angle. Neither search needs more than a starting point.

    Parameters
    ----------
    alignment, length
        Right sides of the two equations, of the tangent and the second unknown; the first
        increases with the second unknown.
    log_tangent, inner
        Where to start.
    """

    def mismatch(log_tangent: float) -> float:
        nonlocal inner
        tangent = math.exp(log_tangent)
        inner = root(
            lambda trial: math.log(alignment(tangent, trial) / cosine(tangent)), inner, 0.1
        )
        return math.log(sine(tangent) ** 2 / length(tangent, inner))

    log_tangent = root(mismatch, log_tangent, 0.02)
    mismatch(log_tangent)  # leaves the matching second unknown behind
    return log_tangent, inner


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


def sine(tangent: float) -> float:
    """Return p."""
    return tangent / math.hypot(1, tangent)


def cosine(tangent: float) -> float:
    """Return R."""
    return 1 / math.hypot(1, tangent)


def tail(tangent: float) -> float:
    """Return how far below zero `Dt H(-R t / p)` counts."""
    return REACH * min(tangent, 1.0)


def density(t: Array, tangent: float) -> Array:
    """Return the density of the training examples over t, of total mass 1."""
    above: Array = ndtr(t / tangent)
    return math.sqrt(2 / math.pi) * np.exp(-(t**2) / 2) * above


def rule(low: float, high: float, centres: Sequence[float], scale: float) -> tuple[Array, Array]:
    """Return nodes and weights of composite Gauss-Legendre quadrature.

    The pieces shrink geometrically towards each centre, down to an eighth of the scale: the
    integrands have kinks of very different sharpness.
    """
    doublings = max(math.ceil(math.log2((high - low) / scale)), 0)
    ladder = scale * 2.0 ** np.arange(-3, doublings + 1)
    breaks = [np.linspace(low, high, 26)]
    breaks += [np.concatenate((centre - ladder, [centre], centre + ladder)) for centre in centres]
    merged = np.concatenate(breaks)
    edges = np.unique(merged[(merged >= low) & (merged <= high)])
    half = np.diff(edges)[:, None] / 2
    nodes = edges[:-1, None] + half * (1 + _NODES)
    return nodes.ravel(), (half * _WEIGHTS).ravel()


def _kinks(norm: float, log_strength: float) -> list[float]:
    """Return where g(t) bends: at 0, at D0 = 0 from below, and where the sigmoid sets in."""
    places = [0.0]
    if log_strength < 700:
        places.append(-math.exp(log_strength) / (2 * norm))
    if log_strength > 0:
        crossing = log_strength if log_strength > 30 else math.log(math.expm1(log_strength))
        places.append((crossing - 1) / (2 * norm))
    return places


def _shift(scaled: Array, log_strength: float) -> Array:
    """Return `y = 2 lambda g`, the root of `y = K sigmoid(-(c + y))`, for c = 2 lambda t.

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


def _length_rule(tangent: float, norm: float, log_strength: float) -> tuple[Array, Array]:
    """Return nodes t over the training examples and their weights, of total mass 1."""
    scale = min(sine(tangent), 1 / norm)
    t, weight = rule(-tail(tangent), REACH, _kinks(norm, log_strength), scale)
    return t, weight * density(t, tangent)


def _alignment(load: float, norm: float, tangent: float, log_strength: float) -> float:
    """Return the right side of the first equation."""
    p = sine(tangent)
    t, weight = rule(-REACH * p, REACH * p, _kinks(norm, log_strength), min(p, 1 / norm))
    shift = _shift(2 * norm * t, log_strength)
    total = float(weight @ (shift * np.exp(-((t / p) ** 2) / 2)))
    return load * total / (2 * norm * math.pi * p)


def _length(load: float, norm: float, tangent: float, log_strength: float) -> float:
    """Return the right side of the second equation."""
    t, weight = _length_rule(tangent, norm, log_strength)
    return load * float(weight @ (_shift(2 * norm * t, log_strength) / (2 * norm)) ** 2)
