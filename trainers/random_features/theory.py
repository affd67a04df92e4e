"""Theory of random features, in one place: losses at any size, ridge and time.

`curves` makes a trajectory. Behind it stand `equivalent` and `best_ridge`, for any number of modes,
examples and features, target, noise and ridge; `gradient_flow` and `population`, for any time;
`recursion`, for one-pass SGD; and for a power law without end the closed forms `amplitude`,
`ridgeless`, `joint`, `optimal`, `peak`, `excess` and `exponents`. Spectra are made by `power_law`
and `given`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.trainers.protocol import Variable
from scalefit.trainers.trajectories import Curve, concat, theoretical

from .closed_forms import (
    AtRidge,
    Exponents,
    amplitude,
    excess,
    exponents,
    flow_amplitude,
    joint,
    optimal,
    peak,
    ridgeless,
)
from .deterministic_equivalent import Equivalent, best_ridge, equivalent
from .flow_theory import Flow, gradient_flow, population
from .grids import along, steps_of
from .one_pass import critical_rate, recursion
from .settings import RandomFeatures
from .spectrum import Modes, given, power_law
from .variables import FLOW, ONE_PASS, STATIC, STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from scalefit.trainers.config import Config

__all__ = [
    "AtRidge",
    "Equivalent",
    "Exponents",
    "Flow",
    "Modes",
    "amplitude",
    "best_ridge",
    "critical_rate",
    "curves",
    "equivalent",
    "excess",
    "exponents",
    "flow_amplitude",
    "given",
    "gradient_flow",
    "joint",
    "optimal",
    "peak",
    "population",
    "power_law",
    "recursion",
    "ridgeless",
]

LEARNED = Variable("effective number of learned modes")
VARIABLES: dict[str, Mapping[str, Variable]] = {
    "minimiser": {**STATIC, "learned": LEARNED},
    "gradient_flow": FLOW,
    "gradient_descent": STEPS,
    "sgd": ONE_PASS,
}
NOTES = {
    "minimiser": "deterministic equivalent: a limit of large sizes, some percent low at 16",
    "gradient_flow": "deterministic equivalent: a limit of large sizes, some percent low at 16",
    "gradient_descent": "the gradient flow at the time learning_rate * step",
    "sgd": "exact mean over examples, for Gaussian features",
}


def curves(config: Config) -> xr.Dataset:
    """Return the mean losses at every point of the sweep; `averaged` does not enter.

    Returns
    -------
    trajectory
        The variables of the simulation, and for minimisers `learned`, the effective number of
        modes that they learn. Coordinates are the settings. Test losses are without the noise,
        training losses with it; those below 1e-7 of the start are NaN along a flow.

    Raises
    ------
    ConfigError
        If features are not linear, or one-pass SGD has finitely many of them: no theory is here.
    """
    points: dict[tuple[Any, ...], RandomFeatures] = {}
    for point in config.points:
        assert isinstance(point, RandomFeatures)
        _refuse(point)
        key = tuple(value for name, value in point.used().items() if name != "averaged")
        points.setdefault(key, point)
    found = _minimisers([one for one in points.values() if one.protocol == "minimiser"])
    groups: dict[str, list[Curve]] = {}
    for point in points.values():
        curve = found[id(point)] if id(point) in found else _curve(point)
        groups.setdefault(point.protocol, []).append(curve)
    return concat(
        [
            theoretical(
                VARIABLES[protocol],
                group,
                without=["averaged"],
                source="random features",
                config=config,
                note=NOTES[protocol],
            )
            for protocol, group in groups.items()
        ]
    )


def _refuse(settings: RandomFeatures) -> None:
    if settings.features != "linear":
        raise ConfigError(
            f"setting 'features' is {settings.features}: the theory is of features='linear'; "
            "train these, scalefit.trainers.run(config)"
        )
    if settings.protocol == "sgd" and settings.n_params:
        raise ConfigError(
            f"setting 'n_params' is {settings.n_params}: the theory of protocol='sgd' is for all "
            "features, n_params=0; train fewer, scalefit.trainers.run(config)"
        )


def _minimisers(points: list[RandomFeatures]) -> dict[int, Curve]:
    """Return the curves of minimisers by the identity of their settings, a grid at a time."""
    groups: dict[tuple[Any, ...], list[RandomFeatures]] = {}
    for one in points:
        spectrum = (one.spectrum, one.eigenvalues, one.exponent, one.modes, one.teacher)
        groups.setdefault((spectrum, one.tuned), []).append(one)
    found: dict[int, Curve] = {}
    for (_, tuned), group in groups.items():
        D, P, ridge, noise = np.array([[s.D, s.P, s.ridge, s.noise] for s in group]).T
        modes = group[0].kernel()
        sizes = modes, D, P
        answer = best_ridge(*sizes, noise) if tuned else equivalent(*sizes, ridge, noise)
        for at, one in enumerate(group):
            values = {
                "test_loss": answer.test_loss,
                "train_loss": answer.train_loss,
                "penalty": answer.ridge,
                "learned": answer.learned,
            }
            found[id(one)] = Curve(one, {name: each[at : at + 1] for name, each in values.items()})
    return found


def _curve(settings: RandomFeatures) -> Curve:
    """Return the curve of one point of a flow, a descent or SGD."""
    values: dict[str, Array] = along(settings)
    modes = settings.kernel()
    if settings.protocol == "sgd":
        values["test_loss"] = recursion(
            modes,
            steps_of(settings),
            learning_rate=settings.learning_rate,
            batch=settings.batch,
            noise=settings.noise,
        )
    else:
        flow = gradient_flow(modes, settings.D, settings.P, values["time"], settings.noise)
        values |= flow._asdict()
    return Curve(settings, values)
