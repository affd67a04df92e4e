"""All four regimes in one figure: exponents with intervals, beside those of the theory.

For each of three spectra, alpha = 0.5, 1 and 1.5, draws of random features without a ridge:

data, features, limited by variance   L/L_inf - 1 at 16 parameters, or examples, against the other
data, features, limited by resolution L with all features, or all data

Variance is a difference: each finite run is paired with the infinite one of the same draw. Each
exponent is `sf.fit`'s, of the draws' means with their standard errors; theory's is that of the same
fit of the deterministic equivalent (of the exact factor, for variance) with the same errors, since
exponents at finite sizes are not the asymptotic ones. Every set of draws is fitted by itself, so
that intervals that hold theory's exponent can be counted.

    python benchmarks/reproduction/four_regimes/figure.py --curves 10 --workers 2
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign
from reproduction.families.random_features import ALPHAS, DRAWS, draws

REGIMES = ("data variance", "features variance", "data resolution", "features resolution")
PART = 1000


def fitted(sizes: Any, loss: Any, error: Any) -> tuple[list[float], str]:
    """Return the ends and the median of the exponent of a power law, and the verdict."""
    import pandas as pd

    import scalefit as sf

    frame = pd.DataFrame({"size": sizes, "loss": loss, "error": error})
    fit = sf.fit(frame, x="size", y="loss", y_err="error", regimes=1, floor=False, progress=False)
    found = [float(one) for one in np.quantile(fit.exponents.values, [0.05, 0.5, 0.95])]
    return found, next(iter(fit.verdict.values())).partition(":")[0]


def one(index: int) -> dict[str, Any]:
    """Return the fits of one set of draws."""
    found = []
    for alpha in ALPHAS:
        for regime in REGIMES:
            sizes, losses, known = draws(alpha, *regime.split(), first=index)
            mean, error = losses.mean(1), losses.std(1, ddof=1) / math.sqrt(DRAWS)
            (low, median, high), verdict = fitted(sizes, mean, error)
            (_, theory, _), _ = fitted(sizes, known, error)
            found.append(
                {"alpha": alpha, "regime": regime, "low": low, "median": median, "high": high,
                 "theory": theory, "sizes": sizes, "known": known.tolist(),
                 "mean": mean.tolist(), "error": error.tolist(), "verdict": verdict}
            )  # fmt: skip
    return {"index": index, "fits": found}


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the figure: four panels, a line of theory and points of simulation a spectrum."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import matplotlib.ticker

    figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    for regime, ax in zip(REGIMES, axes.flat, strict=True):
        for at, alpha in enumerate(ALPHAS):
            fits = [
                one for row in rows for one in row["fits"]
                if (one["alpha"], one["regime"]) == (alpha, regime)
            ]  # fmt: skip
            first, color = fits[0], f"C{at}"
            mean = np.mean([one["mean"] for one in fits], axis=0)
            label = (
                rf"$\alpha_K$={alpha:g}: {first['median']:.3f} "
                f"[{first['low']:.3f}, {first['high']:.3f}], theory {first['theory']:.3f}"
            )
            shift = 1.15**at if "variance" in regime else 1.0  # all spectra have the same excess
            ax.loglog(first["sizes"], shift * np.array(first["known"]), color=color, linewidth=1)
            ax.loglog(
                first["sizes"], shift * mean, "osD"[at], color=color, markersize=4, label=label
            )
        what, kind = regime.split()
        ax.set_title(f"{kind}-limited, {what}" + ", shifted apart" * (kind == "variance"))
        ax.set_xlabel("examples" if what == "data" else "features")
        ax.set_xticks(first["sizes"], [f"{size:,}" for size in first["sizes"]], fontsize=8)
        ax.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        if kind == "resolution":
            ax.set_ylim(bottom=ax.get_ylim()[0] / 10)  # for the legend
        ax.set_ylabel("loss over its plateau, less 1" if kind == "variance" else "test loss")
        ax.legend(fontsize=7)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = campaign.arguments(__doc__ or "", "four_regimes_figure.json", 10)
    options = parser.parse_args()
    rows = campaign.run(one, range(options.curves), options.out, options.workers)
    table = []
    for alpha in ALPHAS:
        for regime in REGIMES:
            fits = [
                one for row in rows for one in row["fits"]
                if (one["alpha"], one["regime"]) == (alpha, regime)
            ]  # fmt: skip
            known = [one["theory"] for one in fits]
            table.append(
                {"alpha": alpha, "regime": regime, "theory": float(np.mean(known)), "n": len(fits),
                 "median": float(np.mean([one["median"] for one in fits])),
                 "scatter": float(np.std([one["median"] for one in fits])),
                 "inside": sum(one["low"] < at < one["high"]
                               for one, at in zip(fits, known, strict=True)),
                 "ok": sum(one["verdict"] == "ok" for one in fits), "first": fits[0]}
            )  # fmt: skip
            print({name: value for name, value in table[-1].items() if name != "first"})
    draw(rows, options.out.with_suffix(".png"))
    campaign.keep({"exponents": table}, options.out, ("scalefit", "numpy", "scipy", "torch"))


if __name__ == "__main__":
    main()
