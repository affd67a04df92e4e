"""Summary of a fit: parameters with intervals, and priors in the units of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array, quantiles
from scalefit.forecast.exponents import end_exponent
from scalefit.inference import Problem
from scalefit.laws import Law, SegmentedLaw
from scalefit.laws.priors import dimension, unpack
from scalefit.record import Record

if TYPE_CHECKING:
    import pandas as pd


OF_NOISE = ("noise", "autocorrelation", "degrees_of_freedom")
PRIOR_DRIVEN = 0.8
"""An interval this share of the prior's, or wider, says that the data did not decide."""
DRAWS = 4000


def summary(record: Record, tails: tuple[float, float]) -> pd.DataFrame:
    """Return the table of `Fit.summary`."""
    import pandas as pd

    units = {"x": record.tree.attrs["x_unit"], "y": record.tree.attrs["y_unit"], "": ""}
    rows: list[dict[str, Any]] = []
    ends = end_exponent(record) if isinstance(record.law, SegmentedLaw) else None
    shares: Any = record.probabilities if record.weighed else None
    for run in record.runs:
        params = record.parameters(run)
        count = record.regimes(run)
        law = record.law.with_regimes(count)
        shown = reported(params, law)
        if ends is not None:
            shown["end_exponent"] = (ends.sel(run=run).values.reshape(-1, 1), "")
        prior = _prior_widths(record, run, law, tails)
        doubt = "" if record.verdict[run] == "ok" else "unreliable: see the verdict"
        weighed = (
            _weighed(record, shares.loc[run], count) if shares is not None and not doubt else {}
        )
        for name, (values, unit) in shown.items():
            for regime in range(values.shape[1]):
                one = values[:, regime]
                driven = _spread(one, tails) > PRIOR_DRIVEN * prior.get(name, np.inf)
                state = "follows the prior" if driven else ""
                if one.min() == one.max() and name not in weighed:
                    state = "fixed"
                notes = [doubt or state, weighed.get(name, weighed.get("", ""))]
                rows.append(
                    {
                        "run": run,
                        "regimes": count,
                        "regime": regime,
                        "parameter": name,
                        **quantiles(one, tails),
                        "mean": float(np.mean(one)),
                        "sd": float(np.std(one)),
                        "unit": units.get(unit, unit),
                        "ess": _diagnostic(record, "ess", name, run, regime),
                        "rhat": _diagnostic(record, "rhat", name, run, regime),
                        "note": "; ".join(filter(None, notes)),
                    }
                )
    return pd.DataFrame(rows)


def shared(record: Record, tails: tuple[float, float]) -> pd.DataFrame:
    """Return the table of `Fit.shared`."""
    import pandas as pd

    units = {"crossover": record.tree.attrs["x_unit"], "width": "decades"}
    rows = []
    dataset = record.group("shared")
    for group in dataset["group"].values:
        for name, variable in dataset.sel(group=group).data_vars.items():
            values = variable.values.reshape(variable.sizes["chain"] * variable.sizes["draw"], -1)
            for regime, one in enumerate(values.T):
                rows.append(
                    {
                        "group": str(group),
                        "regime": regime,
                        "parameter": str(name),
                        **quantiles(one, tails),
                        "mean": float(one.mean()),
                        "sd": float(one.std()),
                        "unit": units.get(str(name), ""),
                    }
                )
    return pd.DataFrame(rows)


def priors(record: Record, runs: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the table of `Fit.priors`, or that of some of its runs."""
    import pandas as pd

    units = {"x": record.tree.attrs["x_unit"], "y": record.tree.attrs["y_unit"]}
    rows = []
    for run in record.runs if runs is None else runs:
        known = record.priors_of(run)
        drawn = unpack(known, np.random.default_rng(0).standard_normal((DRAWS, dimension(known))))
        for name, prior in known.items():
            rows.append(
                {
                    "run": run,
                    "parameter": name,
                    "prior": prior.words(),
                    **quantiles(drawn[name], (0.05, 0.95)),
                    "unit": units.get(prior.unit, prior.unit),
                }
            )
    return pd.DataFrame(rows)


def _weighed(record: Record, shares: pd.Series[float], count: int) -> dict[str, str]:
    """Return what to note of a run where models were weighed, by parameter; `""` for the rest.

    `shares` holds the probability of each model.
    """
    said: dict[str, str] = {}
    if record.averaged:
        share = float(shares[shares.index.get_level_values("regimes") == count].sum())
        said[""] = f"P({count} regime{'s' * (count > 1)}) = {share:.2f}"
        said["end_exponent"] = "over all models"
    given = shares[shares.index.get_level_values("regimes") == count]
    for name, level, value in (("floor", "floor", True), ("autocorrelation", "noise", "ar1")):
        known = given.index.get_level_values(level)
        if known.nunique() > 1 and given.sum() > 0:
            said[name] = f"P({value if name != 'floor' else name}) = "
            said[name] += f"{float(given[known == value].sum() / given.sum()):.2f}"
    return said


def reported(params: Mapping[str, Array], law: Law) -> dict[str, tuple[Array, str]]:
    """Return what a summary shows of one run: draws (n, k) and their unit."""
    shown: dict[str, tuple[Array, str]] = {}
    for parameter in law.parameters:
        name, unit = parameter.name, parameter.unit
        if name not in params:
            continue
        values = params[name].reshape(len(params[name]), -1)[:, : parameter.size]
        if name == "log_amplitude":
            name, unit = "amplitude", "y"
            with np.errstate(over="ignore"):
                values = np.exp(values)
        shown[name] = (values, unit)
    for name in OF_NOISE:
        of_others = name == "autocorrelation" and name in params and not params[name].any()
        if name in params and not of_others:
            shown[name] = (params[name].reshape(len(params[name]), -1), "")
    return shown


def _spread(values: Array, tails: tuple[float, float]) -> float:
    """Return the width of an interval in logs, of the draws that have the parameter."""
    there = values[values > 0.0]
    if not there.size:
        return 0.0
    low, high = np.quantile(np.log(there), tails)
    return float(high - low)


def _diagnostic(record: Record, kind: str, name: str, run: str, regime: int) -> float:
    group = record.group("diagnostics")
    key = f"{kind}_{'log_amplitude' if name == 'amplitude' else name}"
    if key not in group:
        return float("nan")
    values = np.atleast_1d(group[key].sel(run=run).values)
    return float(values[regime]) if regime < values.size else float("nan")


def _prior_widths(
    record: Record, run: str, law: Law, tails: tuple[float, float]
) -> dict[str, float]:
    """Return how wide, in logs, the prior of crossovers, widths and floor is."""
    problem = Problem(law, *record.curve(run), given=record.priors_of(run, law))
    drawn = problem.natural(np.random.default_rng(0).standard_normal((DRAWS, problem.dimension)))
    widths: dict[str, float] = {}
    for name in ("crossover", "width", "floor"):
        if name in drawn:
            first = drawn[name].reshape(len(drawn[name]), -1)[:, 0]
            low, high = np.quantile(np.log(first), tails)
            widths[name] = float(high - low)
    return widths
