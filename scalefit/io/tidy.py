"""Tidy table: it becomes a trajectory, once its columns are there, numeric and complete."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import xarray as xr

from scalefit.errors import InvalidData
from scalefit.netcdf import text
from scalefit.trajectory import from_frame
from scalefit.wording import counted, inline, listed, quoted, suggest

from . import lightning, wandb
from .axes import only_count
from .log import Log, measured, step_column
from .tables import ROW, numbers, unique_columns
from .warm_up import warm_up

if TYPE_CHECKING:
    import pandas as pd


def from_table(
    table: pd.DataFrame | Log,
    *,
    x: str | None = None,
    y: str | None = None,
    y_err: str | None = None,
    by: str | Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    source: str = "DataFrame",
) -> xr.Dataset:
    """Return the trajectory held by a table, one row per point.

    A table that is a log of a known kind is taken as such. The attribute `reading` of the result
    holds what was handled on the way, a line each, and `x` the column that counts training in a
    log; `warm_up` and its kin say how long the learning rate rose.

    Parameters
    ----------
    table
        One row per point. A frame whose index is named as the readers name theirs also gives the
        variable `row`, unless it has a column of that name.
    x, y, y_err
        Columns that must be numeric and stay variables even where they are constant.
    by
        Columns whose values tell curves apart.
    where
        Column to value: only rows that hold the value are kept.
    source
        Where the table comes from, for messages.

    Raises
    ------
    InvalidData
        If a column is missing, x or y is not numeric, a cell of `by` is empty, or no row is left.
    """
    if not isinstance(table, Log):
        table = plain_columns(table)
        unique_columns(source, list(table.columns), "the table")
        table = recognised(table)
    else:
        table = replace(table, frame=plain_columns(table.frame))
    frame = table.frame
    columns = ([by] if isinstance(by, str) else list(by)) or list(table.by)
    axes = [name for name in (x, y, y_err) if name is not None]
    for name in (*axes, *columns, *(where or {})):
        if name not in frame.columns:
            raise InvalidData(
                f"{inline(source)}: no column {quoted(name)}; {suggest(name, frame.columns)}"
            )
    frame = _plain(frame)
    for name, value in (where or {}).items():
        frame = frame[matching(frame[name], value, name, source)]
    if frame.empty:
        raise InvalidData(f"{inline(source)}: no rows")
    for name in columns:
        _complete(frame[name], name, source)
    frame = frame.assign(**{name: _numeric(frame[name], name, source) for name in axes})
    table = replace(table, frame=frame)
    if y is not None:
        table = measured(table, y)
    step = step_column(table)
    across = x or step or only_count(frame.columns)
    schedule = warm_up(frame, across, y, columns) if y and across else {}
    frame = table.frame
    recorded = frame.index.name == ROW and "row" not in frame.columns
    if recorded:
        frame = frame.assign(row=frame.index.astype(float))
    dataset = from_frame(
        frame.reset_index(drop=True),
        by=columns,
        variables=[*axes, "row"] if recorded else axes,
        source=source,
    )
    if recorded:
        dataset["row"].attrs["long_name"] = ROW
    told = {"reading": "\n".join(map(inline, table.notes)), "x": step, **schedule}
    return dataset.assign_attrs({name: text for name, text in told.items() if text})


def plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns have names that can be stored, and are those of numpy."""
    import pandas as pd

    table = table.rename(columns=lambda name: text(str(name)))
    boxed: dict[str, Any] = {
        str(name): column.astype(float if column.dtype.kind in "iuf" else object)
        for name, column in table.items()
        if isinstance(column.dtype, pd.ArrowDtype) and column.dtype.kind not in "bmM"
    }
    return table.assign(**boxed) if boxed and table.columns.is_unique else table


def recognised(frame: pd.DataFrame) -> Log:
    """Return a table with what its columns say of it."""
    return wandb.recognised(frame) or lightning.recognised(frame) or Log(frame)


def matching(
    values: pd.Series[Any], wanted: object, name: str, source: str, things: str = "rows"
) -> pd.Series[bool]:
    """Return where a column holds a value, compared as the type of the column.

    Raises
    ------
    InvalidData
        If it holds the value nowhere; a few of the values that it does hold are listed.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    target: object
    if is_bool_dtype(values):
        target = {"true": True, "1": True, "false": False, "0": False}.get(str(wanted).lower())
        found = values == target
    elif is_numeric_dtype(values):
        target = _number(wanted)
        found = values == target
    else:
        found = values.notna() & (values.astype(str) == str(wanted))
    if not found.any():
        raise InvalidData(
            f"{inline(source)}: no {things} with {quoted(wanted)} in column {quoted(name)}; "
            f"it holds {listed(values.dropna().unique()) or 'nothing'}"
        )
    return found


def _number(value: object) -> float:
    """Return a value as a number, an int kept exact; NaN, equal to nothing, if it is none."""
    for kind in (int, float):
        try:
            return value if isinstance(value, kind) else kind(str(value))
        except ValueError:
            continue
    return float("nan")


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame without categories, and with nested cells as text."""
    import pandas as pd

    changed: dict[str, pd.Series[Any]] = {}
    for name in frame.columns:
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = changed[name] = values.astype(object).infer_objects()
        if values.dtype == object and not values.map(_hashable).all():
            changed[name] = values.map(lambda cell: cell if _hashable(cell) else str(cell))
    return frame.assign(**changed)


def _hashable(cell: object) -> bool:
    return isinstance(cell, Hashable) and not isinstance(cell, tuple)


def _complete(values: pd.Series[Any], name: str, source: str) -> None:
    """Refuse a column of `by` with empty cells."""
    empty = values.isna()
    if empty.any():
        more = f" (the first of {int(empty.sum())})" if empty.sum() > 1 else ""
        raise InvalidData(
            f"{inline(source)}: column {quoted(name)} has an empty cell in row "
            f"{values.index[empty][0]}{more}, but it tells curves apart.\n"
            "Fill it in, delete the row, or leave the column out of by."
        )


def _numeric(values: pd.Series[Any], name: str, source: str) -> pd.Series[float]:
    """Return a column as floats, and name the first cell that is not a number."""
    converted, wrong = numbers(values)
    if wrong.any():
        cell = values[wrong].iloc[0]
        some = counted(int(wrong.sum()), "cell that is not a number", "cells that are not numbers")
        raise InvalidData(
            f"{inline(source)}: column {quoted(name)} has {some}, "
            f"the first in row {values.index[wrong][0]}: {quoted(cell)}.\n{_advice(str(cell))}"
        )
    return converted


def _advice(cell: str) -> str:
    if cell.strip().endswith("%"):
        return "Write percentages as plain numbers: 12 or 0.12, not 12%."
    if "," in cell and cell.replace(",", "").replace(".", "").strip(" +-").isdigit():
        return "Write a decimal point and no thousands separators: 1000.5, not 1,000.5."
    return "Correct the cell; leave it empty where the value is missing."
