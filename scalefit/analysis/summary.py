"""Summary of a fit: parameters with intervals, and priors in the units of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array, quantiles
from scalefit.forecast.exponents import end_exponent
from scalefit.inference import Problem
from scalefit.laws import Law, SegmentedLaw
from scalefit.laws.priors import dimension, unpack
from scalefit.record import Record
from scalefit.wording import counted, state

if TYPE_CHECKING:
    import pandas as pd


LIMIT = "limit"
"""What y tends to under a ceiling: the ceiling without the floor of the gap."""
OF_NOISE = (
    "noise",
    "autocorrelation",
    "noise_slope",
    "degrees_of_freedom",
    "run_noise",
    "outlier_share",
    "outlier_scale",
)
PRIOR_DRIVEN = 0.8
"""An interval this share of the prior's, or wider, says that the data did not decide."""
DRAWS = 4000


def summary(record: Record, tails: tuple[float, float]) -> pd.DataFrame:
    """Return the table of `Fit.summary`."""
    import pandas as pd

    of = {one.name: one.per for one in record.law.parameters}
    rows: list[dict[str, Any]] = []
    ends = end_exponent(record) if isinstance(record.law, SegmentedLaw) else None
    chances = _Chances(record) if record.weighed else None
    verdict = record.verdict
    for place, run in enumerate(record.runs):
        params = record.parameters(run)
        count = record.regimes(run)
        law = record.law.with_regimes(count)
        shown = reported(params, law, record)
        if ends is not None:
            shown["end_exponent"] = (ends.values[place].reshape(-1, 1), "")
        prior = _prior_widths(record, run, law, tails)
        word = state(verdict[run])
        doubt = "" if word == "ok" else f"{word}: see the verdict"
        sound = chances is not None and word != "unreliable"
        weighed = chances.noted(place, count) if chances is not None and sound else {}
        for name, (values, unit) in shown.items():
            per = of.get(name, "law")
            for regime in range(values.shape[1]):
                one = values[:, regime]
                own = "floor" if name == LIMIT else name
                spread = _spread(name, record.gap(one) if name == LIMIT else one, tails)
                driven = spread > PRIOR_DRIVEN * prior.get(own, np.inf)
                said = "follows the prior" if driven else ""
                if one.min() == one.max() and own not in weighed:
                    said = "fixed"
                notes = [doubt or said, weighed.get(own, weighed.get("", ""))]
                if name == "noise" and record.test_size is not None:
                    notes.append(f"beside that of {counted(record.test_size, 'test point')}")
                if name == LIMIT:
                    notes = [one.replace("P(floor)", "P(below the ceiling)") for one in notes]
                rows.append(
                    {
                        "run": run,
                        "regimes": count,
                        "regime": regime,
                        **_which(record, per, regime),
                        "parameter": name,
                        **quantiles(one, tails),
                        "mean": float(np.mean(one)),
                        "sd": float(np.std(one)),
                        "unit": _unit(record, unit, per, regime),
                        "ess": _diagnostic(record, "ess", name, place, regime),
                        "rhat": _diagnostic(record, "rhat", name, place, regime),
                        "note": "; ".join(filter(None, notes)),
                    }
                )
    return pd.DataFrame(rows)


def _which(record: Record, per: str, place: int) -> dict[str, str]:
    """Return the column that says which predictor a row is of, where there are several."""
    names = record.predictors
    if len(names) == 1:
        return {}
    if per == "pair":
        return {"predictor": ", ".join(list(combinations(names, 2))[place])}
    return {"predictor": names[place] if per == "predictor" else ""}


def _unit(record: Record, unit: str, per: str, place: int) -> str:
    """Return the unit of a value in the units of the data."""
    if unit == "x" and per == "predictor":
        return str(record.axis(record.predictors[place])["unit"])
    if unit in ("x", "y"):
        return str(record.tree.attrs[f"{unit}_unit"])
    names = record.predictors
    known = {f"x[{i}]": record.axis(one)["unit"] for i, one in enumerate(names) if "x[" in unit}
    top, _, below = unit.partition("/")
    if below in known and top == "y":
        top, below = str(record.tree.attrs["y_unit"]) or "1", str(known[below])
        return f"{top}/{below}" if below else top.removeprefix("1")
    return str(known.get(unit, unit))


