"""Rounding: what a value that was rounded says of the one before."""

from __future__ import annotations

import numpy as np

from scalefit.arrays import Array


def interval(y: Array, grain: float) -> tuple[Array, Array]:
    """Return the logs of the ends of what was rounded to each y, shape (n,) both.

    A y below half the grain stands for one that was rounded to 0: its interval begins there.
    """
    nothing = y < 0.5 * grain
    with np.errstate(divide="ignore"):
        low = np.where(nothing, -np.inf, np.log(np.maximum(y - 0.5 * grain, 0.0)))
    return low, np.log(np.where(nothing, 0.5 * grain, y + 0.5 * grain))


def standing(grain: float) -> float:
    """Return the y that stands for one that was rounded to 0."""
    return 0.25 * grain


def spread(y: Array, grain: float) -> Array:
    """Return the standard deviation that rounding gives to each log y, to first order."""
    return np.asarray(grain / np.sqrt(12.0) / y)
