"""Figures: matplotlib axes in and out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError
from .laws import BrokenPowerLaw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .result import Fit

INK = "#1b1b1b"
LINE = "#0b5394"
BAND = "#9fc5e8"
MARK = "#b45f06"
PANELS = 12


def draw_fit(fit: Fit, ax: Axes | None = None) -> Axes | NDArray[Any]:
    """Draw every curve of a fit; see `Fit.plot`."""
    from matplotlib import pyplot as plt

    if len(fit.runs) > 1:
        if ax is not None:
            raise ConfigError(f"this fit has {len(fit.runs)} runs; call plot() without ax")
        return _panels(fit)
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4.4), dpi=150, layout="constrained")
    _draw(fit, fit.runs[0], ax)
    return ax


def _panels(fit: Fit) -> NDArray[Any]:
    """Return a grid of axes, one per run; beyond twelve runs only the first twelve are drawn."""
    from matplotlib import pyplot as plt

    shown = fit.runs[:PANELS]
    across = min(3, len(shown))
    down = math.ceil(len(shown) / across)
    figure, grid = plt.subplots(
        down,
        across,
        squeeze=False,
        figsize=(5.2 * across, 3.9 * down),
        dpi=120,
        layout="constrained",
    )
    axes = grid.reshape(-1)
    for ax, run in zip(axes, shown, strict=False):
        _draw(fit, run, ax)
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    if len(fit.runs) > PANELS:
        figure.suptitle(f"first {PANELS} of {len(fit.runs)} runs", fontsize=10)
    return axes[: len(shown)]


def _draw(fit: Fit, run: str, ax: Axes) -> None:
    """Draw one curve."""
    x, y = fit.curve(run)
    margin = 0.02 * math.log(x[-1] / x[0])
    grid = np.geomspace(x[0] * math.exp(-margin), x[-1] * math.exp(margin), 200)
    params = fit.parameters(run)
    log_mean = np.asarray(fit.law.log_mean(params, grid))
    # One deviate per draw, the same at every x: the band of each x is right, and smooth in x.
    noise = (params["noise"] * np.random.default_rng(0).standard_normal(len(log_mean)))[:, None]
    low, high = np.exp(np.quantile(log_mean + noise, [0.05, 0.95], axis=0))
    curve_low, median, curve_high = np.exp(np.quantile(log_mean, [0.05, 0.5, 0.95], axis=0))

    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.fill_between(grid, low, high, color=BAND, alpha=0.45, lw=0, label="90% of new points")
    ax.fill_between(grid, curve_low, curve_high, color=LINE, alpha=0.35, lw=0)
    ax.plot(grid, median, color=LINE, lw=1.4, label="median, 90% band")
    ax.plot(x, y, "o", ms=3.2, mfc="white", mec=INK, mew=0.8, label="data", zorder=3)
    ax.set_xlim(grid[0], grid[-1])
    _label_ticks(ax, x, y)
    if isinstance(fit.law, BrokenPowerLaw):
        _mark_regimes(params, fit.law, ax, x, y)
    attrs = fit.tree.attrs
    for axis, name in ((ax.set_xlabel, "x"), (ax.set_ylabel, "y")):
        unit = attrs[f"{name}_unit"]
        label = attrs[f"{name}_label"]
        axis(f"{label} [{unit}]" if unit else label, parse_math=False)
    title = "" if run == "curve" else run
    if fit.verdict[run] != "ok":
        title = f"{title}  (unreliable)".strip()
    ax.set_title(title, fontsize=10, parse_math=False)
    ax.legend(fontsize=7.5, frameon=False, loc="best")


def _label_ticks(ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """Write plain numbers on an axis too short for powers of ten to tell much."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    for axis, values in ((ax.xaxis, x), (ax.yaxis, y)):
        span = values.max() / values.min()
        if span < 30.0:
            few = MaxNLocator(6, steps=[1, 2, 5, 10])
            axis.set_major_locator(few if span < 4.0 else LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())


def _mark_regimes(
    params: dict[str, NDArray[np.float64]],
    law: BrokenPowerLaw,
    ax: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> None:
    """Shade the crossovers and write each regime's exponent, with interval, above its stretch."""
    edges = [x[0]]
    if law.regimes > 1:
        for i in range(law.regimes - 1):
            low, middle, high = np.quantile(params["crossover"][:, i], [0.05, 0.5, 0.95])
            ax.axvspan(low, high, color=MARK, alpha=0.15, lw=0)
            ax.axvline(middle, color=MARK, lw=0.9, ls="--")
            edges.append(middle)
    edges.append(x[-1])
    bottom, top = y.min(), y.max()
    ax.set_ylim(bottom / (top / bottom) ** 0.06, top * (top / bottom) ** 0.22)
    if law.floor and np.median(params["floor"]) > ax.get_ylim()[0]:
        ax.axhline(np.median(params["floor"]), color=INK, lw=0.8, ls=":", label="floor")
    for j in range(law.regimes):
        low, middle, high = np.quantile(params["exponent"][:, j], [0.05, 0.5, 0.95])
        ax.annotate(
            f"exponent {middle:.3g}\n[{low:.3g}, {high:.3g}]",
            (math.sqrt(edges[j] * edges[j + 1]), 0.975),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=8,
            color=INK,
        )
