"""Predictions: futures, noise that remembers, and densities that integrate to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import scalefit as sf
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.forecast.futures import further
from scalefit.forecast.noise import conditional
from scalefit.laws.noise import Noise

X = np.geomspace(1.0, 1e4, 30)
QUIET: dict[str, Any] = {"method": "point", "progress": False}
POINT: dict[str, Any] = {**QUIET, "noise": "normal"}
BEYOND = [2e4, 1e5, 1e6]


def curve(seed: int = 0, x: Array = X) -> Array:
    """Return a loss with exponents 0.2 and 0.7, a crossover at 100 and 2% noise."""
    scatter = np.random.default_rng(seed).standard_normal(x.size)
    return 3.0 * x**-0.2 * (1 + x / 100) ** -0.5 * np.exp(0.02 * scatter)


def table(runs: int, lengths: Mapping[int, int]) -> pd.DataFrame:
    """Return runs a, b, ... with different noise, the i-th cut at lengths[i] points."""
    return pd.concat(
        pd.DataFrame({"step": X, "loss": curve(i), "arch": "abc"[i]}).head(lengths.get(i, X.size))
        for i in range(runs)
    )


@pytest.fixture(scope="module")
def one() -> sf.Fit:
    return sf.fit(X, curve(), regimes=2, floor=True, **POINT)


@pytest.fixture(scope="module")
def several() -> sf.Fit:
    data = table(3, {1: 20})
    return sf.fit(data, x="step", y="loss", by="arch", regimes=2, floor=False, **POINT)


@pytest.fixture(scope="module")
def correlated() -> sf.Fit:
    """Return a fit of a power law with AR(1) noise of 5%, correlated by 0.8 from point to point."""
    rng = np.random.default_rng(2)
    noise = np.zeros(30)
    for i in range(30):
        noise[i] = (0.8 * noise[i - 1] if i else 0.0) + 0.05 * (0.6 if i else 1.0) * rng.normal()
    return sf.fit(X, X**-0.5 * np.exp(noise), regimes=1, floor=False, noise="ar1", **QUIET)


def test_predict(several: sf.Fit) -> None:
    at = [0.5, 1.0, 50.0, X[19] * 1.01, 1e4, 2e4]
    points, law = several.predict(at), several.predict(at, kind="curve")
    for predicted in (points, law):
        assert dict(predicted.sizes) == {"run": 3, "x": 6}
        names = {"median", "mean", "low", "high", "low_inside", "high_inside", "extrapolated"}
        assert set(predicted.data_vars) == names
        assert (predicted["low"] < predicted["median"]).all()
        assert (predicted["median"] < predicted["high"]).all()
    ends = np.array([[True, False, False, False, False, True]] * 3)
    ends[1, 3:5] = True  # b ends earlier
    np.testing.assert_array_equal(points["extrapolated"].values, ends)
    fitted = ~points["extrapolated"]
    assert (points["high"] - points["low"] > law["high"] - law["low"]).where(fitted, True).all()
    # Noise of 2% around a curve known to 1% or better inside the data: +-1.645 * 2.2% at most.
    inside = points.sel(run="a").isel(x=2)
    ratio = float(np.log(inside["high"] / inside["low"]))
    assert 2 * 1.645 * 0.014 < ratio < 2 * 1.645 * 0.03
    assert points.attrs == {"kind": "observation", "hazard": 1.0, "interval": 0.9}


def test_prediction_intervals_nest_and_repeat(one: sf.Fit) -> None:
    narrow, wide = one.predict(X, interval=0.5), one.predict(X, interval=0.95)
    assert (narrow["low"] > wide["low"]).all()
    assert (narrow["high"] < wide["high"]).all()
    xr.testing.assert_identical(one.predict(X), one.predict(X))
    assert not one.predict(X, seed=1).equals(one.predict(X))
    assert one.predict(X, seed=1, kind="curve").equals(one.predict(X, kind="curve"))
    assert one.predict(3.0).sizes["x"] == 1
    drawn = one.sample(X).values[0, 0]
    for name, probability in (("low", 0.025), ("median", 0.5), ("high", 0.975)):
        np.testing.assert_allclose(wide[name][0], np.quantile(drawn, probability, axis=0))
    np.testing.assert_allclose(wide["mean"][0], drawn.mean(axis=0))


@pytest.mark.parametrize("x", [0.0, -1.0, np.nan, [1.0, np.inf], [[1.0]]])
def test_x_must_have_a_logarithm(one: sf.Fit, x: Any) -> None:
    for ask in (one.predict, one.sample, one.local_exponent):
        with pytest.raises(InvalidData, match="x must be one-dimensional, finite and > 0"):
            ask(x)
    with pytest.raises(InvalidData, match="must be one-dimensional, finite and > 0"):
        one.log_predictive([1.0], [x])


def test_arguments(one: sf.Fit) -> None:
    for ask in (one.predict, one.sample):
        with pytest.raises(ConfigError, match="kind='law' is unknown; give 'observation'"):
            ask(1.0, kind="law")  # type: ignore[arg-type]
    for hazard in (-1.0, np.nan, np.inf):
        with pytest.raises(ConfigError, match="hazard="):
            one.predict(1e5, hazard=hazard)
        with pytest.raises(ConfigError, match="hazard="):
            one.log_predictive(1e5, 0.1, hazard=hazard)
    with pytest.raises(InvalidData, match="x has 2 values and y 1"):
        one.log_predictive([1.0, 2.0], [1.0])


def test_samples_are_draws_of_the_law_and_its_noise(several: sf.Fit) -> None:
    law, points = several.sample(X, kind="curve"), several.sample(X)
    assert law.dims == points.dims == ("run", "chain", "draw", "x")
    assert law.shape == (3, 1, 1000, 30)
    expected = np.exp(several.law.log_mean(several.parameters("c"), X))
    np.testing.assert_allclose(law.sel(run="c").values[0], expected, rtol=1e-12)
    deviates = np.log(points / law).sel(run="c").values[0]
    deviates /= several.parameters("c")["noise"][:, None]
    # 30,000 standard normals: 5 standard errors of mean and sd.
    assert np.mean(deviates) == pytest.approx(0.0, abs=5 / np.sqrt(30000))
    assert np.std(deviates) == pytest.approx(1.0, abs=5 / np.sqrt(60000))


# Further crossovers.


def test_hazard_widens_beyond_the_data_only(several: sf.Fit) -> None:
    for kind in ("observation", "curve"):
        within = several.predict(X[::5], kind=kind).sel(run="a")
        xr.testing.assert_equal(within["low"], within["low_inside"])
        xr.testing.assert_equal(within["high"], within["high_inside"])
        outside = several.predict(BEYOND, kind=kind)
        # b ends at 430: at 2e4 it is 1.7 decades beyond its data, at 1e6 they are 2 to 3.4.
        assert (outside["low"] < outside["low_inside"]).sel(run="b").all()
        assert (outside["high"] > outside["high_inside"]).sel(run="b").all()
        assert (outside["high"] > outside["high_inside"]).isel(x=2).all()
    off = several.predict(BEYOND, hazard=0.0)
    np.testing.assert_array_equal(off["low"], off["low_inside"])
    np.testing.assert_array_equal(off["high"], off["high_inside"])
    widths = [
        float(np.log(p["high"] / p["low"]).sel(run="a").isel(x=2))
        for p in (several.predict(BEYOND, hazard=h, kind="curve") for h in (0.0, 0.3, 1.0, 3.0))
    ]
    assert widths == sorted(widths)


def test_futures_have_the_stated_moments() -> None:
    """Crossovers fall as a Poisson process; each changes the exponent by Normal(0, steepness)."""
    rng = np.random.default_rng(0)
    draws, decades = 200_000, np.array([1.0, 2.0])
    params = {"noise": np.ones(draws), "steepness": np.full(draws, 0.5)}
    taken = further(params, decades * np.log(10.0), 1.5, rng)
    # Var of sum_k s_k (L - c_k)+ over a Poisson process of rate h is h s^2 L^3 / 3.
    rate = 1.5 / np.log(10.0)
    expected = rate * 0.5**2 * (decades * np.log(10.0)) ** 3 / 3.0
    np.testing.assert_allclose(taken.mean(axis=0), 0.0, atol=5 * np.sqrt(expected / draws).max())
    np.testing.assert_allclose(taken.var(axis=0), expected, rtol=0.03)
    untouched = np.exp(-1.5 * decades)  # no crossover at all
    np.testing.assert_allclose((taken == 0.0).mean(axis=0), untouched, atol=0.005)


# Noise.


def test_the_law_is_known_better_than_a_new_point(several: sf.Fit) -> None:
    law, points = several.predict(X, kind="curve"), several.predict(X)
    for end in (1, -1):
        name = "high" if end > 0 else "low"
        assert (end * (points[name] - law[name]) > 0).sel(run="a").all()


def test_correlated_noise_remembers(correlated: sf.Fit) -> None:
    x, y = correlated.curve("curve")
    at = np.array([x[7], x[-1]])
    points = correlated.sample(at).values[0, 0]
    np.testing.assert_allclose(points, np.broadcast_to(y[[7, -1]], points.shape), rtol=1e-5)
    far = [x[-1] * 1e9]
    law, point = (
        correlated.sample(far, kind=k, hazard=0.0).values for k in ("curve", "observation")
    )
    deviates = np.log(point / law)[0, 0, :, 0] / correlated.parameters("curve")["noise"]
    # 1,000 standard normals: 5 standard errors of mean and sd.
    assert np.mean(deviates) == pytest.approx(0.0, abs=5 / np.sqrt(1000))
    assert np.std(deviates) == pytest.approx(1.0, abs=5 / np.sqrt(2000))
    near = correlated.predict([x[-1] * 1.01, x[-1] * 100], hazard=0.0)
    width = np.log(near["high"] / near["low"]).values[0]
    assert width[0] < 0.5 * width[1]


@pytest.mark.parametrize("spacing", ["log", "x", "index"])
@pytest.mark.parametrize("measured", [0.0, 0.02])
def test_noise_given_residuals_is_a_gaussian_conditional(spacing: Any, measured: float) -> None:
    rng = np.random.default_rng(1)
    x = np.sort(np.exp(rng.uniform(0.0, 6.0, 12)))
    at = np.array([x[3], x[0] / 2, x[-1] * 1.2, x[-1] * 1e9, np.sqrt(x[4] * x[5]), x[0], x[-1]])
    sd, rho = np.array([0.05, 0.3, 0.02]), np.array([0.8, 0.3, 0.0])
    known = rng.uniform(0.5, 1.0, x.size) * measured**2
    residual = rng.standard_normal((3, 12)) * sd[:, None]
    noise = Noise("ar1", spacing)
    mean, spread = conditional(noise, {"noise": sd, "autocorrelation": rho}, x, at, residual, known)
    place, wanted = noise.places(x, at)
    for k in range(2):

        def covariance(a: Array, b: Array, k: int = k) -> Array:
            return np.asarray(sd[k] ** 2 * rho[k] ** np.abs(a[:, None] - b[None]))

        inside = covariance(place, place) + np.diag(known)
        across = covariance(wanted, place)
        expected = across @ np.linalg.solve(inside, residual[k])
        variance = sd[k] ** 2 - np.sum(across * np.linalg.solve(inside, across.T).T, axis=1)
        np.testing.assert_allclose(mean[k], expected, atol=1e-9)
        np.testing.assert_allclose(spread[k], np.sqrt(np.maximum(variance, 0.0)), atol=1e-6)
    if not measured:
        np.testing.assert_allclose(mean[:2, 0], residual[:2, 3], rtol=1e-9)
        np.testing.assert_allclose(spread[:2, 0], 0.0, atol=1e-6)
    np.testing.assert_allclose(spread[:, 3], sd, rtol=1e-6)  # far away it is free
    np.testing.assert_array_equal(mean[2], 0.0)  # without correlation nothing is remembered,
    np.testing.assert_allclose(spread[2], sd[2], rtol=1e-9)  # even at a measured x


def test_a_run_with_heavy_tails_is_predicted_with_them() -> None:
    rng = np.random.default_rng(4)
    x = np.geomspace(1.0, 1e4, 200)
    y = x**-0.5 * np.exp(0.02 * rng.standard_t(2.5, x.size))
    fit = sf.fit(x, y, regimes=1, floor=False, noise="student", **QUIET)
    freedom = float(np.median(fit.parameters("curve")["degrees_of_freedom"]))
    assert 1.2 < freedom < 5.0
    law, points = fit.sample(x, kind="curve"), fit.sample(x)
    scale = fit.parameters("curve")["noise"][:, None]
    deviates = np.sort(np.abs(np.log(points / law).values[0, 0] / scale).ravel())
    # Tails of Student's t with the fitted degrees of freedom, not those of a normal (0.27%).
    drawn = fit.parameters("curve")["degrees_of_freedom"]
    expected = float(np.mean(2.0 * stats.t.sf(3.0, drawn)))
    assert np.mean(deviates > 3.0) == pytest.approx(expected, rel=0.1)
    assert expected > 0.01


# Densities.


@pytest.mark.parametrize("which", ["several", "correlated"])
@pytest.mark.parametrize("place", [30.0, 2e4])
def test_log_predictive_is_a_density_of_y(
    which: str, place: float, request: pytest.FixtureRequest
) -> None:
    fit: sf.Fit = request.getfixturevalue(which)
    run = fit.runs[0]
    middle = float(fit.predict(place)["median"].sel(run=run).isel(x=0))
    grid = middle * np.exp(np.linspace(-2.0, 2.0, 2001))
    density = np.exp(fit.log_predictive(np.full(grid.size, place), grid).sel(run=run).values)
    assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=2e-3)


def test_log_predictive_is_the_mean_over_draws(several: sf.Fit) -> None:
    x, y = np.array([3.0, 700.0]), np.array([2.4, 0.3])
    found = several.log_predictive(x, y)
    assert found.dims == ("run", "x")
    for run in several.runs:
        params = several.parameters(run)
        log_mean = several.law.log_mean(params, x)
        density = stats.norm.pdf(np.log(y), log_mean, params["noise"][:, None]) / y
        if run == "b":  # beyond its data futures differ: see the curve
            density, found_b = density[:, :1], found.sel(run=run)[:1]
            np.testing.assert_allclose(np.exp(found_b), density.mean(axis=0), rtol=1e-6)
        else:
            np.testing.assert_allclose(np.exp(found.sel(run=run)), density.mean(axis=0), rtol=1e-6)
    calm = several.log_predictive(x, y, hazard=0.0).sel(run="a")
    np.testing.assert_array_equal(calm, found.sel(run="a"))


def test_log_predictive_beyond_the_data_averages_the_futures_that_are_drawn(
    several: sf.Fit,
) -> None:
    x = np.array([1e6])
    middle = several.predict(x)["median"].isel(x=0)
    for run in several.runs:
        odd = 5.0 * float(middle.sel(run=run))  # so far off only by further crossovers
        found = {}
        for hazard in (0.0, 3.0):
            law = several.sample(x, kind="curve", hazard=hazard, seed=5).sel(run=run).values[0]
            scale = several.parameters(run)["noise"][:, None]
            each = stats.norm.logpdf(np.log(odd), np.log(law), scale)
            expected = np.logaddexp.reduce(each, axis=None) - np.log(each.size * odd)
            logs = several.log_predictive(x, [odd], hazard=hazard, seed=5)
            found[hazard] = float(logs.sel(run=run)[0])
            assert found[hazard] == pytest.approx(expected, rel=1e-4)
        assert found[3.0] > found[0.0] + 10.0


def test_log_predictive_of_heavy_tails() -> None:
    y = curve()
    y[4] *= 1.5
    normal, student = (
        sf.fit(X, y, regimes=2, floor=False, noise=kind, **QUIET) for kind in ("normal", "student")
    )
    outlier = float(student.log_predictive(X[10], 1.5 * y[10])[0, 0])
    assert outlier > float(normal.log_predictive(X[10], 1.5 * y[10])[0, 0])
    params = student.parameters("curve")
    t = stats.t.pdf(
        np.log(1.5 * y[10]),
        params["degrees_of_freedom"],
        student.law.log_mean(params, X[10:11])[:, 0],
        params["noise"],
    )
    assert np.exp(outlier) == pytest.approx(float(t.mean()) / (1.5 * y[10]), rel=1e-5)
