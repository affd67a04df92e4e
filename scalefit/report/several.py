"""Figures of several curves: all on one axes, and their end exponents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scalefit.analysis.words import labels
from scalefit.arrays import Array
from scalefit.plot.style import DASHES, INK, LINE, axis_title, look
from scalefit.record import Record
from scalefit.wording import shortened

from .figures import View, decimals, plain, ticks_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

SYMBOLS = {
    **{"o": "circle", "s": "square", "D": "diamond", "^": "triangle-up"},
    **{"v": "triangle-down", "P": "cross", "X": "x"},
}
STROKES = {
    str(dash): stroke
    for dash, stroke in zip(DASHES, ("solid", "dash", "dashdot", "dot", "longdashdot"), strict=True)
}


def overlay(fit: Record, views: Mapping[str, View]) -> go.Figure:
    """Return the figure of several runs on one axes: data, median of the law, and theory."""
    import plotly.graph_objects as go

    figure = go.Figure()
    names = labels(fit)
    for i, (run, shown) in enumerate(views.items()):
        style = look(i)
        of_run = {"legendgroup": run, "name": plain(shortened(names[run], 28))}
        marker = {"symbol": f"{SYMBOLS[style['marker']]}-open", "color": style["color"], "size": 6}
        line = {"color": style["color"], "dash": STROKES[str(style["ls"])], "width": 1.6}
        figure.add_scatter(
            **shown["data"], mode="markers", marker=marker, showlegend=False, **of_run
        )
        median = {**shown["median"], "hoverinfo": "name"}
        # One entry that has both: the line with the marker of the data.
        figure.add_scatter(**median, mode="lines", line=line, showlegend=False, **of_run)
        figure.add_scatter(
            x=[None], y=[None], mode="lines+markers", marker=marker, line=line, **of_run
        )
        if shown["theory"]["x"]:
            dotted = {"color": INK, "dash": "dot", "width": 1.2}
            first = not any(trace.name == "theory" for trace in figure.data)
            figure.add_scatter(
                **shown["theory"], mode="lines", line=dotted, name="theory", showlegend=first
            )
    figure.update_layout(
        template="none",
        height=max(460, 140 + 19 * len(views)),
        margin={"l": 75, "r": 20, "t": 20, "b": 55},
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        legend={"font": {"size": 12}, "groupclick": "togglegroup", "tracegroupgap": 0},
    )
    axis: Any = {"type": "log", "gridcolor": "#eeeeee", "ticks": "outside"}
    figure.update_xaxes(**axis, title_text=plain(axis_title(fit, "x")))
    figure.update_yaxes(**axis, title_text=plain(axis_title(fit, "y")), **ticks_of(fit, views))
    return figure


def forest(
    names: Sequence[str],
    median: Array,
    low: Array,
    high: Array,
    good: NDArray[np.bool_],
    links: Sequence[int],
) -> go.Figure:
    """Return the exponents of many runs with their intervals; a cross where the verdict is bad.

    `links` are the places of the runs in the list of curves, which the page opens on a click.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    labels = [plain(shortened(name, 44)) for name in names]
    places = np.arange(len(names), dtype=float)
    for wanted, label, symbol in ((True, "ok", "circle"), (False, "not ok", "x-thin")):
        at = good == wanted
        if not at.any():
            continue
        figure.add_trace(
            go.Scatter(
                x=decimals(median[at]),
                y=decimals(places[at]),
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": decimals((high - median)[at]),
                    "arrayminus": decimals((median - low)[at]),
                    "color": INK,
                    "thickness": 1.2,
                    "width": 3,
                },
                mode="markers",
                marker={"symbol": symbol, "color": LINE, "size": 7, "line": {"width": 1.5}},
                name=label,
                customdata=[link for link, one in zip(links, at, strict=True) if one],
                text=[name for name, one in zip(labels, at, strict=True) if one],
                hovertemplate="%{text}: %{x:.4~g}<extra></extra>",
                showlegend=not good.all(),
            )
        )
    figure.update_layout(
        template="none",
        height=110 + 22 * len(names),
        margin={"l": 10, "r": 20, "t": 30, "b": 50},
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1, "x": 0},
    )
    figure.update_xaxes(title_text="end exponent", gridcolor="#e4e4e4", ticks="outside")
    figure.update_yaxes(
        tickvals=decimals(places),
        ticktext=labels,
        range=[len(names) - 0.4, -0.6],
        automargin=True,
        gridcolor="#f2f2f2",
        zeroline=False,
    )
    return figure
