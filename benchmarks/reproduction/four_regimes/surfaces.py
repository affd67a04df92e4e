"""Surfaces of random features: the four-regime law and its rivals, and exponents of differences.

Surfaces: 100 of a kind, on a grid of six sizes of data by six of features, a run for each cell with
draws of its own, at its best ridge. Of one kind each run has a target of its own, and losses
scatter by 10% to 20%; of the other they are means over targets, and scatter by 5% at the smallest
sizes and by less than 1% at the largest. alpha is 0.5, 0.75, 1, 1.5 or 2, twenty surfaces each.
The four-regime law, the additive and Kaplan's are fitted to each, without a floor, for there is
none. Asked are the coverage of the two exponents by the 90% intervals of the four-regime law, and
how often evidence prefers it. The truth is alpha; beside it, since exponents at finite sizes are
not the asymptotic ones, stands what the law has if it is fitted to the deterministic equivalent at
the same sizes and modes. At alpha = 1 the four-regime and the additive law are the same function.

Differences: means over 24 draws of what data, or features, cost where the other is 16, over what is
left with infinitely many, L / L_inf, whose excess over 1 falls with an exponent of about 1:

difference   L / L_inf - 1 is fitted by a power alone
known        L / L_inf above the floor 1, as theory or the population gives it
large run    L / L_1024 above a floor that the largest run gives: 1, within 2%
parameter    L / L_inf above a floor that is a parameter

Each is compared with the exponent that the same law has on the exact values at the same sizes.

    python benchmarks/reproduction/four_regimes/surfaces.py --curves 100 --workers 1
"""

from __future__ import annotations

import math
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign
from reproduction.families.random_features import DRAWS, draws

Array = NDArray[np.float64]
Row = dict[str, Any]

ALPHAS = (0.5, 0.75, 1.0, 1.5, 2.0)
EQUAL = 1.0  # where the four-regime and the additive law are the same function
SIZES, MODES = (24, 42, 73, 127, 221, 384), 10_000
LAWS = ("four_regime", "additive", "kaplan")
SURFACES = {"one target": False, "mean over targets": True}
SWEPT = ("data", "features")
WAYS = ("difference", "known", "large run", "parameter")
PART = 1000  # indices of one kind
FEW = 5  # surfaces to a set of draws for differences


def surface(index: int, averaged: bool) -> tuple[float, Array, Array]:
    """Return alpha, predictors (cell, 2), features first, and losses of single runs."""
    from scalefit import trainers

    alpha, losses = ALPHAS[index % len(ALPHAS)], []
    cells = np.array([(P, D) for P in SIZES for D in SIZES], dtype=float)
    for at, (P, D) in enumerate(cells):
        config = trainers.config(
            "random_features", exponent=alpha, modes=MODES, tuned=True, averaged=averaged,
            n_params=int(P), n_train=int(D), seeds=[index * len(cells) + at],
        )  # fmt: skip
        runs = trainers.run(config, device="cpu", seed=6, progress=False)
        losses.append(float(runs["test_loss"][0, 0]))
    return alpha, cells, np.array(losses)


@cache
def at_these_sizes(alpha: float) -> tuple[float, float]:
    """Return the exponents of the four-regime law on the deterministic equivalent."""
    from scipy.optimize import least_squares

    from scalefit.laws import FourRegime
    from scalefit.trainers.random_features import theory as known

    P, D = np.array([(P, D) for P in SIZES for D in SIZES], dtype=float).T
    loss = known.best_ridge(known.power_law(MODES, alpha), D, P).test_loss
    law, x = FourRegime(floor=False), np.stack([P, D], axis=1)

    def apart(logs: Array) -> Array:
        params = {"exponent": np.exp(logs[None, :2]), "scale": np.exp(logs[None, 2:])}
        return np.asarray(law.log_mean(params, x)[0] - np.log(loss))

    found = np.exp(least_squares(apart, np.array([0.0, 0.0, 1.0, 1.0])).x[:2])
    return float(found[0]), float(found[1])


