"""Losses under learning-rate schedules that a law of annealing has not seen, and planned decays.

Runs of three model sizes of Luo et al. (2025), "A multi-power law for loss curve prediction across
learning rate schedules" (arXiv:2503.12811), under nine schedules each; in the folder
multi-power-law of the one that SCALEFIT_DATA names. The law is fitted to three schedules of a size
(cosine and constant over 24,000 steps, and a drop of the rate), with noise that is correlated along
a run and displaces it, and predicts the other six.

Warm-up ends at the first row; rows within a fifth of its length after that are left out, because
the loss has not settled there. How fast the momentum of annealing decays, and which share of rate
times steps the warm-up counts for (one half if the rate rose in a straight line), are chosen by
evidence on the three schedules.

For planned decays the law, with the usual areas, is fitted to the same three and to the two runs
that decay after step 20,000, but for what comes then; each of them is then predicted under its
plan, by the law and the displacement that its own points have shown.

Reported: R^2 over all rows of the six schedules, the share inside 90% bands of new runs, and the
largest relative error of a planned decay.

    python benchmarks/surfaces/schedules.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
from surfaces import Fitted, Points, columns, data, r_squared, table

from scalefit.arrays import Array

SEED = 2052
SIZES = ("25", "100", "400")
TRAINED = ("cosine_24000", "constant_24000", "wsdcon_9")
TESTED = (
    "constant_72000",
    "cosine_72000",
    "wsd_20000_24000",
    "wsdld_20000_24000",
    "wsdcon_3",
    "wsdcon_18",
)
PLANNED = {"wsd_20000_24000": "exponential", "wsdld_20000_24000": "linear"}
STABLE = 20000  # step up to which those are at their constant rate
LOW = 3e-5
SETTLED = 1.2  # times the length of the warm-up
DECAYS = (0.998, 0.9985, 0.999)
WARM_UPS = (0.5, 0.55, 0.6)
USUAL = (0.999, 0.5)
JOBS = [(size, "planned", *USUAL) for size in SIZES]
JOBS += [(size, "ahead", decay, warm) for size in SIZES for decay in DECAYS for warm in WARM_UPS]
PUBLISHED = {"25": 0.997, "100": 0.997, "400": 0.992}
"""R^2 of the law of those authors, fitted to the same schedules."""


def run(
    size: str, name: str, decay: float, warm: float, until: float = np.inf
) -> tuple[Array, Array, Array]:
    """Return steps, both areas (n, 2), and losses of one run, once settled, up to a step."""
    from scalefit.curves.areas import areas

    rows = table(data() / "multi-power-law" / f"csv_{size}" / f"{name}.csv")
    step, rate, loss = columns(rows, "step", "lr", "loss").T
    found = areas(step, rate, decay, warm * rate[0] * step[0])
    kept = (step >= SETTLED * step[0]) & (step <= until)
    return step[kept], np.stack([found.s1, found.s2], axis=1)[kept], loss[kept]


def fitted(runs: list[tuple[Array, Array, Array]], seed: int) -> Fitted:
    """Return the law fitted to some runs together."""
    from scalefit.laws.annealed import Annealed

    points = Points(*(np.concatenate([one[i] for one in runs]) for i in (1, 2)))
    start = np.cumsum([0, *(len(one[2]) for one in runs[:-1])])
    return Fitted.of(Annealed(), points, "ar1-run", seed, start=tuple(start.tolist()))


def bands(fit: Fitted, x: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return the median, and the ends of the 90% band of the points of a new run."""
    mean = np.asarray(fit.law.log_mean(fit.draws, x))
    white = rng.standard_normal(mean.shape) * fit.draws["noise"][:, None]
    moved = rng.standard_normal(len(mean)) * fit.draws["run_noise"]
    low, high = np.quantile(np.exp(mean + white + moved[:, None]), [0.05, 0.95], axis=0)
    return np.exp(np.median(mean, axis=0)), low, high


