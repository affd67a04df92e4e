"""Phase diagrams of the diagonal and the quadratic network, with trained networks on them.

State evolution gives the exponent of the excess risk in n over data and weight decay; networks are
trained by L-BFGS on a coarse grid, and a disc between neighbours shows their exponent in the same
colours. Prints theory's and the simulation's exponents, and keeps figure and JSON. Two minutes on
one core; finished runs are kept in a folder, and not trained again. The same for one network, in
any size: `scalefit train diagonal --config diagonal.toml --phases phases.png`.

    python benchmarks/reproduction/diagonal_quadratic/phase_diagram.py
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

FAMILIES = ("diagonal", "quadratic")


def sweep(family: str, **settings: Any) -> Any:
    """Return the configuration in the family's file, but for some settings."""
    from scalefit import trainers
    from scalefit.trainers.config import read

    return trainers.config(**read(Path(__file__).parent / f"{family}.toml") | settings)


def one(family: str, runs: Path, seeds: int, ax: Any) -> dict[str, Any]:
    """Return the exponents of simulation and theory at every disc, and draw them."""
    from importlib import import_module

    from scalefit import trainers
    from scalefit.trainers.weight_decay.diagram import simulated_exponents

    theory = import_module(f"scalefit.trainers.{family}.theory")
    config = sweep(family, seeds=seeds)
    found = trainers.run(config, device="cpu", out=runs, progress=True)
    phases = theory.phases(config)
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


def options(about: str | None, name: str, seeds: int) -> argparse.Namespace:
    """Return the options of a script that trains into a folder, and keeps a figure and a JSON."""
    campaign.one_thread()
    import matplotlib

    matplotlib.use("Agg")
    parser = campaign.options(about, name)
    parser.add_argument("--runs", type=Path, default=Path("runs-diagonal-quadratic"))
    parser.add_argument("--seeds", type=int, default=seeds)
    return parser.parse_args()


def keep(result: dict[str, Any], figure: Any, out: Path) -> None:
    """Write a result, and its figure beside it."""
    campaign.keep(result, out, ("scalefit", "numpy", "scipy", "torch"))
    figure.savefig(out.with_suffix(".png"))


def main() -> None:
    chosen = options(__doc__, "diagonal_quadratic_phases.json", 16)
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(12, 4.6), dpi=150, layout="constrained")
    result = {
        family: one(family, chosen.runs, chosen.seeds, ax)
        for family, ax in zip(FAMILIES, axes, strict=True)
    }
    keep(result, figure, chosen.out)


if __name__ == "__main__":
    main()
