"""Parabolas through IsoFLOP slices, on data without any noise: how far their frontier is off.

Losses are those of an additive law, exactly. At each of seven budgets sizes are spread evenly in
log around a centre, a parabola in log size is fitted to the losses, and a power law to the sizes at
which the parabolas are lowest; beside it stands the law fitted to the same points by maximum
likelihood, and the envelope of runs of these sizes. Three things make parabolas wrong: the width of
the slices, a law that is not symmetric (a is not b), and slices that are not centred on the best
size. Reported: the exponent of the best size, and the best size at a budget ten times the largest
over the true one.

    python benchmarks/surfaces/parabolas.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

BUDGETS = np.geomspace(1e18, 1e21, 7)
BEYOND = 10.0
SIZES = 9
WIDTHS = {"factor 4": 4.0, "factor 16": 16.0}
"""Largest size of a slice over the best one, and the best over the smallest."""


class Law(NamedTuple):
    """An additive law."""

    a: float
    b: float
    amplitude_n: float
    amplitude_d: float
    floor: float

    def loss(self, n: Any, d: Any) -> Any:
        """Return the loss of sizes and tokens."""
        return self.floor + self.amplitude_n * n**-self.a + self.amplitude_d * d**-self.b

    def best(self, budget: Any) -> Any:
        """Return the size that is best for a budget, in closed form."""
        ratio = self.a * self.amplitude_n / (self.b * self.amplitude_d)
        return ratio ** (1 / (self.a + self.b)) * (budget / 6.0) ** (self.b / (self.a + self.b))

    def tokens(self, n: Any) -> Any:
        """Return the tokens with which a size is the best."""
        return (n / self.best(6.0)) ** (1.0 / self.slope) / n

    @property
    def slope(self) -> float:
        """Exponent of the best size."""
        return self.b / (self.a + self.b)


LAWS = {
    "symmetric": Law(0.31, 0.31, 400.0, 400.0, 1.69),
    "Hoffmann et al. as refitted": Law(0.3478, 0.3658, 482.01, 2085.43, 1.8172),
    "asymmetric": Law(0.465, 0.155, 8000.0, 40.0, 1.69),
}
"""The second is that of Besiroglu et al. (2024), arXiv:2404.10102."""
OFFSETS = {"centred": (0.0, 0.0), "shifted": (0.5, 0.5), "drifting": (0.5, -0.5)}
"""Log of the centre of a slice over the best size, in units of the log of the width, at the first
and at the last budget."""


def parabolas(law: Law, width: float, offset: tuple[float, float]) -> tuple[float, float]:
    """Return the exponent of the best size, and the best size beyond over the true one, in logs."""
    lowest = []
    for budget, share in zip(BUDGETS, np.linspace(*offset, BUDGETS.size), strict=True):
        sizes = law.best(budget) * width ** (np.linspace(-1.0, 1.0, SIZES) + share)
        u = np.log(sizes)
        a, b, _ = np.polyfit(u - u.mean(), law.loss(sizes, budget / 6.0 / sizes), 2)
        lowest.append(u.mean() - 0.5 * b / a)
    slope, level = np.polyfit(np.log(BUDGETS), lowest, 1)
    far = BEYOND * BUDGETS[-1]
    return float(slope), float(level + slope * np.log(far) - np.log(law.best(far)))


def surface(law: Law, width: float, offset: tuple[float, float], seed: int) -> tuple[float, float]:
    """Return the same from the law fitted to the same points, medians of the posterior."""
    from scalefit.forecast.frontier import frontier
    from scalefit.inference.certified import solve
    from scalefit.inference.full import Full
    from scalefit.inference.problem import Problem
    from scalefit.laws.additive import Additive

    points = []
    for budget, share in zip(BUDGETS, np.linspace(*offset, BUDGETS.size), strict=True):
        sizes = law.best(budget) * width ** (np.linspace(-1.0, 1.0, SIZES) + share)
        points.append(np.stack([sizes, budget / 6.0 / sizes], axis=1))
    x = np.concatenate(points)
    problem = Problem(Additive(), x, law.loss(x[:, 0], x[:, 1]))
    rng = np.random.default_rng(seed)
    sampled = solve(Full(problem), rng).resample(1000, rng)
    params = problem.law.natural(sampled, problem.window)
    far = np.array([BEYOND * BUDGETS[-1]])
    found = frontier(problem.law, params, far)
    slope = float(np.median(found.exponent[:, 0, 0]))
    return slope, float(np.median(np.log(found.best[:, 0, 0])) - np.log(law.best(far[0])))


def envelope(law: Law, width: float) -> tuple[float, float]:
    """Return how many of 15 runs touch their envelope, and how far off a touch is, in log loss.

    Each run goes from a factor below where its size is the best to the same factor beyond.
    """
    from scalefit.curves.envelope import touches

    sizes = law.best(np.geomspace(BUDGETS[0], BUDGETS[-1], 15))
    curves = []
    for n in sizes:
        d = law.tokens(n) * np.geomspace(1.0 / width, width, 40)
        curves.append((np.log(6.0 * n * d), np.log(law.loss(n, d))))
    found = touches(curves)
    compute = np.exp([one.log_x for one in found])
    n = law.best(compute)
    off = np.array([one.log_y for one in found]) - np.log(law.loss(n, compute / 6.0 / n))
    return float(len(found)), float(np.max(np.abs(off)))


def main() -> None:
    chosen = campaign.options(__doc__, "parabolas.json").parse_args()
    cells: dict[str, Any] = {}
    for name, law in LAWS.items():
        for words, width in WIDTHS.items():
            for kind, offset in OFFSETS.items():
                slope, far = parabolas(law, width, offset)
                fitted, beyond = surface(law, width, offset, seed=0)
                cells[f"{name}, {words}, {kind}"] = {
                    "true_exponent": round(law.slope, 4),
                    "parabolas": [round(slope, 4), round(float(np.exp(far)), 4)],
                    "law": [round(fitted, 4), round(float(np.exp(beyond)), 4)],
                }
    touching = {
        f"{name}, {words}": envelope(law, width**2)
        for name, law in LAWS.items()
        for words, width in WIDTHS.items()
    }
    result = {
        "question": "how far is the frontier of parabolas through slices of equal cost off",
        "columns": ["exponent of the best size", "best size at ten times the budget over the true"],
        "slices": [len(BUDGETS), SIZES],
        "cells": cells,
        "envelope": {name: [int(n), off] for name, (n, off) in touching.items()},
    }
    campaign.keep(result, chosen.out)
    campaign.show({**cells, **result["envelope"]})


if __name__ == "__main__":
    main()
