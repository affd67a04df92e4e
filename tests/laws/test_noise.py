"""Noise on log y against dense multivariate distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.laws.noise import NORMAL, RESOLUTION, Noise

PARAMS = {
    "noise": np.array([0.02, 0.3, 1e-4]),
    "autocorrelation": np.array([0.3, 0.95, 0.6]),
    "degrees_of_freedom": np.array([2.5, 8.0, 40.0]),
}
N = 23


@pytest.fixture
def x(rng: np.random.Generator) -> Array:
    return np.sort(np.exp(rng.uniform(0.0, 8.0, N)))


def density(noise: Noise, residual: Array, gap: Array, error: Array) -> Array:
    white, log_scale = noise.whiten(residual, PARAMS, gap, error)
    return (noise.log_density(white, PARAMS) - log_scale).sum(axis=1)


@pytest.mark.parametrize("errors", [False, True])
@pytest.mark.parametrize("spacing", ["log", "x", "index"])
def test_correlated_noise_is_a_dense_normal(
    spacing: Any, errors: bool, x: Array, rng: np.random.Generator
) -> None:
    noise = Noise("ar1", spacing)
    gap = noise.gaps(x)
    known = rng.uniform(0.0, 0.05, N) ** 2 if errors else np.zeros(N)
    residual = 0.1 * rng.standard_normal((3, N))
    found = density(noise, residual, gap, known)
    place = np.cumsum(gap)
    apart = np.abs(place[:, None] - place)
    for i in range(3):
        stationary = PARAMS["noise"][i] ** 2
        beside = np.diag(known + RESOLUTION**2)
        if not errors:  # the least deviation is then part of the correlated noise
            stationary, beside = stationary + RESOLUTION**2, np.zeros((N, N))
        covariance = stationary * PARAMS["autocorrelation"][i] ** apart + beside
        expected = stats.multivariate_normal(np.zeros(N), covariance).logpdf(residual[i])
        assert found[i] == pytest.approx(expected, rel=1e-8, abs=1e-6)


@pytest.mark.parametrize("errors", [False, True])
def test_independent_noise_is_that_of_scipy(errors: bool, x: Array, rng: Any) -> None:
    known = rng.uniform(0.0, 0.05, N) ** 2 if errors else np.zeros(N)
    residual = 0.1 * rng.standard_normal((3, N))
    scale = np.sqrt(PARAMS["noise"][:, None] ** 2 + known + RESOLUTION**2)
    nu = PARAMS["degrees_of_freedom"][:, None]
    for noise, expected in (
        (NORMAL, stats.norm.logpdf(residual, 0.0, scale)),
        (Noise("student"), stats.t.logpdf(residual, nu, 0.0, scale)),
    ):
        found = density(noise, residual, noise.gaps(x), known)
        np.testing.assert_allclose(found, expected.sum(axis=1), rtol=1e-10)


@pytest.mark.parametrize("errors", [False, True])
def test_whitened_noise_is_white(errors: bool, x: Array, rng: np.random.Generator) -> None:
    noise = Noise("ar1")
    gap = noise.gaps(x)
    known = np.full(N, 0.01**2) if errors else np.zeros(N)
    place = np.cumsum(gap)
    covariance = 0.02**2 * 0.7 ** np.abs(place[:, None] - place) + np.diag(known)
    drawn = rng.multivariate_normal(np.zeros(N), covariance, size=4000)
    params = {"noise": np.full(4000, 0.02), "autocorrelation": np.full(4000, 0.7)}
    white, _ = noise.whiten(drawn, params, gap, known)
    # 253 products of 4,000 pairs each: 5.5 standard errors are passed in 1 of 100,000 seeds.
    np.testing.assert_allclose(white.T @ white / 4000, np.eye(N), atol=5.5 * np.sqrt(2.0 / 4000))


def test_gaps_are_in_units_of_the_typical_one() -> None:
    x = np.array([1.0, 10.0, 100.0, 1e4])
    np.testing.assert_allclose(Noise("ar1", "log").gaps(x), [0.0, 1.0, 1.0, 2.0])
    np.testing.assert_allclose(Noise("ar1", "x").gaps(x), np.array([0.0, 9.0, 90.0, 9900.0]) / 90.0)
    np.testing.assert_allclose(Noise("ar1", "index").gaps(x), [0.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(Noise("ar1").gaps(np.array([2.0])), [0.0])


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        ("log", [-2 / 3, 1 / 3, 2 / 3, 4 / 3, 10 / 3]),
        ("x", [-0.9 / 499.5, (np.sqrt(10.0) - 1.0) / 499.5, 9 / 499.5, 99 / 499.5, 99999 / 499.5]),
        ("index", [-1.0, 0.5, 1.0, 1.5, 3.0]),
    ],
)
def test_places_go_on_beyond_the_data(spacing: Any, expected: list[float]) -> None:
    """An index has no unit there: a step is as long in log x as the nearest one was."""
    x, at = np.array([1.0, 10.0, 1000.0]), np.array([0.1, np.sqrt(10.0), 10.0, 100.0, 1e5])
    _, found = Noise("ar1", spacing).places(x, at)
    np.testing.assert_allclose(found, expected)


def test_correlated_noise_at_one_x_is_the_same_twice() -> None:
    """What little may differ keeps the density finite: a millionth of the noise."""
    params = {"noise": np.array([0.1]), "autocorrelation": np.array([0.5])}
    residual = np.array([[0.05, 0.05 + 2e-7, -0.02]])
    white, log_scale = Noise("ar1").whiten(residual, params, np.array([0.0, 0.0, 1.0]), np.zeros(3))
    np.testing.assert_allclose(white[0, :2], [0.5, 2.0], rtol=1e-6)
    np.testing.assert_allclose(np.exp(log_scale[0, :2]), [0.1, 1e-7], rtol=1e-6)


@pytest.mark.parametrize(("kind", "spacing"), [("norml", "log"), ("ar1", "lgo")])
def test_unknown_noise_is_refused(kind: Any, spacing: Any) -> None:
    with pytest.raises(ConfigError, match="is unknown; did you mean"):
        Noise(kind, spacing)


def test_correlated_noise_without_any_is_independent() -> None:
    """Draws of independent noise stand beside correlated ones; near points are no exception."""
    params = {"noise": np.array([0.1]), "autocorrelation": np.array([0.0])}
    residual, none = np.array([[0.1, -0.2, 0.3]]), np.zeros(3)
    white, _ = Noise("ar1").whiten(residual, params, np.array([0.0, 1.0, 1e-3]), none)
    np.testing.assert_allclose(white, residual / 0.1, rtol=1e-6)


def runs(m: int = 3) -> tuple[Array, Array, tuple[int, ...], dict[str, Array]]:
    """Return residuals of draws at the points of three runs, with their x and noise."""
    rng = np.random.default_rng(3)
    x = np.concatenate([np.geomspace(1.0, 100.0, 7), np.geomspace(2.0, 50.0, 5), [3.0]])
    params = {
        "noise": rng.uniform(0.01, 0.03, m),
        "autocorrelation": rng.uniform(0.2, 0.9, m),
        "run_noise": rng.uniform(0.005, 0.05, m),
    }
    return 0.02 * rng.standard_normal((m, x.size)), x, (0, 7, 12), params


@pytest.mark.parametrize("kind", ["normal", "ar1"])
@pytest.mark.parametrize("known", [0.0, 0.01])
def test_displaced_runs_have_the_dense_covariance(kind: Any, known: float) -> None:
    residual, x, start, params = runs()
    noise = Noise(kind, effect=True)
    gap = noise.gaps(x, start)
    error = np.full(x.size, known**2)
    white, log_scale = noise.whiten(residual, params, gap, error)
    found = (noise.log_density(white, params) - log_scale).sum(axis=1)
    run = np.cumsum(np.isinf(gap))
    same = run[:, None] == run[None]
    place = np.cumsum(np.where(np.isfinite(gap), gap, 0.0))
    for i in range(len(residual)):
        s, rho, k = (params[name][i] for name in ("noise", "autocorrelation", "run_noise"))
        apart = np.abs(place[:, None] - place[None])
        corr = np.where(same, rho**apart, 0.0) if kind == "ar1" else np.eye(x.size)
        least = RESOLUTION**2  # beside known errors it is no part of the correlated noise
        own = s**2 * corr + (error + least) * np.eye(x.size)
        if kind == "ar1" and not known:
            own = (s**2 + least) * corr
        dense = stats.multivariate_normal(np.zeros(x.size), own + k**2 * same)
        assert found[i] == pytest.approx(dense.logpdf(residual[i]), abs=1e-8)


def test_runs_are_as_if_each_were_alone() -> None:
    residual, x, start, params = runs()
    noise = Noise("ar1")
    white, _ = noise.whiten(residual, params, noise.gaps(x, start), np.zeros(x.size))
    gap = noise.gaps(x, start)
    for a, b in zip(start, (*start[1:], x.size), strict=True):
        alone = gap[a:b].copy()
        alone[0] = 0.0
        one, _ = noise.whiten(residual[:, a:b], params, alone, np.zeros(b - a))
        np.testing.assert_array_equal(white[:, a:b], one)


def test_a_column_of_x_is_as_x_itself() -> None:
    _, x, start, _ = runs()
    rising = np.sort(x)
    noise = Noise("ar1")
    np.testing.assert_array_equal(noise.gaps(rising[:, None]), noise.gaps(rising))
    both = np.stack([np.ones(x.size), x], axis=1)
    np.testing.assert_array_equal(noise.gaps(both, start), noise.gaps(x, start))


@pytest.mark.parametrize("errors", [False, True])
def test_noise_that_changes_is_a_dense_normal(errors: bool, x: Array, rng: Any) -> None:
    """Its deviation is `noise` times a power of x over the geometric mean of x."""
    noise = Noise("changing")
    known = rng.uniform(0.0, 0.05, N) ** 2 if errors else np.zeros(N)
    params = {"noise": PARAMS["noise"][:2], "noise_slope": np.array([-0.4, 0.2])}
    residual = 0.1 * rng.standard_normal((2, N))
    white, log_scale = noise.whiten(residual, params, noise.gaps(x), known, noise.along(x))
    found = (noise.log_density(white, params) - log_scale).sum(axis=1)
    middle = np.exp(np.log(x).mean())
    for i in range(2):
        deviation = params["noise"][i] * (x / middle) ** params["noise_slope"][i]
        covariance = np.diag(deviation**2 + known)
        expected = stats.multivariate_normal(np.zeros(N), covariance).logpdf(residual[i])
        assert found[i] == pytest.approx(expected, rel=1e-7)


def test_draws_of_other_noise_beside_it_are_as_they_were(x: Array, rng: Any) -> None:
    """Averages over models hold draws of correlated noise, and of noise that changes."""
    noise = Noise("ar1")
    residual, none = 0.1 * rng.standard_normal((3, N)), np.zeros(N)
    params = {"noise": PARAMS["noise"], "autocorrelation": np.array([0.3, 0.0, 0.6])}
    mixed = {**params, "noise_slope": np.array([0.0, 0.3, 0.0])}
    alone, _ = noise.whiten(residual, params, noise.gaps(x), none)
    white, _ = noise.whiten(residual, mixed, noise.gaps(x), none, noise.along(x))
    np.testing.assert_allclose(white[[0, 2]], alone[[0, 2]], rtol=1e-12)
    one = {"noise": PARAMS["noise"][1:2], "noise_slope": np.array([0.3])}
    other, _ = Noise("changing").whiten(residual[1:2], one, none, none, noise.along(x))
    np.testing.assert_allclose(white[1], other[0], rtol=1e-9)


def test_outliers_are_a_mixture() -> None:
    noise = Noise("outlier")
    params = {"outlier_share": np.array([0.1]), "outlier_scale": np.array([8.0])}
    white = np.linspace(-40.0, 40.0, 9)[None]
    wide, narrow = stats.norm(0.0, 8.0).pdf(white), stats.norm().pdf(white)
    density = 0.9 * narrow + 0.1 * wide
    np.testing.assert_allclose(noise.log_density(white, params), np.log(density), rtol=1e-12)
    np.testing.assert_allclose(noise.outlying(white, params), 0.1 * wide / density, rtol=1e-9)


@pytest.mark.parametrize("kind", ["student", "outlier"])
def test_roots_of_the_deviance_and_scores_follow_from_the_density(kind: Any) -> None:
    noise = Noise(kind)
    params = {
        "degrees_of_freedom": np.array([3.0]),
        "outlier_share": np.array([0.1]),
        "outlier_scale": np.array([8.0]),
    }
    white = np.linspace(-20.0, 20.0, 41)[None]
    root = noise.root_deviance(white, params)
    lost = noise.log_density(np.zeros((1, 1)), params) - noise.log_density(white, params)
    np.testing.assert_allclose(0.5 * root**2, lost, atol=1e-12)
    assert (np.sign(root) == np.sign(white)).all()
    step = 1e-6
    ends = [noise.log_density(white + h, params) for h in (-step, step)]
    slope = (ends[0] - ends[1]) / (2.0 * step)
    np.testing.assert_allclose(noise.score(white, params), slope, atol=1e-7)
