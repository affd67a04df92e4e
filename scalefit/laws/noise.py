"""The noise around a law: normal on log y, of unknown size."""

from __future__ import annotations

from typing import Any

import numpy as np

from .priors import LogNormal

NOISE = LogNormal(0.02, 1.0)
"""Default prior of the standard deviation of log y around the law."""

RESOLUTION = 1e-6
"""Least standard deviation of log y, so that a curve without noise can be fitted."""


def deviation(noise: Any, xp: Any = np) -> Any:
    """Return the standard deviation of log y that belongs to the noise parameter."""
    return xp.sqrt(noise**2 + RESOLUTION**2)
