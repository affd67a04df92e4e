"""Exponents of simulated committee machines, fitted, against the derived ones.

linear      K = M = 1, every direction its own eigenvalue: the loss falls as
            time^(-beta / (1 + beta)), less a constant.
specialised erf units, K = M = 2, after the student's units have told the teacher's apart: the same.
against K   erf units, isotropic inputs: how the end of the plateau grows with K.
against T2  erf units, K = M = 2, L = 1 to 4: how it falls with the mean square eigenvalue.

Curves: means over seeds, whose points go together along the run, so that noise is AR(1). Three laws
are fitted: a power law with an exponential end and an offset of either sign, which is told nothing;
a power law, once theory's constant is added back; and one with a positive floor, for comparison.
`theory` is what theory's own curve gives over the same window: minus its slope with the constant
added back, and the first law's exponent. For linear units it is the exact recursion at this N, for
erf units the equations of motion.

Plateaus: each run is fitted by itself, over models, and `Fit.plateaus` says where its longest one
ends. The power with which this end changes from group to group is fitted, and stands beside that of
theory's own escape time (from a typical start), that of 1 / escape rate, and the bare square of K.

Simulations are kept beside the result and taken up again.

    python benchmarks/reproduction/committee/exponents.py --workers 2
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

import scalefit as sf
from scalefit import trainers
from scalefit.arrays import Array
from scalefit.trainers.committee import last_phase, linear_units, theory
from scalefit.trainers.committee.spectrum import window

POINTS = 32
LINEAR = {0.25: 4096, 0.5: 2048, 0.75: 1024, 1.0: 1024, 2.0: 512}
"""Number of eigenvalues, which is N, by beta."""
SPECIALISED = {0.5: (1024, 2048), 1.0: (512, 1024), 2.0: (64, 256)}
"""L and N by beta."""
UNITS = (2, 3, 4)
BLOCKS = (1, 2, 4)
SMOOTH = 1e-3
"""Noise that is put on theory's curve, so that there is something to fit."""
LONGEST = 300.0
"""Time at which linear curves end where the last exponential comes much later."""


def linear(beta: float, seeds: int) -> dict[str, Any]:
    """Return the settings of linear curves, and the window that is fitted."""
    N = LINEAR[beta]
    first, last = window(theory.eigenvalues(N, beta), 0.1)
    stop = min(0.05 * last, LONGEST)
    settings = {"activation": "linear", "K": 1, "M": 1, "N": N, "L": N, "duration": stop}
    return {"settings": settings, "start": 50 * first, "beta": beta, "seeds": seeds}


def specialised(beta: float, seeds: int) -> dict[str, Any]:
    """Return the settings of erf curves, and the window after specialisation."""
    L, N = SPECIALISED[beta]
    spectrum = theory.eigenvalues(L, beta)
    _, last = window(spectrum, 0.1 * last_phase.slowest(2))
    start = 20.0 / theory.escape_rate(spectrum, 2, 2, 0.1)
    settings = {"N": N, "L": L, "duration": max(10 * start, 1e-2 * last)}
    return {"settings": settings, "start": start, "beta": beta, "seeds": seeds}


def simulated(case: dict[str, Any], kept: Path, executor: Any) -> Any:
    """Return the runs of a case, from the folder if they are there."""
    settings = {"learning_rate": 0.1, "points": 96, **case["settings"]}
    if "beta" in case:
        settings["beta"] = case["beta"]
    config = trainers.config("committee", seeds=case["seeds"], **settings)
    return config, trainers.run(config, device="cpu", out=kept, executor=executor, seed=1)


def averaged(runs: Any, start: float) -> tuple[Array, Array]:
    """Return some log-spaced times and the mean test loss there."""
    time = runs["time"].values[0]
    inside = np.flatnonzero(time >= start)
    at = inside[np.unique(np.linspace(0, inside.size - 1, POINTS).round().astype(int))]
    return time[at], runs["test_loss"].values[:, at].mean(axis=0)


def exact(config: Any, x: Array) -> tuple[Array, float]:
    """Return theory's curve at some times, and the constant that its power law lacks."""
    one = config.points[0]
    spectrum = theory.eigenvalues(one.L, one.beta)
    if one.activation == "linear":
        steps = np.rint(x * one.N).astype(int)
        start = 1 + one.init_scale**2
        found = theory.recursion(
            spectrum, one.N, steps, learning_rate=one.learning_rate, start=start
        )
        return found, linear_units.tail(
            one.L, one.beta, learning_rate=one.learning_rate, start=start
        )
    return theory.solve(one, x).test_loss, last_phase.tail(one.L, one.beta, one.K)


