"""Figure of a collapse law: curves of every P on one master curve, with its band and elbow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from scalefit.arrays import Array
from scalefit.laws.collapse import Collapse
from scalefit.wording import compact, inline

from .style import BAND, INK, LINE, MARKS, label_ticks, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = 200
FULL = 12
"""P that have a marker of their own; beyond these all are dots."""


def master_curve(
    law: Collapse,
    draws: Mapping[str, Array],
    x: Array,
    y: Array,
    ax: Axes | None = None,
    *,
    tails: tuple[float, float] = (0.05, 0.95),
    labels: tuple[str, str, str] | None = None,
) -> Axes:
    """Draw y P^gamma against x / P^gamma_2, P in units of its middle, with the band of the law.

    Points are moved by the medians of gamma and gamma_2; the band is that of the law at the middle
    P. Shaded upright is where the elbow lies. With drift, points of other P may leave the band
    beyond the elbow although the law describes them.

    Parameters
    ----------
    law
        The law of the fit.
    draws
        Its natural parameters by name.
    x : shape (n, 2)
        x and P.
    y : shape (n,)
        What was measured.
    ax
        Where to draw; None makes a figure.
    tails
        Ends of the band and of the elbow, as probabilities.
    labels
        Names of x, P and y; the law's predictors and `"y"` unless given.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    ax = new_axes() if ax is None else ax
    names = [inline(name) for name in labels or (*law.predictors[:2], "y")]
    middle = float(draws["middle"][0])
    gamma, gamma_2 = (float(np.nanmedian(draws[name])) for name in ("gamma", "gamma_2"))
    share = x[:, 1] / middle
    moved, value = x[:, 0] * share**-gamma_2, y * share**gamma
    at = np.geomspace(moved.min(), moved.max(), GRID)
    log_law = law.log_curve(draws, np.stack([at, np.full(GRID, middle)], axis=1))
    low, half, high = np.exp(np.quantile(log_law, [tails[0], 0.5, tails[1]], axis=0))
    ax.fill_between(at, low, high, color=BAND, lw=0, zorder=1)
    sizes = np.unique(x[:, 1])
    shades = ScalarMappable(LogNorm(sizes[0], sizes[-1]), "viridis")
    hues = shades.to_rgba(sizes)
    for i, size in enumerate(sizes):
        here = x[:, 1] == size
        marker = MARKS[i % len(MARKS)] if len(sizes) <= FULL else "o"
        ax.plot(
            moved[here],
            value[here],
            ls="none",
            marker=marker,
            ms=3.5,
            mfc="none",
            mew=0.8,
            color=hues[i],
            zorder=2,
        )
    ax.plot(at, half, color=LINE, lw=1.2, zorder=3)
    if "elbow" in draws:
        ends = np.nanquantile(draws["elbow"], tails)
        ax.axvspan(*ends, color=INK, alpha=0.12, lw=0, zorder=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    label_ticks(ax.xaxis, np.array(ax.get_xlim()))
    label_ticks(ax.yaxis, np.array(ax.get_ylim()))
    unit = f"({names[1]} / {compact(f'{middle:.3g}')})"
    ax.set_xlabel(f"{names[0]} / {unit}^{gamma_2:.3g}", parse_math=False)
    ax.set_ylabel(f"{names[2]} x {unit}^{gamma:.3g}", parse_math=False)
    bar = ax.figure.colorbar(shades, ax=ax)
    bar.set_label(names[1], parse_math=False)
    return ax
