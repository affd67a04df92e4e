"""Figures of surfaces: contours with residuals at the points, and slices along one predictor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arguments import positive
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.record import Record
from scalefit.wording import compact, inline, quoted, suggest

from .style import (
    HUES,
    INK,
    LINE,
    axis_title,
    ends,
    label_axis,
    label_ticks,
    legend,
    look,
    new_axes,
    predictor_title,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = 60
DRAWS = 200
"""Draws that contours are the medians of."""
LARGE = 4.0
"""Residuals in units of the noise that have the largest marks; larger ones have no larger."""
NEAR = 0.1
"""Decades off a slice within which points are drawn beside it."""
ROOM = 0.04
"""Share of the range of a predictor that is left free on either side."""
SLICES = 3
"""Values of the other predictor at which slices are drawn unless they are named."""


class Missed(NamedTuple):
    """How the points of a surface lie to the law.

    Attributes
    ----------
    x : shape (n, k)
    y, fitted : shape (n,)
        What was measured, and the median of the law.
    off : shape (n,)
        How far y lies above it, in units of the noise.
    params
        An even choice of the draws, of which these are the medians.
    """

    x: Array
    y: Array
    fitted: Array
    off: Array
    params: dict[str, Array]


def missed(fit: Record, run: str) -> Missed:
    """Return how the points of a surface lie to the law."""
    x, y = fit.curve(run)
    params = _some(fit.parameters(run))
    law = np.median(fit.law.log_curve(params, x), axis=0)
    off = (np.log(fit.gap(y)) - law) / np.median(params["noise"])
    return Missed(x, y, fit.shown(np.exp(law)), off if fit.ceiling is None else -off, params)


def heights(
    fit: Record, x: Array, params: Mapping[str, Array], count: int
) -> tuple[Array, Array, Array]:
    """Return values of both predictors, shape (count,), and the median law, (count, count)."""
    across, up = grid_of(x, 0, count), grid_of(x, 1, count)
    mesh = np.stack(np.meshgrid(across, up), axis=-1)
    law = np.median(fit.law.log_curve(params, mesh.reshape(-1, 2)), axis=0)
    return across, up, fit.shown(np.exp(law)).reshape(count, count)


def surface(fit: Record, run: str, ax: Axes | None = None) -> Axes:
    """Draw contours of the median law over two predictors, and the points with their residuals.

    Triangles point up where y lies above the law and down where it lies below, the larger the
    farther off in units of the noise. Of more predictors, y is drawn against the fitted y.

    Parameters
    ----------
    fit, run
        What to draw.
    ax
        Where to draw; None makes a figure.
    """
    ax = new_axes() if ax is None else ax
    x, y, fitted, off, params = missed(fit, run)
    if x.shape[1] == 2:
        _contours(fit, x, params, ax)
        across, up = x.T
        sides: Any = ((ax.xaxis, ax.set_xlabel), (ax.yaxis, ax.set_ylabel))
        for j, (axis, write) in enumerate(sides):
            _scaled(x[:, j], ax, "xy"[j])
            if (x[:, j] > 0.0).all():
                label_ticks(axis, x[:, j])
            write(predictor_title(fit, fit.predictors[j]), parse_math=False)
    else:
        across, up = fitted, y
        both = np.array([min(across.min(), up.min()), max(across.max(), up.max())])
        ax.plot(both, both, color=LINE, lw=1.0, label="the law")
        label = axis_title(fit, "y")
        ax.set(xscale="log", yscale="log")
        ax.set_xlabel(f"fitted {label}", parse_math=False)
        ax.set_ylabel(label, parse_math=False)
    size = 10.0 + 14.0 * np.minimum(np.abs(off), LARGE)
    for above, mark, colour, word in (
        (True, "^", HUES[1], "above"),
        (False, "v", HUES[0], "below"),
    ):
        some = (off > 0.0) == above
        ax.scatter(
            across[some],
            up[some],
            size[some],
            marker=mark,
            facecolor=(colour if above else "white"),
            edgecolor=colour,
            linewidth=0.8,
            zorder=3,
            label=f"{word} the law",
        )
    legend(ax, loc="best", title="larger: farther off", title_fontsize=7.5)
    ax.set_title(_heading(fit, run), fontsize=10, parse_math=False)
    return ax


def slices(
    fit: Record,
    run: str,
    along: str,
    at: Mapping[str, ArrayLike] | None = None,
    ax: Axes | None = None,
    beyond: float = 1.0,
) -> Axes:
    """Draw the law along one predictor at values of the others, with 90% bands.

    Points are drawn beside a slice where the other predictors lie within a tenth of a decade of
    its own.

    Parameters
    ----------
    fit, run
        What to draw.
    along
        The predictor that changes.
    at
        Values of the others, one or several each; several are drawn one by one. None takes three
        values among the points.
    ax
        Where to draw; None makes a figure.
    beyond
        How far to go on beyond the data, as a multiple of the largest value.
    """
    ax = new_axes() if ax is None else ax
    x, y = fit.curve(run)
    names = fit.predictors
    if along not in names:
        raise ConfigError(f"along={quoted(along)}: no predictor; {suggest(along, names)}")
    j = names.index(along)
    held = _held(fit, x, j, at)
    grid = np.geomspace(x[:, j][x[:, j] > 0].min(), beyond * x[:, j].max(), GRID)
    params = fit.parameters(run)
    for i, values in enumerate(held):
        places = np.tile(values, (GRID, 1))
        places[:, j] = grid
        drawn = fit.law.log_curve(params, places)
        low, high = ends(fit, np.quantile(drawn, [0.05, 0.95], axis=0))
        style = look(i)
        rest = [k for k in range(len(names)) if k != j]
        word = ", ".join(f"{names[k]} {compact(f'{values[k]:.3g}')}" for k in rest)
        ax.fill_between(grid, low, high, color=style["color"], alpha=0.2, lw=0)
        middle = fit.shown(np.exp(np.median(drawn, axis=0)))
        ax.plot(grid, middle, color=style["color"], ls=style["ls"], lw=1.4, label=word)
        with np.errstate(divide="ignore"):
            apart = np.abs(np.log10(x[:, rest] / values[rest]))
        near = (apart < NEAR).all(axis=1) | (x[:, rest] == values[rest]).all(axis=1)
        ax.plot(
            x[near, j], y[near], style["marker"], color=style["color"], mfc="white", ms=4, zorder=3
        )
    ax.set_xscale("log")
    if fit.ceiling is None:
        ax.set_yscale("log")
        label_ticks(ax.yaxis, y)
    ax.set_xlabel(predictor_title(fit, along), parse_math=False)
    label_axis(fit, ax.set_ylabel, "y")
    legend(ax, loc="best")
    ax.set_title(_heading(fit, run), fontsize=10, parse_math=False)
    return ax


def grid_of(x: Array, j: int, count: int = GRID) -> Array:
    """Return values of one predictor over its range, in equal ratios if all are positive."""
    low, high = x[:, j].min(), x[:, j].max()
    if low > 0.0:
        room = (high / low) ** ROOM
        return np.geomspace(low / room, high * room, count)
    return np.linspace(low, high + ROOM * (high - low), count)


def _contours(fit: Record, x: Array, params: Mapping[str, Array], ax: Axes) -> None:
    across, up, height = heights(fit, x, params, GRID)
    bottom, top = np.quantile(height, [0.02, 0.98])
    levels: Any = np.geomspace(bottom, top, 8) if bottom > 0.0 else np.linspace(bottom, top, 8)
    levels = np.unique([float(f"{one:.3g}") for one in levels])
    lines = ax.contour(across, up, height, levels=levels, colors=INK, linewidths=0.7)
    ax.clabel(lines, fmt=lambda value: compact(f"{value:.3g}"), fontsize=7, inline_spacing=2)


def _scaled(column: Array, ax: Axes, which: str) -> None:
    if (column > 0.0).all():
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")


def _held(fit: Record, x: Array, j: int, at: Mapping[str, ArrayLike] | None) -> list[Array]:
    """Return the values of all predictors on each slice."""
    names = fit.predictors
    rest = [name for i, name in enumerate(names) if i != j]
    if at is None:
        order = np.argsort(x[:, names.index(rest[0])], kind="stable")
        picked = np.unique(np.linspace(0, len(x) - 1, SLICES).round().astype(int))
        return list({tuple(np.delete(x[order[i]], j)): x[order[i]] for i in picked}.values())
    unknown = [name for name in at if name not in rest]
    missing = [name for name in rest if name not in at]
    if unknown or missing:
        said = f"{quoted(unknown[0])} is none of them" if unknown else f"{quoted(missing[0])} lacks"
        raise ConfigError(f"at= gives values of {', '.join(map(quoted, rest))}; {said}")
    columns = np.broadcast_arrays(*(positive(at[name], f"at {name}") for name in rest))
    found = np.ones((columns[0].size, len(names)))
    for name, one in zip(rest, columns, strict=True):
        found[:, names.index(name)] = one
    return list(found)


def _some(params: Mapping[str, Array]) -> dict[str, Array]:
    """Return an even choice of draws."""
    count = len(params["noise"])
    chosen = np.linspace(0, count - 1, min(DRAWS, count)).round().astype(int)
    return {name: value[chosen] for name, value in params.items()}


def _heading(fit: Record, run: str) -> str:
    """Return the name of a surface; the law's where there is one surface only."""
    name = title(fit, run, 56)
    alone = len(fit.runs) == 1 and run == "all"
    return name.replace("all", inline(fit.law.name), 1) if alone else name
