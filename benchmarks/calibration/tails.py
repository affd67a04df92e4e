"""Coverage of exponent and cut-off of power-law tails, over bulks of several kinds.

Samples have 50 to 5,000 values, log-uniform. Above a cut-off of 1 they follow a power law whose
density has an exponent from 1.7 to 4; the tail has a tenth to six tenths of the values, and at
least 12. Below the cut-off lies one of the following:

- none: nothing, the whole sample is the tail;
- jump: a uniform density on (0.2, 1), so that the density jumps and bends at the cut-off;
- hump: a log-normal one about 0.37, cut off at 1;
- gap: the upper half of a semicircle up to 0.65, like the bulk of a spectrum, and then a gap;
- smooth: exp(-exponent x) with the tail's value and slope at 1, as in the test of Clauset, Shalizi
  and Newman (2009, eq. 3.10); the share of the tail follows from that;
- corner: another power law, shallower by 1 to 3, without a jump.

Reported for each, and in all, with standard errors: how often 90% intervals hold exponent and
cut-off; bias and spread of medians, the mean probability of a power law, and how often the verdict
is ok. A further set of samples with no power-law tail, log-normal and exponential as a whole, tells
how often that is noticed. Beside it stand the point estimates of the package powerlaw, where that
can be imported.

    python benchmarks/calibration/tails.py --curves 600
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

from scalefit.arrays import Array

SEED = 2051
KINDS = ("none", "jump", "hump", "gap", "smooth", "corner")
OTHERS = ("log-normal", "exponential")
OTHER_SHARE = 6
"""Of so many samples one has no power-law tail."""
FEWEST = 12


def _jump(rng: np.random.Generator, n: int, exponent: float) -> Array:
    return rng.uniform(0.2, 1.0, n)


def _hump(rng: np.random.Generator, n: int, exponent: float) -> Array:
    from scipy.special import ndtr, ndtri

    return np.exp(-1.0 + 0.5 * ndtri(rng.random(n) * ndtr(2.0)))


def _gap(rng: np.random.Generator, n: int, exponent: float) -> Array:
    return 0.65 * np.abs(2.0 * rng.beta(1.5, 1.5, n) - 1.0)


def _smooth(rng: np.random.Generator, n: int, exponent: float) -> Array:
    return -np.log1p(-rng.random(n) * -np.expm1(-exponent)) / exponent


def _corner(rng: np.random.Generator, n: int, exponent: float) -> Array:
    # On (0.05, 1), with a density x^(change - exponent).
    power = _change(exponent) - exponent + 1.0
    low = 0.05**power
    return np.asarray((low + rng.random(n) * (1.0 - low)) ** (1.0 / power))


def _change(exponent: float) -> float:
    """Return by how much the slope changes at a corner: 1 to 3, steeper tails by more."""
    return 1.03 + 0.87 * (exponent - 1.7)


def _share(kind: str, exponent: float) -> float | None:
    """Return the tail's share where the density goes on without a jump; None where it is free."""
    if kind == "smooth":
        below = np.expm1(exponent) / exponent
    elif kind == "corner":
        power = _change(exponent) - exponent + 1.0
        below = (1.0 - 0.05**power) / power
    else:
        return 1.0 if kind == "none" else None
    above = 1.0 / (exponent - 1.0)
    return float(above / (above + below))


BODIES: dict[str, Callable[[np.random.Generator, int, float], Array]] = {
    "jump": _jump,
    "hump": _hump,
    "gap": _gap,
    "smooth": _smooth,
    "corner": _corner,
}


