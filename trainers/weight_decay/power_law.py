"""Power-law sizes i^-gamma, the small ones in bins, so that 1e8 of them cost no more than 1e5."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import zeta

from scalefit.arrays import Array

EXACT = 400
"""Sizes that are kept one by one; the others go into bins of the logarithm of their number."""
BIN = 1.02
"""Ratio of the ends of a bin."""


def power_law(d: int, gamma: float) -> tuple[Array, Array]:
    """Return the sizes of d numbers that fall as i^-gamma, and how many have each.

    Parameters
    ----------
    d : >= 1
        How many.
    gamma : > 1/2
        Exponent.

    Returns
    -------
    size, count : shape (K,)
        A bin's size keeps its sum of squares.
    """
    edges = np.arange(1.0, min(d, EXACT) + 2)
    if d > EXACT:
        more = np.geomspace(EXACT + 1, d + 1, math.ceil(math.log(d / EXACT, BIN)) + 1)
        edges = np.concatenate([edges[:-1], np.unique(np.rint(more))])
    first, last = edges[:-1], edges[1:]
    count = last - first
    square = (zeta(2 * gamma, first) - zeta(2 * gamma, last)) / count
    alone = count == 1
    square[alone] = first[alone] ** (-2 * gamma)
    return np.sqrt(square), count
