"""Shapes of tails: power law, shifted and truncated power law, log-normal and exponential.

With z = log(x / cut-off), each shape has the density h(z) / Z, where h is 1 at the cut-off. Over
the values of a tail log h adds up to J - a s, with a steepness a > 0 that all shapes have, under
the same prior, and sums s and J that have no a in them. What a shape has besides lies on a grid:
the ratio of shift or end to the cut-off, or a width in log x.

| shape | density of x above the cut-off | source |
| --- | --- | --- |
| power law | x^-(1 + a) | Pareto (1896) |
| shifted power law | (x + shift)^-(1 + a (1 + shift / cut-off)) | Lomax (1954) |
| truncated power law | x^-(1 + a) exp(-x / end) | Clauset, Shalizi and Newman (2009), table 2.1 |
| log-normal | x^-(1 + a) exp(-log^2(x / cut-off) / (2 width^2)) | the same, about the cut-off |
| exponential | exp(-a x / cut-off) | the same |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx

from scalefit.arrays import Array

RATIOS = 20
"""Values of what a shape has besides its steepness."""
WIDTHS = 2.5
"""Standard deviations of the prior of a ratio that its grid goes, each way."""
LOG_A = np.linspace(-6.0, 5.0, 289)
"""Where log Z is tabulated."""
LEGENDRE = np.polynomial.legendre.leggauss(32)
FALL = 36.0
"""Decay of a density in e-folds after which the rest is left out."""


@dataclass(frozen=True)
class Tails:
    """Values above cut-offs, one tail for each.

    Attributes
    ----------
    u : shape (n,)
        All log values, ascending.
    cutoffs : shape (m,)
        On the same scale.
    """

    u: Array
    cutoffs: Array

    @property
    def k(self) -> Array:
        """Number of values of each tail, shape (m, 1)."""
        return (self.u.size - np.searchsorted(self.u, self.cutoffs)).astype(float)[:, None]

    @property
    def z(self) -> Array:
        """Sums of z, shape (m, 1)."""
        return self.above(self.u) - self.k * self.cutoffs[:, None]

    @property
    def excess(self) -> Array:
        """Sums of x / cut-off - 1, shape (m, 1)."""
        return self.above(np.exp(self.u)) * np.exp(-self.cutoffs)[:, None] - self.k

    def above(self, values: Array) -> Array:
        """Return sums over each tail, shape (m, j), of values of shape (n,) or (j, n)."""
        sums = np.cumsum(np.atleast_2d(values)[:, ::-1], axis=1)[:, ::-1]
        return sums[:, np.searchsorted(self.u, self.cutoffs)].T


@dataclass(frozen=True)
class Sums:
    """What a shape says of data: s, J, and the slope p a + q below its cut-off, (m, ratios)."""

    s: Array
    extra: Array
    p: Array
    q: Array


@dataclass(frozen=True)
class Shape:
    """One shape of a tail.

    Attributes
    ----------
    name
        As tables show it.
    besides
        The parameter beside the steepness; "" if there is none.
    log_ratio
        Prior mean and standard deviation of the log of its ratio.
    sums
        From tails and ratios, shape (m, ratios), to what it says of the data.
    normaliser
        From steepness and ratio to log Z, and mean and variance of a value's part of s.
    power
        Whether it has an exponent.
    """

    name: str
    besides: str
    log_ratio: tuple[float, float]
    sums: Callable[[Tails, Array], Sums]
    normaliser: Callable[[Array, Array], tuple[Array, Array, Array]]
    power: bool = True

    def ratios(self, tails: Tails) -> tuple[Array, Array]:
        """Return the ratios and the logs of their prior weights, each of shape (m, ratios)."""
        m = tails.cutoffs.size
        if not self.besides:
            return np.ones((m, 1)), np.zeros((m, 1))
        mean, sd = self.log_ratio
        if self.besides == "shift":  # the same shifts for all cut-offs, so that sums are shared
            low, high = tails.u[0] - WIDTHS * sd, tails.u[-1] + sd
            log = np.linspace(low, high, RATIOS + 8) - tails.cutoffs[:, None]
        else:
            log = np.tile(mean + sd * np.linspace(-WIDTHS, WIDTHS, RATIOS), (m, 1))
        weight = np.log((log[0, 1] - log[0, 0]) / (sd * np.sqrt(2.0 * np.pi)))
        return np.exp(log), weight - 0.5 * ((log - mean) / sd) ** 2

    def table(self, ratios: Array) -> Array:
        """Return log Z, mean and variance at `LOG_A`, shape (3, ratios, places)."""
        if self.normaliser is _plain:
            ratios = ratios[:1]
        return np.stack(self.normaliser(np.exp(LOG_A)[None, :], ratios[:, None]))


def _plain(a: Array, ratio: Array) -> tuple[Array, Array, Array]:
    del ratio
    return -np.log(a), 1.0 / a, a**-2.0


def _curved(a: Array, width: Array) -> tuple[Array, Array, Array]:
    """Return those of exp(-a z - z^2 / (2 width^2)), by the scaled complementary error function."""
    t = a * width
    z = np.sqrt(0.5 * np.pi) * erfcx(t / np.sqrt(2.0))
    hazard = 1.0 / z  # of the normal at t
    far = t > 300.0
    centre = np.where(far, 1.0 / t, hazard - t)
    spread = np.where(far, t**-2.0, 1.0 - hazard * (hazard - t))
    return np.log(z * width), width * centre, width**2 * spread


def _ended(a: Array, end: Array) -> tuple[Array, Array, Array]:
    """Return those of exp(-a z - (e^z - 1) / end), by quadrature over z."""
    a, end = np.broadcast_arrays(a, end)
    nodes, weights = LEGENDRE
    far = np.minimum(FALL / a, np.log1p(FALL * end))
    z = 0.5 * far[..., None] * (nodes + 1.0)
    f = np.exp(-a[..., None] * z - np.expm1(z) / end[..., None]) * weights
    total = f.sum(axis=-1)
    centre = (f * z).sum(axis=-1) / total
    spread = (f * (z - centre[..., None]) ** 2).sum(axis=-1) / total
    return np.log(0.5 * far * total), centre, spread


def _power(tails: Tails, ratio: Array) -> Sums:
    one = np.ones_like(ratio)
    return Sums(tails.z * one, 0.0 * one, one, 0.0 * one)


def _shifted(tails: Tails, ratio: Array) -> Sums:
    shift = ratio[0] * np.exp(tails.cutoffs[0])
    sums = tails.above(np.log(np.exp(tails.u) + shift[:, None]))
    s = sums - tails.k * np.log(np.exp(tails.cutoffs)[:, None] + shift)
    q = 1.0 / (1.0 + ratio) - 1.0
    return Sums(s * (1.0 + ratio), tails.z - s, np.ones_like(ratio), q)


def _truncated(tails: Tails, end: Array) -> Sums:
    one = np.ones_like(end)
    return Sums(tails.z * one, -tails.excess / end, one, 1.0 / end)


def _normal(tails: Tails, width: Array) -> Sums:
    middle, one = tails.u.mean(), np.ones_like(width)
    t = tails.cutoffs[:, None] - middle
    square = tails.above((tails.u - middle) ** 2) - tails.k * t**2 - 2.0 * t * tails.z
    return Sums(tails.z * one, -0.5 * np.maximum(square, 0.0) / width**2, one, 0.0 * one)


def _exponential(tails: Tails, ratio: Array) -> Sums:
    one = np.ones_like(ratio)
    return Sums(tails.excess * one, tails.z * one, one, -one)


SHAPES = (
    Shape("power law", "", (0.0, 1.0), _power, _plain),
    Shape("shifted power law", "shift", (0.0, 1.5), _shifted, _plain),
    Shape("truncated power law", "end", (3.0, 2.0), _truncated, _ended),
    Shape("log-normal", "width", (0.3, 1.0), _normal, _curved, power=False),
    Shape("exponential", "", (0.0, 1.0), _exponential, _plain, power=False),
)
"""Shapes that are compared, the first of which is asked for."""
