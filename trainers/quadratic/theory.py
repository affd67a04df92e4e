"""Theory of the quadratic network under weight decay, in one place.

It is that of the minimiser, by state evolution: nothing is said about the way there. `curves` makes
a trajectory, `phase_diagram` a map of exponents and regions, which `draw` draws. Behind them stand
`StateEvolution`, `free_sum`, `SharpSpikes`, `peak` and `interpolation`, and the regions with their
exponents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from scalefit.arrays import Array
from scalefit.trainers.weight_decay.curves import curves as state_evolution
from scalefit.trainers.weight_decay.curves import problem
from scalefit.trainers.weight_decay.diagram import around, diagram, draw
from scalefit.trainers.weight_decay.regions import Problem, exponents

from .free_sum import free_sum
from .limits import interpolation, peak
from .settings import Quadratic
from .sharp_spikes import SharpSpikes
from .state_evolution import Fixed, StateEvolution
from .variables import SHARED

if TYPE_CHECKING:
    import xarray as xr

    from scalefit.trainers.config import Config

__all__ = [
    "Fixed",
    "Problem",
    "SharpSpikes",
    "StateEvolution",
    "curves",
    "draw",
    "exponents",
    "free_sum",
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
        `excess_risk`, `train_loss`, `support`, `spectrum` and `singular_values`. Coordinates:
        `region` with its `asymptotic_exponent`; `delta` and `cutoff`; `bulk_edge` and `spikes`,
        where noise ends in the spectrum and how many eigenvalues stand above it;
        `best_weight_decay` (in the units of `weight_decay`) with `best_risk`; and `bayes_risk`, the
        least of estimators that shrink eigenvalues.
    """
    return state_evolution(config, SHARED, _solver, _values, "quadratic network")


def phase_diagram(
    *,
    d: int = 200,
    gamma: float = 1.0,
    noise: float = 0.5,
    unit: bool = False,
    spectrum: str = "auto",
    n_eff: Sequence[float] | Array | None = None,
    weight_decay: Sequence[float] | Array | None = None,
) -> xr.Dataset:
    """Return exponent, region and risk over the number of examples and weight decay.

    Parameters
    ----------
    d, gamma, noise, unit
        As the settings of the family.
    spectrum
        `"full"`, `"sharp"` or `"auto"`, as of `StateEvolution`.
    n_eff, weight_decay : increasing, > 0
        The grid: examples over d, and lambda in the convention `sum`. None takes five decades of
        the former round d / 4, and six of the latter.

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
    settings = Quadratic(d=d, gamma=gamma, noise=noise, unit=unit)
    return diagram(
        StateEvolution(d, gamma, settings.unit, spectrum),
        problem(settings),
        per_unit=float(d),
        n_eff=n_eff,
        weight_decay=weight_decay,
        attrs={"family": "quadratic", "d": d, "gamma": gamma, "noise": noise, "unit": int(unit)},
    )


def phases(config: Config) -> xr.Dataset:
    """Return the phase diagram of a configuration's network, round its data and weight decays.

    Raises
    ------
    ConfigError
        If it is of several networks.
    """
    return phase_diagram(**around(config, ("d", "gamma", "noise", "unit")))


def _solver(settings: Quadratic) -> StateEvolution:
    return _kept(settings.d, settings.gamma, settings.unit)


@cache
def _kept(d: int, gamma: float, unit: bool) -> StateEvolution:
    return StateEvolution(d, gamma, unit)


def _values(settings: Quadratic, solver: StateEvolution, fixed: Fixed) -> Mapping[str, Array]:
    names = ("excess_risk", "train_loss", "support")
    known = {name: np.array([float(getattr(fixed, name))]) for name in names}
    spectrum = solver.learned(fixed)[None, : settings.kept]
    return {**known, "spectrum": spectrum, "singular_values": np.sqrt(spectrum)}
