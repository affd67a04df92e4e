"""What correlated noise does to coverage: each likelihood, and their average, on the same curves.

Truths are drawn from the printed priors (one crossover, floor, 60 points over five decades) with
AR(1) noise of correlation 0.8 between neighbours on half of the curves and with independent normal
noise on the other half; two curves, one of each, share parameters and the normals behind their
noise. Every curve is fitted with AR(1) noise, with normal noise, and with both weighed by their
evidence. Reported for each, with standard errors over curves: coverage of all parameters but the
correlation, and of end exponent and log y at 10x; differences on the same curves from the right
likelihood; mean interval scores over that of the right likelihood; log Bayes factors.

The average is `ensemble.explore` on both models, as a fit with `noise="auto"` makes it. A model too
improbable for its second search there is solved again, so that every likelihood is judged by a
posterior that was tried in full.

    python benchmarks/calibration/noise.py --curves 1000
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
import sbc

from scalefit.arrays import Array

if TYPE_CHECKING:
    from scalefit.laws.noise import Kind


RHO = 0.8
TRUTHS: tuple[Kind, ...] = ("ar1", "normal")
LIKELIHOODS = ("ar1", "normal", "auto")
DERIVED = ("end_exponent", "log_y_10x")
PARAMETERS = ("noise", "level", "floor", "exponent_0", "exponent_1", "crossover_0", "width_0")
DRAWS = 1000
SEED = 2029


def simulate(index: int) -> tuple[Array, Array, Any, dict[Kind, Any], dict[str, Array]]:
    """Return x, y, the law, its priors by the kind of noise, and the truth of one curve."""
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw, Window
    from scalefit.laws.noise import Noise

    rng = np.random.default_rng([SEED, index // 2])
    law, x = BrokenPowerLaw(2, True), np.logspace(0, 5, sbc.POINTS)
    own = law.priors(Window(1.0, 1e5, 1.0))
    priors = {kind: {**own, **Noise(kind).priors()} for kind in TRUTHS}
    prior = Problem(law, x, np.ones_like(x), given=priors["normal"])
    truth = prior.natural(rng.standard_normal((1, prior.dimension)))
    deviation = rng.standard_normal(x.size)
    if TRUTHS[index % 2] == "ar1":
        for i in range(1, x.size):
            deviation[i] = RHO * deviation[i - 1] + math.sqrt(1.0 - RHO**2) * deviation[i]
    log_y = np.asarray(law.log_mean(truth, x))[0] + truth["noise"][0] * deviation
    return x, np.exp(log_y), law, priors, truth


def one_curve(index: int) -> dict[str, Any]:
    """Return ranks and interval scores of the truth under every likelihood."""
    from averaging import interval_score

    from scalefit.inference import certified
    from scalefit.inference.ensemble import explore
    from scalefit.inference.problem import Problem
    from scalefit.laws.noise import Noise

    x, y, law, priors, truth = simulate(index)
    rng = np.random.default_rng([SEED, index, 1])
    problems = [Problem(law, x, y, Noise(kind), given=priors[kind]) for kind in TRUTHS]
    started = time.process_time()
    ensemble = explore(problems, rng)
    solved = [
        certified.solve(one.solved.target, rng) if one.state == "negligible" else one.solved
        for one in ensemble.members
    ]
    draws: dict[str, dict[str, Array]] = {"auto": ensemble.draw(DRAWS, rng)}
    for kind, problem, one in zip(TRUTHS, problems, solved, strict=True):
        sampled = one.resample(DRAWS, rng)
        draws[kind] = {**sampled, **law.natural(sampled, problem.window)}
    spent = time.process_time() - started
    true = sbc.quantities(problems[1], truth)
    ranks: dict[str, dict[str, float]] = {}
    score: dict[str, dict[str, float]] = {}
    for likelihood, drawn in draws.items():
        found = sbc.quantities(problems[1], drawn)
        ranks[likelihood] = {name: float(np.mean(found[name] < true[name][0])) for name in true}
        score[likelihood] = {name: interval_score(found[name], true[name][0]) for name in DERIVED}
    return {
        "index": index,
        "truth": TRUTHS[index % 2],
        "log_bayes_ar1": solved[0].certificate.log_evidence - solved[1].certificate.log_evidence,
        "probability_ar1": float(ensemble.probability[0]),
        "states": [one.state for one in ensemble.members],
        "doubts": {kind: one.certificate.doubts for kind, one in zip(TRUTHS, solved, strict=True)},
        "ranks": ranks,
        "score": score,
        "cpu_s": spent,
    }


def compared(rows: list[dict[str, Any]], one: str, other: str, names: list[str]) -> dict[str, Any]:
    """Return coverage of one likelihood minus that of another, with its error over curves."""
    result = {}
    for level in sbc.LEVELS:
        tail = 0.5 * (1.0 - level)
        apart = []
        for row in rows:
            inside = [
                np.mean([tail <= row["ranks"][kind][name] <= 1.0 - tail for name in names])
                for kind in (one, other)
            ]
            apart.append(float(inside[0] - inside[1]))
        error = np.std(apart) / math.sqrt(len(apart))
        result[f"{100 * level:g}%"] = [round(float(np.mean(apart)), 4), round(float(error), 4)]
    return result


def table(rows: list[dict[str, Any]], right: str) -> dict[str, Any]:
    """Return everything that is reported of the curves of one truth."""
    judged: dict[str, Any] = {}
    for kind in LIKELIHOODS:
        of_kind = [{"ranks": row["ranks"][kind]} for row in rows]
        groups = {"parameters": list(PARAMETERS)}
        groups |= {name: [name] for name in (*PARAMETERS, *DERIVED)}
        judged[kind] = {group: sbc.covered(of_kind, names) for group, names in groups.items()}
        judged[kind]["certified"] = round(
            float(np.mean([not row["doubts"].get(kind) for row in rows])), 4
        )
        if kind == right:
            continue
        judged[kind]["minus_right"] = {
            group: compared(rows, kind, right, names)
            for group, names in {
                "parameters": list(PARAMETERS),
                **{name: [name] for name in DERIVED},
            }.items()
        }
        ratios = {}
        for name in DERIVED:
            ratios[name] = campaign.ratio(
                *([r["score"][k][name] for r in rows] for k in (kind, right))
            )
        judged[kind]["interval_score_over_right"] = ratios
    factor = np.array([row["log_bayes_ar1"] for row in rows])
    return {
        "curves": len(rows),
        "log_bayes_ar1": {
            "quantiles_5_50_95": [
                round(float(v), 3) for v in np.quantile(factor, (0.05, 0.5, 0.95))
            ],
            "share_positive": round(float(np.mean(factor > 0.0)), 4),
        },
        "mean_probability_ar1": round(float(np.mean([r["probability_ar1"] for r in rows])), 4),
        "likelihoods": judged,
        "cpu_s_mean_median_95": campaign.seconds(rows),
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "noise.json", 1000)
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    result: dict[str, Any] = {
        "question": "coverage under correlated and independent noise, by likelihood",
        "points": sbc.POINTS,
        "correlation": RHO,
        "seed": SEED,
        "truths": {
            truth: table(group, truth)
            for truth in TRUTHS
            if (group := [row for row in rows if row["truth"] == truth])
        },
    }
    campaign.keep(result, chosen.out)
    for truth, found in result["truths"].items():
        print(f"truth {truth}: log Bayes factor for AR(1) {found['log_bayes_ar1']}")
        for kind, judged in found["likelihoods"].items():
            apart = judged.get("minus_right", {}).get("parameters", "")
            print(f"  {kind:8s}{judged['parameters']} {apart}")


if __name__ == "__main__":
    main()
