"""Passes over x: a counter that restarts, a resumed run that repeats steps, curves in a row."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array

PART = 4
"""Rows that a part before or after a fall of x needs."""
STEPS = 3.0
"""Typical steps that x falls by, at least."""
SHUFFLED = 1 / 3
"""Share of rows at which x falls above which rows are taken to be in no order."""
QUIET = 6.0
"""Multiples of the scatter of log y that tell a jump from noise."""
CLEAR = 3.0
"""Factor between two jumps that tells which is real."""
BACK = 0.7
"""Share of the part before that x falls back over, at most, where a run is resumed."""
TWICE = 3
"""Values of x that a resumed run repeats, at least."""

Way = Literal["restart", "resume", "repeat"]


def falls(x: Array) -> NDArray[np.intp]:
    """Return the rows at which x falls back by several typical steps, both parts long enough."""
    steps = np.diff(x)
    moved = np.abs(steps[steps != 0.0])
    at = np.flatnonzero(steps <= -STEPS * np.median(moved)) + 1 if moved.size else steps[:0]
    at = at.astype(np.intp)
    if not at.size or (steps < 0.0).mean() > SHUFFLED:
        return at[:0]
    edges = np.concatenate([[0], at, [x.size]])
    parts = np.diff(edges) >= PART
    return at[parts[:-1] & parts[1:]]


def passes(x: Array) -> Array:
    """Return which pass over x each row belongs to, counted from 0; shape (n,)."""
    return np.searchsorted(falls(x), np.arange(x.size), side="right").astype(float)


def scatter(log_y: Array) -> float:
    """Return a robust standard deviation of independent noise around a smooth curve."""
    second = np.abs(np.diff(log_y, 2))
    return float(1.4826 * np.median(second) / np.sqrt(6.0)) if second.size else 0.0


def way(x: Array, y: Array, at: NDArray[np.intp]) -> Way:
    """Return how x falls back at some rows.

    It is a counter that restarts where y goes on although x falls back: the jump in log y is small
    against the distance of the new rows from the old ones at the same x. It is a resumed run where
    x falls back over part of what came before, and values of x are there twice. Anything else
    repeats x, as several curves one after the other do.
    """
    log_y = np.log(y)
    noise = scatter(log_y)
    edges = np.concatenate([[0], at, [x.size]])
    restarted = 0
    for k, i in enumerate(at):
        before = slice(edges[k], i)
        order = np.argsort(x[before], kind="stable")
        there = np.interp(x[i], x[before][order], log_y[before][order])
        jump, apart = abs(log_y[i] - log_y[i - 1]), abs(log_y[i] - there)
        restarted += bool(jump < apart / CLEAR and apart > QUIET * noise)
    if 2 * restarted > at.size:
        return "restart"
    resumed = 0
    for k, i in enumerate(at):
        part = x[edges[k] : i]
        short = part.max() - x[i] < BACK * (part.max() - part.min())
        resumed += bool(short and np.intersect1d(part, x[i : edges[k + 2]]).size >= TWICE)
    return "resume" if resumed == at.size else "repeat"


def joined(x: Array, y: Array) -> tuple[Array, NDArray[np.bool_], str]:
    """Return x of a resumed run as one counter, which rows to keep, and what was done.

    Where the counter restarted, what it had reached is added; where x falls back over part of what
    came before, later rows take the place of earlier ones. The words are empty where x does not
    fall back.
    """
    at = falls(x)
    kept = np.ones(x.size, dtype=bool)
    if not at.size:
        return x, kept, ""
    whole = x.astype(float).copy()
    if way(x, y, at) == "restart":
        for i in at:
            whole[i:] = x[i:] + whole[i - 1]
        reached = ", ".join(f"{whole[i - 1]:.10g}" for i in at[:3])
        return whole, kept, f"the counter restarted after {reached}: what it had reached is added"
    for i in at:
        kept[:i] &= x[:i] < x[i]
    start = ", ".join(f"{x[i]:.10g}" for i in at[:3])
    words = f"resumed at {start}: {int((~kept).sum())} earlier rows from there on are replaced"
    return whole, kept, words
