"""Tables of a design: candidates, their costs and targets, as given and as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arguments import numbers, real
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.wording import quoted, suggest, typed

if TYPE_CHECKING:
    import pandas as pd

WEIGHT = "weight"
"""Column of a target that says how much each of its points counts."""


def table(given: Any, columns: Sequence[str], name: str) -> pd.DataFrame:
    """Return points as a table that has a column for every predictor.

    Parameters
    ----------
    given
        A table, a mapping of columns, or for one predictor its values.
    columns
        Names of the predictors.
    name
        Of the argument.

    Raises
    ------
    ConfigError
        If it is none of these.
    InvalidData
        If a column is missing, or a table of targets has no row.
    """
    import pandas as pd

    if isinstance(given, str) or given is None:
        raise ConfigError(f"{name}={typed(given)}: give a table with {_named(columns)}")
    if isinstance(given, pd.DataFrame):
        frame = given
    elif isinstance(given, Mapping):
        frame = pd.DataFrame(dict(given))
    elif len(columns) == 1:
        frame = pd.DataFrame({columns[0]: np.atleast_1d(numbers(given, name))})
    else:
        raise ConfigError(f"{name}: give a table or a mapping with {_named(columns)}")
    for column in columns:
        if column not in frame.columns:
            raise InvalidData(
                f"{name}: no column {quoted(column)}; {suggest(column, frame.columns)}"
            )
    return frame


def points(frame: pd.DataFrame, columns: Sequence[str], name: str) -> Array:
    """Return the predictors of a table, shape (n, k); refuse any that has no logarithm."""
    found = np.empty((len(frame), len(columns)))
    for j, column in enumerate(columns):
        found[:, j] = numbers(frame[column], f"{name}: column {quoted(column)}")
    wrong = ~(np.isfinite(found) & (found > 0.0))
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise InvalidData(
            f"{name}: column {quoted(columns[j])} is {found[i, j]:g} in row "
            f"{quoted(frame.index[i])}; give finite numbers > 0"
        )
    return found


def costs(cost: Any, frame: pd.DataFrame) -> Array:
    """Return the cost of every candidate, shape (C,).

    Parameters
    ----------
    cost
        Name of a column, one value for each row, or a function that is given the row as a mapping.
    frame
        The candidates.

    Raises
    ------
    ConfigError
        If the function fails or there is no such column.
    InvalidData
        If a cost is not finite and positive, or there are not as many as candidates.
    """
    if isinstance(cost, str):
        if cost not in frame.columns:
            raise ConfigError(
                f"cost={quoted(cost)} is no column of candidates; {suggest(cost, frame.columns)}"
            )
        found = numbers(frame[cost], "cost")
    elif callable(cost):
        found = _worked_out(cost, frame)
    else:
        found = np.atleast_1d(numbers(cost, "cost"))
    if found.shape != (len(frame),):
        raise InvalidData(f"cost has {found.size} values and candidates {len(frame)} rows")
    wrong = ~(np.isfinite(found) & (found > 0.0))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InvalidData(
            f"cost is {found[first]:g} in row {quoted(frame.index[first])} of candidates; give "
            "finite numbers > 0"
        )
    return found


def weights(frame: pd.DataFrame) -> Array:
    """Return how much each target counts, shape (T,), adding up to 1."""
    if not len(frame):
        raise InvalidData("target has no rows; name at least one point to predict")
    if WEIGHT not in frame.columns:
        return np.full(len(frame), 1.0 / len(frame))
    found = numbers(frame[WEIGHT], f"target: column '{WEIGHT}'")
    if not (np.isfinite(found).all() and (found >= 0.0).all() and found.sum() > 0.0):
        raise InvalidData(f"target: column '{WEIGHT}' must be finite and >= 0, and not all 0")
    return np.asarray(found / found.sum())


def budget_of(budget: object) -> float:
    """Return what may be spent."""
    advice = "give what this call may spend, finite and > 0, in the unit of cost"
    found = real(budget, "budget", advice)
    if not 0.0 < found < np.inf:
        raise ConfigError(f"budget={typed(budget)}: {advice}")
    return found


def _worked_out(cost: Callable[[Mapping[str, Any]], Any], frame: pd.DataFrame) -> Array:
    rows: Any = frame.to_dict("records")
    try:
        return np.array([float(cost(row)) for row in rows])
    except Exception as error:
        raise ConfigError(
            f"cost: the function fails on a row of candidates: {type(error).__name__}: {error}"
        ) from None


def _named(columns: Sequence[str]) -> str:
    return f"column{'s' * (len(columns) > 1)} {', '.join(map(quoted, columns))}"