def one_job(index: int) -> dict[str, Any]:
    """Return the scores of one size at one decay of the momentum and one area of the warm-up."""
    size, kind, decay, warm = JOBS[index]
    row = {"index": index, "size": size, "kind": kind, "decay": decay, "warm_up": warm}
    runs = [run(size, name, decay, warm) for name in TRAINED]
    if kind == "planned":
        runs += [run(size, name, decay, warm, STABLE) for name in PLANNED]
    fit = fitted(runs, SEED + index)
    if kind == "planned":
        worst = {name: planned(fit, size, name) for name in PLANNED}
        return {**row, **fit.certificate(), "worst": worst}
    rng = np.random.default_rng(SEED + index)
    truth, median, inside = [], [], {}
    for name in TESTED:
        _, x, y = run(size, name, decay, warm)
        middle, low, high = bands(fit, x, rng)
        inside[name] = round(float(np.mean((y > low) & (y < high))), 3)
        truth.append(y)
        median.append(middle)
    y, found = np.concatenate(truth), np.concatenate(median)
    return {
        **row,
        **fit.certificate(),
        "r_squared": round(r_squared(found, y), 5),
        "rmse": round(float(np.sqrt(np.mean((found - y) ** 2))), 5),
        "inside": inside,
        "rows": int(y.size),
        **{
            name: fit.quantiles(name, (0.05, 0.95))[0]
            for name in ("exponent", "floor", "gain", "autocorrelation", "noise", "run_noise")
        },
    }


def planned(fit: Fitted, size: str, name: str) -> float:
    """Return the largest relative error of a run's decay, predicted at its constant rate."""
    from scalefit import trajectory
    from scalefit.curves.schedule import Schedule, schedule
    from scalefit.curves.schedule import planned as ahead

    rows = table(data() / "multi-power-law" / f"csv_{size}" / f"{name}.csv")
    step, rate, loss = columns(rows, "step", "lr", "loss").T
    past = step <= STABLE
    dims = ("run", "point")
    variables = {"step": (dims, step[None, past]), "lr": (dims, rate[None, past])}
    made = schedule(trajectory.build(variables, {"run": [name]}, source=name))
    kind: Any = PLANNED[name]
    end = float(np.ceil(step[-1] / 1000.0) * 1000.0)
    plan = Schedule(kind, start=STABLE, end=end, low=LOW)
    x = ahead(made, plan, step[~past])[["s1", "s2"]].to_numpy()
    at, own, y = run(size, name, *USUAL, STABLE)
    shown = np.log(y) - np.asarray(fit.law.log_mean(fit.draws, own))
    moved = np.median(shown[:, len(at) // 2 :])
    predicted = np.exp(np.median(fit.law.log_mean(fit.draws, x), axis=0) + moved)
    return round(float(np.max(np.abs(predicted / loss[~past] - 1.0))), 5)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the areas of largest evidence give, size by size and in the mean."""
    top = {}
    for size in SIZES:
        same = [row for row in rows if (row["size"], row["kind"]) == (size, "ahead")]
        top[size] = max(same, key=lambda row: row["log_evidence"])
    inside = [value for row in top.values() for value in row["inside"].values()]
    worst = [value for row in rows if "worst" in row for value in row["worst"].values()]
    return {
        "r_squared_mean": round(float(np.mean([row["r_squared"] for row in top.values()])), 4),
        "inside_mean": [
            round(float(np.mean(inside)), 3),
            round(float(np.std(inside, ddof=1) / np.sqrt(len(inside))), 3),
            len(inside),
        ],
        "worst_planned": max(worst),
        "published": PUBLISHED,
        "sizes": top,
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "surfaces_schedules.json", len(JOBS))
    options = parser.parse_args()
    rows = campaign.run(one_job, range(options.curves), options.out, options.workers)
    result = {
        "question": "losses under schedules that the law has not seen, and planned decays",
        "seed": SEED,
        **summary(rows),
        "rows": rows,
    }
    campaign.keep(result, options.out)
    print({key: value for key, value in result.items() if key not in ("rows", "sizes")})


if __name__ == "__main__":
    main()
