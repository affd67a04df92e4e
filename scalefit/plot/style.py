"""Style of all figures: inks, labels, and how runs are told apart, in grey as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.analysis.words import labels
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.record import Record
from scalefit.wording import compact, inline, quoted, shortened, state, suggest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.legend import Legend


INK = "#1b1b1b"
LINE = "#0b5394"
BAND = "#9fc5e8"
FUTURE = "#d9d9d9"
MARK = "#b45f06"
HUES = ("#0072b2", "#d55e00", "#009e73", "#1b1b1b", "#cc79a7", "#7f7f7f", "#e69f00", "#56b4e9")
"""Told apart by the colour-blind as well; Okabe and Ito (2008), "Color universal design"."""
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
MARKS = "osD^vPX"
LONGEST = 32
"""Letters of a name; longer ones lose their middle."""
MOST = 20
"""Curves on one axes, unless asked otherwise."""


def checked(fit: Any, name: str) -> None:
    """Refuse what is not a fit."""
    if not isinstance(fit, Record):
        raise ConfigError(
            f"plot.{name} draws a fit, as sf.fit and sf.load return it; a "
            f"{type(fit).__name__} was given"
        )


def known(fit: Record, run: str | None) -> list[str]:
    """Return the runs to draw, once they are in the fit."""
    if run is None:
        return fit.runs
    if run not in fit.runs:
        raise ConfigError(f"run={quoted(run)} is not in this fit; {suggest(run, fit.runs)}")
    return [run]


def fitted(fit: Record, runs: list[str]) -> list[str]:
    """Return the runs that have a posterior."""
    good = set(fit.fitted)
    found = [run for run in runs if run in good]
    if not found:
        raise ConfigError("no run has a posterior to draw; see fit.verdict")
    return found


def new_axes(width: float = 6.4, height: float = 4.4) -> Axes:
    """Return the axes of a new figure."""
    from matplotlib import pyplot as plt

    _, ax = plt.subplots(figsize=(width, height), dpi=150, layout="constrained")
    return ax


def look(index: int) -> dict[str, Any]:
    """Return the hue, dash and marker of the n-th run; of 35 no two share more than one."""
    return {
        "color": HUES[index % len(HUES)],
        "ls": DASHES[index % len(DASHES)],
        "marker": MARKS[index % len(MARKS)],
    }


def title(fit: Record, run: str, longest: int = LONGEST) -> str:
    """Return what a run is called, and whether it is to be trusted; `"curve"` is no name."""
    name, word = shortened(inline(labels(fit)[run]), longest), state(fit.verdict[run])
    return name if word == "ok" else f"{name}  ({word})".strip()


def label_axis(fit: Record, label: Callable[..., Any], name: str) -> None:
    """Write name and unit of x or y."""
    label(axis_title(fit, name), parse_math=False)


def axis_title(fit: Record, name: str) -> str:
    """Return name and unit of x or y."""
    return _titled(*(fit.tree.attrs[f"{name}_{key}"] for key in ("label", "unit")))


def predictor_title(fit: Record, name: str) -> str:
    """Return name and unit of one of several predictors."""
    axis = fit.axis(name)
    return _titled(axis["label"], axis["unit"])


def _titled(text: str, unit: str) -> str:
    return inline(f"{text} [{unit}]" if unit else text)


def ends(fit: Record, log_law: Array) -> Array:
    """Return the lower and upper ends of y, shape (2, n), given those of the log of the law."""
    shown = fit.shown(np.exp(log_law))
    return shown if fit.ceiling is None else shown[::-1]


def stretched(fit: Record, bottom: float, top: float, share: float = 0.3) -> tuple[float, float]:
    """Return a view of y wider by a share of itself at either end; linear where the axis is so."""
    if fit.ceiling is not None:
        room = share * (top - bottom)
        return bottom - room, top + room
    room = (top / bottom) ** share
    return bottom / room, top * room


def label_ticks(axis: Axis, values: Array) -> None:
    """Write plain numbers on a log axis too short for powers of ten to tell much."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    span = values.max() / values.min()
    if span < 100.0:
        few = MaxNLocator(6, steps=[1, 2, 5, 10])
        subs = (1.0, 2.0, 3.0, 5.0) if span < 30.0 else (1.0, 2.0, 5.0)
        axis.set_major_locator(few if span < 4.0 else LogLocator(subs=subs))
        axis.set_major_formatter(FuncFormatter(lambda value, _: compact(f"{value:g}")))
        axis.set_minor_formatter(NullFormatter())


def dark(colour: str) -> tuple[float, ...]:
    """Return a hue dark enough for letters."""
    from matplotlib.colors import to_rgb

    return tuple(0.6 * one for one in to_rgb(colour))


def legend(ax: Axes, **options: Any) -> Legend:
    """Add a legend that takes dollar signs for what they are."""
    made = ax.legend(fontsize=7.5, framealpha=0.8, edgecolor="none", **options)
    for text in made.get_texts():
        text.set_parse_math(False)
    return made
