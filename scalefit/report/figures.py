"""Figures of the report, drawn by Plotly in the reader's browser.

One figure shows one curve; a menu puts the arrays of another in its place, so that two hundred
curves cost no more to open than one.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from scalefit.analysis.checks import Residuals, correlation
from scalefit.analysis.words import labels
from scalefit.arrays import Array
from scalefit.forecast.futures import law_at
from scalefit.forecast.noise import deviates, noise_at
from scalefit.laws import SegmentedLaw
from scalefit.plot.style import BAND, FUTURE, INK, LINE, axis_title, ends, stretched
from scalefit.record import Record
from scalefit.wording import inline, rounded, shortened

if TYPE_CHECKING:
    import plotly.graph_objects as go

View = dict[str, dict[str, Any]]
"""What each trace shows of one run."""

BEYOND = 10.0
HAZARD = 1.0
LAGS = 20
GRID = 60
TAILS = (0.05, 0.95)


@dataclass(frozen=True)
class Trace:
    """How one part of the figure looks; what it shows changes with the curve.

    Attributes
    ----------
    panel
        Row and column, from 1.
    kind
        `"area"`, `"line"`, `"points"`, `"text"` or `"bars"`.
    colour, dash
        Of line, marker or area.
    name
        In the legend; empty for none.
    hover
        What is said of a point under the pointer; empty for nothing.
    """

    panel: tuple[int, int]
    kind: str
    colour: str = INK
    dash: str = "solid"
    name: str = ""
    hover: str = ""


XY = "%{x:.4~g}, %{y:.4~g}"
CURVE, LOCAL, CHANCE, RESIDUAL, LAG = (1, 1), (2, 1), (2, 2), (3, 1), (3, 2)
TRACES = {
    "future": Trace(CURVE, "area", FUTURE, name="90%, with further crossovers"),
    "band": Trace(CURVE, "area", BAND, name="90% of new points"),
    "zones": Trace(CURVE, "area", "#f3e4d3", name="crossovers, 90%"),
    "floor": Trace(CURVE, "line", INK, "dot", "floor"),
    "median": Trace(CURVE, "line", LINE, name="median of the law", hover=XY),
    "theory": Trace(CURVE, "line", "#38761d", "dashdot", "theory", hover=XY),
    "data": Trace(CURVE, "points", INK, name="data", hover=XY),
    "exponents": Trace(CURVE, "text"),
    "local_band": Trace(LOCAL, "area", BAND),
    "local": Trace(LOCAL, "line", LINE, hover=XY),
    "floored": Trace(CHANCE, "bars", LINE, hover="with floor: %{y:.2f}"),
    "bare": Trace(CHANCE, "bars", BAND, hover="without floor: %{y:.2f}"),
    "reference": Trace(RESIDUAL, "area", BAND),
    "residuals": Trace(RESIDUAL, "points", INK, hover=XY),
    "lag_band": Trace(LAG, "area", BAND),
    "lags": Trace(LAG, "points", INK, hover="lag %{x}: %{y:.2f}"),
}


def explorer(fit: Record, views: Mapping[str, View]) -> go.Figure:
    """Return the figure of runs, given what `view` shows of each."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=3,
        cols=2,
        specs=[[{"colspan": 2}, None], [{}, {}], [{}, {}]],
        row_heights=[0.5, 0.25, 0.25],
        column_widths=[0.64, 0.36],
        vertical_spacing=0.115,
        horizontal_spacing=0.09,
        subplot_titles=(
            "",
            "local exponent, floor removed",
            "P(regimes), dark: with a floor",
            "residual / noise",
            "autocorrelation of residuals",
        ),
    )
    first = next(iter(views.values()))
    for name, trace in TRACES.items():
        made = _trace(go, trace, first[name])
        figure.add_trace(made, row=trace.panel[0], col=trace.panel[1])
    x_label, y_label = (plain(axis_title(fit, name)) for name in ("x", "y"))
    figure.update_layout(
        template="none",
        height=960,
        margin={"l": 75, "r": 20, "t": 120, "b": 55},
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        barmode="stack",
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.005, "x": 0, "font": {"size": 12}},
        updatemenus=_menus(fit, views),
    )
    figure.update_annotations(font_size=13)
    figure.update_xaxes(showgrid=True, gridcolor="#eeeeee", ticks="outside", tickfont_size=12)
    figure.update_yaxes(showgrid=True, gridcolor="#eeeeee", ticks="outside", tickfont_size=12)
    log = {"type": "log", "title_text": x_label, "title_standoff": 4}
    for row in (1, 2, 3):
        figure.update_xaxes(**log, row=row, col=1)
    kind = "log" if fit.ceiling is None else "linear"
    figure.update_yaxes(type=kind, title_text=y_label, row=1, col=1)
    figure.update_yaxes(ticks_of(fit, views), row=1, col=1)
    figure.update_xaxes(title_text="regimes", title_standoff=4, type="category", row=2, col=2)
    figure.update_yaxes(range=[0, 1.02], row=2, col=2)
    figure.update_xaxes(title_text="lag", title_standoff=4, row=3, col=2)
    return figure


