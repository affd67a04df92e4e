"""Calibration of partial pooling: groups of curves drawn from the printed hierarchical prior.

Each group has five curves of 40 points over four decades. Shared exponents, crossovers, widths and
spreads are drawn from their priors, every curve's own values around them, and level, floor share
and noise of each from the law's priors. Coverage of the shared values, and of every curve's own
exponents and end exponent, pooled and fitted alone; the width of the curves' intervals against
those of the fits alone. Errors are clustered by group.

    python benchmarks/calibration/pooling.py --curves 200
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
import sbc

from scalefit.arrays import Array

CELLS = [(1, False), (1, True), (2, False), (2, True)]
CURVES = 5
POINTS = 40
DECADES = 4.0
DRAWS = 1000
SEED = 2028


def simulate(index: int, rng: np.random.Generator) -> tuple[list[Any], list[dict[str, Array]], Any]:
    """Return the problems of one group, the truth of each curve and the shared truth."""
    from scalefit.inference.pooled import SPREAD
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw, Window

    regimes, floor = CELLS[index % len(CELLS)]
    law = BrokenPowerLaw(regimes, floor)
    x = np.logspace(0.0, DECADES, POINTS)
    priors = {**law.priors(Window(x[0], x[-1], 1.0))}
    problem = Problem(law, x, np.ones(POINTS))
    priors = {**priors, **problem.noise.priors()}
    problem = Problem(law, x, np.ones(POINTS), given=priors)
    shared = problem.natural(rng.standard_normal((1, problem.dimension)))
    n = regimes - 1
    steepness = shared["steepness"][0]
    spread = SPREAD * np.abs(rng.standard_normal(3))
    problems, truths = [], []
    while len(problems) < CURVES:
        truth = problem.natural(rng.standard_normal((1, problem.dimension)))
        own = {name: truth[name] for name in ("level", "floor_share", "noise") if name in truth}
        own["exponent"] = shared["exponent"] + spread[0] * steepness * rng.standard_normal(regimes)
        if n:
            place = np.log(shared["crossover"]) + spread[1] * rng.standard_normal(n)
            if not (place > 0.0).all() or not (place < np.log(x[-1])).all():
                continue  # outside the data: not in the support of a curve's own law
            edges = np.concatenate([[[0.0]], place, [[np.log(x[-1])]]], axis=1)
            own["gap"] = np.diff(edges, axis=1) / np.log(x[-1])
            own["width"] = shared["width"] * np.exp(spread[2] * rng.standard_normal(n))
        natural = {**own, **law.natural(own, Window(x[0], x[-1], 1.0))}
        log_y = np.asarray(law.log_mean(natural, x))[0]
        log_y = log_y + natural["noise"][0] * rng.standard_normal(POINTS)
        problems.append(Problem(law, x, np.exp(log_y), given=priors))
        truths.append(natural)
    common = {name: shared[name] for name in ("exponent", "crossover", "width") if name in shared}
    common["spread_exponent"] = np.array([spread[0] * steepness])
    if n:
        common |= {"spread_crossover": spread[1:2], "spread_width": spread[2:3]}
    return problems, truths, common


def one_group(index: int) -> dict[str, Any]:
    """Return ranks of the truth under pooling, and alone."""
    from scalefit.inference import certified, pooled
    from scalefit.inference.collapsed import Collapsed

    rng = np.random.default_rng([SEED, index])
    problems, truths, common = simulate(index, rng)
    started = time.process_time()
    posteriors, shared = pooled.solve(problems, draws=DRAWS, rng=rng)
    spent = time.process_time() - started
    ranks: dict[str, float] = {}
    for name, true in common.items():
        drawn = shared.draws[name].reshape(DRAWS, -1)
        for i, value in enumerate(np.atleast_1d(true).reshape(-1)):
            ranks[f"shared_{name}_{i}"] = float(np.mean(drawn[:, i] < value))
    ratios = []
    for k, (problem, posterior, truth) in enumerate(zip(problems, posteriors, truths, strict=True)):
        drawn = posterior.draws["exponent"].reshape(DRAWS, -1)
        target = Collapsed.of(problem)
        assert target is not None
        alone = certified.solve(target, rng).resample(DRAWS, rng)["exponent"]
        for i, value in enumerate(truth["exponent"][0]):
            ranks[f"own_exponent_{i}_{k}"] = float(np.mean(drawn[:, i] < value))
            ranks[f"alone_exponent_{i}_{k}"] = float(np.mean(alone[:, i] < value))
            widths = [np.diff(np.quantile(one[:, i], [0.05, 0.95]))[0] for one in (drawn, alone)]
            ratios.append(float(widths[0] / widths[1]))
    return {
        "index": index,
        "cell": list(CELLS[index % len(CELLS)]),
        "verdict": shared.verdict,
        "cpu_s": spent,
        "ranks": ranks,
        "width_ratio": float(np.median(ratios)),
    }


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage by kind of quantity."""
    names = sorted({name for row in rows for name in row["ranks"]})
    result: dict[str, Any] = {"groups": len(rows)}
    for kind in ("shared_", "shared_exponent", "shared_spread", "own_", "alone_"):
        chosen = [name for name in names if name.startswith(kind)]
        result[kind.rstrip("_")] = sbc.covered(rows, chosen)
    good = [row for row in rows if row["verdict"] == "ok"]
    result["verdict_ok"] = round(len(good) / len(rows), 4)
    if good:
        result["shared_where_ok"] = sbc.covered(
            good, [name for name in names if name.startswith("shared_")]
        )
    result["width_pooled_over_alone_median"] = round(
        float(np.median([row["width_ratio"] for row in rows])), 4
    )
    result["cpu_s_median"] = round(float(np.median([row["cpu_s"] for row in rows])), 2)
    return result


def main() -> None:
    parser = campaign.arguments(__doc__, "pooling.json", 200)
    chosen = parser.parse_args()
    rows = campaign.run(one_group, range(chosen.curves), chosen.out, chosen.workers)
    result: dict[str, Any] = {
        "question": "is partial pooling calibrated",
        "curves_per_group": CURVES,
        "points": POINTS,
        "seed": SEED,
        "all": table(rows),
        "cells": campaign.by_model(table, rows, "cell", CELLS),
    }
    campaign.keep(result, chosen.out)
    campaign.show({"all": result["all"], **result["cells"]})


if __name__ == "__main__":
    main()
