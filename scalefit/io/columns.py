"""Columns of a table: found by the names that are asked for, plain, and as numbers."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scalefit.errors import InvalidData
from scalefit.wording import counted, inline, listed, quoted, suggest

from .log import Log
from .tables import number_like, numbers

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("metric", "tag", "key", "variable", "measure", "quantity", "name")
"""What a column of the names of metrics is called, in a table of one metric a row."""
VALUES = ("value", "val", "metric_value")


def found(log: Log, wanted: Sequence[str], axes: Sequence[str], source: str) -> Log:
    """Return a table in which every wanted name is a column.

    A name may lack the unit in brackets that the column has, or have blanks for `_`. In a table of
    one metric a row, axes may be metrics.

    Raises
    ------
    InvalidData
        If a name is neither; the message says which columns there are.
    """
    metrics = [name for name in dict.fromkeys(axes) if name not in log.frame.columns]
    long = _long(log.frame, metrics)
    if long is not None:
        log = _picked(log, *long, metrics)
    for name in dict.fromkeys(wanted):
        columns = list(log.frame.columns)
        if name in columns:
            continue
        meant = [one for one in columns if _bare(one) == _bare(name)]
        if len(meant) != 1:
            raise InvalidData(f"{inline(source)}: no column {quoted(name)}; {_known(log, name)}")
        frame = log.frame.rename(columns={meant[0]: name})
        log = replace(log, frame=frame, notes=(*log.notes, _renamed(meant[0], name)))
    return log


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame in numpy's types, without categories, and with nested cells as text."""
    import numpy as np
    import pandas as pd

    changed: dict[str, Any] = {}
    for name, kind in zip(frame.columns, frame.dtypes, strict=True):
        if isinstance(kind, np.dtype) and kind.kind != "O":
            continue
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = changed[name] = values.astype(object).infer_objects()
        if not isinstance(values.dtype, np.dtype) and values.dtype.kind not in "mM":
            values = changed[name] = _in_numpy(values)
        if values.dtype == object and not values.map(_hashable).all():
            changed[name] = values.map(lambda cell: cell if _hashable(cell) else str(cell))
    return frame.assign(**changed) if changed else frame


def numeric(values: pd.Series[Any], name: str, source: str) -> pd.Series[float]:
    """Return a column as floats.

    Raises
    ------
    InvalidData
        If a cell is not a number; the first is named, with its cause.
    """
    converted, wrong = numbers(values)
    if wrong.any():
        cell = values[wrong].iloc[0]
        some = counted(int(wrong.sum()), "cell that is not a number", "cells that are not numbers")
        raise InvalidData(
            f"{inline(source)}: column {quoted(name)} has {some}, the first in row "
            f"{values.index[wrong][0]}: {quoted(cell)}.\n{_advice(str(cell).strip(), name)}"
        )
    return converted


def _in_numpy(values: pd.Series[Any]) -> Any:
    """Return a column of pandas' or Arrow's own type in one of numpy's."""
    import numpy as np
    import pandas as pd

    kind = values.dtype.kind
    if kind in "iuf" and (kind == "f" or values.isna().any()):
        array: Any = values.to_numpy(dtype=float, na_value=np.nan)
    elif kind in "iub" and not values.isna().any():
        array = values.to_numpy(dtype={"b": bool, "i": np.int64, "u": np.uint64}[kind])
    else:
        array = values.astype(object).where(values.notna(), None).to_numpy()
    return pd.Series(array, values.index, dtype=array.dtype, name=values.name)


def _hashable(cell: object) -> bool:
    return isinstance(cell, Hashable) and not isinstance(cell, tuple)


def _bare(name: str) -> str:
    """Return a name without its unit in brackets, and with `_` for blanks."""
    return re.sub(r"\s*[\[(][^\[\]()]*[\])]$", "", name.strip(" ")).replace(" ", "_") or name


def _renamed(column: str, name: str) -> str:
    return f"{quoted(name)} is the column {quoted(column)}"


def _known(log: Log, name: str) -> str:
    """Return what could have been meant, or why there are no names."""
    columns = [str(one) for one in log.frame.columns]
    if columns and all(map(number_like, columns)) and columns != [*map(str, range(len(columns)))]:
        return (
            f"row 1 holds numbers ({listed(columns, 3)}), so the file has no header.\n"
            "Write the names of the columns above it, such as step,loss"
        )
    metrics = _metrics(log.frame)
    if metrics is not None:
        key, _ = metrics
        return suggest(name, [*columns, *map(str, log.frame[key].dropna().unique()[:50])])
    return suggest(name, columns)


def _metrics(frame: pd.DataFrame) -> tuple[str, str] | None:
    """Return the columns of names and of values, if a row of a table holds one metric."""
    by_name = {str(name).lower(): name for name in reversed(frame.columns)}
    key = next((by_name[one] for one in KEYS if one in by_name), None)
    value = next((by_name[one] for one in VALUES if one in by_name), None)
    if key is None or value is None or frame[key].dtype.kind in "biufmM":
        return None
    return key, value


def _long(frame: pd.DataFrame, metrics: Iterable[str]) -> tuple[str, str] | None:
    """Return the columns of names and of values if any of some metrics is among the names."""
    columns = _metrics(frame)
    if columns is None or not frame[columns[0]].isin(list(metrics)).any():
        return None
    return columns


def _picked(log: Log, key: str, value: str, metrics: Sequence[str]) -> Log:
    """Return a table with metrics as columns, from one that has a row for each."""
    frame = log.frame
    held = [name for name in metrics if (frame[key] == name).any()]
    rest = frame.columns.difference([key, value], sort=False)
    parts = [
        frame.loc[frame[key] == name, [*rest, value]].rename(columns={value: name}) for name in held
    ]
    table = parts[0]
    shared = [name for name in rest if name.lower() not in ("timestamp", "wall_time", "wall time")]
    for name, part in zip(held[1:], parts[1:], strict=True):
        one = part.drop_duplicates(shared, keep="last")[[*shared, name]]
        index = table.index
        table = table.merge(one, on=shared, how="left", validate="many_to_one").set_axis(index)
    notes = tuple(
        f"{quoted(name)} is {quoted(value)} where {quoted(key)} is {quoted(name)}" for name in held
    )
    return replace(log, frame=table, notes=(*log.notes, *notes))


def _advice(cell: str, name: str) -> str:
    """Return what to do about a cell that is no number, as its form shows."""
    if cell.endswith("%"):
        return "Write percentages as plain numbers: 12 or 0.12, not 12%."
    if "tensor(" in cell:
        return "This is a printed tensor: write its number, loss.item(), and not the tensor."
    if re.fullmatch(r"[+-]?\d{1,3}([,' \u00a0\u202f]\d{3})+(\.\d+)?", cell):
        return "Write a decimal point and no thousands separators: 1000.5, not 1,000.5."
    if re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?|[+-]?\d{1,3}(\.\d{3})+,\d+", cell):
        return "Write a decimal point, not a comma, and no thousands separators: 5.27, not 5,27."
    if re.fullmatch(r"[+-]?\d+\.?\d*([eE][+-]?\d+)?\s*[A-Za-zµ]+(/\w+)?", cell):
        return "Write numbers without units or suffixes: 1.4e9, not 1.4B."
    if cell == name:
        return "The header is repeated there, as where files were joined: delete that row."
    if "," in cell and cell.replace(",", "").replace(".", "").strip(" +-").isdigit():
        return "Write a decimal point and no thousands separators: 1000.5, not 1,000.5."
    return "Correct the cell; leave it empty where the value is missing."
