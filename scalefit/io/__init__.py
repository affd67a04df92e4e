"""Reading: files become trajectories. One file of this package per kind of format."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read"]


def read(
    path: str | os.PathLike[str],
    *,
    x: str | None = None,
    y: str | None = None,
    y_err: str | None = None,
    by: str | Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return the trajectory in a file: CSV, JSON Lines, Parquet, or netCDF of scalefit's own.

    A table holds one row per point. Numeric columns become variables on `(run, point)`; columns
    that are constant along every run become coordinates on `run`. The variable `row` keeps the row
    of the file: in CSV the header is row 1, in JSON Lines rows are lines, in Parquet data rows
    count from 1.

    Parameters
    ----------
    path
        One file. Its content decides the format; a known suffix must agree.
    x, y, y_err
        Columns that must be there and be numeric, and stay variables even where constant.
    by
        Columns whose values tell curves apart; none means that the file holds one curve. The runs
        of a netCDF file are given, and `by` only has to name coordinates of them.
    where
        Column to value: only rows that hold the value are kept, compared as the column's type. In
        a netCDF file, run coordinate to value: only those runs are kept.

    Raises
    ------
    InvalidData
        If the file cannot be read, is not what its suffix says, lacks a column, or has a cell in
        x, y or `by` that cannot be used. The message names file, column, row and remedy.
    MissingExtra
        If the file is Parquet and pyarrow is not installed.
    """
    from . import netcdf, tables, tidy
    from .sniff import sniff

    file = Path(path)
    kind = sniff(file)
    if kind == "netcdf":
        return netcdf.read(file, x=x, y=y, y_err=y_err, by=by, where=where)
    reader = {"csv": tables.read_csv, "jsonl": tables.read_jsonl, "parquet": tables.read_parquet}
    frame = reader[kind](file)
    return tidy.from_table(frame, x=x, y=y, y_err=y_err, by=by, where=where, source=str(path))
