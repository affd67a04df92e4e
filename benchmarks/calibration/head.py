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

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
import sbc

from scalefit.arrays import Array

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
    from scalefit.curves.curve import Curve
    from scalefit.fitting.odd_head import warning

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


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many curves have a note, and what that took."""
    return {
        "curves": len(rows),
        "notes": sum(row["note"] is not None for row in rows),
        "cpu_s_median_95": campaign.seconds(rows)[1:],
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "head.json", 960)
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    groups = {"clean, normal noise": "normal", "clean, AR(1) noise": "ar1", "warm-up": "warm-up"}
    kinds = [{**row, "kind": row["cell"][-1]} for row in rows]
    shares = campaign.tables(table, kinds, "kind", groups)
    result = {
        "question": "how often is the head of a curve called no part of its law",
        "seed": SEED,
        "groups": shares,
    }
    campaign.keep(result, chosen.out)
    campaign.show(shares)


if __name__ == "__main__":
    main()
