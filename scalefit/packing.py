"""Packing: the draws of many curves as small integers, so that a file of thousands stays small.

A draw is kept to 1/48 of the standard deviation of its kind, about half of what a thousand draws
leave unsure of a median. Of draws that two groups share one is kept, and numbers that are not draws
stay exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from .arrays import Array

FINE = 48
"""Steps in a standard deviation; where draws are positive, in one of their logarithms."""
LARGEST = 32000
"""Of the integers; those beyond it stand for what is no number, for zero and for infinity."""
MISSING, ZERO, INFINITE = -32768, -32767, 32767
OFFSET, STEP = "__offset", "__step"
DRAWS = ("posterior", "averaged")
UNUSED = ("level",)
"""Sampled in place of the amplitude, which says the same."""
BLOCK = 32
"""Curves that are compressed together."""


def packed(tree: xr.DataTree) -> xr.DataTree:
    """Return a fit as it is packed; what its variables are compressed by is in their encoding."""
    groups = {str(name): tree.children[name].to_dataset() for name in tree.children}
    draws = [name for name in groups if name in DRAWS or name.startswith("regimes_")]
    kept = {name: groups[name] for name in draws}
    for name in draws:
        again = _shared(kept["posterior"], kept[name]) if name != "posterior" else None
        groups[name] = _packed(kept[name], again)
        for one in groups[name].data_vars.values():
            if one.dtype == np.int16:
                how = {"zlib": True, "complevel": 4, "shuffle": True, "chunksizes": _chunk(one)}
                one.encoding.update(how)
    made = xr.DataTree.from_dict(groups)
    made.attrs = {**tree.attrs, "packed": 1}
    return made


def unpacked(tree: xr.DataTree) -> xr.DataTree:
    """Return a fit as it was before it was packed; one that was not, as it is."""
    if not tree.attrs.get("packed"):
        return tree
    groups = {str(name): tree.children[name].to_dataset() for name in tree.children}
    for name in groups:
        if name in DRAWS or name.startswith("regimes_"):
            groups[name] = _unpacked(groups[name])
    for name, dataset in groups.items():
        if name != "posterior" and "again" in dataset:
            groups[name] = _restored(groups["posterior"], dataset)
    made = xr.DataTree.from_dict(groups)
    made.attrs = {key: value for key, value in tree.attrs.items() if key != "packed"}
    return made


def _shared(first: xr.Dataset, other: xr.Dataset) -> Any:
    """Return of which runs a group has the very draws of the first one, as far as it has them."""
    same = np.ones(first.sizes["run"], dtype=bool)
    for name, one in other.data_vars.items():
        if name not in first:
            return np.zeros_like(same)
        wide = one.sizes.get(one.dims[-1]) if one.ndim > 3 else None
        there = first[name].values[..., :wide] if wide else first[name].values
        if there.shape != one.shape:
            return np.zeros_like(same)
        alike = (there == one.values) | (np.isnan(there) & np.isnan(one.values))
        same &= alike.all(axis=(0, 1, *range(3, one.ndim)))
    return same


def _packed(dataset: xr.Dataset, again: Any) -> xr.Dataset:
    """Return draws as integers; of the runs in `again`, which are elsewhere, nothing."""
    variables: dict[str, Any] = {}
    for key in dataset.data_vars:
        name, one = str(key), dataset[key].transpose("chain", "draw", "run", ...)
        if name in UNUSED:
            continue
        values = np.array(one.values, dtype=float)
        if again is not None:
            values[:, :, again] = np.nan
        found = _integers(values)
        if found is None:
            variables[name] = (one.dims, values.astype(np.float32), one.attrs)
            continue
        whole, offset, step, log = found
        variables[name] = (one.dims, whole, {**one.attrs, "log": int(log)})
        variables[name + OFFSET] = (one.dims[2:], offset)
        variables[name + STEP] = (one.dims[2:], step)
    if again is not None:
        variables["again"] = ("run", again.astype(np.int8))
    return xr.Dataset(variables, dataset.coords, dataset.attrs)


def _integers(values: Array) -> tuple[Any, Array, Array, bool] | None:
    """Return integers with offset and step; None where the tails are too long for them."""
    log = not bool((values < 0.0).any())
    plain = np.isfinite(values) & (values > 0.0 if log else values != 0.0)
    with np.errstate(all="ignore"):
        scaled = np.where(plain, np.log(values) if log else values, np.nan)
    ordered = np.sort(scaled.reshape(-1, *scaled.shape[2:]), axis=0)  # what is missing is last
    count = plain.sum(axis=(0, 1))
    low, lower, upper, high = (
        np.where(count, np.take_along_axis(ordered, place[None], axis=0)[0], 0.0)
        for place in (((count - 1).clip(0) * share).astype(int) for share in (0, 0.25, 0.75, 1))
    )
    spread = (upper - lower) / 1.35
    offset = 0.5 * (low + high)
    step = np.maximum(spread / FINE, (high - low) / (2.0 * LARGEST))
    if (step > 2.0 * np.maximum(spread, (high - low) / 16.0) / FINE).any():
        return None
    scaled = np.where(plain, (scaled - offset) / np.where(step > 0.0, step, 1.0), 0.0)
    whole = np.round(scaled).astype(np.int16)
    whole[np.isnan(values)] = MISSING
    whole[np.isposinf(values)] = INFINITE
    whole[values == 0.0] = ZERO
    return whole, offset, step, log


def _unpacked(dataset: xr.Dataset) -> xr.Dataset:
    """Return draws as numbers."""
    variables: dict[str, Any] = {}
    for key, one in dataset.data_vars.items():
        name = str(key)
        if name.endswith((OFFSET, STEP)):
            continue
        if name + STEP not in dataset:
            variables[name] = one if name == "again" else one.astype(float)
            continue
        whole = one.values
        values = dataset[name + OFFSET].values + dataset[name + STEP].values * whole
        values = np.exp(values) if one.attrs["log"] else values
        values[whole == MISSING] = np.nan
        values[whole == INFINITE] = np.inf
        values[whole == ZERO] = 0.0
        values = np.round(values) if name == "regimes" else values
        attrs = {key: value for key, value in one.attrs.items() if key != "log"}
        variables[name] = (one.dims, values, attrs)
    return xr.Dataset(variables, dataset.coords, dataset.attrs)


def _restored(first: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """Return a group with the draws that it shares with the first one."""
    again = other["again"].values.astype(bool)
    found = other.drop_vars("again")
    if not again.any():
        return found
    for name, one in found.data_vars.items():
        there = first[name].values
        wide = one.shape[-1] if one.ndim > 3 else None
        values = one.values
        values[:, :, again] = there[..., :wide][:, :, again] if wide else there[:, :, again]
        found[name] = (one.dims, values, one.attrs)
    return found


def _chunk(one: xr.DataArray) -> tuple[int, ...]:
    sizes = [min(one.sizes["run"], BLOCK) if dim == "run" else one.sizes[dim] for dim in one.dims]
    return tuple(sizes[:3]) + (1,) * (one.ndim - 3)
