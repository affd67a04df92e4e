"""How a fit is laid out in memory and on disk: one DataTree, one netCDF file."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from . import __version__
from .curves import Curve
from .errors import ConfigError, InvalidData
from .inference import Posterior
from .laws import BrokenPowerLaw, Law
from .storage import replacing
from .trajectory import escaped

Array = NDArray[np.float64]

SCHEMA = "scalefit-fit/1"
AXES = {"regime": "regime", "crossover": "boundary"}


def tree_of(
    law: Law,
    curves: Sequence[Curve],
    posteriors: Sequence[Posterior],
    *,
    x: Mapping[str, str],
    y: Mapping[str, str],
    method: str,
    seed: int,
) -> xr.DataTree:
    """Return one posterior per curve, all of the same law and shape, as one tree.

    `x` and `y` hold the `name`, `label` and `unit` of each axis.
    """
    runs = {"run": np.array([curve.run for curve in curves], dtype=object)}
    dims = {p.name: AXES.get(p.per, f"{p.name}_index") for p in law.parameters}

    def stack(parts: Sequence[Mapping[str, Array]], *lead: str, prefix: str = "") -> xr.Dataset:
        variables: dict[str, Any] = {}
        numbered: dict[str, Any] = {}
        for name in parts[0]:
            values = np.stack([part[name] for part in parts], axis=len(lead))
            extra = (dims.get(name, f"{name}_index"),) if values.ndim > len(lead) + 1 else ()
            variables[prefix + name] = ((*lead, "run", *extra), values)
            sizes = zip((*lead, "run", *extra), values.shape, strict=True)
            numbered |= {dim: np.arange(size) for dim, size in sizes}
        return xr.Dataset(variables, {**numbered, **runs})

    def padded(values: Sequence[Array]) -> tuple[tuple[str, str], Array]:
        table = np.full((len(values), max(one.size for one in values)), np.nan)
        for row, one in zip(table, values, strict=True):
            row[: one.size] = one
        return ("run", "point"), table

    notes = ["\n".join((*c.notes, *p.notes)) for c, p in zip(curves, posteriors, strict=True)]
    said = {
        "verdict": ("run", np.array([p.verdict for p in posteriors], dtype=object)),
        "notes": ("run", np.array(notes, dtype=object)),
    }
    labels = {
        _label(name): (
            "run",
            _column([curve.labels[name] for curve in curves]),
            {"long_name": name},
        )
        for name in curves[0].labels
        if name != "run"
    }
    groups = {
        "posterior": stack([p.draws for p in posteriors], "chain", "draw"),
        "observed_data": xr.Dataset({"y": padded([c.y for c in curves])}, runs),
        "constant_data": xr.Dataset({"x": padded([c.x for c in curves])}, {**runs, **labels}),
        "diagnostics": xr.merge(
            [
                xr.Dataset(said, runs),
                stack([p.rhat for p in posteriors], prefix="rhat_"),
                stack([p.ess for p in posteriors], prefix="ess_"),
            ]
        ),
    }
    if posteriors[0].stats:
        groups["sample_stats"] = stack([p.stats for p in posteriors], "chain", "draw")
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {
        "schema": SCHEMA,
        "law": json.dumps(_describe(law)),
        "method": method,
        "seed": seed,
        "scalefit": __version__,
        **{f"x_{key}": value for key, value in x.items()},
        **{f"y_{key}": value for key, value in y.items()},
    }
    return tree


def write(tree: xr.DataTree, path: str | os.PathLike[str]) -> None:
    """Write a fit's tree as netCDF, all or nothing."""
    with replacing(path) as temporary:
        tree.to_netcdf(temporary, engine="h5netcdf")


def read(path: str | os.PathLike[str], law: Law | None) -> tuple[Law, xr.DataTree]:
    """Return the law and the tree of a stored fit; see `scalefit.load`."""
    if not Path(path).is_file():
        raise InvalidData(f"{path}: no such file; a fit is written by fit.save or `scalefit fit`")
    h5py = importlib.import_module("h5py")
    try:
        # A damaged file fails here quietly; h5netcdf would print a traceback as it gives up.
        with h5py.File(path, "r") as file:
            schema = file.attrs.get("schema")
        if schema != SCHEMA:
            raise InvalidData(f"{path}: holds no fit of this version ('{SCHEMA}' expected)")
        with xr.open_datatree(path, engine="h5netcdf", decode_times=False) as stored:
            tree = stored.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InvalidData(
            f"{path}: not a readable netCDF file ({type(error).__name__}); is it complete?"
        ) from error
    described = json.loads(tree.attrs["law"])
    if law is None:
        if described["class"] != "BrokenPowerLaw":
            raise ConfigError(f"{path}: fitted with {described['name']}; pass that law as law=")
        law = BrokenPowerLaw(described["regimes"], floor=described["floor"])
    elif _describe(law) != described:
        raise ConfigError(f"{path}: fitted with {described}, not with the law given")
    return law, tree


def _describe(law: Law) -> dict[str, Any]:
    if type(law) is BrokenPowerLaw:
        return {"class": "BrokenPowerLaw", "regimes": int(law.regimes), "floor": bool(law.floor)}
    return {"class": type(law).__name__, "name": law.name}


def _label(name: str) -> str:
    """Return what a label is called beside x and its dimensions; `long_name` keeps its name."""
    return f"{name}_" if name in ("x", "point") else escaped(name)


def _column(values: Sequence[Any]) -> NDArray[Any]:
    """Return numbers as numbers and everything else as text."""
    array = np.array(values)
    return array if array.dtype.kind in "if" else np.array([str(v) for v in values], dtype=object)
