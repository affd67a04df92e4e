"""Tables of a fit: parameters with intervals, and priors in the units of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import record
from .inference import Problem
from .laws import BrokenPowerLaw, Law, Window
from .laws.priors import Prior, dimension, unpack

if TYPE_CHECKING:
    import pandas as pd

    from .result import Fit

Array = NDArray[np.float64]

PER_REGIME = ("exponent", "crossover", "width")
REPORTED = (*PER_REGIME, "floor", "amplitude", "noise")
OF_NOISE = ("noise", "autocorrelation", "degrees_of_freedom")
PRIOR_DRIVEN = 0.8
"""An interval this share of the prior's, or wider, says that the data did not decide."""
DRAWS = 4000


def summary(fit: Fit, tails: tuple[float, float]) -> pd.DataFrame:
    """Return the table of `Fit.summary`."""
    import pandas as pd

    units = {"x": fit.tree.attrs["x_unit"], "y": fit.tree.attrs["y_unit"], "": ""}
    rows: list[dict[str, Any]] = []
    broken = isinstance(fit.law, BrokenPowerLaw)
    ends = fit.end_exponent if broken else None
    shares: Any = fit.probabilities if "models" in fit.tree.children else None
    for run in fit.runs:
        params = fit.parameters(run)
        count = regimes_of(fit, params)
        law = BrokenPowerLaw(count, getattr(fit.law, "floor", True)) if broken else fit.law
        shown = reported(params, law)
        if ends is not None:
            shown["end_exponent"] = (ends.sel(run=run).values.reshape(-1, 1), "")
        prior = _prior_widths(fit, run, law, tails)
        doubt = "" if fit.verdict[run] == "ok" else "unreliable: see the verdict"
        weighed = _weighed(fit, shares.loc[run], count) if shares is not None and not doubt else {}
        for name, (values, unit) in shown.items():
            for regime in range(values.shape[1]):
                one = values[:, regime]
                low, median, high = np.quantile(one, [tails[0], 0.5, tails[1]])
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
                        "mean": float(np.mean(one)),
                        "median": float(median),
                        "low": float(low),
                        "high": float(high),
                        "unit": units.get(unit, unit),
                        "ess": _diagnostic(fit, "ess", name, run, regime),
                        "rhat": _diagnostic(fit, "rhat", name, run, regime),
                        "note": "; ".join(filter(None, notes)),
                    }
                )
    return pd.DataFrame(rows)


def shared(fit: Fit, tails: tuple[float, float]) -> pd.DataFrame:
    """Return the table of `Fit.shared`."""
    import pandas as pd

    units = {"crossover": fit.tree.attrs["x_unit"], "width": "decades"}
    rows = []
    dataset = fit.tree.children["shared"].to_dataset()
    for group in dataset["group"].values:
        for name, variable in dataset.sel(group=group).data_vars.items():
            values = variable.values.reshape(variable.sizes["chain"] * variable.sizes["draw"], -1)
            for regime, one in enumerate(values.T):
                low, median, high = np.quantile(one, [tails[0], 0.5, tails[1]])
                rows.append(
                    {
                        "group": str(group),
                        "regime": regime,
                        "parameter": str(name),
                        "mean": float(one.mean()),
                        "median": float(median),
                        "low": float(low),
                        "high": float(high),
                        "unit": units.get(str(name), ""),
                    }
                )
    return pd.DataFrame(rows)


