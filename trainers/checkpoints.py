"""Checkpoints: the steps after which a simulation measures."""

from __future__ import annotations

import numpy as np


def checkpoints(steps: int, points: int) -> list[int]:
    """Return the steps after which to measure: whole, log-spaced, the first and last included.

    Parameters
    ----------
    steps : >= 1
        Length of the run.
    points : >= 2
        Largest number of checkpoints; where rounding makes neighbours equal there are fewer.

    Examples
    --------
    >>> checkpoints(1000, 5)
    [1, 6, 32, 178, 1000]
    """
    return [int(step) for step in np.unique(np.rint(np.geomspace(1, steps, points)))]
