"""Figure of a design: the expected interval of the target against what was spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.wording import inline, shortened

from .style import BAND, INK, LINE, label_ticks, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 12
"""Runs up to which each has its name beside its point."""
FAR = 30.0
"""Ratio of the whole cost to the first above which the axis of cost is a log one."""
Z = 1.6448536269514722
"""Standard deviations from the median of a normal to the end of its 90% interval."""


def design(bought: Any, ax: Axes | None = None) -> Axes:
    """Draw half the expected 90% interval of the target after each purchase.

    Parameters
    ----------
    bought
        A `Design`.
    ax
        Where to draw; None makes a figure.
    """
    if ax is None:
        ax = new_axes()
    table = bought.table
    spent = table["spent"].to_numpy(dtype=float)
    far = bool(spent.size) and spent[-1] > FAR * spent[0]
    spent = np.concatenate([[0.5 * spent[0] if far else 0.0], spent])
    plain = np.concatenate([[bought.before], table["sd"].to_numpy(dtype=float)])
    misfit = np.concatenate([[bought.before_misfit], table["sd_misfit"].to_numpy(dtype=float)])
    lower, upper = _half(plain, bought.relative), _half(misfit, bought.relative)
    ax.fill_between(spent, lower, upper, step="post", color=BAND, alpha=0.5, lw=0)
    ax.step(spent, upper, where="post", color=LINE, lw=1.0, ls="--", label="with what it may miss")
    ax.step(spent, lower, where="post", color=LINE, lw=1.4, label="if the law holds")
    ax.plot(spent[1:], lower[1:], "o", ms=4.5, color=LINE, mfc="white", zorder=3)
    if len(table) <= NAMED:
        for at, height, row in zip(spent[1:], lower[1:], table["row"], strict=True):
            ax.annotate(
                shortened(inline(row), 16),
                (at, height),
                (-4, -4),
                textcoords="offset points",
                ha="right",
                va="top",
                fontsize=7.5,
                color=INK,
                parse_math=False,
            )
    if far:
        ax.set_xscale("log")
    if np.isfinite(lower).all() and lower.min() > 0.0:
        ax.set_yscale("log")
        label_ticks(ax.yaxis, np.array(ax.get_ylim()))
    ax.set_xlabel(
        "cost of the runs bought" + (", beside each its row" if len(table) <= NAMED else "")
    )
    unit = " [% of y]" if bought.relative else ""
    ax.set_ylabel(f"{bought.target}: expected 90% interval, ±{unit}", parse_math=False)
    legend(ax)
    return ax


def _half(sd: Any, relative: bool) -> Any:
    return 100.0 * np.expm1(Z * sd) if relative else Z * sd
