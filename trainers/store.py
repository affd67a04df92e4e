"""Store: the folder of a sweep, with finished runs in bundles and the state of unfinished ones.

    runs/sweeps/5d0e...72.json          a sweep that was asked for
    runs/bundles/4f0c...e1.nc           finished runs of one protocol, each found by its key
    runs/bundles/77a1...09.state.npz    runs under way, saved every few minutes
    runs/bundles/3f09...a2.claim        runs that a living process trains (`claims.py`)
    runs/bundles/4f0c...e1.nc.damaged   set aside: it could not be read, or its values had changed

Every file is written under another name and then renamed, so that a kill at any moment leaves
whole files. A run's key is the hash of everything that determines its numbers, whatever sweep asks
for it; it stands in the bundle as the run coordinate `key`. Bundles of schema 1 have no keys: their
runs are found by what they say of themselves.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from scalefit import netcdf, trajectory
from scalefit.errors import ConfigError, InvalidData, ScalefitError, nearest
from scalefit.storage import replacing

from .claims import TURN, Claims
from .trajectories import concat

if TYPE_CHECKING:
    import os

    import xarray as xr
    from numpy.typing import NDArray

    from .protocol import Run

SCHEMA = 2
MANY, LARGE = 16, 512
"""So many files of fewer runs than that are put together."""
STALE = 3600.0
"""Seconds after which a temporary file belongs to no living process; writing takes far less."""
KEY, POINTS = "key", "points_measured"
"""Run coordinates of a bundle that its trajectory does not have."""


class Place(NamedTuple):
    """Where a finished run stands: its file and its row, and how it ended."""

    path: Path
    row: int
    status: str


@dataclass
class Index:
    """What a folder holds.

    Attributes
    ----------
    places
        The place of every run by its key; of two places, one where memory sufficed.
    described
        Whether there are bundles without keys.
    """

    places: dict[str, Place] = field(default_factory=dict)
    described: bool = False

    def find(self, run: Run, determinism: str) -> Place | None:
        """Return where a run is, if it need not be trained; there may be more memory now."""
        place = self.places.get(run.key(determinism))
        if place is None and self.described:
            place = self.places.get(described(run, determinism))
        return None if place is None or place.status == "oom" else place


class Store:
    """The folder of a sweep."""

    def __init__(self, out: str | os.PathLike[str]) -> None:
        self.out = Path(out).absolute()  # workers may stand elsewhere
        self.folder = self.out / "bundles"
        self.claims = Claims(self.folder)
        self._known: dict[Path, tuple[tuple[int, int], list[tuple[str, str]], int]] = {}

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
            if left.name != TURN and time.time() - _written(left) > STALE:
                left.unlink(missing_ok=True)

    def note(self, config: str, determinism: str, seed: int) -> None:
        """Keep what was asked for, so that it can be told how much of it is done."""
        text = json.dumps({"config": config, "determinism": determinism, "seed": seed}, indent=1)
        path = self.out / "sweeps" / f"{hashed([text])}.json"
        if not path.exists():
            with self.writing(), replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def index(self) -> Index:
        """Return what the folder holds now; a file that cannot be read is set aside, and told."""
        found = Index()
        for path in sorted(self.folder.glob("[!.]*.nc")):
            try:
                stamp = path.stat()
                now = (stamp.st_mtime_ns, stamp.st_size)
                if path not in self._known or self._known[path][0] != now:
                    self._known[path] = (now, *_runs_in(path))
            except FileNotFoundError:
                continue
            except InvalidData as error:
                _set_aside(path, str(error))
                continue
            _, runs, schema = self._known[path]
            if schema > SCHEMA:
                warnings.warn(
                    f"{path}: of a later version of scalefit (schema {schema}), left as it is: "
                    "what it holds is not known here",
                    stacklevel=2,
                )
            found.described |= schema < SCHEMA
            for row, (key, status) in enumerate(runs):
                if key not in found.places or status != "oom":
                    found.places[key] = Place(path, row, status)
        return found

    def read(self, places: Iterable[Place]) -> dict[Place, xr.Dataset] | None:
        """Return whole files by one of their places; None if one turned out to be damaged.

        What is damaged is set aside with a warning.
        """
        files: dict[Path, list[Place]] = {}
        for place in places:
            files.setdefault(place.path, []).append(place)
        found: dict[Place, xr.Dataset] = {}
        for path, held in files.items():
            try:
                bundle = whole(path)
            except InvalidData as error:
                if path.exists():
                    _set_aside(path, str(error))
                return None
            rows = [place.row for place in held]
            if rows != list(range(bundle.sizes["run"])):
                bundle = bundle.isel(run=rows)
            found[held[0]] = plain(bundle)
        return found

    def write(self, bundle: xr.Dataset) -> Path:
        """Keep finished runs, with keys, in a file of their own, and return it.

        Raises
        ------
        ScalefitError
            If the disk is full or the folder cannot be written to.
        """
        name = hashed(bundle[KEY].values.tolist())
        stamped = bundle.assign_attrs(bundle=name, store=SCHEMA)
        path = self.folder / f"{name}.nc"
        with self.writing():
            trajectory.write(stamped.assign_attrs(digest=digest(stamped)), path)
        return path

    def gather(self) -> None:
        """Put many small files together, for opening one takes longer than reading what is in it.

        Processes that look for a file that is gone find its runs in the new one.
        """
        index = self.index()
        rows: dict[Path, int] = {}
        for place in index.places.values():
            rows[place.path] = rows.get(place.path, 0) + 1
        small = [path for path, count in rows.items() if count < LARGE]
        if len(small) < MANY:
            return
        with self.claims.turn():
            forms: dict[Any, list[tuple[Path, xr.Dataset]]] = {}
            for path in small:
                try:
                    bundle = whole(path)
                except InvalidData:  # gone, or told when its runs are asked for
                    continue
                if KEY in bundle.coords and bundle.sizes["run"] == rows[path]:
                    sizes = {d: n for d, n in bundle.sizes.items() if d not in ("run", "point")}
                    told = [bundle.attrs.get(name) for name in ("determinism", "seed", "source")]
                    form = (tuple(bundle.variables), tuple(sizes.items()), *map(str, told))
                    forms.setdefault(form, []).append((path, bundle))
            for group in forms.values():
                for first in range(0, len(group), MANY):
                    part = group[first : first + MANY]
                    if len(part) > 1:
                        joined = concat([bundle for _, bundle in part])
                        latest = max(str(bundle.attrs.get("created", "")) for _, bundle in part)
                        self.write(joined.assign_attrs(created=latest))
                        for path, _ in part:
                            path.unlink(missing_ok=True)

    def state(self, keys: Sequence[str]) -> State:
        """Return where the state of a call is kept."""
        return State(self, self.folder / f"{hashed(keys)}.state.npz", tuple(keys))

    def states(self) -> list[Saved]:
        """Return which runs have a state, the furthest last."""
        found = []
        for path in sorted(self.folder.glob("[!.]*.state.npz")):
            saved = _saved(path)
            if saved is not None:
                found.append(saved)
        return sorted(found, key=lambda one: one.step)

    def clear(self, keys: Iterable[str]) -> None:
        """Drop the states whose runs are all finished."""
        finished = set(keys)
        for saved in self.states():
            if finished.issuperset(saved.keys):
                saved.path.unlink(missing_ok=True)

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
class Saved:
    """A state on disk: which runs it holds, after how many steps, and which settings they have."""

    path: Path
    keys: tuple[str, ...]
    step: int
    identities: tuple[str, ...]


@dataclass
class State:
    """Where the state of a call is kept: arrays by name, without pickle.

    Attributes
    ----------
    store, path
        The folder, and the file that is written.
    keys
        Of the call's runs, along the first axis of all arrays.
    identities
        What they are, as canonical JSON.
    source
        The file that is read, if another; it may hold more runs.
    """

    store: Store
    path: Path
    keys: tuple[str, ...]
    identities: tuple[str, ...] = ()
    source: Path | None = None

    def read(self) -> dict[str, NDArray[Any]] | None:
        """Return what was written last of these runs; None if there is nothing whole."""
        path = self.source or self.path
        arrays = _arrays(path)
        if arrays is None:
            return None
        held = arrays.pop("keys").tolist()
        arrays.pop("identities", None)
        if not set(held).issuperset(self.keys):
            return None
        step = arrays.pop("step")
        rows = [held.index(key) for key in self.keys]
        return {"step": step, **{name: array[rows] for name, array in arrays.items()}}

    def write(self, arrays: Mapping[str, NDArray[Any]], /) -> None:
        """Replace what was written before, all or nothing."""
        named: dict[str, Any] = dict(arrays)
        named |= {"keys": np.array(self.keys), "identities": np.array(self.identities)}
        with self.store.writing(), replacing(self.path) as temporary:
            np.savez(temporary, **named)

    def drop(self) -> None:
        """Forget the state of runs that are finished."""
        self.path.unlink(missing_ok=True)


def hashed(keys: Iterable[str]) -> str:
    """Return the hash of keys, in which their order does not count."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:24]


