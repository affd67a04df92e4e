"""Phase diagrams of the diagonal and the quadratic network, with trained networks on them.

State evolution gives the exponent of the excess risk in n over data and weight decay; networks are
trained by L-BFGS on a coarse grid, and a disc between neighbours shows their exponent in the same
colours. Prints theory's and the simulation's exponents, and keeps figure and JSON. Half an hour on
one core; finished runs are kept in a folder, and not trained again.

    python benchmarks/reproduction/diagonal_quadratic/phase_diagram.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

SIZES = {"diagonal": 100, "quadratic": 20}
DECAYS = [0.03, 0.3, 3.0, 30.0]


def one(family: str, runs: Path, seeds: int, ax: Any) -> dict[str, Any]:
    """Return the exponents of simulation and theory at every disc, and draw them."""
    from importlib import import_module

    from scalefit import trainers
    from scalefit.trainers.weight_decay.diagram import simulated_exponents

    theory = import_module(f"scalefit.trainers.{family}.theory")
    d = SIZES[family]
    peak = d if family == "diagonal" else d * d / 4
    n = [round(peak * 10**power) for power in np.arange(-1.0, 1.51, 0.5)]
    # of the diagonal teacher the same weights for all seeds, or their spread hides the exponents
    law: dict[str, Any] = {"teacher": "fixed"} if family == "diagonal" else {}
    grid: dict[str, Any] = {"d": d, "n_train": n, "weight_decay": DECAYS, "seeds": seeds}
    config = trainers.config(family, steps=6000, points=2, ranks=1, **grid, **law)
    found = trainers.run(config, device="cpu", out=runs, progress=True)
    unit = 1.0 if family == "diagonal" else float(d)
    across = peak / unit * np.logspace(-1.5, 2.0, 36)
    decays = np.logspace(-2.25, 2.25, 37)
    phases = theory.phase_diagram(d=d, n_eff=across, weight_decay=decays, **law)
    theory.draw(phases, found, ax)
    foretold = trainers.theory(config)
    places, decays, slopes = simulated_exponents(found)
    _, _, expected = simulated_exponents(foretold)
    for row in zip(places, decays, slopes, expected, strict=True):
        print(family, " ".join(f"{value:9.3g}" for value in row))
    return {
        "n_eff": places.tolist(),
        "lambda": decays.tolist(),
        "simulation": slopes.round(4).tolist(),
        "theory": expected.round(4).tolist(),
        "seeds": seeds,
        "arrived": int((found["status"].values == "ok").sum()),
        "runs": found.sizes["run"],
        "largest_gap": float(found["gap"].values[:, -1].max()),
        "median_difference": float(np.median(np.abs(slopes - expected))),
    }


def main() -> None:
    campaign.one_thread()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    parser = campaign.options(__doc__, "diagonal_quadratic_phases.json")
    parser.add_argument("--runs", type=Path, default=Path("runs-diagonal-quadratic"))
    parser.add_argument("--seeds", type=int, default=16)
    chosen = parser.parse_args()
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.6), dpi=150, layout="constrained")
    result = {
        family: one(family, chosen.runs, chosen.seeds, ax)
        for family, ax in zip(SIZES, axes, strict=True)
    }
    campaign.keep(result, chosen.out, ("scalefit", "numpy", "scipy", "torch"))
    figure.savefig(chosen.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
