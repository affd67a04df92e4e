"""Figure of the README: a public learning curve, its regimes, and a forecast to be judged.

The curve is the 10-shot ImageNet error of an MLP-Mixer L/16 against the images seen in
pre-training, one of the 92 of Alabdulmohsin et al. (2022). It is fitted to the points that the
authors give for fitting; the later ones, up to twice as far, are drawn and not used. The fit weighs
1 to 4 regimes with and without a floor. Median and bands are averaged over these; exponents,
crossover and floor are those of the fit given two regimes.

    python benchmarks/figures/readme.py

The file of the curves is fetched and verified, or taken from the folder that SCALEFIT_DATA names.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import scalefit as sf
from scalefit import datasets

RUN = "IC, inet_10, MiX/L/16"
OUT = Path(__file__).parent / "readme.png"
BEYOND = 10.0
DRAWS = 4000
TOP, BOTTOM = 1.45, 0.135
INK, LINE, BAND, FUTURE, MARK = "#1b1b1b", "#0b5394", "#8db7e0", "#dcdcdc", "#b45f06"


def fitted() -> tuple[sf.Fit, Any, Any]:
    """Return the fit, and x and y of the points that were held back."""
    curve = datasets.load("alabdulmohsin2022").sel(run=[RUN])
    given = curve["training"] == 1
    fit = sf.fit(curve.where(given), x="examples_seen", y="loss", draws=DRAWS, progress=False)
    held = (curve["training"] == 0).values[0]
    x, y = curve["examples_seen"].values[0][held], curve["loss"].values[0][held]
    order = np.argsort(x)
    return fit, x[order], y[order]


def some(x: Any, count: int) -> Any:
    """Return the places of points about evenly spaced in log x."""
    wanted = np.geomspace(x[0], x[-1], count)
    return np.unique(np.abs(np.log(x)[:, None] - np.log(wanted)).argmin(axis=0))


def interval(draws: Any) -> tuple[float, float, float]:
    """Return median and the ends of the central 90%."""
    low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
    return float(middle), float(low), float(high)


def draw(fit: sf.Fit, x_held: Any, y_held: Any, out: Path) -> None:
    """Write the figure."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.linewidth": 0.7})
    figure, (top, below) = plt.subplots(
        2, 1, figsize=(7.6, 5.0), dpi=150, sharex=True, layout="constrained", height_ratios=(3.2, 1)
    )
    x, y = fit.curve(fit.runs[0])
    two = fit.with_regimes(2)
    params = two.parameters(two.runs[0])
    _forecast(top, fit, x)
    top.plot(x, y, "o", ms=3.6, color=INK, mec="white", mew=0.4, zorder=5, label="fitted")
    at = some(x_held, 10)
    style = {"ms": 4.2, "mfc": "white", "mec": MARK, "mew": 1.1, "zorder": 5}
    top.plot(x_held[at], y_held[at], "D", label="held back, not fitted", **style)
    _regimes(top, params, x)
    _exponent(below, two, x)
    place, *ends = interval(params["crossover"][:, 0])
    for ax in (top, below):
        ax.axvspan(*ends, color=MARK, alpha=0.22, lw=0, zorder=0)
        ax.axvline(place, color=MARK, lw=0.9, ls="--", zorder=1)
        ax.axvline(x[-1], color=INK, lw=0.7, ls=(0, (1, 2)), zorder=1)
        ax.spines[["top", "right"]].set_visible(False)
    below.set_xlabel("images seen")
    top.set_ylabel("10-shot ImageNet error")
    handles, labels = top.get_legend_handles_labels()
    top.legend(
        handles[::-1], labels[::-1], loc="lower left", bbox_to_anchor=(0.235, 0.165),
        frameon=False, fontsize=8.5, labelspacing=0.35,
    )  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)


def _forecast(ax: Any, fit: sf.Fit, x: Any) -> None:
    """Draw median and bands, in the data and beyond."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    grid = np.geomspace(x[0], BEYOND * x[-1], 160)
    found = fit.predict(grid, kind="observation").isel(run=0)
    ahead = grid >= x[-1]
    ax.fill_between(
        grid[ahead], found["low"][ahead], found["high"][ahead], color=FUTURE, lw=0,
        label="90% of new points, further crossovers allowed",
    )  # fmt: skip
    ax.fill_between(
        grid, found["low_inside"], found["high_inside"], color=BAND, lw=0, zorder=2,
        label="90% of new points, no further crossover",
    )  # fmt: skip
    law = fit.predict(grid, kind="curve").isel(run=0)
    ax.plot(grid, law["median"], color=LINE, lw=1.5, zorder=3, label="median of the law")
    ax.set(xscale="log", yscale="log", xlim=(grid[0] / 1.15, grid[-1]), ylim=(BOTTOM, TOP))
    ax.yaxis.set_major_locator(FixedLocator([0.15, 0.2, 0.3, 0.5, 0.7, 1.0]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _regimes(ax: Any, params: Any, x: Any) -> None:
    """Write each regime's exponent over its stretch, the crossover, and the floor."""
    place, *ends = interval(params["crossover"][:, 0])
    edges = [x[0], place, x[-1]]
    head = TOP / 1.02
    for j in range(2):
        middle, low, high = interval(params["exponent"][:, j])
        at = (np.sqrt(edges[j] * edges[j + 1]), head)
        _write(ax, f"exponent {middle:.2f}\n[{low:.2f}, {high:.2f}]", at, ha="center", va="top")
    _write(ax, "last point fitted", (x[-1], head), xytext=(4, 0), va="top")
    level, low, high = interval(params["floor"])
    ax.axhline(level, color=INK, lw=0.9, ls=":", zorder=1)
    words = f"floor {level:.2f}\n[{low:.2f}, {high:.2f}]"
    _write(ax, words, (x[0], level), xytext=(0, -4), va="top")
    words = f"crossover {place / 1e6:.0f} million\n[{ends[0] / 1e6:.0f}, {ends[1] / 1e6:.0f}]"
    _write(ax, words, (ends[1], level), xytext=(4, -4), va="top")


def _write(ax: Any, words: str, at: Any, **options: Any) -> None:
    options.setdefault("xytext", (0, 0))
    ax.annotate(words, at, textcoords="offset points", color=INK, fontsize=8.5, **options)


def _exponent(ax: Any, fit: sf.Fit, x: Any) -> None:
    """Draw the local exponent along the data, the floor removed."""
    grid = np.geomspace(x[0], x[-1], 100)
    draws = fit.local_exponent(grid, floor=False).isel(run=0).stack(all=("chain", "draw"))
    low, middle, high = draws.quantile([0.05, 0.5, 0.95], dim="all")
    ax.fill_between(grid, low, high, color=BAND, lw=0)
    ax.plot(grid, middle, color=LINE, lw=1.5)
    ax.axhline(0.0, color=INK, lw=0.5)
    ax.set_ylabel("local exponent,\nfloor removed")
    ax.set_ylim(-0.2, 0.7)
    ax.set_yticks([0.0, 0.2, 0.4, 0.6])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    draw(*fitted(), parser.parse_args().out)


if __name__ == "__main__":
    main()
