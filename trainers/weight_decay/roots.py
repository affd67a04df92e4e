"""Roots of one equation each for many problems at once, between bounds or beyond a first guess."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array

Function = Callable[[Array], Array]

MOST = 200
"""Evaluations of a root, or doublings of a bound, at most."""


def root(function: Function, low: Array, high: Array, tolerance: float = 1e-12) -> Array:
    """Return where a function of each problem changes its sign, shape of `low`.

    Where it has one sign at both bounds the nearer to zero of the two is returned.

    Parameters
    ----------
    function
        From one number for each problem to one value for each.
    low, high
        Bounds of each problem.
    tolerance
        Largest error of a root.

    Source
    ------
    Chandrupatla (1997), Advances in Engineering Software 28, 145: inverse quadratic interpolation
    where it is safe, bisection elsewhere.
    """
    a, b = np.array(high, dtype=float), np.array(low, dtype=float)
    at_a, at_b = function(a), function(b)
    open_ends = np.sign(at_a) == np.sign(at_b)
    nearest = np.where(np.abs(at_a) < np.abs(at_b), a, b)
    share = np.full(a.shape, 0.5)
    for _ in range(MOST):
        x = np.where(open_ends, a, a + share * (b - a))
        value = function(x)
        same = np.sign(value) == np.sign(at_a)
        c, at_c = np.where(same, a, b), np.where(same, at_a, at_b)
        b, at_b = np.where(same, b, a), np.where(same, at_b, at_a)
        a, at_a = x, value
        width = np.abs(b - a)
        ready = open_ends | (width <= 2 * tolerance) | (at_a == 0.0)
        if ready.all():
            break
        with np.errstate(all="ignore"):
            xi, phi = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
            smooth = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            first = at_a / (at_b - at_a) * at_c / (at_b - at_c)
            second = (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
            least = np.minimum(tolerance / width, 0.5)
        share = np.where(smooth & ~ready, first + second, 0.5)
        share = np.where(ready, 0.0, np.clip(share, least, 1 - least))
    best = np.where(np.abs(at_a) <= np.abs(at_b), a, b)
    found: Array = np.where(open_ends, nearest, best)
    return found


def beyond(function: Function, start: Array, step: float) -> Array:
    """Return the first of `start`, `start + step`, `start + 3 step`, ... with a positive value.

    After `MOST` doublings the last one is returned. Values are compared as they are; give the
    negative of a function that falls.
    """
    found = np.array(start, dtype=float)
    for count in range(MOST):
        short = ~(function(found) > 0.0)
        if not short.any():
            break
        found = found + np.where(short, step * 2.0 ** min(count, 6), 0.0)
    return found


def flat(*arguments: ArrayLike) -> tuple[Array, Array, Array, tuple[int, ...]]:
    """Return three arguments as one-dimensional arrays of one length, and their shape."""
    first, second, third = np.broadcast_arrays(*(np.asarray(one, dtype=float) for one in arguments))
    return first.ravel(), second.ravel(), third.ravel(), first.shape
