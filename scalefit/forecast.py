"""What a fit says about y elsewhere: predictive draws, intervals and densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from .errors import ConfigError
from .laws.noise import RESOLUTION, Noise
from .prediction import conditional, deviates, log_curve
from .record import noise_of

if TYPE_CHECKING:
    from .result import Fit

Array = NDArray[np.float64]
Params = dict[str, Array]
Kind = Literal["observation", "curve"]


def sample(fit: Fit, at: Array, kind: Kind, hazard: float, seed: int) -> xr.DataArray:
    """Return the draws of `Fit.sample`."""
    if kind not in ("observation", "curve"):
        raise ConfigError(f"kind='{kind}' is unknown; give 'observation' or 'curve'")
    _check(hazard)
    futures, noise = np.random.default_rng(seed).spawn(2)  # inside the data hazard changes nothing

    def draw(run: str, params: Params) -> Array:
        log_y = _law(fit, run, params, at, hazard, futures)
        if kind == "observation":
            mean, sd = noise_at(fit, run, params, at)
            log_y = log_y + mean + sd * deviates(params, log_y.shape, noise)
        return np.asarray(np.exp(log_y))

    return fit.per_run(draw, at, group="forecast")


def predict(
    fit: Fit, at: Array, tails: tuple[float, float], kind: Kind, hazard: float, seed: int
) -> xr.Dataset:
    """Return the intervals of `Fit.predict`."""
    drawn = sample(fit, at, kind, hazard, seed)
    inside = sample(fit, at, kind, 0.0, seed) if hazard else drawn
    unit = {"units": fit.tree.attrs["y_unit"]}
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
    fitted = fit.tree.children["constant_data"].to_dataset()["x"]
    outside = (result["x"] < fitted.min("point")) | (result["x"] > fitted.max("point"))
    result["extrapolated"] = outside.transpose("run", "x")
    result.attrs = {"kind": kind, "hazard": hazard}
    return result


def log_predictive(fit: Fit, at: Array, y: Array, hazard: float, seed: int) -> xr.DataArray:
    """Return the log densities of `Fit.log_predictive`."""
    _check(hazard)
    futures, _ = np.random.default_rng(seed).spawn(2)
    rows = []
    for run in fit.runs:
        params = fit.parameters(run, "forecast")
        log_y = _law(fit, run, params, at, hazard, futures)
        mean, sd = noise_at(fit, run, params, at)
        sd = np.hypot(sd, RESOLUTION)
        white = (np.log(y) - log_y - mean) / sd
        kind = Noise("student" if "degrees_of_freedom" in params else "normal")
        each = kind.log_density(white, params) - np.log(sd) - np.log(y)
        rows.append(special.logsumexp(each, axis=0) - np.log(len(each)))
    coords: dict[str, Any] = {"run": fit.runs, "x": ("x", at, {"units": fit.tree.attrs["x_unit"]})}
    return xr.DataArray(np.array(rows), coords, ("run", "x"))


def noise_at(fit: Fit, run: str, params: Params, at: Array) -> tuple[Array, Array]:
    """Return mean and scale, shape (draws, n), of the noise of a run at new points."""
    x, y = fit.curve(run)
    noise = noise_of(fit.tree)
    residual = np.zeros((len(params["noise"]), x.size))
    if "autocorrelation" in params:
        rng = np.random.default_rng(0)  # not used: there is no future within the data
        residual = np.log(y) - _law(fit, run, params, x, 0.0, rng)
    return conditional(noise, params, x, at, residual, fit.errors(run) ** 2)


def _law(
    fit: Fit, run: str, params: Params, at: Array, hazard: float, rng: np.random.Generator
) -> Array:
    last = float(fit.curve(run)[0][-1])
    return log_curve(fit.law, params, at, last=last, hazard=hazard, rng=rng)


def _check(hazard: float) -> None:
    if not 0.0 <= hazard < np.inf:
        raise ConfigError(f"hazard={hazard}: give a rate per decade, 0 or more")
