"""Lower envelope of many runs against compute, as a fit with intervals."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from scalefit import trajectory
from scalefit.curves.curve import Curve
from scalefit.curves.envelope import Touch, touches
from scalefit.errors import InvalidData
from scalefit.laws import Law
from scalefit.result import Fit
from scalefit.wording import counted, listed

from .fit import fit
from .prepared import prepared

if TYPE_CHECKING:
    from .prepared import Data

FEWEST = 4
"""Runs that must touch the frontier for a law to be fitted through the touches."""
NAME = "frontier"


def frontier(
    data: Data,
    /,
    *,
    x: str,
    y: str,
    by: str | Sequence[str] | None = None,
    skip_run: str | Sequence[str] = (),
    x_range: tuple[float | None, float | None] | None = None,
    law: Literal["broken", "power", "cutoff"] | Law = "power",
    regimes: int | Sequence[int] | Literal["auto"] = "auto",
    floor: bool | float | Literal["auto"] = "auto",
    method: str = "auto",
    draws: int = 1000,
    seed: int = 0,
    executor: Executor | None = None,
    progress: bool = True,
) -> Fit:
    """Return a fit of the lower envelope of many runs against compute.

    Each run that comes near the best loss at some compute, and falls behind afterwards, touches the
    frontier once; a law is fitted through these touches, one point for each run. Runs that are best
    at an end of their range are left out, and `notes` says how many. Nothing is asked of the sizes
    of the runs; where they are known, a law of two predictors and `Fit.frontier` use all points.

    Parameters
    ----------
    data
        A trajectory, a DataFrame, or the path of a file, with several runs.
    x
        Column of what a run has cost so far, or arithmetic such as `"6 * n_params * tokens"`.
    y
        Column of the loss.
    by, skip_run, x_range
        As for `scalefit.fit`: what tells the runs apart, which to leave out, and a part of x.
    law, regimes, floor, method, draws, seed, executor, progress
        Of the fit through the touches, as for `scalefit.fit`.

    Returns
    -------
    Fit
        Of one curve, named `frontier`; its points are the touches.

    Raises
    ------
    InvalidData
        If fewer than four runs touch their envelope inside their range.
    ConfigError
        If an argument is unknown or out of range.

    Source
    ------
    The envelope of training curves: Hoffmann et al. (2022), "Training compute-optimal large
    language models", approach 1 (arXiv:2203.15556), who take the lowest run at each of many costs.
    """
    given = {name: one.default for name, one in inspect.signature(fit).parameters.items()}
    given |= {"data": data, "x": x, "y": y, "by": by, "skip_run": skip_run, "x_range": x_range}
    ready = prepared({**given, "regimes": 1, "floor": True, "noise": "normal"})
    curves = [one for one in ready.curves if not one.fault]
    found = touches([(np.log(one.x), np.log(one.y)) for one in curves])
    if len(found) < FEWEST:
        raise InvalidData(
            f"{counted(len(found), 'run')} of {len(curves)} touch the lower envelope of all inside "
            f"their range of x, and {FEWEST} are needed; give runs of more sizes, or longer ones"
        )
    return fit(
        _trajectory(found, curves, ready.x[0], ready.y),
        x=ready.x[0]["name"],
        y=ready.y["name"],
        law=law,
        regimes=regimes,
        floor=floor,
        noise="normal",
        method=method,
        draws=draws,
        seed=seed,
        executor=executor,
        progress=progress,
    )


def _trajectory(
    found: Sequence[Touch], curves: Sequence[Curve], x: dict[str, str], y: dict[str, str]
) -> xr.Dataset:
    """Return the touches as one run, with a note of the runs that have none."""
    order = sorted(found, key=lambda one: one.log_x)
    columns: dict[str, Any] = {
        x["name"]: (("run", "point"), np.exp([[one.log_x for one in order]])),
        y["name"]: (("run", "point"), np.exp([[one.log_y for one in order]])),
    }
    made = trajectory.build(columns, {"run": [NAME]}, source="lower envelope of runs")
    for axis in (x, y):
        made[axis["name"]].attrs |= {"long_name": axis["label"], "units": axis["unit"]}
    return made.assign_attrs(reading=_note({one.run for one in found}, curves))


def _note(touching: set[int], curves: Sequence[Curve]) -> str:
    left = [one.run for k, one in enumerate(curves) if k not in touching]
    told = f"{counted(len(touching), 'run')} of {len(curves)} touch the lower envelope of all"
    if not left:
        return told
    return f"{told}; best at an end of their range and left out: {listed(left)}"
