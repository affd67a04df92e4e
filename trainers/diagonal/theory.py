"""Theory of the diagonal network under weight decay, in one place.

It is that of the minimiser, by state evolution: nothing is said about the way there. `curves` makes
a trajectory, `phase_diagram` a map of exponents and regions, which `draw` draws. Behind them stand
`StateEvolution`, `peak` and `interpolation`, and the regions with their exponents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from scalefit.arrays import Array
from scalefit.trainers.weight_decay.curves import curves as state_evolution
from scalefit.trainers.weight_decay.curves import problem
from scalefit.trainers.weight_decay.diagram import around, diagram, draw
from scalefit.trainers.weight_decay.regions import Problem, exponents

from .limits import interpolation, peak
from .settings import Diagonal
from .state_evolution import Fixed, StateEvolution
from .variables import SHARED

if TYPE_CHECKING:
    import xarray as xr

    from scalefit.trainers.config import Config

__all__ = [
    "Fixed",
    "Problem",
    "StateEvolution",
    "curves",
    "draw",
    "exponents",
    "interpolation",
    "peak",
    "phase_diagram",
    "phases",
]


def curves(config: Config) -> xr.Dataset:
    """Return what state evolution says of every point of a sweep.

    Returns
    -------
    trajectory
        One run with one point for every combination of the settings that enter. Variables:
        `excess_risk`, `train_loss`, `support` and `spectrum`. Coordinates: `region` with its
        `asymptotic_exponent`; `tau` and `threshold`; `bulk_edge` and `spikes`, where noise ends in
        the spectrum and how many weights stand above it; `best_weight_decay` (in the units of
        `weight_decay`) with `best_risk`; and `bayes_risk`, which holds for normal weights.
    """
    return state_evolution(config, SHARED, _solver, _values, "diagonal network")


def phase_diagram(
    *,
    d: int = 1000,
    gamma: float = 1.0,
    noise: float = 0.5,
    teacher: str = "gaussian",
    signed: bool = True,
    n_eff: Sequence[float] | Array | None = None,
    weight_decay: Sequence[float] | Array | None = None,
) -> xr.Dataset:
    """Return exponent, region and risk over the number of examples and weight decay.

    Parameters
    ----------
    d, gamma, noise, teacher, signed
        As the settings of the family.
    n_eff, weight_decay : increasing, > 0
        The grid: examples, and lambda in the convention `sum`. None takes five decades of the
        former round d, and six of the latter.

    Returns
    -------
    dims (weight_decay, n_eff)
        `excess_risk`, `exponent`, `asymptotic_exponent`, `region`; and along n_eff
        `best_weight_decay` and `best_risk`.

    Raises
    ------
    ConfigError
        If a setting is out of range, or an axis does not increase.
    """
    settings = Diagonal(d=d, gamma=gamma, noise=noise, teacher=teacher, signed=signed)
    return diagram(
        _solver(settings),
        problem(settings),
        per_unit=1.0,
        n_eff=n_eff,
        weight_decay=weight_decay,
        attrs={"family": "diagonal", "d": d, "gamma": gamma, "noise": noise, "teacher": teacher},
    )


def phases(config: Config) -> xr.Dataset:
    """Return the phase diagram of a configuration's network, round its data and weight decays.

    Raises
    ------
    ConfigError
        If it is of several networks.
    """
    names = ("d", "gamma", "noise", "teacher", "signed")
    return phase_diagram(**around(config, names))


def _solver(settings: Diagonal) -> StateEvolution:
    return StateEvolution(settings.d, settings.gamma, settings.teacher, settings.signed)


def _values(settings: Diagonal, solver: StateEvolution, fixed: Fixed) -> Mapping[str, Array]:
    names = ("excess_risk", "train_loss", "support")
    known = {name: np.array([float(getattr(fixed, name))]) for name in names}
    return {**known, "spectrum": solver.learned(fixed)[None, : settings.kept]}
