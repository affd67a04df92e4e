"""Learning curves of trained networks, region by region: against state evolution; exponents.

Every region of both networks has a window of n, or of lambda at the peak, that lies inside it.
Networks are trained there by L-BFGS. The table has the ratio of mean risk to state evolution with
its standard error at every n, and the exponent of a fit of the means against the published one and
against that of state evolution in the same window. A figure lays theory over the means. Two hours
on one core for all; `--only II --gammas 1` takes some minutes, and finished runs are kept.

    python benchmarks/reproduction/diagonal_quadratic/curves.py
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

GAMMAS = (0.75, 1.0, 1.5)


@dataclass(frozen=True)
class Window:
    """Where a region is seen: settings, and ends of x."""

    region: str
    settings: dict[str, Any]
    low: float
    high: float
    x: str = "n_train"
    tuned: bool = False

    def expected(self, gamma: float) -> float:
        """Return the published exponent."""
        from scalefit.trainers.weight_decay.regions import exponents

        if self.region == "V":
            return 2 / 3
        return exponents(gamma)["optimum" if self.tuned else self.region]


def windows(family: str, gamma: float) -> list[Window]:
    """Return the regions that networks small enough to train can show at an exponent."""
    if family == "diagonal":
        found = [
            Window("II", {"d": 200, "weight_decay": 10.0}, 600, 6000),
            Window("III", {"d": 20, "weight_decay": 30 * 20 ** (gamma - 0.75)}, 3e3, 3e4),
            Window("V", {"d": 100, "n_train": 100}, 1e-2, 1.0, x="weight_decay"),
            Window("VIb", {"d": 20, "weight_decay": 0.01}, 2 * 20 ** (2 * gamma), 2e5),
            Window("optimum", {"d": 200}, 100, 3000, tuned=True),
            Window("noiseless", {"d": 1000, "weight_decay": 1e-3, "noise": 0.0}, 30, 300),
        ]
        if gamma >= 1:
            found.append(Window("VIa", {"d": 100, "weight_decay": 0.01}, 400, 4000))
        return [one for one in found if one.low * 4 < one.high]
    found = [
        Window("II", {"d": 30, "weight_decay": 10.0}, 900, 9000),
        Window("III", {"d": 10, "weight_decay": 30 * 10 ** (gamma - 0.75)}, 6e3, 6e4),
        Window("V", {"d": 20, "n_train": 100}, 1e-2, 1.0, x="weight_decay"),
        Window("VIb", {"d": 10, "weight_decay": 0.01}, 20 * 10 ** (2 * gamma), 1e5),
        Window("optimum", {"d": 30}, 600, 9000, tuned=True),
        Window("noiseless", {"d": 40, "weight_decay": 1e-3, "noise": 0.0}, 60, 240),
    ]
    if gamma >= 1:
        found.append(Window("VIa", {"d": 30, "weight_decay": 0.01}, 900, 9000))
    return [one for one in found if one.low * 4 <= one.high]


def measured(
    family: str, gamma: float, window: Window, seeds: int, out: Path, ax: Any
) -> dict[str, Any]:
    """Return ratios to state evolution and exponents of one window, and draw its curve."""
    import scalefit as sf
    from scalefit import trainers

    x = np.geomspace(window.low, window.high, 7)
    values = [round(one) for one in x] if window.x == "n_train" else x.tolist()
    settings: dict[str, Any] = {"gamma": gamma, window.x: values, **window.settings}
    if window.tuned:
        plain = trainers.theory(trainers.config(family, **settings))
        best = plain["best_weight_decay"].values.tolist()
        settings |= {"zip": {"n_train": settings.pop("n_train"), "weight_decay": best}}
    config = trainers.config(family, seeds=seeds, steps=20_000, points=2, ranks=1, **settings)
    runs = trainers.run(config, device="cpu", out=out)
    theory = trainers.theory(config)["excess_risk"].values[:, 0]
    risk = runs["excess_risk"].values[:, -1].reshape(len(values), seeds)
    arrived = (runs["status"].values == "ok").reshape(len(values), seeds)
    risk = np.where(arrived, risk, np.nan)
    mean = np.nanmean(risk, axis=1)
    error = np.nanstd(risk, axis=1, ddof=1) / np.sqrt(arrived.sum(axis=1))
    fit = sf.fit(x=np.array(values), y=mean, y_err=error, regimes=1, floor=False, progress=False)
    low, median, high = np.quantile(fit.exponents.values, [0.05, 0.5, 0.95])
    slope = -float(np.polyfit(np.log(values), np.log(theory), 1, w=mean / error)[0])
    label = f"{window.region}, {gamma:g}"
    dots = ax.errorbar(values, mean, 1.645 * error, fmt="o", ms=3, label=label)
    ax.plot(values, theory, color=dots[0].get_color(), lw=1)
    published = window.expected(gamma)
    return {
        "family": family,
        "region": window.region,
        "gamma": gamma,
        window.x: values,
        "over_theory": (mean / theory).round(4).tolist(),
        "error": (error / theory).round(4).tolist(),
        "runs": int(arrived.size),
        "arrived": int(arrived.sum()),
        "published": round(published, 4),
        "state_evolution": round(slope, 4),
        "exponent": [round(float(one), 4) for one in (low, median, high)],
        "holds_published": bool(low <= published <= high),
        "holds_state_evolution": bool(low <= slope <= high),
        "verdict": fit.verdict[fit.runs[0]],
    }


def main() -> None:
    campaign.one_thread()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    parser = campaign.options(__doc__, "diagonal_quadratic_curves.json")
    parser.add_argument("--runs", type=Path, default=Path("runs-diagonal-quadratic"))
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--gammas", type=float, nargs="+", default=list(GAMMAS))
    parser.add_argument("--only", nargs="+", help="regions, such as II VIa optimum")
    chosen = parser.parse_args()
    figure, axes = plt.subplots(1, 2, figsize=(12, 5), dpi=150, layout="constrained")
    rows = []
    for family, ax in zip(("diagonal", "quadratic"), axes, strict=True):
        for gamma in chosen.gammas:
            for window in windows(family, gamma):
                if chosen.only and window.region not in chosen.only:
                    continue
                rows.append(measured(family, gamma, window, chosen.seeds, chosen.runs, ax))
                print(rows[-1], flush=True)
        ax.set(xscale="log", yscale="log", xlabel="n, or lambda at the peak", title=family)
        ax.set_ylabel("excess risk")
        ax.legend(fontsize=6, ncols=2)
    campaign.keep({"rows": rows}, chosen.out, ("scalefit", "numpy", "scipy", "torch"))
    figure.savefig(chosen.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
