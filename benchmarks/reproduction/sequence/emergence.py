"""Emergence in trained runs: when each part of a task is learned, and how sharply.

parity    The step at which the loss of a subtask falls to half of ln 2. It should be in inverse
          proportion to its frequency: the slope of log step against log frequency is -1. Subtasks
          that are not learned by the last step are censored there, not left out, for the fast ones
          among the rare would make the slope shallower; a line with normal noise is fitted to
          each run by maximum likelihood. The interval is that of the mean over runs, by Student's
          distribution; the slope of the learned ones alone stands beside it. The loss of the
          mixture is compared with theory's staircase, whose unit is the run's first subtask.
induction The loss on repeated tokens is fitted by `scalefit.fit`, over models, in a window around
          each of its two drops; an emergence is the crossover at which the steepest regime begins.
          Over a whole run four regimes are found, with the same two emergences, but their noise
          grows along the run and the fit is not certified.
addition  The step at which the error on training pairs falls to 1%, and that on pairs left out.

Runs are kept beside the result and taken up again. It takes about a quarter of an hour on two cores
that do nothing else.

    python benchmarks/reproduction/sequence/emergence.py --workers 2
    python benchmarks/reproduction/sequence/emergence.py --small --out small.json
"""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

from scalefit.arrays import Array

TASKS = ("parity", "induction", "modular_addition")
SMALL: dict[str, dict[str, Any]] = {
    "parity": {"tasks": 8, "bits": 10, "subset": 2, "units": 64, "batch": 256, "steps": 1500,
               "learning_rate": 3e-3, "points": 40, "seeds": 3},
    "induction": {"tokens": 16, "vocabulary": 8, "dimensions": 32, "steps": 600, "batch": 32,
                  "learning_rate": 3e-3, "points": 40, "seeds": 1},
    "modular_addition": {"modulus": 11, "units": 64, "steps": 500, "points": 30, "seeds": 2},
}  # fmt: skip
"""What is changed for a try of a minute."""
RIGHT = 0.01
"""Error at which a sum counts as learned."""
WINDOWS = ((100, 700), (400, 5000))
"""Steps around the first and the second drop of the loss on repeated tokens."""
FEWEST = 8
"""Points that a window must hold to be fitted."""


def censored_slope(x: Array, y: Array, last: float) -> float:
    """Return the slope of a line through points, of which y is known to be beyond `last` if NaN."""
    from scipy.optimize import minimize
    from scipy.stats import norm

    seen = np.isfinite(y)
    start = np.polyfit(x[seen], y[seen], 1)

    def cost(of: Array) -> float:
        line, spread = of[0] * x + of[1], math.exp(of[2])
        inside = norm.logpdf(y[seen], line[seen], spread).sum()
        return -float(inside + norm.logsf(last, line[~seen], spread).sum())

    rough = max(float(np.std(y[seen] - np.polyval(start, x[seen]))), 1e-3)
    found = minimize(
        cost, [*start, math.log(rough)], method="Nelder-Mead", options={"maxiter": 9999}
    )
    return float(found.x[0])


def parity(runs: Any) -> dict[str, Any]:
    """Return when subtasks are learned, and the slope against their frequency."""
    from scalefit.trainers.sequence.learned import learned
    from scalefit.trainers.sequence.theory import exponents, frequencies, staircase

    alpha, tasks = float(runs["alpha"].values[0]), runs.sizes["task"]
    share, step = frequencies(tasks, alpha), runs["step"].values[0]
    losses = runs["loss_task"].transpose("run", "task", "point").values
    found = learned(step, losses, 0.5 * math.log(2))
    x, last = np.log(share), math.log(float(step[-1]))
    slopes = np.array([censored_slope(x, one, last) for one in np.log(found)])
    alone = np.array([_line(x, np.log(one)) for one in found])
    theory = [staircase(step / first, tasks, alpha) for first in found[:, 0]]
    ratio = runs["loss"].values / np.where(np.array(theory) > 0, theory, np.nan)
    inside = ratio[(step > found[:, :1]) & np.isfinite(ratio)]
    counted = np.isfinite(found).sum(axis=1)
    mean, low, high = slope = campaign.student(slopes)
    return {
        "runs": len(found),
        "subtasks": tasks,
        "alpha": alpha,
        "steps": int(step[-1]),
        "learned": counted.tolist(),
        "censored": int(found.size - counted.sum()),
        "slope": slope,
        "slope_by_run": slopes.round(4).tolist(),
        "slope_of_learned_alone": campaign.student(alone),
        "target": -1.0,
        "target_inside": low <= -1 <= high,
        "within_0.15": abs(mean + 1) <= 0.15,
        "examples_of_own": _quantiles(found * float(runs["batch"].values[0]) * share),
        "loss_over_staircase": _quantiles(inside),
        "exponent_of_infinitely_many": exponents(alpha).steps,
        "step_of_learning": [[_plain(one) for one in row] for row in found],
        "frequency": share.round(6).tolist(),
    }


