"""Joining of records: curves of several parts of one fit, as one record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from .inference.problem import ABSENT
from .record import Record

MODEL = ("regimes", "floor", "noise")


def joined(parts: Sequence[Record]) -> xr.DataTree:
    """Return the tree of the curves of several records, made with one plan, in their order."""
    names = list(dict.fromkeys(str(name) for part in parts for name in part.tree.children))
    groups = {}
    for name in names:
        kinds = {"models": _models, "constant_data": _points, "observed_data": _points}
        groups[name] = kinds.get(name, _draws)(
            [part.group(name) if name in part.tree.children else _nothing(part) for part in parts]
        )
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = dict(parts[0].tree.attrs)
    return tree


def _nothing(part: Record) -> xr.Dataset:
    """Return a group without variables of the runs of a part."""
    return xr.Dataset(coords={"run": part.group("posterior")["run"]})


def _draws(groups: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return draws or diagnostics, those with fewer regimes padded with NaN."""
    found = xr.concat(groups, "run", join="outer", data_vars="all", coords="minimal")
    if "noise" in found:
        order = ("chain", "draw", "run", ...)
        found = found.transpose(*order)
        for name, value in ABSENT.items():
            if name in found and found[name].dims == found["noise"].dims:
                there = np.isfinite(found["noise"]) & np.isnan(found[name])
                found[name] = found[name].where(~there, value)
    return found


def _points(groups: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return data and settings, shorter curves padded with NaN."""
    most = max(group.sizes["point"] for group in groups)
    every = {name for group in groups for name in group.data_vars}
    padded: list[xr.Dataset] = []
    for group in groups:
        for name in every - set(group.data_vars):  # errors, scatter or grain of other parts
            zero = xr.zeros_like(group["x"])
            zero = zero.isel(point=0) if name == "grain" else zero.where(np.isfinite(group["x"]))
            group = group.assign({name: zero})
        padded.append(group.pad(point=(0, most - group.sizes["point"])))
    labels = {name for group in groups for name in group.coords if group[name].dims == ("run",)}
    for name in labels:  # numbers in one part, texts in another
        if len({one[name].dtype.kind in "OUT" for one in padded}) > 1:
            padded = [
                one.assign_coords({name: ("run", one[name].astype(str).values.astype(object))})
                for one in padded
            ]
    return xr.concat(padded, "run", coords="minimal", combine_attrs="override")


def _models(groups: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return the models of all runs; what a part did not weigh has no state."""
    keys = list(
        dict.fromkeys(
            key for group in groups for key in zip(*(group[k].values for k in MODEL), strict=True)
        )
    )
    aligned = []
    for group in groups:
        known = list(zip(*(group[k].values for k in MODEL), strict=True))
        at = [known.index(key) if key in known else 0 for key in keys]
        there = xr.DataArray([key in known for key in keys], dims="model")
        picked = group.drop_vars(MODEL).isel(model=at)
        aligned.append(
            picked.assign(
                {
                    name: one.where(there, "" if name == "state" else np.nan)
                    for name, one in picked.data_vars.items()
                }
            )
        )
    found = xr.concat(aligned, "run")
    return found.assign_coords(
        {
            name: ("model", np.array([key[i] for key in keys], dtype=groups[0][name].dtype))
            for i, name in enumerate(MODEL)
        }
    )
