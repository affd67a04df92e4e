"""Curves of state evolution as a trajectory: one run for every point of a sweep, with one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array
from scalefit.trainers.protocol import Variable
from scalefit.trainers.trajectories import Curve, theoretical

from .regions import Problem
from .settings import WeightDecay

if TYPE_CHECKING:
    import xarray as xr

    from scalefit.trainers.config import Config

TRAINING = (
    "protocol", "init_scale", "learning_rate", "steps", "points", "tolerance", "ranks", "width",
    "prune",
)  # fmt: skip
"""Settings that the minimiser does not depend on."""


def problem(settings: WeightDecay) -> Problem:
    """Return what decides about the regions of a point of a sweep."""
    return Problem(settings.d, settings.gamma, settings.noise, settings.peak)


def curves(
    config: Config,
    variables: Mapping[str, Variable],
    solver: Callable[[Any], Any],
    values: Callable[[Any, Any, Any], Mapping[str, Array]],
    network: str,
) -> xr.Dataset:
    """Return what state evolution says of every point of a sweep.

    Parameters
    ----------
    config
        The sweep; points that differ in training alone are one.
    variables
        What is returned.
    solver
        The state evolution of a teacher, given settings.
    values
        The variables by name, given settings, solver and solution.
    network
        What is solved, for the source.
    """
    return theoretical(
        variables,
        _solved(_distinct(config.points), variables, solver, values),
        source=f"{network} under weight decay, state evolution",
        config=config,
        without=TRAINING,
        note="the minimiser; training that has not arrived is elsewhere",
    )


def _distinct(points: Sequence[Any]) -> list[Any]:
    """Return one point for every combination of the settings that enter."""
    found: dict[tuple[Any, ...], Any] = {}
    for one in points:
        key = (*(value for name, value in one.coordinates().items() if name not in TRAINING),)
        found.setdefault(key, one)
    return list(found.values())


def _solved(
    points: Sequence[Any],
    variables: Mapping[str, Variable],
    solver: Callable[[Any], Any],
    values: Callable[[Any, Any, Any], Mapping[str, Array]],
) -> list[Curve]:
    """Return the solution of every point, those of one teacher solved together."""
    groups: dict[Any, list[int]] = {}
    for at, settings in enumerate(points):
        groups.setdefault(solver(settings), []).append(at)
    found: list[Curve | None] = [None] * len(points)
    for one, places in groups.items():
        chosen = [points[at] for at in places]
        n = np.array([float(settings.n_train) for settings in chosen])
        noise = np.array([settings.noise for settings in chosen])
        fixed = one.minimiser(n, [settings.decay for settings in chosen], noise)
        best, bayes = one.best(n, noise), one.bayes(n, noise)
        for k, at in enumerate(places):
            settings = chosen[k]
            alone = type(fixed)(*(values_of[k] for values_of in fixed))
            told = values(settings, one, alone)
            more = _coordinates(settings, alone, type(best)(*(one[k] for one in best)))
            found[at] = Curve(
                settings,
                {name: told[name] for name in variables},
                {**more, "bayes_risk": float(bayes[k]), **_bulk(one, alone)},
            )
    return [one for one in found if one is not None]


def _bulk(solver: Any, fixed: Any) -> dict[str, float]:
    """Return where the bulk of noise ends, and how many spikes stand above it."""
    return {"bulk_edge": float(solver.edge(fixed)), "spikes": solver.spikes(fixed)}


def _coordinates(settings: WeightDecay, fixed: Any, best: Any) -> dict[str, Any]:
    """Return the region, its exponent and the optimum."""
    where = problem(settings)
    ratio = settings.weight_decay / settings.decay
    return {
        "region": str(where.region(settings.n_eff, settings.decay)),
        "asymptotic_exponent": float(where.exponent(settings.n_eff, settings.decay)),
        "best_risk": float(best.excess_risk),
        "best_weight_decay": float(best.weight_decay) * ratio,
        **{name: float(getattr(fixed, name)) for name in fixed._fields[1:3]},
    }
