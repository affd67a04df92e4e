"""Skipping: runs that are left out by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scalefit.errors import InvalidData
from scalefit.wording import counted, inline, listed, quoted, suggest


def remaining(
    ids: NDArray[Any], names: Sequence[str], source: str
) -> tuple[NDArray[np.bool_], str]:
    """Return which runs are not among some names, and a note.

    Raises
    ------
    InvalidData
        If a name is that of no run, or no run is left.
    """
    for name in names:
        if name not in ids.tolist():
            raise InvalidData(
                f"{inline(source)}: no run {quoted(name)} to skip; {suggest(name, ids.tolist())}"
            )
    kept = ~np.isin(ids.astype(str), list(names))
    if not kept.any():
        raise InvalidData(f"{inline(source)}: every run is skipped; leave one")
    return kept, f"{counted(len(set(names)), 'run')} left out as asked: {listed(names)}"


def without(dataset: xr.Dataset, skip_run: str | Sequence[str]) -> xr.Dataset:
    """Return a trajectory without some runs, which a note in its attribute `reading` says.

    Raises
    ------
    InvalidData
        If a name is that of no run, or no run is left.
    """
    names = [skip_run] if isinstance(skip_run, str) else list(skip_run)
    if not names:
        return dataset
    kept, note = remaining(dataset["run"].values, names, str(dataset.attrs["source"]))
    told = [*str(dataset.attrs.get("reading", "")).splitlines(), note]
    return dataset.isel(run=np.flatnonzero(kept)).assign_attrs(reading="\n".join(told))
