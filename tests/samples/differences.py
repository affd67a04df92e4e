"""Derivatives by differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scalefit.arrays import Array


def second_differences(function: Callable[[Array], Array], z: Array, step: float = 1e-3) -> Array:
    """Return the second derivatives, shape (d, d), of a function of rows at one point (d,)."""
    shifts = step * np.eye(z.size)
    found = np.empty((z.size, z.size))
    for i, j in np.ndindex(found.shape):
        signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
        values = function(np.array([z + a * shifts[i] + b * shifts[j] for a, b in signs]))
        found[i, j] = (values[0] - values[1] - values[2] + values[3]) / (4.0 * step**2)
    return found