def slope(x: Array, y: Array) -> float:
    """Return minus the slope of a line through the logarithms."""
    return float(-np.polyfit(np.log(x), np.log(y), 1)[0])


def fitted(x: Array, y: Array, **options: Any) -> dict[str, Any]:
    """Return the exponent with its interval, and the verdict."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fit = sf.fit(x, y, progress=False, **options)
    row = fit.summary().set_index("parameter").loc["exponent"]
    found = {name: float(row[name]) for name in ("median", "low", "high")}
    return {**found, "verdict": fit.verdict["curve"]}


def curve(name: str, case: dict[str, Any], kept: Path, executor: Any) -> dict[str, Any]:
    """Return what one curve's exponent is, by derivation, theory and fit."""
    config, runs = simulated(case, kept, executor)
    x, y = averaged(runs, case["start"])
    expected, tail = exact(config, x)
    target, own = case["beta"] / (1 + case["beta"]), slope(x, expected + tail)
    law = sf.laws.PowerLawWithCutoff()
    signed = fitted(x, y, law=law, noise="ar1")
    added = fitted(x, y + tail, regimes=1, floor=False, noise="ar1")
    positive = fitted(x, y, regimes=1, floor=True, noise="ar1")
    smooth = expected * np.exp(SMOOTH * np.random.default_rng(0).standard_normal(x.size))
    return {
        "claim": name,
        "beta": case["beta"],
        "N": config.points[0].N,
        "L": config.points[0].L,
        "seeds": case["seeds"],
        "window": [float(x[0]), float(x[-1])],
        "derived": target,
        "theory": own,
        "theory_alone": slope(x, expected),
        "theory_by_law": fitted(x, smooth, law=law, noise="normal")["median"],
        "deviation": float(np.median(np.abs(y / expected - 1))),
        "fit": signed,
        "inside": signed["low"] <= target <= signed["high"],
        "added_back": added,
        "added_back_inside": added["low"] <= target <= added["high"],
        "added_back_theory_inside": added["low"] <= own <= added["high"],
        "positive_floor": positive,
        "curve": {"x": x.tolist(), "y": y.tolist(), "theory": expected.tolist()},
    }


