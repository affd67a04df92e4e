from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from samples import four_regimes

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.manifold import interpolation, theory


def losses(**settings: Any) -> Any:
    return trainers.run(trainers.config("manifold", **settings), device="cpu")["test_loss"].values


def test_predictors_go_around_the_torus() -> None:
    rng = np.random.default_rng(0)
    for d in (1, 2, 3):
        points, new = rng.random((10**d * 2, d)), rng.random((50, d))
        away = np.abs(new[:, None] - points)
        distance = (np.minimum(away, 1 - away) ** 2).sum(2)
        values = rng.standard_normal(len(points))
        wanted = values[distance.argmin(1)]
        assert np.array_equal(interpolation.nearest(points, values, new), wanted)
        level = interpolation.linear(points, np.ones(len(points)), new)
        assert level == pytest.approx(1.0)
        shifted = interpolation.linear((points + 0.37) % 1, values, (new + 0.37) % 1)
        assert shifted == pytest.approx(interpolation.linear(points, values, new))


@pytest.mark.train
@pytest.mark.parametrize(
    ("protocol", "d", "n", "tolerance"),
    [("nearest", 1, 2000, 0.05), ("nearest", 2, 8000, 0.1), ("linear", 1, 500, 0.15)],
)
def test_losses_are_those_of_the_theory(protocol: str, d: int, n: int, tolerance: float) -> None:
    config = trainers.config("manifold", protocol=protocol, dimension=d, n_train=n, seeds=40)
    found = trainers.run(config, device="cpu")["test_loss"].values[:, 0]
    error = found.std(ddof=1) / np.sqrt(40)
    known = trainers.theory(config)["test_loss"].item()
    assert abs(found.mean() - known) < 3 * error + tolerance * known / 3


@pytest.mark.train
@pytest.mark.parametrize(("protocol", "d", "sizes"), theory.LADDERS)
def test_exponents_follow_the_dimension(protocol: str, d: int, sizes: list[int]) -> None:
    sizes, seeds = sizes[:4], 60 if d == 1 else 4
    found = losses(protocol=protocol, dimension=d, n_train=sizes, seeds=seeds)
    found = found[:, 0].reshape(4, seeds)
    slope = four_regimes.slope(sizes, found.mean(1))
    assert slope == pytest.approx(theory.exponent(protocol, d), abs=0.2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"protocol": "linear", "dimension": 5}, "take protocol='nearest'"),
        ({"protocol": "linear", "dimension": 3, "n_train": 100}, "need 1000 examples"),
    ],
)
def test_what_cannot_be_cut_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        trainers.config("manifold", **settings)


def test_where_only_the_exponent_is_known_it_is_said() -> None:
    with pytest.raises(ConfigError, match="only the exponent, 2, is known"):
        trainers.theory(trainers.config("manifold", protocol="linear"))
