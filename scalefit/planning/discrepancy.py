"""Discrepancy: how the truth may leave the law, so that a wrong law does not buy ever more of one.

A Gaussian process beside the law that only the design knows of: a run then tells most about targets
that are near it, and the fortieth cheap run far from them tells nothing.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import linalg, spatial

from scalefit.arrays import Array


class Discrepancy:
    """The covariance of what the law misses, given the runs so far.

    Before any run it is size^2 exp(-|(u - u') / scale|), with u the logs of the predictors.

    Parameters
    ----------
    log_runs : shape (m, k)
        Logs of the predictors at the runs so far; m may be 0.
    scale : shape (k,)
        From `lengths`.
    size
        Standard deviation of log y.
    noise
        Variance of a run around law and discrepancy.
    """

    def __init__(self, log_runs: Array, scale: Array, size: float, noise: float) -> None:
        self._runs, self._scale, self._size, self._noise = log_runs, scale, size, noise

    def between(self, one: Array, other: Array) -> Array:
        """Return the covariance of points of shape (n, k) and (m, k), shape (n, m)."""
        found = self._kernel(one, other)
        if len(self._runs):
            found = found - self._known(one).T @ self._known(other)
        return np.asarray(found)

    def variance(self, points: Array) -> Array:
        """Return the variance at points of shape (n, k), shape (n,)."""
        found = np.full(len(points), self._size**2)
        if len(self._runs):
            found = found - np.sum(self._known(points) ** 2, axis=0)
        return np.asarray(np.maximum(found, 0.0))

    @cached_property
    def _lower(self) -> Array:
        known = self._kernel(self._runs, self._runs) + self._noise * np.eye(len(self._runs))
        return np.asarray(np.linalg.cholesky(known), dtype=float)

    def _known(self, points: Array) -> Array:
        """Return what the runs so far know of points, whitened, shape (m, n)."""
        apart = self._kernel(self._runs, points)
        return np.asarray(linalg.solve_triangular(self._lower, apart, lower=True))

    def _kernel(self, one: Array, other: Array) -> Array:
        apart = spatial.distance.cdist(one / self._scale, other / self._scale)
        return np.asarray(self._size**2 * np.exp(-apart))


def lengths(log_x: Array) -> Array:
    """Return the length scale of each predictor, shape (k,): half the range of its log."""
    half = 0.5 * np.ptp(log_x, axis=0)
    return np.asarray(np.where(half > 0.0, half, 1.0))
