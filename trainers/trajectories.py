"""Trajectories: made from what the loop measured or from what theory says, and put together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
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
    from .settings import Settings


OUTCOME = "outcome"
"""Role of a run coordinate that was found by the run, and not chosen."""


class Curve(NamedTuple):
    """What theory says of one run.

    Attributes
    ----------
    settings
        Of the run.
    values : each of shape (point,) or (point, further dimensions)
        The variables by name.
    coordinates
        One value by name, beside the settings that enter or in their place; `status` is `ok` where
        it is not among them.
    """

    settings: Settings
    values: Mapping[str, Array]
    coordinates: Mapping[str, Any] = MappingProxyType({})


def theoretical(
    variables: Mapping[str, Variable],
    curves: Sequence[Curve],
    *,
    source: str,
    config: Config,
    without: Collection[str] = (),
    note: str | None = None,
) -> xr.Dataset:
    """Return the trajectory of theory, one run per curve; shorter ones are padded with NaN.

    A run's name and its coordinates are those of `scalefit.trainers.run`, without a seed and
    without the settings that do not enter.

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
    without
        Settings that do not enter the theory.
    note
        A remark on the theory, an attribute as well.
    """
    attrs = {"note": note, "dtype": "float64", **provenance(config, "numpy", "scipy")}
    parts = []
    for settings, values, more in curves:
        coordinates = {k: v for k, v in settings.coordinates().items() if k not in without}
        parts.append(
            _built(
                variables,
                {name: one[None] for name, one in values.items()},
                [", ".join(settings.words(without)) or settings.family],
                [{"status": "ok"} | coordinates | dict(more)],
                source=f"theory: {source}",
                attrs=attrs,
            )
        )
    return concat(parts)


@dataclass(frozen=True)
class Piece:
    """What a call gave, run by run.

    Attributes
    ----------
    simulation, runs
        What was trained.
    values : shape (run, point, ...)
        Of every variable.
    status : shape (run,)
        How each run ended.
    coordinates : shape (run,)
        What is known of each run in the end.
    """

    simulation: Simulation
    runs: Sequence[Run]
    values: Mapping[str, Array]
    status: Sequence[str]
    coordinates: Mapping[str, NDArray[Any]]

    @property
    def form(self) -> tuple[Any, ...]:
        """Return what pieces have in common that stand in one Dataset, padded along points only."""
        facts = self.simulation.facts(self.runs[0].settings)
        tails = tuple(one.shape[2:] for one in self.values.values())
        labels = tuple((name, tuple(one)) for name, one in facts.labels.items())
        return (
            type(self.simulation), self.runs[0].settings.family, tuple(self.values), tails, labels,
            facts.dtype, tuple(self.coordinates),
        )  # fmt: skip


def piece(simulation: Simulation, runs: Sequence[Run], outcome: Outcome | None) -> Piece:
    """Return what a call gave, run by run.

    From the first point at which a variable that decides is not finite, a run's values are NaN and
    its status is `diverged`. A run that should have arrived and has not is `not converged`. Without
    an outcome, for memory did not suffice, runs are `oom`.
    """
    facts = simulation.facts(runs[0].settings)
    shape = (len(runs), len(facts.checkpoints))
    along = [simulation.along(run.settings) for run in runs]
    measured = outcome.values if outcome else {}
    finite = [
        np.isfinite(one).reshape(*shape, -1).all(-1)
        for name, one in measured.items()
        if facts.variables[name].decides
    ]
    alive = np.logical_and.accumulate(np.all(finite, axis=0), axis=1) if finite else np.ones(shape)
    status = ["oom"] * len(runs)
    if outcome:
        ended = zip(alive[:, -1] > 0, outcome.arrived, strict=True)
        status = [("ok" if there else facts.short) if fine else "diverged" for fine, there in ended]
    values: dict[str, Array] = {}
    for name, what in facts.variables.items():
        if name in along[0]:
            values[name] = np.array([one[name] for one in along])
        elif name in measured:
            values[name] = np.array(measured[name], dtype=float)
            values[name][alive == 0] = np.nan
        else:  # memory sufficed for no run
            sizes = [len(facts.labels.get(dim, (0,))) for dim in what.dims]
            values[name] = np.full((*shape, *sizes), np.nan)
    if not outcome:
        return Piece(simulation, runs, values, status, {})
    read = simulation.reading(runs[0].settings, values)
    return Piece(simulation, runs, values, status, {**outcome.coordinates, **read})


def unfinished(simulation: Simulation, runs: Sequence[Run], measured: Mapping[str, Array]) -> Piece:
    """Return what runs have shown so far, NaN from there on; their status is `interrupted`.

    Parameters
    ----------
    measured : shape (run, point, ...)
        At the first so many checkpoints.
    """
    facts = simulation.facts(runs[0].settings)
    points = len(facts.checkpoints)
    known = min((one.shape[1] for one in measured.values()), default=0)
    values = {name: _padded(np.array(one, dtype=float), points) for name, one in measured.items()}
    along = [simulation.along(run.settings) for run in runs]
    for name in along[0]:
        whole = np.array([one[name] for one in along], dtype=float)
        values[name] = np.where(np.arange(points) < known, whole, np.nan)
    there = {name: values[name] for name in facts.variables if name in values}
    return Piece(simulation, runs, there, ["interrupted"] * len(runs), {})


def simulated(
    pieces: Sequence[Piece], attrs: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """Return the trajectory of pieces of equal form; shorter runs are padded with NaN.

    Parameters
    ----------
    pieces
        In the order of the runs.
    attrs
        Of the trajectory.
    more
        Further run coordinates by name.
    """
    first = pieces[0]
    facts = first.simulation.facts(first.runs[0].settings)
    points = max(next(iter(one.values.values())).shape[1] for one in pieces)
    values = {
        name: np.concatenate([_padded(one.values[name], points) for one in pieces])
        for name in first.values
    }
    runs = [run for one in pieces for run in one.runs]
    status = [state for one in pieces for state in one.status]
    known = {
        name: np.concatenate([one.coordinates[name] for one in pieces]).tolist()
        for name in first.coordinates
    } | {name: list(column) for name, column in (more or {}).items()}
    told: dict[int, dict[str, Any]] = {}
    coordinates = [
        {
            "status": status[at],
            **told.setdefault(id(run.settings), run.settings.coordinates()),
            "seed": run.seed,
            **{name: column[at] for name, column in known.items()},
        }
        for at, run in enumerate(runs)
    ]
    return _built(
        facts.variables,
        values,
        [run.label for run in runs],
        coordinates,
        labels=facts.labels,
        outcomes=known,
        source=f"simulation: {first.simulation.source}",
        attrs=attrs,
    )


def _padded(values: Array, points: int) -> Array:
    """Return values with NaN behind them up to so many points."""
    behind = points - values.shape[1]
    if not behind:
        return values
    return np.pad(
        values, ((0, 0), (0, behind)) + ((0, 0),) * (values.ndim - 2), constant_values=np.nan
    )


def concat(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return all runs of several trajectories, shorter ones padded with NaN.

    A variable or coordinate that a part lacks is NaN there, or "" if it is text. Dimensions with
    labels, such as the names of layers, take all labels that occur. An attribute on which the parts
    differ holds every value, joined by "; ".
    """
    if len(parts) == 1:
        return trajectory.validate(parts[0])
    counts = [part.sizes["run"] for part in parts]
    labels = _labels(parts)
    sizes = {
        dim: len(labels[dim]) if dim in labels else max(part.sizes.get(dim, 0) for part in parts)
        for dim in dict.fromkeys(str(dim) for part in parts for dim in part.dims)
    }
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for name in dict.fromkeys(str(name) for part in parts for name in part.variables):
        like = next(part[name] for part in parts if name in part.variables)
        if like.dims[:1] != ("run",):
            coords[name] = (
                (like.dims, labels[name], like.attrs) if name in labels else like.variable
            )
            continue
        tail = [sizes[str(dim)] for dim in like.dims[1:]]
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
                inside: list[Any] = [np.arange(first, first + count)]
                for dim, size in zip(like.dims[1:], values.shape[1:], strict=True):
                    own = part[dim].values.tolist() if dim in labels else []
                    place = [labels[str(dim)].index(one) for one in own]
                    inside.append(np.array(place) if place else np.arange(size))
                whole[np.ix_(*inside)] = values
            first += count
        target = coords if name in parts[0].coords or like.ndim == 1 else variables
        target[name] = (like.dims, whole, like.attrs)
    attrs = {
        name: _agreed([part.attrs[name] for part in parts if name in part.attrs])
        for name in dict.fromkeys(str(name) for part in parts for name in part.attrs)
    }
    return trajectory.validate(xr.Dataset(variables, coords, attrs))