def sample(index: int) -> tuple[str, float, Array]:
    """Return the kind of a sample, its exponent (NaN if it has none), and its values."""
    rng = np.random.default_rng([SEED, index])
    n = round(float(np.exp(rng.uniform(np.log(50.0), np.log(5000.0)))))
    exponent, share = rng.uniform(1.7, 4.0), rng.uniform(0.1, 0.6)
    if index % OTHER_SHARE == OTHER_SHARE - 1:
        kind = OTHERS[index // OTHER_SHARE % len(OTHERS)]
        normal = np.exp(rng.uniform(0.3, 1.0) * rng.standard_normal(n))
        return kind, np.nan, normal if kind == "log-normal" else rng.exponential(size=n)
    kind = KINDS[(index - index // OTHER_SHARE) % len(KINDS)]
    known = _share(kind, exponent)
    k = n if known == 1.0 else int(rng.binomial(n, share if known is None else known))
    k = max(k, FEWEST)
    tail = rng.pareto(exponent - 1.0, k) + 1.0
    body = BODIES[kind](rng, max(n - k, 0), exponent) if kind != "none" else np.zeros(0)
    return kind, float(exponent), np.concatenate([body, tail])


def one_sample(index: int) -> dict[str, Any]:
    """Return whether the intervals of one sample hold, and what powerlaw says of it."""
    import scalefit as sf

    kind, exponent, values = sample(index)
    started = time.process_time()
    found = sf.tail(values, seed=index)
    spent = time.process_time() - started
    own = found.draws[found.draws["tail"] == "power law"]
    return {
        "index": index,
        "kind": kind,
        "n": values.size,
        "exponent": exponent,
        "ranks": {
            "exponent": float((own["exponent"] < exponent).mean()),
            "cutoff": float((own["cutoff"] < 1.0).mean()),
        },
        "median": {name: float(own[name].median()) for name in ("exponent", "cutoff")},
        "width": {
            name: float(np.diff(np.log(own[name].quantile([0.05, 0.95])))[0])
            for name in ("exponent", "cutoff")
        },
        "probabilities": found.probabilities.to_dict(),
        "verdict": found.verdict,
        "powerlaw": _powerlaw(values),
        "cpu_s": spent,
    }


def _powerlaw(values: Array) -> dict[str, float] | None:
    """Return exponent and cut-off as the package powerlaw estimates them."""
    if find_spec("powerlaw") is None:
        return None
    import powerlaw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = powerlaw.Fit(values, verbose=False)
        return {"exponent": float(fit.power_law.alpha), "cutoff": float(fit.power_law.xmin)}


def covered(rows: list[dict[str, Any]], name: str) -> list[float]:
    """Return how often 90% intervals hold, and the standard error of that."""
    held = [0.05 <= row["ranks"][name] <= 0.95 for row in rows]
    p = float(np.mean(held))
    return [round(p, 3), round(float(np.sqrt(p * (1.0 - p) / len(held))), 3)]


def off(found: list[float], true: list[float]) -> list[float]:
    """Return mean and standard deviation of the log of found over true."""
    log = np.log(np.array(found) / np.array(true))
    return [round(float(log.mean()), 3), round(float(log.std()), 3)]


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage, errors and verdicts of some samples with a power-law tail."""
    beside = [row for row in rows if row["powerlaw"]]
    alphas = [row["exponent"] for row in beside]
    return {
        "samples": len(rows),
        "90%": {name: covered(rows, name) for name in ("exponent", "cutoff")},
        "median width": {
            name: round(float(np.median([row["width"][name] for row in rows])), 3)
            for name in ("exponent", "cutoff")
        },
        "off": {
            "exponent": off(
                [row["median"]["exponent"] - 1.0 for row in rows],
                [row["exponent"] - 1.0 for row in rows],
            ),
            "cutoff": off([row["median"]["cutoff"] for row in rows], [1.0] * len(rows)),
        },
        "probability of a power law": round(
            float(np.mean([row["probabilities"]["power law"] for row in rows])), 3
        ),
        "verdict ok": round(float(np.mean([row["verdict"] == "ok" for row in rows])), 3),
        **(
            {
                "beside powerlaw": {
                    "samples": len(beside),
                    "off": {
                        "exponent": off(
                            [row["median"]["exponent"] - 1.0 for row in beside],
                            [alpha - 1.0 for alpha in alphas],
                        ),
                        "cutoff": off(
                            [row["median"]["cutoff"] for row in beside], [1.0] * len(beside)
                        ),
                    },
                    "off, powerlaw": {
                        "exponent": off(
                            [row["powerlaw"]["exponent"] - 1.0 for row in beside],
                            [alpha - 1.0 for alpha in alphas],
                        ),
                        "cutoff": off(
                            [row["powerlaw"]["cutoff"] for row in beside], [1.0] * len(beside)
                        ),
                    },
                }
            }
            if beside
            else {}
        ),
    }


def otherwise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is said of samples that have no power-law tail."""
    names = list(rows[0]["probabilities"])
    return {
        "samples": len(rows),
        "doubtful": round(float(np.mean([row["verdict"] != "ok" for row in rows])), 3),
        "mean probabilities": {
            name: round(float(np.mean([row["probabilities"][name] for row in rows])), 3)
            for name in names
        },
    }


def main() -> None:
    """Run the campaign and keep its result."""
    parser = campaign.arguments(__doc__ or "", "tails.json", 600)
    chosen = parser.parse_args()
    rows = campaign.run(one_sample, range(chosen.curves), chosen.out, chosen.workers)
    tailed = [row for row in rows if row["kind"] in KINDS]
    sizes = {"50 to 200": (0, 200), "200 to 1,000": (200, 1000), "1,000 to 5,000": (1000, 10**6)}
    result = {
        "question": "do 90% intervals of exponent and cut-off of a power-law tail hold",
        "seed": SEED,
        "all": table(tailed),
        "by bulk": campaign.tables(table, rows, "kind", {one: one for one in KINDS}),
        "by size": {
            name: table([row for row in tailed if low < row["n"] <= high])
            for name, (low, high) in sizes.items()
            if any(low < row["n"] <= high for row in tailed)
        },
        "no power law": campaign.tables(otherwise, rows, "kind", {one: one for one in OTHERS}),
        "cpu_s": campaign.seconds(rows),
    }
    campaign.keep(result, chosen.out)
    print(result["all"])
    campaign.show(result["by bulk"])
    campaign.show(result["by size"])
    campaign.show(result["no power law"])


if __name__ == "__main__":
    main()
