"""Places of a fit against several predictors: points of a table, and slices along one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from scalefit.arguments import numbers, positive
from scalefit.arrays import Array
from scalefit.curves import learning_rate
from scalefit.curves.schedule import Plan
from scalefit.errors import ConfigError, InvalidData
from scalefit.laws.slices import Slice
from scalefit.record import Record
from scalefit.wording import listed, quoted, suggest

R = TypeVar("R", bound=Record)


def planned(
    record: Record, plan: Plan | None, steps: ArrayLike, run: str | None
) -> tuple[Any, dict[str, Any]]:
    """Return where a run will be under a planned rate, and steps and rates as coordinates.

    Raises
    ------
    ConfigError
        If there is no plan, or the fit has no learning rate; and as `learning_rate.ahead`.
    """
    text = record.tree.attrs.get("y_schedule")
    if plan is None:
        raise ConfigError(
            "of= names the run that a schedule is planned for; give schedule= with it"
        )
    if text is None:
        raise ConfigError("schedule= needs a fit with a learning rate: sf.fit(..., lr='lr')")
    table, *names = learning_rate.ahead(str(text), plan, steps, run)
    return table, {name: ("point", table[name].to_numpy()) for name in names}


def where(record: Record, x: Any) -> Array:
    """Return places at which something is asked, shape (n,), or (n, k) of k predictors.

    Parameters
    ----------
    x : in the unit of each predictor
        An array; of several predictors, a table or mapping that has them as columns, whose
        values may also be one for all, or an array of shape (n, k).

    Raises
    ------
    InvalidData
        If a value is not finite and positive, or columns differ in length.
    ConfigError
        If a predictor is missing.
    """
    if "predictors" not in record.tree.attrs:
        return positive(x, "x")
    names = record.predictors
    zero = [role in record.law.linear for role in record.law.predictors]
    if not hasattr(x, "keys"):
        at = numbers(x, "x")
        if at.ndim != 2 or at.shape[1] != len(names):
            raise InvalidData(
                f"x must be a table with the columns {listed(names)}, or an array of shape "
                f"(n, {len(names)})"
            )
        columns = list(at.T)
    else:
        missing = [name for name in names if name not in x]
        if missing:
            raise ConfigError(f"x has no column {quoted(missing[0])}; this fit has {listed(names)}")
        columns = [np.atleast_1d(numbers(x[name], name)) for name in names]
    for name, one, nought in zip(names, columns, zero, strict=True):
        fine = np.isfinite(one) & ((one >= 0.0) if nought else (one > 0.0))
        if one.ndim != 1 or not fine.all() or not one.size:
            raise InvalidData(f"{name} must be finite and > 0, one value or several")
    try:
        return np.stack(np.broadcast_arrays(*columns), axis=-1)
    except ValueError:
        sizes = ", ".join(f"{n} {one.size}" for n, one in zip(names, columns, strict=True))
        raise InvalidData(f"columns differ in length: {sizes}") from None


def sliced(record: R, along: str, at: Mapping[str, Any] | None) -> R:
    """Return the fit along one predictor, the others held at a value, as a fit against one.

    Raises
    ------
    ConfigError
        If a predictor is unknown, or one of the others has no value.
    """
    names = record.predictors
    if along not in names:
        raise ConfigError(f"along={quoted(along)}: no predictor; {suggest(along, names)}")
    j, given = names.index(along), dict(at or {})
    for name in given:
        if name not in names or name == along:
            raise ConfigError(f"at={quoted(name)}: {suggest(name, names)}, but for {along}")
    missing = [name for name in names if name != along and name not in given]
    if missing:
        raise ConfigError(f"at= lacks a value of {quoted(missing[0])}, which is held")
    held = [1.0 if n == along else float(positive(given[n], n)[0]) for n in names]
    constant = record.group("constant_data")
    order = np.argsort(constant["x"].values[..., j], axis=1, kind="stable")
    groups = {str(name): record.group(str(name)) for name in record.tree.children}
    x = constant["x"].isel(predictor=j, drop=True)
    groups["constant_data"] = constant.drop_vars(
        [v for v in constant.variables if "predictor" in constant[v].dims or v == "series"]
    ).assign(x=(x.dims, np.take_along_axis(x.values, order, axis=1)))
    y = groups["observed_data"]["y"]
    groups["observed_data"] = groups["observed_data"].assign(
        y=(y.dims, np.take_along_axis(y.values, order, axis=1))
    )
    tree = xr.DataTree.from_dict(groups)
    axis = {f"x_{key}": value for key, value in record.axis(along).items()}
    tree.attrs = {k: v for k, v in record.tree.attrs.items() if k != "predictors"} | axis
    return replace(record, law=Slice(record.law, j, tuple(held)), tree=tree)


def one_predictor(record: Record, what: str) -> None:
    """Refuse what has no meaning for a law of several predictors."""
    if len(record.predictors) > 1:
        raise ConfigError(
            f"{what} is of one predictor, and this fit has {listed(record.predictors)}: name "
            "one in along=, and the values of the others in at="
        )


def per_run(
    record: Record,
    value: Callable[[str, dict[str, Array]], Array],
    x: Array | None = None,
    group: str = "posterior",
) -> xr.DataArray:
    """Return what a function of the draws of a run gives, for every run, as one array.

    `value(run, parameters)` has shape (draws, n), the array the dims (run, chain, draw, x), or
    `point` in place of x where there are several predictors; `group` is that of `parameters`.
    """
    sizes = record.group("posterior").sizes
    stacked = np.stack([value(run, record.parameters(run, group)) for run in record.runs])
    shape = (len(record.runs), sizes["chain"], sizes["draw"], stacked.shape[-1])
    coords: dict[str, Any] = {"run": record.runs}
    over = "x" if x is None or x.ndim == 1 else "point"
    if x is not None:
        coords |= placed(record, x)
    return xr.DataArray(stacked.reshape(shape), coords, ("run", "chain", "draw", over))


def placed(record: Record, x: Array) -> dict[str, Any]:
    """Return coordinates that say where values are, of x, or of points by their predictors."""
    if x.ndim == 1:
        return {"x": ("x", x, {"units": record.tree.attrs["x_unit"]})}
    columns = zip(record.predictors, x.T, strict=True)
    return {n: ("point", one, {"units": record.axis(n)["unit"]}) for n, one in columns}
