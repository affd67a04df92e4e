"""Networks: sizes as published, parameters as parts of one tensor, gradients as PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

from scalefit.errors import ConfigError
from scalefit.trainers.deep.settings import Deep

pytestmark = pytest.mark.train

MNIST, CIFAR = (28, 28, 1), (32, 32, 3)
DIGITS = (8, 8, 1)
# millions of parameters, and GFLOP of a step of 128 images, as measured on the published networks
SIZES: list[tuple[dict[str, Any], Any, int, float, float]] = [
    ({"protocol": "cnn"}, MNIST, 10, 12.94, 32),
    ({"protocol": "cnn", "width": 2, "convolutions": 4}, CIFAR, 100, 35.2, 375),
    ({"protocol": "resnet"}, MNIST, 10, 0.70, 22),
    ({"protocol": "resnet", "width": 4, "layers": 34}, CIFAR, 100, 21.3, 890),
    (
        {"protocol": "vit", "width": 1.5, "blocks": 6, "heads": 3, "patches": 8},
        CIFAR, 10, 2.69, 140,
    ),
    ({"protocol": "vit", "width": 2, "blocks": 6, "patches": 8}, CIFAR, 100, 4.79, 246),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "shape", "classes", "millions", "gflop"), SIZES)
def test_published_networks_have_their_sizes_and_their_work(
    settings: dict[str, Any], shape: Any, classes: int, millions: float, gflop: float
) -> None:
    from scalefit.trainers.deep.cost import measured
    from scalefit.trainers.deep.layout import Plan
    from scalefit.trainers.deep.models import build

    deep = Deep(**settings)
    work = measured(Plan(lambda: build(deep, shape, classes)), 128, shape)
    assert work.parameters / 1e6 == pytest.approx(millions, rel=0.01)
    assert work.operations / 1e9 == pytest.approx(gflop, rel=0.1)


@pytest.mark.parametrize("protocol", ["mlp", "cnn", "resnet", "vit"])
def test_a_bound_network_gives_the_outputs_and_gradients_of_its_own_copy(protocol: str) -> None:
    import torch

    from scalefit.trainers.deep.layout import Plan
    from scalefit.trainers.deep.models import build

    deep = Deep(protocol=protocol, width=0.25, layers=8, blocks=1)
    plan = Plan(lambda: build(deep, DIGITS, 10))
    torch.manual_seed(1)
    own = build(deep, DIGITS, 10)
    flat = torch.zeros(plan.count)
    for part, one in zip(plan.parts, own.parameters(), strict=True):
        one.data.normal_(0, 0.1)
        part.view(flat).copy_(one.data)
    buffers = {name: one.clone() for name, one in own.named_buffers()}
    bound = plan.bound(flat, buffers)
    images = torch.randn(5, 1, 8, 8)
    for model in (own, bound):
        model(images).square().sum().backward()
    torch.testing.assert_close(bound(images), own(images))
    for name, one in own.named_parameters():
        torch.testing.assert_close(bound.get_parameter(name).grad, one.grad, msg=name)
    for name, one in own.named_buffers():
        torch.testing.assert_close(buffers[name], one)  # changed in place


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"protocol": "cnn", "convolutions": 9}, "nothing is left of 8x8 pixels; take fewer"),
        ({"protocol": "vit", "patches": 3}, "'patches' is 3: it does not divide 8x8 pixels"),
    ],
)
def test_networks_that_images_do_not_fit_are_refused(settings: dict[str, Any], said: str) -> None:
    from scalefit.trainers.deep.layout import Plan
    from scalefit.trainers.deep.models import build

    with pytest.raises(ConfigError, match=said):
        Plan(lambda: build(Deep(**settings), DIGITS, 10))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"protocol": "resnet", "layers": 10}, "'layers' is 10; give 8, 18, 34"),
        ({"protocol": "resnet", "n_train": 1}, "one example cannot be normalised"),
        ({"images": "mnst"}, "mnist"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Deep(**settings)


def test_the_width_of_a_transformer_is_a_multiple_of_its_heads() -> None:
    from scalefit.trainers.deep.layout import Plan
    from scalefit.trainers.deep.models import build

    deep = Deep(protocol="vit", width=0.1, heads=5, blocks=1)
    parts = {one.name: one for one in Plan(lambda: build(deep, DIGITS, 10)).parts}
    assert parts["token"].shape == (1, 1, 15)
