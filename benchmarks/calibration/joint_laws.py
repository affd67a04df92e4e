"""Coverage of laws in several variables, on truths drawn from the priors that they are fitted with.

Designs are those of public data: parameters and tokens of the 245 runs of Hoffmann et al. (2022),
and parameters, tokens and unique tokens of the runs of Muennighoff et al. (2023), in the folders
chinchilla-svg and colpret of the one that SCALEFIT_DATA names. A cell is a law and a noise:

- additive law, Student noise and outliers, with the best size at ten times the largest budget;
- four-regime law and data-constrained law, Student noise;
- trajectories: 24 runs of 20 checkpoints of one additive law, noise correlated (.8) of sd .006 and
  runs displaced by .010; fitted as that, as correlated only, and as independent.

Coverage of 90% intervals with its standard error, time and certificates are reported for every
cell. Targets: .85 to .95 for every quantity of the cells that are fitted as they are made.

    python benchmarks/calibration/joint_laws.py --curves 1400
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "surfaces"))
import campaign
from surfaces import chinchilla, columns, data, table

from scalefit.arrays import Array

SEED = 2053
DRAWS = 1000
EACH = 200
RUNS, CHECKPOINTS, TRAJECTORIES = 24, 20, 200
LARGEST_LOG = 600.0
BEYOND = 10.0
COST = 6.0


class Cell(NamedTuple):
    """A law, the noise of its data, and the one that is fitted."""

    law: str
    made: str
    fitted: str
    curves: int = EACH


CELLS = {
    "additive, student": Cell("additive", "student", "student"),
    "additive, outliers": Cell("additive", "outlier", "outlier"),
    "four-regime, student": Cell("four_regime", "student", "student"),
    "data-constrained, student": Cell("data_constrained", "student", "student"),
    "trajectories, AR(1) and run effect": Cell("trajectories", "ar1-run", "ar1-run", TRAJECTORIES),
    "trajectories, AR(1)": Cell("trajectories", "ar1-run", "ar1", TRAJECTORIES),
    "trajectories, independent": Cell("trajectories", "ar1-run", "normal", TRAJECTORIES),
}
JOBS = [(name, i) for name, cell in CELLS.items() for i in range(cell.curves)]


def law_of(name: str) -> Any:
    """Return the law of a cell."""
    from scalefit import laws

    by_name = {"four_regime": laws.FourRegime, "data_constrained": laws.DataConstrained}
    return by_name.get(name, laws.Additive)()


def design(name: str) -> tuple[Array, tuple[int, ...]]:
    """Return where a law is measured, and where runs start."""
    if name == "data_constrained":
        rows = table(data() / "colpret" / "datablations_contour_losses.csv")
        kept = [row for row in rows if row["openLM_loss"]]
        return columns(kept, "num_params", "token_num", "tokens_per_epoch"), (0,)
    if name == "trajectories":
        size = np.repeat(np.geomspace(5e7, 1.6e10, RUNS), CHECKPOINTS)
        tokens = np.tile(np.geomspace(2e9, 2e11, CHECKPOINTS), RUNS)
        return np.stack([size, tokens], axis=1), tuple(range(0, size.size, CHECKPOINTS))
    return chinchilla().x, (0,)


def deviations(made: str, starts: tuple[int, ...], n: int, truth: Any, rng: Any) -> Array:
    """Return noise of log y of a kind, shape (n,)."""
    sd = float(truth["noise"][0])
    if made == "student":
        return np.asarray(sd * rng.standard_t(float(truth["degrees_of_freedom"][0]), n))
    white = rng.standard_normal(n)
    if made == "outlier":
        far = rng.random(n) < float(truth["outlier_share"][0])
        return np.asarray(sd * white * np.where(far, float(truth["outlier_scale"][0]), 1.0))
    white = campaign.correlated(white, float(truth["autocorrelation"][0]), starts)
    displaced = rng.standard_normal(len(starts)) * float(truth["run_noise"][0])
    return np.asarray(sd * white + np.repeat(displaced, n // len(starts)))


def simulate(cell: Cell, rng: np.random.Generator) -> tuple[Any, dict[str, Array]]:
    """Return the problem of one data set and its truth, log y of which is finite."""
    from scalefit.inference.problem import Problem
    from scalefit.laws.noise import NOISES

    law, (x, starts) = law_of(cell.law), design(cell.law)
    prior = Problem(law, x, np.ones(len(x)), NOISES[cell.made], start=starts)
    given = None
    while True:
        if cell.law == "trajectories":
            fixed = {
                "exponent": [0.34, 0.28],
                "amplitude": [406.4, 410.7],
                "floor": 1.69,
                "noise": 0.006,
                "autocorrelation": 0.8,
                "run_noise": 0.010,
            }
            truth = {name: np.array([value]) for name, value in fixed.items()}
        else:
            truth = prior.natural(rng.standard_normal((1, prior.dimension)))
            given = {**law.priors(prior.window), **NOISES[cell.fitted].priors()}
        log_y = np.asarray(law.log_mean(truth, x))[0]
        log_y = log_y + deviations(cell.made, starts, len(x), truth, rng)
        if np.abs(log_y).max() < LARGEST_LOG:
            noise = NOISES[cell.fitted]
            return Problem(law, x, np.exp(log_y), noise, given=given, start=starts), truth


def quantities(problem: Any, params: dict[str, Array]) -> dict[str, Array]:
    """Return what is checked, shape (draws,) each, by name."""
    found: dict[str, Array] = {}
    for name in [one.name for one in problem.law.parameters] + list(problem.noise.priors()):
        if name in params:
            values = params[name].reshape(len(params[name]), -1)
            found.update({f"{name} {j}".removesuffix(" 0"): v for j, v in enumerate(values.T)})
    if problem.law.name == "additive law":
        a, b = params["exponent"].T
        log_a, log_b = np.log(params["amplitude"]).T
        most = math.log(BEYOND * float(problem.x.prod(axis=1).max()))
        found["a/(a+b)"] = a / (a + b)
        found["best size"] = (np.log(a) + log_a - np.log(b) - log_b + b * most) / (a + b)
    return found


def one_curve(index: int) -> dict[str, Any]:
    """Return one fit: its certificate, the rank and the interval of every quantity."""
    from scalefit.inference.certified import solve
    from scalefit.inference.full import target_of

    name, i = JOBS[index]
    cell = CELLS[name]
    kind = list(CELLS).index(name) if cell.law != "trajectories" else len(CELLS)
    rng = np.random.default_rng([SEED, kind, i])  # the same trajectories under every noise
    problem, truth = simulate(cell, rng)
    started = time.process_time()
    solved = solve(target_of(problem), rng)
    sampled = solved.resample(DRAWS, rng)
    spent = time.process_time() - started
    drawn = quantities(problem, {**sampled, **problem.law.natural(sampled, problem.window)})
    true = quantities(problem, truth)
    certificate = solved.certificate
    return {
        "index": index,
        "cell": name,
        "doubts": certificate.doubts,
        "effort": certificate.effort,
        "apart": certificate.apart,
        "log_evidence": certificate.log_evidence,
        "cpu_s": spent,
        "ranks": {key: float(np.mean(drawn[key] < true[key][0])) for key in drawn if key in true},
        "widths": {key: float(np.ptp(np.quantile(drawn[key], [0.05, 0.95]))) for key in drawn},
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage, widths, time and certificates of a cell."""
    found: dict[str, Any] = {"curves": len(rows), "90%": campaign.coverage(rows), "width": {}}
    for name in rows[0]["ranks"]:
        found["width"][name] = float(f"{np.median([row['widths'][name] for row in rows]):.3g}")
    found["cpu_s_mean_median_95"] = campaign.seconds(rows)
    found["apart"] = float(f"{np.median([row['apart'] for row in rows]):.2g}")
    found["more effort"] = round(float(np.mean([row["effort"] > 1 for row in rows])), 3)
    found["not certified"] = round(float(np.mean([bool(row["doubts"]) for row in rows])), 3)
    return found


def main() -> None:
    parser = campaign.arguments(__doc__, "joint_laws.json", len(JOBS))
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    cells = campaign.tables(summary, rows, "cell", {name: name for name in CELLS})
    logs = {name: [r["log_evidence"] for r in rows if r["cell"] == name] for name in cells}
    independent = np.array(logs.get("trajectories, independent", []))
    for name in cells:
        if CELLS[name].law == "trajectories" and len(independent) == len(logs[name]):
            cells[name]["nats_over_independent"] = round(
                float(np.median(np.array(logs[name]) - independent)), 1
            )
    result = {
        "question": "coverage of laws in several variables",
        "seed": SEED,
        "curves": len(rows),
        "cells": cells,
    }
    campaign.keep(result, chosen.out)
    campaign.show(cells)


if __name__ == "__main__":
    main()
