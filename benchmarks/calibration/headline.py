"""Headline: which number of regimes to name, and how far the exponents under it can be trusted.

The truth of each curve is drawn as in `averaging.py`, and all eight models are fitted. Two rules
name a number of regimes: the most probable; and the smallest at least half as probable, which is
used. Under each, 90% intervals of the exponents of the first and the last regime are compared with
the truth's: over all curves, where the rules differ, and where both are right.

    python benchmarks/calibration/headline.py --curves 400
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import averaging
import campaign
import sbc

DRAWS = 1000
SEED = 2042
RULES = ("most probable", "fewest at least half as probable")
ENDS = {"first": 0, "last": -1}


def one_curve(index: int) -> dict[str, Any]:
    """Return what each rule names, and the rank of the truth's exponents under it."""
    from scalefit.inference.averaging import headline
    from scalefit.inference.ensemble import explore
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw, Window

    rng = np.random.default_rng([SEED, index])
    regimes, floor = averaging.truth_of(index)
    problem, truth = sbc.simulate(regimes - 1, floor, "normal", rng)
    window = Window(1.0, 1e5, 1.0)
    problems = []
    for n, with_floor in averaging.MODELS:
        law = BrokenPowerLaw(n, with_floor)
        priors = {**law.priors(window), **problem.noise.priors()}
        problems.append(Problem(law, problem.x, problem.y, given=priors))
    started = time.process_time()
    ensemble = explore(problems, rng)
    counts = np.array([n for n, _ in averaging.MODELS])
    odds = {n: float(ensemble.probability[counts == n].sum()) for n in (1, 2, 3, 4)}
    named = (max(odds, key=lambda n: odds[n]), headline(odds))
    ranks = []
    for chosen in named:
        drawn = ensemble.draw(DRAWS, rng, keep=(counts == chosen).__getitem__)["exponent"]
        ranks.append(
            {end: float(np.mean(drawn[:, i] < truth["exponent"][0, i])) for end, i in ENDS.items()}
        )
    return {
        "index": index,
        "regimes": regimes,
        "named": list(named),
        "probability": {str(n): round(p, 4) for n, p in odds.items()},
        "ranks": ranks,
        "cpu_s": time.process_time() - started,
    }


def share(holds: list[bool]) -> list[float]:
    """Return a share with its standard error."""
    p = float(np.mean(holds))
    return [round(p, 3), round(float(np.sqrt(p * (1.0 - p) / len(holds))), 3)]


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the two rules do on some curves."""
    found: dict[str, Any] = {"curves": len(rows)}
    for i, rule in enumerate(RULES):
        right = [row["named"][i] == row["regimes"] for row in rows]
        found[rule] = {
            "right": share(right),
            "too many": share([row["named"][i] > row["regimes"] for row in rows]),
            "covered": {
                end: share([0.05 < row["ranks"][i][end] < 0.95 for row in rows]) for end in ENDS
            },
        }
    return found


def main() -> None:
    parser = campaign.arguments(__doc__, "headline.json", 400)
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    groups = {
        "all": rows,
        "tied": [row for row in rows if row["named"][0] != row["named"][1]],
        "right": [row for row in rows if set(row["named"]) == {row["regimes"]}],
    }
    result: dict[str, Any] = {
        "question": "which number of regimes to name, and are its exponents covered",
        "seed": SEED,
        "groups": {name: table(group) for name, group in groups.items() if group},
        "cpu_s_mean_median_95": campaign.seconds(rows),
    }
    campaign.keep(result, chosen.out)
    campaign.show(result["groups"])


if __name__ == "__main__":
    main()
