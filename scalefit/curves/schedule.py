"""Learning-rate schedules: the area under the rate and what was annealed of it, along runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from scalefit import trajectory
from scalefit.arguments import numbers, real
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData, nearest
from scalefit.wording import listed, quoted, typed

from .areas import DECAY, State, continued, whole

if TYPE_CHECKING:
    import pandas as pd

FINE = 2000
"""Pieces that the planned part of a schedule is divided into."""

Kind = Literal["constant", "linear", "cosine", "exponential", "wsd"]


@dataclass(frozen=True)
class Schedule:
    """A learning rate that is planned: it stays as it is up to `start`, and falls until `end`.

    Attributes
    ----------
    kind
        `"constant"`, or how it falls: `"linear"`, `"cosine"`, `"exponential"`; `"wsd"` is linear
        over the last fifth of all steps.
    end
        Step at which it has fallen to `low`, where it stays; not needed of a constant one.
    start
        Step from which it falls: by default the last one of the run so far, and of `"wsd"` four
        fifths of `end`.
    low
        What it falls to.

    Raises
    ------
    ConfigError
        If the kind is unknown, `end` is missing or not beyond `start`, or `low` is negative, or 0
        where it falls exponentially.
    """

    kind: Kind
    end: float | None = None
    start: float | None = None
    low: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            hint = nearest(str(self.kind), get_args(Kind))
            raise ConfigError(f"schedule={typed(self.kind)} is unknown; {hint}")
        if self.kind == "constant":
            return
        if self.end is None:
            raise ConfigError(
                f"schedule='{self.kind}' needs end, the step at which it is at its low"
            )
        least = 0.0 if self.start is None else real(self.start, "start", "give a step")
        if not real(self.end, "end", "give a step") > max(least, 0.0):
            raise ConfigError(f"end={self.end!r}: give a step beyond start={least:g}")
        if not real(self.low, "low", "give a learning rate") >= 0.0:
            raise ConfigError(f"low={self.low!r}: give a learning rate of 0 or more")
        if self.kind == "exponential" and self.low == 0.0:
            raise ConfigError("low=0: an exponential never gets there; give a small learning rate")

    def rates(self, at: ArrayLike, step: ArrayLike, rate: ArrayLike) -> Array:
        """Return the planned learning rates at some steps.

        Parameters
        ----------
        at : shape (m,)
            Steps from the last one of the run so far on.
        step, rate : shape (n,)
            The run so far, ascending in step.
        """
        wanted, step, rate = (np.asarray(one, dtype=float) for one in (at, step, rate))
        if self.kind == "constant" or self.end is None:
            return np.full(wanted.shape, rate[-1])
        start = self.start
        if start is None:
            start = 0.8 * self.end if self.kind == "wsd" else float(step[-1])
        high = float(np.interp(start, step, rate))
        if not start < self.end:
            raise ConfigError(f"end={self.end:g} is not beyond the last step of the run, {start:g}")
        part = np.clip((wanted - start) / (self.end - start), 0.0, 1.0)
        if self.kind == "exponential":
            return np.asarray(high * (self.low / high) ** part)
        left = 0.5 * (1.0 + np.cos(math.pi * part)) if self.kind == "cosine" else 1.0 - part
        return np.asarray(self.low + (high - self.low) * left)


Plan = Schedule | tuple[ArrayLike, ArrayLike]
"""A schedule, or steps and their learning rates; beyond the last of those the rate stays."""


def schedule(
    dataset: xr.Dataset,
    *,
    lr: str = "lr",
    step: str = "step",
    decay: float = DECAY,
    warm_up: float | None = None,
) -> xr.Dataset:
    """Return a trajectory with the areas of its learning rate as the variables `s1` and `s2`.

    They are what `laws.Annealed` takes: `fit(ds, x=("s1", "s2"), y=..., law=laws.Annealed())`.

    Parameters
    ----------
    dataset
        A trajectory.
    lr, step
        Variables that hold the learning rate, and the step that it is the rate of. Where a rate is
        missing it is that of a straight line between its neighbours.
    decay
        Share of the momentum of annealing that is left after a step.
    warm_up
        Area under the learning rate before the first row of each run; None is that of a rate that
        rose in a straight line from 0.

    Raises
    ------
    InvalidData
        If a variable is missing, a rate is negative, steps do not ascend along a run, or a run has
        no rate at all.
    ConfigError
        If `decay` is not from 0 to below 1, or `warm_up` is negative.
    """
    trajectory.validate(dataset)
    if not 0.0 <= real(decay, "decay", "give a share below 1, such as 0.999") < 1.0:
        raise ConfigError(f"decay={decay!r}: give a share below 1, such as 0.999")
    if warm_up is not None and not real(warm_up, "warm_up", "give an area, or None") >= 0.0:
        raise ConfigError(f"warm_up={warm_up!r}: give an area of 0 or more, or None")
    return against(dataset, lr, step, decay, warm_up)[0]


@dataclass(frozen=True)
class Logged:
    """The learning rate of one run, and where it stands at its end.

    Attributes
    ----------
    at, step, rate : shape (n,)
        Which points of the run have a step, the steps, and the rates there.
    state
        What the areas go on from.
    """

    at: NDArray[np.intp]
    step: Array
    rate: Array
    state: State


def against(
    dataset: xr.Dataset, lr: str, step: str, decay: float, warm_up: float | None
) -> tuple[xr.Dataset, list[Logged]]:
    """Return what `schedule` does, and what each run has logged."""
    shape = (dataset.sizes["run"], dataset.sizes["point"])
    found = {"s1": np.full(shape, np.nan), "s2": np.full(shape, np.nan)}
    runs = []
    for i, run in enumerate(dataset["run"].values):
        at, steps, rates = logged(dataset, str(run), step, lr)
        one, state = whole(steps, rates, decay, warm_up)
        found["s1"][i, at], found["s2"][i, at] = one.s1, one.s2
        runs.append(Logged(at, steps, rates, state))
    told = {"lr": lr, "step": step, "decay": float(decay)}
    if warm_up is not None:
        told["before"] = float(warm_up)
    words = {"s1": "area under the learning rate", "s2": "annealed area"}
    made = dataset.assign(
        {
            name: (("run", "point"), values, {"long_name": words[name], "units": "", **told})
            for name, values in found.items()
        }
    )
    return made, runs


def planned(
    dataset: xr.Dataset,
    plan: Plan,
    at: ArrayLike,
    *,
    run: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return where runs will be on later steps under a planned learning rate, for `Fit.predict`.

    Parameters
    ----------
    dataset
        What `schedule` returned: how the areas were made stands in it.
    plan
        A `Schedule`, or steps and their learning rates; beyond the last of those it stays.
    at : shape (m,)
        Steps, none before the last one of a run.
    run
        Runs to plan; None for all.

    Returns
    -------
    DataFrame
        One row per run and step: `run`, the step and the learning rate under their names, `s1`,
        `s2`.

    Raises
    ------
    InvalidData
        If the areas are missing, or a step lies before the end of a run.
    ConfigError
        If a run is unknown, or the plan ends before a run does.
    """
    import pandas as pd

    if "s1" not in dataset or "decay" not in dataset["s1"].attrs:
        raise InvalidData(
            "these data have no areas of a learning rate; call scalefit.schedule first"
        )
    told = dataset["s1"].attrs
    step, lr, warm_up = str(told["step"]), str(told["lr"]), told.get("before")
    wanted = np.sort(np.atleast_1d(numbers(at, "at")))
    known = [str(one) for one in dataset["run"].values]
    chosen = known if run is None else [run] if isinstance(run, str) else list(run)
    tables = []
    for one in chosen:
        if one not in known:
            raise ConfigError(f"run={typed(one)} is not in these data; known: {listed(known)}")
        _, steps, rates = logged(dataset, one, step, lr)
        _, state = whole(steps, rates, float(told["decay"]), warm_up)
        columns = onwards(state, plan, wanted, steps, rates, float(told["decay"]), one)
        named = {step: wanted, lr: columns.pop("rate"), **columns}
        tables.append(pd.DataFrame({"run": one, **named}))
    return pd.concat(tables, ignore_index=True)


