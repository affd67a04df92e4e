"""Arrays: the types that signatures name, and the quantiles that tables show of them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def quantiles(
    draws: Array, tails: tuple[float, float], method: Literal["linear", "inverted_cdf"] = "linear"
) -> dict[str, float]:
    """Return median and ends of an interval under the names that tables have for them.

    Parameters
    ----------
    draws : shape (n,)
        Of a posterior.
    tails
        Probabilities below `low` and `high`.
    method
        Of `numpy.quantile`.
    """
    low, median, high = np.quantile(draws, [tails[0], 0.5, tails[1]], method=method)
    return {"median": float(median), "low": float(low), "high": float(high)}
