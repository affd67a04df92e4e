"""Settings that tell curves apart where x is a run coordinate and none are named."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray


def defining(dataset: xr.Dataset, x: str) -> list[str]:
    """Return the run coordinates that runs of one curve share unless others are named.

    They are all that vary, but for x, the seed, and what follows from these: a coordinate that
    rises or falls with x, that belongs to a seed, or that leaves no two x for any of its values, as
    the name of a run does.
    """
    at = dataset[x].values
    names = chosen(dataset, x)
    columns = {name: codes(dataset[name].values) for name in names}
    seeds = [name for name in names if is_seed(name)]
    across = codes(at)
    return [
        name
        for name in names
        if name not in seeds
        and columns[name].max(initial=0) > 0
        and not _follows(dataset[name].values, columns[name], at, across)
        and not any(
            columns[seed].max(initial=0) > 0 and function(columns[name], columns[seed])
            for seed in seeds
        )
    ]


def chosen(dataset: xr.Dataset, *but: str) -> list[str]:
    """Return the run coordinates that are settings, but for some.

    Names, how runs ended, and what they found, as simulations mark it, are none.
    """
    left_out = {"run", "status", *but}
    return [
        str(name)
        for name, one in dataset.coords.items()
        if one.dims == ("run",) and name not in left_out and one.attrs.get("role") != "outcome"
    ]


def is_seed(name: str) -> bool:
    """Return whether a coordinate is the seed of random numbers, by its name."""
    return "seed" in re.findall(r"[a-z]+", name.lower().replace("seeds", "seed"))


def codes(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return a whole number for each value; missing ones are alike."""
    text = ["" if one != one else one for one in values.tolist()]
    known = {one: i for i, one in enumerate(dict.fromkeys(text))}
    return np.array([known[one] for one in text], dtype=np.intp)


def function(of: NDArray[np.intp], by: NDArray[np.intp]) -> bool:
    """Return whether each value of one column goes with a single value of the other."""
    return len(set(zip(by.tolist(), of.tolist(), strict=True))) == len(set(by.tolist()))


def _follows(
    values: NDArray[Any], codes: NDArray[np.intp], at: NDArray[Any], across: NDArray[np.intp]
) -> bool:
    """Return whether a coordinate follows from x, or is as good as a name of single points."""
    pairs = {*zip(codes.tolist(), across.tolist(), strict=True)}
    if len(pairs) == codes.max() + 1:  # one x each
        return True
    if not function(codes, across) or values.dtype.kind not in "iuf":
        return False
    steps = np.diff(values[np.argsort(at, kind="stable")].astype(float))
    return bool((steps >= 0.0).all() or (steps <= 0.0).all())
