"""Calibration of the average over models, truths drawn from the printed prior over models.

The truth of each curve is one of eight models, 1 to 4 regimes with a floor (nine tenths of the
curves) and without, and then drawn from its printed priors; 60 points over five decades, normal
noise. All eight are fitted. Reported: reliability of P(regimes, floor) and of P(regimes); coverage
of the end exponent and of log y at 2x and 10x beyond the data, without further crossovers in truth
and prediction and with them (one per decade in both), by every model, as predictions are, and by
those with a floor; and the interval score of end exponent and log y at 10x, over that of the
true model's own posterior. Standard errors are over curves.

    python benchmarks/calibration/averaging.py --curves 1600
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

MODELS = [(n, floor) for n in (1, 2, 3, 4) for floor in (False, True)]
AHEAD = (2.0, 10.0)
HAZARD = 1.0
DRAWS = 2000
SEED = 2027
ALPHA = 0.05


def truth_of(index: int) -> tuple[int, bool]:
    """Return the true model of a curve: every tenth has no floor."""
    return 1 + index % 4, (index // 4) % 10 != 9


def one_curve(index: int) -> dict[str, Any]:
    """Return one fit: probabilities, ranks of the truth, and scores of intervals."""
    from scalefit.forecast.futures import log_curve
    from scalefit.inference.ensemble import explore
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw, Window

    rng = np.random.default_rng([SEED, index])
    regimes, floor = truth_of(index)
    problem, truth = sbc.simulate(regimes - 1, floor, "normal", rng)
    window = Window(1.0, 1e5, 1.0)
    problems = []
    for n, with_floor in MODELS:
        law = BrokenPowerLaw(n, with_floor)
        priors = {**law.priors(window), **problem.noise.priors()}
        problems.append(Problem(law, problem.x, problem.y, given=priors))
    started = time.process_time()
    ensemble = explore(problems, rng)
    last = float(problem.x[-1])
    at = last * np.array(AHEAD)

    def ends(params: dict[str, Array]) -> Array:
        law = BrokenPowerLaw(params["exponent"].shape[1])
        return law.local_exponent(params, problem.x[-1:], floor=False)[:, 0]

    averaged = ensemble.draw(DRAWS, rng)
    forecast = ensemble.draw(DRAWS, rng, keep=lambda i: MODELS[i][1])
    own = ensemble.draw(DRAWS, rng, keep=lambda i: MODELS[i] == (regimes, floor))
    drawn = {
        "end_exponent": ends(averaged),
        "own_end_exponent": ends(own),
    }
    true = {"end_exponent": ends(truth)[0]}
    for label, hazard in (("", 0.0), ("_hazard", HAZARD)):
        future = log_curve(problem.law, forecast, at, last=last, hazard=hazard, rng=rng)
        mine = log_curve(problem.law, own, at, last=last, hazard=hazard, rng=rng)
        every = log_curve(problem.law, averaged, at, last=last, hazard=hazard, rng=rng)
        actual = log_curve(problem.law, truth, at, last=last, hazard=hazard, rng=rng)[0]
        for k, ahead in enumerate(AHEAD):
            name = f"log_y_{ahead:g}x{label}"
            drawn[name], drawn[f"own_{name}"], true[name] = future[:, k], mine[:, k], actual[k]
            drawn[f"every_{name}"], true[f"every_{name}"] = every[:, k], actual[k]
    score = {
        name: interval_score(value, true[name.removeprefix("own_")])
        for name, value in drawn.items()
    }
    return {
        "index": index,
        "model": [regimes, floor],
        "probability": [round(float(p), 6) for p in ensemble.probability],
        "states": [one.state for one in ensemble.members],
        "efforts": [one.solved.certificate.effort for one in ensemble.members],
        "verdict": ensemble.verdict,
        "cpu_s": time.process_time() - started,
        "ranks": {
            name: float(np.mean(value < true[name.removeprefix("own_")]))
            for name, value in drawn.items()
        },
        "score": score,
    }


def interval_score(draws: Array, truth: float) -> float:
    """Return the score of the central 95% interval: its width, and 2/alpha times what it misses by.

    Source: Gneiting and Raftery (2007), equation 43.
    """
    low, high = np.quantile(draws, [0.5 * ALPHA, 1.0 - 0.5 * ALPHA])
    miss = max(low - truth, 0.0) + max(truth - high, 0.0)
    return float(high - low + 2.0 / ALPHA * miss)


def reliability(stated: Array, happened: Array) -> dict[str, Any]:
    """Return the expected calibration error over ten bins, and the bins."""
    edges = np.linspace(0.0, 1.0, 11)
    which = np.clip(np.digitize(stated, edges) - 1, 0, 9)
    bins, error = [], 0.0
    for k in range(10):
        inside = which == k
        if inside.any():
            said, seen = float(stated[inside].mean()), float(happened[inside].mean())
            bins.append([int(inside.sum()), round(said, 4), round(seen, 4)])
            error += inside.mean() * abs(said - seen)
    return {"calibration_error": round(float(error), 4), "count_stated_seen": bins}


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return everything that is reported of a group of curves."""
    probability = np.array([row["probability"] for row in rows])
    truth = np.array([MODELS.index((row["model"][0], row["model"][1])) for row in rows])
    is_true = np.eye(len(MODELS))[truth]
    regimes = np.array([n for n, _ in MODELS])
    count = np.stack([probability[:, regimes == n].sum(axis=1) for n in (1, 2, 3, 4)], axis=1)
    true_count = np.stack([is_true[:, regimes == n].sum(axis=1) for n in (1, 2, 3, 4)], axis=1)
    names = [name for name in rows[0]["ranks"] if not name.startswith("own_")]
    ratios = {}
    for name in names:
        own = f"own_{name.removeprefix('every_')}"
        ratios[name] = campaign.ratio(*([row["score"][k] for row in rows] for k in (name, own)))
    return {
        "curves": len(rows),
        "P(regimes, floor)": reliability(probability.ravel(), is_true.ravel()),
        "P(regimes)": reliability(count.ravel(), true_count.ravel()),
        "top_model_right": round(float(np.mean(probability.argmax(axis=1) == truth)), 4),
        "top_number_right": round(
            float(np.mean(count.argmax(axis=1) == true_count.argmax(axis=1))), 4
        ),
        "mean_log_P_truth": round(
            float(np.mean(np.log(np.maximum(probability[np.arange(len(rows)), truth], 1e-12)))), 4
        ),
        "coverage": {name: sbc.covered(rows, [name]) for name in rows[0]["ranks"]},
        "interval_score_over_true_model": ratios,
        "verdict_ok": round(float(np.mean([row["verdict"] == "ok" for row in rows])), 4),
        "states": {
            state: round(float(np.mean([one == state for row in rows for one in row["states"]])), 4)
            for state in ("certified", "negligible", "dropped", "doubtful")
        },
        "cpu_s_mean_median_95": campaign.seconds(rows),
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "averaging.json", 1600)
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    result: dict[str, Any] = {
        "question": "are averages over models calibrated",
        "models": [campaign.model(*one) for one in MODELS],
        "seed": SEED,
        "all": table(rows),
        "by_truth": campaign.by_model(table, rows, "model", MODELS),
    }
    campaign.keep(result, chosen.out)
    campaign.show(result["all"])


if __name__ == "__main__":
    main()
