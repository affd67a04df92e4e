"""Simulation-based calibration of the certified engine, truths drawn from the printed priors.

A cell is a number of crossovers (0 to 3), floor or none, and normal or AR(1) noise, or with
`--changing` noise whose standard deviation is a power of x. Each curve has 60 points over five
decades; its truth is a draw from the very priors that it is fitted with. The rank of every true
parameter among the posterior draws should be uniform: coverage of central intervals at 50, 90 and
95%, with standard errors clustered by curve, is reported per cell and parameter, and rank
histograms in ten bins. All fits count, certified or not; the share certified stands beside.

    python benchmarks/calibration/sbc.py --curves 4800
    python benchmarks/calibration/sbc.py --curves 2400 --changing --out sbc_changing.json
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

from scalefit.arrays import Array

Cell = tuple[int, bool, str]

CELLS: list[Cell] = [
    (n, floor, kind) for n in range(4) for floor in (False, True) for kind in ("normal", "ar1")
]
CHANGING: list[Cell] = [(n, floor, "changing") for n in range(4) for floor in (False, True)]
LEVELS = (0.5, 0.9, 0.95)
DRAWS = 1000
POINTS = 60
SEED = 2026


def simulate(crossovers: int, floor: bool, kind: str, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a problem whose truth is drawn from its priors, and that truth."""
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw, Window
    from scalefit.laws.noise import Noise

    law, noise = BrokenPowerLaw(crossovers + 1, floor), Noise(kind)
    x = np.logspace(0, 5, POINTS)
    priors = {**law.priors(Window(1.0, 1e5, 1.0)), **noise.priors()}
    prior = Problem(law, x, np.ones(POINTS), noise, given=priors)
    truth = prior.natural(rng.standard_normal((1, prior.dimension)))
    deviation = rng.standard_normal(POINTS)
    if kind == "ar1":
        deviation = campaign.correlated(deviation, float(truth["autocorrelation"][0]))
    if kind == "changing":
        deviation *= np.exp(truth["noise_slope"][0] * noise.along(x))
    log_y = np.asarray(law.log_mean(truth, x))[0] + truth["noise"][0] * deviation
    return Problem(law, x, np.exp(log_y), noise, given=priors), truth


def quantities(problem: Any, params: dict[str, Array]) -> dict[str, Array]:
    """Return the scalars whose ranks are checked, shape (draws,) each, by name."""
    found = {"noise": params["noise"], "level": params["level"]}
    for name in ("autocorrelation", "noise_slope", "floor"):
        if name in params:
            found[name] = params[name]
    for name in ("exponent", "crossover", "width"):
        if name in params:
            found |= {f"{name}_{i}": params[name][:, i] for i in range(params[name].shape[1])}
    local = problem.law.local_exponent(params, problem.x[-1:], floor=False)
    found["end_exponent"] = local[:, 0]
    found["log_y_10x"] = np.asarray(problem.law.log_mean(params, 10.0 * problem.x[-1:]))[:, 0]
    return found


def one_curve(index: int, cells: Sequence[Cell] = CELLS) -> dict[str, Any]:
    """Return one fit: its certificate and the rank of every true parameter."""
    from scalefit.inference import certified
    from scalefit.inference.collapsed import Collapsed

    crossovers, floor, kind = cells[index % len(cells)]
    rng = np.random.default_rng([SEED, index])
    problem, truth = simulate(crossovers, floor, kind, rng)
    started = time.process_time()
    target = Collapsed.of(problem)
    assert target is not None
    solved = certified.solve(target, rng)
    sampled = solved.resample(DRAWS, rng)
    spent = time.process_time() - started
    drawn = quantities(problem, {**sampled, **problem.law.natural(sampled, problem.window)})
    true = quantities(problem, truth)
    certificate = solved.certificate
    return {
        "index": index,
        "cell": [crossovers, floor, kind],
        "doubts": certificate.doubts,
        "effort": certificate.effort,
        "log_evidence": certificate.log_evidence,
        "apart": certificate.apart,
        "effective": certificate.effective,
        "k_hat": certificate.shape,
        "cpu_s": spent,
        "ranks": {name: float(np.mean(drawn[name] < true[name][0])) for name in true},
    }


def covered(rows: list[dict[str, Any]], names: list[str] | None = None) -> dict[str, Any]:
    """Return coverage at each level over all ranks of the rows, its error clustered by curve."""
    result: dict[str, Any] = {"curves": len(rows)}
    for level in LEVELS:
        tail = 0.5 * (1.0 - level)
        inside, sizes = [], []
        for row in rows:
            ranks = np.array(
                [row["ranks"][n] for n in (names or row["ranks"]) if n in row["ranks"]]
            )
            inside.append(float(np.sum((ranks >= tail) & (ranks <= 1.0 - tail))))
            sizes.append(ranks.size)
        total = float(np.sum(sizes))
        if not total:
            continue
        share = float(np.sum(inside)) / total
        apart = np.array(inside) - share * np.array(sizes)
        error = math.sqrt(float(np.sum(apart**2))) / total
        result[f"{100 * level:g}%"] = [round(share, 4), round(error, 4)]
    return result


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage, rank histograms and certificates of a group of curves."""
    names = sorted({name for row in rows for name in row["ranks"]})
    good = [row for row in rows if not row["doubts"]]
    histograms = {}
    for name in names:
        ranks = [row["ranks"][name] for row in rows if name in row["ranks"]]
        histograms[name] = np.histogram(ranks, bins=10, range=(0.0, 1.0))[0].tolist()
    return {
        "pooled": covered(rows),
        "certified_only": covered(good),
        "certified": round(len(good) / len(rows), 4),
        "efforts": [sum(row["effort"] == e for row in rows) for e in (1, 2, 3)],
        "apart_median_worst_certified": [
            round(float(np.median([row["apart"] for row in rows])), 4),
            round(max(row["apart"] for row in good), 4) if good else None,
        ],
        "cpu_s_mean_median_95": campaign.seconds(rows),
        "parameters": {name: covered(rows, [name]) for name in names},
        "rank_histograms": histograms,
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "sbc.json", 300 * len(CELLS))
    parser.add_argument("--changing", action="store_true", help="noise that is a power of x")
    chosen = parser.parse_args()
    used = CHANGING if chosen.changing else CELLS
    one = partial(one_curve, cells=used)
    rows = campaign.run(one, range(chosen.curves), chosen.out, chosen.workers)
    names = {
        f"{n} crossovers, {'floor' if floor else 'no floor'}, {kind}": [n, floor, kind]
        for n, floor, kind in used
    }
    counts = [{**row, "crossovers": row["cell"][0]} for row in rows]
    by_count = campaign.tables(
        table, counts, "crossovers", {f"{n} crossovers": n for n in range(4)}
    )
    cells = campaign.tables(table, rows, "cell", names)
    result = {
        "question": "do central intervals cover truths drawn from the printed priors",
        "points": POINTS,
        "seed": SEED,
        "crossovers": by_count,
        "cells": cells,
    }
    campaign.keep(result, chosen.out)
    for name, group in {**by_count, **cells}.items():
        print(f"{name:36s} {group['pooled']} certified {group['certified']}")


if __name__ == "__main__":
    main()
