"""Rows of a curve as they stand in the file, before they are sorted and averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scalefit.arrays import Array

MOST = 20_000
"""Rows of which further columns are kept; of longer curves that many, drawn at random."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column beside x and y.

    Attributes
    ----------
    values : shape (m,)
        Numbers, or codes of words; NaN where empty.
    words
        Whether it holds words.
    """

    values: Array
    words: bool


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one curve in the order of the file, and what stands beside x and y.

    Attributes
    ----------
    x, y : shape (n,), both > 0
        In file order.
    x_name, y_name
        What the columns are called.
    x_term, y_term
        What stands for them in an expression.
    counter
        Whether the rows are one run in the order in which it went on.
    zero
        How many rows have a y at x = 0.
    at : shape (m,)
        Which rows the further columns hold: all, or of a long curve some; ascending.
    others
        The further columns by name, each of shape (m,).
    """

    x: Array
    y: Array
    x_name: str = "x"
    y_name: str = "y"
    x_term: str = "x"
    y_term: str = "y"
    counter: bool = True
    zero: int = 0
    at: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    others: Mapping[str, Column] = field(default_factory=dict)


def columns_beside(
    dataset: xr.Dataset, place: NDArray[np.intp], width: int, left_out: Sequence[str]
) -> tuple[NDArray[np.intp], dict[str, Column]]:
    """Return which rows further columns are kept of, and those columns.

    Parameters
    ----------
    dataset
        A trajectory.
    place : shape (n,)
        Where the rows stand in an array of shape (runs, width), flattened.
    width
        The number of points of a run; 1 where x is a coordinate of runs.
    left_out
        Names that are x or y, or tell curves apart.
    """
    rows = np.arange(place.size)
    if rows.size > MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
    found: dict[str, Column] = {}
    for name in dataset.data_vars:
        variable = dataset.variables[name]
        along = variable.ndim == 2 and variable.shape[1] == width
        if along and name not in (*left_out, "row"):
            values = variable.values.reshape(-1)[place[rows]]
            found[_given(name)] = Column(values, "categories" in variable.attrs)
    run = place[rows] // width
    if run.size and run[0] != run[-1]:
        for name in dataset.coords:
            one = dataset.variables[name]
            if one.dims == ("run",) and name not in (*left_out, "status"):
                found[_given(name)] = _of_runs(one.values, run)
    return rows, found


def _given(name: object) -> str:
    """Return what a column was called in the file."""
    own = {f"{one}_": one for one in ("run", "point", "status")}
    return own.get(str(name), str(name))


def _of_runs(values: NDArray[np.generic], run: NDArray[np.intp]) -> Column:
    """Return a coordinate of runs as a column of the rows."""
    if values.dtype.kind in "iufb":
        return Column(values.astype(float)[run], words=False)
    _, codes = np.unique(values.astype(str), return_inverse=True)
    return Column(codes.reshape(-1).astype(float)[run], words=True)
