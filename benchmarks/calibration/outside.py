"""Coverage of forecasts where the truth is no member of the family.

Four truths of known form, 60 points over five decades, independent noise of 1% of y:

    approach   x^-a (1 + b exp(-x / t)): an exponential approach to a slow power law
    ripple     x^-a (1 + b sin(w log x + p)): a power law that oscillates in log x by 2 to 8%
    decay      e + (1 - d s(x)) x^-a: a power law above a floor whose excess falls by 10 to 40%,
               linearly in x, over the last 40% of the run, and stays there
    three      the sum of three power laws of different exponents

All regimes 1 to 4 with and without floor are fitted, with normal and with AR(1) noise. Predictions
are averages over all of them, for the curve and for a new point at 2x and 10x beyond the data, with
no further crossovers (hazard 0) and with one per decade (hazard 1). At the last x, exponents
averaged over all models are held against the truth's own, which the decay has none of: the end
exponent, whose floor is removed, and the end slope, with the floor left in. Each noise and their
average, weighed by evidence, is reported; standard errors are binomial over curves.

Normal and AR(1) ensembles are explored one after the other, so that either has its own
certificates, and joined for the average.

    python benchmarks/calibration/outside.py --curves 160
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
import sbc

from scalefit.arrays import Array

if TYPE_CHECKING:
    from scalefit.laws.noise import Kind


AHEAD = (2.0, 10.0)
HAZARDS = (0.0, 1.0)
KINDS: tuple[Kind, ...] = ("normal", "ar1")
NOISE = 0.01
LAST = 1e5
DRAWS = 2000
SEED = 2030


def approach(rng: np.random.Generator) -> Callable[[Array], Array]:
    """Return log y of an exponential approach to a slow power law."""
    exponent, height = rng.uniform(0.05, 0.2), rng.uniform(1.0, 5.0)
    scale = 10.0 ** rng.uniform(1.0, 3.5)
    return lambda x: -exponent * np.log(x) + np.log1p(height * np.exp(-x / scale))


def ripple(rng: np.random.Generator) -> Callable[[Array], Array]:
    """Return log y of a power law that oscillates in log x."""
    exponent, height = rng.uniform(0.1, 0.5), rng.uniform(0.02, 0.08)
    period, phase = rng.uniform(0.8, 2.5) * math.log(10.0), rng.uniform(0.0, 2.0 * math.pi)

    def log_y(x: Array) -> Array:
        turned = np.sin(2.0 * math.pi * np.log(x) / period + phase)
        return np.asarray(-exponent * np.log(x) + np.log1p(height * turned))

    return log_y


def decay(rng: np.random.Generator) -> Callable[[Array], Array]:
    """Return log y of a power law above a floor, with a learning-rate decay at the end."""
    exponent, drop = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.4)
    floor = LAST**-exponent * rng.uniform(0.2, 1.0)

    def log_y(x: Array) -> Array:
        share = np.clip((x / LAST - 0.6) / 0.4, 0.0, 1.0)
        return np.asarray(np.log(floor + (1.0 - drop * share) * x**-exponent))

    return log_y


def three(rng: np.random.Generator) -> Callable[[Array], Array]:
    """Return log y of the sum of three power laws, which hand over inside the data."""
    exponents = np.array([rng.uniform(low, high) for low, high in ((0.8, 1.5), (0.3, 0.6))])
    exponents = np.append(exponents, rng.uniform(0.02, 0.2))
    where = np.log(10.0) * np.array([rng.uniform(0.8, 2.0), rng.uniform(2.8, 4.0)])
    level = np.append(0.0, np.cumsum(np.diff(exponents) * where))

    def log_y(x: Array) -> Array:
        return np.asarray(np.logaddexp.reduce(level - exponents * np.log(x)[..., None], axis=-1))

    return log_y


TRUTHS = {"approach": approach, "ripple": ripple, "decay": decay, "three": three}
SMOOTH = ("approach", "ripple", "three")  # truths with an exponent at the last x


def one_curve(index: int) -> dict[str, Any]:
    """Return ranks of the truth and widths of 95% intervals, by noise and quantity."""
    from scalefit.forecast.futures import log_curve
    from scalefit.forecast.noise import conditional
    from scalefit.inference.ensemble import Ensemble, explore
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw
    from scalefit.laws.noise import Noise

    name = list(TRUTHS)[index % len(TRUTHS)]
    rng = np.random.default_rng([SEED, index])
    truth = TRUTHS[name](rng)
    x = np.logspace(0.0, math.log10(LAST), sbc.POINTS)
    log_y = truth(x) + NOISE * rng.standard_normal(x.size)
    at = LAST * np.array(AHEAD)
    curve = truth(at)
    true = {"curve": curve, "point": curve + NOISE * rng.standard_normal(at.size)}
    step = 1e-4
    end = -float(truth(np.array([LAST]))[0] - truth(np.array([LAST * math.exp(-step)]))[0]) / step
    started = time.process_time()
    found: dict[str, Ensemble] = {}
    for kind in KINDS:
        problems = [
            Problem(BrokenPowerLaw(n, floor), x, np.exp(log_y), Noise(kind))
            for n in (1, 2, 3, 4)
            for floor in (False, True)
        ]
        found[kind] = explore(problems, rng)
    found["auto"] = Ensemble(tuple(one for kind in KINDS for one in found[kind].members))
    ranks: dict[str, dict[str, float]] = {}
    widths: dict[str, dict[str, float]] = {}
    for likelihood, ensemble in found.items():
        drawn: dict[str, Array] = {}
        ahead: dict[str, float] = {}
        averaged = ensemble.draw(DRAWS, rng)
        law = BrokenPowerLaw(averaged["exponent"].shape[1])
        past = law.log_curve(averaged, x)
        exact = np.zeros(x.size)
        mean, sd = conditional(Noise("ar1"), averaged, x, at, log_y - past, exact)
        for hazard in HAZARDS:
            future = log_curve(law, averaged, at, last=LAST, hazard=hazard, rng=rng)
            seen = future + mean + sd * rng.standard_normal(sd.shape)
            for what, values in (("curve", future), ("point", seen)):
                for k, factor in enumerate(AHEAD):
                    label = f"{what}_{factor:g}x_hazard{hazard:g}"
                    drawn[label], ahead[label] = values[:, k], true[what][k]
        if name in SMOOTH:
            for label, floor in (("end_exponent", False), ("end_slope", True)):
                drawn[label] = law.local_exponent(averaged, x[-1:], floor=floor)[:, 0]
                ahead[label] = end
        ranks[likelihood] = {label: float(np.mean(drawn[label] < ahead[label])) for label in drawn}
        widths[likelihood] = {
            label: float(np.diff(np.quantile(drawn[label], (0.025, 0.975)))[0]) for label in drawn
        }
    probability = found["auto"].probability
    return {
        "index": index,
        "truth": name,
        "probability_ar1": float(probability[len(probability) // 2 :].sum()),
        "mean_regimes": {
            kind: float(one.probability @ np.array([m.regimes for m in one.members]))
            for kind, one in found.items()
        },
        "verdict": {kind: found[kind].verdict for kind in KINDS},
        "ranks": ranks,
        "widths": widths,
        "cpu_s": time.process_time() - started,
    }


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage and median widths of a group of curves, by noise and quantity."""
    by_noise: dict[str, Any] = {}
    for kind in (*KINDS, "auto"):
        of_kind = [{"ranks": row["ranks"][kind]} for row in rows]
        labels = [name for name in rows[0]["ranks"][kind] if name in rows[-1]["ranks"][kind]]
        by_noise[kind] = {
            label: {
                **{k: v for k, v in sbc.covered(of_kind, [label]).items() if k != "50%"},
                "median_width_95": round(
                    float(np.median([row["widths"][kind][label] for row in rows])), 4
                ),
            }
            for label in labels
        }
        regimes = [row["mean_regimes"][kind] for row in rows]
        by_noise[kind]["mean_regimes"] = round(float(np.mean(regimes)), 2)
    return {
        "curves": len(rows),
        "mean_probability_ar1": round(float(np.mean([r["probability_ar1"] for r in rows])), 4),
        "verdict_ok": {
            kind: round(float(np.mean([row["verdict"][kind] == "ok" for row in rows])), 4)
            for kind in KINDS
        },
        "noise": by_noise,
        "cpu_s_mean_median_95": campaign.seconds(rows),
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "outside.json", 40 * len(TRUTHS))
    chosen = parser.parse_args()
    rows = campaign.run(one_curve, range(chosen.curves), chosen.out, chosen.workers)
    result: dict[str, Any] = {
        "question": "coverage of forecasts of curves that no fitted law describes exactly",
        "points": sbc.POINTS,
        "noise": NOISE,
        "hazards_per_decade": HAZARDS,
        "seed": SEED,
        "truths": campaign.tables(table, rows, "truth", {name: name for name in TRUTHS}),
    }
    campaign.keep(result, chosen.out)
    for name, found in result["truths"].items():
        print(f"{name} ({found['curves']} curves), P(AR(1)) {found['mean_probability_ar1']};")
        heads = "".join(f"{kind:>20}" for kind in found["noise"])
        print(f"  {'90% 95% (width)':20s}{heads}")
        for label in found["noise"]["auto"]:
            cells = [by_label[label] for by_label in found["noise"].values()]
            if label != "mean_regimes":
                cells = [
                    f"{one['90%'][0]:.2f} {one['95%'][0]:.2f} ({one['median_width_95']:.3g})"
                    for one in cells
                ]
            print(f"  {label:20s}" + "".join(f"{cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
