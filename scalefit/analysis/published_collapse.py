"""Published collapse: exponents by hand, from the least points of curves and straight-line fits.

It is here for comparison. `Collapse` with `scalefit.fit` takes no least points, no windows chosen
by eye and no gamma_0 for granted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import ConfigError

POINTS = 50


@dataclass(frozen=True)
class Published:
    """Exponents and their errors; gamma is measured, `product` is what it would be by gamma_0 = 0.

    Attributes
    ----------
    gamma_1, gamma_2, product, gamma : tuple of value and standard error
    sizes : shape (s,)
        Values of P.
    least_x, least_y : shape (s,)
        Where the mean curve of each P is least, and its y there.
    """

    gamma_1: tuple[float, float]
    gamma_2: tuple[float, float]
    product: tuple[float, float]
    gamma: tuple[float, float]
    sizes: Array
    least_x: Array
    least_y: Array


def published(
    x: Array,
    y: Array,
    start: Sequence[int],
    *,
    window: tuple[float, float],
    first: int = 0,
    first_least: int = 0,
    points: int = POINTS,
) -> Published:
    """Return exponents by the published recipe.

    Runs are interpolated in log x to one grid and averaged where their P agree; curves are divided
    by their least point; gamma_1 is the mean slope within a window of the divided x, gamma_2 that
    of the mean over runs of where each is least, and gamma that of the least y of the mean curves.

    Parameters
    ----------
    x : shape (n, 2)
        x and P; along a run x ascends and P is one.
    y : shape (n,)
        What was measured.
    start
        Where each run begins.
    window
        Range of x over that of the least point for gamma_1.
    first, first_least
        From which P on, in order, gamma_1 and gamma_2 are taken.
    points
        Of the grid.

    Raises
    ------
    ConfigError
        If fewer than two P are left, or no curve has two points in the window.

    Source
    ------
    D'Amico, Bocchi, Negri (2025) (arXiv:2505.13230), by their published analysis.
    """
    ends = [*list(start)[1:], len(y)]
    runs = [slice(a, b) for a, b in zip(start, ends, strict=True)]
    u = np.log10(x[:, 0])
    grid = np.linspace(float(u.min()), float(u.max()), points)
    sizes = np.unique(x[:, 1])
    if len(sizes) - max(first, first_least) < 2:
        raise ConfigError(f"first={first}, first_least={first_least}: two or more P must be left")
    least_x, least_y, by_run, slopes = [], [], [], []
    for i, size in enumerate(sizes):
        mine = [run for run in runs if x[run.start, 1] == size]
        each = [np.interp(grid, u[run], y[run], left=np.nan, right=np.nan) for run in mine]
        there = np.isfinite(each).any(axis=0)
        at, mean = 10.0 ** grid[there], np.nanmean(np.array(each)[:, there], axis=0)
        lowest = int(np.argmin(mean))
        least_x.append(at[lowest])
        least_y.append(mean[lowest])
        by_run.append(np.mean([x[run, 0][np.argmin(y[run])] for run in mine]))
        inside = (at / at[lowest] >= window[0]) & (at / at[lowest] <= window[1])
        if i >= first and inside.sum() > 1:
            slopes.append(_slope(at[inside], mean[inside]))
    if not slopes:
        raise ConfigError(f"window={window}: no curve has two points there")
    one = -float(np.mean([s for s, _ in slopes])), _root_mean([e for _, e in slopes])
    two = _slope(sizes[first_least:], np.array(by_run)[first_least:])
    product = one[0] * two[0], float(np.hypot(one[0] * two[1], one[1] * two[0]))
    slope, error = _slope(sizes, np.array(least_y))
    return Published(
        one, two, product, (-slope, error), sizes, np.array(least_x), np.array(least_y)
    )


def _slope(x: Array, y: Array) -> tuple[float, float]:
    """Return the slope of log y against log x by least squares, and its standard error."""
    u, v = np.log(x) - np.log(x).mean(), np.log(y) - np.log(y).mean()
    slope = float(u @ v / (u @ u))
    left = v - slope * u
    free = max(len(x) - 2, 1)
    return slope, float(np.sqrt(left @ left / free / (u @ u)))


def _root_mean(errors: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))
