"""Calibration of the forecast that a curve reaches a target, and of the x at which it does.

Truths are drawn from the priors, as in `sbc.py`: 60 points over five decades, one or two regimes,
with a floor or without, normal noise. Beyond the last x the true curve goes on with further
crossovers at one per decade, each a change of exponent of the size of its own steepness. The fit is
given the true model. The target is a quantile, chosen at random, of what the fit itself predicts at
a random x up to 1000 times the last one, so that it depends on nothing but the data. Reported: how
often targets are reached against the mean forecast probability, the Brier score, and how often the
true x lies within central intervals. A target that is never reached counts as held wherever the
upper end of the interval is never (infinity); such intervals hold more often than they say.

    python benchmarks/calibration/reach.py --curves 400
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

CELLS = [(regimes, floor) for regimes in (1, 2) for floor in (False, True)]
LAST, FAR = 1e5, 1000.0
SEED = 2027


def one_curve(index: int) -> dict[str, Any]:
    """Return one forecast, and what became of it."""
    import scalefit as sf
    from scalefit.forecast.futures import log_curve
    from scalefit.forecast.reach import crossing
    from scalefit.laws import BrokenPowerLaw, Window
    from scalefit.laws.noise import Noise
    from scalefit.laws.priors import LogNormal, unpack

    regimes, floor = CELLS[index % len(CELLS)]
    rng = np.random.default_rng([SEED, index])
    law, window = BrokenPowerLaw(regimes, floor), Window(1.0, LAST, 1.0)
    priors = {**law.priors(window), **Noise("normal").priors()}
    size = sum(prior.coordinates for prior in priors.values())
    sampled = unpack(priors, rng.standard_normal((1, size)))
    truth = {**sampled, **law.natural(sampled, window)}
    x = np.logspace(0, 5, 60)
    log_y = np.asarray(law.log_mean(truth, x))[0] + truth["noise"][0] * rng.standard_normal(60)
    fit = sf.fit(
        x,
        np.exp(log_y),
        regimes=regimes,
        floor=floor,
        noise="normal",
        priors={"level": LogNormal(1.0, 2.0, unit="y")},
        seed=index,
        progress=False,
    )
    place = LAST * FAR ** rng.uniform()
    drawn = fit.sample(place, kind="curve", seed=1).values.ravel()
    target = float(np.quantile(drawn, rng.uniform(0.1, 0.9)))
    row = fit.reach(target, within=LAST * FAR, seed=2).iloc[0]
    grid = np.geomspace(1.0, LAST * FAR, 513)
    above = log_curve(law, truth, grid, last=LAST, hazard=1.0, rng=rng) - np.log(target)
    true = float(crossing(np.log(grid), above, falls=row["direction"] == "down")[0])
    below = {}
    for level in (0.5, 0.9):
        held = fit.reach(target, within=LAST * FAR, seed=2, interval=level).iloc[0]
        below[str(level)] = bool(held["low"] <= np.exp(true) <= held["high"])
    return {
        "index": index,
        "cell": [regimes, floor],
        "verdict": fit.verdict["curve"],
        "probability": float(row["probability"]),
        "reached": bool(np.isfinite(true)),
        "within": below,
    }


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return forecasts against outcomes."""
    probability = np.array([row["probability"] for row in rows])
    reached = np.array([row["reached"] for row in rows], dtype=float)
    spread = float(np.sqrt(np.sum(probability * (1.0 - probability))))
    bins = np.clip((5 * probability).astype(int), 0, 4)
    return {
        "curves": len(rows),
        "mean_probability": round(float(probability.mean()), 3),
        "reached": round(float(reached.mean()), 3),
        "z": round(float((reached - probability).sum()) / spread, 2),
        "brier": round(float(np.mean((probability - reached) ** 2)), 4),
        "brier_expected": round(float(np.mean(probability * (1.0 - probability))), 4),
        "by_fifth": [
            [
                int(n.sum()),
                round(float(probability[n].mean()), 3),
                round(float(reached[n].mean()), 3),
            ]
            for n in (bins == k for k in range(5))
            if n.any()
        ],
        "interval_holds": {
            level: round(float(np.mean([row["within"][level] for row in rows])), 3)
            for level in ("0.5", "0.9")
        },
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "reach.json", 400)
    chosen = parser.parse_args()
    warnings.simplefilter("error")
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    result: dict[str, Any] = {
        "question": "are targets reached as often, and where, as forecast",
        "seed": SEED,
        "all": table(rows),
        "cells": campaign.by_model(table, rows, "cell", CELLS),
    }
    campaign.keep(result, chosen.out)
    campaign.show({"all": result["all"], **result["cells"]})


if __name__ == "__main__":
    main()
