"""Limits of the diagonal network's excess risk: its peak, its tail, and what overfitting costs.

Source
------
arXiv 2509.24882 (2025) for the powers; the prefactors follow from the state evolution.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from scalefit.arrays import Array
from scalefit.trainers.weight_decay.roots import root


def peak(noise: ArrayLike) -> Array:
    """Return the limit of `risk lambda^(2/3)` at n = d and small lambda."""
    variance = np.asarray(noise, dtype=float)
    found: Array = (math.sqrt(2 * math.pi) * variance**2 / 8) ** (2 / 3)
    return found


def interpolation(n: ArrayLike, d: float, noise: ArrayLike) -> Array:
    """Return the risk of fitting pure noise without weight decay.

    For n > d that of least squares, `Delta d / (n - d)`: it is the whole risk, whatever the
    teacher, and Delta d / n far beyond, in regions VIa and VIb. For n < d that of the interpolation
    of least norm, about `Delta / log(d / n)`; the teacher's own part comes on top. Infinite at
    n = d.
    """
    many, variance = np.broadcast_arrays(np.asarray(n, dtype=float), np.asarray(noise, dtype=float))
    few = np.minimum(many / d, 1.0)

    def crowded(a: Array) -> Array:
        return 2 * ndtr(-a) - few.ravel()

    a = root(crowded, np.zeros(few.size), np.full(few.size, 38.0)).reshape(few.shape)
    density = np.exp(-(a**2) / 2) / math.sqrt(2 * math.pi)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 2 / few * ((1 + a**2) * ndtr(-a) - a * density)
        below = share / (1 - share)
        found: Array = variance * np.where(many < d, below, d / (many - d))
    return np.where(many == d, np.inf, found)
