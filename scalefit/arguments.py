"""Arguments that several public functions take, and their checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array
from .errors import ConfigError, InvalidData
from .wording import typed

MOST_DRAWS = 100_000
"""Posterior draws of a curve, at most: some 100 MB of them where models are weighed."""
MOST_HAZARD = 30.0
"""Further crossovers per decade, at most; the time that forecasts take grows with them."""
MOST_DECADES = 30.0
"""Decades over which a target is looked for, at most."""
SEEDS = 2**63
"""Seeds are below this, for files keep them as integers of 64 bits."""


def numbers(values: Any, name: str) -> Array:
    """Return values as an array of floats: NaN where they are masked or missing.

    Arrays of numpy, pandas, Arrow and PyTorch are taken, those of PyTorch from any device, without
    their gradients.

    Raises
    ------
    InvalidData
        If they are no numbers: text, dates, flags, complex, integers beyond the largest float.
    """
    try:
        plain = values.detach().cpu().double() if hasattr(values, "detach") else values
        masked = np.ma.getmaskarray(plain) if isinstance(plain, np.ma.MaskedArray) else None
        if masked is not None:
            plain = plain.data
        elif hasattr(plain, "isna") and hasattr(plain, "to_numpy"):
            plain = _unboxed(plain)
        array = np.asarray(plain)
    except Exception as error:
        raise InvalidData(
            f"{name} must be numbers, in one array ({type(error).__name__})"
        ) from None
    kind: str = array.dtype.kind
    if kind == "O":
        kind = next((k for k in map(_kind, array.flat) if k), "f")
    if kind not in "fiu":
        what = {"M": "dates", "m": "durations", "c": "complex numbers", "b": "flags"}
        raise InvalidData(f"{name} holds {what.get(kind, 'what is no number')}; give real numbers")
    try:
        with np.errstate(all="ignore"):
            floats = array.astype(float)
    except OverflowError:
        raise InvalidData(f"{name} holds an integer beyond 1e308; give a smaller unit") from None
    except (TypeError, ValueError):
        raise InvalidData(f"{name} must be numbers, in one array") from None
    if masked is not None:
        floats = np.where(masked, np.nan, floats)
    return floats


def _unboxed(values: Any) -> Any:
    """Return the values of a pandas object, NaN where they are missing."""
    missing = values.isna()
    if bool(np.asarray(missing).any()) and values.dtype.kind not in "fMm":
        return values.to_numpy(dtype=object, na_value=np.nan)
    return values.to_numpy()


def _kind(cell: Any) -> str:
    """Return what a cell of an array of objects is, as numpy's letter; empty for a real number."""
    if isinstance(cell, bool | np.bool_):
        return "b"
    if isinstance(cell, complex | np.complexfloating):
        return "c"
    if isinstance(cell, Real) or cell is None or not isinstance(cell, str | bytes):
        return "M" if hasattr(cell, "toordinal") else ""
    return "U"


def positive(values: ArrayLike, name: str, *, empty: bool = False) -> Array:
    """Return one or several numbers as an array; refuse any that is not finite and positive."""
    at = np.atleast_1d(numbers(values, name))
    if at.ndim != 1 or not (np.isfinite(at).all() and (at > 0).all()):
        raise InvalidData(f"{name} must be one-dimensional, finite and > 0")
    if not at.size and not empty:
        raise InvalidData(f"{name} is empty; give at least one number > 0")
    return at


def finite(values: ArrayLike, name: str) -> Array:
    """Return one or several numbers as an array; refuse any that is not finite."""
    at = np.atleast_1d(np.asarray(values, dtype=float))
    if at.ndim != 1 or not np.isfinite(at).all():
        raise InvalidData(f"{name} must be one-dimensional and finite")
    return at


def real(value: object, name: str, advice: str) -> float:
    """Return one number, or say what is wanted in its place."""
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        raise ConfigError(f"{name}={typed(value)}: {advice}")
    try:
        found = float(value)
    except OverflowError:
        raise ConfigError(f"{name} is beyond 1e308: {advice}") from None
    if math.isnan(found):
        raise ConfigError(f"{name}={typed(value)}: {advice}")
    return found


def tails(interval: float) -> tuple[float, float]:
    """Return the probabilities below the ends of an equal-tailed interval."""
    advice = "give a probability between 0 and 1, such as 0.9"
    found = real(interval, "interval", advice)
    if not 0.0 < found < 1.0:
        raise ConfigError(f"interval={interval}: {advice}")
    return 0.5 * (1.0 - found), 0.5 * (1.0 + found)


def whole(value: object) -> bool:
    """Return whether a value is a whole number."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def root(seed: object) -> None:
    """Refuse what cannot be the root of random streams."""
    if not whole(seed) or not 0 <= seed < SEEDS:  # type: ignore[operator]
        raise ConfigError(f"seed={typed(seed)}: give a whole number from 0 to 2^63 - 1")


def rate(hazard: float) -> None:
    """Refuse what cannot be a rate of further crossovers."""
    advice = f"give a rate per decade, from 0 to {MOST_HAZARD:g}"
    if not 0.0 <= real(hazard, "hazard", advice) <= MOST_HAZARD:
        raise ConfigError(f"hazard={hazard}: {advice}")


def horizon(within: float | None) -> None:
    """Refuse what cannot be the largest x to look at."""
    if within is None:
        return
    advice = "give the largest x to look at, finite and > 0"
    if not 0.0 < real(within, "within", advice) < math.inf:
        raise ConfigError(f"within={within}: {advice}")


def ends(x_range: object) -> tuple[float, float]:
    """Return both ends of a part of x; None, the whole or an end of it, is open."""
    if x_range is None:
        return -math.inf, math.inf
    advice = "give (low, high) with low < high, None for an open end"
    if not isinstance(x_range, Sequence | np.ndarray) or isinstance(x_range, str):
        raise ConfigError(f"x_range={typed(x_range)}: {advice}")
    if len(x_range) != 2:
        raise ConfigError(f"x_range={typed(x_range)}: {advice}")
    low, high = (
        open_end if one is None else real(one, "x_range", advice)
        for one, open_end in zip(x_range, (-math.inf, math.inf), strict=True)
    )
    if not low < high:
        raise ConfigError(f"x_range={typed(x_range)}: {advice}")
    return low, high


def names(given: Any, name: str) -> list[str]:
    """Return one name or several as a list; None is none."""
    if given is None:
        return []
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, Sequence | set | np.ndarray) and not hasattr(listed, "to_list"):
        raise ConfigError(f"{name}={typed(given)}: give a name, or several in a list")
    many = list(listed)
    for one in many:
        if not isinstance(one, str):
            raise ConfigError(f"{name}={typed(given)}: names are texts, and {typed(one)} is none")
    return [str(one) for one in many]


def executor_or_none(executor: object) -> None:
    """Refuse what cannot run jobs."""
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ConfigError(
            f"executor={typed(executor)}: give an executor of concurrent.futures, or None"
        )


def path(given: object, name: str = "path") -> Path:
    """Return a path, or say that it is none."""
    try:
        found = Path(given)  # type: ignore[arg-type]
    except TypeError:
        raise ConfigError(f"{name}={typed(given)}: give the name of a file") from None
    if "\0" in str(found):
        raise ConfigError(f"{name}={typed(given)}: no file has a NUL in its name")
    return found


def flag(value: object, name: str) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise ConfigError(f"{name}={typed(value)}: give True or False")
