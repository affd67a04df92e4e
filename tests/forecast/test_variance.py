"""What the variance of a forecast comes from: one source at a time made to dominate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from samples.losses import X, curve

import scalefit as sf
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.forecast.variance import SOURCES

DRAWS = 4000
FAR = [1e4, 1e6, 1e9]


def made(**columns: Array) -> sf.Fit:
    """Return a fit of y = x ** -0.5 whose draws are these, all else known exactly."""
    known = {
        "exponent": np.full((DRAWS, 2), [0.5, np.nan]),
        "crossover": np.full((DRAWS, 1), np.nan),
        "width": np.full((DRAWS, 1), np.nan),
        "log_amplitude": np.zeros(DRAWS),
        "floor": np.zeros(DRAWS),
        "noise": np.full(DRAWS, 1e-6),
        "steepness": np.full(DRAWS, 0.4),
        **columns,
    }
    extra = {"exponent": ("regime",), "crossover": ("boundary",), "width": ("boundary",)}
    draws = {
        name: (("chain", "draw", "run", *extra.get(name, ())), value[None, :, None])
        for name, value in known.items()
    }
    runs = {"run": ["curve"]}
    groups = {
        "posterior": xr.Dataset(draws, runs),
        "constant_data": xr.Dataset({"x": (("run", "point"), X[None])}, runs),
        "observed_data": xr.Dataset({"y": (("run", "point"), X[None] ** -0.5)}, runs),
        "diagnostics": xr.Dataset({"verdict": ("run", ["ok"])}, runs),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {"x_unit": "", "y_unit": "", "noise": "normal"}
    return sf.Fit(sf.laws.BrokenPowerLaw(2, floor=True), tree)


def normal(sd: float, seed: int = 1) -> Array:
    return sd * np.random.default_rng(seed).standard_normal(DRAWS)


def regimes() -> dict[str, Array]:
    """Return draws a third of which have a second regime, flat beyond x = 100."""
    two = np.arange(DRAWS) % 3 == 0
    exponent = np.full((DRAWS, 2), [0.5, np.nan])
    exponent[two, 1] = 0.1
    place = np.where(two, 100.0, np.nan)[:, None]
    return {"exponent": exponent, "crossover": place, "width": place / 100.0}


DOMINANT: dict[str, dict[str, Array]] = {
    "regimes": regimes(),
    "floor": {"floor": np.exp(normal(0.3))},
    "parameters": {"log_amplitude": normal(0.1)},
    "noise": {"noise": np.full(DRAWS, 0.1)},
}


@pytest.mark.parametrize("source", DOMINANT)
def test_a_source_that_is_alone_has_all(source: str) -> None:
    table = made(**DOMINANT[source]).variance_shares(FAR, hazard=0.0)
    assert list(table.columns) == ["run", "x", "sd", *SOURCES]
    assert (table[source] > 0.98).all()
    np.testing.assert_allclose(table[list(SOURCES)].sum(axis=1), 1.0)
    assert (table[list(SOURCES)] >= 0.0).all(axis=None)


def test_futures_grow_as_the_third_power_of_the_distance() -> None:
    """A Poisson process of rate h gives the variance h s^2 L^3 / 3 to log y."""
    at = X[-1] * np.array([10.0, 100.0, 1000.0])
    table = made().variance_shares(at)
    assert (table["further_crossovers"] > 0.999).all()
    expected = 0.4**2 / np.log(10.0) * np.log(at / X[-1]) ** 3 / 3.0
    np.testing.assert_allclose(table["sd"] ** 2, expected, rtol=0.03)
    inside = made(**DOMINANT["parameters"]).variance_shares([1.0, X[-1]])
    assert (inside["further_crossovers"] == 0.0).all()


def test_shares_are_those_of_the_known_variances() -> None:
    """Level, regimes, noise and futures are independent here, so that their variances add up."""
    at = [1e5]
    fit = made(**regimes(), log_amplitude=normal(0.5), noise=np.full(DRAWS, 0.6))
    (row,) = fit.variance_shares(at).to_dict("records")
    # Two groups, shares 1/3 and 2/3, apart by the second regime's slower fall beyond 100.
    apart = 0.4 * np.log(at[0] / 100.0)
    variances = {
        "regimes": apart**2 * 2.0 / 9.0,
        "parameters": 0.5**2,
        "further_crossovers": 0.4**2 / np.log(10.0) * np.log(at[0] / X[-1]) ** 3 / 3.0,
        "noise": 0.6**2,
    }
    total = sum(variances.values())
    assert row["sd"] == pytest.approx(np.sqrt(total), rel=0.02)
    for source, variance in variances.items():
        assert row[source] == pytest.approx(variance / total, abs=0.02)
    assert row["floor"] < 0.01
    (law,) = fit.variance_shares(at, kind="curve").to_dict("records")
    assert law["noise"] == 0.0
    assert law["sd"] == pytest.approx(np.sqrt(total - 0.6**2), rel=0.02)


def test_a_floor_or_none_belongs_to_the_floor() -> None:
    floor = np.where(np.arange(DRAWS) % 2, 0.01, 0.0)
    (row,) = made(floor=floor).variance_shares([1e6], hazard=0.0).to_dict("records")
    assert row["floor"] > 0.999
    # At 1e6 half the draws are at 0.011 and half at 0.001, each known to 1%.
    fit = made(floor=floor, log_amplitude=normal(0.01))
    (row,) = fit.variance_shares([1e6], hazard=0.0).to_dict("records")
    assert row["floor"] == pytest.approx(1.0, abs=0.01)


def test_what_is_not_there_explains_nothing() -> None:
    """Floors and regimes that change nothing get no share beyond the error of 4,000 draws."""
    far_below = {"floor": 1e-12 * np.exp(normal(1.0, seed=2)), "log_amplitude": normal(0.1)}
    (row,) = made(**far_below).variance_shares([1e2], hazard=0.0).to_dict("records")
    # 20 bins: 19 / 4000 on average, of which the correction takes all; 4 standard errors.
    assert row["floor"] < 4 * np.sqrt(2 * 19) / DRAWS
    assert row["parameters"] > 0.99


def test_heavy_tails_count_by_their_middle() -> None:
    freedom = np.full(DRAWS, 1.5)  # of infinite variance
    fit = made(noise=np.full(DRAWS, 0.1), degrees_of_freedom=freedom)
    (row,) = fit.variance_shares([1e2]).to_dict("records")
    drawn = np.random.default_rng(3).standard_t(1.5, 400_000)
    expected = 0.1 * np.quantile(drawn, 0.8413)
    assert row["sd"] == pytest.approx(expected, rel=0.01)
    assert row["noise"] > 0.999


@pytest.fixture(scope="module")
def real() -> sf.Fit:
    options: dict[str, Any] = {"method": "point", "progress": False}
    return sf.fit(X, curve(), regimes=[1, 2], **options)


def test_a_real_fit(real: sf.Fit) -> None:
    at = [100.0, 1e5, 1e7]
    table = real.variance_shares(at, seed=3)
    np.testing.assert_allclose(table[list(SOURCES)].sum(axis=1), 1.0)
    assert table["noise"].iloc[0] > 0.5
    assert table["further_crossovers"].iloc[0] == 0.0
    assert table["further_crossovers"].iloc[2] > 0.5
    drawn = np.log(real.sample(at, seed=5)).std(("chain", "draw")).values[0]
    # 1,000 draws; beyond the data few futures carry much of the variance.
    np.testing.assert_allclose(table["sd"][:2], drawn[:2], rtol=0.15)
    pd.testing.assert_frame_equal(table, real.variance_shares(at, seed=3))


def test_arguments(real: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="kind='law' is unknown"):
        real.variance_shares(1e5, kind="law")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="hazard=-1"):
        real.variance_shares(1e5, hazard=-1.0)
    with pytest.raises(InvalidData, match="x must be"):
        real.variance_shares(0.0)


def test_a_failed_run_has_no_shares() -> None:
    empty = {name: np.full(DRAWS, np.nan) for name in ("log_amplitude", "floor", "noise")}
    table = made(**empty, exponent=np.full((DRAWS, 2), np.nan)).variance_shares([1e5])
    assert table[["sd", *SOURCES]].isna().all(axis=None)
