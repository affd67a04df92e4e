"""Spectrum of a matrix with known eigenvalues plus Gaussian noise, and of what a cut leaves of it.

`M = S + delta G`, G symmetric with a semicircle on [-2, 2]; `S_hat = (M - c)_+` in its eigenvalues.
For every real u there is one v(u) >= 0 with `mean 1 / ((u - s)^2 + v^2) = 1 / delta^2`, or v = 0
where the mean is smaller at v = 0. The spectrum has density `v / (pi delta^2)` at
`x = u + h`, `h = delta^2 mean (u - s) / ((u - s)^2 + v^2)`, which is delta^2 times the Hilbert
transform H of the density. An eigenvector at x sees S with mean `x - 2 h` and variance
`delta^2 - v^2 - h^2`.

Source
------
Biane (1997), Indiana University Mathematics Journal 46, 705: u and v. Bun, Allez, Bouchaud and
Potters (2016), IEEE Transactions on Information Theory 62, 7475: mean and variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array
from scalefit.trainers.weight_decay.roots import Function

ENTRIES = 2**22
"""Numbers of a table of nodes by eigenvalues that are worked on at once."""
NODES = 14
"""Nodes of a part of the spectrum with a single eigenvalue, at least."""
MORE = 4
"""Further nodes for each eigenvalue in a part."""
MANY = 800
"""Nodes of a part, at most."""


class Cut(Protocol):
    """What a noise of size delta makes of a teacher, for any cut-off."""

    @property
    def delta(self) -> float:
        """Return the scale of the noise."""
        ...

    @property
    def bayes(self) -> float:
        """Return the least mean squared error of all estimates, `mean Var[s | x]`."""
        ...

    def at(self, cutoff: ArrayLike) -> tuple[Array, Array, Array]:
        """Return error, divergence and share kept at cut-offs.

        Returns
        -------
        error
            `|S_hat - S|_F^2 / d`.
        divergence
            Of S_hat by M, over d^2.
        share
            Of eigenvalues that are kept.
        """
        ...

    def candidates(self) -> Array:
        """Return cut-offs among which the best one is looked for, in order."""
        ...

    def quantiles(self, d: int) -> Array:
        """Return the eigenvalues of M by rank, the largest first, shape (d,)."""
        ...


@dataclass(frozen=True)
class FreeSum:
    """The spectrum by nodes, with running integrals.

    Attributes
    ----------
    delta
        Scale of the noise.
    d
        Number of eigenvalues of S.
    x : shape (J,)
        Nodes, in order.
    sums : shape (5, J)
        Integrals from the left up to every node, of the density times 1, h, 3 h^2 + delta^2 - v^2,
        (x h), and the second moment of S given x.
    totals : shape (5,)
        The same over everything.
    bayes
        Mean variance of S given x.
    """

    delta: float
    d: int
    x: Array
    sums: Array
    totals: Array
    bayes: float

    def at(self, cutoff: ArrayLike) -> tuple[Array, Array, Array]:
        """Return error, divergence and share kept at cut-offs; see `Cut`."""
        c = np.asarray(cutoff, dtype=float)
        left = np.array([np.interp(c, self.x, one, left=0.0) for one in self.sums])
        totals = self.totals.reshape(-1, *[1] * c.ndim)
        left = np.where(c >= self.x[-1], totals, left)
        mass, shift, square, product, _ = totals - left
        mass = np.maximum(mass, 0.0)
        error = square - 4.0 * c * shift + c**2 * mass + left[4]
        divergence = (product - c * shift) / self.delta**2 + mass / (2.0 * self.d)
        return error, divergence, mass

    def candidates(self) -> Array:
        """Return the nodes that are positive, and cut-offs of the size of the noise and below."""
        small = self.delta * np.geomspace(1e-3, 2.0, 60)
        return np.unique(np.concatenate([small, self.x[self.x > 0.0]]))

    def quantiles(self, d: int) -> Array:
        """Return the eigenvalues of M by rank, the largest first, shape (d,)."""
        ranks = (d - 0.5 - np.arange(d)) / d
        found: Array = np.interp(ranks, self.sums[0] / self.totals[0], self.x)
        return found


def free_sum(eigenvalues: Array, delta: float) -> FreeSum:
    """Return the spectrum of S with these eigenvalues, plus noise.

    Parameters
    ----------
    eigenvalues : shape (d,), falling
        Of S.
    delta : > 0
        Scale of the noise.
    """
    u, span = _nodes(eigenvalues, delta)
    square = _square(u, eigenvalues, delta)
    h, slope = _shift(u, square, eigenvalues, delta)
    x = u + h
    mass = np.sqrt(square) / (math.pi * delta**2) * slope * span
    variance = np.maximum(delta**2 - square - h**2, 0.0)
    seen = 2 * u - x
    parts = mass * np.stack(
        [
            np.ones_like(x),
            h,
            3 * h**2 + delta**2 - square,
            x * h,
            seen**2 + variance,
        ]
    )
    # the quadrature's own error in the total mass is taken out
    parts /= parts[0].sum()
    sums = np.cumsum(parts, axis=1) - parts / 2
    share = parts[0]
    return FreeSum(delta, eigenvalues.size, x, sums, parts.sum(axis=1), float(share @ variance))


def _nodes(s: Array, delta: float) -> tuple[Array, Array]:
    """Return u at the nodes of all parts, and the length that each stands for; both (J,)."""
    lows, highs, counts = _parts(s, delta)
    u, span = [], []
    for low, high, count in zip(lows, highs, counts, strict=True):
        nodes = min(NODES + MORE * int(count), MANY)
        angle = (np.arange(nodes) + 0.5) * math.pi / nodes
        half = (high - low) / 2
        u.append(low + half * (1 - np.cos(angle)))
        span.append(half * np.sin(angle) * math.pi / nodes)
    return np.concatenate(u), np.concatenate(span)


def _parts(s: Array, delta: float) -> tuple[Array, Array, Array]:
    """Return the ends in u of the parts of the spectrum, rising, and how many eigenvalues each has.

    Between two eigenvalues the mean of 1 / (u - s)^2 is convex; where its least value is below
    1 / delta^2 the spectrum has a gap.
    """
    atoms, counts = np.unique(s, return_counts=True)
    limit = s.size / delta**2

    def mean(u: Array) -> Array:
        return _summed(u, s, lambda gap: 1.0 / gap**2)

    edges_low = _edge(mean, atoms[:1] - delta * 1.001, atoms[:1], limit)
    edges_high = _edge(mean, atoms[-1:] + delta * 1.001, atoms[-1:], limit)
    low, high = atoms[:-1], atoms[1:]
    wide = high - low > 2 * delta / math.sqrt(s.size) * 0.99
    low, high = low[wide], high[wide]
    left, right = low.copy(), high.copy()
    for _ in range(60):
        middle = (left + right) / 2
        falling = _summed(middle, s, lambda gap: -1.0 / gap**3) < 0.0
        left, right = np.where(falling, middle, left), np.where(falling, right, middle)
    least = (left + right) / 2
    open_gap = mean(least) < limit
    low, high, least = low[open_gap], high[open_gap], least[open_gap]
    starts = np.concatenate([edges_low, _edge(mean, least, high, limit)])
    ends = np.concatenate([_edge(mean, least, low, limit), edges_high])
    upto = np.cumsum(counts)[np.searchsorted(atoms, np.concatenate([low, atoms[-1:]]))]
    return starts, ends, np.diff(upto, prepend=0)


def _edge(mean: Function, outside: Array, inside: Array, limit: float) -> Array:
    """Return where the mean passes the limit, between a place below it and an eigenvalue."""
    far, near = outside.copy(), inside.copy()
    for _ in range(52):
        middle = (far + near) / 2
        below = mean(middle) < limit
        far, near = np.where(below, middle, far), np.where(below, near, middle)
    return near


def _summed(u: Array, s: Array, function: Function) -> Array:
    """Return the sum over eigenvalues of a function of u - s, shape of u."""
    size = max(ENTRIES // s.size, 1)
    parts = [u[at : at + size, None] - s for at in range(0, u.size, size)]
    with np.errstate(divide="ignore"):
        return np.concatenate([function(one).sum(axis=1) for one in parts] or [u])


def _square(u: Array, s: Array, delta: float) -> Array:
    """Return v^2 at every u; one over the mean is concave, so Newton's steps stay below."""

    def solved(gap: Array) -> Array:
        w: Array
        far = gap**2
        w = np.maximum(delta**2 / s.size - far.min(axis=1), 0.0)
        w = np.where(w > 0.0, w, 1e-300)
        for _ in range(60):
            each = 1.0 / (far + w[:, None])
            mean = each.mean(axis=1)
            step = (mean * delta**2 - 1.0) * mean / (each**2).mean(axis=1)
            w = np.maximum(w + step, 1e-300)
            if np.all(np.abs(step) <= 1e-11 * (w + 1e-3 * delta**2 / s.size)):
                break
        return w

    size = max(ENTRIES // s.size, 1)
    return np.concatenate([solved(u[at : at + size, None] - s) for at in range(0, u.size, size)])


def _shift(u: Array, square: Array, s: Array, delta: float) -> tuple[Array, Array]:
    """Return h and dx / du at every u.

    With K = 1 / ((u - s)^2 + w) and w(u) held to `mean K = 1 / delta^2`, the derivative of
    h = delta^2 mean (u - s) K follows from that of w.
    """
    size = max(ENTRIES // s.size, 1)
    found = []
    for at in range(0, u.size, size):
        gap = u[at : at + size, None] - s
        k = 1.0 / (gap**2 + square[at : at + size, None])
        two = k**2
        first, second, third = two.mean(axis=1), (gap * two).mean(axis=1), (gap**2 * two).mean(1)
        w_slope = -2.0 * second / first
        slope = 2.0 + delta**2 * (-2.0 * third - w_slope * second)
        found.append((delta**2 * (gap * k).mean(axis=1), slope))
    return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])
