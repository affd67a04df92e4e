"""Elementary functions without branches against those of the library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scalefit.inference import elementary

X = np.random.default_rng(0).uniform(-700.0, 700.0, 400)


def plain(function: Any) -> Any:
    """Return what is compiled as it is written."""
    return function.py_func


def test_the_exponential_is_that_of_the_library() -> None:
    found = [plain(elementary.exp)(x) for x in (*X, 0.0, 1e-300, -1e-9)]
    expected = [math.exp(x) for x in (*X, 0.0, 1e-300, -1e-9)]
    np.testing.assert_allclose(found, expected, rtol=2e-15)
    assert 0.0 < plain(elementary.exp)(-1e6) < 1e-300
    with np.errstate(invalid="ignore"):
        assert math.isnan(plain(elementary.exp)(np.float64("nan")))


def test_the_logarithm_is_that_of_the_library() -> None:
    at = np.exp(X)
    found = [plain(elementary.log)(x) for x in (*at, 1.0, 1.0 + 1e-12, 1.0 - 1e-12)]
    expected = [math.log(x) for x in (*at, 1.0, 1.0 + 1e-12, 1.0 - 1e-12)]
    np.testing.assert_allclose(found, expected, rtol=2e-15, atol=1e-27)


def test_the_logarithm_above_one_keeps_small_numbers() -> None:
    at = [0.0, *np.geomspace(1e-300, 1.0, 200)]
    found = [plain(elementary.log_above_one)(t) for t in at]
    np.testing.assert_allclose(found, [math.log1p(t) for t in at], rtol=2e-15)