def priors(fit: Fit, runs: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the table of `Fit.priors`, or that of some of its runs."""
    import pandas as pd

    units = {"x": fit.tree.attrs["x_unit"], "y": fit.tree.attrs["y_unit"]}
    rows = []
    for run in fit.runs if runs is None else runs:
        known = _priors(fit, run, fit.law)
        drawn = unpack(known, np.random.default_rng(0).standard_normal((DRAWS, dimension(known))))
        for name, prior in known.items():
            low, median, high = np.quantile(drawn[name], [0.05, 0.5, 0.95])
            rows.append(
                {
                    "run": run,
                    "parameter": name,
                    "prior": prior.words(),
                    "median": median,
                    "low": low,
                    "high": high,
                    "unit": units.get(prior.unit, prior.unit),
                }
            )
    return pd.DataFrame(rows)


def labelled(row: Mapping[Any, Any]) -> str:
    """Return the parameter of a row, with its number where there is one per regime."""
    name = str(row["parameter"])
    each = name.removeprefix("spread_") in PER_REGIME
    return f"{name} {row['regime']}" if each else name


def regimes_of(fit: Fit, params: dict[str, Array]) -> int:
    """Return how many regimes the draws of a run have; the most where its fit failed."""
    if "regimes" in params and np.isfinite(params["regimes"]).all():
        return int(params["regimes"][0])
    return int(getattr(fit.law, "regimes", 1))


def models_of(fit: Fit, run: str | None = None) -> str:
    """Return what was fitted, in words; with a run, its most probable number of regimes."""
    if not isinstance(fit.law, BrokenPowerLaw) or "models" not in fit.tree.children:
        return fit.law.name
    models = fit.tree.children["models"].to_dataset()
    counts = sorted(set(models["regimes"].values.tolist()))
    if run is not None and len(counts) > 1:
        counts = [regimes_of(fit, fit.parameters(run))]
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    floors = set(models["floor"].values.tolist())
    ending = "with or without a floor" if len(floors) > 1 else fit.law.name.partition(", ")[2]
    if run is not None and len(floors) > 1:
        ending = ""
    return ", ".join(filter(None, (f"{number} regime{'s' * (counts != [1])}", ending)))


def chances(fit: Fit, run: str) -> str:
    """Return the probabilities of the models of a run in one line; empty where there are none.

    Numbers of regimes, then whether there is a floor, then whether the noise is correlated, each
    over all that was weighed against it.
    """
    if "models" not in fit.tree.children:
        return ""
    shares: Any = fit.probabilities.loc[run]
    if not np.isfinite(shares).all():
        return ""
    parts: list[str] = []
    by_number: Any = shares.groupby(level="regimes").sum()
    if len(by_number) > 1:
        listed = ", ".join(f"{n} {_share(p)}" for n, p in by_number.items())
        parts.append(f"regimes: {listed}")
    for name, level, value in (("floor", "floor", True), ("correlated noise", "noise", "ar1")):
        known = shares.index.get_level_values(level)
        if known.nunique() > 1:
            parts.append(f"{name} {_share(shares[known == value].sum())}")
    head = "" if len(by_number) > 1 or not parts else "probabilities: "
    return head + "; ".join(parts)


def _share(probability: float) -> str:
    """Return a probability in two digits: `.02`, `1`."""
    text = f"{probability:.2f}"
    return "1" if text == "1.00" else text.removeprefix("0")


def _weighed(fit: Fit, shares: pd.Series[float], count: int) -> dict[str, str]:
    """Return what to note of a run where models were weighed, by parameter; `""` for the rest.

    `shares` holds the probability of each model.
    """
    said: dict[str, str] = {}
    if fit.averaged:
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


def reported(params: dict[str, Array], law: Law) -> dict[str, tuple[Array, str]]:
    """Return what a summary shows of one run: draws (n, k) and their unit."""
    known = {p.name: p.unit for p in law.parameters} | dict.fromkeys(OF_NOISE, "")
    shown = {name: (params[name], unit) for name, unit in known.items() if name in params}
    if "autocorrelation" in shown and not shown["autocorrelation"][0].any():
        del shown["autocorrelation"]  # of other runs
    if "log_amplitude" in shown:
        with np.errstate(over="ignore"):
            shown["amplitude"] = (np.exp(shown.pop("log_amplitude")[0]), "y")
    if isinstance(law, BrokenPowerLaw):
        sizes = {"exponent": law.regimes, "crossover": law.regimes - 1, "width": law.regimes - 1}
        order = [key for key in (*REPORTED, *OF_NOISE[1:]) if key in shown]
        shown = {
            name: (shown[name][0][:, : sizes[name]] if name in sizes else shown[name][0], unit)
            for name, (_, unit) in {key: shown[key] for key in order}.items()
        }
    return {name: (values.reshape(len(values), -1), unit) for name, (values, unit) in shown.items()}


def _spread(values: Array, tails: tuple[float, float]) -> float:
    """Return the width of an interval in logs, of the draws that have the parameter."""
    there = values[values > 0.0]
    if not there.size:
        return 0.0
    low, high = np.quantile(np.log(there), tails)
    return float(high - low)


def _diagnostic(fit: Fit, kind: str, name: str, run: str, regime: int) -> float:
    group = fit.tree.children["diagnostics"].to_dataset()
    key = f"{kind}_{'log_amplitude' if name == 'amplitude' else name}"
    if key not in group:
        return float("nan")
    values = np.atleast_1d(group[key].sel(run=run).values)
    return float(values[regime]) if regime < values.size else float("nan")


def _priors(fit: Fit, run: str, law: Law) -> dict[str, Prior]:
    """Return the priors of one run under a law, those of the noise last."""
    return record.priors_of(fit.tree, law, Window.of(*fit.curve(run)))


def _prior_widths(fit: Fit, run: str, law: Law, tails: tuple[float, float]) -> dict[str, float]:
    """Return how wide, in logs, the prior of crossovers, widths and floor is."""
    x, y = fit.curve(run)
    known = _priors(fit, run, law)
    problem = Problem(law, x, y, given=known)
    drawn = problem.natural(np.random.default_rng(0).standard_normal((DRAWS, problem.dimension)))
    widths: dict[str, float] = {}
    for name in ("crossover", "width", "floor"):
        if name in drawn:
            first = drawn[name].reshape(len(drawn[name]), -1)[:, 0]
            low, high = np.quantile(np.log(first), tails)
            widths[name] = float(high - low)
    return widths
