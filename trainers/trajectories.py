"""Trajectories: made from what the loop measured or from what theory says, and put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from scalefit import trajectory
from scalefit.arrays import Array

from .provenance import provenance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .config import Config
    from .loop import Outcome
    from .protocol import Run, Simulation, Variable


class Curve(NamedTuple):
    """What theory says of one run.

    Attributes
    ----------
    label
        Name of the run.
    values : each of shape (point,) or (point, further dimensions)
        The variables by name.
    coordinates
        One value by name; `status` is `ok` where it is not among them.
    """

    label: str
    values: Mapping[str, Array]
    coordinates: Mapping[str, Any]


def theoretical(
    variables: Mapping[str, Variable],
    curves: Sequence[Curve],
    *,
    source: str,
    config: Config,
    note: str | None = None,
) -> xr.Dataset:
    """Return the trajectory of theory, one run per curve; shorter ones are padded with NaN.

    Parameters
    ----------
    variables
        Name to meaning of everything that the curves hold, in the order of the trajectory.
    curves
        Of equal variables and coordinates.
    source
        What the theory is about, in words.
    config
        What was asked for, recorded as an attribute.
    note
        A remark on the theory, an attribute as well.
    """
    attrs = {"note": note, "dtype": "float64", **provenance(config, "numpy", "scipy")}
    parts = [
        _built(
            variables,
            {name: values[None] for name, values in curve.values.items()},
            [curve.label],
            [curve.coordinates],
            source=f"theory: {source}",
            attrs=attrs,
        )
        for curve in curves
    ]
    return concat(parts)


def simulated(
    simulation: Simulation, runs: Sequence[Run], outcome: Outcome, attrs: Mapping[str, Any]
) -> xr.Dataset:
    """Return the trajectory of trained runs of equal shape.

    From the first point at which a run's values are not all finite, they are NaN and its status is
    `diverged`; where memory did not suffice, it is `oom`.
    """
    measured = outcome.values
    finite = [np.isfinite(one).reshape(*one.shape[:2], -1).all(-1) for one in measured.values()]
    points = len(simulation.checkpoints(runs[0].settings))
    shape = (len(runs), points)
    alive = np.logical_and.accumulate(np.all(finite, axis=0), axis=1) if finite else np.ones(shape)
    status = np.where(alive[:, -1] > 0, "ok", "diverged").astype(object)
    status[outcome.out_of_memory] = "oom"
    along = [simulation.along(run.settings) for run in runs]
    values: dict[str, Array] = {}
    for name, what in simulation.variables.items():
        if name in along[0]:
            values[name] = np.array([one[name] for one in along])
        elif name in measured:
            values[name] = np.array(measured[name], dtype=float)
            values[name][alive == 0] = np.nan
        else:  # memory sufficed for no run
            values[name] = np.full(shape + (1,) * len(what.dims), np.nan)
    return _built(
        simulation.variables,
        values,
        [run.label for run in runs],
        [
            {"status": state, **run.settings.coordinates(), "seed": run.seed}
            for run, state in zip(runs, status, strict=True)
        ],
        source=f"simulation: {simulation.source}",
        attrs=attrs,
    )


def concat(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return all runs of several trajectories, shorter ones padded with NaN.

    A variable or coordinate that a part lacks is NaN there, or "" if it is text. An attribute on
    which the parts differ holds every value, joined by "; ".
    """
    points = max(part.sizes["point"] for part in parts)
    counts = [part.sizes["run"] for part in parts]
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for name in dict.fromkeys(str(name) for part in parts for name in part.variables):
        like = next(part[name] for part in parts if name in part.variables)
        if like.dims[:1] != ("run",):
            coords[name] = like.variable
            continue
        tail = [
            max(part.sizes.get(dim, 0) for part in parts) if dim != "point" else points
            for dim in like.dims[1:]
        ]
        text = like.dtype.kind not in "fiub"
        kinds = {part[name].dtype if name in part.variables else np.dtype(float) for part in parts}
        kind = np.dtype(object) if text else np.result_type(*kinds)
        whole = np.full((sum(counts), *tail), "" if text else 0, dtype=kind)
        if kind.kind == "f":
            whole[...] = np.nan
        first = 0
        for part, count in zip(parts, counts, strict=True):
            if name in part.variables:
                values = part[name].values
                inside = (slice(first, first + count), *map(slice, values.shape[1:]))
                whole[inside] = values
            first += count
        target = coords if name in parts[0].coords or like.ndim == 1 else variables
        target[name] = (like.dims, whole, like.attrs)
    attrs = {
        name: _agreed([part.attrs[name] for part in parts if name in part.attrs])
        for name in dict.fromkeys(str(name) for part in parts for name in part.attrs)
    }
    return trajectory.validate(xr.Dataset(variables, coords, attrs))


def _built(
    variables: Mapping[str, Variable],
    values: Mapping[str, Array],
    labels: list[str],
    coordinates: Sequence[Mapping[str, Any]],
    *,
    source: str,
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Return the trajectory of runs with these values, shape (run, point, ...), and coordinates."""
    return trajectory.build(
        {
            name: (("run", "point", *dims), values[name], {"long_name": text, "units": unit})
            for name, (text, unit, dims) in variables.items()
        },
        {
            "run": ("run", _column(labels)),
            **{
                name: ("run", _column([one[name] for one in coordinates]))
                for name in coordinates[0]
            },
        },
        source=source,
        attrs=attrs,
    )


def _column(values: list[Any]) -> NDArray[Any]:
    """Return coordinates as numbers where they are, and as text objects otherwise."""
    return np.array(values, dtype=object if any(isinstance(one, str) for one in values) else None)


def _agreed(values: list[Any]) -> Any:
    """Return the one value, or all different ones in words; the latest of times."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else "; ".join(str(one) for one in different)
