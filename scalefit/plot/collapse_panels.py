"""Four figures of a collapse: its curves, its master curve, and elbow and level against P.

Source
------
D'Amico, Bocchi, Negri (2025) (arXiv:2505.13230), figures 1 and 2, which show the least points of
curves. Here the elbow is the law's, with its interval, and a least point at the end of its curve
is marked: it says how long the run was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scalefit.analysis.collapse import elbow, elbows
from scalefit.arrays import Array, quantiles
from scalefit.laws.collapse import Collapse
from scalefit.record import Record
from scalefit.wording import compact, rounded

from .master_curve import master_curve
from .style import BAND, INK, LINE, MARK, axis_title, label_ticks, legend, predictor_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = 200
SMALL = 8.5
"""Letters of the axes, whose names may be sentences."""
TAILS = (0.05, 0.95)
LAST = 2
"""Points from the end of a run within which its least one is taken for censored."""


def collapse_panels(fit: Record, run: str, axes: NDArray[Any] | None = None) -> NDArray[Any]:
    """Draw the curves of every P, the master curve, and elbow and level against P.

    Parameters
    ----------
    fit
        Of a `Collapse`.
    run
        Which surface.
    axes : shape (4,)
        Where to draw; None makes a figure.

    Returns
    -------
    shape (4,)
    """
    law, draws = fit.law.require(Collapse, "elbow"), fit.parameters(run)
    x, y = fit.curve(run)
    least = _least(x, y, fit.start(run))
    axes = _four() if axes is None else axes
    labels = [predictor_title(fit, name) for name in fit.predictors[:2]]
    labels.append(axis_title(fit, "y"))
    _curves(law, draws, x, y, axes[0], labels[1])
    master_curve(law, draws, x, y, axes[1], labels=(labels[0], labels[1], labels[2]))
    has = "elbow" in draws
    if has:
        _elbows(draws, x, least, axes[2])
        _levels(law, draws, x, least, axes[3])
    for ax, across, up in zip(
        axes[[0, 2, 3]], (0, 1, 1), (labels[2], f"elbow's {labels[0]}", labels[2]), strict=True
    ):
        ax.set(xscale="log", yscale="log")
        ax.set_xlabel(labels[across], parse_math=False)
        ax.set_ylabel(up, parse_math=False)
        for axis, ends in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            label_ticks(axis, np.array(ends))
        if not has and ax is not axes[0]:
            ax.set_axis_off()
    for ax in axes:
        ax.xaxis.label.set_size(SMALL)
        ax.yaxis.label.set_size(SMALL)
    return axes


def _four() -> NDArray[Any]:
    from matplotlib import pyplot as plt

    _, grid = plt.subplots(2, 2, figsize=(12.4, 8.8), dpi=120, layout="constrained")
    return np.asarray(grid.reshape(-1))


def _least(x: Array, y: Array, start: tuple[int, ...]) -> NDArray[Any]:
    """Return the least point of every run: x, P, y, and whether it is one of the last."""
    rows = []
    for first, stop in zip(start, (*start[1:], len(y)), strict=True):
        at = first + int(np.argmin(y[first:stop]))
        rows.append((*x[at], y[at], at >= stop - LAST))
    return np.array(rows)


def _curves(
    law: Collapse, draws: dict[str, Array], x: Array, y: Array, ax: Axes, label: str
) -> None:
    """Draw the points of every P, the law's median through them, and its elbow upon that."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    sizes = np.unique(x[:, 1])
    shades = ScalarMappable(LogNorm(sizes[0], sizes[-1]), "viridis")
    for size, hue in zip(sizes, shades.to_rgba(sizes), strict=True):
        here = x[:, 1] == size
        ax.plot(x[here, 0], y[here], ".", ms=2.5, color=hue, alpha=0.6, zorder=1)
        at = np.geomspace(x[here, 0].min(), x[here, 0].max(), GRID)
        half = _median(law, draws, np.stack([at, np.full(GRID, size)], axis=1))
        ax.plot(at, half, color=hue, lw=1.3, zorder=2)
        if "elbow" in draws:
            place = float(np.nanmedian(elbows(draws, [size])))
            level = _median(law, draws, np.array([[place, size]]))
            inside = at[0] < place < at[-1]
            ax.plot(place, level, "D", ms=5, mec=INK, mfc=hue if inside else "white", zorder=3)
    ax.figure.colorbar(shades, ax=ax).set_label(label, parse_math=False)


