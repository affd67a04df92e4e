"""CPU seconds of the perceptron's theory on a grid of loads and norms.

Loads and norms are spaced evenly in their logarithms, 0.1 to 1e4 and 0.01 to 1e3. Measured, in one
process and on one core: every minimiser of the grid (test error), then the observables that need
one more quadrature each (training loss and error, ridge), and per load the limits and the optimum.

    python benchmarks/speed/perceptron_theory.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

from scalefit.trainers.perceptron import theory


def main() -> None:
    parser = campaign.options(__doc__, "perceptron_theory.json")
    parser.add_argument("--loads", type=int, default=100)
    parser.add_argument("--norms", type=int, default=100)
    options = parser.parse_args()
    loads = np.geomspace(0.1, 1e4, options.loads).tolist()
    norms = np.geomspace(0.01, 1e3, options.norms).tolist()

    ticks = [time.process_time()]
    curves = [theory.fixed_norm(load, norms) for load in loads]
    ticks.append(time.process_time())
    for curve in curves:
        for point in curve:
            _ = point.train_loss, point.train_error, point.ridge
    ticks.append(time.process_time())
    for load in loads:
        theory.limits(load)
    ticks.append(time.process_time())
    for load in loads:
        theory.optimum(load)
    ticks.append(time.process_time())

    # what the answers rest on: the two formulas for the multiplier, where the second has digits
    worst = max(
        abs(force / response - 1)
        for curve in curves[::10]
        for point in curve[::10]
        if point.log_strength < 20
        for force, response in [point.multipliers]
    )
    names = ("minimisers", "observables", "limits", "optima")
    spent = dict(zip(names, np.diff(ticks).tolist(), strict=True))
    result = {
        "grid": [options.loads, options.norms],
        "cpu_seconds": spent,
        "grid_cpu_seconds": spent["minimisers"] + spent["observables"],
        "multipliers_differ_by": worst,
    }
    campaign.keep(result, options.out, ("scalefit", "numpy", "scipy"))
    print({name: round(value, 2) for name, value in spent.items()}, f"{worst:.1e}")


if __name__ == "__main__":
    main()