def _labels(parts: Sequence[xr.Dataset]) -> dict[str, list[Any]]:
    """Return all labels of every labelled dimension, in the order in which they occur."""
    found: dict[str, dict[Any, None]] = {}
    for part in parts:
        for dim in map(str, part.dims):
            if dim != "run" and dim in part.coords:
                found.setdefault(dim, {}).update(dict.fromkeys(part[dim].values.tolist()))
    return {dim: list(one) for dim, one in found.items()}


def _built(
    variables: Mapping[str, Variable],
    values: Mapping[str, Array],
    names: list[str],
    coordinates: Sequence[Mapping[str, Any]],
    *,
    source: str,
    attrs: Mapping[str, Any],
    labels: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    outcomes: Collection[str] = (),
) -> xr.Dataset:
    """Return the trajectory of runs with these values, shape (run, point, ...), and coordinates.

    Those that are outcomes, not settings, are marked, so that they tell no curves apart.
    """
    return trajectory.build(
        {
            name: (
                ("run", "point", *what.dims),
                values[name],
                {"long_name": what.text, "units": what.unit},
            )
            for name, what in variables.items()
        },
        {
            "run": ("run", _column(names)),
            **{
                name: (
                    "run",
                    _column([one[name] for one in coordinates]),
                    {"role": OUTCOME} if name in outcomes else {},
                )
                for name in coordinates[0]
            },
            **{dim: (dim, _column(list(one))) for dim, one in labels.items()},
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
