"""Phase diagram of a network under weight decay: exponent and region over data and decay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.trainers.settings import shown
from scalefit.wording import listed

from .regions import ORDER, WORDS, Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from scalefit.trainers.config import Config


GRID = (41, 37)
"""Points of a diagram's axes, of examples and of weight decay."""


class Solver(Protocol):
    """State evolution of a teacher."""

    def minimiser(self, n: ArrayLike, weight_decay: ArrayLike, noise: ArrayLike) -> Any:
        """Return the solutions at a weight decay."""
        ...

    def best(self, n: ArrayLike, noise: ArrayLike) -> Any:
        """Return the solutions at the weight decay of least risk."""
        ...


def diagram(
    solver: Solver,
    problem: Problem,
    *,
    per_unit: float,
    n_eff: Sequence[float] | Array | None,
    weight_decay: Sequence[float] | Array | None,
    attrs: dict[str, Any],
) -> xr.Dataset:
    """Return risk, exponent and region over a grid, by state evolution.

    Parameters
    ----------
    solver, problem
        Of one teacher.
    per_unit
        Examples in a unit of `n_eff`.
    n_eff, weight_decay : > 0, at least 3 of the former
        The grid; None takes five decades round the peak, and six of weight decay.
    attrs
        What was asked for.

    Returns
    -------
    dims (weight_decay, n_eff)
        `excess_risk`; `exponent`, minus the slope of its logarithm against that of `n_eff`, between
        neighbours on the grid; `asymptotic_exponent` and `region`, of `regions`; and along n_eff
        `best_weight_decay` and `best_risk`.
    """
    peak = problem.peak * problem.d
    across = _axis("n_eff", n_eff, peak * np.logspace(-2.5, 2.5, GRID[0]), 3)
    up = _axis("weight_decay", weight_decay, np.logspace(-3, 3, GRID[1]), 1)
    fixed = solver.minimiser(across[None] * per_unit, up[:, None], problem.noise)
    best = solver.best(across * per_unit, problem.noise)
    slope = -np.gradient(np.log(fixed.excess_risk), np.log(across), axis=1)
    both = ("weight_decay", "n_eff")
    region = problem.region(across[None], up[:, None]).astype(object)
    return xr.Dataset(
        {
            "excess_risk": (both, fixed.excess_risk, {"long_name": "excess risk"}),
            "exponent": (both, slope, {"long_name": "local exponent in n"}),
            "asymptotic_exponent": (both, problem.exponent(across[None], up[:, None])),
            "region": (both, region),
            "best_weight_decay": ("n_eff", best.weight_decay),
            "best_risk": ("n_eff", best.excess_risk),
        },
        {"n_eff": across, "weight_decay": up},
        {"peak": peak, **attrs},
    )