def shared(record: Record, tails: tuple[float, float]) -> pd.DataFrame:
    """Return the table of `Fit.shared`."""
    import pandas as pd

    units = {"crossover": record.tree.attrs["x_unit"], "width": "decades"}
    per = {parameter.name: parameter.per for parameter in record.law.parameters}
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
                        **_which(record, per.get(str(name), "law"), regime),
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
        drawn = unpack(known, _normals(dimension(known)))
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


class _Chances:
    """Probabilities of the models of all runs, and what is noted of them."""

    def __init__(self, record: Record) -> None:
        self._averaged = record.averaged
        table: Any = record.probabilities
        self._shares = table.to_numpy(dtype=float)
        self._levels: dict[str, Any] = {
            str(name): table.columns.get_level_values(name).to_numpy()
            for name in table.columns.names
        }

    def noted(self, place: int, count: int) -> dict[str, str]:
        """Return what to note of a run, by parameter; `""` for the rest."""
        said: dict[str, str] = {}
        chosen = self._levels["regimes"] == count
        given, total = self._shares[place][chosen], float(self._shares[place][chosen].sum())
        if self._averaged:
            said[""] = f"given {count} regime{'s' * (count > 1)} (P = {total:.2f})"
            said["end_exponent"] = "over all models"
        for name, level, value in (
            ("floor", "floor", True),
            ("autocorrelation", "noise", "ar1"),
            ("noise_slope", "noise", "changing"),
        ):
            known = self._levels[level][chosen]
            if len(set(known.tolist())) > 1 and total > 0:
                said[name] = f"P({value if name != 'floor' else name}) = "
                said[name] += f"{float(given[known == value].sum() / total):.2f}"
        return said


def reported(params: Mapping[str, Array], law: Law, record: Record) -> dict[str, tuple[Array, str]]:
    """Return what a summary shows of one run: draws (n, k) and their unit.

    With a ceiling, what y tends to is its limit; the floor is that of the gap.
    """
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
        if name == "floor" and record.ceiling is not None:
            name, values = LIMIT, record.shown(values)
        shown[name] = (values, unit)
    for name in OF_NOISE:
        of_one = name in ("autocorrelation", "noise_slope")
        of_others = of_one and name in params and not params[name].any()
        if name in params and not of_others:
            shown[name] = (params[name].reshape(len(params[name]), -1), "")
    return shown


@lru_cache(maxsize=32)
def _normals(dimension: int) -> Array:
    """Return the normals that priors are drawn with, shape (n, dimension)."""
    made = np.random.default_rng(0).standard_normal((DRAWS, dimension))
    made.flags.writeable = False
    return made


def _spread(name: str, values: Array, tails: tuple[float, float]) -> float:
    """Return the width of an interval, of an exponent as it is and of scales in logs."""
    if name == "exponent":
        low, high = np.quantile(values, tails)
        return float(high - low)
    there = values[values > 0.0]
    if not there.size:
        return 0.0
    low, high = np.quantile(np.log(there), tails)
    return float(high - low)


def _diagnostic(record: Record, kind: str, name: str, place: int, regime: int) -> float:
    known = record.tree.children["diagnostics"].variables
    stored = {"amplitude": "log_amplitude", LIMIT: "floor"}
    key = f"{kind}_{stored.get(name, name)}"
    if key not in known:
        return float("nan")
    values = np.atleast_1d(known[key].values[place])
    return float(values[regime]) if regime < values.size else float("nan")


def _prior_widths(
    record: Record, run: str, law: Law, tails: tuple[float, float]
) -> dict[str, float]:
    """Return how wide the prior of exponents, and in logs of crossovers, widths and floor, is."""
    problem = Problem(law, *record.law_curve(run), given=record.priors_of(run, law))
    drawn = problem.natural(_normals(problem.dimension))
    return {
        name: _spread(name, drawn[name].reshape(DRAWS, -1)[:, 0], tails)
        for name in ("exponent", "crossover", "width", "floor")
        if name in drawn
    }