def _median(law: Collapse, draws: dict[str, Array], x: Array) -> Array:
    return np.asarray(np.exp(np.median(law.log_curve(draws, x), axis=0)))


def _elbows(draws: dict[str, Array], x: Array, least: NDArray[Any], ax: Axes) -> None:
    """Draw the elbow of every P with its interval, beside where each run is least."""
    sizes = np.unique(x[:, 1])
    table = elbow(draws, sizes, x, TAILS)
    _points(ax, least[:, 1], least[:, 0], least[:, 3] > 0, "least point of a run")
    at = np.geomspace(sizes[0], sizes[-1], GRID)
    ends = np.nanquantile(elbows(draws, at), [TAILS[0], 0.5, TAILS[1]], axis=0)
    ax.fill_between(at, ends[0], ends[2], color=BAND, alpha=0.6, lw=0, zorder=1)
    label = f"elbow: gamma_2 = {_interval(draws['gamma_2'])}"
    ax.plot(at, ends[1], color=LINE, lw=1.3, label=label, zorder=2)
    for reached, words in ((True, "elbow at a P"), (False, "the same, beyond its points")):
        rows = table[(table["note"] == "") == reached]
        if not len(rows):
            continue
        error = [rows["median"] - rows["low"], rows["high"] - rows["median"]]
        face = LINE if reached else "white"
        ax.errorbar(rows["P"], rows["median"], error, fmt="D", ms=5, color=LINE, mfc=face,
                    capsize=2, label=words, zorder=4)  # fmt: skip
    legend(ax)


def _levels(
    law: Collapse, draws: dict[str, Array], x: Array, least: NDArray[Any], ax: Axes
) -> None:
    """Draw the least y of every run, their slope, and what the law has at the elbow."""
    _points(ax, least[:, 1], least[:, 2], least[:, 3] > 0, "least y of a run")
    at = np.geomspace(least[:, 1].min(), least[:, 1].max(), 20)
    log_law = np.stack(
        [
            law.log_curve(draws, np.stack([place, np.full(len(place), size)], axis=1))[
                np.arange(len(place)), np.arange(len(place))
            ]
            for size, place in zip(at, np.nan_to_num(elbows(draws, at), nan=1.0).T, strict=True)
        ],
        axis=1,
    )
    ends = np.exp(np.quantile(log_law, [TAILS[0], 0.5, TAILS[1]], axis=0))
    ax.fill_between(at, ends[0], ends[2], color=BAND, alpha=0.6, lw=0, zorder=1)
    label = f"law at its elbow: gamma = {_interval(draws['gamma'])}"
    ax.plot(at, ends[1], color=LINE, lw=1.3, label=label, zorder=3)
    u, v = np.log(least[:, 1]), np.log(least[:, 2])
    slope, level = np.polyfit(u, v, 1)
    fitted = np.exp(level + slope * np.log(at))
    ax.plot(at, fitted, color=INK, lw=1.0, ls="--", label=f"slope of the least y: {-slope:.3g}")
    alone = draws["gamma_1"] * draws["gamma_2"]
    middle = float(np.exp(np.log(ends[1]).mean()))
    tilted = middle * (at / np.exp(np.log(at).mean())) ** -float(np.nanmedian(alone))
    words = f"if gamma_0 were 0: {_interval(alone)}"
    ax.plot(at, tilted, color=MARK, lw=1.0, ls=":", label=words)
    legend(ax)


def _points(ax: Axes, x: Array, y: Array, last: NDArray[np.bool_], words: str) -> None:
    """Draw the least points of runs, those at their run's end open."""
    style: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 3.5, "mec": INK, "mew": 0.7}
    for here, face, label in ((~last, INK, words), (last, "none", f"{words}, at its end")):
        if here.any():
            ax.plot(x[here], y[here], mfc=face, label=label, alpha=0.7, zorder=2, **style)


def _interval(value: Array) -> str:
    """Return a median with its 90% interval, in words."""
    found = quantiles(value[np.isfinite(value)], TAILS)
    median, low, high = rounded(found["median"], found["low"], found["high"])
    return compact(f"{median} [{low}, {high}]")