def digest(bundle: xr.Dataset) -> str:
    """Return a hash of every value and coordinate."""
    found = hashlib.sha256()
    for name in sorted(map(str, bundle.variables)):
        variable = bundle.variables[name]
        values = variable.values
        text = values.dtype.kind == "O"
        found.update(f"{name} {variable.dims} {'text' if text else values.dtype.str}".encode())
        found.update("\0".join(map(str, values.flat)).encode() if text else values.tobytes())
    return found.hexdigest()


def merged(
    out: str | os.PathLike[str], *, variables: Sequence[str] | None = None
) -> list[xr.Dataset]:
    """Return every finished run in a folder, file by file."""
    index = Store(out).index()
    by_file: dict[Path, list[int]] = {}
    for place in dict.fromkeys(index.places.values()):
        by_file.setdefault(place.path, []).append(place.row)
    parts = []
    for path, rows in by_file.items():
        bundle = plain(whole(path).isel(run=sorted(rows)))
        for name in variables or ():
            if name not in bundle.data_vars:
                hint = nearest(name, map(str, bundle.data_vars))
                raise InvalidData(f"{path}: no variable {name!r}; {hint}")
        parts.append(bundle if variables is None else bundle[list(variables)])
    parts.sort(key=lambda one: bool((one["status"] == "oom").any()))  # tried again, perhaps
    return once(parts)


