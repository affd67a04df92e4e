"""Tidy table: it becomes a trajectory, once its columns are there, numeric and complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import xarray as xr

from scalefit import arguments
from scalefit.errors import InvalidData
from scalefit.netcdf import text
from scalefit.trajectory import from_frame, runs_of
from scalefit.wording import inline, listed, quoted

from . import expressions, lightning, wandb
from .axes import only_axis, only_count
from .columns import found, numeric, plain
from .log import Log, measured, step_column
from .skipping import remaining
from .tables import ROW, unique_columns
from .warm_up import warm_up

if TYPE_CHECKING:
    import pandas as pd

WIDE = 1000
"""Columns beyond which only those are kept that a fit of the named y may need."""


def from_table(
    table: pd.DataFrame | Log,
    *,
    x: str | Sequence[str] | None = None,
    y: str | None = None,
    y_err: str | None = None,
    by: str | Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    skip_run: str | Sequence[str] = (),
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
        Columns, or arithmetic of columns, that must be numeric and stay variables even where they
        are constant.
    by
        Columns whose values tell curves apart.
    where
        Column to value: only rows that hold the value are kept.
    skip_run
        Ids of runs that are left out: the values of `by` that a run shares, parted by a comma and a
        blank.
    source
        Where the table comes from, for messages.

    Raises
    ------
    InvalidData
        If a column is missing, x or y is not numeric, a cell of `by` is empty, or no row is left.
    """
    import pandas as pd

    if not isinstance(table, Log):
        table = table.rename(columns=lambda name: text(str(name)))
        notes, columns = wandb.told_apart(list(table.columns))
        unique_columns(source, columns, "the table")
        table = Log(table.set_axis(columns, axis=1), notes=notes)
    else:
        frame = table.frame.rename(columns=lambda name: text(str(name)))
        table = replace(table, frame=frame)
    table = recognised(table)
    chosen = ([by] if isinstance(by, str) else list(by)) or list(table.by)
    several = arguments.names(x, "x")
    x = several[0] if len(several) == 1 else None
    asked = {**{f"x[{i}]": one for i, one in enumerate(several)}, "y": y, "y_err": y_err}
    if x is not None:
        asked = {"x": x, "y": y, "y_err": y_err}
    made = {
        axis: derived
        for axis, said in asked.items()
        if (derived := expressions.derived(said, table.frame.columns, axis, source)) is not None
    }
    inside = [name for one in made.values() for name in one.columns]
    texts = {one.text for one in made.values()}
    named = [name for name in asked.values() if name is not None and name not in texts]
    axes = [*named, *inside]
    table = found(table, [*axes, *chosen, *(where or {})], axes, source)
    frame = plain(table.frame)
    for name, value in (where or {}).items():
        frame = frame[matching(frame[name], value, name, source)]
    if frame.empty:
        raise InvalidData(f"{inline(source)}: no rows")
    for name in chosen:
        _complete(frame[name], name, source)
    skipped = [skip_run] if isinstance(skip_run, str) else list(skip_run)
    if skipped:
        frame, note = _skipped(frame, chosen, skipped, source)
        table = replace(table, notes=(*table.notes, note))
    frame = frame.assign(**{name: numeric(frame[name], name, source) for name in axes})
    if "y" in made:
        frame = expressions.assigned(frame, {"y": made["y"]}, source)
    table = replace(table, frame=frame)
    if y is not None:
        table = measured(table, y)
    step = step_column(table)
    if step and not several and table.frame[step].dtype == object:
        table = replace(
            table, frame=table.frame.assign(**{step: numeric(table.frame[step], step, source)})
        )
    frame = expressions.assigned(frame, made, source)
    across = x or step or only_count(frame.columns) if len(several) < 2 else None
    schedule = warm_up(frame, across, y, chosen) if y and across else {}
    frame = expressions.assigned(table.frame, made, source)
    axes = [*named, *texts]
    recorded = frame.index.name == ROW and "row" not in frame.columns
    if recorded:
        rows = pd.Series(frame.index.astype(float), frame.index, name="row")
        frame = pd.concat([frame, rows], axis=1)  # which takes any number of columns, unlike assign
    if not several and y is not None:
        schedule |= _unusable(frame, y, source)
    if y is not None and frame.shape[1] > WIDE:
        used = {*axes, *chosen, *(where or {}), "row", step, across}
        kept = [name for name in frame.columns if name in used or only_axis([name])]
        note = f"of {frame.shape[1]} columns {len(kept)} are kept: those named, and those to be x"
        frame, table = frame[kept], replace(table, notes=(*table.notes, note))
    dataset = from_frame(
        frame.reset_index(drop=True),
        by=chosen,
        variables=[*axes, "row"] if recorded else axes,
        source=source,
    )
    if recorded:
        dataset["row"].attrs["long_name"] = ROW
    for one in made.values():
        dataset[one.text].attrs.update(expressions.described(one))
    told = {"reading": "\n".join(map(inline, table.notes)), "x": step, **schedule}
    return dataset.assign_attrs({name: text for name, text in told.items() if text})


def _unusable(frame: pd.DataFrame, y: str, source: str) -> dict[str, str]:
    """Return what keeps the only column that could be x from being it, if it is text."""
    name = only_axis([name for name in frame.columns if name != y])
    if name is None or frame[name].dtype.kind in "iuf":
        return {}
    try:
        numeric(frame[name], name, source)
    except InvalidData as error:
        return {"unusable": str(error)}
    return {}


def recognised(log: Log) -> Log:
    """Return a table with what its columns say of it; what its reader knows comes first."""
    if log.steps or log.sparse:
        return log
    told = wandb.recognised(log.frame) or lightning.recognised(log.frame)
    return replace(told, notes=(*log.notes, *told.notes)) if told else log


def _skipped(
    frame: pd.DataFrame, by: Sequence[str], names: Sequence[str], source: str
) -> tuple[pd.DataFrame, str]:
    """Return the rows of the runs that are not to be left out, and a note."""
    run, _, ids = runs_of(frame, by)
    kept, note = remaining(ids, names, source)
    return frame[kept[run]], note


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
