"""Predictions of y: draws, intervals and densities of new points.

Beyond the data the law goes on as `futures.py` says, and noise as `noise.py` does.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from scalefit.arguments import rate, root
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.laws.noise import RESOLUTION, Noise
from scalefit.record import Record
from scalefit.wording import typed

from .futures import Params, law_at
from .noise import deviates, noise_at
from .places import per_run, placed

Kind = Literal["observation", "curve"]


def sample(record: Record, at: Array, kind: Kind, hazard: float, seed: int) -> xr.DataArray:
    """Return the draws of `Fit.sample`."""
    check(kind, hazard)
    root(seed)
    futures, noise = np.random.default_rng(seed).spawn(2)  # inside the data hazard changes nothing

    def draw(run: str, params: Params) -> Array:
        log_y = law_at(record, run, params, at, hazard, futures)
        if kind == "observation":
            mean, sd = noise_at(record, run, params, at)
            log_y = log_y + mean + sd * deviates(params, log_y.shape, noise)
        return record.shown(np.exp(log_y))

    return per_run(record, draw, at, group="averaged")


def predict(
    record: Record, at: Array, tails: tuple[float, float], kind: Kind, hazard: float, seed: int
) -> xr.Dataset:
    """Return the intervals of `Fit.predict`."""
    drawn = sample(record, at, kind, hazard, seed)
    inside = sample(record, at, kind, 0.0, seed) if hazard and at.ndim == 1 else drawn
    unit = {"units": record.tree.attrs["y_unit"]}
    over = ("chain", "draw")

    def quantile(values: xr.DataArray, q: float) -> xr.DataArray:
        return values.quantile(q, over, skipna=False).drop_vars("quantile")

    columns = {
        "median": quantile(drawn, 0.5),
        "mean": drawn.mean(over),
        "low": quantile(drawn, tails[0]),
        "high": quantile(drawn, tails[1]),
        "low_inside": quantile(inside, tails[0]),
        "high_inside": quantile(inside, tails[1]),
    }
    result = xr.Dataset({name: column.assign_attrs(unit) for name, column in columns.items()})
    if at.ndim > 1:
        result["extrapolated"] = (
            ("run", "point"),
            np.stack([outside(record.curve(run)[0], at) for run in record.runs]),
        )
        result = result.drop_vars(["low_inside", "high_inside"])
    else:
        fitted = record.group("constant_data")["x"]
        beyond = (result["x"] < fitted.min("point")) | (result["x"] > fitted.max("point"))
        result["extrapolated"] = beyond.transpose("run", "x")
    result.attrs = {"kind": kind, "hazard": hazard}
    return result


def log_predictive(record: Record, at: Array, y: Array, hazard: float, seed: int) -> xr.DataArray:
    """Return the log densities of `Fit.log_predictive`."""
    check("curve", hazard)
    root(seed)
    futures, _ = np.random.default_rng(seed).spawn(2)
    rows = []
    with np.errstate(divide="ignore", invalid="ignore"):  # at a ceiling and above nothing is
        observed = np.log(np.maximum(record.gap(y), 0.0))
    below = np.isfinite(observed)
    for run in record.runs:
        params = record.parameters(run, "averaged")
        log_y = law_at(record, run, params, at, hazard, futures)
        mean, sd = noise_at(record, run, params, at)
        sd = np.hypot(sd, RESOLUTION)
        white = (np.where(below, observed, 0.0) - log_y - mean) / sd
        kind = Noise("student" if "degrees_of_freedom" in params else "normal")
        kind = Noise("outlier") if "outlier_share" in params else kind
        each = kind.log_density(white, params) - np.log(sd) - observed
        each = np.where(below, each, -np.inf)
        rows.append(special.logsumexp(each, axis=0) - np.log(len(each)))
    coords: dict[str, Any] = {"run": record.runs, **placed(record, at)}
    return xr.DataArray(np.array(rows), coords, ("run", "x" if at.ndim == 1 else "point"))


def outside(fitted: Array, at: Array) -> NDArray[np.bool_]:
    """Return which points, shape (m, k), lie outside the fitted ones, shape (n, k).

    Of two predictors that is outside the convex hull of their logs, of more outside the range of
    any of them; predictors that may be 0 are taken as they are.
    """
    scale: list[Any] = [np.log if (one > 0.0).all() else np.asarray for one in fitted.T]
    inner, outer = (
        np.stack([f(one) for f, one in zip(scale, points.T, strict=True)], axis=-1)
        for points in (fitted, at)
    )
    if fitted.shape[1] == 2:
        from scipy.spatial import Delaunay, QhullError

        try:
            return np.asarray(Delaunay(inner).find_simplex(outer, tol=1e-9) < 0)
        except QhullError:
            pass
    low, high = inner.min(axis=0), inner.max(axis=0)
    return np.asarray(((outer < low) | (outer > high)).any(axis=1))


def check(kind: str, hazard: float) -> None:
    """Refuse what no prediction can be made of."""
    if kind not in ("observation", "curve"):
        raise ConfigError(f"kind={typed(kind)} is unknown; give 'observation' or 'curve'")
    rate(hazard)
