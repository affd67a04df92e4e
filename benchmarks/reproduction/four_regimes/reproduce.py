"""Random features against every row of `four_regimes_reference.csv`: theory, and simulations.

Theory's rows are computed once, and compared with their tolerance. Simulated rows are drawn again:

reslim     the plateau L(m, inf) at 6000 modes, against the deterministic equivalent
varlim     L/L_inf - 1 at 32 examples, or features, against the exact factor, pairs of draws
cells      single cells of (D, P, ridge), two targets, against the deterministic equivalent
traj       gradient flow of the `traj_*` rows, test and training loss, against theory
sgd        one-pass SGD against its recursion
manifold   nearest neighbour and piecewise linear interpolation of a smooth function: exponents

Each row keeps the mean, its standard error and the number of draws. An interrupted run goes on.

    python benchmarks/reproduction/four_regimes/reproduce.py --curves 24 --workers 1
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests"))
import campaign
from samples import four_regimes

from scalefit import trainers

REFERENCE = Path(__file__).parents[3] / "tests" / "reference" / "four_regimes_reference.csv"
PART = 1000  # indices of one kind
ALPHAS = (0.5, 1.0)
FLOWS = [(1.0, 64, 128, 0.0), (1.0, 128, 64, 0.0), (0.5, 64, 256, 0.0), (1.0, 64, 128, 0.05)]
LARGE = [128, 256, 512, 1024, 2048]
CELLS: list[dict[str, Any]] = [
    {"n_train": [16, 64, 256], "n_params": [16, 64, 256], "ridge": 0},
    {"zip": {"n_train": [64, 64, 256, 128], "n_params": [64, 256, 64, 128]},
     "ridge": [1e-4, 1e-3, 1e-2]},
    {"zip": {"n_train": [64, 256, 100], "n_params": [256, 64, 100]}, "ridge": [0, 1e-3],
     "teacher": 1, "noise": 0.05},
]  # fmt: skip
Values = dict[str, float]


def simulate(seed: int, **settings: Any) -> Any:
    config = trainers.config("random_features", seeds=[seed], **settings)
    return trainers.run(config, device="cpu", seed=2)


def key(alpha: float, n_train: float, n_params: float, *more: float) -> str:
    return " ".join(f"{float(one):g}" for one in (alpha, n_train, n_params, *more))


def reslim(seed: int) -> Values:
    found = {}
    for alpha in ALPHAS:
        sizes = [8, 16, 32, 64, 128, 256]
        runs = simulate(seed, exponent=alpha, n_train=sizes, n_params=0, modes=6000)
        for size, loss in zip(sizes, runs["test_loss"].values[:, 0], strict=True):
            found[key(alpha, size, math.inf)] = float(loss)
    return found


def varlim(seed: int) -> Values:
    found = {}
    for alpha in ALPHAS:
        for small, large in (("n_params", "n_train"), ("n_train", "n_params")):
            sizes = {small: 32, large: [*LARGE, 0]}
            losses = simulate(seed, exponent=alpha, modes=800, **sizes)["test_loss"].values[:, 0]
            for size, loss in zip(LARGE, losses[:-1], strict=True):
                pair = (size, 32) if large == "n_train" else (32, size)
                found[key(alpha, *pair)] = float(loss / losses[-1] - 1)
    return found


def cells(seed: int) -> Values:
    found = {}
    for alpha in ALPHAS:
        for settings in CELLS:
            runs = simulate(seed, exponent=alpha, modes=2000, **settings)
            for at, loss in enumerate(runs["test_loss"].values[:, 0]):
                one = runs.isel(run=at)
                names = ("n_train", "n_params", "ridge", "noise")
                found[key(alpha, *(float(one[name]) for name in names))] = float(loss)
    return found


def traj(seed: int) -> Values:
    found = {}
    for alpha, D, P, noise in FLOWS:
        runs = simulate(
            seed, exponent=alpha, n_train=D, n_params=P, noise=noise, duration=1e4,
            points=6, protocol="gradient_flow",
        )  # fmt: skip
        for name in ("test_loss", "train_loss"):
            times = runs["time"].values[0]
            for t, loss in zip(times, runs[name].values[0], strict=True):
                found[f"{name} {key(alpha, D, P, noise, round(t, 9))}"] = float(loss)
    return found


def sgd(seed: int) -> Values:
    steps = [10, 30, 100, 300, 1000, 3000, 4000]
    runs = simulate(
        seed, protocol="sgd", n_params=0, modes=300, batch=4, learning_rate=0.15,
        steps=steps, points=2,
    )  # fmt: skip
    last = dict(zip(map(str, steps), runs["test_loss"].values[:, -1].tolist(), strict=True))
    return {"0": float(runs["test_loss"][0, 0])} | last


def manifold(seed: int) -> Values:
    from scalefit.trainers.manifold import theory as known

    found = {}
    for method, d, sizes in known.LADDERS:
        config = trainers.config(
            "manifold",
            protocol=method,
            dimension=d,
            n_train=sizes,
            # in one dimension few large gaps make the loss, and draws cost nothing
            seeds=list(range(40 * seed, 40 * seed + (40 if d == 1 else 1))),
        )
        losses = trainers.run(config, device="cpu", seed=2)["test_loss"].values[:, 0]
        losses = losses.reshape(len(sizes), -1).mean(1)
        found |= {f"{method} {d} {n}": float(one) for n, one in zip(sizes, losses, strict=True)}
    return found


KINDS = {"reslim": reslim, "varlim": varlim, "cells": cells, "traj": traj, "sgd": sgd,
         "manifold": manifold}  # fmt: skip
WHERE = ("id", "quantity", "alpha_K", "D", "P", "ridge", "t")


def one(index: int) -> dict[str, Any]:
    """Return what one draw of one kind gave."""
    kind, seed = divmod(index, PART)
    return {"index": index, "values": list(KINDS.values())[kind](seed)}


def theory() -> list[dict[str, Any]]:
    """Return theory's rows, with ours and the tolerance."""
    table = []
    for row, wanted in four_regimes.targets(REFERENCE):
        ours = four_regimes.value(row)
        table.append(
            {name: row[name] for name in WHERE}
            | {"reference": wanted, "ours": ours, "share": four_regimes.off(row, ours, wanted)}
        )
    return table


