"""Error rates on a test set: the known error that its size gives, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.curves.error_rates import binomial
from scalefit.errors import ConfigError, InvalidData

X = np.geomspace(10.0, 1e4, 12)
RATE = 0.4 * (X / 10.0) ** -0.3 + 0.01
QUICK: dict[str, Any] = {
    "regimes": 1, "floor": False, "noise": "normal", "method": "point", "draws": 200,
    "progress": False,
}  # fmt: skip


def test_it_is_how_the_log_of_a_share_of_test_points_scatters() -> None:
    rng = np.random.default_rng(0)
    rates = np.array([0.02, 0.2, 0.7])
    for rate, stated in zip(rates, binomial(rates, 10_000), strict=True):
        seen = np.std(np.log(rng.binomial(10_000, rate, size=40_000) / 10_000))
        # A standard deviation of 40,000 is known to 1 in 280; curvature of the log adds 1 in 200.
        assert stated == pytest.approx(seen, rel=0.015)


def test_it_is_added_to_known_errors() -> None:
    fit = sf.fit(X, RATE, test_size=2000, **QUICK)
    stated = np.sqrt((1.0 - RATE) / (2000 * RATE))
    np.testing.assert_allclose(fit.errors("curve"), stated, rtol=1e-12)
    both = sf.fit(x=X, y=RATE, y_err=0.05 * RATE, test_size=2000, **QUICK)
    np.testing.assert_allclose(both.errors("curve"), np.hypot(0.05, stated), rtol=1e-12)


def test_it_is_said_and_kept(tmp_path: Any) -> None:
    fit = sf.fit(X, RATE, test_size=2000, **QUICK)
    note = next(one for one in fit.notes["curve"] if "test points" in one)
    assert note.startswith("known errors of y hold those of 2000 test points: 2.7% to 8.8%")
    said = fit.summary().set_index("parameter")["note"]
    assert "beside that of 2000 test points" in said["noise"]
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.test_size == 2000
    assert again.predict([1e5]).identical(fit.predict([1e5]))


def test_a_new_point_scatters_with_its_test_set() -> None:
    fit = sf.fit(X, RATE, test_size=200, **QUICK)
    drawn = fit.sample([1e5], hazard=0.0)
    law = fit.sample([1e5], kind="curve", hazard=0.0)
    spread = np.log(drawn / law).values.ravel()
    expected = np.mean((1.0 - law) / (200 * law)) + np.mean(fit.parameters("curve")["noise"] ** 2)
    # The variance of 200 draws is known to 1 in 10.
    assert np.mean(spread**2) == pytest.approx(float(expected), rel=0.4)


@pytest.mark.parametrize("top", [1.0, 100.0])
def test_of_an_accuracy_it_is_what_is_lacking(top: float) -> None:
    fit = sf.fit(X, top * (1.0 - RATE), ceiling=top, test_size=2000, **QUICK)
    stated = np.sqrt((1.0 - RATE) / (2000 * RATE))
    np.testing.assert_allclose(fit.errors("curve"), stated, rtol=1e-9)


def test_no_errors_at_all_are_as_uncertain_as_one() -> None:
    y = np.append(np.round(RATE[:-1] / 40.0, 3), 0.0)
    fit = sf.fit(X, y, test_size=1000, **QUICK)
    assert fit.grain("curve") == 0.001
    known = fit.group("constant_data")["error"].values[0]
    assert known[-1] > 1.0


@pytest.mark.parametrize("size", [0, -3, 1.5, True, "many", 10**13, float("nan")])
def test_a_size_is_a_whole_number(size: Any) -> None:
    with pytest.raises(ConfigError, match=r"test_size=.*: give the whole number of test points"):
        sf.fit(X, RATE, test_size=size, **QUICK)


def test_what_is_no_rate_is_refused() -> None:
    with pytest.raises(InvalidData, match=r"'y' is no error rate between 0 and 1: 41"):
        sf.fit(X, 100.0 * RATE, test_size=2000, **QUICK)


def test_errors_that_hold_it_already_are_refused() -> None:
    known = np.sqrt(RATE * (1.0 - RATE) / 2000)
    with pytest.raises(ConfigError, match="test_size=2000: y_err is the error of a test set"):
        sf.fit(x=X, y=RATE, y_err=known, test_size=2000, **QUICK)
    data = pd.DataFrame({"x": np.repeat(X, 2), "y": np.repeat(RATE, 2)})
    with pytest.raises(ConfigError, match="leave test_size out"):
        sf.fit(data, x="x", y="y", by=[], aggregate="mean", test_size=9, **QUICK)


def test_one_run_that_is_no_rate_does_not_stop_the_others() -> None:
    parts = [pd.DataFrame({"run": name, "x": X, "y": k * RATE}) for name, k in (("a", 1), ("b", 9))]
    fit = sf.fit(pd.concat(parts), x="x", y="y", by="run", test_size=500, **QUICK)
    assert fit.verdict["a"] == "ok"
    assert re.search("no error rate", fit.verdict["b"])


def test_of_a_surface_too() -> None:
    n, d = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e2, 1e4, 4), X[::3]))
    y = 0.05 + n**-0.5 + 0.3 * d**-0.4
    data = pd.DataFrame({"n": n, "d": d, "y": y})
    fit = sf.fit(
        data, x=("n", "d"), y="y", by=[], law="additive", test_size=300, method="point", draws=200,
        progress=False,
    )  # fmt: skip
    (run,) = fit.runs
    shown = fit.curve(run)[1]
    np.testing.assert_allclose(fit.errors(run), np.sqrt((1 - shown) / (300 * shown)), rtol=1e-12)
