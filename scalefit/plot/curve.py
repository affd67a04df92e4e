"""Figure of a curve: data, median, bands, crossovers and exponents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalefit.analysis.words import chances
from scalefit.arguments import real, whole
from scalefit.arrays import Array, quantiles
from scalefit.errors import ConfigError
from scalefit.forecast.futures import law_at
from scalefit.forecast.noise import deviates, noise_at
from scalefit.laws import SegmentedLaw
from scalefit.record import Record
from scalefit.wording import quoted, rounded

from .overlay import Theory, overlay
from .room import make_room
from .style import (
    BAND,
    FUTURE,
    INK,
    LINE,
    MARK,
    MOST,
    checked,
    ends,
    known,
    label_axis,
    label_ticks,
    legend,
    new_axes,
    stretched,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PANELS = 100
"""Panels of a figure, unless asked otherwise."""
FARTHEST = 1e12
"""How far beyond the data a figure goes, at most, as a multiple of the last x."""
HAZARD = 1.0
CLOSE = 0.2
"""Share of the width of the axes below which two labels stand at different heights."""


def curve(
    fit: Record,
    run: str | None = None,
    ax: Axes | None = None,
    *,
    beyond: float = 1.0,
    panels: bool = False,
    most: int | None = None,
    theory: Mapping[str, tuple[Array, Array]] | None = None,
    along: str | None = None,
    at: Mapping[str, ArrayLike] | None = None,
) -> Axes | NDArray[Any]:
    """Draw data, median, 90% bands, crossovers and exponents of one run, or several on one axes.

    Parameters
    ----------
    fit
        What to draw.
    run
        Which run; None draws all.
    ax
        Where to draw; None makes a figure.
    beyond
        How far to go on beyond the data, as a multiple of the last x.
    panels
        Whether each run has axes of its own; of a collapse, four: its curves, the master curve, and
        elbow and level against P.
    most
        Runs to draw at most, the first; 20 on one axes, 100 with `panels`. A figure that leaves
        some out says so.
    theory
        x and y of a curve to draw beside the data, by run.
    along, at
        Of several predictors, the one to draw y against, and values of the others.

    Returns
    -------
    The axes, or an array of them with `panels`.

    Raises
    ------
    ConfigError
        If the run is unknown, `ax` is given with `panels`, `beyond` is below 1 or `most` below 1.
    """
    checked(fit, "curve")
    if run is not None:
        fit = fit.only(known(fit, run))
    advice = f"give a multiple of the last x, from 1 to {FARTHEST:g}"
    if not 1.0 <= real(beyond, "beyond", advice) <= FARTHEST:
        raise ConfigError(f"beyond={beyond}: {advice}")
    if most is not None and not (whole(most) and most >= 1):
        raise ConfigError(f"most={quoted(most)}: give a number of curves, 1 or more")
    if panels and ax is not None:
        raise ConfigError("ax is one axes, and panels=True makes one per curve; give one of them")
    if len(fit.predictors) > 1:
        return _surfaces(fit, ax, beyond, most or PANELS, along, at, panels)
    if along is not None or at is not None:
        raise ConfigError("along and at belong to fits against several predictors")
    if panels:
        return _panels(fit, fit.runs[: most or PANELS], beyond, theory or {})
    ax = new_axes() if ax is None else ax
    if len(fit.runs) > 1:
        return overlay(fit, fit.runs[: most or MOST], ax, beyond, theory or {})
    make_room([_draw(fit, fit.runs[0], ax, beyond, theory or {})])
    return ax


def _surfaces(
    fit: Record,
    ax: Axes | None,
    beyond: float,
    most: int,
    along: str | None,
    at: Mapping[str, ArrayLike] | None,
    panels: bool,
) -> Axes | NDArray[Any]:
    """Draw surfaces on axes of their own: contours, slices, or a collapse on its master curve."""
    from scalefit.laws import Collapse

    from .collapse_panels import collapse_panels
    from .master_curve import master_curve
    from .surface import slices, surface

    runs = fit.fitted[:most]
    if not runs:
        raise ConfigError("no run has a posterior to draw; see fit.verdict")
    if ax is not None and len(runs) > 1:
        raise ConfigError("ax is one axes, and there are several surfaces: draw fit[run]")
    if panels and along is None and isinstance(fit.law, Collapse):
        if len(runs) > 1:
            raise ConfigError("panels=True has four panels of one collapse: draw fit[run]")
        return collapse_panels(fit, runs[0])
    grid = None if len(runs) == 1 else _grid(len(runs))
    drawn: Any = None
    for i, run in enumerate(runs):
        place = ax if grid is None else grid[i]
        if along is None and isinstance(fit.law, Collapse):
            names = (*fit.predictors, str(fit.tree.attrs["y_label"]))
            x, y = fit.curve(run)
            drawn = master_curve(fit.law, fit.parameters(run), x, y, place, labels=names)  # type: ignore[arg-type]
        elif along is None:
            drawn = surface(fit, run, place)
        else:
            drawn = slices(fit, run, along, at, place, beyond)
    return drawn if grid is None else grid


def _grid(count: int) -> NDArray[Any]:
    """Return axes in a grid, one for each panel."""
    from matplotlib import pyplot as plt

    across = min(3, count)
    down = math.ceil(count / across)
    _, grid = plt.subplots(
        down,
        across,
        squeeze=False,
        figsize=(5.2 * across, 3.9 * down),
        dpi=120,
        layout="constrained",
    )
    axes = grid.reshape(-1)
    for ax in axes[count:]:
        ax.set_axis_off()
    return np.asarray(axes)


def _panels(fit: Record, shown: list[str], beyond: float, theory: Theory) -> NDArray[Any]:
    """Return axes in a grid, one per run."""
    axes = _grid(len(shown))
    figure = axes[0].figure
    if len(fit.runs) > len(shown):
        figure.suptitle(f"first {len(shown)} of {len(fit.runs)} curves", fontsize=10)
    make_room([_draw(fit, run, ax, beyond, theory) for ax, run in zip(axes, shown, strict=False)])
    return axes[: len(shown)]


def _draw(fit: Record, run: str, ax: Axes, beyond: float, theory: Theory) -> tuple[Axes, Array]:
    """Draw one curve; return the axes and the points that nothing may cover."""
    x, y = fit.curve(run)
    margin = math.exp(0.02 * (math.log(x[-1] / x[0]) or 1.0))  # there may be one point only
    grid = np.geomspace(x[0] / margin, x[-1] * max(beyond, margin), 200)
    ax.set_xscale("log")
    ax.set_yscale("log" if fit.ceiling is None else "linear")
    ax.set_xlim(grid[0], grid[-1])
    low, high = (1.0, 2.0) if np.isnan(y).all() else (y.min(), y.max())
    if np.isfinite(fit.parameters(run)["noise"]).all():
        below, above = _bands(fit, run, ax, grid, beyond > 1.0)
        low, high = min(low, below), max(high, above)
    if run in theory:
        ax.plot(*theory[run], color=INK, lw=1.2, ls="-.", label="theory", zorder=2.4)
    errors = fit.errors(run) * fit.gap(y)
    if errors.any():
        ax.errorbar(x, y, errors, fmt="none", ecolor=INK, elinewidth=0.6, alpha=0.6, zorder=2.5)
    ax.plot(x, y, "o", ms=3.2, mfc="white", mec=INK, mew=0.8, label="data", zorder=3)
    label_ticks(ax.xaxis, np.array(ax.get_xlim()))
    if fit.ceiling is None:
        span = high / low if high > low else 2.0
        ax.set_ylim(low / span**0.06, high * span**0.22)
        label_ticks(ax.yaxis, np.array([low, high]))
    else:
        span = high - low
        ax.set_ylim(low - 0.06 * span, high + 0.22 * span)
    if isinstance(fit.law, SegmentedLaw):
        _mark_regimes(fit, run, ax, x)
    label_axis(fit, ax.set_xlabel, "x")
    label_axis(fit, ax.set_ylabel, "y")
    ax.set_title(title(fit, run, 80), fontsize=10, parse_math=False)
    legend(
        ax,
        loc="lower left" if y[0] > y[-1] else "lower right",
        title=chances(fit, run) or None,
        title_fontsize=7.5,
        alignment="left",
    ).set_zorder(2.6)
    return ax, np.column_stack([x, y])


def _bands(fit: Record, run: str, ax: Axes, grid: Array, ahead: bool) -> tuple[float, float]:
    """Draw the median of the law and where new points fall; return what y should be in view.

    Both are averaged over models, as predictions are.
    """
    params = fit.parameters(run, "averaged")
    last = fit.curve(run)[0][-1]
    rng = np.random.default_rng(0)
    curve = fit.law.log_curve(params, grid)
    mean, sd = _noise(fit, run, params, grid)
    # One deviate per draw, the same at every x: the band of each x is right, and smooth in x.
    noise = mean + sd * deviates(params, (len(curve), 1), rng)
    low, high = ends(fit, np.quantile(curve + noise, [0.05, 0.95], axis=0))
    bottom, top = float(low.min()), float(high.max())
    if ahead:
        future = law_at(fit, run, params, grid, HAZARD, rng)
        outer = ends(fit, np.quantile(future + noise, [0.05, 0.95], axis=0))
        beyond = grid > last
        label = "with further crossovers"
        reached = (outer[0][beyond], outer[1][beyond])
        ax.fill_between(grid[beyond], *reached, color=FUTURE, alpha=0.6, lw=0, label=label)
        ax.plot(grid[beyond], np.array(reached).T, color=INK, lw=0.5, ls=":")  # in grey as well
        ax.axvline(last, color=INK, lw=0.6, alpha=0.5)
        least, most = stretched(fit, bottom, top)
        bottom = max(min(bottom, outer[0].min()), least)
        top = min(max(top, outer[1].max()), most)
    aside = fit.errors(run).any() and not fit.scatter(run).any()
    label = "90% of new points" + (", errors aside" if aside else "")
    ax.fill_between(grid, low, high, color=BAND, alpha=0.6, lw=0, label=label)
    ax.plot(
        grid,
        fit.shown(np.exp(np.median(curve, axis=0))),
        color=LINE,
        lw=1.4,
        label="median of the law",
    )
    return bottom, top


def _noise(fit: Record, run: str, params: dict[str, Array], grid: Array) -> tuple[Array, Array]:
    """Return mean and scale of the noise on a grid, shape (draws, n), for points between the data.

    At a measured point correlated noise is known; between two such it is taken halfway, so that a
    band does not shrink at every point.
    """
    x = fit.curve(run)[0]
    if not np.any(params.get("autocorrelation", 0.0)):
        return noise_at(fit, run, params, grid)
    places = np.concatenate([grid[grid < x[0]], np.sqrt(x[1:] * x[:-1]), grid[grid > x[-1]]])
    at = np.interp(np.log(grid), np.log(places), np.arange(places.size))
    before = np.minimum(at.astype(int), places.size - 2)
    share = at - before
    found = noise_at(fit, run, params, places)
    mean, sd = (one[:, before] * (1.0 - share) + one[:, before + 1] * share for one in found)
    return mean, sd


def _mark_regimes(fit: Record, run: str, ax: Axes, x: Array) -> None:
    """Shade the crossovers and write each regime's exponent, with interval, above its stretch.

    Both are those of the headline's number of regimes.
    """
    params = fit.parameters(run)
    if not np.isfinite(params["noise"]).all():
        return
    regimes = fit.regimes(run)
    edges = [x[0]]
    for i in range(regimes - 1):
        low, middle, high = np.quantile(params["crossover"][:, i], [0.05, 0.5, 0.95])
        name = "_" if i else "crossover, 90%"
        ax.axvspan(low, high, fc=(MARK, 0.12), ec=(MARK, 0.45), hatch="////", lw=0, label=name)
        ax.axvline(middle, color=MARK, lw=0.9, ls="--")
        edges.append(middle)
    edges.append(x[-1])
    floor = params.get("floor", np.zeros(1))
    if np.mean(floor > 0) > 0.5:
        level = fit.shown(float(np.median(floor[floor > 0])))
        below, above = ax.get_ylim()
        if below < level < above:
            name = "floor" if fit.ceiling is None else "limit"
            ax.axhline(level, color=INK, lw=0.8, ls=":", label=name)
    places = np.sqrt(np.array(edges[:-1]) * edges[1:])
    start, stop = np.log(ax.get_xlim())
    crowded = (np.diff(np.log(places)) < CLOSE * (stop - start)).any()
    for j, place in enumerate(places):
        found = quantiles(params["exponent"][:, j], (0.05, 0.95))
        median, bottom, top = rounded(found["median"], found["low"], found["high"])
        ax.annotate(
            f"exponent {median}\n[{bottom}, {top}]",
            (place, 0.975 - 0.1 * (j % 2) * crowded),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=8,
            color=INK,
        )
