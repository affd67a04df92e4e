"""Replicates that are put together as their mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.curves.curve import Curve
from scalefit.curves.replicates import averaged
from scalefit.errors import ConfigError

ROUGH: dict[str, Any] = {"regimes": 1, "floor": False, "method": "point", "progress": False}


def test_means_and_their_standard_errors() -> None:
    x = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 4.0])
    y = np.array([9.0, 10.0, 11.0, 5.0, 7.0, 2.0])
    found = averaged(Curve("a", x, y, {}, ("x is repeated in 3 rows: kept", "other")))
    np.testing.assert_array_equal(found.x, [1.0, 2.0, 4.0])
    np.testing.assert_allclose(found.y, [10.0, 6.0, 2.0])
    assert found.error is not None
    relative = [0.1, np.sqrt(2.0) / 6.0]
    single = np.sqrt(np.mean(np.square(relative)))
    expected = [relative[0] / np.sqrt(3), relative[1] / np.sqrt(2), single]
    np.testing.assert_allclose(found.error, expected)
    assert found.notes == (
        "other",
        "5 rows at 2 repeated x became means with their standard errors; 1 single row has the "
        "scatter of the others as error",
    )


def test_a_fit_of_means_is_that_of_means_with_errors() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat(np.geomspace(1.0, 1e4, 20), 5)
    frame = pd.DataFrame({"x": x, "y": x**-0.4 * np.exp(0.05 * rng.standard_normal(100))})
    fit = sf.fit(frame, x="x", y="y", aggregate="mean", **ROUGH)
    means = frame.groupby("x")["y"].agg(["mean", "sem"]).reset_index()
    plain = sf.fit(means, x="x", y="mean", y_err="sem", **ROUGH)
    np.testing.assert_allclose(fit.exponents, plain.exponents, rtol=1e-6)
    low, high = np.quantile(fit.exponents, [0.05, 0.95])
    assert low < 0.4 < high
    assert "100 rows at 20 repeated x became means" in " ".join(fit.notes["0"])


def test_refusals() -> None:
    x = np.geomspace(1.0, 10.0, 9)
    with pytest.raises(ConfigError, match="no x of curve 'curve' has two values"):
        sf.fit(x, 1 / x, aggregate="mean", **ROUGH)
    with pytest.raises(ConfigError, match="aggregate='median' is unknown"):
        sf.fit(x, 1 / x, aggregate="median", **ROUGH)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="leave y_err out"):
        sf.fit(x, 1 / x, y_err=0.1, aggregate="mean", **ROUGH)
