"""Data set `random-features-grid`: loss over numbers of parameters and of examples, at its best.

Ridge regression on random features of a kernel whose i-th eigenvalue is i^-2, at the ridge with the
least test loss: theory has one law for the whole grid, with exponent 1 in either size. Every run
has draws and a target of its own, so that all are independent.

    python benchmarks/figures/grid.py datasets/data/random-features-grid.nc
"""

from __future__ import annotations

import sys
from pathlib import Path

import xarray as xr

from scalefit import trainers, trajectory
from scalefit.trainers.trajectories import concat

SIZES = (16, 32, 64, 128, 256, 512)
SEEDS = 4
MODES = 4000
COMMAND = "python benchmarks/figures/grid.py random-features-grid.nc"


def grid() -> xr.Dataset:
    """Return the trajectory, a run of one point for each seed of a cell."""
    cells = [(params, train) for params in SIZES for train in SIZES]
    parts = []
    for number, (params, train) in enumerate(cells):
        config = trainers.config(
            "random_features", n_params=params, n_train=train, exponent=1.0, modes=MODES,
            tuned=True, averaged=False, seeds=list(range(number * SEEDS, (number + 1) * SEEDS)),
        )  # fmt: skip
        parts.append(trainers.run(config, device="cpu", progress=False))
    return concat(parts).assign_attrs(command=COMMAND)


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "random-features-grid.nc")
    trajectory.write(grid(), out)
