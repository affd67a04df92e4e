"""Rounded values: the probability of the intervals that they stand for, under independent noise.

Each chance comes with a residual: half its square is what the chance lacks from that of the same
interval in the middle of the noise, so that a search by least squares knows which way to go.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import special

from scalefit.arrays import Array
from scalefit.laws.noise import RESOLUTION, Noise

from .compiled import compiled, part

NARROW = 1e-3
"""Width of an interval, in units of the noise, below which a density stands for it."""
HALF_LOG = 0.9189385332046727  # log(2 pi) / 2
FAR = -25.0


def chances(
    noise: Noise, mean: Array, ends: tuple[Array, Array], params: Mapping[str, Array], known: Array
) -> tuple[Array, Array]:
    """Return the log probability of every interval of log y, and its residual, shape (m, n).

    Parameters
    ----------
    noise
        Normal or Student's t.
    mean : shape (m, n)
        Log y without noise.
    ends : shape (n,) both
        Where the intervals begin, -inf for one that is censored, and end.
    params
        Parameters of the noise, shape (m,).
    known : shape (n,)
        Known variance of log y, added to that of the noise.
    """
    scale = np.asarray(params["noise"], dtype=float)
    total = np.asarray(known + RESOLUTION**2, dtype=float)
    low, high = ends
    if noise.kind == "student":
        size = np.sqrt(scale[:, None] ** 2 + total)
        return _student(noise, (low - mean) / size, (high - mean) / size, params)
    return _normal(np.ascontiguousarray(mean, dtype=float), low, high, scale, total)


@part
def _log_tail(z: float) -> float:
    """Return the log of the normal cumulative distribution."""
    if z > FAR:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2.0)))
    over = 1.0 / (z * z)
    series = 1.0 - over * (1.0 - 3.0 * over * (1.0 - 5.0 * over * (1.0 - 7.0 * over)))
    return -0.5 * z * z - math.log(-z) - HALF_LOG + math.log(series)


@compiled
def _normal(
    mean: Array, low: Array, high: Array, noise: Array, known: Array
) -> tuple[Array, Array]:
    m, n = mean.shape
    chance, residual = np.empty((m, n)), np.empty((m, n))
    for i in range(m):
        for j in range(n):
            scale = math.sqrt(noise[i] * noise[i] + known[j])
            end = (high[j] - mean[i, j]) / scale
            begin = (low[j] - mean[i, j]) / scale
            if not math.isfinite(end):
                chance[i, j] = residual[i, j] = math.nan
                continue
            if low[j] == -math.inf:
                chance[i, j] = _log_tail(end)
                residual[i, j] = -math.sqrt(-2.0 * chance[i, j])
                continue
            width = end - begin
            middle = 0.5 * (begin + end)
            if width < NARROW:
                lacking = 0.5 * middle * middle
                chance[i, j] = math.log(width) - HALF_LOG - lacking
            else:
                if begin > 0.0:  # differences of small tails, not of numbers close to 1
                    begin, end = -end, -begin
                upper = _log_tail(end)
                apart = min(_log_tail(begin) - upper, 0.0)
                chance[i, j] = upper + math.log(-math.expm1(apart))
                most = math.log1p(-2.0 * math.exp(_log_tail(-0.5 * width)))
                lacking = max(most - chance[i, j], 0.0)
            residual[i, j] = math.copysign(math.sqrt(2.0 * lacking), middle)
    return chance, residual


def _student(
    noise: Noise, begin: Array, end: Array, params: Mapping[str, Array]
) -> tuple[Array, Array]:
    freedom = np.asarray(params["degrees_of_freedom"])[:, None]

    def tail(z: Array) -> Array:
        return np.asarray(special.stdtr(np.broadcast_to(freedom, z.shape), z))

    width, middle = end - begin, 0.5 * (begin + end)
    narrow, censored = width < NARROW, np.isinf(width)
    centre = np.where(censored, 0.0, middle)
    flipped = begin > 0.0
    inside = tail(np.where(flipped, -begin, end)) - tail(np.where(flipped, -end, begin))
    wide = np.where(censored, 0.0, np.log1p(-2.0 * tail(-0.5 * np.minimum(width, 1e300))))
    shift = np.log(np.where(narrow, width, 1.0))
    chance = np.where(narrow, noise.log_density(centre, params) + shift, np.log(inside))
    most = np.where(narrow, noise.log_density(np.zeros_like(width), params) + shift, wide)
    lacking = np.sqrt(2.0 * np.maximum(most - chance, 0.0))
    return chance, np.where(censored, -1.0, np.sign(middle)) * lacking
