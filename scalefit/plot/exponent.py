"""Figure of the local exponent along the curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalefit.laws import SegmentedLaw
from scalefit.record import Record

from .style import (
    INK,
    checked,
    fitted,
    known,
    label_axis,
    label_ticks,
    legend,
    look,
    new_axes,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RUNS = 8
BANDS = 4
"""Runs up to which the bands are drawn as areas; those of more would cover one another."""
NODES = 120


def local_exponent(
    fit: Record, run: str | None = None, ax: Axes | None = None, *, floor: bool = False
) -> Axes:
    """Draw minus d log y / d log x against x: median and 90% band, averaged over models.

    Parameters
    ----------
    fit
        What to draw.
    run
        Which run; None draws all, at most eight, in one figure.
    ax
        Where to draw; None makes a figure.
    floor
        Whether the floor is left in, so that the exponent fades where the floor dominates.

    Raises
    ------
    ConfigError
        If the run is unknown, failed, or its law has no exponents.
    """
    checked(fit, "local_exponent")
    runs = fitted(fit, known(fit, run))
    ax = new_axes() if ax is None else ax
    ends = np.array([fit.curve(one)[0][[0, -1]] for one in runs[:RUNS]])
    grid = np.geomspace(ends[:, 0].min(), ends[:, 1].max(), NODES)
    law = fit.law.require(SegmentedLaw, "local exponent")
    few = len(runs) <= BANDS
    for i, (one, (first, last)) in enumerate(zip(runs, ends, strict=False)):
        style = look(i)
        inside = (grid >= first * (1.0 - 1e-9)) & (grid <= last * (1.0 + 1e-9))
        at = grid[inside]
        drawn = law.local_exponent(fit.parameters(one, "averaged"), at, floor=floor)
        low, middle, high = np.quantile(drawn, [0.05, 0.5, 0.95], axis=0)
        name = title(fit, one) or "median"
        ax.plot(at, middle, color=style["color"], ls=style["ls"], lw=1.5, label=name)
        if few:
            ax.fill_between(at, low, high, color=style["color"], alpha=0.18, lw=0)
            ax.plot(at, np.array([low, high]).T, color=style["color"], ls=style["ls"], lw=0.5)
    ax.axhline(0.0, color=INK, lw=0.6, alpha=0.5)
    ax.set_xscale("log")
    ax.set_xlim(grid[0], grid[-1])
    label_ticks(ax.xaxis, grid)
    label_axis(fit, ax.set_xlabel, "x")
    band = ", 90% band" if few else ""
    ax.set_ylabel(f"local exponent, floor {'left in' if floor else 'removed'}{band}")
    if len(runs) > 1:  # lines and bands may be anywhere within the axes
        legend(ax, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    if len(runs) > RUNS:
        ax.set_title(f"first {RUNS} of {len(runs)} runs", fontsize=10)
    elif len(runs) == 1:
        ax.set_title(title(fit, runs[0]), fontsize=10, parse_math=False)
    return ax
