"""Window of the data: the little that default priors may read from a curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


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
        Geometric mean of the points, in the unit of each predictor.
    """

    x_low: float
    x_high: float
    y_typical: float
    centre: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike) -> Window:
        """Return the window of positive x of shape (n,) or (n, k), and y of shape (n,)."""
        columns = np.asarray(x, dtype=float)
        columns = columns[:, None] if columns.ndim == 1 else columns
        return cls(
            float(np.min(columns[:, 0])),
            float(np.max(columns[:, 0])),
            float(np.exp(np.median(np.log(np.asarray(y))))),
            tuple(np.exp(np.mean(np.log(columns), axis=0)).tolist()),
        )

    @classmethod
    def trial(cls, predictors: int) -> Window:
        """Return a window of no data, to see which priors a law has."""
        return cls(1.0, 10.0, 1.0, (3.0,) * predictors)
