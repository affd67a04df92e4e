"""Weighing: which of several laws the data speak for, by evidence and by prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from scalefit.analysis.stacking import left_out
from scalefit.arguments import numbers, real
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData, nearest
from scalefit.inference.problem import FLOOR, Problem, log_odds, mean_evidence
from scalefit.laws import Law
from scalefit.record import Record
from scalefit.wording import listed, quoted, typed

if TYPE_CHECKING:
    import pandas as pd


def weigh(
    fits: Mapping[str, Record],
    prior: Mapping[str, float] | None = None,
    *,
    held_out: tuple[ArrayLike, ArrayLike] | None = None,
) -> pd.DataFrame:
    """Return how probable each of several laws is, given fits of each to the same points.

    Parameters
    ----------
    fits
        Fits by what to call their laws, made with `method="auto"`. The evidence of a fit of several
        models is their mean over the prior of the models.
    prior
        Weight of each law before the data, of any scale. None makes all alike, but that of laws
        that come with and without a floor the ones with have probability 0.9.
    held_out
        Further points, x and y as in `Fit.log_predictive`, that none of the fits has seen.

    Returns
    -------
    DataFrame
        One row per run. Columns are `(quantity, law)`, so `weigh(...)["probability"]` is run x law
        and its rows add up to 1. `log_evidence` and its standard `error`; `leave_one_out`, the sum
        over points of the log density of log y given all other points, NaN where noise is
        correlated; `held_out`, that of the further points in y, if there are any; and `state`,
        `"certified"` unless the evidence of a fit is in doubt.

    Raises
    ------
    ConfigError
        If there are fewer than two fits, one has no evidence, or a prior is not positive.
    InvalidData
        If fits differ in their curves, or in x, y, errors or runs of points of a curve.

    Source
    ------
    Kass and Raftery (1995), "Bayes factors"; Vehtari, Gelman, Gabry (2017), "Practical Bayesian
    model evaluation using leave-one-out cross-validation and WAIC".
    """
    import pandas as pd

    if not isinstance(fits, Mapping) or len(fits) < 2:
        raise ConfigError('give two fits or more by name, such as weigh({"a": fit_a, "b": fit_b})')
    weight = _prior(fits, prior)
    _same(fits)
    runs = next(iter(fits.values())).runs
    found = {name: [_Evidence.of(fit, run) for run in runs] for name, fit in fits.items()}
    table: dict[tuple[str, str], Any] = {}
    logs = np.array([[one.log for one in row] for row in found.values()])
    with np.errstate(invalid="ignore"):
        chance = special.softmax(logs + np.log(weight)[:, None], axis=0)
    table |= {("probability", name): chance[i] for i, name in enumerate(found)}
    table |= {("log_evidence", name): [one.log for one in row] for name, row in found.items()}
    table |= {("error", name): [one.error for one in row] for name, row in found.items()}
    for name, fit in fits.items():
        table["leave_one_out", name] = [leave_one_out(fit, run) for run in runs]
    if held_out is not None:
        table |= {("held_out", name): _ahead(fit, held_out) for name, fit in fits.items()}
    table |= {("state", name): [one.state for one in row] for name, row in found.items()}
    return pd.DataFrame(table, index=pd.Index(runs, name="run"))


class _Evidence:
    """Evidence of a fit of one curve, over all its models."""

    def __init__(self, log: float, error: float, state: str) -> None:
        self.log, self.error, self.state = log, error, state

    @classmethod
    def of(cls, fit: Record, run: str) -> _Evidence:
        table = fit.certificate
        models = table[(table["run"] == run) & np.isfinite(table["log_evidence"])]
        if not len(models):
            return cls(math.nan, math.nan, "not fitted")
        kept = (models["state"] != "dropped").to_numpy()
        logs = np.where(kept, models["log_evidence"], -np.inf)
        prior = np.array([log_odds(floor) for floor in models["floor"]])
        share = special.softmax(logs + prior)
        doubtful = bool((models["state"] == "doubtful").any())
        error = float(np.hypot.reduce(share * models["error"].fillna(0.0).to_numpy()))
        log = mean_evidence(logs, models["floor"])
        return cls(log, error, "doubtful" if doubtful else "certified")


def leave_one_out(fit: Record, run: str) -> float:
    """Return the log density of the points of a curve, each given all others, in all.

    NaN where the noise is correlated, for a point then says what its neighbours are. It comes from
    the draws of the fit, of all models together: each draw is scored by its own model.
    """
    problems = fit.problems(run)
    if not problems or any(_correlated(one) for one in problems.values()):
        return math.nan
    if run not in fit.fitted:
        return math.nan
    first = next(iter(problems.values()))
    law, params = first.law.of_draws(fit.parameters(run, "averaged"))
    noisiest = Problem(
        law, first.x, first.y, fit.noise, first.error, None, first.grain, first.start
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(left_out(noisiest.log_likelihood(params)).sum())


def _correlated(problem: Problem) -> bool:
    return problem.noise.kind == "ar1" or problem.noise.effect


def _prior(fits: Mapping[str, Record], prior: Mapping[str, float] | None) -> Array:
    """Return the weight of each law before the data."""
    if prior is None:
        return np.array([_usual(fit) for fit in fits.values()])
    for name in prior:
        if name not in fits:
            raise ConfigError(f"prior of {quoted(name)}: no such fit; {nearest(str(name), fits)}")
    lacking = [name for name in fits if name not in prior]
    if lacking:
        raise ConfigError(
            f"prior lacks {listed(lacking)}: give every fit a weight, or leave it out"
        )
    advice = "give a positive weight"
    weights = [real(prior[name], f"prior of {quoted(name)}", advice) for name in fits]
    for name, value in zip(fits, weights, strict=True):
        if not 0.0 < value < math.inf:
            raise ConfigError(f"prior of {quoted(name)}={typed(value)}: {advice}")
    return np.array(weights)


def _usual(fit: Record) -> float:
    """Return the default weight of a fit: that of the floors that it has weighed."""
    if not _optional(fit.law):
        return 1.0
    floors = set(map(bool, fit.certificate["floor"]))
    return sum(FLOOR if floor else 1.0 - FLOOR for floor in floors)


def _optional(law: Law) -> bool:
    """Return whether a law comes with and without a floor."""
    return is_dataclass(law) and "floor" in {field.name for field in fields(law)}


def _same(fits: Mapping[str, Record]) -> None:
    """Refuse fits that are not of the same points."""
    (first, one), *others = fits.items()
    for name, other in others:
        both = f"fits {quoted(first)} and {quoted(name)}"
        if one.runs != other.runs:
            raise InvalidData(
                f"{both} have different curves: {listed(one.runs)} and {listed(other.runs)}"
            )
        for run in one.runs:
            mine, theirs = (next(iter(fit.problems(run).values()), None) for fit in (one, other))
            if mine is None or theirs is None:
                continue
            for what in ("x", "y", "error", "grain", "start"):
                a, b = getattr(mine, what), getattr(theirs, what)
                if (a is None) != (b is None) or not np.array_equal(a, b):
                    what = {"grain": "rounding", "start": "runs"}.get(what, what)
                    raise InvalidData(
                        f"{both} differ in {what} of curve {quoted(run)}: laws are weighed on the "
                        "same points"
                    )


def _ahead(fit: Record, held_out: tuple[ArrayLike, ArrayLike]) -> list[float]:
    """Return the log density of further points of every curve, in all."""
    from scalefit.forecast.places import where
    from scalefit.forecast.predictions import log_predictive

    try:
        given, observed = held_out
    except (TypeError, ValueError):
        raise ConfigError("held_out: give x and y of further points, (x, y)") from None
    x, y = where(fit, given), numbers(observed, "y")
    if len(x) != len(y):
        raise InvalidData(f"held_out has {len(x)} x and {len(y)} y; give as many of each")
    return [float(row.sum()) for row in log_predictive(fit, x, y, 1.0, 0).values]
