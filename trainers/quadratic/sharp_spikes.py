"""Spectrum of a spiked matrix plus Gaussian noise where the spikes are few: bulk and sharp spikes.

The bulk of `M = S + delta G` is a semicircle of scale delta. An eigenvalue s > delta of S shows
as a spike at `s + delta^2 / s`, whose eigenvector overlaps that of S by `1 - delta^2 / s^2`; others
are lost in the bulk. It holds for n / d much smaller than d, at any d.

Source
------
Baik, Ben Arous and Peche (2005), Annals of Probability 33, 1643; Benaych-Georges and Nadakuditi
(2011), Advances in Mathematics 227, 494: position and overlap of spikes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array

from . import semicircle


@dataclass(frozen=True)
class SharpSpikes:
    """Bulk and spikes; a `Cut`.

    Attributes
    ----------
    delta
        Scale of the noise.
    size, count : shape (K,)
        Eigenvalues of S, falling, and how many there are of each.
    """

    delta: float
    size: Array
    count: Array

    @property
    def d(self) -> float:
        """Return the number of eigenvalues."""
        return float(self.count.sum())

    @property
    def places(self) -> Array:
        """Return where eigenvalues beyond the bulk lie in the spectrum of M; 0 for others."""
        found: Array = np.where(self.size > self.delta, self.size + self.delta**2 / self.size, 0.0)
        return found

    @property
    def bayes(self) -> float:
        """Return the least error: eigenvalues shrunk to s times the overlap, others to zero.

        Its square is `s^2 (1 - overlap^2)`, that of the best multiple of the spike's projector.
        """
        overlap = np.where(self.size > self.delta, 1 - (self.delta / self.size) ** 2, 0.0)
        return float(self.count @ (self.size**2 * (1 - overlap**2))) / self.d

    def at(self, cutoff: ArrayLike) -> tuple[Array, Array, Array]:
        """Return error, divergence and share kept at cut-offs; see `free_sum.Cut`."""
        c = np.asarray(cutoff, dtype=float)
        s, place, delta, d = self.size, self.places, self.delta, self.d
        kept = place > c[..., None]
        left = place - c[..., None]
        shift = delta**2 / s
        spike = (left - s) ** 2 + 2 * shift * left
        each = np.where(kept, spike, s**2)
        mass, _, square = semicircle.beyond(c / delta)
        error = (each @ self.count) / d + delta**2 * square
        divergence = np.where(kept, left / s, 0.0) @ self.count / d
        bulk = semicircle.slope(c / delta) + mass / (2 * d)
        spikes = kept @ self.count / d
        return error, divergence + bulk + spikes / (2 * d), np.minimum(mass + spikes, 1.0)

    def candidates(self) -> Array:
        """Return the bulk's edge and what is above it, in order."""
        place = self.places[self.places > 2 * self.delta]
        found: Array = np.unique(
            np.concatenate([self.delta * np.geomspace(1e-3, 2.0, 120), place * (1 - 1e-9)])
        )
        return found

    def quantiles(self, d: int) -> Array:
        """Return the eigenvalues of M by rank, the largest first, shape (d,)."""
        points = np.linspace(2.0, -2.0, 2001)
        upper, _, _ = semicircle.beyond(np.abs(points))
        share = np.where(points >= 0.0, upper, 1.0 - upper)
        bulk = self.delta * np.interp((np.arange(d) + 0.5) / d, share, points)
        spikes = np.repeat(self.places, self.count.astype(int))[:d]
        found: Array = np.maximum(bulk, spikes)
        return found
