"""Reading: files become trajectories. One file of this package per kind of format."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from scalefit import arguments
from scalefit.errors import ConfigError, InvalidData, ScalefitError
from scalefit.wording import inline, typed

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["read"]


def read(
    path: str | os.PathLike[str],
    *,
    x: str | Sequence[str] | None = None,
    y: str | None = None,
    y_err: str | None = None,
    by: str | Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    skip_run: str | Sequence[str] = (),
) -> xr.Dataset:
    """Return the trajectory in a file: a table, a log of training, or netCDF of scalefit's own.

    Tables are CSV (or parted by tabs or semicolons), JSON Lines, a JSON document of rows or of
    columns, or Parquet, and hold one row per point, or one metric of a point with its name and
    value. Logs are lines of text such as `step 100: loss 3.21`, `trainer_state.json` of Hugging
    Face, event files of TensorBoard or a folder of them, exports of W&B, and `metrics.csv` of
    Lightning; rows of a log that have no y are left out. Text may be gzip-compressed; it is UTF-8,
    or UTF-16 with a byte-order mark.

    Numeric columns become variables on `(run, point)`; columns that are constant along every run
    become coordinates on `run`. The variable `row` keeps the row of the file: in CSV the header is
    row 1, in JSON Lines and lines of a log rows are lines, in other JSON and in Parquet they count
    from 1; event files have none.

    Parameters
    ----------
    path
        One file, or a folder that holds event files. Its content decides the format; a known
        suffix must agree.
    x, y, y_err
        Columns that must be there and be numeric, and stay variables even where constant, of x one
        or several; or metrics, where a row holds one metric. A unit in brackets at the end of a
        column may be left out. Where x is not named, `scalefit.fit` finds it.
    by
        Columns whose values tell curves apart; none means that the file holds one curve, unless
        its format has runs of its own. The runs of a netCDF file are given, and `by` only has to
        name coordinates of them.
    where
        Column to value: only rows that hold the value are kept, compared as the column's type. In
        a netCDF file, run coordinate to value: only those runs are kept.
    skip_run
        Runs to leave out, by their ids.

    Raises
    ------
    InvalidData
        If the file cannot be read, is not what its suffix says, lacks a column, or has a cell in
        x, y or `by` that cannot be used. The message names file, column, row and remedy.
    MissingExtra
        If the file needs pyarrow or tensorboard, and that is not installed.
    """
    from . import delimited, netcdf, tidy
    from .formats import FORMATS
    from .sniff import sniff

    file = arguments.path(path)
    several = arguments.names(x, "x") if not isinstance(x, str | None) else [x]
    for name, given in (*(("x", one) for one in several), ("y", y), ("y_err", y_err)):
        if given is not None and not isinstance(given, str):
            raise ConfigError(f"{name}={typed(given)}: give the name of a column")
    if where is not None and not isinstance(where, Mapping):
        raise ConfigError(f"where={typed(where)}: give columns with their values")
    by, skip_run = arguments.names(by, "by"), arguments.names(skip_run, "skip_run")
    with _guarded(file):
        kind = sniff(file)
        reader = FORMATS[kind].read
        if reader is None:
            return netcdf.read(file, x=x, y=y, y_err=y_err, by=by, where=where, skip_run=skip_run)
        if kind == "csv":  # alone can spell one number in two ways, which must not be two curves
            reader = partial(delimited.read, by=by)
        return tidy.from_table(
            reader(file),
            x=x,
            y=y,
            y_err=y_err,
            by=by,
            where=where,
            skip_run=skip_run,
            source=str(path),
        )


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the rows of a table as they stand, columns of numbers as numbers.

    Parameters
    ----------
    path
        CSV, JSON Lines, a JSON document of rows or Parquet; the index is the row of the file.

    Raises
    ------
    InvalidData
        If the file cannot be read, or is no table.
    """
    from .columns import plain
    from .formats import FORMATS
    from .sniff import sniff
    from .tables import numbers

    file = arguments.path(path)
    with _guarded(file):
        reader = FORMATS[sniff(file)].read
        if reader is None:
            raise InvalidData(f"{inline(file)}: this is no table; give CSV or JSON Lines")
        found: Any = reader(file)
        frame = plain(getattr(found, "frame", found))
        converted = {name: numbers(frame[name]) for name in frame.columns}
        return frame.assign(**{n: v for n, (v, wrong) in converted.items() if not wrong.any()})


def from_file(dataset: xr.Dataset, path: object) -> xr.Dataset:
    """Return a trajectory whose source names the file that it was read from, for messages."""
    source = str(dataset.attrs["source"])
    return dataset if source == str(path) else dataset.assign_attrs(source=f"{path} ({source})")


@contextmanager
def _guarded(file: os.PathLike[str]) -> Iterator[None]:
    """Turn whatever a damaged or hostile file raises into one line; the cause stays attached."""
    try:
        yield
    except ScalefitError:
        raise
    except MemoryError as error:
        raise InvalidData(
            f"{inline(file)}: its content does not fit in memory; keep the columns and rows that "
            "the fit needs"
        ) from error
    except Exception as error:
        raise InvalidData(
            f"{inline(file)}: cannot be read ({type(error).__name__}); is it damaged? Export it "
            "again, as CSV if need be"
        ) from error
