"""Figure of a collapse: curves of several runs on one master curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalefit.errors import ConfigError
from scalefit.laws import SegmentedLaw
from scalefit.record import Record

from .style import INK, checked, fitted, label_ticks, legend, look, new_axes, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 12


def collapse(
    fit: Record, crossover: int = 0, ax: Axes | None = None, *, floor: bool = False
) -> Axes:
    """Draw y / y(crossover) against x / crossover, each run rescaled by its own posterior medians.

    Runs whose exponents and widths agree fall on one curve, whatever their amplitudes and
    crossovers. Runs without such a crossover in the number of regimes of their headline are left
    out, and counted in the title.

    Parameters
    ----------
    fit
        What to draw.
    crossover
        Which crossover is moved to 1, counted from 0.
    ax
        Where to draw; None makes a figure.
    floor
        Whether floors are left in; without them points at or below the median floor are missing.

    Raises
    ------
    ConfigError
        If no run has that crossover.
    """
    checked(fit, "collapse")
    segmented = fit.law.require(SegmentedLaw, "crossovers")
    runs = fitted(fit, fit.runs)
    having = [one for one in runs if fit.regimes(one) - 1 > crossover >= 0]
    if not having:
        raise ConfigError(
            f"crossover={crossover}: no run has it in its headline's number of regimes; draw "
            f"fit.with_regimes({max(crossover, 0) + 2})"
        )
    ax = new_axes() if ax is None else ax
    for i, one in enumerate(having):
        x, y = fit.law_curve(one)
        law, params = segmented.of_draws(fit.parameters(one))
        place = float(np.median(params["crossover"][:, crossover]))
        level = np.exp(np.median(law.log_power(params, np.log([place]))))
        under = float(np.median(params["floor"])) if "floor" in params else 0.0
        level, value = (level + under, y) if floor else (level, y - under)
        style = look(i)
        name = title(fit, one) if len(having) <= NAMED else None
        ax.plot(
            x[value > 0] / place,
            value[value > 0] / level,
            ls="none",
            marker=style["marker"],
            ms=4,
            mfc="none",
            mew=0.9,
            color=style["color"],
            label=name,
        )
    ax.axvline(1.0, color=INK, lw=0.8, ls="--")
    ax.set_xscale("log")
    ax.set_yscale("log")
    label_ticks(ax.xaxis, np.array(ax.get_xlim()))
    label_ticks(ax.yaxis, np.array(ax.get_ylim()))
    names = fit.tree.attrs
    ax.set_xlabel(f"{names['x_label']} / crossover {crossover}", parse_math=False)
    above = "" if floor else ", floor removed"
    ceiling = "" if fit.ceiling is None else f"{fit.ceiling:g} - "
    ax.set_ylabel(f"{ceiling}{names['y_label']} / its value there{above}", parse_math=False)
    if len(having) <= NAMED:
        legend(ax)
    if len(having) < len(fit.runs):
        ax.set_title(f"{len(having)} of {len(fit.runs)} runs have this crossover", fontsize=10)
    return ax
