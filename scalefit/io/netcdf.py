"""NetCDF: trajectories as `scalefit.trajectory.write` leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scalefit import arguments
from scalefit.errors import InvalidData
from scalefit.trajectory import open_netcdf
from scalefit.wording import inline, quoted, suggest

from .expressions import extended
from .skipping import without
from .tidy import matching


def read(
    path: Path,
    *,
    x: str | Sequence[str] | None,
    y: str | None,
    y_err: str | None = None,
    by: str | Sequence[str],
    where: Mapping[str, Any] | None,
    skip_run: str | Sequence[str] = (),
) -> xr.Dataset:
    """Return the trajectory in a netCDF file, without runs that are skipped or not in `where`.

    Raises
    ------
    InvalidData
        If the file holds no trajectory, or the trajectory lacks what is named.
    """
    import pandas as pd

    dataset = open_netcdf(path)
    dataset = extended(dataset, x=x, y=y, y_err=y_err)
    coordinates = [name for name in dataset.coords if dataset[name].dims == ("run",)]
    for name in (*arguments.names(x, "x"), y, y_err):
        if name is not None and name not in dataset.variables:
            known = [*dataset.data_vars, *coordinates]
            raise InvalidData(f"{inline(path)}: no variable {quoted(name)}; {suggest(name, known)}")
    for name in (*([by] if isinstance(by, str) else by), *(where or {})):
        if name not in coordinates:
            raise InvalidData(
                f"{inline(path)}: no run coordinate {quoted(name)}; {suggest(name, coordinates)}"
            )
    for name, value in (where or {}).items():
        column = pd.Series(dataset[name].values)
        found = matching(column, value, name, str(path), things="runs").to_numpy()
        dataset = dataset.isel(run=np.flatnonzero(found))
    return without(dataset, skip_run)
