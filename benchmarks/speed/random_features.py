"""Random features against a loop of `numpy.linalg.lstsq` over cells, and theory's large grid.

Two grids of examples and features, by turns in one process, in CPU seconds: a call of
`trainers.run` into a new folder, file handling included, and the loop that draws each cell, solves
it by least squares and takes the exact test loss. `averaged` is the mean over targets, which both
take exactly, the loop by as many right-hand sides as there are modes; `single` is one target a run,
`averaged=False`. `lstsq_alone` is the time that the loop spends in least squares, over that of the
whole call. Then the deterministic equivalent of 100 x 100 cells at 1e6 modes.

    python benchmarks/speed/random_features.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

campaign.one_thread()  # before numpy is loaded

import numpy as np  # noqa: E402

GRIDS = {  # a fine grid of small cells, where files and draws count, and a coarse one of large ones
    "16 x 16 cells up to 320": (np.unique(np.geomspace(8, 320, 16).astype(int)).tolist(), 2),
    "8 x 8 cells up to 1024": ([16, 32, 64, 128, 256, 384, 640, 1024], 1),
}
MODES = 2000


def loop(sizes: list[int], seeds: int, averaged: bool) -> tuple[float, float]:
    """Return CPU seconds of the loop, and those within least squares."""
    begin, inside = time.process_time(), 0.0
    scale = np.arange(1.0, MODES + 1) ** -1.0
    for seed in range(seeds):
        for n_train in sizes:
            for n_params in sizes:
                rng = np.random.default_rng([seed, n_train, n_params])
                latent = rng.standard_normal((n_train, MODES)) * scale
                fields = rng.standard_normal((n_params, MODES)) / n_params**0.5
                target = np.eye(MODES) if averaged else rng.standard_normal((MODES, 1))
                labels = latent if averaged else latent @ target
                before = time.process_time()
                theta = np.linalg.lstsq(latent @ (scale * fields).T, labels, rcond=None)[0]
                inside += time.process_time() - before
                float(np.sum((scale[:, None] * (target - fields.T @ theta)) ** 2))
    return time.process_time() - begin, inside


def sweep(sizes: list[int], seeds: int, averaged: bool) -> float:
    """Return CPU seconds of the same grid in one call."""
    from scalefit import trainers

    config = trainers.config(
        "random_features",
        n_train=sizes,
        n_params=sizes,
        modes=MODES,
        seeds=seeds,
        averaged=averaged,
    )
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        trainers.run(config, device="cpu", out=folder)
    return time.process_time() - begin


def grid() -> float:
    """Return CPU seconds of theory's grid."""
    from scalefit.trainers.random_features import theory

    sizes = np.geomspace(10, 1e4, 100)
    begin = time.process_time()
    theory.equivalent(theory.power_law(1e6, 0.5), sizes[:, None], sizes, 1e-4, 0.1)
    return time.process_time() - begin


def main() -> None:
    parser = campaign.options(__doc__, "random_features_speed.json")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    sweep([8], 1, True)  # the first call loads PyTorch
    result: dict[str, Any] = {}
    for name, grid_of in GRIDS.items():
        for kind, averaged in {"averaged": True, "single": False}.items():
            one = (*grid_of, averaged)
            rows = [(*loop(*one), sweep(*one)) for _ in range(options.repeats)]
            result[f"{name}, {kind}"] = {
                "ratio": sorted(round(whole / ours, 2) for whole, _, ours in rows),
                "lstsq_alone": sorted(round(inside / ours, 2) for _, inside, ours in rows),
                "sweep_s": [round(ours, 2) for *_, ours in rows],
            }
            print(name, kind, result[f"{name}, {kind}"], flush=True)
    result["theory_grid_s"] = [round(grid(), 2) for _ in range(options.repeats)]
    print(result)
    campaign.keep(result, options.out, ("scalefit", "numpy", "torch"))


if __name__ == "__main__":
    main()