def ordered(found: xr.Dataset) -> xr.Dataset:
    """Return runs in the order of their settings."""
    telling = [
        str(name)
        for name, one in found.coords.items()
        if one.dims == ("run",) and name not in ("run", "status")
    ]
    frame = found[telling].reset_index("run").to_dataframe() if telling else None
    if frame is None:
        return found
    return found.isel(run=frame.sort_values(telling, kind="stable").index.to_numpy())


def plain(bundle: xr.Dataset) -> xr.Dataset:
    """Return the trajectory in a bundle: without keys, and as long as its longest run."""
    if POINTS in bundle.coords:
        bundle = bundle.isel(point=slice(int(bundle[POINTS].max())))
    attrs = {
        name: one for name, one in bundle.attrs.items() if name not in ("bundle", "digest", "store")
    }
    return (
        bundle.drop_vars([KEY, POINTS], errors="ignore").drop_attrs(deep=False).assign_attrs(attrs)
    )


def described(run: Run, determinism: str) -> str:
    """Return what a bundle of schema 1 says of a run."""
    settings = run.settings.coordinates()
    return _described(determinism, run.root, run.label, {**settings, "seed": run.seed})


def _described(determinism: str, root: int, label: str, told: Mapping[str, Any]) -> str:
    plain = {
        name: value if isinstance(value, str) else float(value) for name, value in told.items()
    }
    return json.dumps([determinism, int(root), label, plain], sort_keys=True)


def whole(path: Path) -> xr.Dataset:
    """Return the bundle in a file, after checking that it is what was written.

    Raises
    ------
    InvalidData
        If it is not, or the file cannot be read.
    """
    found = trajectory.open_netcdf(path)
    if found.attrs.get("bundle") != path.stem or found.attrs.get("digest") != digest(found):
        raise InvalidData(f"{path}: its values are not those that were written")
    return found


def _runs_in(path: Path) -> tuple[list[tuple[str, str]], int]:
    """Return key and status of every run in a file, and the version of the store that wrote it.

    Values are not checked; they are when they are read.
    """
    import h5py

    with netcdf.reading(path), h5py.File(path, "r") as file:
        schema = int(np.asarray(file.attrs.get("store", 1)).item())
        if schema > SCHEMA:
            return [], schema
        if file.attrs.get("bundle") != path.stem:
            raise InvalidData(f"{path}: its values are not those that were written")
        columns = {
            unquote(name): (one.asstr()[()] if h5py.check_string_dtype(one.dtype) else one[()])
            for name, one in file.items()
            if one.shape == file["run"].shape
            and (name == "run" or one.attrs.get("CLASS") != b"DIMENSION_SCALE")
            and (KEY not in file or name in (KEY, "status"))
        }
        determinism, root = (file.attrs.get(name, 0) for name in ("determinism", "seed"))
        told = {name: column.tolist() for name, column in columns.items()}
        states = list(map(str, told.pop("status")))
        if KEY in told:
            return list(zip(told[KEY], states, strict=True)), schema
        labels = told.pop("run")
        keys = [
            _described(
                str(determinism),
                int(np.asarray(root).item()),
                label,
                {name: column[row] for name, column in told.items()},
            )
            for row, label in enumerate(labels)
        ]
        return list(zip(keys, states, strict=True)), schema


def once(parts: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return bundles without the runs that stand in an earlier one."""
    seen: set[str] = set()
    kept = []
    for part in parts:
        labels = list(map(str, part["run"].values))
        fresh = [i for i, label in enumerate(labels) if label not in seen]
        seen.update(labels)
        if fresh:
            kept.append(part if len(fresh) == len(labels) else part.isel(run=fresh))
    return kept


def _arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """Return the arrays in a state; None if there is none, or none that is whole."""
    try:
        with path.open("rb") as file:
            return dict(np.load(file, allow_pickle=False))
    except FileNotFoundError:  # another process may have finished the runs
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _set_aside(path, f"{path}: {error}")
        return None


def _saved(path: Path) -> Saved | None:
    """Return which runs a state holds, without reading it all; None if it does not say."""
    try:
        with path.open("rb") as file:
            held = np.load(file, allow_pickle=False)
            if "keys" not in held:
                return None  # of an earlier version
            keys, identities = held["keys"].tolist(), held["identities"].tolist()
            return Saved(path, tuple(keys), int(held["step"]), tuple(identities))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        _set_aside(path, f"{path}: {error}")
        return None


def _written(path: Path) -> float:
    """Return when a file was last written; never, if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _set_aside(path: Path, reason: str) -> None:
    path.replace(path.with_name(f"{path.name}.damaged"))
    warnings.warn(f"{reason}; set aside as {path.name}.damaged, and computed again", stacklevel=2)
