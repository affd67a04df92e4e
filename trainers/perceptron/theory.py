"""Teacher-student perceptron: the theory of the curve at fixed norm, in one place.

Everything holds in the limit of large N at a fixed number of examples per dimension, the load.
`curves` makes a trajectory. Behind it stand, for one load at a time, `fixed_norm`, `at_ridge`,
`optimum` and `limits`; for infinite load `scaling`, `collapse` and `below_elbow`; and for the
growth of the norm in time `first_speed`, `population_speed`, `population_time` and `last_speed`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scalefit import trajectory
from scalefit.trainers.family import Variable
from scalefit.trainers.provenance import provenance

from .curve import Minimiser, at_ridge, fixed_norm, optimum
from .growth import CUBE, first_speed, last_speed, population_speed, population_time
from .limits import Limits, limits
from .scaling import EARLY_AMPLITUDE, below_elbow, collapse, scaling
from .variables import STATIC

if TYPE_CHECKING:
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
    loads = list(dict.fromkeys(point.load for point in points))
    solved = [fixed_norm(load, points[0].norm) for load in loads]
    ends = [asdict(limits(load)) for load in loads]
    best = [optimum(load) for load in loads]
    note = "minimiser of the loss at each norm, N to infinity"
    if any(point.protocol != "fixed_norm" for point in points):
        note += "; the path of gradient descent lags behind it before the elbow"
    return trajectory.build(
        {
            name: (
                ("run", "point"),
                np.array([[getattr(point, name) for point in curve] for curve in solved]),
                {"long_name": what.text},
            )
            for name, what in VARIABLES.items()
        },
        {
            "run": [f"load={load:.12g}" for load in loads],
            "load": ("run", loads),
            "protocol": ("run", np.full(len(solved), "fixed_norm", dtype=object)),
            **{name: ("run", [end[name] for end in ends]) for name in ends[0]},
            "best_norm": ("run", [point.norm for point in best]),
            "best_error": ("run", [point.test_error for point in best]),
        },
        source="theory: teacher-student perceptron, logistic loss at fixed norm",
        attrs={"note": note, "dtype": "float64", **provenance(config, "numpy", "scipy")},
    )
