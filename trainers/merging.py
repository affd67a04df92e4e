"""Merging: all runs of a folder in one trajectory, whatever sweeps they belong to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scalefit.errors import ConfigError, InvalidData, nearest

from .families import restored, simulation
from .states import State
from .store import Store, by_file, plain, whole
from .trajectories import concat, simulated, unfinished

if TYPE_CHECKING:
    import os

    import xarray as xr


def merged(
    out: str | os.PathLike[str], *, variables: Sequence[str] | None = None, partial: bool = False
) -> xr.Dataset:
    """Return every run in a folder; the body of `scalefit.trainers.merged`."""
    parts = once(_finished(Store(out), variables))
    if partial:
        parts = once([*parts, *_unfinished(Store(out), variables)])
    if not parts:
        state = "runs" if partial else "finished runs"
        raise InvalidData(f"{out}: no {state} there; scalefit train --out makes them")
    return _ordered(concat(parts))


def _unfinished(folder: Store, variables: Sequence[str] | None) -> list[xr.Dataset]:
    """Return what runs under way have shown so far, those that are furthest first."""
    found = []
    for saved in reversed(folder.states()):
        kept = State(saved.path, saved.keys).read()
        if kept is None:
            continue
        try:
            runs = [restored(text) for text in saved.identities]
        except ConfigError as error:
            warnings.warn(f"{saved.path}: left out: {error}", stacklevel=2)
            continue
        measured = {
            name.removeprefix("rows "): one for name, one in kept.items() if name[:5] == "rows "
        }
        one = simulation(runs[0].settings)
        made = simulated([unfinished(one, runs, measured)], {"seed": runs[0].root})
        wanted = [name for name in variables or made.data_vars if name in made.data_vars]
        if wanted:
            found.append(made[wanted])
    return found


def _finished(folder: Store, variables: Sequence[str] | None) -> list[xr.Dataset]:
    """Return every finished run in a folder, file by file, those that lacked memory last."""
    parts = []
    for path, rows in by_file(dict.fromkeys(folder.index().places.values())).items():
        bundle = plain(whole(path).isel(run=sorted(rows)))
        for name in variables or ():
            if name not in bundle.data_vars:
                hint = nearest(name, map(str, bundle.data_vars))
                raise InvalidData(f"{path}: no variable {name!r}; {hint}")
        parts.append(bundle if variables is None else bundle[list(variables)])
    parts.sort(key=lambda one: bool((one["status"] == "oom").any()))  # tried again, perhaps
    return parts


def _ordered(found: xr.Dataset) -> xr.Dataset:
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
