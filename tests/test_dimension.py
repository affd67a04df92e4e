from __future__ import annotations

import numpy as np
import pytest

import scalefit as sf
from scalefit.arrays import Array
from scalefit.dimension import nearest
from scalefit.errors import ConfigError, InvalidData


def sphere(rng: np.random.Generator, n: int, d: int) -> Array:
    points = rng.standard_normal((n, d + 1))
    found: Array = points / np.linalg.norm(points, axis=1, keepdims=True)
    return found


@pytest.mark.parametrize("d", [1, 3, 8])
def test_intervals_hold_the_dimension(d: int) -> None:
    tables = [
        sf.intrinsic_dimension(sphere(np.random.default_rng([seed, d]), 1500, d))
        for seed in range(12)
    ]
    held = sum(bool(one.iloc[0].low < d < one.iloc[0].high) for one in tables)
    assert held >= 9  # of 12 at 90%: fewer has a probability of 2%
    medians = [one.iloc[0]["median"] for one in tables]
    assert np.mean(medians) == pytest.approx(d, rel=0.08)
    assert np.mean([one.iloc[-1]["median"] for one in tables]) < d + 0.1  # curved, seen from afar


@pytest.mark.parametrize(("kind", "d"), [("torus", 7), ("normal", 8)])
def test_intervals_hold_where_the_finest_scale_is_coarse(kind: str, d: int) -> None:
    held = 0
    for seed in range(10):
        rng = np.random.default_rng([7, seed])
        angle = rng.uniform(0, 2 * np.pi, (2000, d))
        torus = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        points = torus if kind == "torus" else rng.standard_normal((2000, d))
        found = sf.intrinsic_dimension(points).iloc[0]
        held += bool(found.low < d < found.high)
        assert found.high - found.low < 0.5 * d
    assert held >= 8


def test_an_interval_is_as_wide_as_estimates_scatter() -> None:
    tables = [
        sf.intrinsic_dimension(np.random.default_rng(seed).random((600, 2)), interval=0.6827)
        for seed in range(40)
    ]
    for row in (0, 4):
        scatter = np.std([one.iloc[row]["median"] for one in tables])
        half = np.mean([(one.iloc[row].high - one.iloc[row].low) / 2 for one in tables])
        assert 0.65 < half / scatter < 1.6


def test_neighbours_are_the_same_by_tree_and_by_all_distances() -> None:
    points = np.random.default_rng(0).standard_normal((120, 5))
    distance, place = nearest(points, 6)
    wide = np.concatenate([points, np.full((120, 20), 1e3)], axis=1)  # far away, digits are lost
    far, same = nearest(wide, 6)
    assert np.array_equal(place, same)
    np.testing.assert_allclose(far, distance, rtol=1e-12)


def test_coordinates_may_have_axes_and_points_may_repeat() -> None:
    points = np.random.default_rng(0).random((300, 4))
    table = sf.intrinsic_dimension(points)
    again = sf.intrinsic_dimension(np.concatenate([points, points]).reshape(600, 2, 2))
    assert table.equals(again)
    moved = sf.intrinsic_dimension(7 * points + 3)
    np.testing.assert_allclose(moved["median"], table["median"], rtol=1e-9)
    assert list(table["neighbour"]) == list(range(17))
    assert np.all(np.diff(table["distance"]) > 0)


@pytest.mark.parametrize(
    ("points", "more", "error", "said"),
    [
        (np.zeros(100), {}, InvalidData, "one row a point"),
        (np.zeros((500, 2)), {}, InvalidData, "there are 1 different point; 16 neighbours need 80"),
        (np.full((500, 2), np.nan), {}, InvalidData, "missing or infinite"),
        (np.eye(100), {"neighbours": 2}, ConfigError, "'neighbours' is 2"),
        (np.eye(100), {"interval": 1.0}, ConfigError, "'interval' is 1"),
    ],
)
def test_what_has_no_dimension_is_refused(
    points: Array, more: dict[str, float], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        sf.intrinsic_dimension(points, **more)  # type: ignore[arg-type]
