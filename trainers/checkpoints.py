"""Checkpoints: the steps after which a simulation measures."""

from __future__ import annotations

import numpy as np


def checkpoints(steps: int, points: int, *, start: bool = False) -> list[int]:
    """Return the steps after which to measure: whole, log-spaced, the first and last included.

    Parameters
    ----------
    steps : >= 1
        Length of the run.
    points : >= 2
        Largest number of checkpoints; where rounding makes neighbours equal there are fewer.
    start
        Measure before the first step, too.

    Examples
    --------
    >>> checkpoints(1000, 5)
    [1, 6, 32, 178, 1000]
    >>> checkpoints(3, 9, start=True)
    [0, 1, 2, 3]
    """
    found = [int(step) for step in np.unique(np.rint(np.geomspace(1, steps, points)))]
    return [0, *found] if start else found
