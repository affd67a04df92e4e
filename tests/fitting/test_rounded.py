"""A loss printed with few digits: its exponent and its forecast, through the public face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scalefit as sf
from scalefit.arrays import Array

X = np.linspace(25.0, 4975.0, 60)
STEEP = 2.25
LAST = 20_000.0


def law(x: Array | float) -> Array:
    """Return a loss without floor that is 3.65e-6 at step 20,000."""
    return np.asarray(3.65e-6 * ((x + 350.0) / (LAST + 350.0)) ** -STEEP)


def measured(decimals: int) -> Array:
    noise = np.random.default_rng(1).standard_normal(X.size)
    return np.asarray((law(X) * np.exp(0.03 * noise)).round(decimals))


@pytest.mark.slow
def test_the_exponent_and_the_forecast_hold(tmp_path: Path) -> None:
    fit = sf.fit(X, measured(4), regimes=[1, 2], progress=False)
    assert fit.verdict == {"curve": "ok"}
    assert (fit.certificate["state"].isin(["certified", "negligible"])).all()
    low, high = np.quantile(fit.exponents.sel(regime=1), [0.05, 0.95])
    assert low < STEEP < high
    forecast = fit.predict(LAST)
    assert forecast["low"].item() < law(LAST) < forecast["high"].item()
    floor = fit.probabilities.xs(True, axis=1, level="floor").sum(axis=1).item()
    assert floor < 0.85
    assert fit.grain("curve") == 1e-4
    assert "y is rounded to 0.0001" in fit.notes["curve"][0]
    assert (fit.check()["words"].isin(["ok", "not checked: too few points"])).all()
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.grain("curve") == 1e-4
    np.testing.assert_array_equal(again.predict(LAST)["low"], forecast["low"])
    assert all(one.grain == 1e-4 for one in again.problems("curve").values())


def test_zeros_are_censored() -> None:
    y = measured(3)
    assert (y == 0.0).sum() > 10
    fit = sf.fit(X, y, regimes=[1, 2], method="point", progress=False)
    low, high = np.quantile(fit.end_exponent, [0.05, 0.95])
    assert low < STEEP < high
    forecast = fit.predict(LAST)
    assert forecast["low"].item() < law(LAST) < forecast["high"].item()


@pytest.mark.parametrize("noise", ["normal", "student"])
def test_fine_digits_change_nothing(noise: str) -> None:
    exact = law(X) * np.exp(0.03 * np.random.default_rng(1).standard_normal(X.size))
    rough = {"regimes": 1, "method": "point", "noise": noise, "progress": False}
    one, two = (sf.fit(X, y, **rough) for y in (exact.round(7), exact))  # type: ignore[arg-type]
    assert "grain" not in one.group("constant_data")
    np.testing.assert_allclose(one.exponents.mean(), two.exponents.mean(), rtol=1e-3)


def test_correlated_noise_takes_rounding_for_a_known_error() -> None:
    fit = sf.fit(
        X, measured(4), regimes=2, floor=False, noise="ar1", method="point", progress=False
    )
    assert fit.grain("curve") == 0.0
    assert any("noise='ar1' takes rounding for noise" in note for note in fit.notes["curve"])
    y = fit.curve("curve")[1]
    np.testing.assert_allclose(fit.errors("curve"), 1e-4 / np.sqrt(12.0) / y)
