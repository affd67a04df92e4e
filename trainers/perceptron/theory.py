"""Theory of the teacher-student perceptron, in one place: the curve at fixed norm and more.

Everything holds in the limit of large N at a fixed number of examples per dimension, the load.
`curves` makes a trajectory. Behind it stand, for one load at a time, `fixed_norm`, `at_ridge`,
`optimum` and `limits`; for infinite load `scaling`, `collapse` and `below_elbow`; and for the
growth of the norm in time `first_speed`, `population_speed`, `population_time` and `last_speed`.
The equations stand at the head of `saddle_point.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.trainers.protocol import Variable
from scalefit.trainers.settings import kinds
from scalefit.trainers.trajectories import Curve, theoretical

from .fixed_norm_theory import Minimiser, at_ridge, fixed_norm, optimum
from .large_load import EARLY_AMPLITUDE, below_elbow, collapse, scaling
from .limits import Limits, limits
from .norm_growth import CUBE, first_speed, last_speed, population_speed, population_time
from .settings import Perceptron
from .variables import STATIC

if TYPE_CHECKING:
    import xarray as xr

    from scalefit.trainers.config import Config

__all__ = [
    "CUBE",
    "EARLY_AMPLITUDE",
    "Limits",
    "Minimiser",
    "at_ridge",
    "below_elbow",
    "collapse",
    "curves",
    "first_speed",
    "fixed_norm",
    "last_speed",
    "limits",
    "optimum",
    "population_speed",
    "population_time",
    "scaling",
]

# At finite norm the stabilities of infinitely many examples have no smallest value.
VARIABLES = {name: what for name, what in STATIC.items() if name != "margin"} | {
    "ridge": Variable("strength of the penalty ridge |u|^2 / 2 with the same minimiser")
}


def curves(config: Config) -> xr.Dataset:
    """Return the curve at fixed norm of every load, with the limits as run coordinates.

    Returns
    -------
    trajectory
        One run per load, one point per norm. Variables, without units: `norm`, `test_error`,
        `overlap`, `train_loss`, `train_error`, and `ridge`, the strength of the penalty
        `ridge |u|^2 / 2` on the sum of the losses that has the same minimiser. There is no
        `margin`: at finite norm the stabilities of infinitely many examples have no smallest
        value; at infinite norm it is the coordinate `max_stability_margin`. Coordinates: `load`,
        `protocol`, `Limits`, and the optimum of the curve, `best_norm` and `best_error`.
    """
    points: tuple[Any, ...] = config.points
    loads = {point.load: point for point in reversed(points)}
    note = "minimiser of the loss at each norm, N to infinity"
    if any(point.protocol != "fixed_norm" for point in points):
        note += "; the path of gradient descent lags behind it before the elbow"
    return theoretical(
        VARIABLES,
        [_curve(loads[load], points[0].norm) for load in dict.fromkeys(p.load for p in points)],
        without=[name for name in kinds(Perceptron) if name not in ("load", "protocol")],
        source="teacher-student perceptron, logistic loss at fixed norm",
        config=config,
        note=note,
    )


def _curve(settings: Perceptron, norms: Sequence[float]) -> Curve:
    """Return the curve of one load."""
    load = settings.load
    minimisers, best = fixed_norm(load, norms), optimum(load)
    return Curve(
        replace(settings, protocol="fixed_norm"),
        {name: np.array([getattr(one, name) for one in minimisers]) for name in VARIABLES},
        {**asdict(limits(load)), "best_norm": best.norm, "best_error": best.test_error},
    )