def around(config: Config, names: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a family's `phase_diagram` for the network of a configuration.

    Axes go a factor of 3 beyond what is swept; what is not keeps the usual axis.

    Parameters
    ----------
    config
        A sweep over `n_train` and `weight_decay`, of one network.
    names
        Settings that the network depends on.

    Raises
    ------
    ConfigError
        If one of them has several values.
    """
    points: tuple[Any, ...] = config.points
    found: dict[str, Any] = {}
    for name in names:
        values = sorted({getattr(one, name) for one in points})
        if len(values) > 1:
            raise ConfigError(
                f"setting '{name}' is {shown(values)}; a phase diagram is of one network: give "
                f"{name} one value"
            )
        found[name] = values[0]
    swept = {"n_eff": [one.n_eff for one in points], "weight_decay": [one.decay for one in points]}
    for (name, values), count in zip(swept.items(), GRID, strict=True):
        if len(set(values)) > 1:
            found[name] = np.geomspace(min(values) / 3, max(values) * 3, count)
    return found


def _axis(name: str, values: Sequence[float] | Array | None, usual: Array, least: int) -> Array:
    found = np.asarray(usual if values is None else values, dtype=float)
    if found.ndim != 1 or found.size < least or not (np.isfinite(found) & (found > 0)).all():
        raise ConfigError(f"argument '{name}' is {values!r}; give {least} or more numbers > 0")
    if not (np.diff(found) > 0).all():
        raise ConfigError(f"argument '{name}' must increase: sort it and drop repeated values")
    return found


def draw(phases: xr.Dataset, runs: xr.Dataset | None = None, ax: Axes | None = None) -> Axes:
    """Draw a phase diagram: exponents as colours, regions by their borders and names.

    Parameters
    ----------
    phases
        Made by a family's `phase_diagram`.
    runs
        A trajectory of the family, whose weight decays each have several `n_eff`. Between
        neighbours in `n_eff` a disc shows the exponent of the mean excess risk over seeds, in the
        same colours: where discs cannot be seen, simulation and theory agree.
    ax
        Where to draw; None makes a figure.
    """
    from matplotlib import pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4.6), dpi=150, layout="constrained")
    across, up = phases["n_eff"].values, phases["weight_decay"].values
    look: dict[str, Any] = {"cmap": "RdYlBu", "vmin": -1.0, "vmax": 2.0}
    mesh = ax.pcolormesh(across, up, phases["exponent"].values, shading="nearest", **look)
    number = np.vectorize(ORDER.index)(phases["region"].values)
    for place, name in enumerate(ORDER):
        inside = number == place
        if inside.any() and not inside.all():
            ax.contour(across, up, inside, levels=[0.5], colors="#1b1b1b", linewidths=0.6)
        if inside.mean() > 0.004:
            at = [np.exp(np.median(np.log(one))) for one in (across[np.nonzero(inside)[1]],
                                                          up[np.nonzero(inside)[0]])]  # fmt: skip
            ax.text(at[0], at[1], name, ha="center", va="center", fontsize=9, weight="bold",
                    rotation=90 if len(name) > 4 else 0)  # fmt: skip
    ax.plot(across, phases["best_weight_decay"].values, color="#1b1b1b", ls="--", lw=1.4,
            label="best weight decay")  # fmt: skip
    if runs is not None:
        places, decays, slopes = simulated_exponents(runs)
        ax.scatter(places, decays, c=slopes, s=34, edgecolors="#1b1b1b", linewidths=0.6,
                   zorder=3, label="simulation", **look)  # fmt: skip
    ax.set(xscale="log", yscale="log", xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    ax.set_xlabel("effective number of examples")
    ax.set_ylabel("weight decay lambda")
    told = [f"{name} = {phases.attrs[name]:g}" for name in ("d", "gamma", "noise")]
    ax.set_title(", ".join([phases.attrs["family"], *told]), fontsize=10)
    ax.legend(fontsize=7.5, loc="lower right")
    ax.figure.colorbar(mesh, ax=ax, label="exponent of the excess risk in n", extend="both")
    return ax


def simulated_exponents(runs: xr.Dataset) -> tuple[Array, Array, Array]:
    """Return where neighbours in `n_eff` lie, their weight decay, and the exponent between them.

    Runs that did not arrive are left out; means are taken over seeds.

    Raises
    ------
    ConfigError
        If there is no weight decay with two values of `n_eff`.
    """
    risks = runs["excess_risk"].values
    points = np.arange(risks.shape[1])
    last = np.where(np.isfinite(risks), points, 0).max(axis=1)  # shorter runs end in NaN
    table = pd.DataFrame({"risk": risks[np.arange(len(risks)), last]})
    table = table.assign(**{name: runs[name].values for name in ("lambda", "n_eff", "status")})
    means = table[table["status"] == "ok"].groupby(["lambda", "n_eff"])["risk"].mean()
    decays = means.index.get_level_values("lambda").to_numpy(dtype=float)
    across, height = means.index.get_level_values("n_eff").to_numpy(dtype=float), means.to_numpy()
    found: list[tuple[float, float, float]] = []
    for decay in np.unique(decays):
        x, y = (np.log(one[decays == decay]) for one in (across, height))
        middle, slope = np.exp((x[1:] + x[:-1]) / 2), -np.diff(y) / np.diff(x)
        found += [(float(a), float(decay), float(b)) for a, b in zip(middle, slope, strict=True)]
    if not found:
        raise ConfigError(
            "argument 'runs' has no weight decay with runs that arrived at two values of n_eff; "
            f"weight decays are {listed([f'{one:g}' for one in np.unique(table['lambda'])])}"
        )
    places, of, slopes = np.array(found).T
    return places, of, slopes


__all__ = ["WORDS", "around", "diagram", "draw", "simulated_exponents"]
