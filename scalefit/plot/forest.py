"""Figure of comparisons: points with intervals, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.errors import ConfigError
from scalefit.wording import shortened

from .style import FUTURE, INK, LINE, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NAMED = 66
"""Rows above which they are sorted and drawn without their names."""


def forest(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw a table of `scalefit.compare`: medians, intervals, and where there is no difference.

    Hollow points stand for comparisons with an unreliable run. Of more than 66 rows none is named,
    and they are sorted by their median.

    Parameters
    ----------
    table
        With its `attrs`.
    ax
        Where to draw; None makes a figure.

    Raises
    ------
    ConfigError
        If the table has no rows or columns of a comparison.
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise ConfigError(
            "plot.forest draws a comparison, plot.forest(sf.compare(fit)); a "
            f"{type(table).__name__} was given"
        )
    if table.empty or not {"a", "b", "median", "low", "high"} <= set(table.columns):
        raise ConfigError("table: give what scalefit.compare returns, with one row or more")
    attrs = table.attrs
    crowded = len(table) > NAMED
    if crowded:
        table = table.sort_values("median")
    rows: Any = table.to_dict("records")
    if ax is None:
        ax = new_axes(height=4.8 if crowded else 1.1 + 0.26 * len(rows))
    place = np.arange(len(rows))
    ratio = bool(attrs.get("ratio"))
    low, median, high = (table[name].to_numpy(dtype=float) for name in ("low", "median", "high"))
    if attrs.get("rope"):
        ax.axvspan(*attrs["rope"], color=FUTURE, alpha=0.6, lw=0, label="does not matter")
    ax.axvline(1.0 if ratio else 0.0, color=INK, lw=0.8, ls="--")
    ax.hlines(place, low, high, color=LINE, lw=0.6 if crowded else 1.4)
    bad = set(attrs.get("marked", ()))
    filled = [LINE if not {row["a"], row["b"]} & bad else "white" for row in rows]
    ax.scatter(median, place, s=4 if crowded else 24, c=filled, edgecolors=LINE, zorder=3)
    if crowded:
        ax.set_yticks([])
        ax.set_ylabel(f"{len(rows)} comparisons, sorted")
    else:
        ax.set_yticks(place, [_label(row) for row in rows], fontsize=8, parse_math=False)
        ax.set_ylim(len(rows) - 0.5, -0.5)
    what = str(attrs.get("parameter", "")).replace("_", " ")
    interval = f"{100 * attrs.get('interval', 0.9):g}% interval"
    sides = "a / b" if ratio else "a - b"
    ax.set_xlabel(f"{what}: {sides}, {interval}", parse_math=False)
    return ax


def _label(row: dict[str, Any]) -> str:
    regime = f", {row['regime']}" if isinstance(row.get("regime"), int) else ""
    if row.get("predictor"):
        regime = f", {row['predictor']}"
    return f"{shortened(str(row['a']), 28)} vs {shortened(str(row['b']), 28)}{regime}"
