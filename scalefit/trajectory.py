"""Trajectory: the `xarray.Dataset` of curves that every part of the project exchanges.

A trajectory holds curves. Its dimensions are `run` and `point` (position along a run; shorter runs
are padded with NaN at the end), its variables are floats on `(run, point)`, optionally with
further dimensions, and whatever tells runs apart is a coordinate on `run`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
import xarray as xr

from . import netcdf
from .categories import coded, fault, worded
from .errors import InvalidData, nearest
from .wording import inline

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "scalefit-trajectory/1"
CELLS = 10**9
"""Values of a trajectory made of a table, at most: runs times points times columns."""
STATUS = ("ok", "diverged", "not converged", "stalled", "oom", "interrupted")
TEXTS = ("long_name", "units", "source", "reading", "x", "warm_up", "warm_up_x")
"""Attributes that are texts where they are there."""


def build(
    variables: Mapping[str, Any],
    coords: Mapping[str, Any],
    *,
    source: str,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return a valid trajectory from its variables and run coordinates.

    Parameters
    ----------
    variables
        Name to `(dims, values)` or `(dims, values, attributes)`, as `xarray.Dataset` takes them;
        `long_name` and `units` default to the name and to no unit.
    coords
        Must hold `run`, the unique string ids; `status` defaults to `ok` for every run.
    source
        Where the numbers come from, in words.
    attrs
        Further attributes of the Dataset; None values are left out.

    Raises
    ------
    InvalidData
        If the result would break the schema.
    """
    described = {"schema": SCHEMA, "source": source, **(attrs or {})}
    dataset = xr.Dataset(
        dict(variables),
        dict(coords),
        {name: value for name, value in described.items() if value is not None},
    )
    if "status" not in dataset.coords:
        dataset = dataset.assign_coords(status=("run", ["ok"] * dataset.sizes.get("run", 0)))
    for name in dataset.data_vars:
        variable = dataset.variables[name]  # for dataset[name] takes longer the more there are
        variable.attrs.setdefault("long_name", str(name).replace("_", " "))
        variable.attrs.setdefault("units", "")
    return validate(dataset)


def validate(dataset: xr.Dataset) -> xr.Dataset:
    """Return the Dataset itself if it is a trajectory, and say what is wrong if it is not.

    Raises
    ------
    InvalidData
        Naming the dimension, coordinate, variable or attribute at fault and the remedy.
    """
    for dim in ("run", "point"):
        if dim not in dataset.dims:
            raise InvalidData(
                f"a trajectory needs the dimension '{dim}'; this Dataset has "
                f"{sorted(map(str, dataset.dims))}"
            )
    if "run" not in dataset.coords:
        raise InvalidData("coordinate 'run' is missing: give every run a unique string id")
    ids = dataset["run"].values
    if not all(isinstance(item, str) for item in ids):
        raise InvalidData(f"coordinate 'run' must hold strings, not {ids.dtype}: use str(id)")
    names, counts = np.unique(ids.astype(str), return_counts=True)
    if (counts > 1).any():
        raise InvalidData(f"run id '{names[counts > 1][0]}' occurs {counts.max()} times")
    if "status" not in dataset.coords or dataset["status"].dims != ("run",):
        raise InvalidData(
            f"coordinate 'status' on 'run' is missing; values are {', '.join(STATUS)}"
        )
    for state in np.unique(dataset["status"].values.astype(str)):
        if state not in STATUS:
            raise InvalidData(f"status '{state}' is unknown; {nearest(state, STATUS)}")
    if not dataset.data_vars:
        raise InvalidData("a trajectory needs at least one variable on (run, point)")
    for name in dataset.data_vars:
        variable = dataset.variables[name]
        if variable.dims[:2] != ("run", "point"):
            raise InvalidData(
                f"variable '{name}' has dims {variable.dims}; they must begin with ('run', 'point')"
            )
        if not np.issubdtype(variable.dtype, np.floating):
            raise InvalidData(f"variable '{name}' is {variable.dtype}; convert it to float")
        for attribute in ("long_name", "units"):
            if attribute not in variable.attrs:
                raise InvalidData(f"variable '{name}' lacks the attribute '{attribute}'")
        if "categories" in variable.attrs:
            wrong = fault(variable.values, variable.attrs["categories"])
            if wrong:
                raise InvalidData(
                    f"attribute 'categories' of variable '{inline(name)}' holds {wrong}; delete it "
                    "to keep the numbers"
                )
    for attribute in ("schema", "source"):
        if attribute not in dataset.attrs:
            raise InvalidData(f"the Dataset lacks the attribute '{attribute}'")
    if dataset.attrs["schema"] != SCHEMA:
        raise InvalidData(
            f"schema '{dataset.attrs['schema']}' is not '{SCHEMA}': the file was written by "
            "another version of scalefit"
        )
    return dataset


