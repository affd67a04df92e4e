"""Window of the data: the little that default priors may read from a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array


@dataclass(frozen=True)
class Window:
    """What the default priors read from the data, and nothing more.

    Attributes
    ----------
    x_low, x_high
        Least and largest x, in the unit of x; of several predictors those of the first.
    y_typical
        Median of y, in the unit of y.
    centre
        Geometric mean of the points, in the unit of each predictor; of one that may be 0 the
        largest value, or 1 where there is none but 0.
    corners
        Of two predictors the logs of the first and the second one at the least and the largest of
        the first for every value of the second: among these any sum of powers has its ends.
    """

    x_low: float
    x_high: float
    y_typical: float
    centre: tuple[float, ...] = (1.0,)
    corners: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike, linear: Sequence[int] = ()) -> Window:
        """Return the window of positive x of shape (n,) or (n, k), and y of shape (n,).

        Columns of x in `linear` may be 0.
        """
        columns = np.asarray(x, dtype=float)
        columns = columns[:, None] if columns.ndim == 1 else columns
        centre = [
            (column.max() or 1.0) if j in linear else np.exp(np.mean(np.log(column)))
            for j, column in enumerate(columns.T)
        ]
        return cls(
            float(np.min(columns[:, 0])),
            float(np.max(columns[:, 0])),
            float(np.exp(np.median(np.log(np.asarray(y))))),
            tuple(map(float, centre)),
            _corners(np.log(columns)) if columns.shape[1] == 2 and not linear else (),
        )

    @classmethod
    def trial(cls, predictors: int) -> Window:
        """Return a window of no data, to see which priors a law has."""
        top = math.log(10.0)
        both = ((0.0, 0.0), (top, top))
        return cls(1.0, 10.0, 1.0, (3.0,) * predictors, both if predictors == 2 else ())


def _corners(logs: Array) -> tuple[tuple[float, float], ...]:
    """Return the first predictor's ends at every value of the second; logs have shape (n, 2)."""
    second, which = np.unique(logs[:, 1], return_inverse=True)
    low, high = np.full(second.size, np.inf), np.full(second.size, -np.inf)
    np.minimum.at(low, which, logs[:, 0])
    np.maximum.at(high, which, logs[:, 0])
    ends = zip(np.concatenate([low, high]).tolist(), np.tile(second, 2).tolist(), strict=True)
    return tuple(ends)
