"""`fit`: the whole way from data to posterior in one screen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from . import record, trajectory
from .curves import curves
from .errors import ConfigError, InvalidData
from .inference import Problem, infer, iterations, resolve
from .laws import BrokenPowerLaw, Law
from .progress import bar
from .result import Fit

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
    x_range: tuple[float, float] | None = None,
    duplicates: Literal["replicate", "last", "error"] = "replicate",
    at: Literal["last", "min"] | int = "last",
    law: Literal["broken"] | Law = "broken",
    regimes: int | Literal["auto"] = "auto",
    floor: bool | Literal["auto"] = "auto",
    method: str = "auto",
    draws: int = 1000,
    seed: int = 0,
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
        point), or arrays of shape (n,).
    by
        Columns or run coordinates that tell curves apart; None makes every run a curve.
    x_range
        Part of x to use, `(low, high)`, in the unit of x.
    duplicates
        What equal x within a curve mean: `"replicate"` keeps all, `"last"` the last row,
        `"error"` refuses.
    at
        Which point of each run is used when x is a run coordinate.
    law
        `"broken"`, the multi-regime power law, or a law object from `scalefit.laws`.
    regimes
        Number of regimes of the broken law. It has no posterior in this version, so `"auto"` is
        refused: name one.
    floor
        Whether the law has a floor. `"auto"` includes it: its share of the level may be near 0.
    method
        `"nuts"`, `"point"` (milliseconds, a preview), or `"auto"`, which is `"nuts"`.
    draws
        Posterior draws kept per curve.
    seed
        Makes the result repeatable; curve k uses the k-th stream spawned from it.
    progress
        Show a bar on standard error while it takes long.

    Returns
    -------
    Fit
        With one verdict per curve: a poor fit is returned and marked, not hidden.

    Raises
    ------
    InvalidData
        If the data cannot be read or no law can be fitted to them.
    ConfigError
        If an argument is unknown or out of range.
    """
    chosen = _law(law, regimes, floor)
    resolve(method)
    if not _whole(draws) or draws < 100:
        raise ConfigError(f"draws={draws!r}: give a whole number of 100 or more")
    if not _whole(seed) or seed < 0:
        raise ConfigError(f"seed={seed!r}: give a whole number of 0 or more")
    source, x_name, y_name = _trajectory(data, values, x, y, by)
    if x_name == y_name:
        raise ConfigError(f"x and y are both '{x_name}'; y is fitted against another column")
    found = curves(
        source,
        x=x_name,
        y=y_name,
        by=by,
        x_range=x_range,
        duplicates=duplicates,
        at=at,
        minimum=chosen.minimum_points,
    )
    streams = np.random.SeedSequence(seed).spawn(len(found))
    cores = min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    posteriors = []
    work = len(found) * iterations(method)
    with bar("fitting", work, unit="draws", show=progress) as advance:
        for curve, stream in zip(found, streams, strict=True):
            advance(0, label=f"fitting {curve.run}")
            problem = Problem(chosen, curve.x, curve.y)
            rng = np.random.default_rng(stream)
            posteriors.append(
                infer(problem, method=method, draws=draws, rng=rng, cores=cores, tick=advance)
            )
    tree = record.tree_of(
        chosen,
        found,
        posteriors,
        x=_axis(source, x_name),
        y=_axis(source, y_name),
        method=resolve(method),
        seed=seed,
    )
    return Fit(chosen, tree)


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _law(law: str | Law, regimes: int | str, floor: bool | str) -> Law:
    """Return the law object that the arguments describe."""
    if isinstance(law, Law):
        return law
    if law != "broken":
        raise ConfigError(f"law='{law}' is unknown; give 'broken' or an object of scalefit.laws")
    if isinstance(regimes, str):
        raise ConfigError(
            f"regimes='{regimes}': this version has no posterior over the number of regimes; "
            "name it: 1 is one power law, 2 has one crossover, 3 has two"
        )
    if floor != "auto" and not isinstance(floor, bool | np.bool_):
        raise ConfigError(f"floor={floor!r}: give True, False or 'auto'")
    return BrokenPowerLaw(regimes, floor=bool(floor))


def _trajectory(
    data: Data | None,
    values: ArrayLike | None,
    x: str | ArrayLike | None,
    y: str | ArrayLike | None,
    by: str | Sequence[str] | None,
) -> tuple[xr.Dataset, str, str]:
    """Return whatever was given as a trajectory, with the names of x and y."""
    import pandas as pd

    from .io.tidy import from_table

    columns = [by] if isinstance(by, str) else list(by or ())
    if isinstance(data, str | os.PathLike | pd.DataFrame | xr.Dataset):
        if values is not None or not isinstance(x, str) or not isinstance(y, str):
            raise ConfigError("x and y must be names of columns or variables when data are given")
        if isinstance(data, xr.Dataset):
            return trajectory.validate(data), x, y
        if isinstance(data, pd.DataFrame):
            return from_table(data, x=x, y=y, by=columns), x, y
        from .io import read

        return read(data, x=x, y=y, by=columns), x, y
    if data is not None:
        if values is None or x is not None or y is not None:
            raise ConfigError("give two arrays, fit(x, y), or one table with the names of x and y")
        x, y = data, values
    if x is None or y is None or isinstance(x, str) or isinstance(y, str):
        raise ConfigError("nothing to fit: give fit(x, y), fit(x=..., y=...) or fit(data, x=, y=)")
    try:
        x_values, y_values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    except (TypeError, ValueError):
        raise InvalidData("x and y must be arrays of numbers") from None
    if x_values.ndim != 1 or x_values.shape != y_values.shape:
        raise InvalidData(
            f"x and y must be arrays of one length; their shapes are {x_values.shape} and "
            f"{y_values.shape}"
        )
    variables = {"x": (("run", "point"), x_values[None]), "y": (("run", "point"), y_values[None])}
    return trajectory.build(variables, {"run": ["curve"]}, source="arrays"), "x", "y"


def _axis(source: xr.Dataset, name: str) -> dict[str, str]:
    """Return name, label and unit of a variable or coordinate."""
    attrs = source[name].attrs
    label = str(attrs.get("long_name", name.replace("_", " ")))
    return {"name": name, "label": label, "unit": str(attrs.get("units", ""))}
