"""Arguments that several public functions take, and their checks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array
from .errors import ConfigError, InvalidData


def positive(values: ArrayLike, name: str) -> Array:
    """Return one or several numbers as an array; refuse any that is not finite and positive."""
    at = np.atleast_1d(np.asarray(values, dtype=float))
    if at.ndim != 1 or not (np.isfinite(at).all() and (at > 0).all()):
        raise InvalidData(f"{name} must be one-dimensional, finite and > 0")
    return at


def finite(values: ArrayLike, name: str) -> Array:
    """Return one or several numbers as an array; refuse any that is not finite."""
    at = np.atleast_1d(np.asarray(values, dtype=float))
    if at.ndim != 1 or not np.isfinite(at).all():
        raise InvalidData(f"{name} must be one-dimensional and finite")
    return at


def tails(interval: float) -> tuple[float, float]:
    """Return the probabilities below the ends of an equal-tailed interval."""
    if not 0.0 < interval < 1.0:
        raise ConfigError(f"interval={interval}: give a probability between 0 and 1, such as 0.9")
    return 0.5 * (1.0 - interval), 0.5 * (1.0 + interval)


def whole(value: object) -> bool:
    """Return whether a value is a whole number."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def root(seed: object) -> None:
    """Refuse what cannot be the root of random streams."""
    if not whole(seed) or seed < 0:  # type: ignore[operator]
        raise ConfigError(f"seed={seed!r}: give a whole number of 0 or more")


def horizon(within: float | None) -> None:
    """Refuse what cannot be the largest x to look at."""
    if within is not None and not 0.0 < within < np.inf:
        raise ConfigError(f"within={within:g}: give the largest x to look at, finite and > 0")