def onwards(
    state: State, plan: Plan, at: Array, step: Array, rate: Array, decay: float, run: str
) -> dict[str, Array]:
    """Return the planned learning rate and both areas of one run at later steps, ascending.

    Parameters
    ----------
    state
        Where the run stands.
    plan
        A `Schedule`, or steps and their learning rates.
    at : shape (m,)
        Steps, none before the last one of the run.
    step, rate : shape (n,)
        What is known of the run so far, its last step last.
    decay
        Share of the momentum of annealing that is left after a step.
    run
        Its name, for messages.

    Raises
    ------
    InvalidData
        If a step lies before the end of the run.
    """
    last = state.step
    if at[0] < last:
        raise InvalidData(
            f"at={at[0]:g} lies before step {last:g}, the last of run {quoted(run)}; "
            "a plan begins there"
        )
    turns = _turns(plan)
    between = turns[(turns > last) & (turns < at[-1])]
    ahead = np.union1d(np.union1d(np.linspace(last, at[-1], FINE + 1), at), between)
    ahead = ahead[ahead > last]
    future = _future(plan, ahead, step, rate)
    area, _ = continued(state, ahead, future, decay)
    place = np.searchsorted(np.append(last, ahead), at)
    return {
        "rate": np.append(state.rate, future)[place],
        "s1": np.append(state.s1, area.s1)[place],
        "s2": np.append(state.s2, area.s2)[place],
    }


