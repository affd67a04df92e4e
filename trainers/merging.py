"""Merging: all runs of a folder in one trajectory, whatever sweeps they belong to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scalefit.errors import ConfigError, InvalidData

from . import store
from .families import restored, simulation
from .trajectories import concat, simulated, unfinished

if TYPE_CHECKING:
    import os

    import xarray as xr


def merged(
    out: str | os.PathLike[str], *, variables: Sequence[str] | None = None, partial: bool = False
) -> xr.Dataset:
    """Return every run in a folder; the body of `scalefit.trainers.merged`."""
    parts = store.merged(out, variables=variables)
    if partial:
        parts = store.once([*parts, *_unfinished(store.Store(out), variables)])
    if not parts:
        state = "runs" if partial else "finished runs"
        raise InvalidData(f"{out}: no {state} there; scalefit train --out makes them")
    return store.ordered(concat(parts))


def _unfinished(folder: store.Store, variables: Sequence[str] | None) -> list[xr.Dataset]:
    """Return what runs under way have shown so far, those that are furthest first."""
    found = []
    for saved in reversed(folder.states()):
        kept = store.State(folder, saved.path, saved.keys).read()
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
