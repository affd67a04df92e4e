"""Methods of the corpus benchmark, and the scores of their forecasts.

Every method forecasts new points: a median, a central 90% band and a density of log y. Those of
scalefit are made through `sf.fit`, `Fit.predict` and `Fit.log_predictive` with the defaults of the
package that is imported, or with one argument changed; those that share a fit share it here. The
baselines are those of `baselines.py`, whose scatter is that of their residuals and nothing else.

| score | of a task |
| --- | --- |
| `rmsle` | root mean square error of the log of the median; 1 where the forecast failed |
| `log_score` | mean log density of log y, in nats a point; it has no unit, and can be pooled |
| `interval_score` | mean of w + 20 times how far log y is outside, w being the band's width |
| `covered` | share of points inside the band |
| `width` | median of w, the log of the band's upper over its lower end |
| `cpu_s` | of fit and forecast |

Source of the interval score: Gneiting and Raftery (2007), equation 43, here of log y.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from baselines import BASELINES

from corpus import Task
from scalefit.arrays import Array

Score = dict[str, Any]

LEVEL = 0.9
RIVALS = ("tail_line", "last_value", "BNSL", "M4")
SCORES = ("rmsle", "log_score", "interval_score", "covered", "width")


@dataclass(frozen=True)
class Variant:
    """Arguments of `sf.fit`, and of its forecasts, that are not the default."""

    fit: Mapping[str, Any] = field(default_factory=dict)
    forecast: Mapping[str, Any] = field(default_factory=dict)


VARIANTS = {
    "scalefit": Variant(),
    "hazard_0": Variant(forecast={"hazard": 0.0}),
    "normal": Variant({"noise": "normal"}),
    "ar1": Variant({"noise": "ar1"}),
    "student": Variant({"noise": "student"}),
    "changing": Variant({"noise": "changing"}),
    "narrow": Variant({"priors": "narrow"}),
    "anchored": Variant({"priors": "anchored"}),
}
DEFAULT = ("scalefit", "hazard_0", *RIVALS)
METHODS = (*VARIANTS, *(name for name in BASELINES))


class Fits:
    """The fits of one task by scalefit, made when first asked for, with their CPU time."""

    def __init__(self, task: Task, priors: Mapping[str, Any]) -> None:
        self.task = task
        self.priors = priors
        self._made: dict[str, tuple[Any, float]] = {}

    def fit(self, options: Mapping[str, Any]) -> tuple[Any, float]:
        """Return a fit and the CPU seconds that it took."""
        import scalefit as sf

        key = repr(sorted(options.items()))
        if key not in self._made:
            started = time.process_time()
            given = {"priors": dict(self.priors)} if self.priors else {}
            fit = sf.fit(self.task.x, self.task.y, progress=False, **{**given, **options})
            self._made[key] = fit, time.process_time() - started
        return self._made[key]


def scored(task: Task, name: str, fits: Fits) -> Score:
    """Return the scores of one method on one task.

    A fit that raises or forecasts what is not finite is a failure: it has no score but an `rmsle`
    of 1, and `failure` says why.
    """
    started, spent = time.process_time(), 0.0
    result: Score = {"rmsle": 1.0, "failure": None}
    try:
        if name in VARIANTS:
            variant = VARIANTS[name]
            before = time.process_time()
            fit, spent = fits.fit(variant.fit)
            started += time.process_time() - before  # counted by the fit, once or again
            (result["verdict"],) = (text.partition(":")[0] for text in fit.verdict.values())
            forecast = of_fit(fit, task, variant.forecast)
        else:
            forecast = of_baseline(name, task)
        result.update(scores(*forecast, np.log(task.y_ahead)))
    except Exception as error:  # whatever a method raises is its failure, not the benchmark's
        result["failure"] = f"{type(error).__name__}: {error}"
    result["cpu_s"] = round(spent + time.process_time() - started, 4)
    return result


def of_fit(fit: Any, task: Task, options: Mapping[str, Any]) -> tuple[Array, Array, Array, Array]:
    """Return log of median, low and high, and the log density of log y, at the points ahead."""
    band = fit.predict(task.x_ahead, interval=LEVEL, **options)
    density = fit.log_predictive(task.x_ahead, task.y_ahead, **options).values[0]
    median, low, high = (np.log(band[key].values[0]) for key in ("median", "low", "high"))
    return median, low, high, density + np.log(task.y_ahead)


def of_baseline(name: str, task: Task) -> tuple[Array, Array, Array, Array]:
    """Return the same of a baseline."""
    rng = np.random.default_rng([2026, zlib.crc32(name.encode())])
    found = BASELINES[name](task.x, task.y, rng)
    low, high = found.interval(task.x_ahead, LEVEL)
    density = found.log_density(task.x_ahead, task.y_ahead) + np.log(task.y_ahead)
    return found.log_curve(task.x_ahead), np.log(low), np.log(high), density


def scores(median: Array, low: Array, high: Array, density: Array, log_y: Array) -> Score:
    """Return the scores of a forecast of log y.

    Raises
    ------
    ValueError
        If the forecast is not finite.
    """
    if not np.isfinite([median, low, high, density]).all():
        raise ValueError("the forecast is not finite")
    missed = np.maximum(low - log_y, 0.0) + np.maximum(log_y - high, 0.0)
    found = {
        "rmsle": np.sqrt(np.mean((median - log_y) ** 2)),
        "log_score": density.mean(),
        "interval_score": np.mean(high - low + 2.0 / (1.0 - LEVEL) * missed),
        "covered": np.mean(missed == 0.0),
        "width": np.median(high - low),
    }
    return {name: float(f"{value:.6g}") for name, value in found.items()}
