"""Envelope: where each of many runs touches the lower frontier of all of them.

Runs of different sizes are best at different costs; what is best at any cost is the envelope of
their curves. One point of each run lies on it. Points picked because they are lowest at some cost
would lie above it between two runs, and below it by their noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scalefit.arrays import Array

ROUNDS = 60
CLOSE = 1e-3
"""Nats of log x by which no touch moves any more."""
NEAR = 1.0
"""Nats either way of a touch whose points tell how high it is."""
FEWEST = 5
"""Points of a run at least, and for each degree of the polynomial that smooths it."""
GRID = 401
EDGE = 0.04
"""Share of a run at either end: what is lowest there may go on falling beyond."""
DECAYS = np.geomspace(0.01, 2.0, 200)
"""Exponents that the frontier may have while it is looked for."""


class Touch(NamedTuple):
    """Where a run touches the frontier: its place among the runs, log x and log y."""

    run: int
    log_x: float
    log_y: float


def touches(curves: Sequence[tuple[Array, Array]]) -> list[Touch]:
    """Return where runs touch their lower envelope, those that do so inside their own range.

    The envelope is first the lower convex hull of the smoothed runs in log-log. Each run touches it
    where it is lowest above it; a power law with a floor through these touches is the next
    envelope, until none moves. A run that is lowest at an end of its range has its touch elsewhere.

    Parameters
    ----------
    curves
        Log x, ascending, and log y of each run, both of shape (n,).
    """
    whole = [(k, *_smoothed(u, v)) for k, (u, v) in enumerate(curves) if u.size >= FEWEST]
    if not whole:
        return []
    corners = _hull(np.concatenate([np.stack([u, v], axis=1) for _, u, v in whole]))
    power = _through(corners)
    before: list[Touch] = []
    found: list[Touch] = []
    for _ in range(ROUNDS):
        found = [Touch(k, *at) for k, u, v in whole if (at := _lowest(u, v - power(u)))]
        if len(found) < 2 or _settled(before, found):
            break
        before = found
        places = np.array([one.log_x for one in found])
        power = _through(np.stack([places, power(places) + [one.log_y for one in found]], axis=1))
    return [Touch(one.run, one.log_x, _height(*curves[one.run], power, one.log_x)) for one in found]


def _smoothed(u: Array, v: Array) -> tuple[Array, Array]:
    """Return a run as a polynomial on an even grid, so that no single point of it decides."""
    fitted = np.polynomial.Polynomial.fit(u, v, min(4, u.size // FEWEST + 1))
    grid = np.linspace(u[0], u[-1], GRID)
    return grid, np.asarray(fitted(grid))


def _lowest(u: Array, height: Array) -> tuple[float, float] | None:
    """Return where a run is lowest and how high; None at an end of it."""
    k = int(np.argmin(height))
    if not EDGE * GRID < k < (1.0 - EDGE) * GRID:
        return None
    return float(u[k]), float(height[k])


def _height(u: Array, v: Array, power: _Power, at: float) -> float:
    """Return log y of a run at one place, from the points around it."""
    near = np.abs(u - at) <= NEAR
    if near.sum() < FEWEST:
        near = np.zeros(u.size, dtype=bool)
        near[np.argsort(np.abs(u - at))[:FEWEST]] = True
    above = v[near] - power(u[near])
    local = np.polynomial.Polynomial.fit(u[near], above, min(3, int(near.sum()) // 2))
    return float(local(at) + power(np.array([at]))[0])


def _settled(before: list[Touch], after: list[Touch]) -> bool:
    if [one.run for one in before] != [one.run for one in after]:
        return False
    apart = [abs(one.log_x - two.log_x) for one, two in zip(before, after, strict=True)]
    return max(apart) <= CLOSE


class _Power(NamedTuple):
    """A power law with a floor: y = floor + height exp(-decay (u - middle))."""

    floor: float
    height: float
    decay: float
    middle: float

    def __call__(self, u: Array) -> Array:
        fall = np.exp(-self.decay * (u - self.middle))
        return np.asarray(np.log(self.floor + self.height * fall))


def _through(points: Array) -> _Power:
    """Return the power law with a floor that is nearest to points, log x and log y, shape (n, 2).

    For each of many exponents, floor and height come from least squares of relative errors.
    """
    u, y = points[:, 0], np.exp(points[:, 1])
    middle = float(u.mean())
    best, least = _Power(0.0, float(y.mean()), 0.0, middle), np.inf
    for decay in DECAYS:
        fall = np.exp(-decay * (u - middle)) / y
        rows = np.stack([1.0 / y, fall], axis=1)
        floor, height = np.linalg.lstsq(rows, np.ones(u.size), rcond=None)[0]
        if floor < 0.0 or len(u) < 3:
            floor, height = 0.0, float(fall.sum() / (fall @ fall))
        missed = float(np.sum((1.0 - rows @ [floor, height]) ** 2))
        if height > 0.0 and missed < least:
            best, least = _Power(float(floor), float(height), float(decay), middle), missed
    return best


def _hull(points: Array) -> Array:
    """Return the corners of the lower convex hull, from left to right.

    Source
    ------
    Andrew (1979), "Another efficient algorithm for convex hulls in two dimensions".
    """
    corners: list[Array] = []
    for point in points[np.lexsort((points[:, 1], points[:, 0]))]:
        while len(corners) > 1 and _turn(corners[-2], corners[-1], point) <= 0.0:
            corners.pop()
        corners.append(point)
    return np.array(corners)


def _turn(a: Array, b: Array, c: Array) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
