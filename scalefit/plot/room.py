"""Room: labels and legends of a figure that cover none of its points."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAD = 0.02
"""Distance to keep, as a share of the axes."""
ROUNDS = 4
CORNERS = {
    "lower left": (0.0, 0.0),
    "lower right": (1.0, 0.0),
    "upper right": (1.0, 1.0),
    "upper left": (0.0, 1.0),
    "center left": (0.0, 0.5),
    "center right": (1.0, 0.5),
}
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""


def make_room(drawn: Sequence[tuple[Axes, Array]]) -> None:
    """Move the legends of log-log axes of one figure off their points, shape (n, 2), and labels.

    Where no corner is free, and where a point lies under a label, the axis of y becomes longer.
    """
    figure: Any = drawn[0][0].figure
    with warnings.catch_warnings():  # of letters that the font lacks
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        figure.draw_without_rendering()  # until then nothing has a size
    for ax, points in drawn:
        for _ in range(ROUNDS):
            if not (_labels(ax, points) | _legend(ax, points)):
                break


def boxes(ax: Axes) -> list[Box]:
    """Return where labels within the axes stand, as shares of it; lines to them are no part."""
    from matplotlib.text import Text

    found = [_share(ax, Text.get_window_extent(text)) for text in ax.texts]
    return [box for box in found if box[0] < 1.0]


def shares(ax: Axes, points: Array) -> Array:
    """Return where points lie, as shares of the axes, shape (n, 2)."""
    return np.asarray(ax.transAxes.inverted().transform(ax.transData.transform(points)))


def _labels(ax: Axes, points: Array) -> bool:
    """Lengthen the axis until no point is under a label or above it; return whether it was."""
    at, longer = shares(ax, points), 1.0
    for left, bottom, right, _ in boxes(ax):
        below = at[(at[:, 0] > left - PAD) & (at[:, 0] < right + PAD), 1]
        if below.size and 0.2 < bottom - PAD < below.max():
            longer = max(longer, below.max() / (bottom - PAD))
    if longer > 1.0:
        low, high = ax.get_ylim()
        ax.set_ylim(low, low * math.exp(1.001 * longer * math.log(high / low)))
    return longer > 1.0


def _legend(ax: Axes, points: Array) -> bool:
    """Put the legend where nothing is; return whether the axis had to become longer for it."""
    legend: Any = ax.get_legend()
    if legend is None:
        return False
    left, bottom, right, top = _share(ax, legend.get_window_extent())
    width, height = right - left + PAD, top - bottom + PAD
    at, labels = shares(ax, points), boxes(ax)
    first = "lower left" if at[at[:, 0].argmin(), 1] > at[at[:, 0].argmax(), 1] else "lower right"
    for name in sorted(CORNERS, key=lambda one: one != first):
        x, y = CORNERS[name]
        box = (x * (1 - width), y * (1 - height), x + (1 - x) * width, y + (1 - y) * height)
        if not _inside(at, box).any() and not any(_meet(box, label) for label in labels):
            legend.set_loc(name)
            return False
    legend.set_loc(first)
    if height > 0.6:
        return False
    beside = at[:, 0] < width + PAD if first == "lower left" else at[:, 0] > 1.0 - width - PAD
    low, high = ax.get_ylim()
    longer = (1.0 - at[beside, 1].min()) / (1.0 - height - PAD)
    ax.set_ylim(high * math.exp(1.001 * longer * math.log(low / high)), high)
    return True


def _share(ax: Axes, extent: Any) -> Box:
    box = ax.transAxes.inverted().transform_bbox(extent)
    return float(box.x0), float(box.y0), float(box.x1), float(box.y1)


def _inside(at: Array, box: Box) -> Any:
    left, bottom, right, top = box
    across = (at[:, 0] > left - PAD) & (at[:, 0] < right + PAD)
    return across & (at[:, 1] > bottom - PAD) & (at[:, 1] < top + PAD)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
