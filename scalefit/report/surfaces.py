"""Figures of surfaces in the report: contours with residuals, and residuals against fitted y."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scalefit.arrays import Array
from scalefit.plot.style import INK, LINE, MARK, axis_title, predictor_title
from scalefit.plot.surface import heights, missed
from scalefit.record import Record

from .figures import decimals, embedded, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

GRID = 40
MOST = 12
"""Surfaces drawn one below the other, at most."""


def explorer(fit: Record) -> str:
    """Return the figures of the first surfaces as HTML; the first brings Plotly's own code."""
    made: list[str] = []
    for run in fit.fitted[:MOST]:
        figure = _figure(fit, run)
        made.append(embedded(figure, f"surface-{len(made)}", script=not made))
    return "\n".join(made)


def _figure(fit: Record, run: str) -> go.Figure:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    x, y, fitted, off, params = missed(fit, run)
    names, flat = fit.predictors, x.shape[1] == 2
    figure = make_subplots(
        rows=1 + flat,
        cols=1,
        row_heights=[0.62, 0.38] if flat else [1.0],
        vertical_spacing=0.13,
        subplot_titles=("the law, and points: up where y is above it", "residual / noise")[
            -1 - flat :
        ],
    )
    if flat:
        _contour(fit, x, params, figure, go)
        figure.add_trace(_points(go, x[:, 0], x[:, 1], off, names, x, y, fitted), row=1, col=1)
        for j, update in enumerate((figure.update_xaxes, figure.update_yaxes)):
            log: Any = {"type": "log"} if (x[:, j] > 0.0).all() else {}
            update(title_text=plain(predictor_title(fit, names[j])), row=1, col=1, **log)
    figure.add_trace(_points(go, fitted, off, off, names, x, y, fitted), row=1 + flat, col=1)
    label = plain(axis_title(fit, "y"))
    figure.update_xaxes(type="log", title_text=f"fitted {label}", row=1 + flat, col=1)
    figure.update_yaxes(title_text="residual / noise", row=1 + flat, col=1)
    figure.update_layout(
        template="none",
        height=820 if flat else 420,
        margin={"l": 80, "r": 20, "t": 60, "b": 55},
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        title={"text": plain(run), "font": {"size": 14}} if len(fit.runs) > 1 else None,
        showlegend=False,
        hovermode="closest",
    )
    figure.update_annotations(font_size=13)
    figure.update_xaxes(showgrid=True, gridcolor="#eeeeee", ticks="outside", tickfont_size=12)
    figure.update_yaxes(showgrid=True, gridcolor="#eeeeee", ticks="outside", tickfont_size=12)
    return figure


def _contour(fit: Record, x: Array, params: dict[str, Array], figure: Any, go: Any) -> None:
    across, up, height = heights(fit, x, params, GRID)
    figure.add_trace(
        go.Contour(
            x=decimals(across),
            y=decimals(up),
            z=[decimals(row) for row in height],
            contours={"coloring": "lines", "showlabels": True},
            colorscale=[[0.0, LINE], [1.0, LINE]],
            line={"width": 1},
            showscale=False,
            hoverinfo="skip",
        ),
        row=1,
        col=1,
    )


def _points(
    go: Any,
    across: Array,
    up: Array,
    off: Array,
    names: list[str],
    x: Array,
    y: Array,
    fitted: Array,
) -> Any:
    said = [
        "<br>".join(
            [
                *(f"{plain(n)} {v:.4g}" for n, v in zip(names, row, strict=True)),
                f"y {value:.4g}, fitted {law:.4g}, residual {away:+.2g}",
            ]
        )
        for row, value, law, away in zip(x, y, fitted, off, strict=True)
    ]
    return go.Scatter(
        x=decimals(across),
        y=decimals(up),
        text=said,
        hovertemplate="%{text}<extra></extra>",
        mode="markers",
        marker={
            "symbol": ["triangle-up" if one > 0.0 else "triangle-down-open" for one in off],
            "size": [6.0 + 2.0 * min(abs(float(one)), 4.0) for one in off],
            "color": [MARK if one > 0.0 else LINE for one in off],
        },
    )
