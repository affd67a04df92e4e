"""Figure of several curves on one axes: data, medians, and each name beside its curve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array
from scalefit.forecast.futures import law_at
from scalefit.forecast.noise import deviates, noise_at
from scalefit.laws import SegmentedLaw
from scalefit.record import Record

from .room import make_room, shares
from .style import INK, dark, label_axis, label_ticks, legend, look, stretched, title
from .style import ends as both

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Theory = Mapping[str, tuple[Array, Array]]
"""x and y of a curve that a theory foretells, by run."""
BANDS = 3
"""Curves up to which bands are drawn; those of more would cover one another."""
NAMED = 8
"""Curves up to which each has its name beside it; the names of more are in a legend."""
NODES = 120
HAZARD = 1.0
APART = 0.045
"""Distance of two names, as a share of the axes."""
TAILS = (0.05, 0.95)


def overlay(fit: Record, runs: list[str], ax: Axes, beyond: float, theory: Theory) -> Axes:
    """Draw the runs on one axes; see `curve`."""
    ax.set_xscale("log")
    ax.set_yscale("log" if fit.ceiling is None else "linear")
    drawn = len(runs)
    runs = [run for run in runs if np.isfinite(fit.curve(run)[1]).all()]  # some have no y at all
    points, ends = [], []
    limits = [math.inf, 0.0]
    fitted = set(fit.fitted)
    for i, run in enumerate(runs):
        style = look(i)
        x, y = fit.curve(run)
        points.append(np.column_stack([x, y]))
        marks = {"marker": style["marker"], "ms": 3.4, "mfc": "white", "mew": 0.8}
        ax.plot(x, y, ls="none", color=style["color"], zorder=3, **marks)
        limits = [min(limits[0], y.min()), max(limits[1], y.max())]
        if run in theory:
            ax.plot(*theory[run], color=INK, lw=1.0, ls="-.", zorder=2.4)
        end = (float(x[-1]), float(y[-1]))
        if run in fitted:
            end = (beyond * end[0], _median(fit, run, ax, x, style, beyond, len(runs) <= BANDS))
            _crossovers(fit, run, ax, style)
            limits = [min(limits[0], end[1]), max(limits[1], end[1])]
        ends.append(end)
    every = np.concatenate(points)
    low, high = every[:, 0].min(), max(x for x, _ in ends)
    margin = (high / low) ** 0.03 if high > low else 1.1
    ax.set_xlim(low / margin, high * margin)
    if not limits[1] > limits[0]:
        limits = [limits[0] * 0.7, limits[0] * 1.4]
    ax.set_ylim(*stretched(fit, limits[0], limits[1], 0.06))
    label_ticks(ax.xaxis, np.array(ax.get_xlim()))
    if fit.ceiling is None:
        label_ticks(ax.yaxis, np.array(limits))
    label_axis(fit, ax.set_xlabel, "x")
    label_axis(fit, ax.set_ylabel, "y")
    if drawn < len(fit.runs):
        ax.set_title(f"first {drawn} of {len(fit.runs)} curves", fontsize=10)
    if len(runs) <= NAMED:
        _direct(fit, runs, ax, ends)
        legend(ax, handles=_key(fit, runs, any(run in theory for run in runs)), loc="lower left")
        make_room([(ax, every)])
    else:
        _beside(fit, runs, ax)
    return ax


def _median(
    fit: Record, run: str, ax: Axes, x: Array, style: dict[str, Any], beyond: float, band: bool
) -> float:
    """Draw the median of the law, and where new points fall; return the last median."""
    grid = np.geomspace(x[0], x[-1] * beyond, NODES)
    params = fit.parameters(run, "averaged")
    rng = np.random.default_rng(0)
    curve = fit.shown(np.exp(np.median(fit.law.log_curve(params, grid), axis=0)))
    inside = grid <= x[-1] * (1.0 + 1e-9)
    line = {"color": style["color"], "lw": 1.3}
    ax.plot(grid[inside], curve[inside], ls=style["ls"], **line)
    if not inside.all():
        ax.plot(grid[~inside], curve[~inside], ls=style["ls"], alpha=0.6, **line)
    if band:
        drawn = law_at(fit, run, params, grid, HAZARD, rng)
        mean, sd = noise_at(fit, run, params, grid)
        noise = mean + sd * deviates(params, (len(drawn), 1), rng)
        low, high = both(fit, np.quantile(drawn + noise, TAILS, axis=0))
        ax.fill_between(grid, low, high, color=style["color"], alpha=0.15, lw=0)
        edge = {"color": style["color"], "lw": 0.4, "ls": style["ls"]}
        ax.plot(grid, np.array([low, high]).T, **edge)
    return float(curve[-1])


def _crossovers(fit: Record, run: str, ax: Axes, style: dict[str, Any]) -> None:
    """Mark the crossovers of the headline's number of regimes on the median."""
    params = fit.parameters(run)
    if not isinstance(fit.law, SegmentedLaw) or fit.regimes(run) < 2:
        return
    places = np.median(params["crossover"][:, : fit.regimes(run) - 1], axis=0)
    log_law = fit.law.log_curve(fit.parameters(run, "averaged"), places)
    at = fit.shown(np.exp(np.median(log_law, axis=0)))
    ax.plot(places, at, ls="none", marker="|", ms=13, mew=1.6, color=style["color"], zorder=2.5)


