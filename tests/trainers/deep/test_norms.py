"""Norms of weight matrices, against closed forms and singular value decompositions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scalefit.trainers.deep.settings import Deep
from scalefit.trainers.protocol import Run

pytestmark = pytest.mark.train


def flat(*matrices: np.ndarray) -> tuple[list[Any], Any]:
    """Return matrices as the layers of a network, and all their values, shape (1, parameter)."""
    import torch

    from scalefit.trainers.deep.layout import Matrix, Part

    layers, first = [], 0
    for at, one in enumerate(matrices):
        layers.append(Matrix(str(at), Part(str(at), one.shape, first, False), slice(None)))
        first += one.size
    values = np.concatenate([one.ravel() for one in matrices])
    return layers, torch.from_numpy(values)[None]


def logs(*matrices: np.ndarray) -> dict[str, float]:
    from scalefit.trainers.deep.norms import complexities, numbers

    now = numbers(*flat(*matrices))
    return {name: math.log(one.item()) for name, one in complexities(now, now).items()}


def test_equal_multiples_of_the_identity_have_closed_forms() -> None:
    c, d, layers = 1.7, 6, 4
    found = logs(*[c * np.eye(d)] * layers)
    power = sum(j ** (2 / 3) for j in range(1, layers))
    expected = {
        "norm_bartlett": layers * math.log(c) + math.log(d) + 1.5 * math.log(layers),
        "norm_cnn_variant": layers * math.log(c) + math.log(d) + 1.5 * math.log(power),
        "norm_classifier": 2 * math.log(c) + math.log(d),
        "norm_spectral_product": layers * math.log(c),
        "norm_frobenius": math.log(c) + 0.5 * math.log(d * layers),
        "norm_l1": math.log(c * d * layers),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


def test_of_two_layers_the_variant_sees_the_classifier_alone(rng: np.random.Generator) -> None:
    found = logs(rng.standard_normal((7, 5)), rng.standard_normal((3, 7)))
    assert found["norm_cnn_variant"] == pytest.approx(found["norm_classifier"], rel=1e-12)


def test_the_numbers_of_a_layer_are_those_of_a_decomposition(rng: np.random.Generator) -> None:
    from scalefit.trainers.deep.norms import numbers

    for shape in ((4, 9), (9, 4)):
        one = rng.standard_normal(shape)
        found = {name: value.item() for name, value in numbers(*flat(one)).items()}
        assert found["spectral"] == pytest.approx(np.linalg.norm(one, 2), rel=1e-12)
        assert found["rows"] == pytest.approx(np.linalg.norm(one, axis=1).sum(), rel=1e-12)
        assert found["columns"] == pytest.approx(np.linalg.norm(one, axis=0).sum(), rel=1e-12)
        assert found["squares"] == pytest.approx((one**2).sum(), rel=1e-12)
        assert found["sizes"] == pytest.approx(np.abs(one).sum(), rel=1e-12)


def test_spectra_are_those_of_a_decomposition(rng: np.random.Generator) -> None:
    from scalefit.trainers.deep.norms import numbers

    one, other = rng.standard_normal((4, 9)), rng.standard_normal((12, 6))
    spectra = numbers(*flat(one, other), ranks=5)["spectrum"][0].numpy()
    np.testing.assert_allclose(spectra[0, :4], np.linalg.svd(one)[1], rtol=1e-9)
    assert np.isnan(spectra[0, 4])
    np.testing.assert_allclose(spectra[1], np.linalg.svd(other)[1][:5], rtol=1e-9)


def test_a_factor_on_every_layer_moves_each_norm_by_its_degree(rng: np.random.Generator) -> None:
    layers = [rng.standard_normal(shape) for shape in ((8, 5), (8, 8), (3, 8))]
    once, scaled = logs(*layers), logs(*(2.5 * one for one in layers))
    degrees = {"bartlett": 3, "cnn_variant": 3, "spectral_product": 3, "classifier": 2}
    for norm in ("bartlett", "cnn_variant", "spectral_product", "classifier", "frobenius", "l1"):
        moved = scaled[f"norm_{norm}"] - once[f"norm_{norm}"]
        assert moved == pytest.approx(degrees.get(norm, 1) * math.log(2.5), abs=1e-12)


def test_the_complexity_from_the_start_counts_the_distance(rng: np.random.Generator) -> None:
    from scalefit.trainers.deep.norms import complexities, numbers

    before = [rng.standard_normal(shape) for shape in ((6, 4), (3, 6))]
    after = [one + 0.1 * rng.standard_normal(one.shape) for one in before]
    away = [b - a for a, b in zip(before, after, strict=True)]
    found = complexities(numbers(*flat(*after)), numbers(*flat(*away)))
    tops = [np.linalg.norm(one, 2) for one in after]
    terms = [np.linalg.norm(d, axis=1).sum() / s for d, s in zip(away, tops, strict=True)]
    expected = math.prod(tops) * sum(one ** (2 / 3) for one in terms) ** 1.5
    assert found["norm_bartlett_from_init"].item() == pytest.approx(expected, rel=1e-12)


MNIST, CIFAR = (28, 28, 1), (32, 32, 3)
# natural logarithms of the published networks' norms before training, two seeds of the release
PUBLISHED = [
    ({"protocol": "resnet"}, MNIST, 21, (17.6, 21.2, -0.62, 9.4)),
    ({"protocol": "vit"}, MNIST, 26, (20.2, 22.9, 4.4, 10.9)),
    pytest.param({"protocol": "cnn"}, MNIST, 5, (6.12, 8.62, 3.3, -0.79), marks=pytest.mark.slow),
    pytest.param(
        {"protocol": "vit", "width": 1.5, "blocks": 6, "heads": 3, "patches": 8}
        | {"init_scale": 0.005},
        CIFAR, 38, (-78, -72, -6.0, -89), marks=pytest.mark.slow,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "shape", "count", "expected"), PUBLISHED)
def test_networks_start_with_the_published_norms(
    settings: dict[str, Any], shape: Any, count: int, expected: tuple[float, ...]
) -> None:
    from scalefit.trainers.deep.inits import weights
    from scalefit.trainers.deep.layout import Plan
    from scalefit.trainers.deep.models import build
    from scalefit.trainers.deep.norms import complexities, numbers

    deep = Deep(**settings)
    plan = Plan(lambda: build(deep, shape, 10))
    assert len(plan.matrices) == count
    now = numbers(plan.matrices, weights(Run(deep, 0, 0), deep, plan)[None])
    found = complexities(now, now)
    names = ("bartlett", "cnn_variant", "classifier", "spectral_product")
    digits = 0.7 if abs(expected[0]) > 50 else 0.2  # 0.2 between seeds; told to whole units there
    for name, value in zip(names, expected, strict=True):
        assert math.log(found[f"norm_{name}"].item()) == pytest.approx(value, abs=digits), name


def test_kernels_count_as_matrices_of_outputs_and_the_rest(rng: np.random.Generator) -> None:
    import torch

    from scalefit.trainers.deep.layout import Matrix, Part
    from scalefit.trainers.deep.norms import numbers

    kernel = rng.standard_normal((4, 2, 3, 3))
    part = Part("kernel", kernel.shape, 0, True)
    values = torch.empty(kernel.size, dtype=torch.float64)
    part.view(values).copy_(torch.from_numpy(kernel))
    assert not np.array_equal(values.numpy(), kernel.ravel())  # the channels lie last
    found = numbers([Matrix("kernel", part, slice(None))], values[None])
    expected = np.linalg.norm(kernel.reshape(4, -1), 2)
    assert found["spectral"].item() == pytest.approx(expected, rel=1e-12)


def test_queries_keys_and_values_are_three_matrices() -> None:
    from scalefit.trainers.deep.layout import Plan
    from scalefit.trainers.deep.models import build

    deep = Deep(protocol="vit", blocks=1, width=0.25)
    names = [one.name for one in Plan(lambda: build(deep, (8, 8, 1), 10)).matrices]
    block = ["query", "key", "value", "out", "wide", "narrow"]
    assert names == ["patches", *(f"blocks.0.{name}" for name in block), "classifier"]
