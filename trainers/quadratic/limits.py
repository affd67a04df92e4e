"""Limits of the quadratic network's excess risk: its peak, its tail, and what overfitting costs.

Source
------
arXiv 2509.24882 (2025) for the powers; the prefactors follow from the state evolution.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array
from scalefit.trainers.weight_decay.roots import root

from . import semicircle

ALL_RESOLVED = 0.5
"""Limit of `risk n_eff / (d Delta)` in region VIb: least squares on d (d + 1) / 2 numbers."""
BULK = 0.25
"""The same in region VIa, where half of the noise is negative, and gone."""


def peak(noise: ArrayLike) -> Array:
    """Return the limit of `risk lambda^(2/3)` at n = d^2 / 4 and small lambda."""
    variance = np.asarray(noise, dtype=float)
    found: Array = (3 * math.pi * variance**2 / 32) ** (2 / 3)
    return found


def interpolation(share: ArrayLike, noise: ArrayLike = 1.0) -> Array:
    """Return the risk of fitting pure noise without weight decay.

    Parameters
    ----------
    share : > 0
        n / d^2. Below 1/4 noise is interpolated, and the risk begins as
        `(2 / 7) (15 pi n / (4 d^2))^(2/5) Delta`; beyond, it is `Delta / (4 n / d^2 - 1)`. A
        teacher's own part comes on top, and what is resolved of it keeps all of its noise.
    noise : >= 0
        Variance Delta of the labels.
    """
    few = np.asarray(share, dtype=float)
    flat = np.minimum(few.ravel(), 0.25)

    def crowded(log_gap: Array) -> Array:
        found: Array = semicircle.slope(2.0 - np.exp(log_gap)) - flat
        return found

    low = np.full(flat.size, math.log(2.0) - 40.0)
    gap = np.exp(root(crowded, low, np.full(flat.size, math.log(2.0))))
    _, _, square = semicircle.beyond(2.0 - gap)
    part = (square / (2 * few.ravel())).reshape(few.shape)
    with np.errstate(divide="ignore"):
        found: Array = np.asarray(noise, dtype=float) * part / (1 - part)
    return np.where(few == 0.25, np.inf, found)
