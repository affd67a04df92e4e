"""Grids: the times and steps at which random features are measured."""

from __future__ import annotations

import numpy as np

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints

from .settings import RandomFeatures

FIRST = 0.1
"""The first time of a flow; the largest eigenvalue is learned by a time of 1."""


def steps_of(settings: RandomFeatures) -> list[int]:
    """Return the steps after which descent or SGD is measured, the start included."""
    return checkpoints(settings.steps, settings.points, start=True)


def along(settings: RandomFeatures) -> dict[str, Array]:
    """Return what is known of every point beforehand: step, examples and time."""
    if settings.protocol == "minimiser":
        return {}
    if settings.protocol == "gradient_flow":
        return {"time": np.geomspace(FIRST, settings.duration, settings.points)}
    step = np.array(steps_of(settings), dtype=float)
    seen = {"examples": settings.batch * step} if settings.protocol == "sgd" else {}
    return {"step": step, **seen, "time": settings.learning_rate * step}
