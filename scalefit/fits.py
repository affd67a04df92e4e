"""`Fits`: a fit of very many curves, in a folder of parts, of which one is in memory at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import arguments, netcdf
from .analysis import choice
from .errors import ConfigError, InvalidData
from .joining import joined
from .laws import Law
from .laws.described import damaged
from .plot.style import MOST
from .record import SCHEMA
from .report.content import CURVES
from .result import Fit, load
from .wording import counted, inline, quoted, state

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

NAME = re.compile(r"\d{5}\.nc")


class Entry(NamedTuple):
    """What is known of a part without reading its draws."""

    path: Path
    runs: list[str]
    verdicts: list[str]
    notes: list[list[str]]
    coordinates: dict[str, NDArray[Any]]


class Fits:
    """The fits of very many curves in a folder; made by `scalefit.fit_to`, never changes.

    Names, verdicts, notes and settings are in memory, draws are read part by part as they are asked
    for. `len(fits)`, `for run in fits`, `fits["base"]` and `fits[["base", "large"]]`, which are a
    `Fit`, are as for a fit of several curves.

    Parameters
    ----------
    folder
        Where `scalefit.fit_to` or `scalefit fit --out` left the parts.
    law
        The law object, where it is not one of `scalefit.laws`.

    Raises
    ------
    InvalidData
        If the folder holds no fit, or not yet all of it.
    """

    def __init__(self, folder: str | os.PathLike[str], *, law: Law | None = None) -> None:
        self.folder = Path(arguments.path(folder))
        self._law = law
        paths = parts(self.folder)
        if not paths:
            raise InvalidData(
                f"{inline(self.folder)}: no parts of a fit are in this folder; they are written by "
                "scalefit.fit_to, or by scalefit fit --out of more than 1000 curves"
            )
        wanted = stated(paths[0])[2]
        if len(paths) != wanted:
            raise InvalidData(
                f"{inline(self.folder)}: {len(paths)} of {counted(wanted, 'part')} are there; run "
                "the same fit again, which goes on where it stopped"
            )
        self._entries = [_entry(path, place, wanted) for place, path in enumerate(paths)]
        self._place = {run: i for i, one in enumerate(self._entries) for run in one.runs}
        if len(self._place) < sum(len(one.runs) for one in self._entries):
            raise InvalidData(f"{inline(self.folder)}: {damaged('a run occurs twice')}")

    def __repr__(self) -> str:
        """Return how many curves there are, their verdicts, and how to read them."""
        states = [state(word) for word in self.verdict.values()]
        said = ", ".join(
            f"{states.count(word)} {word}"
            for word in ("ok", "doubtful", "unreliable")
            if word in states
        )
        return (
            f"Fits of {counted(len(self), 'curve')} in {inline(self.folder)}: {said}\n"
            "fits[run] and fits[[...]] are fits, fits.parts() all of them one part at a time;\n"
            "fits.summary() has every parameter"
        )

    def __len__(self) -> int:
        """Return the number of curves."""
        return len(self._place)

    def __iter__(self) -> Iterator[str]:
        """Return the names of the curves one by one."""
        return iter(self._place)

    def __contains__(self, run: object) -> bool:
        """Return whether a curve is named so."""
        return run in self._place

    def __getitem__(self, name: str | Sequence[str]) -> Fit:
        """Return the fit of one curve, or of several; these are in memory together.

        Raises
        ------
        ConfigError
            If no curve is named so.
        """
        return self._only(choice.by_name(self, name))

    def sel(self, **settings: Any) -> Fit:
        """Return the fit of the curves that have these settings, as `Fit.sel` does."""
        return self._only(choice.by_setting(self, settings))

    def parts(self) -> Iterator[Fit]:
        """Return all curves as one fit after the other."""
        for one in self._entries:
            yield load(one.path, law=self._law)

    @property
    def runs(self) -> list[str]:
        """Names of the curves."""
        return list(self._place)

    @cached_property
    def verdict(self) -> dict[str, str]:
        """Per curve `"ok"`, or what is wrong and what to try; see `Fit.verdict`."""
        every = (zip(one.runs, one.verdicts, strict=True) for one in self._entries)
        return {run: said for part in every for run, said in part}

    @cached_property
    def notes(self) -> dict[str, list[str]]:
        """Per curve, what was done to its points, and which models were left out and why."""
        every = (zip(one.runs, one.notes, strict=True) for one in self._entries)
        return {run: said for part in every for run, said in part}

    @property
    def ok(self) -> bool:
        """Whether every verdict is `"ok"`."""
        return all(word == "ok" for word in self.verdict.values())

    @property
    def coordinates(self) -> dict[str, NDArray[Any]]:
        """What tells the curves apart: the value of each setting at every run, by its name."""
        first = self._entries[0].coordinates
        return {
            name: np.concatenate([one.coordinates[name] for one in self._entries]) for name in first
        }

    def summary(self, interval: float = 0.9) -> pd.DataFrame:
        """Return one row per run, parameter and regime, as `Fit.summary` does."""
        import pandas as pd

        return pd.concat([part.summary(interval) for part in self.parts()], ignore_index=True)

    def predict(self, x: ArrayLike, **options: Any) -> xr.Dataset:
        """Return the prediction of y, dims (run, x); options as for `Fit.predict`."""
        import xarray as xr

        return xr.concat([part.predict(x, **options) for part in self.parts()], "run")

    def reach(self, target: ArrayLike, **options: Any) -> pd.DataFrame:
        """Return whether the curves reach a target, and where; options as for `Fit.reach`."""
        import pandas as pd

        found = [part.reach(target, **options) for part in self.parts()]
        return pd.concat(found, ignore_index=True)

    def plot(self, ax: Axes | None = None, *, most: int = MOST, beyond: float = 1.0) -> Axes:
        """Draw the first curves on one axes, 20 unless asked otherwise, as `Fit.plot` does."""
        from .plot.curve import curve

        if not (arguments.whole(most) and most >= 1):
            raise ConfigError(f"most={quoted(most)}: give a number of curves, 1 or more")
        drawn: Any = curve(self._only(self.runs[:most]), None, ax, beyond=beyond, most=most)
        if most < len(self):
            drawn.set_title(f"first {most} of {len(self)} curves", fontsize=10)
        return drawn  # type: ignore[no-any-return]

    def report(self, path: str | os.PathLike[str], *, interval: float = 0.9, seed: int = 0) -> None:
        """Write the page of 200 curves, those whose verdict is not ok first; see `Fit.report`."""
        from . import report

        arguments.tails(interval)
        arguments.root(seed)
        verdict = self.verdict
        chosen = set(sorted(self.runs, key=lambda run: verdict[run] == "ok")[:CURVES])
        shown = self._only([run for run in self.runs if run in chosen])
        bad = sum(word != "ok" for word in verdict.values())
        path = arguments.path(path)
        report.write(shown, path, interval, seed=seed, among=(len(self), bad))

    def _only(self, runs: Sequence[str]) -> Fit:
        """Return the fit of some of the curves, in the order of `runs`."""
        wanted: dict[int, list[str]] = {}
        for run in runs:
            wanted.setdefault(self._place[run], []).append(run)
        found = [
            load(self._entries[place].path, law=self._law).only(some)
            for place, some in sorted(wanted.items())
        ]
        if len(found) == 1:
            return found[0].only(runs)
        return Fit(found[0].law, joined(found)).only(runs)


def parts(folder: Path) -> list[Path]:
    """Return the files of a folder that are named as parts, in order."""
    try:
        return sorted(one for one in folder.iterdir() if NAME.fullmatch(one.name))
    except OSError:
        return []


def stated(path: Path) -> tuple[str, int, int]:
    """Return of which fit a file is a part, which part, and of how many; -1 where it is none."""
    import xarray as xr

    with netcdf.reading(path) as schema, xr.open_dataset(path, engine="h5netcdf") as root:
        attrs = root.attrs if schema == SCHEMA else {}
        place, count = attrs.get("part"), attrs.get("parts")
        if not (isinstance(place, int | np.integer) and isinstance(count, int | np.integer)):
            return "", -1, -1
        return str(attrs.get("fit", "")), int(place), int(count)


def _entry(path: Path, place: int, count: int) -> Entry:
    """Return what is known of a part without reading its draws."""
    import xarray as xr

    if stated(path)[1:] != (place, count):
        raise InvalidData(f"{inline(path)}: this is no part of the fit that the first file is of")
    with netcdf.reading(path):
        groups = []
        for name in ("diagnostics", "constant_data"):
            opened = xr.open_dataset(path, group=name, engine="h5netcdf", decode_times=False)
            with opened as group:
                numbers = [one for one in group.data_vars if one not in ("verdict", "notes")]
                groups.append(group.drop_vars(numbers).load())
        said, constant = groups
        texts = [[str(one) for one in said[name].values] for name in ("run", "verdict", "notes")]
        runs, verdicts, notes = texts
        settings = {
            str(one.attrs.get("long_name", name)): one.values
            for name, one in constant.coords.items()
            if one.dims == ("run",) and name != "run"
        }
    return Entry(path, runs, verdicts, [one.splitlines() for one in notes], settings)
