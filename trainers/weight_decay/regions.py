"""Regions of weight decay against data, and the exponent of the excess risk in each.

Three lengths decide, in units of the teacher's largest weight: the threshold h of weight decay, the
noise g in which a weight is seen, and the smallest weight d^-gamma. With N = `n_eff`,

    diagonal   h = lambda sqrt(d) / N,      g = sqrt(Delta / N),
    quadratic  h = lambda sqrt(d) / (4 N),  g = sqrt(Delta / (4 N)).

Boundaries are where two of them are equal; state evolution crosses over there within a factor of
order one.

Source
------
arXiv 2509.24882 (2025); the exponents hold by state evolution. Numbers of regions are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalefit.arrays import Array

WORDS = {
    "I": "null: all weights are zero",
    "II": "over-regularised: what is below the threshold is lost",
    "III": "all is learned, less the threshold",
    "IV": "interpolation: spikes above a bulk of noise",
    "V": "peak of interpolation",
    "VIa": "bulk of noise and power-law spikes",
    "VIb": "power law, all above the noise",
    "noiseless": "what is not resolved is the noise",
}
"""What each region is."""
ORDER = tuple(WORDS)
"""Regions in the order of their numbers in `number`."""


@dataclass(frozen=True)
class Problem:
    """What decides about regions, besides data and weight decay.

    Attributes
    ----------
    d, gamma, noise
        As in the settings.
    peak
        Place of the peak of interpolation, `n_eff` over d.
    """

    d: int
    gamma: float
    noise: float
    peak: float

    def threshold(self, n_eff: ArrayLike, weight_decay: ArrayLike) -> Array:
        """Return h."""
        decay = np.asarray(weight_decay, dtype=float)
        found: Array = decay * np.sqrt(self.d) * self.peak / np.asarray(n_eff, dtype=float)
        return found

    def resolution(self, n_eff: ArrayLike) -> Array:
        """Return g, label noise or what is not resolved, whichever is larger."""
        many = np.asarray(n_eff, dtype=float)
        unresolved = np.where(many < self.peak * self.d, many ** (1 - 2 * self.gamma), 0.0)
        found: Array = np.sqrt(self.peak * np.maximum(self.noise, unresolved) / many)
        return found

    def number(self, n_eff: ArrayLike, weight_decay: ArrayLike) -> NDArray[np.int64]:
        """Return the place in `ORDER` of every region; the arguments are broadcast."""
        many, decay = np.broadcast_arrays(
            np.asarray(n_eff, dtype=float), np.asarray(weight_decay, dtype=float)
        )
        h, g, least = self.threshold(many, decay), self.resolution(many), self.d**-self.gamma
        apart = np.abs(many / (self.peak * self.d) - 1)
        few = many < self.peak * self.d
        clean = few & (many ** (1 - 2 * self.gamma) > self.noise)
        chosen = [
            (h > 1.0, "I"),
            ((h > g) & (h > least), "II"),
            (h > g, "III"),
            (clean, "noiseless"),
            ((apart < decay ** (2 / 3)) & (apart < 0.5) & (decay < 1.0) & (self.noise > 0), "V"),
            (few, "IV"),
            (g > least, "VIa"),
        ]
        conditions = [condition for condition, _ in chosen]
        places = [ORDER.index(name) for _, name in chosen]
        found: NDArray[np.int64] = np.select(conditions, places, ORDER.index("VIb"))
        return found

    def region(self, n_eff: ArrayLike, weight_decay: ArrayLike) -> NDArray[np.str_]:
        """Return the name of every region."""
        return np.array(ORDER)[self.number(n_eff, weight_decay)]

    def exponent(self, n_eff: ArrayLike, weight_decay: ArrayLike) -> Array:
        """Return the asymptotic exponent of the excess risk in n, NaN at the peak."""
        inside = np.array([exponents(self.gamma).get(name, np.nan) for name in ORDER])
        return inside[self.number(n_eff, weight_decay)]


def exponents(gamma: float) -> dict[str, float]:
    """Return the exponent in n of every region, and that of the best weight decay.

    The peak has none; there the risk falls as lambda^(-2/3). In region IV the risk ends in the
    plateau, or the rise, of overfitting.
    """
    return {
        "I": 0.0,
        "II": 2 - 1 / gamma,
        "III": 2.0,
        "IV": 1 - 1 / (2 * gamma),
        "VIa": 1.0,
        "VIb": 1.0,
        "noiseless": 2 * gamma - 1,
        "optimum": 1 - 1 / (2 * gamma),
    }
