"""Coverage and scores of the default fit on curves that are not drawn from its priors.

Truths have 1 to 3 regimes, in equal parts, with exponents uniform in .05 to 1.2, widths log-uniform
in .05 to 1.5 decades, crossovers uniform in log x between a tenth and nine tenths of its range and
at least a tenth apart, and in 70% a floor that is a uniform .05 to .9 of the level at the last x.
There are 25 to 200 points, log-uniform: at x = 1, 2, 3, ..., as a log has them, or evenly spaced in
log x over 2 to 5 decades. Noise of log y, of scale log-uniform in .002 to .03, is independent;
AR(1) from point to point, of a correlation uniform in .3 to .9; or independent with a standard
deviation that is a power of x and falls from the larger of two such scales to the smaller.

The fit is `sf.fit(x, y)` with the defaults of the package that Python imports. Reported with
standard errors over curves:

- coverage of 90% intervals of the end exponent, over all models and given the right number of
  regimes; of the floor, as the fit states it, where there is one; of widths, given the right number
- that of y without noise at 2 and 10 times the last x: without further crossovers in prediction and
  truth; with them in both, one per decade, which change the exponent by Normal(0, .3); and with
  them in the prediction where none comes
- the log score of the probability of the right number of regimes, where one third each scores
  -1.10, and the probability of a floor where there is none
- CPU seconds of a fit

All of them also by what the truth is, and of fits whose verdict is ok; the others count every fit
that has draws, whatever its verdict.

    python benchmarks/calibration/generator.py --curves 400
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

from scalefit.arrays import Array

Row = dict[str, Any]

NOISES = ("independent", "ar1", "x-dependent")
SPACINGS = ("log", "linear")
REGIMES = (1, 2, 3)
AHEAD = (2.0, 10.0)
FUTURES = {  # hazards of prediction and truth
    "without": (0.0, 0.0),
    "with, none comes": (1.0, 0.0),
    "with": (1.0, 1.0),
}
NARROW = 0.15  # decades
LEAST = 1e-12  # of a probability, for its log
SEED = 2041


@dataclass(frozen=True)
class Truth:
    """One curve of the generator: its law, points, and what kind it is."""

    law: Any
    params: dict[str, Array]
    x: Array
    y: Array
    kind: dict[str, Any]


def log_uniform(low: float, high: float, rng: np.random.Generator, size: Any = None) -> Any:
    """Return draws whose log is uniform."""
    return np.exp(rng.uniform(math.log(low), math.log(high), size))


def simulate(index: int) -> Truth:
    """Return the truth of an index: regimes, noise and spacing go round, the rest is drawn."""
    from scalefit.laws import BrokenPowerLaw

    rng = np.random.default_rng([SEED, index])
    regimes = REGIMES[index % 3]
    noise, spacing = NOISES[index // 3 % 3], SPACINGS[index // 9 % 2]
    floor = bool(rng.uniform() < 0.7)
    count = round(log_uniform(25, 200, rng))
    decades = rng.uniform(2.0, 5.0)
    linear = spacing == "linear"
    x = np.arange(1.0, count + 1.0) if linear else np.logspace(0.0, decades, count)
    law = BrokenPowerLaw(regimes, floor)
    params = {
        "exponent": rng.uniform(0.05, 1.2, (1, regimes)),
        "crossover": places(regimes - 1, float(np.log(x[-1])), rng),
        "width": log_uniform(0.05, 1.5, rng, (1, regimes - 1)),
        "log_amplitude": np.zeros(1),
        "noise": np.ones(1),
    }
    power = BrokenPowerLaw(regimes, False).log_mean(params, x[-1:])[0, 0]
    params["log_amplitude"] = np.array([-power])
    share = rng.uniform(0.05, 0.9)
    if floor:
        params["floor"] = np.array([share / (1.0 - share)])
    deviation = noise_of(noise, x, rng)
    log_y = np.asarray(law.log_mean(params, x))[0] + deviation
    kind = {
        "regimes": regimes,
        "floor": floor,
        "noise": noise,
        "spacing": spacing,
        "points": count,
    }
    return Truth(law, params, x, np.exp(log_y), kind)


def places(count: int, range_: float, rng: np.random.Generator) -> Array:
    """Return crossovers, shape (1, count), in the middle eight tenths of the log of x."""
    while True:
        at = np.sort(rng.uniform(0.1, 0.9, count))
        if count < 2 or np.diff(at).min() >= 0.1:
            return np.exp(at * range_)[None]


def noise_of(kind: str, x: Array, rng: np.random.Generator) -> Array:
    """Return the deviations of log y."""
    white = rng.standard_normal(x.size)
    scale = log_uniform(0.002, 0.03, rng)
    if kind == "ar1":
        return np.asarray(scale * campaign.correlated(white, rng.uniform(0.3, 0.9)))
    if kind == "independent":
        return np.asarray(scale * white)
    ends = sorted((scale, log_uniform(0.002, 0.03, rng)))
    along = np.log(x / x[0]) / np.log(x[-1] / x[0])
    return np.asarray(np.exp(np.log(ends[1]) + along * np.log(ends[0] / ends[1])) * white)


def one_curve(index: int) -> Row:
    """Return what holds the truth, and how wide it is, of one fit."""
    import scalefit as sf

    campaign.warm()
    truth = simulate(index)
    started = time.process_time()
    fit = sf.fit(truth.x, truth.y, progress=False)
    spent = time.process_time() - started
    (verdict,) = fit.verdict.values()
    row: Row = {
        "index": index,
        **truth.kind,
        "verdict": verdict,
        "cpu_s": round(spent, 3),
    }
    if np.isfinite(fit.end_exponent.values).all():  # a fit that is marked counts all the same
        row |= judged(fit, truth, np.random.default_rng([SEED, index, 1]))
    return row


def judged(fit: Any, truth: Truth, rng: np.random.Generator) -> Row:
    """Return coverage, log widths of intervals, and scores of probabilities."""
    regimes = truth.kind["regimes"]
    given = fit.with_regimes(regimes)
    last = truth.x[-1:]
    end = float(truth.law.local_exponent(truth.params, last, floor=False)[0, 0])
    bands: dict[str, tuple[float, float, float]] = {}  # low, high, truth
    for name, one in (("end exponent", fit), ("end exponent, right number", given)):
        low, high = np.quantile(one.end_exponent.values, (0.05, 0.95))
        bands[name] = float(low), float(high), end
    if truth.kind["floor"]:
        stated = fit.summary().query("parameter == 'floor'")
        for low, high in stated[["low", "high"]].to_numpy():
            bands["floor"] = float(low), float(high), float(truth.params["floor"][0])
    widths = given.summary().query("parameter == 'width'")
    for i, (low, high) in enumerate(widths[["low", "high"]].to_numpy()):
        bands[f"width {i}"] = float(low), float(high), float(truth.params["width"][0, i])
    bands |= forecasts(fit, truth, rng)
    bands = {name: band for name, band in bands.items() if np.isfinite(band).all()}
    probability = fit.probabilities.iloc[0]
    number = probability.groupby(level="regimes").sum()
    return {
        "covered": {name: bool(low <= true <= high) for name, (low, high, true) in bands.items()},
        "size": {name: float(f"{high - low:.4g}") for name, (low, high, _) in bands.items()},
        "true_widths": [float(value) for value in truth.params["width"][0]],
        "number_log_score": math.log(max(LEAST, float(number.get(regimes, 0.0)))),
        "p_floor": float(probability.xs(True, level="floor").sum()),
    }


def forecasts(
    fit: Any, truth: Truth, rng: np.random.Generator
) -> dict[str, tuple[float, float, float]]:
    """Return bands of log y without noise beyond the data, and the truth of each."""
    from scalefit.forecast.futures import log_curve

    last = float(truth.x[-1])
    at = last * np.array(AHEAD)
    predicted = {
        hazard: fit.predict(at, kind="curve", hazard=hazard)
        for hazard in {mine for mine, _ in FUTURES.values()}
    }
    bands = {}
    for name, (mine, true) in FUTURES.items():
        actual = log_curve(truth.law, truth.params, at, last=last, hazard=true, rng=rng)[0]
        low, high = (np.log(predicted[mine][key].values[0]) for key in ("low", "high"))
        for k, ahead in enumerate(AHEAD):
            bands[f"{ahead:g}x {name}"] = float(low[k]), float(high[k]), float(actual[k])
    return bands


def stated(values: Sequence[float]) -> list[float]:
    """Return mean, standard error and number."""
    each = np.asarray(values, dtype=float)
    error = each.std(ddof=1) / math.sqrt(each.size) if each.size > 1 else math.nan
    return [round(float(each.mean()), 4), round(float(np.nan_to_num(error)), 4), each.size]


def table(rows: Sequence[Row]) -> Row:
    """Return everything that is reported of a group of curves, with n in each place."""
    judged = [row for row in rows if "covered" in row]
    result: Row = {
        "curves": len(rows),
        "verdict_ok": stated([row["verdict"] == "ok" for row in rows]),
        "cpu_s_mean_median_95": campaign.seconds(rows),
    }
    if not judged:
        return result
    names = dict.fromkeys(name for row in judged for name in row["covered"])
    covered = {
        name: stated([row["covered"][name] for row in judged if name in row["covered"]])
        for name in names
        if not name.startswith("width")
    }
    for label, low, high in (
        ("widths", 0.0, math.inf),
        (f"widths below {NARROW}", 0.0, NARROW),
        (f"widths above {NARROW}", NARROW, math.inf),
    ):
        shares = [
            float(np.mean(inside))
            for row in judged
            if (
                inside := [
                    row["covered"][f"width {i}"]
                    for i, true in enumerate(row["true_widths"])
                    if low <= true < high and f"width {i}" in row["covered"]
                ]
            )
        ]
        if shares:
            covered[label] = stated(shares)
    result["covered"] = covered
    result["size_median"] = {
        name: round(float(np.median([r["size"][name] for r in judged if name in r["size"]])), 5)
        for name in names
    }
    result["number_log_score"] = stated([row["number_log_score"] for row in judged])
    without = [row["p_floor"] for row in judged if not row["floor"]]
    if without:
        result["p_floor_where_none"] = stated(without)
    return result


def groups(rows: Sequence[Row]) -> Row:
    """Return tables of all curves and by what the truth is."""
    chosen: dict[str, list[Row]] = {"all": list(rows)}
    for name in ("regimes", "noise", "spacing"):
        for value in dict.fromkeys(row[name] for row in rows):
            chosen[f"{name} {value}"] = [row for row in rows if row[name] == value]
    chosen["floor"] = [row for row in rows if row["floor"]]
    chosen["verdict ok"] = [row for row in rows if row["verdict"] == "ok"]
    chosen["no floor"] = [row for row in rows if not row["floor"]]
    return {name: table(group) for name, group in chosen.items() if group}


def printed(found: Row) -> str:
    """Return coverage by group in at most 80 columns."""
    columns = {
        "end": "end exponent",
        "given": "end exponent, right number",
        "floor": "floor",
        "widths": "widths",
        "2x": "2x without",
        "10x": "10x without",
        "2x+": "2x with",
        "10x+": "10x with",
    }
    heads = "".join(f"{name:>7}" for name in columns)
    lines = [f"{'covered':<19}{heads}", f"{'':<19}" + " 90% bands; + further crossovers"]
    for group, one in found.items():
        covered = one.get("covered", {})
        cells = [f"{covered[key][0]:.2f}" if key in covered else "-" for key in columns.values()]
        lines.append(f"{group:<19}" + "".join(f"{cell:>7}" for cell in cells))
        if group == "all":
            cells = [f"({covered[k][1]:.2f})" if k in covered else "-" for k in columns.values()]
            lines.append(f"{'':<19}" + "".join(f"{cell:>7}" for cell in cells))
    every = found["all"]
    if "number_log_score" in every:
        score, error, _ = every["number_log_score"]
        lines.append(
            f"log score of the number of regimes {score:.2f} ({error:.2f}); one third each -1.10"
        )
    if "p_floor_where_none" in every:
        lines.append(f"P(floor) where there is none {every['p_floor_where_none'][0]:.2f}")
    lines.append(f"CPU s: mean, median, 95%: {every['cpu_s_mean_median_95']}")
    return "\n".join(lines)


def main() -> None:
    import scalefit

    parser = campaign.arguments(__doc__, "generator.json", 400)
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    found = groups(rows)
    result = {
        "question": "does the default fit hold on curves that its priors do not make",
        "scalefit_commit": campaign.commit(Path(scalefit.__file__).parents[1], "scalefit"),
        "seed": SEED,
        "tables": found,
        "rows": rows,
    }
    campaign.keep(result, chosen.out)
    print(printed(found))


if __name__ == "__main__":
    main()
