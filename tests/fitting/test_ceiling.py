"""Curves that rise towards a ceiling: fitted by what they lack of it, told in y."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.errors import ConfigError, InvalidData

N = np.geomspace(100.0, 30_000.0, 18)
GAP = (0.07 + 6.0 * N**-0.5) * np.exp(0.01 * np.random.default_rng(5).standard_normal(18))
FRAME = pd.DataFrame({"n": N, "accuracy": 1.0 - GAP, "percent": 100.0 * (1.0 - GAP)})
ROUGH: dict[str, Any] = {"method": "point", "progress": False}


@pytest.fixture(scope="module")
def fit() -> sf.Fit:
    return sf.fit(FRAME, x="n", y="accuracy", ceiling=1, **ROUGH)


@pytest.fixture(scope="module")
def error() -> sf.Fit:
    """Return the same as a fit of the error."""
    return sf.fit(FRAME, x="n", y="1 - accuracy", **ROUGH)


def test_exponent_and_limit_are_the_true_ones(fit: sf.Fit, error: sf.Fit) -> None:
    rows = fit.summary().set_index("parameter")
    assert rows.loc["exponent", "low"] < 0.5 < rows.loc["exponent", "high"]
    assert rows.loc["limit", "low"] < 0.93 < rows.loc["limit", "high"]
    assert rows.loc["limit", "high"] - rows.loc["limit", "low"] < 0.02
    assert "floor" not in rows.index
    assert "P(below the ceiling)" in rows.loc["limit", "note"]
    plain = error.summary().set_index("parameter")
    assert rows.loc["limit", "low"] == pytest.approx(1 - plain.loc["floor", "high"])
    np.testing.assert_array_equal(fit.exponents, error.exponents)


def test_predictions_are_of_y_and_stay_below(fit: sf.Fit, error: sf.Fit) -> None:
    at = [1e3, 1e5, 1e9]
    one, two = fit.predict(at), error.predict(at)
    for name, mirrored in (("median", "median"), ("low", "high"), ("high_inside", "low_inside")):
        np.testing.assert_allclose(one[name], 1.0 - two[mirrored])
    assert (fit.sample(at) < 1.0).all()
    np.testing.assert_array_equal(fit.curve(fit.runs[0])[1], FRAME["accuracy"])
    np.testing.assert_array_equal(
        fit.tree["observed_data"]["y"].values[0], FRAME["accuracy"].to_numpy()
    )
    np.testing.assert_allclose(fit.log_predictive([1e5], [0.9]), error.log_predictive([1e5], [0.1]))
    assert np.isneginf(fit.log_predictive([1e5, 1e5], [1.0, 1.3])).all()


def test_density_integrates_to_one(fit: sf.Fit) -> None:
    y = np.linspace(0.3, 0.999, 4000)
    density = np.exp(fit.log_predictive(np.full(4000, 1e4), y).values[0])
    assert np.trapezoid(density, y) == pytest.approx(1.0, abs=1e-3)


def test_reach_knows_the_direction_and_the_ceiling(fit: sf.Fit, error: sf.Fit) -> None:
    found = fit.reach([0.85, 0.92, 1.0, 1.01, -2.0])
    plain = error.reach([0.15, 0.08])
    assert (found["direction"] == "up").all()
    np.testing.assert_allclose(found["probability"][:2], plain["probability"])
    np.testing.assert_allclose(found["median"][:2], plain["median"])
    assert found["probability"].tolist()[2:] == [0.0, 0.0, 1.0]
    falls = sf.fit(N, 3.0 - 2.0 * GAP[::-1], ceiling=3.0, regimes=1, **ROUGH)
    assert falls.reach([1.0])["direction"].item() == "down"


def test_a_stored_fit_keeps_it(fit: sf.Fit, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.ceiling == 1.0
    np.testing.assert_array_equal(again.predict([1e6])["high"], fit.predict([1e6])["high"])
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    pd.testing.assert_frame_equal(again.check(), fit.check())


def test_percent_is_the_same_curve(fit: sf.Fit) -> None:
    percent = sf.fit(FRAME, x="n", y="percent", ceiling=100, **ROUGH)
    np.testing.assert_allclose(
        percent.predict([1e6])["median"], 100 * fit.predict([1e6])["median"], rtol=1e-3
    )


def test_errors_of_y_are_errors_of_the_gap() -> None:
    frame = FRAME.assign(se=0.002)
    named = {"x": "n", "y_err": "se", "regimes": 1, **ROUGH}
    one = sf.fit(frame, y="accuracy", ceiling=1, **named)
    two = sf.fit(frame, y="1 - accuracy", **named)
    np.testing.assert_array_equal(one.errors("0"), two.errors("0"))
    np.testing.assert_array_equal(one.exponents, two.exponents)


def test_values_of_any_sign_may_have_a_ceiling() -> None:
    reward = 200.0 - 3000.0 * N**-0.5 * np.exp(0.02 * np.random.default_rng(2).standard_normal(18))
    assert reward.min() < 0.0
    fit = sf.fit(N, reward, ceiling=200, regimes=1, floor=False, **ROUGH)
    low, high = np.quantile(fit.exponents, [0.05, 0.95])
    assert low < 0.5 < high
    assert (fit.predict([1e2, 1e8])["high"] < 200.0).all()


def test_figures_and_page_are_in_y(fit: sf.Fit, tmp_path: Path) -> None:
    ax = fit.plot(beyond=10)
    assert ax.get_yscale() == "linear"
    bottom, top = ax.get_ylim()
    assert bottom < FRAME["accuracy"].min() < FRAME["accuracy"].max() < top < 1.1
    (median,) = [line for line in ax.lines if line.get_label() == "median of the law"]
    assert np.all(np.diff(median.get_ydata()) >= 0.0)
    assert "limit" in [line.get_label() for line in ax.lines]
    fit.report(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<th>limit</th>" in text
    assert "1 - accuracy" in text


def test_comparisons_know_the_limit(fit: sf.Fit) -> None:
    found = sf.compare(fit, value=0.9, parameter="limit")
    assert found["p_greater"].item() > 0.95


@pytest.mark.parametrize("ceiling", [True, "1", np.inf, np.nan])
def test_refusals(ceiling: Any) -> None:
    with pytest.raises(ConfigError, match="ceiling="):
        sf.fit(FRAME, x="n", y="accuracy", ceiling=ceiling, **ROUGH)


def test_y_at_the_ceiling_is_refused_with_one_that_would_do() -> None:
    with pytest.raises(InvalidData, match=r"reaches the ceiling of 1.*\n.*ceiling of 100 would do"):
        sf.fit(FRAME, x="n", y="percent", ceiling=1, **ROUGH)
