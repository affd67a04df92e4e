"""Live forecasts, of a training that is still running."""

from __future__ import annotations

import importlib
import logging
import math
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .arguments import horizon, positive, root, tails, whole
from .errors import ConfigError, MissingExtra, nearest
from .fitting.plan import Plan
from .forecast.predictions import check
from .wording import compact

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .result import Fit

logger = logging.getLogger(__name__)

FEWEST = 8
"""Points before the first fit."""
GROWTH = 1.1
"""Factor by which x grows between two fits, unless told otherwise."""
QUANTILES = ("low", "median", "high")
METHODS = ("point", "certified")
OPTIONS: dict[str, Any] = {
    "law": "broken",
    "regimes": "auto",
    "floor": "auto",
    "noise": "auto",
    "fixed": None,
    "priors": None,
    "draws": 1000,
}
"""Arguments of `scalefit.fit` that `options` may hold, with their defaults."""


class Forecaster:
    """Fits the curve of a running training again and again, and logs what it forecasts.

    After construction nothing here raises: a point without a logarithm is passed over, a fit that
    fails is logged once, and the training goes on. A repeated or smaller x replaces the points from
    there on, as a training does that resumes from a checkpoint.

    Parameters
    ----------
    x, y
        What the axes are called in the log lines; the adapters look for metrics of these names.
    at : one value or several, in the unit of x
        Where to predict y.
    reach : one value or several, in the unit of y
        Targets whose x is wanted.
    within : in the unit of x
        The largest x at which a target is looked for; see `Fit.reach`.
    every
        Points between two fits. None fits whenever x has grown by a tenth: about 24 fits per factor
        of ten, however long the training.
    method
        `"point"`, the preview, or `"certified"`, which takes about ten times as long.
    options
        Further arguments of `scalefit.fit`, such as `{"regimes": 2}`.
    interval, hazard, seed
        As for `Fit.predict`.
    log
        Takes each line; None hands it to the logger `scalefit.live` at level INFO.

    Attributes
    ----------
    fit
        The latest `Fit`, or None.
    line
        What it forecasts, in one line; empty at first.
    seconds
        Time spent on fitting so far.

    Raises
    ------
    ConfigError
        If neither `at` nor `reach` is given, or an argument is unknown or out of range.
    InvalidData
        If a value of `at` or `reach` is not finite and positive.
    """

    def __init__(
        self,
        *,
        x: str = "step",
        y: str = "loss",
        at: ArrayLike = (),
        reach: ArrayLike = (),
        within: float | None = None,
        every: int | None = None,
        method: Literal["point", "certified"] = "point",
        options: Mapping[str, Any] | None = None,
        interval: float = 0.9,
        hazard: float = 1.0,
        seed: int = 0,
        log: Callable[[str], object] | None = None,
    ) -> None:
        self.x, self.y = x, y
        self.fit: Fit | None = None
        self.line = ""
        self.seconds = 0.0
        self._at, self._targets = (
            positive(at, "at", empty=True),
            positive(reach, "reach", empty=True),
        )
        if x == y:
            raise ConfigError(f"x and y are both '{x}'; y is forecast against another metric")
        if not self._at.size and not self._targets.size:
            raise ConfigError("nothing to forecast: give at=, reach=, or both")
        horizon(within)
        if every is not None and (not whole(every) or every < 1):
            raise ConfigError(f"every={every!r}: give a whole number of points, 1 or more")
        if method not in METHODS:
            raise ConfigError(f"method='{method}' is unknown; give 'point' or 'certified'")
        given = dict(options or {})
        for name in given:
            if name not in OPTIONS:
                raise ConfigError(f"options: '{name}' is none; {nearest(name, OPTIONS)}")
        root(seed)
        self._options: dict[str, Any] = {**given, "method": method, "seed": seed}
        plan = Plan.of(**{**OPTIONS, **given}, method=method)
        self._fewest = max(FEWEST, plan.minimum_points)
        tails(interval)
        check("curve", hazard)
        self._within, self._every, self._interval, self._hazard = within, every, interval, hazard
        self._seed = seed
        self._log = log or logger.info
        self._known_x, self._known_y = array("d"), array("d")
        self._fitted, self._new = 0.0, 0
        self._told: set[str] = set()

    def update(self, x: float, y: float) -> str | None:
        """Take in a point; return the new forecast in a line if it was time for one."""
        line: str | None = self._quietly(
            lambda: self._forecast() if self._add(x, y) and self._due() else None
        )
        return line

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points so far."""
        return list(zip(self._known_x, self._known_y, strict=True))

    def transformers(self) -> Any:
        """Return a `transformers.TrainerCallback` that feeds this forecaster.

        It reads what the `Trainer` logs: y is the name of a metric, such as `"loss"` or
        `"eval_loss"`, x is `"step"`, `"epoch"` or another one. A training that resumes from a
        checkpoint brings its earlier points with it.

        Raises
        ------
        MissingExtra
            If transformers is not installed.
        """
        base: Any = _package("transformers").TrainerCallback
        forecaster = self

        class ForecastCallback(base):  # type: ignore[misc]
            """Hands logged metrics to a forecaster."""

            def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                """Take in what was logged before a checkpoint."""
                del args, control
                if state.is_world_process_zero:
                    for logged in state.log_history:
                        forecaster._take(logged, forecaster._add)

            def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                """Take in what was logged just now."""
                del args, control
                if state.is_world_process_zero and state.log_history:
                    forecaster._take(state.log_history[-1], forecaster.update)

        return ForecastCallback()

    def lightning(self) -> Any:
        """Return a Lightning `Callback` that feeds this forecaster.

        y is the name of a metric that `self.log` was given. It is read where it is made: one of the
        training steps every `log_every_n_steps`, one of the validation after each validation, and
        one of the epoch after each epoch. x is `"step"`, `"epoch"`, counted from 1, or a metric.
        The points are saved with the checkpoints.

        Raises
        ------
        MissingExtra
            If neither lightning nor pytorch-lightning is installed.
        """
        base: Any = _package("lightning.pytorch", "pytorch_lightning").Callback
        forecaster = self

        class ForecastCallback(base):  # type: ignore[misc]
            """Hands logged metrics to a forecaster."""

            source = ""  # the hook in which y first appeared: later ones would see it stale

            def _see(self, trainer: Any, hook: str) -> None:
                metrics = trainer.callback_metrics
                if trainer.sanity_checking or not trainer.is_global_zero:
                    return
                if forecaster.y in metrics:
                    self.source = self.source or hook
                if self.source == hook:
                    counts = {"step": trainer.global_step, "epoch": trainer.current_epoch + 1}
                    forecaster._take({**counts, **metrics}, forecaster.update)

            def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
                if trainer.global_step % max(1, trainer.log_every_n_steps) == 0:
                    self._see(trainer, "batch")

            def on_validation_end(self, trainer: Any, *_: Any) -> None:
                self._see(trainer, "validation")

            def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
                self._see(trainer, "epoch")

            def state_dict(self) -> dict[str, Any]:
                axes = {"x": forecaster.x, "y": forecaster.y, "source": self.source}
                return {"axes": axes, "points": forecaster.points}

            def load_state_dict(self, state: dict[str, Any]) -> None:
                axes = state["axes"]
                if (axes["x"], axes["y"]) == (forecaster.x, forecaster.y):
                    self.source = axes["source"]
                    for x, y in state["points"]:
                        forecaster._add(x, y)

        return ForecastCallback()

    def _take(self, logged: Mapping[str, Any], use: Callable[[float, float], object]) -> None:
        """Use x and y of what was logged, if y is there."""
        if self.y not in logged:
            return
        if self.x in logged:
            self._quietly(lambda: use(logged[self.x], logged[self.y]))
        else:
            self._once(
                "name", f"no x='{self.x}' beside '{self.y}'; {nearest(self.x, map(str, logged))}"
            )

    def _add(self, x: float, y: float) -> bool:
        """Keep a point, if it has logarithms, in place of those at its x and beyond."""
        x, y = float(x), float(y)
        if not (0.0 < x < math.inf and 0.0 < y < math.inf):
            return False
        while self._known_x and self._known_x[-1] >= x:
            self._known_x.pop()
            self._known_y.pop()
        self._known_x.append(x)
        self._known_y.append(y)
        self._fitted = min(self._fitted, x)
        self._new += 1
        return True

    def _due(self) -> bool:
        """Return whether it is time for a fit."""
        if len(self._known_x) < self._fewest:
            return False
        if self._every is not None:
            return self._new >= self._every
        return self._known_x[-1] >= GROWTH * self._fitted

    def _forecast(self) -> str:
        """Fit, and log the forecast."""
        import pandas as pd

        from .fitting.fit import fit

        started = time.perf_counter()
        self._fitted, self._new = self._known_x[-1], 0
        try:
            known = {self.x: np.array(self._known_x), self.y: np.array(self._known_y)}
            table = pd.DataFrame(known)
            self.fit = fit(table, x=self.x, y=self.y, progress=False, **self._options)
            self.line = self._words(self.fit)
        finally:
            self.seconds += time.perf_counter() - started
        self._log(self.line)
        return self.line

    def _words(self, fit: Fit) -> str:
        """Return what a fit forecasts, in a line."""
        options: Any = {"interval": self._interval, "hazard": self._hazard, "seed": self._seed}
        parts = []
        if self._at.size:
            predicted = fit.predict(self._at, **options).isel(run=0)
            for i, x in enumerate(self._at):
                low, median, high = (_short(float(predicted[k][i])) for k in QUANTILES)
                parts.append(f"{self.y} at {_short(x)}: {median} [{low}, {high}]")
        if self._targets.size:
            table = fit.reach(self._targets, within=self._within, **options)
            for row in table.to_dict("records"):
                low, median, high = (_short(row[k]) for k in QUANTILES)
                if row["high"] == math.inf:
                    high = f"never within {_short(row['within'])}"
                where = high if row["low"] == math.inf else f"{median} [{low}, {high}]"
                chance = f"probability {row['probability']:.2f}"
                parts.append(f"{self.x} of {self.y} {_short(row['target'])}: {where}, {chance}")
        if not fit.ok:
            parts.append(next(iter(fit.verdict.values())))
        return f"{self.x} {_short(self._fitted)}: {'; '.join(parts)}"

    def _quietly(self, act: Callable[[], Any]) -> Any:
        """Return act(); what goes wrong is logged once, and no concern of the training."""
        try:
            return act()
        except Exception as error:
            said = " ".join(str(error).split())
            kind = type(error).__name__
            self._once(kind, f"no forecast ({kind}: {said}); the training goes on")
            return None

    def _once(self, kind: str, message: str) -> None:
        """Log a warning, unless one of its kind was logged before."""
        if kind not in self._told:
            self._told.add(kind)
            logger.warning(message)


def _short(value: float) -> str:
    """Return a number with up to four significant digits; `never` for infinity."""
    if value == math.inf:
        return "never"
    return compact(f"{value:.4g}")


def _package(*names: str) -> Any:
    """Return the first of these packages that is imported already, or installed.

    Raises
    ------
    MissingExtra
        If none is.
    """
    for name in sorted(names, key=lambda one: one not in sys.modules):
        if find_spec(name.partition(".")[0]):
            return importlib.import_module(name)
    first = names[0].partition(".")[0]
    raise MissingExtra(f"this callback needs {first}: pip install {first}")