def embedded(figure: go.Figure, name: str, *, script: bool) -> str:
    """Return a figure as HTML, with Plotly's own code if `script`; it asks the network nothing."""
    import plotly.io

    layout: Any = figure.layout
    text: str = plotly.io.to_html(
        figure,
        config={
            "displaylogo": False,
            "responsive": True,
            "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
        },
        include_plotlyjs=script,
        include_mathjax=False,
        full_html=False,
        default_height=f"{layout.height}px",
        div_id=name,
    )
    return text


def view(
    fit: Record,
    run: str,
    found: Residuals | None,
    theory: tuple[Array, Array] | None = None,
) -> View:
    """Return x, y and text of every trace for one run, its residuals being known."""
    shown: View = {name: {"x": [], "y": [], "text": []} for name in TRACES}
    x, y = fit.curve(run)
    shown["data"] = _points(x, y)
    if theory is not None:
        shown["theory"] = _points(*theory)
    if not np.isfinite(fit.parameters(run)["noise"]).all():
        return shown
    shown |= _law(fit, run, x, y)
    shown |= _models(fit, run)
    if found is not None:
        shown["residuals"] = _points(found.x, np.median(found.observed, axis=0))
        wide = _reach(fit.parameters(run, "averaged"))
        shown["reference"] = _area(x[[0, -1]], [-wide, -wide], [wide, wide])
        lags = range(1, min(LAGS, x.size // 3) + 1)
        seen = [float(np.median(correlation(found.observed, k))) for k in lags]
        wide = float(special.ndtri(TAILS[1])) / math.sqrt(x.size)
        shown["lags"] = _points(lags, seen)
        shown["lag_band"] = _area([1, lags[-1]], [-wide, -wide], [wide, wide])
    return shown


def _law(fit: Record, run: str, x: Array, y: Array) -> View:
    """Return the traces of the law itself, as predictions have it, and of its regimes."""
    last = float(x[-1])
    grid = np.geomspace(x[0], last, GRID)
    ahead = np.geomspace(last, BEYOND * last, GRID // 4)
    params = fit.parameters(run, "averaged")
    rng = np.random.default_rng(0)
    whole = np.concatenate([grid, ahead[1:]])
    curve = fit.law.log_curve(params, whole)
    future = law_at(fit, run, params, ahead, HAZARD, rng)
    mean, sd = noise_at(fit, run, params, ahead)
    noise = deviates(params, (len(curve), 1), rng)
    single = np.interp(np.log(whole), np.log(x), fit.scatter(run))
    scale = np.hypot(params["noise"][:, None], single)
    low, high = ends(fit, np.quantile(curve + scale * noise, TAILS, axis=0))
    outer = ends(fit, np.quantile(future + mean + sd * noise, TAILS, axis=0))
    bottom, top = min(low.min(), y.min()), max(high.max(), y.max())
    least, most = stretched(fit, bottom, top)
    shown = {
        "median": _points(whole, fit.shown(np.exp(np.median(curve, axis=0)))),
        "band": _area(whole, low, high),
        "future": _area(ahead, *np.clip(outer, least, most)),
    }
    if not isinstance(fit.law, SegmentedLaw):
        return shown
    local = fit.law.local_exponent(fit.parameters(run, "averaged"), grid, floor=False)
    low, middle, high = np.quantile(local, [TAILS[0], 0.5, TAILS[1]], axis=0)
    shown["local"], shown["local_band"] = _points(grid, middle), _area(grid, low, high)
    best = fit.parameters(run)
    count = fit.regimes(run)
    edges, zones = [x[0]], []
    for i in range(count - 1):
        low, high = np.quantile(best["crossover"][:, i], TAILS)
        zones.append(_area([low, high], [bottom, bottom], [top, top]))
        edges.append(float(np.median(best["crossover"][:, i])))
    edges.append(last)
    shown["zones"] = {
        "x": [v for zone in zones for v in (*zone["x"], None)],
        "y": [v for zone in zones for v in (*zone["y"], None)],
        "text": [],
    }
    floor = best.get("floor", np.zeros(1))
    if np.mean(floor > 0.0) > 0.5:
        level = fit.shown(float(np.median(floor[floor > 0.0])))
        if level > least:
            shown["floor"] = _points([x[0], whole[-1]], [level, level])
    shown["exponents"] = {
        "x": decimals(np.sqrt(np.array(edges[:-1]) * edges[1:])),
        "y": decimals(np.full(count, stretched(fit, bottom, top, 0.25)[1])),
        "text": [_exponent(best["exponent"][:, j]) for j in range(count)],
    }
    return shown


def _reach(params: dict[str, Array]) -> float:
    """Return where 90% of noise of unit scale ends on either side."""
    if "degrees_of_freedom" in params:
        return float(stats.t.ppf(TAILS[1], np.median(params["degrees_of_freedom"])))
    return float(special.ndtri(TAILS[1]))


def _models(fit: Record, run: str) -> View:
    """Return the probabilities of each number of regimes, with and without floor."""
    if not fit.weighed:
        return {}
    shares: Any = fit.probabilities.loc[run].groupby(level=["regimes", "floor"]).sum()
    shown = {}
    for name, floor in (("floored", True), ("bare", False)):
        chosen = shares[shares.index.get_level_values("floor") == floor]
        numbers = [str(n) for n in chosen.index.get_level_values("regimes")]
        shown[name] = {"x": numbers, "y": decimals(chosen.to_numpy(dtype=float)), "text": []}
    return shown


def _trace(go: Any, trace: Trace, shown: dict[str, Any]) -> Any:
    """Return one trace of Plotly."""
    hover = {"hovertemplate": f"{trace.hover}<extra></extra>"} if trace.hover else {}
    common = {
        **shown,
        "name": trace.name,
        "showlegend": bool(trace.name),
        "hoverinfo": "all" if trace.hover else "skip",
        **hover,
    }
    if trace.kind == "bars":
        del common["text"]
        return go.Bar(**common, marker={"color": trace.colour, "line": {"color": INK, "width": 1}})
    styles: dict[str, dict[str, Any]] = {
        "area": {"mode": "lines", "fill": "toself", "fillcolor": trace.colour, "opacity": 0.75}
        | {"line": {"width": 0, "color": trace.colour}},
        "line": {"mode": "lines", "line": {"color": trace.colour, "dash": trace.dash, "width": 2}},
        "points": {
            "mode": "markers",
            "marker": {"color": "white", "size": 6, "line": {"color": trace.colour, "width": 1.2}},
        },
        "text": {"mode": "text", "textposition": "bottom center"},
    }
    return go.Scatter(**common, **styles[trace.kind])


def ticks_of(fit: Record, runs: Iterable[str]) -> dict[str, Any]:
    """Return which digits a log axis of y has room for."""
    if fit.ceiling is not None:
        return {"dtick": None}
    spans = [y.max() / y.min() for _, y in map(fit.curve, runs)]
    # whole numbers, for a 5 below 1 may be half of it
    return {"dtick": "D2", "tickformat": "~g"} if max(spans) > 8.0 else {"dtick": None}


def _menus(fit: Record, views: Mapping[str, View]) -> list[dict[str, Any]]:
    """Return the menu of curves, if there are several, and the switch of the scales."""
    # "x" is the curve, "x2" its local exponent, "x4" its residuals.
    both = ("xaxis", "xaxis2", "xaxis4") + (("yaxis",) if fit.ceiling is None else ())
    ticks = {"log": ticks_of(fit, views)["dtick"], "linear": None}
    scales = [
        {
            "label": kind,
            "method": "relayout",
            "args": [{**{f"{axis}.type": kind for axis in both}, "yaxis.dtick": ticks[kind]}],
        }
        for kind in ("log", "linear")
    ]
    place = {"yanchor": "bottom", "y": 1.075, "showactive": True}
    menus: list[dict[str, Any]] = [
        {"type": "buttons", "direction": "left", "x": 1, "xanchor": "right", **place}
        | {"buttons": scales}
    ]
    if len(views) > 1:
        reset = {f"{axis}.autorange": True for axis in both}
        names = labels(fit)
        choices = [
            {
                "label": plain(shortened(names[run] or run, 60)),
                "method": "update",
                "args": [
                    {key: [shown[name][key] for name in TRACES] for key in ("x", "y", "text")},
                    reset,
                ],
            }
            for run, shown in views.items()
        ]
        menus.append({"x": 0, "xanchor": "left", **place, "buttons": choices})
    return menus


def _exponent(draws: Array) -> str:
    low, middle, high = np.quantile(draws, [TAILS[0], 0.5, TAILS[1]])
    median, bottom, top = rounded(middle, low, high)
    return f"exponent {median}<br>[{bottom}, {top}]"


def _points(x: ArrayLike, y: ArrayLike) -> dict[str, Any]:
    return {"x": decimals(x), "y": decimals(y), "text": []}


def _area(x: ArrayLike, low: ArrayLike, high: ArrayLike) -> dict[str, Any]:
    """Return the closed outline of a band."""
    x, low, high = (np.asarray(one, dtype=float) for one in (x, low, high))
    return _points(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]]))


def decimals(values: ArrayLike) -> list[float | None]:
    """Return numbers with five digits, which a page has room for; None where there is none."""
    array = np.asarray(values, dtype=float).ravel()
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in array]


def plain(name: str) -> str:
    """Return a name that Plotly shows as it is, tags and formulas and all."""
    return html.escape(inline(name)).replace("$", "&#36;")
