"""`fit`: the whole way from data to posterior."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from scalefit import trajectory
from scalefit.arguments import ends, executor_or_none, flag, names, numbers, root
from scalefit.curves.binning import binned
from scalefit.curves.isolation import sound_curves
from scalefit.curves.replicates import averaged
from scalefit.errors import ConfigError, InvalidData
from scalefit.inference import compiler
from scalefit.laws import Law
from scalefit.laws.priors import Prior
from scalefit.result import Fit

from .jobs import run
from .plan import Plan

if TYPE_CHECKING:
    import pandas as pd

    Data = xr.Dataset | pd.DataFrame | str | os.PathLike[str] | ArrayLike


def fit(
    data: Data | None = None,
    values: ArrayLike | None = None,
    /,
    *,
    x: str | ArrayLike | None = None,
    y: str | ArrayLike | None = None,
    by: str | Sequence[str] | None = None,
    skip_run: str | Sequence[str] = (),
    x_range: tuple[float | None, float | None] | None = None,
    duplicates: Literal["replicate", "last", "error"] | None = None,
    at: Literal["last", "min"] | int = "last",
    resume: bool = False,
    ceiling: float | None = None,
    aggregate: Literal["mean"] | None = None,
    law: Literal["broken", "power", "cutoff"] | Law = "broken",
    regimes: int | Sequence[int] | Literal["auto"] = "auto",
    floor: bool | float | Literal["auto"] = "auto",
    noise: str = "auto",
    y_err: str | ArrayLike | None = None,
    pool: str | Sequence[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    priors: Mapping[str, Prior] | Literal["default", "narrow"] | None = None,
    method: str = "auto",
    draws: int = 1000,
    seed: int = 0,
    executor: Executor | None = None,
    progress: bool = True,
) -> Fit:
    """Return the posterior of a law for every curve in the data.

    Parameters
    ----------
    data
        A trajectory, a DataFrame, or the path of a file that `scalefit.read` understands. Two
        arrays, `fit(x, y)`, are one curve.
    values
        The second array of `fit(x, y)`.
    x, y
        Names of variables (x may also be a numeric run coordinate, then every run gives one
        point), or arrays of shape (n,). Where data are given without x, it is the column that
        counts training: steps in a log, and in a table tokens, samples, steps or epochs, whichever
        comes first; a note says which.
    by
        Columns or run coordinates that tell curves apart; None makes every run a curve. Where x is
        a run coordinate, None stands for all settings that vary, but for x, the seed, and what
        follows from them; an empty list makes all runs one curve.
    skip_run
        Runs to leave out, by their ids: the values of `by`, parted by a comma and a blank.
    x_range
        Part of x to use, `(low, high)`, in the unit of x; None leaves an end open.
    duplicates
        What equal x within a curve mean: `"replicate"` keeps all, `"last"` the last row,
        `"error"` refuses. None is `"last"` for the steps of a log of training, which a resumed run
        writes again, and else `"replicate"`.
    at
        Which point of each run is used when x is a run coordinate.
    resume
        Whether runs in which x falls back are joined up: what a counter had reached before it
        restarted is added; where x falls back over part of what came before, later rows take the
        place of earlier ones.
    ceiling
        What y stays below, such as 1 or 100 for an accuracy that rises: the law is then of what y
        lacks of it, and everything is given back in y.
    aggregate
        `"mean"` puts the mean in place of replicates, equal x within a curve, with its standard
        error as `y_err`.
    law
        `"broken"`, the multi-regime power law; `"power"`, one regime of it; `"cutoff"`, which ends
        in an exponential beside an offset of either sign; or a law object.
    regimes
        Number of regimes of the broken law: a number, several of them, or `"auto"`, 1 to 4. Several
        are weighed by their posterior probability; a curve with too few points for a number goes
        without it.
    floor
        Whether the law has a floor: `True`, `False`, the value of a known one in the unit of y, or
        `"auto"`, both, weighed jointly with the regimes.
    noise
        On the scale of log y: `"normal"`, `"ar1"` (serially correlated; gaps are measured in log x,
        or with `"ar1-x"` and `"ar1-index"` in x or in points), `"student"` (heavy tails), or
        `"auto"`, which weighs normal against AR(1) where the points of a curve are one run in
        order, and is normal otherwise, for laws of one's own, and for NUTS.
    y_err
        Known standard errors of y: the name of a column or variable, or an array beside arrays.
        `(y_err / y)^2` is added to the fitted variance of log y.
    pool
        Run coordinates, such as `"seed"`, over which curves are partially pooled: their exponents,
        crossovers and widths vary around shared values with a spread that is learned, while level,
        floor and noise are their own. Takes one number of regimes, and `floor` True or False; the
        noise is normal unless named. The shared values are in `Fit.shared`.
    fixed
        Parameters held at a value, such as `{"floor": 1.69}` or `{"noise": 0.01}`: the floor, or
        any variable of the priors table.
    priors
        Overrides of the default priors by name (see `Fit.priors`), objects of
        `scalefit.laws.priors`; or the name of a set: `"default"`, or `"narrow"`, the alternative
        that shows what an answer owes to the priors.
    method
        `"certified"`, which `"auto"` stands for: importance sampling whose posterior and evidence
        two independent searches must agree on; `"nuts"`; or `"point"`, milliseconds, a preview.
    draws
        Posterior draws kept per curve.
    seed
        Makes the result repeatable; curve k uses the k-th stream spawned from it.
    executor
        Runs the curves: any `concurrent.futures.Executor`. None runs them one after the other.
    progress
        Show a bar on standard error while it takes long.

    Returns
    -------
    Fit
        With one verdict per curve: a poor fit is returned and marked, not hidden, and a curve that
        fails does not take the others with it.

    Raises
    ------
    InvalidData
        If the data cannot be read or no law can be fitted to them.
    ConfigError
        If an argument is unknown or out of range.
    """
    plan = Plan.of(
        law=law,
        regimes=regimes,
        floor=floor,
        noise=noise,
        fixed=fixed,
        priors=priors,
        method=method,
        draws=draws,
        pool=pool,
    )
    root(seed)
    compiler()
    executor_or_none(executor)
    flag(progress, "progress")
    by = None if by is None else names(by, "by")
    x_range = None if x_range is None else ends(x_range)
    ceiling = _bound(ceiling)
    if aggregate not in (None, "mean"):
        raise ConfigError(f"aggregate={aggregate!r} is unknown; known: 'mean'")
    if aggregate == "mean" and y_err is not None:
        raise ConfigError("aggregate='mean' gives means an error of their own; leave y_err out")
    skipped = names(skip_run, "skip_run")
    source, x_name, y_name, error = _trajectory(data, values, x, y, y_err, by, skipped)
    if x_name == y_name:
        raise ConfigError(f"x and y are both '{x_name}'; y is fitted against another column")
    found = sound_curves(
        source,
        x=x_name,
        y=y_name,
        y_err=error,
        by=by,
        x_range=x_range,
        duplicates=duplicates,
        at=at,
        resume=resume,
        ceiling=ceiling,
        aggregate=aggregate == "mean",
        minimum=plan.minimum_points,
        every=bool(plan.pool),
    )
    if aggregate == "mean":
        found = [averaged(curve) for curve in found]
    record = run(
        plan,
        [plan.taken(binned(curve)) for curve in found],
        x=_axis(source, x_name),
        y=_axis(source, y_name) | ({} if ceiling is None else {"ceiling": repr(ceiling)}),
        seed=seed,
        executor=executor,
        progress=progress,
    )
    return Fit(record.law, record.tree)


def _trajectory(
    data: Data | None,
    values: ArrayLike | None,
    x: str | ArrayLike | None,
    y: str | ArrayLike | None,
    y_err: str | ArrayLike | None,
    by: str | Sequence[str] | None,
    skip_run: str | Sequence[str],
) -> tuple[xr.Dataset, str, str, str | None]:
    """Return whatever was given as a trajectory, with the names of x, y and y_err."""
    import pandas as pd

    from scalefit.io import axes, from_file, read
    from scalefit.io.expressions import extended
    from scalefit.io.skipping import without
    from scalefit.io.tidy import from_table

    columns = names(by, "by")
    if isinstance(data, str | os.PathLike | pd.DataFrame | xr.Dataset):
        if values is not None or not isinstance(x, str | None) or not isinstance(y, str):
            raise ConfigError("x and y must be names of columns or variables when data are given")
        if y_err is not None and not isinstance(y_err, str):
            raise ConfigError("y_err must be the name of a column or variable when data are given")
        if isinstance(data, xr.Dataset):
            kept = without(trajectory.validate(data), skip_run)
            source = extended(kept, x=x, y=y, y_err=y_err)
        elif isinstance(data, pd.DataFrame):
            source = from_table(data, x=x, y=y, y_err=y_err, by=columns, skip_run=skip_run)
        else:
            found = read(data, x=x, y=y, y_err=y_err, by=columns, skip_run=skip_run)
            source = from_file(found, data)
        if x is None:
            x = axes.default_x(source, y)
            told = [*str(source.attrs.get("reading", "")).splitlines(), axes.note(x)]
            source = source.assign_attrs(reading="\n".join(told))
        return source, x, y, y_err
    if skip_run:
        raise ConfigError("skip_run names runs of a table or a trajectory; arrays are one curve")
    if data is not None:
        if values is None or x is not None or y is not None:
            raise ConfigError("give two arrays, fit(x, y), or one table with the names of x and y")
        x, y = data, values
    if x is None or y is None or isinstance(x, str) or isinstance(y, str):
        raise ConfigError("nothing to fit: give fit(x, y), fit(x=..., y=...) or fit(data, x=, y=)")
    x_values, y_values = numbers(x, "x"), numbers(y, "y")
    if x_values.ndim != 1 or x_values.shape != y_values.shape:
        raise InvalidData(
            f"x and y must be arrays of one length; their shapes are {x_values.shape} and "
            f"{y_values.shape}"
        )
    variables = {"x": (("run", "point"), x_values[None]), "y": (("run", "point"), y_values[None])}
    if y_err is not None:
        errors = None if isinstance(y_err, str) else numbers(y_err, "y_err")
        if errors is None or errors.shape not in ((), x_values.shape):
            raise InvalidData("y_err must be an array as long as x and y, or one number")
        errors = np.broadcast_to(errors, x_values.shape)
        variables["y_err"] = (("run", "point"), errors[None])
    built = trajectory.build(variables, {"run": ["curve"]}, source="arrays")
    return built, "x", "y", None if y_err is None else "y_err"


def _bound(ceiling: Any) -> float | None:
    """Return a ceiling as a number."""
    if ceiling is None:
        return None
    if isinstance(ceiling, bool) or not isinstance(ceiling, int | float | np.number):
        raise ConfigError(f"ceiling={ceiling!r}: give the number that y stays below, such as 1")
    if not np.isfinite(ceiling):
        raise ConfigError(f"ceiling={ceiling!r}: give a finite number that y stays below")
    return float(ceiling)


def _axis(source: xr.Dataset, name: str) -> dict[str, str]:
    """Return name, label and unit of a variable or coordinate."""
    attrs = source[name].attrs
    label = str(attrs.get("long_name", name.replace("_", " ")))
    return {"name": name, "label": label, "unit": str(attrs.get("units", ""))}