def from_frame(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    variables: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    source: str = "DataFrame",
) -> xr.Dataset:
    """Return the trajectory held by a tidy table, one row per point.

    Rows keep their order. A numeric column becomes a variable, unless it is the same all along
    every run: then, like a text column of that kind, it becomes a coordinate on `run`. Text that
    changes along a run becomes a variable of codes, its words in the attribute `categories`, if it
    has few words; else it is left out. Columns called `run`, `point` and `status` become `run_`,
    `point_` and `status_`.

    Parameters
    ----------
    frame
        Columns are whatever was recorded.
    by
        Columns whose values tell runs apart; none means one run.
    variables
        Numeric columns that are variables even when they are constant along runs.
    units
        Unit of each variable that has one.
    source
        Where the table comes from, in words.

    Raises
    ------
    InvalidData
        If a column is missing, a run id is not unique or the table is empty.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    frame = frame.rename(columns=str)
    if not frame.columns.is_unique:
        twice = str(frame.columns[frame.columns.duplicated()][0])
        raise InvalidData(f"{source}: column {twice!r} occurs twice; rename one of them")
    for column in (*by, *variables):
        if column not in frame.columns:
            raise InvalidData(
                f"{source}: no column '{column}'; {nearest(column, map(str, frame.columns))}"
            )
    if frame.empty:
        raise InvalidData(f"{source}: no rows")
    run, first, ids = runs_of(frame, by)
    names, counts = np.unique(ids.astype(str), return_counts=True)
    if (counts > 1).any():  # e.g. "a, b" and "c" against "a" and "b, c", or 1 against "1"
        twice = str(names[counts > 1][0])
        raise InvalidData(f"{source}: {', '.join(by)}: two runs would both be called {twice!r}")
    point = frame.groupby(run).cumcount().to_numpy()
    shape = (len(ids), int(point.max()) + 1)
    if math.prod(shape) * len(frame.columns) > CELLS:
        raise InvalidData(
            f"{inline(source)}: {shape[0]:,} runs of up to {shape[1]:,} points each are too many "
            f"for one table of {len(frame.columns):,} columns ({CELLS:,} values); split the file"
        )

    coords: dict[str, Any] = {"run": ids}
    data: dict[str, Any] = {}
    head = first[run]
    for label, values in frame.items():
        column = str(label)
        numeric = is_numeric_dtype(values) and not is_bool_dtype(values)
        constant = (shape[1] > 1 or not numeric) and _constant(values, head)
        name = f"{column}_" if column in ("run", "point", "status") else column
        if name in coords or name in data:
            raise InvalidData(f"{source}: columns {name[:-1]!r} and {name!r}: rename one of them")
        if column in by or (constant and column not in variables):
            coords[name] = ("run", _plain(values.iloc[first]))
        elif numeric:
            padded = np.full(shape, np.nan)
            padded[run, point] = values.to_numpy(dtype=float, na_value=np.nan)
            data[name] = (("run", "point"), padded, {"units": (units or {}).get(column, "")})
        elif (found := coded(values)) is not None:
            codes, words = found
            padded = np.full(shape, np.nan)
            padded[run, point] = codes
            data[name] = (("run", "point"), padded, {"categories": words})
    return build(data, coords, source=source)


def runs_of(
    frame: pd.DataFrame, by: Sequence[str]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the run of every row, the first row of every run, and the ids of runs.

    Parameters
    ----------
    frame
        One row per point.
    by
        Columns whose values tell runs apart; none means one run, called `"0"`.
    """
    run = np.zeros(len(frame), dtype=int)
    if by:
        run = frame.groupby(list(by), sort=False, dropna=False, observed=True).ngroup().to_numpy()
    first = np.unique(run, return_index=True)[1]
    told = frame[list(by)].iloc[first].itertuples(index=False, name=None) if by else [("0",)]
    return run, first, _names(told)


def _names(told: Iterable[tuple[Any, ...]]) -> np.ndarray[Any, Any]:
    """Return the ids of runs, which can be stored."""
    return np.array([netcdf.text(", ".join(map(str, values))) for values in told], dtype=object)


