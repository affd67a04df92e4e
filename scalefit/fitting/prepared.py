"""What is to be fitted: arguments checked, data read, curves made ready."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from scalefit import trajectory
from scalefit.arguments import ends, executor_or_none, flag, names, numbers, root
from scalefit.curves.binning import binned
from scalefit.curves.curve import Curve
from scalefit.curves.error_rates import checked
from scalefit.curves.isolation import sound_curves
from scalefit.curves.learning_rate import against_areas
from scalefit.curves.points import renamed
from scalefit.curves.replicates import averaged
from scalefit.curves.settings import chosen
from scalefit.curves.surfaces import Several, surfaces
from scalefit.errors import ConfigError, InvalidData
from scalefit.inference import compiler
from scalefit.laws import Annealed, Law
from scalefit.wording import counted, listed, quoted, typed

from .plan import Plan

if TYPE_CHECKING:
    import pandas as pd

    Data = xr.Dataset | pd.DataFrame | str | os.PathLike[str] | ArrayLike


@dataclass(frozen=True)
class Prepared:
    """A fit that can begin: the plan, the curves, and names and units of each x and of y."""

    plan: Plan
    curves: list[Curve]
    x: list[dict[str, str]]
    y: dict[str, str]


def prepared(arguments: Mapping[str, Any]) -> Prepared:
    """Return what the arguments of `scalefit.fit` ask for, by their names.

    Raises
    ------
    InvalidData
        If the data cannot be read or no law can be fitted to them.
    ConfigError
        If an argument is unknown or out of range.
    """
    given = SimpleNamespace(**arguments)
    rate = given.lr
    if rate is not None and not isinstance(rate, str):
        raise ConfigError(f"lr={typed(rate)}: give the name of the column of the learning rate")
    law = "annealed" if rate is not None and given.law == "broken" else given.law
    plan = Plan.of(
        law=law,
        regimes=given.regimes,
        floor=given.floor,
        noise=given.noise,
        fixed=given.fixed,
        priors=given.priors,
        method=given.method,
        draws=given.draws,
        pool=given.pool,
        loss=given.loss,
        delta=given.delta,
    )
    root(given.seed)
    compiler()
    executor_or_none(given.executor)
    flag(given.progress, "progress")
    by = None if given.by is None else names(given.by, "by")
    ceiling = _bound(given.ceiling)
    aggregate, y_err = given.aggregate, given.y_err
    if aggregate not in (None, "mean"):
        raise ConfigError(f"aggregate={aggregate!r} is unknown; known: 'mean'")
    if aggregate == "mean" and y_err is not None:
        raise ConfigError("aggregate='mean' gives means an error of their own; leave y_err out")
    test_size = checked(given.test_size)
    if aggregate == "mean" and test_size is not None:
        raise ConfigError(
            "aggregate='mean' takes errors from replicates, and those hold that of the test set: "
            "leave test_size out"
        )
    skipped = names(given.skip_run, "skip_run")
    series = names(given.runs, "runs")
    law = plan.laws[0]
    x, x_range = _with_rate(given, law), given.x_range
    source, x_names, y_name, error = _trajectory(
        given.data, given.values, x, given.y, y_err, [*(by or ()), *series], skipped, law
    )
    _match(law, x_names, y_name)
    standing = {}
    if rate is not None:
        plan = plan.annealed(full=1.0)
        source, standing["schedule"] = against_areas(
            source, x_names[0], x_names[1], y_name, x_range
        )
        x_names, x_range = list(law.predictors), None
    y_axis = _axis(source, y_name) | ({} if ceiling is None else {"ceiling": repr(ceiling)})
    y_axis |= standing | ({} if test_size is None else {"test_size": str(test_size)})
    x_axes = [_axis(source, name) for name in x_names]
    if len(x_names) > 1:
        _plain(given)
        renames = [renamed(source, name) for name in series]
        known = Several(tuple(x_names), tuple(one in law.linear for one in law.predictors))
        found = surfaces(
            source,
            known,
            y=y_name,
            y_err=error,
            by=chosen(source, *series, *renames) if by is None and series else by,
            x_range=x_range,
            at=given.at,
            ceiling=ceiling,
            test_size=test_size,
            minimum=plan.minimum_points,
        )
        return Prepared(plan.settled(found), found, x_axes, y_axis)
    (x_name,) = x_names
    x_range = None if x_range is None else ends(x_range)
    found = sound_curves(
        source,
        x=x_name,
        y=y_name,
        y_err=error,
        by=by,
        x_range=x_range,
        duplicates=given.duplicates,
        at=given.at,
        resume=given.resume,
        ceiling=ceiling,
        aggregate=aggregate == "mean",
        test_size=test_size,
        minimum=plan.minimum_points,
        every=bool(plan.pool),
    )
    if aggregate == "mean":
        found = [averaged(curve) for curve in found]
    return Prepared(plan, [plan.taken(binned(curve)) for curve in found], x_axes, y_axis)


def _with_rate(given: Any, law: Law) -> Any:
    """Return what names x, with the column of the learning rate behind it if there is one."""
    if given.lr is None:
        return given.x
    if not isinstance(law, Annealed):
        raise ConfigError(f"lr= goes with law='annealed'; the law '{law.name}' takes no areas")
    many = [] if given.x is None else [given.x] if isinstance(given.x, str) else list(given.x)
    if len(many) != 1 or not isinstance(many[0], str):
        raise ConfigError("lr= takes one column of x, that of the step, by its name")
    return [*many, given.lr]


def _match(law: Law, x: Sequence[str], y: str) -> None:
    """Refuse columns of x that are not as many as the law takes."""
    if len(set(x)) < len(x) or y in x:
        raise ConfigError(
            f"x and y are both {quoted(y)}; y is fitted against another column"
            if y in x
            else f"x={list(x)}: a column is named twice"
        )
    if len(x) == len(law.predictors):
        return
    wanted = listed(law.predictors) if len(law.predictors) > 1 else "one"
    advice = "name as many columns as x"
    if len(law.predictors) == 1:
        advice = "name one column, or a law of several, such as law='additive'"
    raise ConfigError(
        f"x names {counted(len(x), 'column')}, {listed(x)}, and the law '{law.name}' takes "
        f"{wanted}: {advice}"
    )


def _plain(given: Any) -> None:
    """Refuse what belongs to curves of one predictor."""
    for name, usual in (("duplicates", None), ("resume", False), ("aggregate", None)):
        if getattr(given, name) != usual:
            raise ConfigError(f"{name} belongs to fits against one column of x")


def _trajectory(
    data: Data | None,
    values: ArrayLike | None,
    x: str | ArrayLike | None,
    y: str | ArrayLike | None,
    y_err: str | ArrayLike | None,
    by: str | Sequence[str] | None,
    skip_run: str | Sequence[str],
    law: Law,
) -> tuple[xr.Dataset, list[str], str, str | None]:
    """Return whatever was given as a trajectory, with the names of x, y and y_err."""
    import pandas as pd

    from scalefit.io import axes, from_file, read
    from scalefit.io.expressions import extended
    from scalefit.io.skipping import without
    from scalefit.io.tidy import from_table

    columns = names(by, "by")
    if isinstance(data, str | os.PathLike | pd.DataFrame | xr.Dataset):
        many: Any = x
        named = isinstance(x, str | None) or all(isinstance(one, str) for one in many)
        if values is not None or not named or not isinstance(y, str):
            raise ConfigError("x and y must be names of columns or variables when data are given")
        said: str | list[str] | None = x if isinstance(x, str | None) else list(many)
        if y_err is not None and not isinstance(y_err, str):
            raise ConfigError("y_err must be the name of a column or variable when data are given")
        if isinstance(data, xr.Dataset):
            kept = without(trajectory.validate(data), skip_run)
            source = extended(kept, x=said, y=y, y_err=y_err)
        elif isinstance(data, pd.DataFrame):
            source = from_table(data, x=said, y=y, y_err=y_err, by=columns, skip_run=skip_run)
        else:
            found = read(data, x=said, y=y, y_err=y_err, by=columns, skip_run=skip_run)
            source = from_file(found, data)
        if x is None and len(law.predictors) > 1:
            raise ConfigError(
                f"the law '{law.name}' takes {listed(law.predictors)}: name as many columns as x"
            )
        if x is None:
            x = axes.default_x(source, y)
            told = [*str(source.attrs.get("reading", "")).splitlines(), axes.note(x)]
            source = source.assign_attrs(reading="\n".join(told))
        return source, names(x, "x"), y, y_err
    if skip_run:
        raise ConfigError("skip_run names runs of a table or a trajectory; arrays are one curve")
    if data is not None:
        if values is None or x is not None or y is not None:
            raise ConfigError("give two arrays, fit(x, y), or one table with the names of x and y")
        x, y = data, values
    if x is None or y is None or isinstance(x, str) or isinstance(y, str):
        raise ConfigError("nothing to fit: give fit(x, y), fit(x=..., y=...) or fit(data, x=, y=)")
    x_values, y_values = numbers(x, "x"), numbers(y, "y")
    several = len(law.predictors)
    if several > 1:
        if x_values.shape != (*y_values.shape, several) or y_values.ndim != 1:
            raise InvalidData(
                f"x and y must have the shapes (n, {several}), a row for each point, and (n,); "
                f"theirs are {x_values.shape} and {y_values.shape}"
            )
    elif x_values.ndim != 1 or x_values.shape != y_values.shape:
        raise InvalidData(
            f"x and y must be arrays of one length; their shapes are {x_values.shape} and "
            f"{y_values.shape}"
        )
    across = {"x": x_values}
    if several > 1:
        across = dict(zip(law.predictors, x_values.T, strict=True))
    variables = {name: (("run", "point"), one[None]) for name, one in across.items()}
    variables["y"] = (("run", "point"), y_values[None])
    if y_err is not None:
        errors = None if isinstance(y_err, str) else numbers(y_err, "y_err")
        if errors is None or errors.shape not in ((), y_values.shape):
            raise InvalidData("y_err must be an array as long as x and y, or one number")
        errors = np.broadcast_to(errors, y_values.shape)
        variables["y_err"] = (("run", "point"), errors[None])
    built = trajectory.build(variables, {"run": ["curve"]}, source="arrays")
    return built, list(across), "y", None if y_err is None else "y_err"


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
