"""The committee machine's simulation against its theory, at full length.

One-pass SGD against the equations of motion from the same first weights: the median deviation of
the test loss, at most 5 %, and the time at which it has fallen to half the plateau, within 20 %.
SGD with linear units against the exact mean, within 4 standard errors, batches included. The chain
of overlaps against SGD, likewise. Prints one line per row and writes the same as JSON, and a figure
of one run of each flow over theory. It takes some minutes.

    python benchmarks/reproduction/committee/simulation.py
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

from scalefit import trainers
from scalefit.trainers.committee import theory
from scalefit.trainers.committee.spectrum import eigenvalues
from scalefit.trainers.sweep import expand

HALF_PLATEAU = 0.003  # of K = M = 2

FLOWS: list[dict[str, Any]] = [
    {"N": 512, "L": 1, "learning_rate": 0.5, "duration": 1000},
    {"N": 512, "L": 4, "learning_rate": 0.5, "duration": 600},
    {"N": 512, "L": 32, "learning_rate": 0.2, "duration": 600},
    {"N": 512, "L": 512, "learning_rate": 0.1, "duration": 600, "teacher": "gaussian"},
    {"N": 1024, "L": 1, "learning_rate": 1.0, "duration": 500},
]
MEANS: list[dict[str, Any]] = [
    {"N": 256, "beta": 1.0, "learning_rate": 0.05, "duration": 200},
    {"N": 256, "beta": 1.0, "learning_rate": 0.5, "duration": 200},
    {"N": 256, "beta": 0.5, "learning_rate": 0.3, "duration": 200},
    {"N": 128, "beta": 1.0, "learning_rate": 0.1, "duration": 64},
    {"N": 128, "beta": 1.0, "learning_rate": 0.1, "duration": 64, "batch": 8},
    {"N": 128, "beta": 1.0, "learning_rate": 0.1, "duration": 64, "batch": 16},
    {"N": 256, "beta": 1.0, "learning_rate": 0.3, "duration": 200, "trainable": 64},
]
CHAINS: list[dict[str, Any]] = [
    {"N": 50, "K": 2, "M": 2, "learning_rate": 1.0, "duration": 500},
    {"N": 30, "K": 3, "M": 2, "learning_rate": 1.0, "duration": 300, "teacher": "gaussian"},
    {"N": 10, "K": 2, "M": 4, "learning_rate": 0.5, "duration": 100},
]


def simulate(seeds: int, **settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # large steps are the point of some rows
        return trainers.run(trainers.config("committee", seeds=seeds, **settings), device="cpu")


def crossing(time: Any, loss: Any) -> float:
    """Return the last time at which the loss falls through half the plateau; NaN for none."""
    above = np.flatnonzero(loss > HALF_PLATEAU)
    if len(above) in (0, len(loss)):
        return float("nan")
    pair = slice(above[-1], above[-1] + 2)
    return float(np.exp(np.interp(
        -np.log(HALF_PLATEAU), -np.log(loss[pair]), np.log(time[pair])
    )))  # fmt: skip


def along_flow(settings: dict[str, Any], seeds: int) -> dict[str, Any]:
    from scalefit.trainers.committee import draws

    curves = simulate(seeds, points=200, **settings)
    config = trainers.config("committee", seeds=seeds, **settings)
    times, deviations, ratios, expected = curves["time"].values[0], [], [], []
    for index, run in enumerate(expand(config, 0)):
        q, r, t = draws.overlaps(run)
        path = theory.flow(
            eigenvalues(settings["L"], 1.0), q, r, t, times,
            learning_rate=settings["learning_rate"],
        )  # fmt: skip
        loss = curves["test_loss"].values[index]
        expected.append(path.test_loss)
        deviations.append(float(np.median(np.abs(loss / path.test_loss - 1))))
        ratios.append(crossing(times, loss) / crossing(times, path.test_loss))
    escapes = settings["L"] < 32  # beyond it, no plateau to speak of
    inside = max(deviations) < 0.05
    if escapes:
        inside = inside and bool(np.all(np.abs(np.array(ratios) - 1) < 0.2))
    return {
        "row": "SGD against the equations of motion", **settings, "runs": seeds,
        "median_deviation": deviations, "escape_time_ratio": ratios if escapes else None,
        "inside": inside,
        "first": {"time": times.tolist(), "sgd": curves["test_loss"].values[0].tolist(),
                  "theory": expected[0].tolist()},
    }  # fmt: skip


def linear_mean(settings: dict[str, Any], seeds: int) -> dict[str, Any]:
    more = {"activation": "linear", "K": 1, "M": 1, "L": settings["N"], "teacher": "gaussian"}
    curves = simulate(seeds, points=12, **settings, **more)
    expected = theory.recursion(
        eigenvalues(settings["N"], settings["beta"]), settings["N"], curves["step"].values[0],
        learning_rate=settings["learning_rate"], batch=settings.get("batch", 1), start=1.0001,
        share=(settings.get("trainable") or settings["N"]) / settings["N"],
    )  # fmt: skip
    found = curves["test_loss"].values
    z = (found.mean(0) - expected) / (found.std(0, ddof=1) / np.sqrt(seeds))
    return {
        "row": "mean of SGD against the recursion", **settings, "runs": seeds,
        "ratio_of_means": (found.mean(0) / expected).tolist(), "scores": z.tolist(),
        "inside": bool(np.all(np.abs(z) < 4)),
    }  # fmt: skip


def chain(settings: dict[str, Any], seeds: int) -> dict[str, Any]:
    weights, overlaps = (
        simulate(seeds, protocol=one, points=12, **settings) for one in ("sgd", "order_parameters")
    )
    scores, ratios = [], []
    for name in ("test_loss", "Q", "R"):
        shape = (*weights[name].shape[:2], -1)
        one, other = (each[name].values.reshape(shape) for each in (weights, overlaps))
        ratios.append(float((np.median(other, 0) / np.median(one, 0))[-1, 0]))
        apart = np.log(other / one) if name == "test_loss" else other - one
        z = apart.mean(0) / (apart.std(0, ddof=1) / np.sqrt(seeds))
        scores.append(float(np.abs(z).max()))
    return {
        "row": "chain against SGD", **settings, "runs": seeds,
        "largest_score": dict(zip(("log test_loss", "Q", "R"), scores, strict=True)),
        "last_ratio_of_medians": dict(zip(("test_loss", "Q00", "R00"), ratios, strict=True)),
        "inside": max(scores) < 4,
    }  # fmt: skip


def main() -> None:
    parser = campaign.options(__doc__, "committee_simulation.json")
    parser.add_argument("--small", action="store_true", help="a few seconds, to try the script")
    options = parser.parse_args()
    few, some, many = (1, 16, 50) if options.small else (8, 64, 1000)
    rows = []
    for work, table, seeds in (
        (linear_mean, MEANS, some),
        (chain, CHAINS, many),
        (along_flow, FLOWS, few),
    ):
        for settings in table:
            if options.small:
                settings = {**settings, "duration": settings["duration"] / 20}
            row = work(settings, seeds)
            rows.append(row)
            told = {name: one for name, one in row.items() if name != "first"}
            print(" ".join(f"{name}={shown(one)}" for name, one in told.items()), flush=True)
    campaign.keep(
        {"rows": rows, "inside": sum(row["inside"] for row in rows)},
        options.out,
        ("scalefit", "numpy", "scipy", "torch"),
    )
    draw([row for row in rows if "first" in row], options.out.with_suffix(".png"))


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the figure: one run of each flow, over theory from the same first weights."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for i, row in enumerate(rows):
        first = row["first"]
        rate = row["learning_rate"]
        ax.loglog(first["time"], first["theory"], color="k", lw=0.8)
        ax.loglog(
            first["time"][::4], first["sgd"][::4], "o", ms=3, color=f"C{i}",
            label=f"N = {row['N']}, L = {row['L']}, rate {rate:g}",
        )  # fmt: skip
    ax.set(
        xlabel="time (examples / N)", ylabel="test loss", title="SGD (points) and theory (lines)"
    )
    ax.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def shown(one: Any) -> str:
    if isinstance(one, list):
        return "[" + " ".join(f"{each:.3g}" for each in one) + "]"
    if isinstance(one, dict):
        return "{" + ", ".join(f"{name}: {each:.4g}" for name, each in one.items()) + "}"
    return f"{one:g}" if isinstance(one, float) else str(one)


if __name__ == "__main__":
    main()
