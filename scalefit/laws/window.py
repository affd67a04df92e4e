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
        First and last x, in the unit of x.
    y_typical
        Median of y, in the unit of y.
    """

    x_low: float
    x_high: float
    y_typical: float

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike) -> Window:
        """Return the window of a curve; x and y have shape (n,) and are positive."""
        return cls(
            float(np.min(x)), float(np.max(x)), float(np.exp(np.median(np.log(np.asarray(y)))))
        )
