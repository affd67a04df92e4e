"""A curve of two regimes with its noise, and the problem of its own law."""

from __future__ import annotations

import pytest
from samples.problems import TWO, X, noisy

from scalefit.arrays import Array
from scalefit.inference import Problem


@pytest.fixture(scope="package")
def y() -> Array:
    return noisy()


@pytest.fixture(scope="package")
def problem(y: Array) -> Problem:
    return Problem(TWO, X, y)
