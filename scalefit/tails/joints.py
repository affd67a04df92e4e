"""Joints: how the body meets the tail, abruptly or by a shoulder.

Where they meet abruptly, the density may jump and bend at the cut-off. A shoulder of some length
begins with the value and the slope of the tail, and bends away below the cut-off: at the distance d
in log x its density is the tail's, gone on, times exp(-bend g(d)), where g(d) = exp(-d) - 1 + d is
smooth, as in the test of Clauset, Shalizi and Newman (2009, SIAM Review 51, 661, eq. 3.10), or
g(d) = d is a corner. Half of the prior is for an abrupt joint, the rest in equal parts for
shoulders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalefit.arrays import Array

LENGTHS = (0.3, 0.6, 1.2, 2.4)
BENDS = (-2.0, 1.0, 2.5, 6.0)
"""Changes of slope, in units of an exponent; a shoulder of a negative one lies above the tail."""
LEAST = 0.3
"""Change of log density along a shoulder, at least: a weaker one is as good as the tail."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True)
class Joints:
    """All joints that are weighed; the first is abrupt.

    Attributes
    ----------
    length, bend : shape (joints,)
        In log x, and in units of an exponent.
    corner : shape (joints,)
        Whether the shoulder begins with a corner.
    """

    length: Array
    bend: Array
    corner: Array

    @property
    def log_prior(self) -> Array:
        """Log prior probability of each."""
        found = np.full(self.length.size, -np.log(2.0 * (self.length.size - 1)))
        found[0] = -np.log(2.0)
        return found

    def nodes(self) -> tuple[Array, Array]:
        """Return nodes along each shoulder, and their weights times the bend's factor."""
        d = 0.5 * self.length[:, None] * (NODES + 1.0)
        weight = 0.5 * self.length[:, None] * WEIGHTS
        return d, weight * np.exp(-self.bend[:, None] * self._bent(d))

    def sums(self, u: Array, cutoffs: Array) -> tuple[Array, Array, Array, Array]:
        """Return where shoulders begin, and numbers, sums of d and of bend g(d) of their values.

        Parameters
        ----------
        u : shape (n,)
            Log values, ascending.
        cutoffs : shape (m,)
            On the same scale; all results have shape (m, joints).
        """
        t = cutoffs[:, None]
        low = np.minimum(np.maximum(t - self.length, u[0]), t)
        first, last = np.searchsorted(u, low), np.searchsorted(u, t)
        middle = u.mean()
        plain = np.concatenate([[0.0], np.cumsum(u - middle)])
        grown = np.concatenate([[0.0], np.cumsum(np.exp(u - middle))])
        k = (last - first).astype(float)
        d = k * (t - middle) - (plain[last] - plain[first])
        smooth = (grown[last] - grown[first]) * np.exp(middle - t) - k + d
        return low, k, d, self.bend * np.where(self.corner, d, smooth)

    def _bent(self, d: Array) -> Array:
        return np.where(self.corner[:, None], d, np.expm1(-d) + d)


def every() -> Joints:
    """Return the abrupt joint, and shoulders of all lengths, bends and kinds."""
    kinds = np.array([(one, b, c) for one in LENGTHS for b in BENDS for c in (0.0, 1.0)]).T
    length, bend, corner = kinds
    strong = np.abs(bend) * np.where(corner > 0, length, np.expm1(-length) + length) >= LEAST
    length, bend, corner = np.hstack([np.zeros((3, 1)), kinds[:, strong]])
    return Joints(length, bend, corner > 0)
