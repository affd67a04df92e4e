"""Store: the folder of a sweep, with finished runs in bundles and the state of unfinished ones.

    runs/sweeps/5d0e...72.json          a sweep that was asked for
    runs/bundles/4f0c...e1.nc           finished runs of one protocol, each found by its key
    runs/bundles/77a1...09.state.npz    runs under way, saved every minute or less often
    runs/bundles/3f09...a2.claim        runs that a living process trains (`claims.py`)
    runs/bundles/4f0c...e1.nc.damaged   set aside: it could not be read, or its values had changed

Every file is written under another name and then renamed, so that a kill at any moment leaves
whole files. A run's key is the hash of everything that determines its numbers, whatever sweep asks
for it; it stands in the bundle as the run coordinate `key`. Bundles of schema 1 have no keys: their
runs are found by what they say of themselves.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from scalefit import netcdf, trajectory
from scalefit.errors import ConfigError, InvalidData
from scalefit.storage import replacing

from .claims import TURN, Claims
from .states import Saved, State, hashed, saved, set_aside, writing
from .trajectories import concat

if TYPE_CHECKING:
    import os

    import xarray as xr

    from .protocol import Run

SCHEMA = 2
MANY, LARGE = 5, 4096
"""So many files of fewer runs than that are put together."""
TOGETHER = 64
"""Files that become one, at most."""
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
            with writing(self.folder), replacing(path) as temporary:
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
                set_aside(path, str(error))
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

    def read(self, places: Iterable[Place]) -> list[xr.Dataset] | None:
        """Return the runs at some places, file by file; None if a file turned out to be damaged.

        What is damaged is set aside with a warning.
        """
        found = []
        for path, rows in by_file(places).items():
            try:
                bundle = whole(path)
            except InvalidData as error:
                if path.exists():
                    set_aside(path, str(error))
                return None
            if rows != list(range(bundle.sizes["run"])):
                bundle = bundle.isel(run=rows)
            found.append(plain(bundle))
        return found

    def write(self, bundle: xr.Dataset) -> None:
        """Keep finished runs, with keys, in a file of their own.

        Raises
        ------
        ScalefitError
            If the disk is full or the folder cannot be written to.
        """
        name = hashed(bundle[KEY].values.tolist())
        stamped = bundle.assign_attrs(bundle=name, store=SCHEMA)
        path = self.folder / f"{name}.nc"
        with writing(self.folder):
            trajectory.write(stamped.assign_attrs(digest=digest(stamped)), path)

    def gather(self) -> None:
        """Put many small files together, for opening one takes longer than reading what is in it.

        Processes that look for a file that is gone find its runs in the new one.
        """
        held = by_file(self.index().places.values())
        small = [path for path, rows in held.items() if len(rows) < LARGE]
        if len(small) < MANY:
            return
        with self.claims.turn():
            forms: dict[Any, dict[Path, xr.Dataset]] = {}
            for path in small:
                try:
                    bundle = whole(path)
                except InvalidData:  # gone, or told when its runs are asked for
                    continue
                if KEY in bundle.coords and bundle.sizes["run"] == len(held[path]):
                    forms.setdefault(_form(bundle), {})[path] = bundle
            for group in forms.values():
                for first in range(0, len(group), TOGETHER):
                    self._join(dict(islice(group.items(), first, first + TOGETHER)))

    def _join(self, bundles: Mapping[Path, xr.Dataset]) -> None:
        """Write bundles of one form as one, and drop their files."""
        if len(bundles) < 2:
            return
        latest = max(str(bundle.attrs.get("created", "")) for bundle in bundles.values())
        self.write(concat(list(bundles.values())).assign_attrs(created=latest))
        for path in bundles:
            path.unlink(missing_ok=True)

    def state(self, keys: Sequence[str]) -> State:
        """Return where the state of a call is kept."""
        return State(self.folder / f"{hashed(keys)}.state.npz", tuple(keys))

    def states(self) -> list[Saved]:
        """Return which runs have a state, the furthest last."""
        found = []
        for path in sorted(self.folder.glob("[!.]*.state.npz")):
            one = saved(path)
            if one is not None:
                found.append(one)
        return sorted(found, key=lambda one: one.step)

    def clear(self, keys: Iterable[str]) -> None:
        """Drop the states whose runs are all finished."""
        finished = set(keys)
        for one in self.states():
            if finished.issuperset(one.keys):
                one.path.unlink(missing_ok=True)


def by_file(places: Iterable[Place]) -> dict[Path, list[int]]:
    """Return the rows of some places by their file."""
    found: dict[Path, list[int]] = {}
    for place in places:
        found.setdefault(place.path, []).append(place.row)
    return found


def _form(bundle: xr.Dataset) -> tuple[Any, ...]:
    """Return what bundles have in common that can be one, padded along points only."""
    sizes = tuple((dim, size) for dim, size in bundle.sizes.items() if dim not in ("run", "point"))
    told = [str(bundle.attrs.get(name)) for name in ("determinism", "seed", "source")]
    return (tuple(bundle.variables), sizes, *told)


def digest(bundle: xr.Dataset) -> str:
    """Return a hash of every value and coordinate."""
    found = hashlib.sha256()
    for name in sorted(map(str, bundle.variables)):
        variable = bundle.variables[name]
        values = variable.values
        text = values.dtype.kind in "OU"  # read back, both are the former
        found.update(f"{name} {variable.dims} {'text' if text else values.dtype.str}".encode())
        found.update("\0".join(map(str, values.flat)).encode() if text else values.tobytes())
    return found.hexdigest()


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
    h5py: Any = importlib.import_module("h5py")
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


def _written(path: Path) -> float:
    """Return when a file was last written; never, if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf
