"""Interpolation on a torus: the function to be learned, examples of it, and two predictors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scalefit.arrays import Array

from .settings import Manifold

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Run


def loss(run: Run) -> float:
    """Return the mean squared error of a run's predictor on its new points."""
    one = run.settings
    assert isinstance(one, Manifold)
    function = Waves(run.stream("waves"), one)
    points = run.stream("examples").random((one.n_train, one.dimension))
    new = run.stream("new points").random((one.n_test, one.dimension))
    predictor = nearest if one.protocol == "nearest" else linear
    return float(np.mean((predictor(points, function(points), new) - function(new)) ** 2))


class Waves:
    """A smooth function of variance 1: a sum of cosine waves around the torus.

    Parameters
    ----------
    rng
        Of the wave vectors, uniform over whole numbers up to `frequency` but for 0, and phases.
    settings
        Of the run.
    """

    def __init__(self, rng: np.random.Generator, settings: Manifold) -> None:
        top, shape = settings.frequency, (settings.waves, settings.dimension)
        vectors = rng.integers(-top, top + 1, shape)
        while np.any(still := ~vectors.any(1)):
            vectors[still] = rng.integers(-top, top + 1, (int(still.sum()), settings.dimension))
        self._vectors = 2 * math.pi * vectors.T
        self._phases = 2 * math.pi * rng.random(settings.waves)
        self._amplitude = math.sqrt(2 / settings.waves)

    def __call__(self, points: Array) -> Array:
        """Return the values at points of shape (n, dimension)."""
        found: Array = self._amplitude * np.cos(points @ self._vectors + self._phases).sum(1)
        return found


def nearest(points: Array, values: Array, new: Array) -> Array:
    """Return the values of the nearest points, around the torus."""
    from scipy.spatial import cKDTree

    _, place = cKDTree(points, boxsize=np.ones(points.shape[1])).query(new)
    found: Array = values[place]
    return found


def linear(points: Array, values: Array, new: Array) -> Array:
    """Return linear interpolations in Delaunay's simplices, around the torus.

    Points near a side are repeated beyond the opposite one, so that simplices cover the torus.
    """
    n, d = points.shape
    if d == 1:
        return np.interp(new[:, 0], points[:, 0], values, period=1.0)
    from scipy.interpolate import LinearNDInterpolator

    margin = min(4 * n ** (-1 / d), 1.0)
    for axis in range(d):
        low, high = points[:, axis] < margin, points[:, axis] > 1 - margin
        step = np.eye(d)[axis]
        points = np.concatenate([points, points[low] + step, points[high] - step])
        values = np.concatenate([values, values[low], values[high]])
    found: Array = LinearNDInterpolator(points, values)(new)
    return found
