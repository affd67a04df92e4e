"""Learning rate of a fit: points against areas in place of steps, and where each run stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from scalefit.arguments import ends, numbers
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.wording import counted, listed, quoted, typed

from .areas import DECAY, State
from .schedule import Plan, against, onwards

if TYPE_CHECKING:
    import pandas as pd

SETTLED = 1.2
"""Times the length of the warm-up from which on a loss is that of the law."""


def against_areas(
    dataset: xr.Dataset, step: str, lr: str, y: str, x_range: Any = None
) -> tuple[xr.Dataset, str]:
    """Return a trajectory whose points lie at areas of the rate, and where its runs stand.

    Rows of the warm-up and a fifth of its length more are left out, which a note says. The annealed
    area is given in that of a rate which falls from its maximum to 0.

    Parameters
    ----------
    dataset
        A trajectory.
    step, lr
        Variables that hold the step, and the learning rate.
    y
        Variable to be fitted.
    x_range
        First and last step to use, in place of what the warm-up says; either may be None.

    Returns
    -------
    The trajectory with `s1` and `s2`, points left out missing, and a text for `ahead`.

    Raises
    ------
    InvalidData, ConfigError
        As `schedule`.
    """
    made, logs = against(dataset, lr, step, DECAY, None)
    full = float(np.nanmax(made[lr].values)) / (1.0 - DECAY)
    if not full > 0.0:
        raise InvalidData(f"{quoted(lr)} is 0 everywhere: give a learning rate")
    span = None if x_range is None else ends(x_range)
    s1, measured = made["s1"].values.copy(), made[y].values.astype(float)
    runs, dropped = {}, 0
    for i, (run, one) in enumerate(zip(made["run"].values, logs, strict=True)):
        runs[str(run)] = list(astuple(one.state))
        low, high = span if span is not None else (SETTLED * _warm_up(one.step, one.rate), np.inf)
        out = (one.step < low) | (one.step > high)
        s1[i, one.at[out]] = measured[i, one.at[out]] = np.nan
        dropped += int(out.sum())
    told = [*str(dataset.attrs.get("reading", "")).splitlines()]
    told.append(
        f"{quoted(lr)} is taken for a learning rate per {quoted(step)}: annealing is remembered "
        f"for {1.0 / (1.0 - DECAY):,.0f} of them"
    )
    if dropped and span is None:
        told.append(
            f"{counted(dropped, 'point')} of the warm-up and right after left out; "
            "x_range, or --from, keeps them"
        )
    s2 = made["s2"].copy(data=made["s2"].values / full)
    left = {
        "s1": made["s1"].copy(data=s1),
        "s2": s2.assign_attrs(units=""),
        y: made[y].copy(data=measured),
    }
    made = made.assign(left).assign_attrs(reading="\n".join(told))
    return made, json.dumps({"step": step, "lr": lr, "decay": DECAY, "full": full, "runs": runs})


def ahead(
    text: str, plan: Plan, at: ArrayLike, run: str | None = None
) -> tuple[pd.DataFrame, str, str]:
    """Return where a run will be under a planned rate, and the names of step and rate.

    Parameters
    ----------
    text
        What `against_areas` returned.
    plan
        A `Schedule`, or steps and their learning rates.
    at : shape (m,)
        Steps, none before the last one of the run.
    run
        The run that goes on; None is the only one.

    Returns
    -------
    DataFrame
        One row per step: the step and the rate under their names, `s1`, `s2`.

    Raises
    ------
    ConfigError
        If the run is unknown, or not named where there are several; or the plan ends before it.
    InvalidData
        If a step lies before the end of the run.
    """
    import pandas as pd

    known = json.loads(text)
    runs: Mapping[str, Sequence[Any]] = known["runs"]
    if run is None and len(runs) > 1:
        raise ConfigError(f"several runs are fitted: name the one that goes on, {listed(runs)}")
    chosen = next(iter(runs)) if run is None else run
    if chosen not in runs:
        raise ConfigError(f"run={typed(run)} is not among those fitted: {listed(runs)}")
    *values, fallen = runs[chosen]
    last, rate, s1, s2, momentum = map(float, values)
    state = State(last, rate, s1, s2, momentum, bool(fallen))
    start = getattr(plan, "start", None)
    if start is not None and start < state.step:
        raise ConfigError(
            f"start={start:g} lies before step {state.step:g}, the last of run {quoted(chosen)}; "
            "leave it out, and the rate falls from there on"
        )
    wanted = np.sort(np.atleast_1d(numbers(at, "at")))
    so_far: tuple[Array, Array] = np.array([state.step]), np.array([state.rate])
    found = onwards(state, plan, wanted, *so_far, float(known["decay"]), chosen)
    found["s2"] = found["s2"] / float(known["full"])
    columns = {known["step"]: wanted, known["lr"]: found.pop("rate"), **found}
    return pd.DataFrame(columns), known["step"], known["lr"]


def check(text: object) -> None:
    """Refuse a text that does not say where runs stand.

    Raises
    ------
    InvalidData
        If it is none of `against_areas`.
    """
    try:
        known = json.loads(text)  # type: ignore[arg-type]
        names = [known["step"], known["lr"], *known["runs"]]
        numbers_ = [
            known["decay"],
            known["full"],
            *(one for row in known["runs"].values() for one in row[:-1]),
        ]
        sizes = {len(row) for row in known["runs"].values()}
        fine = all(isinstance(one, str) for one in names) and sizes == {6}
        fine &= all(isinstance(one, int | float) and np.isfinite(one) for one in numbers_)
        fine &= 0.0 <= known["decay"] < 1.0 and known["full"] > 0.0 and len(known) == 5
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
        fine = False
    if not fine:
        raise InvalidData("it does not say where runs stand")


def _warm_up(step: Array, rate: Array) -> float:
    """Return the step at which the rate has stopped rising for the first time; the first if never.

    A rate that rises again after it has fallen is no warm-up.
    """
    rises = np.diff(rate) > 0.0
    falls = np.flatnonzero(np.diff(rate) < 0.0)
    before = rises[: falls[0]] if falls.size else rises
    last = np.flatnonzero(before)
    return float(step[last[-1] + 1]) if last.size else float(step[0])
