"""How often a head is called no part of the law: on clean curves, and on curves with a warm-up.

Clean curves are those of `sbc.py`: truths drawn from the printed priors, 60 points over five
decades, up to three crossovers, floor or none, normal or AR(1) noise. Every note on one is a false
alarm. Curves with a warm-up are 80 evaluations at equal steps of a power law with floor in the sum
of learning rates, which rises over the first 3 to 12% of the steps, with a transient that dies as
the rate comes up, and noise of 0.2 to 1%. What the search costs stands beside.

    python benchmarks/calibration/head.py --curves 480
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
import sbc

Array = NDArray[np.float64]

SEED = 4711
EVALUATIONS = 80


def warm(rng: np.random.Generator) -> tuple[Array, Array, float]:
    """Return steps and losses of training with a warm-up, and the step at which it ends."""
    total = 10.0 ** rng.uniform(3.5, 5.0)
    end = rng.uniform(0.03, 0.12) * total
    x = total * np.arange(1, EVALUATIONS + 1) / EVALUATIONS
    rates = np.where(x < end, x**2 / (2.0 * end), x - end / 2.0)
    exponent, floor = rng.uniform(0.2, 0.6), rng.uniform(1.5, 3.0)
    law = floor + rng.uniform(0.5, 1.5) * (rates / total) ** -exponent / 3.0
    transient = rng.uniform(2.0, 5.0) * np.exp(-rates / (rng.uniform(0.1, 0.3) * end))
    scatter = 10.0 ** rng.uniform(-2.7, -2.0) * rng.standard_normal(x.size)
    return x, (law + transient) * np.exp(scatter), end


def one_curve(index: int) -> dict[str, Any]:
    """Return whether there was a note on a curve; odd numbers have a warm-up."""
    from scalefit.curves import Curve
    from scalefit.head import warning

    rng = np.random.default_rng([SEED, index])
    end = None
    if index % 2:
        x, y, end = warm(rng)
        cell: list[Any] = ["warm-up"]
    else:
        crossovers, floor, kind = sbc.CELLS[index // 2 % len(sbc.CELLS)]
        problem, _ = sbc.simulate(crossovers, floor, kind, rng)
        x, y, cell = problem.x, problem.y, [crossovers, floor, kind]
    started = time.process_time()
    note = warning(Curve("curve", x, y, {}, (), ordered=True))
    spent = time.process_time() - started
    return {"index": index, "cell": cell, "note": note, "warm_up_ends": end, "cpu_s": spent}


def main() -> None:
    parser = campaign.arguments(__doc__ or "", "head.json", 960)
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    groups = {
        "clean, normal noise": [r for r in rows if r["cell"][-1] == "normal"],
        "clean, AR(1) noise": [r for r in rows if r["cell"][-1] == "ar1"],
        "warm-up": [r for r in rows if r["cell"] == ["warm-up"]],
    }
    shares = {
        name: {
            "curves": len(group),
            "notes": sum(r["note"] is not None for r in group),
            "cpu_s_median_95": [
                round(float(np.quantile([r["cpu_s"] for r in group], q)), 3) for q in (0.5, 0.95)
            ],
        }
        for name, group in groups.items()
    }
    result = {
        "question": "how often is the head of a curve called no part of its law",
        "seed": SEED,
        "groups": shares,
    }
    campaign.keep(result, chosen.out)
    for name, group in shares.items():
        print(name, group)


if __name__ == "__main__":
    main()