def fitted(index: int, kind: str) -> Row:
    """Return the fits of one surface."""
    import pandas as pd

    import scalefit as sf

    started = time.process_time()
    alpha, x, y = surface(index, SURFACES[kind])
    made = time.process_time() - started
    frame = pd.DataFrame({"n_params": x[:, 0], "n_train": x[:, 1], "loss": y})
    fits = {}
    for name in LAWS:
        law = {"four_regime": sf.laws.FourRegime, "additive": sf.laws.Additive,
               "kaplan": sf.laws.Kaplan}[name](floor=False)  # fmt: skip
        named: Row = {"x": ("n_params", "n_train"), "y": "loss", "law": law}
        fits[name] = sf.fit(frame, **named, progress=False)
    table = sf.weigh(fits).iloc[0]
    told = fits["four_regime"].summary()
    quantiles = told.loc[told["parameter"] == "exponent", ["low", "median", "high"]].to_numpy()
    return {
        "kind": kind, "alpha": alpha, "here": at_these_sizes(alpha),
        "exponents": quantiles.tolist(),
        "probability": {name: float(table["probability", name]) for name in LAWS},
        "log_evidence": {name: float(table["log_evidence", name]) for name in LAWS},
        "verdicts": {name: next(iter(fit.verdict.values())).partition(":")[0]
                     for name, fit in fits.items()},
        "made_s": made, "cpu_s": time.process_time() - started - made,
    }  # fmt: skip


def power(sizes: Array, values: Array, floor: bool | float) -> float:
    """Return the exponent of a power law that is fitted to exact values, in log y."""
    from scipy.optimize import least_squares

    def apart(v: Array) -> Array:
        above = math.exp(v[0]) * (sizes / sizes[0]) ** -v[1]
        under = math.exp(v[2]) if floor is True else float(floor)
        return np.asarray(np.log(above + under) - np.log(values))

    start = [math.log(values[0] - 0.99 * values[-1]), 1.0, math.log(0.99 * values[-1])]
    if floor is False:
        start = [math.log(values[0]), 1.0, 0.0]
    return float(least_squares(apart, np.array(start), xtol=1e-15, ftol=1e-15).x[1])


def differences(index: int) -> Row:
    """Return the exponents of one set of draws, found in several ways."""
    import pandas as pd

    import scalefit as sf
    from scalefit.laws.priors import LogNormal

    first, place = divmod(index, len(SWEPT))
    listed, excess, known = draws(1.0, SWEPT[place], "variance", first=first)
    sizes, found = np.array(listed, dtype=float), {}
    for way in WAYS:
        drawn, exact = 1 + excess, 1 + known
        options: Row = {"floor": {"difference": False, "known": 1.0}.get(way, True)}
        truth_floor: bool | float = options["floor"]
        if way == "difference":
            drawn, exact = excess, known
        if way == "large run":
            drawn, exact = drawn[:-1] / drawn[-1], exact[:-1] / exact[-1]
            options["priors"] = {"floor": LogNormal(1.0, 0.02)}
        frame = pd.DataFrame({"size": sizes[: len(drawn)], "loss": drawn.mean(1),
                              "error": drawn.std(1, ddof=1) / math.sqrt(DRAWS)})  # fmt: skip
        fit = sf.fit(frame, x="size", y="loss", y_err="error", regimes=1, progress=False,
                     **options)  # fmt: skip
        low, median, high = np.quantile(fit.exponents.values, [0.05, 0.5, 0.95])
        found[way] = {
            "low": float(low), "median": float(median), "high": float(high),
            "exact": power(sizes[: len(exact)], exact, truth_floor),
            "verdict": next(iter(fit.verdict.values())).partition(":")[0],
        }  # fmt: skip
    return {"what": SWEPT[place], "ways": found}


def one(index: int) -> Row:
    """Return a surface, or a set of draws for differences."""
    campaign.warm()
    kind, place = divmod(index, PART)
    if kind < len(SURFACES):
        return {"index": index, **fitted(place, list(SURFACES)[kind])}
    return {"index": index, "kind": "differences", **differences(place)}


