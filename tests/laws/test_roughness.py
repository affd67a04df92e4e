"""Roughness of curves whose noise is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scalefit as sf
from scalefit.laws.priors import LogNormal
from scalefit.laws.roughness import LEAST, roughness


def curves(points: int, scale: float, *, count: int = 40, even: bool = True) -> np.ndarray:
    """Return logs of roughness over scale, (count,), of curves with a crossover and a floor."""
    rng = np.random.default_rng(points)
    x = np.geomspace(1.0, 1e4, points)
    if not even:
        x = np.sort(np.exp(rng.uniform(0.0, 9.2, points)))
    y = 0.05 + x**-0.2 / (1.0 + (x / 100.0) ** 2) ** 0.2
    noise = scale * rng.standard_normal((count, points))
    return np.log([roughness(x, y * np.exp(one)) for one in noise]) - np.log(scale)  # type: ignore[arg-type]


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("points", [25, 60, 400])
@pytest.mark.parametrize("scale", [0.002, 0.2])
def test_it_is_the_scale_of_independent_noise(points: int, scale: float, even: bool) -> None:
    off = curves(points, scale, even=even)
    # The median of 21 to 396 correlated differences, over 40 curves.
    assert abs(np.median(off)) < 0.15
    assert np.quantile(np.abs(off), 0.9) < 0.75


def test_bends_add_little_where_points_are_few() -> None:
    assert np.quantile(curves(20, 1e-3), 0.9) < 0.9


def test_a_straight_line_has_none_and_outliers_hardly_count() -> None:
    x = np.geomspace(1.0, 1e4, 60)
    assert roughness(x, x**-0.5) == LEAST
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.standard_normal(60)
    noise[[10, 30, 50]] += 1.0
    assert roughness(x, x**-0.5 * np.exp(noise)) == pytest.approx(0.01, rel=0.6)


def test_replicates_and_order_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    x = np.geomspace(1.0, 1e3, 30)
    y = x**-0.3 * np.exp(0.01 * rng.standard_normal(30))
    order = rng.permutation(30)
    assert roughness(x[order], y[order]) == roughness(x, y)
    assert roughness(np.append(x, x[:5]), np.append(y, 2.0 * y[:5])) == roughness(x, y)


def test_few_points_tell_nothing() -> None:
    x = np.geomspace(1.0, 10.0, 7)
    assert roughness(x, x**-0.5) is None


def test_the_anchored_prior_of_the_noise_is_around_it(rng: np.random.Generator) -> None:
    x = np.geomspace(1.0, 1e4, 30)
    y = x**-0.4 * np.exp(2e-3 * rng.standard_normal(30))
    options: dict[str, Any] = {
        "regimes": 1, "floor": False, "noise": "normal", "method": "point", "progress": False,
    }  # fmt: skip
    usual, fit = (sf.fit(x, y, priors=one, **options) for one in (None, "anchored"))
    given, default = fit.priors_of("curve"), usual.priors_of("curve")
    assert given == {**default, "noise": LogNormal(roughness(x, y), 1.5)}
    assert default["noise"] == LogNormal(0.02, 1.0)
    few = sf.fit(x[::5], y[::5], priors="anchored", **options)
    assert few.priors_of("curve")["noise"] == default["noise"]
