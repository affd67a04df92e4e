"""Gradient flow in theory: test and training loss at any time, number of examples and features.

The Laplace transform of the flow at p is the ridge solution at ridge p, over p. The loss is
quadratic in the solution, so that it is a double inverse transform, over two ridges p1 and p2. With
kappa_j the solution of `deterministic_equivalent` at p_j, a_j = kappa_j (1 - df1(kappa_j) / P),
g_j = kappa_j sum lambda w^2 / (lambda + kappa_j) and h_j = df1(kappa_j),

    R = (a2 g1 - a1 g2) / (a2 - a1)        G = (a2 h2 - a1 h1) / ((a2 - a1) D)
    E = (R + s2) / (1 - G) - s2            T = p1 p2 (E + s2) / (a1 a2)

and test and training loss at time t are the inverse transforms of E / (p1 p2) and T / (p1 p2) at
(t, t). For p1 = p2 the limits are the R, gamma and loss of `deterministic_equivalent`. Transforms
are inverted on Talbot's contour, where kappa is complex: its root is followed from the real axis.
A training loss below 1e-7 of that at the start would be rounding, and is NaN.

Source
------
Bordelon, Atanasov, Pehlevan (2024), arXiv:2402.01092, for the dynamics; Abate and Valko (2004),
International Journal for Numerical Methods in Engineering 60, 979, for the contour.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError

from .deterministic_equivalent import solve, sums
from .spectrum import Modes

Complex = NDArray[np.complex128]

NODES = 14
"""Nodes of the contour; from 12 to 18 they are as good, above 20 digits are lost."""
STEPS = (6, 24, 96, 384)
"""Steps on the way of kappa from the real axis; more of them where fewer have gone astray."""
NEWTON = 5
"""Steps of Newton's method at the end of the way."""
RESOLVED = 1e-7
"""Training loss over that at the start, below which it is rounding."""


class Flow(NamedTuple):
    """Losses along gradient flow, shape (time,).

    Attributes
    ----------
    test_loss
        Mean squared error on new inputs, noise left out.
    train_loss
        Mean squared residual, noise included.
    """

    test_loss: Array
    train_loss: Array


def gradient_flow(
    modes: Modes, n_train: float, n_params: float, times: ArrayLike, noise: float = 0.0
) -> Flow:
    """Return the mean losses of d theta / dt = -(1/D) Z' (Z theta - y) from theta = 0.

    Parameters
    ----------
    n_train, n_params : > 0, `inf` for infinitely many
        Examples D and features P.
    times : shape (time,), >= 0
        Gradient descent with small steps is the flow at learning rate times step.
    noise : >= 0
        Variance of the labels' noise.

    Raises
    ------
    ConfigError
        If a time is negative or not finite.

    Examples
    --------
    >>> from scalefit.trainers.random_features.spectrum import power_law
    >>> flow = gradient_flow(power_law(1000, 1.0), 64, 128, [100, 1000, 1e4])
    >>> print(flow.test_loss.round(4))  # it has a minimum
    [0.0922 0.0569 0.0611]
    """
    t = np.atleast_1d(np.asarray(times, dtype=float))
    if not (np.all(t >= 0) and np.all(np.isfinite(t))):
        raise ConfigError("argument 'times' must be finite and >= 0")
    start = float(modes.power @ modes.copies)
    test, train = np.full(t.shape, start), np.full(t.shape, start + noise)
    late = t > 0
    if math.isinf(n_train):
        test[late] = population(modes, n_params, t[late])
        train[late] = test[late] + noise
    elif late.any():
        test[late], train[late] = _double(modes, n_train, n_params, t[late], noise)
    train[train < RESOLVED * (start + noise)] = np.nan
    return Flow(test, train)


def population(modes: Modes, n_params: float, times: ArrayLike) -> Array:
    """Return the test loss of the flow on infinitely many examples.

    With all features it is sum lambda w^2 exp(-2 lambda t), for a power law [Gamma(alpha/q) / q]
    (2t)^(-alpha/q); with P of them the inverse transform of (kappa/p) sum lambda w^2 / (lambda +
    kappa) at 2t. Arguments as in `gradient_flow`, times > 0.
    """
    t = np.atleast_1d(np.asarray(times, dtype=float))
    weight = modes.power * modes.copies
    if math.isinf(n_params):
        return np.array([weight @ np.exp(-2 * modes.eigenvalue * one) for one in t])
    z, c = _contour()
    p = z / (2 * t[:, None])
    kappa = follow(modes, math.inf, n_params, p)
    g = sums(modes, kappa)[2]
    found: Array = (c * (g / p)).real.sum(1) / (2 * t)
    return found


