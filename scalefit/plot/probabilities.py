"""Figure of the probabilities of the models of each run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.record import Record

from .style import INK, checked, known, new_axes, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WRITTEN = 40
"""Runs above which numbers and names have no room."""


def probabilities(fit: Record, run: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the probability of each number of regimes, with and without a floor, as a table.

    One row per run; kinds of noise are summed over. The darker the more probable.

    Parameters
    ----------
    fit
        What to draw.
    run
        Which run; None draws all.
    ax
        Where to draw; None makes a figure.

    Raises
    ------
    ConfigError
        If the run is unknown, or the fit weighs no models.
    """
    checked(fit, "probabilities")
    runs = known(fit, run)
    table = fit.probabilities.loc[runs].T.groupby(level=["regimes", "floor"], sort=True).sum(
        min_count=1
    ).T  # fmt: skip
    shares = table.to_numpy(dtype=float)
    few = len(runs) <= WRITTEN
    if ax is None:
        width = 1.6 + 0.62 * shares.shape[1] + (2.0 if few else 0.0)
        ax = new_axes(width, 1.1 + 0.3 * len(runs) if few else 6.0)
    ax.imshow(shares, cmap="Greys", vmin=0.0, vmax=1.0, aspect="auto", interpolation="nearest")
    keys: Any = table.columns.to_list()
    both = len({floor for _, floor in keys}) > 1
    names = [f"{n}\n{'floor' if floor else 'no floor'}" if both else str(n) for n, floor in keys]
    ax.set_xticks(range(len(keys)), names, fontsize=8)
    ax.set_xlabel("regimes")
    ax.tick_params(length=0)
    if not few:
        ax.set_yticks([])
        ax.set_ylabel(f"{len(runs)} runs")
        return ax
    labels = [title(fit, one) for one in runs]
    ax.set_yticks(range(len(runs)), labels, fontsize=8, parse_math=False)
    for (i, j), share in np.ndenumerate(shares):
        if np.isfinite(share):
            text = f"{share:.2f}".removeprefix("0") if share < 0.995 else "1"
            color = "white" if share > 0.5 else INK
            ax.text(j, i, text, ha="center", va="center", fontsize=8, color=color)
    return ax
