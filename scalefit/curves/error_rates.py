"""Error rates: what the number of test points adds to the known errors of an error rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalefit.arguments import whole
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.wording import counted, typed

from .points import Mask, Points

MOST = 10**12
ALIKE = 0.05
"""Relative difference below which known errors are the binomial ones themselves."""


def checked(size: object) -> int | None:
    """Return a number of test points, or None where none is given.

    Raises
    ------
    ConfigError
        If it is no whole number from 1 to 1e12.
    """
    if size is None:
        return None
    if not whole(size) or not 1 <= size <= MOST:  # type: ignore[operator]
        raise ConfigError(
            f"test_size={typed(size)}: give the whole number of test points that each y is a share "
            "of, such as 10000"
        )
    return int(size)  # type: ignore[call-overload, no-any-return]


def binomial(rate: Array, size: int) -> Array:
    """Return the standard error of the log of an error rate, of the shape of the rate.

    The number of errors among n test points is binomial, so the rate p has the variance
    p (1 - p) / n, and its log (1 - p) / (n p) to first order in 1 / (n p). Where there is no error
    at all that of a single one is taken.
    """
    p = np.clip(rate, 1.0 / size, 1.0)
    return np.asarray(np.sqrt((1.0 - p) / (size * p)))


def counted_on(points: Points, used: Mask, size: int) -> Points:
    """Return points whose known errors hold those of a test set of `size` points.

    Of a y with a ceiling the error rate is what y lacks of it, as a share of the ceiling.

    Raises
    ------
    InvalidData
        If a y is no rate, below 1 (or below the ceiling).
    ConfigError
        If `y_err` is the error of such a test set already.
    """
    top = 1.0 if points.ceiling is None else points.ceiling
    rate = points.y / top
    remedy = "test_size is for the share of test points that are wrong: y in (0, 1), such as "
    remedy += 'y="1 - accuracy"; of percent, y="error / 100".'
    wrong = used & ((rate >= 1.0) | (rate < 0.0))
    points.refuse(wrong, "y", "is no error rate between 0 and 1", remedy)
    error = points.y * binomial(rate, size)
    error = np.where(points.y == 0.0, top / size, error)
    there = used & np.isfinite(points.y) & (points.error > 0.0)
    if there.any():
        apart = np.abs(np.log(points.error[there] / error[there]))
        if np.median(apart) < ALIKE:
            raise ConfigError(
                f"test_size={size}: y_err is the error of a test set of so many points already; "
                "leave one of them out"
            )
    return replace(points, error=np.hypot(points.error, error))


def known_errors(
    error: Array, given: bool, size: int | None
) -> tuple[Array | None, tuple[str, ...]]:
    """Return errors of log y, shape (n,), None where none are known, and the note on a test set."""
    if size is None:
        return (error if given else None), ()
    return error, (_told(error, size),) if error.size else ()


def _told(error: Array, size: int) -> str:
    low, high = (f"{100.0 * one:.2g}%" for one in (error.min(), error.max()))
    spread = low if low == high else f"{low} to {high}"
    return (
        f"known errors of y hold those of {counted(size, 'test point')}: {spread} of y, taken to "
        "be independent from point to point"
    )