def follow(modes: Modes, D: float, P: float, ridge: Complex) -> Complex:
    """Return the complex kappa of complex ridges: that of |ridge|, turned to its phase by steps.

    Each step goes along the tangent, and by Newton's method to ridge = kappa (1 - df1/D)
    (1 - df1/P). Its phase stays between 0 and that of the ridge; where it does not, the path has
    jumped to another root, and is followed again by smaller steps.
    """
    size, phase = np.abs(ridge).ravel(), np.angle(ridge).ravel()
    sizes = np.full(size.shape, float(D)), np.full(size.shape, float(P))
    real = solve(modes, *sizes, size).astype(complex)
    kappa, left = real.copy(), np.arange(size.size)
    for steps in STEPS:
        kappa[left] = _turned(modes, D, P, real[left], size[left], phase[left], steps)
        share = np.angle(kappa) * np.sign(phase) / np.maximum(np.abs(phase), 1e-300)
        off = (share < -1e-9) | (share > 1 + 1e-9) | ~np.isfinite(kappa)
        left = np.flatnonzero(off & (phase != 0))
        if not left.size:
            break
    kappa[left] = np.nan
    return kappa.reshape(ridge.shape)


def _turned(
    modes: Modes, D: float, P: float, kappa: Complex, size: Array, phase: Array, steps: int
) -> Complex:
    """Return kappa where ridges of this size have turned to their phase, NaN where it is none."""
    off = np.zeros(size.shape, dtype=complex)
    slope = np.ones_like(off)
    wanted = size.astype(complex)
    for step in range(steps + 1):
        turned = size * np.exp(1j * phase * (step / steps))
        if step:
            kappa = kappa + (turned - wanted) / slope
        wanted = turned
        for _ in range(NEWTON if step == steps else 1):
            df1, df2 = sums(modes, kappa)[:2]
            x, y = 1 - df1 / D, 1 - df1 / P
            slope = x * y + (df1 - df2) * (y / D + x / P)
            off = (kappa * x * y - wanted) / slope
            kappa = kappa - off
    found: Complex = np.where(np.abs(off) < 1e-9 * np.abs(kappa), kappa, np.nan)
    return found


def _double(modes: Modes, D: float, P: float, t: Array, noise: float) -> tuple[Array, Array]:
    """Return test and training loss by the double transform."""
    z, c = _contour()
    c = np.concatenate([c[1:].conj()[::-1] / 2, [c[0]], c[1:] / 2])  # the conjugate nodes as well
    z = np.concatenate([z[1:].conj()[::-1], z])
    upper = len(z) // 2
    p = z / t[:, None]
    half = follow(modes, D, P, p[:, upper:])
    kappa: Complex = np.concatenate([half[:, 1:].conj()[:, ::-1], half], axis=1)
    df1, df2, g, square = sums(modes, kappa)
    a = kappa * (1 - df1 / P)
    rho = (1 - df1 / P) / (1 - df2 / P)

    def pairs(same: Complex, cross: Complex) -> Complex:
        diagonal = np.arange(len(z))
        cross[:, diagonal, diagonal] = same
        return cross

    one, two = (slice(None), slice(None), None), (slice(None), None, slice(None))
    apart = a[two] - a[one]
    diagonal = np.arange(len(z))
    apart[:, diagonal, diagonal] = 1.0
    R = pairs(g - rho * square, (a[two] * g[one] - a[one] * g[two]) / apart)
    G = pairs(df1 - rho * (df1 - df2), (a[two] * df1[two] - a[one] * df1[one]) / apart) / D
    whole = (R + noise) / (1 - G)
    weight = c[:, None] * c
    test = (weight * (whole - noise) / (p[one] * p[two])).sum((1, 2)).real / t**2
    train = (weight * whole / (a[one] * a[two])).sum((1, 2)).real / t**2
    return test, train


def _contour() -> tuple[Complex, Complex]:
    """Return nodes z and weights c: f(t) is the real part of sum c F(z/t) / t.

    The first node is real; the others stand for their conjugates as well.
    """
    theta = np.arange(1, NODES) * np.pi / NODES
    r = 2 * NODES / 5
    cot = 1 / np.tan(theta)
    z = np.concatenate([[r], r * theta * (cot + 1j)])
    slope = 1 + 1j * theta * (1 + cot**2) - 1j * cot
    c = np.concatenate([[0.5], slope]) * np.exp(z) * 2 / 5
    return np.asarray(z, dtype=complex), np.asarray(c, dtype=complex)