def induction(runs: Any) -> dict[str, Any]:
    """Return the emergences of every run: the regimes of the loss on repeated tokens by window."""
    repeated = runs["loss_task"].sel(task="repeated").values
    fits = []
    for at, name in enumerate(runs["run"].values):
        one = runs.isel(run=at)
        step, loss = one["step"].values, repeated[at]
        fits.append({
            "run": str(name),
            "windows": [
                {"from": low, "to": high, **_regimes(step[inside], loss[inside])}
                for low, high in WINDOWS
                if (inside := (step >= low) & (step <= high)).sum() >= FEWEST
            ],
            "first_occurrences": _quantiles(one["loss_task"].sel(task="first").values),
            "prefix_matching": round(float(one["prefix_matching"].isel(point=-1).max()), 3),
            "previous_token": round(float(one["previous_token"].isel(point=-1).max()), 3),
            "loss": [round(float(loss[0]), 4), round(float(loss[-1]), 4)],
        })  # fmt: skip
    return {"runs": len(fits), "fits": fits}


def _regimes(step: Array, loss: Array) -> dict[str, Any]:
    """Return exponents and crossovers in a window, and where the steepest regime begins."""
    import scalefit as sf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fit = sf.fit(step, loss, regimes=[1, 2, 3], progress=False)
    table = fit.summary()
    exponents, crossovers = (
        [[_plain(row[one]) for one in ("median", "low", "high")] for _, row in part.iterrows()]
        for part in (table[table["parameter"] == name] for name in ("exponent", "crossover"))
    )
    steepest = max(range(len(exponents)), key=lambda at: exponents[at][0] or 0.0)
    (verdict,) = fit.verdict.values()
    return {"points": len(step), "verdict": verdict, "exponents": exponents,
            "crossovers": crossovers,
            "emergence": crossovers[steepest - 1] if steepest else None}  # fmt: skip


def modular_addition(runs: Any) -> dict[str, Any]:
    """Return when training pairs and those that were left out are right."""
    from scalefit.trainers.sequence.learned import learned

    step = runs["step"].values[0]
    fitted, understood = (
        learned(step, runs[name].values, RIGHT) for name in ("train_error", "error")
    )
    return {
        "runs": len(fitted),
        "fitted": [_plain(one) for one in fitted],
        "understood": [_plain(one) for one in understood],
        "not_understood": int(np.isnan(understood).sum()),
        "ratio": _quantiles(understood / fitted),
        "last_error": runs["error"].values[:, -1].round(4).tolist(),
    }


def _line(x: Array, y: Array) -> float:
    seen = np.isfinite(y)
    return float(np.polyfit(x[seen], y[seen], 1)[0])


def _quantiles(values: Array) -> list[float]:
    """Return the median, 5% and 95% point."""
    known = values[np.isfinite(values)]
    return [_plain(one) for one in np.quantile(known, [0.5, 0.05, 0.95])] if known.size else []


def _plain(value: Any) -> float | None:
    """Return a number in four digits, None for what is not reached."""
    return float(f"{value:.4g}") if np.isfinite(value) else None


def main() -> None:
    parser = campaign.options(__doc__, "emergence.json")
    parser.add_argument("--only", choices=TASKS, help="one task; by default all")
    parser.add_argument("--seeds", type=int, help="runs of each task, in place of the file's")
    parser.add_argument("--small", action="store_true", help="a minute, to try the script")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    campaign.one_thread()
    from scalefit import trainers
    from scalefit.trainers.config import read
    from scalefit.workers import processes

    analyses = dict(zip(TASKS, (parity, induction, modular_addition), strict=True))
    result: dict[str, Any] = {"question": "when parts of a task are learned"}
    with processes(options.workers) as executor:
        for task in [options.only] if options.only else TASKS:
            settings = read(Path(__file__).parent / f"{task}.toml")
            settings |= SMALL[task] if options.small else {}
            settings |= {"seeds": options.seeds} if options.seeds else {}
            config = trainers.config("sequence", **settings)
            kept = options.out.with_suffix("")
            runs = trainers.run(config, device="cpu", out=kept, executor=executor)
            result[task] = analyses[task](runs)
            print(task, result[task], flush=True)
    campaign.keep(result, options.out, ("scalefit", "numpy", "scipy", "torch"))


if __name__ == "__main__":
    main()