def _turns(plan: Plan) -> Array:
    """Return steps at which a planned rate may have a corner."""
    if not isinstance(plan, Schedule):
        return np.asarray(plan[0], dtype=float)
    end, start = plan.end, plan.start
    if plan.kind == "wsd" and start is None and end is not None:
        start = 0.8 * end
    return np.array([one for one in (start, end) if one is not None], dtype=float)


def _future(plan: Plan, ahead: Array, step: Array, rate: Array) -> Array:
    """Return the planned rates at later steps."""
    if isinstance(plan, Schedule):
        return plan.rates(ahead, step, rate)
    try:
        steps, rates = (numbers(one, "schedule") for one in plan)
    except (TypeError, ValueError):
        raise ConfigError("schedule: give a Schedule, or steps and their learning rates") from None
    if steps.shape != rates.shape or steps.ndim != 1 or not (np.diff(steps) > 0.0).all():
        raise InvalidData("schedule: give as many learning rates as steps, and ascending steps")
    if not (np.isfinite(rates).all() and (rates >= 0.0).all()):
        raise InvalidData("schedule: learning rates must be finite and >= 0")
    later = steps > step[-1]
    past, first = np.append(step[-1], steps[later]), np.append(rate[-1], rates[later])
    return np.asarray(np.interp(ahead, past, first))


def logged(
    dataset: xr.Dataset, run: str, step: str, lr: str
) -> tuple[NDArray[np.intp], Array, Array]:
    """Return which points of a run have a step, the steps, and the rates there.

    A rate that is the same along every run may stand as a run coordinate.
    """
    for name, kinds in ((step, [("run", "point")]), (lr, [("run", "point"), ("run",)])):
        if name not in dataset.variables or dataset[name].dims not in kinds:
            hint = nearest(name, map(str, dataset.data_vars))
            raise InvalidData(f"'{name}' is no variable along the runs; {hint}")
    one = dataset.sel(run=run)
    steps = one[step].values
    rates = np.broadcast_to(one[lr].values, steps.shape).astype(float)
    at = np.flatnonzero(np.isfinite(steps))
    there = at[np.isfinite(rates[at])]
    where = f"of run {quoted(run)}"
    if not there.size:
        raise InvalidData(f"no '{lr}' {where} has a value")
    if (rates[there] < 0.0).any():
        raise InvalidData(f"'{lr}' {where} has {rates[there].min():g}; learning rates are >= 0")
    if not (np.diff(steps[at]) > 0.0).all():
        raise InvalidData(
            f"'{step}' {where} does not ascend; sort its rows, or read a resumed run with resume"
        )
    known = np.interp(steps[at], steps[there], rates[there])
    return at, np.asarray(steps[at]), np.asarray(known)
