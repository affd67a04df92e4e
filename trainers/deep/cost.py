"""Cost of a training, from one pass on a device that has shapes but no values."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from scalefit.trainers.protocol import Cost

from .layout import plan_of
from .models import Encoder

if TYPE_CHECKING:
    from .layout import Plan
    from .settings import Deep

EFFICIENCY = 16.0
"""Operations of matrix products that a core does in the time of one of a small simulation."""
LAUNCHES = 1e6
"""What a step costs beside its products, in operations of the latter kind."""


ENSEMBLE, BATCH = 32, 64
"""Runs of small MLPs that train side by side on a CPU core, and the largest batch that is small."""


class Work(NamedTuple):
    """What a step of a network takes.

    Attributes
    ----------
    operations
        Floating-point operations of its matrix products, forward and backward.
    saved
        Bytes kept from the forward pass for the backward pass.
    parameters
        How many the network has.
    """

    operations: float
    saved: float
    parameters: int


@lru_cache(maxsize=4096)
def work_of(settings: Deep) -> Work:
    """Return what a step of these settings takes, without making it."""
    return measured(plan_of(settings), settings.rows, settings.data.shape)


def measured(plan: Plan, rows: int, shape: tuple[int, int, int]) -> Work:
    """Return what a step of a network on so many images of a shape takes."""
    model = plan.bound(torch.empty(plan.count, device="meta"), {})
    products: list[float] = []

    def count(layer: nn.Module, given: Any, out: Any) -> None:
        if isinstance(layer, Encoder):
            images, tokens, width = out.shape
            products.append(4.0 * images * tokens**2 * width)
        else:
            weight: Any = layer.weight
            products.append(2.0 * out.numel() * weight[0].numel())

    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | Encoder):
            layer.register_forward_hook(count)
    held: dict[int, int] = {}

    def keep(one: Tensor) -> Tensor:
        storage = one.untyped_storage()
        held[storage._cdata] = storage.nbytes()
        return one

    own = next(model.parameters()).untyped_storage()._cdata
    with (
        torch.enable_grad(),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one),
    ):
        model(torch.empty(rows, *shape, device="meta").permute(0, 3, 1, 2))
    held.pop(own, None)
    # forward, and backward to weights and inputs, of which the images need none
    operations = 3 * sum(products) - products[0]
    return Work(operations, float(sum(held.values())), plan.count)


def cost_of(settings: Deep) -> Cost:
    """Return what a run costs: its steps, and evaluations of a third of a step's cost an image."""
    data, work = settings.data, work_of(settings)
    looked = min(settings.eval_test, len(data.test)) + min(settings.eval_train, settings.n_train)
    evaluations = (settings.points + 1) * looked / settings.rows / 3
    steps = settings.length
    return Cost(
        operations=(steps + evaluations) * work.operations / EFFICIENCY + steps * LAUNCHES,
        memory=20.0 * work.parameters + work.saved,
        shared=float(data.train.nbytes + data.test.nbytes),
        width=ENSEMBLE if small(settings) else 1,
    )


def small(settings: Deep) -> bool:
    """Return whether several runs may take their steps at once: MLPs of small batches."""
    return settings.protocol == "mlp" and settings.rows <= BATCH
