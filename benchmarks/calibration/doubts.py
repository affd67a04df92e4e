"""Doubts of the verdict: how often it doubts a curve that follows the law, and what it finds.

False alarms: curves drawn from the printed priors, 1 to 4 regimes with and without floor, normal
and AR(1) noise, 12, 24 or 60 points evenly spaced in log x or 100 evenly spaced in x; and the 92
public curves of the extrapolation benchmark where `SCALEFIT_DATA` has them. Power: simulated files
of every kind of fault that the verdict knows, each with numbers of its own. All by the preview
unless told otherwise; the share of curves that were doubted, and why, is counted.

    python benchmarks/calibration/doubts.py --curves 2000
    python benchmarks/calibration/doubts.py --curves 100 --method auto --out trial.json
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "extrapolation"))
import campaign

from scalefit.arrays import Array

SEED = 2041
GRIDS = ("12", "24", "60", "100 linear")
EACH = 25
"""Files of every kind of fault."""


def from_priors(index: int) -> pd.DataFrame:
    """Return a curve drawn from the printed priors of one of 16 models on one of four grids."""
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw, Window
    from scalefit.laws.noise import Noise

    rng = np.random.default_rng([SEED, index])
    model, grid = index % 16, (index // 16) % 4
    law = BrokenPowerLaw(1 + model % 4, bool(model // 4 % 2))
    noise = Noise(("normal", "ar1")[model // 8])  # type: ignore[arg-type]
    x = np.linspace(1e3, 1e5, 100) if grid == 3 else np.logspace(0, 5, (12, 24, 60)[grid])
    priors = {**law.priors(Window(float(x[0]), float(x[-1]), 1.0)), **noise.priors()}
    prior = Problem(law, x, np.ones(x.size), noise, given=priors)
    truth = prior.natural(rng.standard_normal((1, prior.dimension)))
    deviation = rng.standard_normal(x.size)
    if noise.kind == "ar1":
        gap = noise.gaps(x)
        for i in range(1, x.size):
            carry = float(truth["autocorrelation"][0]) ** gap[i]
            deviation[i] = carry * deviation[i - 1] + np.sqrt(1.0 - carry**2) * deviation[i]
    log_y = np.asarray(law.log_mean(truth, x))[0] + truth["noise"][0] * deviation
    return pd.DataFrame({"step": x, "loss": np.exp(log_y)})


def curve(rng: np.random.Generator, x: Array, noise: float | None = None) -> Array:
    """Return the loss of a run of one exponent and a floor."""
    exponent, floor = rng.uniform(0.2, 0.7), rng.uniform(0.5, 2.5)
    size = rng.uniform(0.003, 0.02) if noise is None else noise
    law = floor + rng.uniform(3.0, 12.0) * x**-exponent
    return np.asarray(law * np.exp(size * rng.standard_normal(x.size)))


def steps(rng: np.random.Generator) -> Array:
    """Return the steps at which a run logs."""
    return np.arange(1.0, rng.integers(40, 160)) * rng.choice([10.0, 50.0, 100.0])


def several_models(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    names = [f"model {i}" for i in range(rng.integers(2, 5))]
    parts = [pd.DataFrame({"step": x, "loss": curve(rng, x), "model": name}) for name in names]
    return pd.concat(parts, ignore_index=True)


def several_sizes(rng: np.random.Generator) -> pd.DataFrame:
    x = np.geomspace(1e8, 1e10, rng.integers(5, 12))
    sizes = 1e7 * 4.0 ** np.arange(rng.integers(3, 6))
    a, b = rng.uniform(0.2, 0.4, 2)
    parts = []
    for size in sizes:
        loss = 1.7 + 400.0 * size**-a + 400.0 * x**-b
        loss = loss * np.exp(0.003 * rng.standard_normal(x.size))
        parts.append(pd.DataFrame({"step": x, "loss": loss, "n_params": size}))
    return pd.concat(parts, ignore_index=True)


def unnamed_models(rng: np.random.Generator) -> pd.DataFrame:
    return several_models(rng).drop(columns="model")


def shuffled_models(rng: np.random.Generator) -> pd.DataFrame:
    return unnamed_models(rng).sample(frac=1.0, random_state=rng).reset_index(drop=True)


def restarted_counter(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    cut = int(rng.uniform(0.3, 0.7) * x.size)
    again = np.where(np.arange(x.size) < cut, x, x - x[cut - 1])
    return pd.DataFrame({"step": again, "loss": curve(rng, x, 0.004)})


def resumed_run(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    stop = int(rng.uniform(0.6, 0.9) * x.size)
    back = stop - int(rng.integers(5, 9))
    whole = np.concatenate([x[:stop], x[back:]])
    return pd.DataFrame({"step": whole, "loss": curve(rng, whole)})


def cliff(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    where = x > x[0] * (x[-1] / x[0]) ** rng.uniform(0.4, 0.8)
    fallen = rng.choice([1e-3, 1e-6, 1e3])
    return pd.DataFrame({"step": x, "loss": curve(rng, x) * np.where(where, fallen, 1.0)})


def late_decay(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    since = rng.uniform(0.78, 0.9) * x[-1]
    share = np.clip((x - since) / (x[-1] - since), 0.0, 1.0)
    loss = curve(rng, x, 0.002) * np.exp(-rng.uniform(0.03, 0.08) * share)
    return pd.DataFrame({"step": x, "loss": loss, "lr": 3e-4 * (1.0 - 0.95 * share)})


def spikes(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    loss = curve(rng, x)
    at = rng.choice(x.size, max(2, x.size // 16), replace=False)
    loss[at] *= rng.uniform(1.3, 3.0, at.size)
    return pd.DataFrame({"step": x, "loss": loss})


def one_wild_value(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    loss = curve(rng, x)
    loss[rng.integers(x.size)] *= rng.choice([1e-3, 1e2, 1e6, 1e12])
    return pd.DataFrame({"step": x, "loss": loss})


def noise_alone(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    return pd.DataFrame({"step": x, "loss": np.exp(rng.standard_normal(x.size))})


def random_walk(rng: np.random.Generator) -> pd.DataFrame:
    x = steps(rng)
    return pd.DataFrame({"step": x, "loss": np.exp(np.cumsum(0.3 * rng.standard_normal(x.size)))})


FAULTS: tuple[Callable[[np.random.Generator], pd.DataFrame], ...] = (
    several_models,
    several_sizes,
    unnamed_models,
    shuffled_models,
    restarted_counter,
    resumed_run,
    cliff,
    late_decay,
    spikes,
    one_wild_value,
    noise_alone,
    random_walk,
)


def judged(table: pd.DataFrame, method: str) -> dict[str, Any]:
    """Return the verdict on a file of one curve, and what was noted."""
    import scalefit as sf

    started = time.process_time()
    fit = sf.fit(table, x="step", y="loss", method=method, draws=500, progress=False)
    (run,) = fit.runs
    return {
        "verdict": fit.verdict[run],
        "notes": fit.notes[run],
        "cpu_s": time.process_time() - started,
    }


def one_curve(index: int, curves: int, method: str) -> dict[str, Any]:
    """Return the verdict on a curve of the priors, then on a file of some fault, then public."""
    group, place = "priors", index
    if index < curves:
        table = from_priors(index)
    elif index < curves + EACH * len(FAULTS):
        fault = FAULTS[(index - curves) // EACH]
        group, place = fault.__name__.replace("_", " "), (index - curves) % EACH
        table = fault(np.random.default_rng([SEED, FAULTS.index(fault), place]))
    else:
        task = public()[index - curves - EACH * len(FAULTS)]
        group, table = "public", pd.DataFrame({"step": task.x_train, "loss": task.y_train})
    return {"index": index, "group": group, **judged(table, method)}


@cache
def public() -> list[Any]:
    """Return the public curves; none without `SCALEFIT_DATA`."""
    from tasks import read

    return read() if os.environ.get("SCALEFIT_DATA") else []


def counted(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many curves were doubted, and by what words."""
    doubted = [row for row in rows if row["verdict"].startswith("doubtful")]
    share = len(doubted) / len(rows)
    return {
        "curves": len(rows),
        "doubtful": len(doubted),
        "share": [round(share, 4), round(float(np.sqrt(share * (1 - share) / len(rows))), 4)],
        "unreliable": sum(row["verdict"].startswith("unreliable") for row in rows),
        "reasons": dict(Counter(" ".join(row["verdict"].split()[1:6]) for row in doubted)),
        "doubted": [row["index"] for row in doubted] if share < 0.1 else [],
        "cpu_s_mean_median_95": campaign.seconds(rows),
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "doubts.json", 2000)
    parser.add_argument("--method", default="point")
    parser.add_argument("--faults", type=int, default=len(FAULTS), help="kinds of fault to try")
    chosen = parser.parse_args()
    wanted = chosen.curves + EACH * chosen.faults
    more = len(public()) if chosen.faults == len(FAULTS) else 0
    one = partial(one_curve, curves=chosen.curves, method=chosen.method)
    rows = campaign.run(one, range(wanted + more), chosen.out, chosen.workers)
    groups = dict.fromkeys(row["group"] for row in rows)
    result: dict[str, Any] = {
        "question": "does the verdict doubt good curves, and does it find faults",
        "seed": SEED,
        "method": chosen.method,
        "groups": {
            group: counted([row for row in rows if row["group"] == group]) for group in groups
        },
    }
    campaign.keep(result, chosen.out)
    for group, found in result["groups"].items():
        print(f"{group:18} {found['doubtful']:4} of {found['curves']:4}  {found['reasons']}")


if __name__ == "__main__":
    main()
