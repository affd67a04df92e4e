"""Grain: what y was rounded to, where that is coarser than its noise."""

from __future__ import annotations

import numpy as np

from scalefit.arrays import Array
from scalefit.laws.rounding import spread, standing
from scalefit.wording import compact, counted

MATTERS = 0.5
"""What rounding gives to log y, in units of the noise, above which it matters at a point,"""
COARSE = 0.01
"""and what it gives at least."""
SHARE = 0.1
"""Share of the points at which it must matter."""
FEWEST = 8
MOST = 1e6
"""Largest y, in units of the grain, at which multiples can be told from other numbers."""
NEAR = 30.0
"""How many grains the neighbours of a 0 may have, if it is to be the rounding of something."""


def grain(x: Array, y: Array) -> float:
    """Return what y was rounded to if that matters for a fit, else 0.

    It is the largest power of ten of which all y are multiples; zeros are multiples too. It matters
    where a tenth of the points have a rounding error that is more than half of their noise, by the
    second differences of log y, and more than 1% of y.

    Parameters
    ----------
    x, y : shape (n,), x ascending and > 0, y >= 0
        A curve.
    """
    some = y > 0.0
    if y.size < FEWEST or some.sum() < 3 or (y < 0.0).any() or not zeros_are_near(y, np.inf):
        return 0.0
    found = _unit(y[some])
    if not found:
        return 0.0
    size = spread(y[some], found)
    matters = size > max(MATTERS * _noise(x[some], y[some]), COARSE)
    share = (matters.sum() + (~some).sum()) / y.size
    return found if share >= SHARE and zeros_are_near(y, NEAR * found) else 0.0


def as_rounded(x: Array, y: Array) -> tuple[Array, float, tuple[str, ...]]:
    """Return y with a value in place of each 0, what it was rounded to, and notes on that."""
    unit = grain(x, y)
    if not unit:
        return y, 0.0, ()
    zero = y == 0.0
    note = f"y is rounded to {compact(f'{unit:g}')}, as coarse as the noise or coarser: each y is "
    note += "taken to be known to half of that either way"
    if zero.any():
        note += f", and {counted(int(zero.sum()), '0', '0s')} to be anything below that half"
    return np.where(zero, standing(unit), y), unit, (note,)


def zeros_are_near(y: Array, largest: float) -> bool:
    """Return whether every 0 has a value of at most so much as its nearest neighbour that has one.

    A 0 beside large values is no rounded one, but stands for something else.
    """
    some = np.flatnonzero(y > 0.0)
    zero = np.flatnonzero(y == 0.0)
    after = np.searchsorted(some, zero)
    left = y[some[np.maximum(after - 1, 0)]]
    right = y[some[np.minimum(after, some.size - 1)]]
    return bool((np.minimum(left, right) <= largest).all())


def _unit(y: Array) -> float:
    """Return the largest power of ten of which all y are multiples; 0 if it cannot be told."""
    top = np.floor(np.log10(y.min()) + 1e-6)
    for power in range(int(top), int(top) - 7, -1):
        unit = float(f"1e{power}")
        with np.errstate(over="ignore", divide="ignore"):
            count = y / unit
        if count.max() > MOST:
            break
        # As far as numbers of single precision can be multiples.
        if (np.abs(count - np.round(count)) <= np.minimum(1e-6 + 2e-7 * count, 0.02)).all():
            return unit
    return 0.0


def _noise(x: Array, y: Array) -> float:
    """Return a robust scale of log y around the lines between its neighbours in log x."""
    if y.size < 3:
        return 0.0
    u, v = np.log(x), np.log(y)
    apart = u[2:] - u[:-2]
    share = np.where(apart > 0.0, (u[1:-1] - u[:-2]) / np.where(apart > 0.0, apart, 1.0), 0.5)
    away = v[1:-1] - (1.0 - share) * v[:-2] - share * v[2:]
    return float(1.48 * np.median(np.abs(away) / np.sqrt(1.0 + share**2 + (1.0 - share) ** 2)))
