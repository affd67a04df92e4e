"""Coverage of the exponents of a collapse, on truths drawn from its priors and on fixed ones.

Every data set is ten curves of 40 points over 1.5 decades of P. Windows of x have random ends, two
to four decades apart, and the elbow lies 1.5 to 3 decades in at the middle P, so that some curves
end before it and some begin after it. A cell is a truth and a noise, and what is fitted to it:

- from the prior, of one and two crossovers; with correlated noise and displaced runs; with drift;
- fixed, gamma_1 = 1/2, gamma_2 = 1, last exponent 0 and 4% noise: gamma_0 = 0 and 1/2; correlated
  noise, fitted as such and as independent; no drift, fitted with one.

Coverage of 90% intervals with its standard error, widths, time, agreement of the two searches and
certificates are reported for every cell, and for the fixed truths the probability of gamma_0 = 0.
Targets: .86 to .94 for every exponent on the fixed truths that are fitted as they are made.

    python benchmarks/calibration/collapse.py --curves 1800
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

from scalefit.arrays import Array

SEED = 2047
CURVES, POINTS = 10, 40
DECADES = 1.5
DRAWS = 1000
FIXED_NOISE = 0.04
CORRELATION = 0.8
NAMES = ("gamma_0", "gamma_1", "gamma_2", "gamma", "product", "noise", "drift")


class Cell(NamedTuple):
    """A truth and what is fitted to it; gamma_0 is that of a fixed truth, None for the prior."""

    regimes: int
    gamma_0: float | None
    made: str
    fitted: str
    drift: bool


CELLS = {
    "prior, one crossover": Cell(2, None, "normal", "normal", False),
    "prior, two crossovers": Cell(3, None, "normal", "normal", False),
    "gamma_0 = 0": Cell(2, 0.0, "normal", "normal", False),
    "gamma_0 = 1/2": Cell(2, 0.5, "normal", "normal", False),
    "gamma_0 = 0, AR(1)": Cell(2, 0.0, "ar1", "ar1", False),
    "prior, AR(1) and run effect": Cell(2, None, "ar1-run", "ar1-run", False),
    "prior, drift": Cell(2, None, "normal", "normal", True),
    "gamma_0 = 0, fitted with drift": Cell(2, 0.0, "normal", "normal", True),
    "gamma_0 = 0, AR(1) fitted as independent": Cell(2, 0.0, "ar1", "normal", False),
}


def design(rng: np.random.Generator) -> tuple[Array, tuple[int, ...], float]:
    """Return the points (x, P), where curves start, and log x of the elbow at the middle P."""
    rows = []
    for size in np.geomspace(1e3, 1e3 * 10**DECADES, CURVES):
        first = rng.uniform(0.0, 1.5)
        x = np.logspace(first, first + rng.uniform(2.0, 4.0), POINTS)
        rows.append(np.stack([x, np.full(POINTS, size)], axis=1))
    starts = tuple(range(0, CURVES * POINTS, POINTS))
    return np.concatenate(rows), starts, math.log(10.0) * rng.uniform(1.5, 3.0)


def deviations(noise: str, starts: tuple[int, ...], params: Any, rng: Any) -> Array:
    """Return noise of log y of a kind: independent, or correlated with runs displaced or not."""
    found = rng.standard_normal(CURVES * POINTS)
    if noise != "normal":
        found = campaign.correlated(found, float(params["autocorrelation"][0]), starts)
    found = found * params["noise"][0]
    if noise == "ar1-run":
        found = found + np.repeat(rng.standard_normal(CURVES), POINTS) * params["run_noise"][0]
    return np.asarray(found)


def simulate(cell: Cell, rng: np.random.Generator) -> tuple[Any, dict[str, Array]]:
    """Return the problem of one data set and its truth."""
    from scalefit.inference.problem import Problem
    from scalefit.laws import Collapse
    from scalefit.laws.noise import NOISES

    x, starts, elbow = design(rng)
    law, ones = Collapse(cell.regimes, drift=cell.drift), np.ones(len(x))
    prior = Problem(law, x, ones, NOISES[cell.made], start=starts)
    if cell.gamma_0 is None:
        truth = prior.natural(rng.standard_normal((1, prior.dimension)))
        given = {**law.priors(prior.window), **NOISES[cell.fitted].priors()}
    else:
        given = None
        values = {
            "gamma_0": cell.gamma_0,
            "gamma_1": 0.5,
            "gamma_2": 1.0,
            "gamma": cell.gamma_0 + 0.5,
            "exponent": [0.5, 0.0],
            "crossover": [math.exp(elbow)],
            "width": [0.6],
            "drift": 0.0,
            "log_amplitude": 0.0,
            "middle": 1e3 * 10 ** (0.5 * DECADES),
            "noise": FIXED_NOISE,
            "autocorrelation": CORRELATION,
        }
        truth = {name: np.array([value]) for name, value in values.items()}
    log_y = np.asarray(law.log_mean(truth, x))[0] + deviations(cell.made, starts, truth, rng)
    fitted = Problem(law, x, np.exp(log_y), NOISES[cell.fitted], given=given, start=starts)
    return fitted, truth


def quantities(params: dict[str, Array]) -> dict[str, Array]:
    """Return what is checked, shape (draws,) each, by name."""
    every = {**params, "product": params["gamma_1"] * params["gamma_2"]}
    return {name: every[name] for name in NAMES if name in every}


def one_curve(index: int) -> dict[str, Any]:
    """Return one fit: its certificate, the rank and the interval of every quantity."""
    from scalefit.analysis.collapse import nested
    from scalefit.inference.certified import solve
    from scalefit.inference.full import target_of

    name = list(CELLS)[index % len(CELLS)]
    cell = CELLS[name]
    rng = np.random.default_rng([SEED, index])
    problem, truth = simulate(cell, rng)
    started = time.process_time()
    solved = solve(target_of(problem), rng)
    sampled = solved.resample(DRAWS, rng)
    spent = time.process_time() - started
    natural = {**sampled, **problem.law.natural(sampled, problem.window)}
    drawn, true = quantities(natural), quantities(truth)
    certificate = solved.certificate
    row = {
        "index": index,
        "cell": name,
        "doubts": certificate.doubts,
        "effort": certificate.effort,
        "apart": certificate.apart,
        "effective": certificate.effective,
        "cpu_s": spent,
        "ranks": {key: float(np.mean(drawn[key] < true[key][0])) for key in drawn},
        "widths": {key: float(np.ptp(np.quantile(drawn[key], [0.05, 0.95]))) for key in drawn},
    }
    if cell.gamma_0 is not None:
        row["nested"] = nested(problem, natural, rng)["probability"].tolist()
    return row


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage, widths, time and certificates of a cell."""
    found: dict[str, Any] = {"curves": len(rows), "90%": campaign.coverage(rows), "width": {}}
    for name in rows[0]["ranks"]:
        found["width"][name] = round(float(np.median([row["widths"][name] for row in rows])), 4)
    spent, apart = ([row[key] for row in rows] for key in ("cpu_s", "apart"))
    found["cpu_s"] = [round(float(value), 2) for value in (np.mean(spent), np.max(spent))]
    found["apart"] = [round(float(value), 4) for value in np.quantile(apart, [0.5, 0.9])]
    found["effective"] = round(float(np.quantile([row["effective"] for row in rows], 0.1)))
    found["more effort"] = round(float(np.mean([row["effort"] > 1 for row in rows])), 3)
    found["not certified"] = round(float(np.mean([bool(row["doubts"]) for row in rows])), 3)
    if "nested" in rows[0]:
        p = np.array([row["nested"] for row in rows])
        found["P(gamma_0 = 0), median and ends"] = np.quantile(p[:, 0], [0.5, 0.05, 0.95]).tolist()
        if p.shape[1] > 1:
            found["P(drift = 0), median and ends"] = np.quantile(
                p[:, 1], [0.5, 0.05, 0.95]
            ).tolist()
    return found


def main() -> None:
    parser = campaign.arguments(__doc__ or "", "collapse.json", 1800)
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    cells = campaign.tables(table, rows, "cell", {name: name for name in CELLS})
    result = {
        "question": "coverage of the exponents of a collapse, ten curves of 40 points",
        "seed": SEED,
        "curves": len(rows),
        "cells": cells,
    }
    campaign.keep(result, chosen.out)
    campaign.show(cells)


if __name__ == "__main__":
    main()
