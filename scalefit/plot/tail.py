"""Figure of a tail: the share of values at or above x, on log axes, with power law and cut-off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .style import BAND, FUTURE, INK, LINE, label_ticks, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 2000
"""Values that are drawn, at most."""
GRID = 120


def tail(found: Any, ax: Axes | None = None) -> Axes:
    """Draw the complementary distribution of a sample, and the 90% bands of its power-law tail.

    Parameters
    ----------
    found
        A `Tail`.
    ax
        Where to draw; None makes a figure.
    """
    if ax is None:
        ax = new_axes()
    values, draws = found.values, found.draws[found.draws["tail"] == "power law"]
    n = values.size
    ranks = np.unique(np.geomspace(1, n, POINTS).astype(int))
    ax.plot(values[n - ranks], ranks / n, "o", ms=3.0, color=INK, mfc="none", mew=0.6, zorder=3)
    cutoff, exponent, count = (
        draws[name].to_numpy(dtype=float)[:, None] for name in ("cutoff", "exponent", "values")
    )
    low, middle, high = np.quantile(cutoff, [0.05, 0.5, 0.95])
    x = np.geomspace(middle, values[-1], GRID)
    share = count / n * np.maximum(x / cutoff, 1e-300) ** (1.0 - exponent)
    share = np.where(x >= cutoff, share, np.nan)
    bottom, centre, top = np.nanquantile(share, [0.05, 0.5, 0.95], axis=0)
    ax.fill_between(x, bottom, top, color=BAND, alpha=0.6, lw=0, zorder=2)
    median = float(np.median(exponent))
    ax.plot(x, centre, color=LINE, lw=1.4, zorder=4, label=f"power law, exponent {median:.3g}")
    ax.axvspan(low, high, color=FUTURE, alpha=0.6, lw=0, zorder=0, label="cut-off, 90%")
    ax.set_xscale("log")
    ax.set_yscale("log")
    label_ticks(ax.xaxis, values[[0, -1]])
    label_ticks(ax.yaxis, np.array([0.5 / n, 1.0]))
    ax.set_ylim(0.5 / n, 1.5)
    ax.set_xlabel("x" if not found.shift else f"x, {found.shift:g} added")
    ax.set_ylabel("share of values at or above x")
    legend(ax, loc="lower left")
    return ax