def _constant(values: pd.Series[Any], head: np.ndarray[Any, Any]) -> bool:
    """Return whether every cell is as the one at `head`; missing ones are alike."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf":
        array = values.to_numpy()
        return bool(((array == array[head]) | ((array != array) & (array != array)[head])).all())
    import pandas as pd

    codes, _ = pd.factorize(values)
    return bool((codes == codes[head]).all())


def _plain(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Return numbers as numbers and everything else as text, so that netCDF can hold it."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return np.asarray(values.to_numpy())
    text = values.astype(object).where(values.notna(), "")
    return np.array([netcdf.text(str(value)) for value in text], dtype=object)


def to_frame(dataset: xr.Dataset) -> pd.DataFrame:
    """Return a trajectory as a tidy table, one row per run and point.

    Padding is dropped. A variable with further dimensions gives one column per element, named
    `variable[label]` or `variable[label,label]`.

    Raises
    ------
    InvalidData
        If the Dataset is no trajectory.
    """
    import pandas as pd

    validate(dataset)
    runs, points = dataset.sizes["run"], dataset.sizes["point"]
    columns: dict[str, Any] = {"run": np.repeat(dataset["run"].values, points)}
    for name, coordinate in dataset.coords.items():
        if coordinate.dims == ("run",) and name != "run":
            columns[str(name)] = np.repeat(coordinate.values, points)
    columns["point"] = np.tile(np.arange(points), runs)
    measured: list[str] = []
    for name, variable in dataset.data_vars.items():
        if variable.ndim == 2:
            flat = {str(name): worded(variable)}
        else:
            labels = product(*(variable[dim].values for dim in variable.dims[2:]))
            elements = variable.values.reshape(runs * points, -1).T
            flat = {
                f"{name}[{','.join(map(str, at))}]": one
                for at, one in zip(labels, elements, strict=True)
            }
        columns |= {key: values.reshape(-1) for key, values in flat.items()}
        measured += list(flat)
    frame = pd.DataFrame(columns)
    return frame[frame[measured].notna().any(axis=1)].reset_index(drop=True)


def write(dataset: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a trajectory as netCDF, all or nothing.

    Raises
    ------
    InvalidData
        If the Dataset is no trajectory.
    OSError
        If the folder cannot be written.
    """
    validate(dataset)
    names = {name: escaped(name) for name in {*dataset.variables, *dataset.dims}}
    netcdf.write({"": dataset.rename(names)}, path)


def escaped(name: object) -> str:
    """Return a name that netCDF can hold, where a slash starts a group and a blank ends a name.

    `urllib.parse.unquote` gives the name back, but for a NUL or half a character.
    """
    text = netcdf.text(str(name))
    if not text.strip("."):  # a dot is the group itself
        return text.replace(".", "%2E")
    return re.sub(r"[%/\s\x00-\x1f\x7f]", lambda found: quote(found[0], safe=""), text)


def open_netcdf(path: str | os.PathLike[str]) -> xr.Dataset:
    """Return the trajectory in a netCDF file, read into memory.

    The file may be damaged or hostile: it is surveyed before it is read.

    Raises
    ------
    InvalidData
        If the file is missing, is no netCDF file or holds no trajectory.
    """
    with netcdf.reading(path):
        # Times stay numbers: a unit such as "days since the start" must not become a date.
        with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as stored:
            dataset = stored.load()
        dataset = dataset.rename(
            {name: unquote(str(name)) for name in {*dataset.variables, *dataset.dims}}
        )
        dataset = dataset.assign_coords(
            {
                name: (coordinate.dims, coordinate.values.astype(object), coordinate.attrs)
                for name, coordinate in dataset.coords.items()
                if coordinate.dtype.kind in "UT"
            }
        )
        try:
            return _plain_coordinates(validate(dataset))
        except InvalidData as error:
            raise InvalidData(f"{inline(path)}: {inline(error)}") from None


def _plain_coordinates(dataset: xr.Dataset) -> xr.Dataset:
    """Return a trajectory from a file, whose run coordinates are numbers or texts, and sizes > 0.

    Raises
    ------
    InvalidData
        If one is something else.
    """
    for dim in ("run", "point"):
        if not dataset.sizes[dim]:
            raise InvalidData(f"the dimension '{dim}' is empty")
    for name, coordinate in dataset.coords.items():
        kind = coordinate.dtype.kind
        if kind not in "fiubO" or (
            kind == "O" and not all(isinstance(one, str) for one in coordinate.values.flat)
        ):
            raise InvalidData(f"coordinate {name!r} holds neither numbers nor texts")
    for attrs in (dataset.attrs, *(one.attrs for one in dataset.variables.values())):
        for attribute in TEXTS:
            if not isinstance(attrs.get(attribute, ""), str):
                raise InvalidData(f"an attribute '{attribute}' is no text")
    if "warm_up_x" in dataset.attrs and not (
        "warm_up" in dataset.attrs
        and isinstance(dataset.attrs.get("warm_up_until"), int | float | np.number)
    ):
        raise InvalidData("attribute 'warm_up_x' lacks a number 'warm_up_until' and words")
    return dataset
