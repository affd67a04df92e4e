"""Figures of budgets: their best split with its interval, and slices at equal cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arguments import positive
from scalefit.errors import ConfigError
from scalefit.forecast.frontier import isoflop as slice_of
from scalefit.forecast.frontier import of_record, split_of
from scalefit.forecast.splits import Cost
from scalefit.record import Record
from scalefit.wording import compact

from .style import axis_title, checked, dark, label_ticks, legend, look, new_axes, title

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

MOST = 8
"""Slices that one figure holds."""
NODES = 120
EITHER = 2.3
"""Decades of the first predictor that a slice shows, in nats either way of its best split."""


def frontier(table: pd.DataFrame, axes: Sequence[Axes] | None = None) -> NDArray[Any]:
    """Draw the table of `Fit.frontier`: both predictors and y against the budget, with bands.

    Parameters
    ----------
    table
        As `Fit.frontier` returns it, of two budgets or more.
    axes
        Three axes, one for each; None makes a figure.

    Returns
    -------
    The axes.

    Raises
    ------
    ConfigError
        If it is no such table, or has one budget.
    """
    if not {"budget", "quantity", "median", "low", "high"} <= set(getattr(table, "columns", ())):
        raise ConfigError("plot.frontier draws what fit.frontier returns")
    if table["budget"].nunique() < 2:
        raise ConfigError("plot.frontier draws two budgets or more; give fit.frontier several")
    quantities = list(dict.fromkeys(table["quantity"]))[:3]
    if axes is None:
        from matplotlib import pyplot as plt

        _, drawn = plt.subplots(1, 3, figsize=(9.6, 3.4), dpi=150, layout="constrained")
        axes = list(drawn)
    runs = list(dict.fromkeys(table["run"]))
    for ax, quantity in zip(axes, quantities, strict=True):
        for i, run in enumerate(runs):
            part = table[(table["run"] == run) & (table["quantity"] == quantity)]
            style = look(i)
            ax.fill_between(
                part["budget"], part["low"], part["high"], color=style["color"], alpha=0.2, lw=0
            )
            ax.plot(part["budget"], part["median"], color=style["color"], ls=style["ls"], lw=1.4)
            ax.lines[-1].set_label(str(run))
        ax.set_xscale("log")
        ax.set_yscale("log")
        label_ticks(ax.yaxis, np.array(ax.get_ylim()))
        ax.set_xlabel("budget")
        ax.set_ylabel(f"{quantity}, best", parse_math=False)
    if len(runs) > 1:
        legend(axes[-1])
    return np.array(axes, dtype=object)


def isoflop(
    fit: Record,
    budget: ArrayLike,
    cost: Cost = 6.0,
    at: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw y against the first predictor where the cost is the same, with each best split.

    Slices are those of the law, not parabolas: a parabola's least is not the law's.

    Parameters
    ----------
    fit
        Of one curve, under a law of two predictors.
    budget
        One or several, in the unit of the cost, 8 at most.
    cost, at
        As for `Fit.frontier`.
    ax
        Where to draw; None makes a figure.

    Raises
    ------
    ConfigError
        If there are several curves or too many budgets.
    """
    checked(fit, "isoflop")
    budgets = np.sort(positive(budget, "budget"))
    if len(fit.runs) > 1 or budgets.size > MOST:
        raise ConfigError(f"plot.isoflop draws one curve at up to {MOST} budgets; pick some")
    run = fit.runs[0]
    held, names = split_of(fit.predictors, at or {})
    best = of_record(fit, budgets, cost, at)
    ax = ax or new_axes()
    for i, one in enumerate(budgets):
        rows = best[best["budget"] == one].set_index("quantity")
        size, y = rows.loc[names[0]], rows.iloc[2]
        if not np.isfinite(size["median"]):
            continue
        sizes = size["median"] * np.exp(np.linspace(-EITHER, EITHER, NODES))
        drawn = slice_of(fit.law, fit.parameters(run), float(one), sizes, cost, held)[1]
        low, median, high = np.quantile(drawn, [0.05, 0.5, 0.95], axis=0)
        style = look(i)
        ax.fill_between(sizes, low, high, color=style["color"], alpha=0.2, lw=0)
        label = f"{compact(f'{one:.3g}')}"
        ax.plot(sizes, median, color=style["color"], ls=style["ls"], lw=1.2, label=label)
        ax.plot([size["low"], size["high"]], [y["median"]] * 2, color=dark(style["color"]), lw=2.2)
        ax.plot(size["median"], y["median"], style["marker"], ms=5, color=dark(style["color"]))
    ax.set_xscale("log")
    ax.set_yscale("log")
    label_ticks(ax.yaxis, np.array(ax.get_ylim()))
    ax.set_xlabel(names[0], parse_math=False)
    ax.set_ylabel(axis_title(fit, "y"), parse_math=False)
    ax.set_title(title(fit, run), fontsize=9, parse_math=False)
    legend(ax, title="budget; bars: best split, 90%", title_fontsize=7.5)
    return ax
