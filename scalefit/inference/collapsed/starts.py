"""Where to look for modes: knots of piecewise-linear fits, and one crossover put into a fit."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array

from .gaps import gaps, ratios

KNOTS = (40, 32, 22, 16, 14)  # by number of crossovers, from one
BEST = 120  # subsets kept
SPLITS = 1024


class Hinges(NamedTuple):
    """The best continuous piecewise-linear fits of one curve, of which there are k.

    Attributes
    ----------
    ratios : shape (k, n)
        Of the gaps between knots.
    steepness : shape (k,)
        Root mean square of the slopes.
    noise : shape (k,)
        Root mean square of what is left.
    """

    ratios: Array
    steepness: Array
    noise: Array


class _Knots(NamedTuple):
    """A grid of knots, as shares of log x from its start, and all its subsets of one size.

    `columns` (s, n + 2) are those of the basis that each subset uses, `gaps` (s, n + 1) what lies
    between its knots.
    """

    grid: Array
    columns: NDArray[np.intp]
    gaps: Array


def hinges(u: Array, y: Array, crossovers: int, share: float) -> Hinges:
    """Return the best continuous piecewise-linear fits of a curve.

    Given knots and the floor's share of the last y, log(y - floor) is linear in the slopes: all
    subsets of a grid of knots are fitted at once from one Gram matrix.

    Parameters
    ----------
    u, y : shape (n,)
        Log x minus the last log x, and log y.
    """
    knots = _knots(crossovers)
    place = u[0] * (1.0 - knots.grid)
    basis = np.stack([np.ones_like(u), u, *np.maximum(u[:, None] - place, 0.0).T])
    ratio = np.exp(y - y[-4:].mean())
    left = np.maximum((ratio - share) / ratio, 0.02)
    wanted = np.log(np.maximum(ratio - share, 0.02 * ratio) / (1.0 - share))
    weight = left**2
    gram = (basis * weight) @ basis.T + 1e-9 * np.eye(len(basis))
    right = ((basis * weight) @ wanted)[knots.columns]
    some = gram[knots.columns[:, :, None], knots.columns[:, None, :]]
    slopes = np.linalg.solve(some, right[..., None])[..., 0]
    misfit = weight @ wanted**2 - np.sum(slopes * right, axis=1)
    best = np.argsort(misfit)[:BEST]
    return Hinges(
        ratios(knots.gaps[best]),
        np.sqrt(np.mean(np.cumsum(slopes[best, 1:], axis=1) ** 2, axis=1)),
        np.sqrt(np.maximum(misfit[best], 1e-12 * y.size) / y.size),
    )


def split(before: Array, crossovers: int, rng: np.random.Generator) -> Array:
    """Return posterior points with one crossover fewer, with one put in anywhere.

    Parameters
    ----------
    before : shape (m, d)
        Those points: ratios of gaps, widths, and what does not depend on crossovers.
    crossovers
        Their number in what is returned.
    """
    n = crossovers
    picked = before[rng.integers(len(before), size=SPLITS)]
    old, widths, rest = np.split(picked, [n - 1, 2 * (n - 1)], axis=1)
    places = np.cumsum(gaps(old), axis=1)[:, :-1]
    new = rng.uniform(0.01, 0.99, size=(SPLITS, 1))
    rank = np.sum(places < new, axis=1, keepdims=True)
    places = np.sort(np.concatenate([places, new], axis=1), axis=1)
    edges = np.concatenate([np.zeros((SPLITS, 1)), places, np.ones((SPLITS, 1))], axis=1)
    widths = np.concatenate([widths, rng.standard_normal((SPLITS, 1))], axis=1)
    at = np.arange(n) - (np.arange(n) > rank)
    at = np.where(np.arange(n) == rank, n - 1, at)  # the last width is the new one's
    widths = np.take_along_axis(widths, at, axis=1)
    return np.concatenate([ratios(np.diff(edges, axis=1)), widths, rest], axis=1)


@lru_cache(maxsize=8)
def _knots(crossovers: int) -> _Knots:
    count = KNOTS[crossovers - 1]
    grid = (np.arange(count) + 0.5) / count
    chosen = np.array(list(combinations(range(count), crossovers)), dtype=np.intp)
    columns = np.concatenate([np.broadcast_to([0, 1], (len(chosen), 2)), chosen + 2], axis=1)
    before = np.diff(np.concatenate([np.zeros((len(chosen), 1)), grid[chosen]], axis=1), axis=1)
    last = 1.0 - before.sum(axis=1, keepdims=True)
    return _Knots(grid, columns, np.concatenate([before, last], axis=1))
