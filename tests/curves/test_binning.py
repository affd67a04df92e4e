"""Long curves: what is left of them after binning says the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scalefit as sf
from scalefit.arrays import Array
from scalefit.curves.binning import BINS, LONG, binned
from scalefit.curves.curve import Curve

MANY = 20_000


def curve(x: Array, noise: float = 0.1, seed: int = 0, **more: Any) -> Curve:
    """Return a noisy power law with exponent 0.4."""
    scatter = np.random.default_rng(seed).standard_normal(x.size)
    return Curve("a", x, 3.0 * x**-0.4 * np.exp(noise * scatter), {}, ("noted",), **more)


def test_short_curves_stay_as_they_are() -> None:
    short = curve(np.geomspace(1.0, 1e4, LONG))
    assert binned(short) is short


@pytest.mark.parametrize("n", [LONG + 1, 700, 2_000, MANY])
@pytest.mark.parametrize("space", [np.geomspace, np.linspace])
def test_standard_errors_are_those_of_means(n: int, space: Any) -> None:
    long = curve(space(1.0, 1e4, n), ordered=True)
    short = binned(long)
    assert short.error is not None
    assert short.x.size == short.y.size == short.error.size <= min(BINS, n // 10)
    assert (np.diff(short.x) > 0).all()
    assert (short.run, short.labels, short.ordered) == ("a", {}, True)
    assert short.notes[0] == "noted"
    assert short.notes[1].startswith(f"{n} points averaged in {short.x.size} bins of log x")
    white = (np.log(short.y) - np.log(3.0 * short.x**-0.4)) / short.error
    # The spread of so many standard normals: 4 standard errors, and 10% for errors estimated.
    assert np.std(white) == pytest.approx(1.0, abs=0.1 + 4 / np.sqrt(2 * white.size))
    assert np.mean(white) == pytest.approx(0.0, abs=4 / np.sqrt(white.size))


def test_standard_errors_follow_the_scatter() -> None:
    x = np.geomspace(1.0, 1e4, MANY)
    grows = 0.05 + 0.1 * np.log(x) / np.log(1e4)
    rng = np.random.default_rng(1)
    short = binned(Curve("a", x, x**-0.4 * np.exp(grows * rng.standard_normal(MANY)), {}, ()))
    expected = (0.05 + 0.1 * np.log(short.x) / np.log(1e4)) / np.sqrt(MANY / BINS)
    # Five bins of 100 points: 3% of scatter, 4 standard errors of it.
    assert short.error is not None
    np.testing.assert_allclose(short.error, expected, rtol=0.15)


def test_larger_known_errors_stay() -> None:
    x = np.geomspace(1.0, 1e4, MANY)
    small, large = (binned(curve(x, error=np.full(MANY, e))).error for e in (0.001, 1.0))
    plain = binned(curve(x)).error
    assert small is not None
    assert large is not None
    assert plain is not None
    np.testing.assert_array_equal(small, plain)
    np.testing.assert_allclose(large, 1.0 / np.sqrt(MANY / BINS), rtol=0.01)


def test_a_steep_curve_is_not_taken_for_scatter() -> None:
    """The slope within a bin is no noise, at the ends neither."""
    x = np.geomspace(1.0, 1e4, 1_000)
    short = binned(Curve("a", x, x**-3.0, {}, ()))
    assert short.error is not None
    assert short.error.max() < 1e-9
    np.testing.assert_allclose(np.log(short.y), -3.0 * np.log(short.x), atol=1e-9)


def test_replicates_become_one_point_each() -> None:
    x = np.repeat(np.geomspace(1.0, 1e3, 8), 100)
    short = binned(curve(x))
    np.testing.assert_allclose(short.x, np.unique(x))
    assert short.error is not None
    np.testing.assert_allclose(short.error, 0.01, rtol=0.15)


def test_points_crowded_in_few_bins_stay() -> None:
    long = curve(np.append(np.geomspace(1.0, 1.001, 600), 1e6))
    assert binned(long) is long


def test_a_long_power_law_is_recovered() -> None:
    x = np.geomspace(1.0, 1e4, MANY)
    y = curve(x).y
    fit = sf.fit(x, y, regimes=1, floor=False, noise="normal", progress=False)
    assert fit.ok
    assert fit.notes["curve"][0].startswith("20000 points averaged in 200 bins of log x")
    assert fit.curve("curve")[0].size == BINS
    low, high = fit.exponents.quantile([0.0005, 0.9995], ("chain", "draw")).values.ravel()
    assert low < 0.4 < high  # a false alarm in 1 of 1,000 seeds
    # As exact as least squares on all points: noise / sqrt(n) / sd of log x.
    exact = 0.1 / np.sqrt(MANY) / np.std(np.log(x))
    assert float(fit.exponents.std()) == pytest.approx(exact, rel=0.3)


def test_new_points_scatter_as_single_ones_do() -> None:
    """Bins are means of many points; what is predicted of a new point is not."""
    x = np.geomspace(1.0, 1e4, MANY)
    y = curve(x).y
    fit = sf.fit(x, y, regimes=1, floor=False, noise="normal", method="point", progress=False)
    at = np.array([3.0, 100.0, 3e3, 2e4])
    band = fit.predict(at, hazard=0.0).sel(run="curve")
    width = np.log(band["high"] / band["low"]).values
    np.testing.assert_allclose(width, 2 * 1.645 * 0.1, rtol=0.1)  # quantiles of 1,000 draws
    inside = fit.predict(x[::20], hazard=0.0).sel(run="curve")
    held = (inside["low"].values < y[::20]) & (y[::20] < inside["high"].values)
    assert np.mean(held) == pytest.approx(0.9, abs=0.04)  # 4 standard errors of 1,000 points
    law = fit.predict(at, kind="curve", hazard=0.0).sel(run="curve")
    assert np.log(law["high"] / law["low"]).max() < 0.02
    density = fit.log_predictive([100.0], [3.0 * 100.0**-0.4])
    assert float(density[0, 0]) == pytest.approx(
        -np.log(0.1 * np.sqrt(2 * np.pi) * 3.0 * 100.0**-0.4), abs=0.1
    )