def _key(fit: Record, runs: list[str], foretold: bool) -> list[Any]:
    """Return what the parts of the figure mean, in no curve's colour."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dots: Any = {"ls": "none", "mfc": "white", "mec": INK}
    made: list[Any] = [
        Line2D([], [], marker="o", ms=3.4, label="data", **dots),
        Line2D([], [], color=INK, lw=1.3, label="median of the law"),
    ]
    if len(runs) <= BANDS:
        made.append(Patch(fc=(INK, 0.15), ec=INK, lw=0.4, label="90% of new points"))
    if foretold:
        made.append(Line2D([], [], color=INK, lw=1.0, ls="-.", label="theory"))
    if any(fit.regimes(run) > 1 for run in runs if run in fit.fitted):
        made.append(Line2D([], [], marker="|", ms=9, mew=1.6, ls="none", color=INK))
        made[-1].set_label("crossover, median")
    return made


def _direct(fit: Record, runs: list[str], ax: Axes, ends: list[tuple[float, float]]) -> None:
    """Write each name to the right of the axes, at the height of its curve's end."""
    at = shares(ax, np.array(ends))[:, 1]
    order = np.argsort(at)
    heights = at[order].clip(0.0, 1.0)
    for _ in range(len(runs)):  # push neighbours apart, a little at a time
        for i in range(1, len(runs)):
            lack = APART - (heights[i] - heights[i - 1])
            if lack > 0.0:
                heights[i] += lack / 2
                heights[i - 1] -= lack / 2
    for i, height in zip(order, heights, strict=True):
        style = look(int(i))
        ax.annotate(
            title(fit, runs[i], 24),
            ends[i],
            (1.025, height),
            textcoords="axes fraction",
            ha="left",
            va="center",
            fontsize=7.5,
            color=dark(style["color"]),
            parse_math=False,
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": style["color"], "shrinkB": 2},
            annotation_clip=False,
        )


def _beside(fit: Record, runs: list[str], ax: Axes) -> None:
    """Put the names into a legend to the right of the axes."""
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], ms=3.4, mfc="white", mew=0.8, lw=1.3, label=title(fit, run, 24), **look(i))
        for i, run in enumerate(runs)
    ]
    legend(
        ax,
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        ncols=math.ceil(len(runs) / 25),
        title="points: data\nlines: median of the law",
        title_fontsize=7.5,
        alignment="left",
    )
