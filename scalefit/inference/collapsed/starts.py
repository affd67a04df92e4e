"""Where to look for modes: knots of piecewise-linear fits, and one crossover put into a fit."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .target import Collapsed

Array = NDArray[np.float64]

KNOTS = (40, 32, 22, 16, 14)  # by number of crossovers, from one
SHARES = (-1.5, -0.8, -0.2, 0.3, 0.8, 1.3, 1.9)  # coordinate of the floor's share
BEST = 120  # subsets kept of each share
SHARP = -0.3  # coordinate of the widths
SPLITS = 1024


def hinge(target: Collapsed) -> Array:
    """Return starts at the knots of the best continuous piecewise-linear fits.

    Given knots and the floor's share, log(y - floor) is linear in the slopes: all subsets of a grid
    of knots are fitted at once from one Gram matrix.
    """
    from .target import ratios

    n = target.crossovers
    u, y = target.u, target.problem.log_y
    grid = (np.arange(KNOTS[n - 1]) + 0.5) / KNOTS[n - 1]
    chosen = _subsets(grid.size, n)
    columns = np.concatenate(
        [
            np.broadcast_to([0, 1], (len(chosen), 2)),
            chosen + 2,
        ],
        axis=1,
    )
    place = u[0] * (1.0 - grid)
    basis = np.stack([np.ones_like(u), u, *np.maximum(u[:, None] - place, 0.0).T])
    level = y[-4:].mean()
    ratio = np.exp(y - level)
    gaps = np.diff(np.concatenate([np.zeros((len(chosen), 1)), grid[chosen]], axis=1), axis=1)
    gaps = np.concatenate([gaps, 1.0 - gaps.sum(axis=1, keepdims=True)], axis=1)
    found = []
    shares = SHARES if target.shape[1] else (0.0,)
    for v in shares:
        share = 0.0
        if target.shape[1]:
            share = float(target.problem.priors["floor_share"].from_normal(np.array([[v]]), {})[0])
        left = np.maximum((ratio - share) / ratio, 0.02)
        wanted = np.log(np.maximum(ratio - share, 0.02 * ratio) / (1.0 - share))
        weight = left**2
        gram = (basis * weight) @ basis.T + 1e-9 * np.eye(len(basis))
        right = (basis * weight) @ wanted
        some = gram[columns[:, :, None], columns[:, None, :]]
        slopes = np.linalg.solve(some, right[columns][..., None])[..., 0]
        misfit = weight @ wanted**2 - np.sum(slopes * right[columns], axis=1)
        best = np.argsort(misfit)[:BEST]
        z = np.zeros((len(best), target.dimension))
        z[:, :n] = ratios(gaps[best])
        z[:, n : 2 * n] = SHARP
        at = 2 * n
        if target.shape[1]:
            z[:, at] = v
            at += 1
        at += int(target.shape[2])
        if target.shape[5]:
            size = np.sqrt(np.mean(np.cumsum(slopes[best, 1:], axis=1) ** 2, axis=1))
            z[:, at] = _coordinate(target, 3, size)
            at += 1
        if target.shape[3]:
            size = np.sqrt(np.maximum(misfit[best], 1e-12 * y.size) / y.size)
            z[:, at] = _coordinate(target, 8, size)
        found.append(z)
    return np.concatenate(found)


def split(target: Collapsed, before: Array, rng: np.random.Generator) -> Array:
    """Return posterior points with one crossover fewer, with one put in anywhere."""
    from .target import ratios

    n = target.crossovers
    picked = before[rng.integers(len(before), size=SPLITS)]
    old = np.concatenate([picked[:, : n - 1], np.zeros((SPLITS, 1))], axis=1)
    old = np.exp(old - old.max(axis=1, keepdims=True))
    places = np.cumsum(old / old.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    new = rng.uniform(0.01, 0.99, size=(SPLITS, 1))
    rank = np.sum(places < new, axis=1)
    places = np.sort(np.concatenate([places, new], axis=1), axis=1)
    edges = np.concatenate([np.zeros((SPLITS, 1)), places, np.ones((SPLITS, 1))], axis=1)
    z = np.empty((SPLITS, target.dimension))
    z[:, :n] = ratios(np.diff(edges, axis=1))
    widths = np.empty((SPLITS, n))
    fresh = rng.standard_normal(SPLITS)
    for i in range(n):
        source = np.clip(i - (i > rank), 0, max(n - 2, 0))
        kept = picked[np.arange(SPLITS), n - 1 + source] if n > 1 else fresh
        widths[:, i] = np.where(rank == i, fresh, kept)
    z[:, n : 2 * n] = widths
    z[:, 2 * n :] = picked[:, 2 * (n - 1) :]
    return z


def _coordinate(target: Collapsed, at: int, size: Array) -> Array:
    """Return the standard-normal coordinate of a positive size, its log mean and sd at `at`."""
    value = (np.log(np.maximum(size, 1e-9)) - target.prior[at]) / target.prior[at + 1]
    return np.asarray(np.clip(value, -3.0, 3.0))


@lru_cache(maxsize=8)
def _subsets(grid: int, size: int) -> NDArray[np.intp]:
    return np.array(list(combinations(range(grid), size)), dtype=np.intp)