def simulated(values: dict[str, dict[str, list[float]]]) -> list[dict[str, Any]]:
    """Return our simulated values beside theirs, and beside what theory says."""
    table = []
    for row in four_regimes.rows(REFERENCE):
        kind, name, expected = four_regimes.simulated(row)
        if kind not in values or name not in values[kind]:
            continue
        drawn = np.array(values[kind][name])
        error = float(drawn.std(ddof=1) / math.sqrt(len(drawn)))
        mean = float(drawn.mean())
        table.append(
            {where: row[where] for where in WHERE}
            | {
                "kind": kind, "reference": float(row["value"]), "theory": expected,
                "mean": mean, "standard_error": error, "n": len(drawn),
                "inside": four_regimes.inside(row, mean, error, expected),
            }
        )  # fmt: skip
    return table


def exponents(values: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Return the exponents of interpolation on a manifold, with those of the reference."""
    from scalefit.trainers.manifold import theory as known

    table = []
    for method, d, sizes in known.LADDERS:
        losses = np.array([values[f"{method} {d} {n}"] for n in sizes])
        wanted, n = known.exponent(method, d), losses.shape[1]
        mean = four_regimes.slope(sizes, losses.mean(1))
        left = [four_regimes.slope(sizes, np.delete(losses, at, 1).mean(1)) for at in range(n)]
        error = float(np.std(left) * math.sqrt(n - 1))  # jackknife
        table.append(
            {"method": method, "dimension": d, "wanted": wanted, "mean": mean,
             "standard_error": error, "n": n, "inside": abs(mean - wanted) < 0.12}
        )  # fmt: skip
    return table


def main() -> None:
    parser = campaign.arguments(__doc__ or "", "four_regimes.json", 24)
    options = parser.parse_args()
    wanted = [kind * PART + seed for kind in range(len(KINDS)) for seed in range(options.curves)]
    values: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in KINDS}
    for row in campaign.run(one, wanted, options.out, options.workers):
        kind = list(KINDS)[row["index"] // PART]
        for name, value in row["values"].items():
            values[kind][name].append(value)
    result = {"theory": theory(), "simulated": simulated(values)}
    result["manifold"] = exponents(values["manifold"])
    result["counts"] = {
        "theory": [sum(row["share"] <= 1 for row in result["theory"]), len(result["theory"])],
        **{
            name: [sum(row["inside"] for row in rows), len(rows)]
            for name in KINDS
            if (rows := [row for row in result["simulated"] if row["kind"] == name])
        },
        "manifold": [sum(row["inside"] for row in result["manifold"]), len(result["manifold"])],
    }
    campaign.keep(result, options.out, ("scalefit", "numpy", "scipy", "torch"))
    for row in result["simulated"]:
        if not row["inside"]:
            print({name: row[name] for name in ("id", "alpha_K", "D", "P", "ridge", "t")},
                  row["mean"], row["standard_error"], row["theory"])  # fmt: skip
    print("inside, of:", result["counts"])


if __name__ == "__main__":
    main()