def plateau_ends(runs: Any, height: float, executor: Any) -> pd.DataFrame:
    """Return the end of the longest plateau of every run, with its interval.

    What comes after the loss has fallen to a twentieth of the plateau is no power law, for it falls
    exponentially, and is left out; so is the first flat stretch, before anything is learned.
    """
    past = np.logical_or.accumulate(runs["test_loss"].values < height / 20, axis=1)
    runs = runs.assign(test_loss=runs["test_loss"].where(~past & (runs["time"].values > 0.1)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        models = {"regimes": [3, 4], "executor": executor, "progress": False}
        fit = sf.fit(runs, x="time", y="test_loss", **models)
        found = fit.plateaus().dropna(subset=["end"])
    found["decades"] = np.log10(found["end"] / found["start"])
    longest = found.sort_values("decades").groupby("run").tail(1)
    return longest[["run", "probability", "start", "end", "end_low", "end_high", "height"]]


def plateaus(
    name: str, cases: Sequence[dict[str, Any]], along: Array, kept: Path, executor: Any
) -> dict[str, Any]:
    """Return how the plateaus' end changes with `along`, by fit and by theory."""
    parts, told = [], []
    for case, at in zip(cases, along, strict=True):
        config, runs = simulated(case, kept, executor)
        one = config.points[0]
        height = theory.plateau(one.K, one.M, one.learning_rate).test_loss
        ends = plateau_ends(runs, height, executor)
        parts.append(pd.DataFrame({"along": at, "end": ends["end"], "height": ends["height"]}))
        spectrum = theory.eigenvalues(one.L, one.beta)
        told.append(
            {
                "along": float(at),
                "runs": int(runs.sizes["run"]),
                "with_plateau": len(ends),
                "end": float(ends["end"].median()),
                "height": float(ends["height"].median()),
                "plateau_height": height,
                "escape_time": float(trainers.theory(config)["escape_time"].values[0]),
                "escape_rate": theory.escape_rate(spectrum, one.K, one.M, one.learning_rate),
            }
        )
    table = pd.concat(parts)
    found = fitted(
        table["along"].to_numpy(), table["end"].to_numpy(), regimes=1, floor=False, noise="normal"
    )
    found = {key: -found[key] for key in ("median", "low", "high")} | {"verdict": found["verdict"]}
    found["low"], found["high"] = sorted((found["low"], found["high"]))
    of_theory = -slope(along, np.array([row["escape_time"] for row in told]))
    return {
        "claim": name,
        "groups": told,
        "fit": found,
        "theory": of_theory,
        "inverse_rate": slope(along, np.array([row["escape_rate"] for row in told])),
        "inside": found["low"] <= of_theory <= found["high"],
    }


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the figure: simulated curves over theory's."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(row["claim"] for row in rows))
    figure, axes = plt.subplots(1, len(names), figsize=(5.5 * len(names), 4), layout="constrained")
    for ax, name in zip(np.atleast_1d(axes), names, strict=True):
        for i, row in enumerate(row for row in rows if row["claim"] == name):
            x, y, expected = (row["curve"][key] for key in ("x", "y", "theory"))
            ax.loglog(x, expected, color=f"C{i}", lw=1)
            ax.loglog(x, y, "o", ms=3.5, color=f"C{i}", label=f"beta = {row['beta']:g}")
        ax.set(xlabel="time (examples / N)", ylabel="test loss", title=f"{name}: SGD and theory")
        ax.legend(frameon=False)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = campaign.options(__doc__, "committee_exponents.json")
    parser.add_argument(
        "--seeds", type=int, default=64, help="of linear curves; half of erf, a sixth of plateaus"
    )
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    kept = options.out.with_suffix("")
    from scalefit.workers import processes

    few = max(options.seeds // 6, 4)
    rows: list[dict[str, Any]] = []
    with processes(options.workers) as executor:
        for name, cases in (
            ("linear", [linear(beta, options.seeds) for beta in LINEAR]),
            ("specialised", [specialised(beta, options.seeds // 2) for beta in SPECIALISED]),
        ):
            for case in cases:
                rows.append(curve(name, case, kept, executor))
                report(rows[-1])
        sizes = {"N": 500, "learning_rate": 0.5, "points": 120}
        by_units = [
            {"seeds": few, "settings": {
                **sizes, "K": K, "M": K, "protocol": "order_parameters",
                "duration": 25.0 / theory.escape_rate(np.ones(1), K, K, 0.5)}}
            for K in UNITS
        ]  # fmt: skip
        spectra = [theory.eigenvalues(L, 1.0) for L in BLOCKS]
        by_blocks = [
            {"seeds": few, "beta": 1.0, "settings": {
                **sizes, "L": L, "duration": 25.0 / theory.escape_rate(spectrum, 2, 2, 0.5)}}
            for L, spectrum in zip(BLOCKS, spectra, strict=True)
        ]  # fmt: skip
        square = np.array([np.mean(spectrum**2) for spectrum in spectra])
        ends = [
            plateaus("plateau against K", by_units, np.array(UNITS, float), kept, executor),
            plateaus("plateau against T2", by_blocks, square, kept, executor),
        ]
    for row in ends:
        report(row)
    result = {"question": "exponents fitted to simulated curves", "curves": rows, "plateaus": ends}
    campaign.keep(result, options.out, ("scalefit", "numpy", "scipy", "torch"))
    draw(rows, options.out.with_suffix(".png"))


def report(row: dict[str, Any]) -> None:
    """Print what one claim came to."""
    fit = row["fit"]
    found = f"{fit['median']:.3f} [{fit['low']:.3f}, {fit['high']:.3f}]"
    where = "inside" if row["inside"] else "outside"
    if "beta" in row:
        added, other = row["added_back"], row["positive_floor"]
        known = "inside" if row["added_back_inside"] else "outside"
        own = "inside" if row["added_back_theory_inside"] else "outside"
        print(
            f"{row['claim']:12} beta {row['beta']:4g}: derived {row['derived']:.4f}; theory "
            f"{row['theory']:.4f}, by the law {row['theory_by_law']:.3f}; fit {found} {where}; "
            f"constant added back {added['median']:.3f} [{added['low']:.3f}, {added['high']:.3f}] "
            f"{known}, theory {own}; positive floor {other['median']:.3f} [{other['low']:.3f}, "
            f"{other['high']:.3f}]; off theory by {row['deviation']:.1%}; {fit['verdict']}, "
            f"{added['verdict']}",
            flush=True,
        )
        return
    print(
        f"{row['claim']}: power {found}; theory {row['theory']:.3f} ({where}), 1 / escape rate "
        f"{row['inverse_rate']:.3f}; {fit['verdict']}"
    )
    for group in row["groups"]:
        print("   ", {key: float(f"{value:.4g}") for key, value in group.items()})


if __name__ == "__main__":
    main()