def share(held: list[bool]) -> list[float]:
    """Return a share with its standard error."""
    p = float(np.mean(held))
    return [round(p, 3), round(math.sqrt(p * (1 - p) / len(held)), 3)]


def summary(rows: list[Row]) -> Row:
    """Return coverage and preference over surfaces."""
    quantiles = np.array([row["exponents"] for row in rows])
    names = ("features", "data")
    found: Row = {"n": len(rows)}
    for key in ("alpha", "here"):
        truth = np.array([np.broadcast_to(row[key], 2) for row in rows])
        held = (quantiles[..., 0] < truth) & (truth < quantiles[..., 2])
        found[f"90% of {key}"] = {name: share(held[:, i].tolist()) for i, name in enumerate(names)}
        off = (quantiles[..., 1] - truth).mean(0)
        found[f"off {key}"] = {name: round(float(off[i]), 4) for i, name in enumerate(names)}
    found["scatter"] = [round(float(one), 4) for one in
                        (quantiles[..., 1] - [row["here"] for row in rows]).std(0)]  # fmt: skip
    for rival in LAWS[1:]:
        nats = np.array([r["log_evidence"]["four_regime"] - r["log_evidence"][rival] for r in rows])
        found[f"over {rival}"] = {"share": share((nats > 0).tolist()),
                                  "nats": round(float(np.median(nats)), 2)}  # fmt: skip
    found["first of all"] = share(
        [max(row["probability"], key=row["probability"].get) == "four_regime" for row in rows]
    )
    found["ok"] = {name: sum(row["verdicts"][name] == "ok" for row in rows) for name in LAWS}
    found["cpu_s"] = [round(float(np.mean([row[key] for row in rows])), 1)
                      for key in ("made_s", "cpu_s")]  # fmt: skip
    return found


def of_ways(rows: list[Row]) -> Row:
    """Return by way how often the interval holds the exponent of the exact values."""
    table = {}
    for way in WAYS:
        ways = [row["ways"][way] for row in rows]
        median = np.array([one["median"] for one in ways])
        table[way] = {
            "90%": share([one["low"] < one["exact"] < one["high"] for one in ways]),
            "exact": round(ways[0]["exact"], 4), "median": round(float(median.mean()), 4),
            "scatter": round(float(median.std()), 4),
            "width": round(float(np.mean([one["high"] - one["low"] for one in ways])), 4),
            "ok": sum(one["verdict"] == "ok" for one in ways), "n": len(ways),
        }  # fmt: skip
    return table


def main() -> None:
    parser = campaign.arguments(__doc__ or "", "four_regimes_surfaces.json", 100)
    options = parser.parse_args()
    curves, last = range(options.curves), len(SURFACES)
    wanted = [kind * PART + i for kind in range(last) for i in curves]
    wanted += [last * PART + i for i in range(max(options.curves // FEW, len(SWEPT)))]
    rows = campaign.run(one, wanted, options.out, options.workers)
    result: Row = {
        "question": "does the four-regime law describe surfaces of random features, by evidence",
        "sizes": SIZES, "modes": MODES,
        "differences": of_ways([row for row in rows if row["kind"] == "differences"]),
    }  # fmt: skip
    for kind in SURFACES:
        those = [row for row in rows if row["kind"] == kind]
        groups: dict[str, list[Row]] = {"all": those}
        groups["unlike additive"] = [row for row in those if row["alpha"] != EQUAL]
        groups |= {f"{alpha:g}": [r for r in those if r["alpha"] == alpha] for alpha in ALPHAS}
        result[kind] = {name: summary(group) for name, group in groups.items() if group}
        campaign.show({f"{kind}, {name}": found for name, found in result[kind].items()})
    campaign.show(result["differences"])
    campaign.keep(result, options.out, ("scalefit", "numpy", "scipy", "torch"))


if __name__ == "__main__":
    main()
