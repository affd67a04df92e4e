"""Coverage of the 90% intervals of exponents, which should be nine times in ten.

Truths are drawn from the printed priors, one and two regimes, with and without floor; each curve
has 60 points over five decades. Coverage is reported for every fit and for those whose verdict is
`ok`, with binomial standard errors. Finished curves are kept in a `.jsonl` beside the result, so
that an interrupted run goes on where it stopped.

As a control, the exact least-squares t interval is computed on the same curves where it exists,
one regime without floor: its coverage is 0.9 by construction, so what it misses of that on these
curves is the luck of their noise, shared by every method.

    python benchmarks/calibration/exponent_coverage.py --curves 200
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

CELLS = [(1, False), (1, True), (2, False), (2, True)]


def simulate(index: int) -> tuple[Any, dict[str, Any], np.random.Generator]:
    """Return the problem of one curve, its truth drawn from the priors, and its random stream."""
    from scalefit.inference import Problem
    from scalefit.laws import BrokenPowerLaw

    regimes, floor = CELLS[index % len(CELLS)]
    law = BrokenPowerLaw(regimes, floor=floor)
    rng = np.random.default_rng([2026, index])
    x = np.logspace(0, 5, 60)
    prior = Problem(law, x, np.ones_like(x))  # level centred on 1
    v = rng.standard_normal((1, prior.dimension))
    truth = {name: value[0] for name, value in prior.natural(v).items()}
    log_y = prior.log_mean(v)[0] + truth["noise"] * rng.standard_normal(x.size)
    return Problem(law, x, np.exp(log_y)), truth, rng


def one_curve(index: int, method: str) -> dict[str, Any]:
    """Return one fit: its verdict, its intervals and where the truth lies in them."""
    from scalefit.inference import infer

    problem, truth, rng = simulate(index)
    regimes, floor = CELLS[index % len(CELLS)]
    started = time.process_time()
    posterior = infer([problem], method=method, rng=rng)
    exponents = posterior.draws["exponent"].reshape(-1, regimes)
    low, high = np.quantile(exponents, [0.05, 0.95], axis=0)
    return {
        "index": index,
        "regimes": regimes,
        "floor": floor,
        "verdict": posterior.verdict,
        "truth": truth["exponent"].tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "rank": (exponents < truth["exponent"]).mean(axis=0).tolist(),
        "cpu_s": time.process_time() - started,
    }


def control(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the coverage of exact least-squares intervals on the one-regime curves."""
    inside = []
    for row in rows:
        if (row["regimes"], row["floor"]) == (1, False):
            problem, truth, _ = simulate(row["index"])
            line = stats.linregress(np.log(problem.x), problem.log_y)
            half = stats.t.ppf(0.95, problem.x.size - 2) * line.stderr
            inside.append(bool(abs(-line.slope - truth["exponent"][0]) <= half))
    share = float(np.mean(inside)) if inside else float("nan")
    error = float(np.sqrt(share * (1 - share) / max(1, len(inside))))
    return {"curves": len(inside), "coverage": round(share, 4), "binomial_se": round(error, 4)}


def coverage(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the share of exponents inside their interval, with its error clustered by curve."""
    if not rows:
        return {"curves": 0}
    per_curve = [
        np.mean([lo <= t <= hi for lo, t, hi in zip(r["low"], r["truth"], r["high"], strict=True)])
        for r in rows
    ]
    weight = np.array([len(r["truth"]) for r in rows], dtype=float)
    share = float(np.average(per_curve, weights=weight))
    n = int(weight.sum())
    clustered = np.sqrt(np.sum((weight * (np.array(per_curve) - share)) ** 2)) / weight.sum()
    return {
        "curves": len(rows),
        "exponents": n,
        "coverage": round(share, 4),
        "binomial_se": round(float(np.sqrt(share * (1 - share) / n)), 4),
        "clustered_se": round(float(clustered), 4),
        "cpu_s_median": round(float(np.median([r["cpu_s"] for r in rows])), 2),
    }


def tables(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage over all curves and per cell, for all fits and for the trusted ones."""
    groups = {"all": rows}
    for regimes, floor in CELLS:
        name = f"{regimes} regime{'s' * (regimes > 1)}, {'floor' if floor else 'no floor'}"
        groups[name] = [r for r in rows if (r["regimes"], r["floor"]) == (regimes, floor)]
    return {
        name: {
            "all_fits": coverage(group),
            "verdict_ok": coverage([r for r in group if r["verdict"] == "ok"]),
        }
        for name, group in groups.items()
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "", 200)
    parser.add_argument("--method", default="nuts", choices=["nuts", "point"])
    parser.set_defaults(out=None)
    chosen = parser.parse_args()
    out = chosen.out or campaign.RESULTS / f"exponent_coverage_{chosen.method}.json"
    one = partial(one_curve, method=chosen.method)
    rows = campaign.run(one, range(chosen.curves), out, chosen.workers)
    shown = {"results": tables(rows), "control_least_squares_1_regime_no_floor": control(rows)}
    result = {
        "question": "coverage of 90% intervals of exponents, truths from the printed priors",
        "nominal": 0.9,
        "method": chosen.method,
        **shown,
        "verdicts_not_ok": [row["verdict"] for row in rows if row["verdict"] != "ok"],
        "curves": rows,
    }
    campaign.keep(result, out, ("scalefit", "pymc", "arviz", "numpy", "scipy"))
    campaign.show({**shown["results"], "control": shown["control_least_squares_1_regime_no_floor"]})


if __name__ == "__main__":
    main()
