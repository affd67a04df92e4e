"""Window of the data: the little that default priors may read from a curve."""

from __future__ import annotations

from collections.abc import Sequence
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
        Geometric mean of the points, in the unit of each predictor; of one that may be 0 the
        largest value, or 1 where there is none but 0.
    """

    x_low: float
    x_high: float
    y_typical: float
    centre: tuple[float, ...] = (1.0,)

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
        )

    @classmethod
    def trial(cls, predictors: int) -> Window:
        """Return a window of no data, to see which priors a law has."""
        return cls(1.0, 10.0, 1.0, (3.0,) * predictors)
