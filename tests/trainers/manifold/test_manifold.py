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


@pytest.mark.train
def test_a_student_learns_the_teacher_and_more_examples_teach_more() -> None:
    config = trainers.config(
        "manifold", protocol="network", dimension=1, n_train=[8, 64, 0], width=[8, 16],
        teacher_width=4, steps=400, batch=16, learning_rate=0.01, n_test=500, points=4, seeds=4,
    )  # fmt: skip
    runs = trainers.run(config, device="cpu")
    loss = runs["test_loss"].values.reshape(3, 2, 4, -1).mean(2)
    assert np.all(loss[:, :, 0] > 0.3)  # of a variance of 1
    assert np.all(np.diff(loss[..., -1], axis=0) < 0)
    assert np.all(loss[1:, :, -1] < 0.1)
    assert np.all(runs["train_loss"].values[:16, -1] < runs["test_loss"].values[:16, -1])
    assert set(runs["n_train"].values) == {8.0, 64.0, np.inf}
    assert set(runs["n_params"].values) == {8 * 13 + 1, 16 * 21 + 1}


@pytest.mark.train
def test_networks_are_those_of_pytorch() -> None:
    import torch

    from scalefit.trainers.manifold import network

    d, width = 2, 5
    count = network.parameters(d, width)
    weights = torch.randn(1, count, generator=torch.manual_seed(0))
    points = network.shown(torch.rand(1, 7, d, generator=torch.manual_seed(1)))
    parts, found, at = [], points[0], 0
    for rows, columns in network.layers(d, width):
        layer = torch.nn.Linear(columns, rows)
        torch.nn.utils.vector_to_parameters(
            weights[0, at : at + rows * (columns + 1)], layer.parameters()
        )
        at += rows * (columns + 1)
        parts += [layer, torch.nn.ReLU()]
    found = torch.nn.Sequential(*parts[:-1])(points[0])[:, 0]
    assert at == count
    torch.testing.assert_close(network.forward(weights, points, width)[0], found)
    assert torch.allclose(points[0, :, :d] ** 2 + points[0, :, d:] ** 2, torch.ones(7, d))


def test_where_only_the_exponent_is_known_it_is_said() -> None:
    with pytest.raises(ConfigError, match=r"of networks only an exponent, 2 or more"):
        trainers.theory(trainers.config("manifold", protocol="network"))
    with pytest.raises(ConfigError, match="new examples at every step, is for protocol='network'"):
        trainers.config("manifold", n_train=0)
    with pytest.raises(ConfigError, match="only the exponent, 2, is known"):
        trainers.theory(trainers.config("manifold", protocol="linear"))
