"""Semicircle law on [-2, 2]: its moments beyond a point, accurate up to the edge.

Source
------
Density sqrt(4 - x^2) / (2 pi), Wigner (1958), Annals of Mathematics 67, 325.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import roots_jacobi

from scalefit.arrays import Array

_NODES, _WEIGHTS = roots_jacobi(80, 0.5, 0.0)


def beyond(point: ArrayLike) -> tuple[Array, Array, Array]:
    """Return mass, mean excess and mean squared excess beyond points in [0, infinity).

    Returns
    -------
    mass, excess, square : each of the shape of `point`
        `int (x - a)_+^k` over the law, k = 0, 1, 2.
    """
    a = np.clip(np.asarray(point, dtype=float), 0.0, 2.0)
    width = (2.0 - a)[..., None]
    above = width * (1.0 + _NODES) / 2.0  # x - a; the node 1 is the edge
    weight = _WEIGHTS * (width / 2.0) ** 1.5 * np.sqrt(a[..., None] + 2.0 + above) / (2.0 * math.pi)
    return weight.sum(-1), (weight * above).sum(-1), (weight * above**2).sum(-1)


def slope(point: ArrayLike) -> Array:
    """Return `int (x - a)_+ x / 2` over the law, the divergence of its threshold at a."""
    a = np.minimum(np.asarray(point, dtype=float), 2.0)
    _, excess, square = beyond(a)
    found: Array = (square + a * excess) / 2.0
    return found
