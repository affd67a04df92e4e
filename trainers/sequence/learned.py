"""When a subtask is learned: the step at which its loss falls through a level."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array


def learned(step: ArrayLike, loss: ArrayLike, level: ArrayLike) -> Array:
    """Return the step at which each loss first reaches a level, NaN where it never does.

    Between two checkpoints the loss is taken to be straight in the logarithm of the step.

    Parameters
    ----------
    step : shape (point,)
        Steps of the checkpoints, increasing.
    loss : shape (..., point)
        Losses there, such as `loss_task` with its points last. NaN reaches no level.
    level : shape () or (...)
        What counts as learned; half of ln 2 for a parity.

    Returns
    -------
    shape (...)

    Examples
    --------
    >>> learned([1, 10, 100], [[0.7, 0.6, 0.1], [0.7, 0.7, 0.7]], 0.35).round(1).tolist()
    [31.6, nan]
    """
    steps, losses = np.asarray(step, dtype=float), np.asarray(loss, dtype=float)
    below = losses <= np.asarray(level, dtype=float)[..., None]
    at = below.argmax(axis=-1)
    before = np.maximum(at - 1, 0)
    high, low = (np.take_along_axis(losses, one[..., None], -1)[..., 0] for one in (before, at))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(high > low, (high - level) / (high - low), 1.0)
        between = np.exp(np.log(steps[before]) * (1 - share) + np.log(steps[at]) * share)
    there = np.where((at > 0) & (steps[before] > 0), between, steps[at])
    return np.asarray(np.where(below.any(axis=-1), there, np.nan))
