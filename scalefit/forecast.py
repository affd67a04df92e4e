"""What a fit says about y elsewhere: predictive draws, intervals and densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from .arguments import horizon
from .errors import ConfigError
from .laws.noise import RESOLUTION, Noise
from .prediction import conditional, deviates, log_curve
from .record import noise_of

if TYPE_CHECKING:
    import pandas as pd

    from .result import Fit

Array = NDArray[np.float64]
Params = dict[str, Array]
Kind = Literal["observation", "curve"]

PER_DECADE = 64
"""Points of the grid on which a target is looked for."""
FAR = 1000.0
"""Where the search for a target ends, as a multiple of the last x, unless told otherwise."""


def sample(fit: Fit, at: Array, kind: Kind, hazard: float, seed: int) -> xr.DataArray:
    """Return the draws of `Fit.sample`."""
    check(kind, hazard)
    futures, noise = np.random.default_rng(seed).spawn(2)  # inside the data hazard changes nothing

    def draw(run: str, params: Params) -> Array:
        log_y = law_at(fit, run, params, at, hazard, futures)
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


def reach(
    fit: Fit,
    targets: Array,
    tails: tuple[float, float],
    within: float | None,
    hazard: float,
    seed: int,
) -> pd.DataFrame:
    """Return the table of `Fit.reach`."""
    import pandas as pd

    check("curve", hazard)
    horizon(within)
    futures, _ = np.random.default_rng(seed).spawn(2)
    rows = []
    for run in fit.runs:
        x, _ = fit.curve(run)
        stop = float(FAR * x[-1] if within is None else within)
        if stop <= x[0]:
            raise ConfigError(f"within={stop:g} lies before the first x of '{run}', {x[0]:g}")
        params = fit.parameters(run, "forecast")
        at = np.geomspace(x[0], stop, 2 + int(PER_DECADE * np.log10(stop / x[0])))
        log_y = law_at(fit, run, params, at, hazard, futures)
        ends = law_at(fit, run, params, x[[0, -1]], 0.0, futures)
        falls = bool(np.median(ends[:, 1] - ends[:, 0]) <= 0.0)
        failed = bool(np.isnan(log_y).any())
        for target in targets:
            found = crossing(np.log(at), log_y - np.log(target), falls=falls)
            found = np.where(failed, np.nan, np.exp(found))
            # Order statistics: between a finite x and never there is nothing to interpolate.
            low, median, high = np.quantile(found, [tails[0], 0.5, tails[1]], method="inverted_cdf")
            shares = {"probability": np.isfinite(found), "reached": found <= x[-1]}
            rows.append(
                {
                    "run": run,
                    "target": float(target),
                    "direction": "" if failed else "down" if falls else "up",
                    **{name: np.nan if failed else float(v.mean()) for name, v in shares.items()},
                    "median": float(median),
                    "low": float(low),
                    "high": float(high),
                    "unit": fit.tree.attrs["x_unit"],
                    "within": stop,
                }
            )
    return pd.DataFrame(rows)


def crossing(log_x: Array, above: Array, *, falls: bool) -> Array:
    """Return the first log x at which each curve is at its target or past it; inf where never.

    Parameters
    ----------
    log_x : shape (n,)
        A grid, ascending; between its points curves are straight lines.
    above : shape (draws, n)
        Log y minus the log of the target.
    falls
        Whether past the target means below it.
    """
    left = above if falls else -above
    past = left <= 0.0
    first = past.argmax(axis=1)
    each, before = np.arange(len(left)), np.maximum(first - 1, 0)
    drop = left[each, before] - left[each, first]
    share = np.where(drop > 0.0, left[each, before] / np.where(drop > 0.0, drop, 1.0), 0.0)
    found = log_x[before] + share * (log_x[first] - log_x[before])
    return np.where(past.any(axis=1), found, np.inf)


def log_predictive(fit: Fit, at: Array, y: Array, hazard: float, seed: int) -> xr.DataArray:
    """Return the log densities of `Fit.log_predictive`."""
    check("curve", hazard)
    futures, _ = np.random.default_rng(seed).spawn(2)
    rows = []
    for run in fit.runs:
        params = fit.parameters(run, "forecast")
        log_y = law_at(fit, run, params, at, hazard, futures)
        mean, sd = noise_at(fit, run, params, at)
        sd = np.hypot(sd, RESOLUTION)
        white = (np.log(y) - log_y - mean) / sd
        kind = Noise("student" if "degrees_of_freedom" in params else "normal")
        each = kind.log_density(white, params) - np.log(sd) - np.log(y)
        rows.append(special.logsumexp(each, axis=0) - np.log(len(each)))
    coords: dict[str, Any] = {"run": fit.runs, "x": ("x", at, {"units": fit.tree.attrs["x_unit"]})}
    return xr.DataArray(np.array(rows), coords, ("run", "x"))


def noise_at(fit: Fit, run: str, params: Params, at: Array) -> tuple[Array, Array]:
    """Return mean and scale, shape (draws, n), of the noise of a run at new points.

    Where the points of the run are means, new ones are single.
    """
    x, y = fit.curve(run)
    if np.isnan(params["noise"]).any():  # the fit failed
        unknown = np.full((len(params["noise"]), at.size), np.nan)
        return unknown, unknown
    noise = noise_of(fit.tree)
    residual = np.zeros((len(params["noise"]), x.size))
    if "autocorrelation" in params:
        rng = np.random.default_rng(0)  # not used: there is no future within the data
        residual = np.log(y) - law_at(fit, run, params, x, 0.0, rng)
    mean, sd = conditional(noise, params, x, at, residual, fit.errors(run) ** 2)
    return mean, np.hypot(sd, np.interp(np.log(at), np.log(x), fit.scatter(run)))


def law_at(
    fit: Fit, run: str, params: Params, at: Array, hazard: float, rng: np.random.Generator
) -> Array:
    """Return log y of the law itself, shape (draws, n), one future for each draw."""
    last = float(fit.curve(run)[0][-1])
    return log_curve(fit.law, params, at, last=last, hazard=hazard, rng=rng)


def check(kind: str, hazard: float) -> None:
    """Refuse what no prediction can be made of."""
    if kind not in ("observation", "curve"):
        raise ConfigError(f"kind='{kind}' is unknown; give 'observation' or 'curve'")
    if not 0.0 <= hazard < np.inf:
        raise ConfigError(f"hazard={hazard}: give a rate per decade, 0 or more")
