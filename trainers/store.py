"""Store: the folder of a sweep, one netCDF file per finished bundle and the state of long ones.

    runs/bundles/4f0c...e1.nc           a finished bundle, named by the hash of its settings
    runs/bundles/4f0c...e1.state.npz    an unfinished one, saved every few minutes
    runs/bundles/4f0c...e1.nc.damaged   set aside: it could not be read, or its values had changed

Every file is written under another name and then renamed, so that a kill at any moment leaves
whole files. The name says everything that determines the numbers, so that several sweeps can share
a folder, and two processes that compute one bundle write the same.
"""

from __future__ import annotations

import hashlib
import math
import time
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit import trajectory
from scalefit.errors import ConfigError, InvalidData, ScalefitError, nearest
from scalefit.storage import replacing

from .trajectories import concat

if TYPE_CHECKING:
    import os

    import xarray as xr
    from numpy.typing import NDArray

STALE = 3600.0
"""Seconds after which a temporary file belongs to no living process; writing takes far less."""


class Store:
    """The bundles in the folder of a sweep."""

    def __init__(self, out: str | os.PathLike[str]) -> None:
        self.out = Path(out).absolute()  # workers may stand elsewhere
        self.folder = self.out / "bundles"

    def open(self) -> None:
        """Make the folder, and clear what killed processes left half-written.

        Raises
        ------
        ConfigError
            If the folder cannot be written to.
        """
        try:
            with replacing(self.folder / "probe") as temporary:
                temporary.write_bytes(b"")
            (self.folder / "probe").unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"out '{self.out}' cannot be written to ({error.strerror}): name another folder"
            ) from None
        for left in self.folder.glob(".*"):
            if time.time() - _written(left) > STALE:
                left.unlink(missing_ok=True)
        for bundle in self.folder.glob("[!.]*.nc"):
            state = self.state(bundle.stem).path
            if _written(state) <= _written(bundle):  # a later one is of runs that are tried again
                state.unlink(missing_ok=True)

    def read(self, name: str) -> xr.Dataset | None:
        """Return a finished bundle; None if there is none, or none that is whole.

        A damaged file is set aside with a warning.
        """
        path = self.path(name)
        if not path.exists():
            return None
        try:
            return _whole(path, name)
        except InvalidData as error:
            if path.exists():
                _set_aside(path, str(error))
            return None

    def write(self, name: str, bundle: xr.Dataset) -> None:
        """Keep a finished bundle, and drop its state.

        Raises
        ------
        ScalefitError
            If the disk is full or the folder cannot be written to.
        """
        stamped = bundle.assign_attrs(bundle=name, digest=digest(bundle))
        with self.writing():
            trajectory.write(stamped, self.path(name))
            self.state(name).path.unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """Return where a bundle is kept."""
        return self.folder / f"{name}.nc"

    def state(self, name: str) -> State:
        """Return where a bundle's state is kept."""
        return State(self, self.folder / f"{name}.state.npz")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what the file system refuses inside the block into one clear error."""
        try:
            yield
        except OSError as error:
            raise ScalefitError(
                f"out '{self.out}': {error.strerror or error}; what was finished is kept in "
                f"{self.folder}: make room or mend the permissions, then run the same again"
            ) from error


@dataclass(frozen=True)
class State:
    """Where the state of an unfinished bundle is kept: arrays by name, without pickle."""

    store: Store
    path: Path

    def read(self) -> dict[str, NDArray[Any]] | None:
        """Return what was written last; None if there is nothing whole."""
        try:
            with self.path.open("rb") as file:
                return dict(np.load(file, allow_pickle=False))
        except FileNotFoundError:  # another process may have finished the bundle
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _set_aside(self.path, f"{self.path}: {error}")
            return None

    def write(self, arrays: Mapping[str, NDArray[Any]], /) -> None:
        """Replace what was written before, all or nothing."""
        named: dict[str, Any] = dict(arrays)
        with self.store.writing(), replacing(self.path) as temporary:
            np.savez(temporary, **named)


def digest(bundle: xr.Dataset) -> str:
    """Return a hash of every value and coordinate."""
    found = hashlib.sha256()
    for name in sorted(map(str, bundle.variables)):
        values = bundle[name].values
        text = values.dtype.kind == "O"
        found.update(f"{name} {bundle[name].dims} {'text' if text else values.dtype.str}".encode())
        found.update("\0".join(map(str, values.flat)).encode() if text else values.tobytes())
    return found.hexdigest()


def merged(out: str | os.PathLike[str], *, variables: Sequence[str] | None = None) -> xr.Dataset:
    """Return every finished run in a folder; the body of `scalefit.trainers.merged`."""
    paths = sorted(Store(out).folder.glob("[!.]*.nc"))  # without temporary files
    if not paths:
        raise InvalidData(f"{out}: no finished bundle there; scalefit train --out makes them")
    parts = []
    for path in paths:
        bundle = _whole(path, path.stem)
        for name in variables or ():
            if name not in bundle.data_vars:
                hint = nearest(name, map(str, bundle.data_vars))
                raise InvalidData(f"{path}: no variable {name!r}; {hint}")
        parts.append(bundle if variables is None else bundle[list(variables)])
    parts.sort(key=lambda one: bool((one["status"] == "oom").any()))  # tried again, perhaps
    found = concat(_once(parts))
    telling = [str(name) for name in found.coords if name not in ("run", "status")]
    frame = found.drop_vars(list(found.data_vars)).reset_index("run").to_dataframe()
    return found.isel(run=frame.sort_values(telling, kind="stable").index.to_numpy())


def _once(parts: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return bundles without the runs that stand in an earlier one."""
    seen: set[str] = set()
    kept = []
    for part in parts:
        labels = list(map(str, part["run"].values))
        fresh = [i for i, label in enumerate(labels) if label not in seen]
        seen.update(labels)
        if fresh:
            kept.append(part.isel(run=fresh))
    return kept


def _whole(path: Path, name: str) -> xr.Dataset:
    """Return the bundle in a file, after checking that it is the one that was written."""
    found = trajectory.open_netcdf(path)
    if found.attrs.get("bundle") != name or found.attrs.get("digest") != digest(found):
        raise InvalidData(f"{path}: its values are not those that were written")
    return found


def _written(path: Path) -> float:
    """Return when a file was last written; never, if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _set_aside(path: Path, reason: str) -> None:
    path.replace(path.with_name(f"{path.name}.damaged"))
    warnings.warn(f"{reason}; set aside as {path.name}.damaged, and computed again", stacklevel=2)
