"""Figure of the residuals and their autocorrelation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scalefit.analysis.checks import FEWEST, correlation
from scalefit.analysis.checks import residuals as made_of
from scalefit.errors import ConfigError
from scalefit.record import Record

from .style import BAND, INK, LINE, checked, fitted, known, label_axis, label_ticks, title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

RUNS = 6
LAGS = 20


def residuals(
    fit: Record, run: str | None = None, ax: Sequence[Axes] | None = None, *, seed: int = 0
) -> NDArray[Any]:
    """Draw the standardised residuals of the posterior mean, and their autocorrelation.

    Shaded is where 90% of replicates of the fit fall, at each x and each lag by itself. Correlated
    noise is taken out first: each residual is what the one before did not foretell.

    Parameters
    ----------
    fit
        What to draw.
    run
        Which run; None draws all, at most six, below one another.
    ax
        Two axes for one run; None makes a figure.
    seed
        Of the replicated noise.

    Returns
    -------
    Array of axes, shape (runs, 2)

    Raises
    ------
    ConfigError
        If the run is unknown, failed or too short, or `ax` does not hold two axes for one run.
    """
    checked(fit, "residuals")
    runs = [one for one in fitted(fit, known(fit, run)) if fit.curve(one)[0].size >= FEWEST]
    if not runs:
        raise ConfigError(f"residuals say nothing of fewer than {FEWEST} points")
    shown = runs[:RUNS]
    if ax is None:
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots(
            len(shown),
            2,
            squeeze=False,
            figsize=(8.4, 0.8 + 2.2 * len(shown)),
            dpi=130,
            layout="constrained",
            width_ratios=(3, 2),
        )
        if len(runs) > RUNS:
            figure.suptitle(f"first {RUNS} of {len(runs)} runs", fontsize=10)
    else:
        axes = np.array(ax, dtype=object).reshape(1, -1)
        if axes.size != 2 or len(shown) > 1:
            raise ConfigError("ax: give two axes, and run= which run to draw there")
    for (left, right), one in zip(axes, shown, strict=True):
        _draw(fit, one, left, right, seed)
    return np.asarray(axes)


def _draw(fit: Record, run: str, left: Axes, right: Axes, seed: int) -> None:
    found = made_of(fit, run, np.random.default_rng(seed))
    if found is None:
        return
    x, value = found.x, np.median(found.observed, axis=0)
    low, high = np.quantile(found.replicated, [0.05, 0.95], axis=0)
    left.fill_between(x, low, high, color=BAND, alpha=0.5, lw=0)
    left.axhline(0.0, color=INK, lw=0.6)
    left.plot(x, value, "o-", ms=3, lw=0.5, color=LINE, mfc="white")
    left.set_xscale("log")
    label_ticks(left.xaxis, x)
    label_axis(fit, left.set_xlabel, "x")
    left.set_ylabel("residual / noise")
    left.set_title(title(fit, run, 56), fontsize=10, parse_math=False)
    lags = range(1, min(LAGS, x.size // 3) + 1)
    band = [np.quantile(correlation(found.replicated, lag), [0.05, 0.95]) for lag in lags]
    bottom, top = np.array(band).T
    seen = [float(np.median(correlation(found.observed, lag))) for lag in lags]
    right.fill_between(lags, bottom, top, color=BAND, alpha=0.5, lw=0, step="mid")
    right.axhline(0.0, color=INK, lw=0.6)
    right.vlines(lags, 0.0, seen, color=LINE, lw=1.2)
    right.plot(lags, seen, "o", ms=3, color=LINE)
    right.set_xlabel("lag [points]")
    right.set_ylabel("autocorrelation")
