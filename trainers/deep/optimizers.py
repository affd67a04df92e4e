"""Optimizers on all parameters of a run at once, which lie one after another in memory.

Source
------
Kingma and Ba (2015) (arXiv:1412.6980), algorithm 1; Loshchilov and Hutter (2019)
(arXiv:1711.05101), algorithm 2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

BETAS, EPSILON = (0.9, 0.999), 1e-8
FUSED = ("cpu", "cuda")
"""Devices on which PyTorch has one kernel for a step of Adam."""


class Rule(Protocol):
    """Settings of an optimizer, with the meanings that they have in `optimized.py`."""

    @property
    def optimizer(self) -> str:
        """Return its name."""
        ...

    @property
    def momentum(self) -> float:
        """Return that of SGD."""
        ...

    @property
    def weight_decay(self) -> float:
        """Return the weight decay."""
        ...

    @property
    def schedule(self) -> str:
        """Return how the learning rate falls."""
        ...

    @property
    def warm_up(self) -> float:
        """Return the share of the steps over which it rises."""
        ...

    @property
    def length(self) -> int:
        """Return the steps of a run."""
        ...


def moments(settings: Rule, weights: Tensor) -> Tensors:
    """Return what an optimizer keeps beside the weights, shape (run, parameter)."""
    if settings.optimizer == "sgd":
        return {"momentum": torch.zeros_like(weights)} if settings.momentum else {}
    return {"first": torch.zeros_like(weights), "second": torch.zeros_like(weights)}


def rate(settings: Rule, k: Tensor) -> Tensor:
    """Return the factor on the learning rate at step k, counted from 0, shape ()."""
    steps, done = settings.length, k.to(torch.float64)
    factor = torch.ones_like(done)
    if settings.schedule == "cosine":
        factor = 0.5 * (1 + torch.cos(math.pi * done / steps))
    elif settings.schedule == "linear":
        factor = 1 - done / steps
    if settings.warm_up:
        factor = factor * ((done + 1) / (settings.warm_up * steps)).clamp(max=1)
    return factor


def step(settings: Rule, state: Tensors, gradient: Tensor, rates: Tensor, k: Tensor) -> None:
    """Change the weights, and what is kept beside them, in place.

    Parameters
    ----------
    gradient : shape (run, parameter)
        It is overwritten.
    rates : shape (run,)
        Learning rates now.
    k : shape ()
        Number of the step, counted from 0.
    """
    weights, decay = state["weights"], settings.weight_decay
    if settings.optimizer == "sgd":
        if decay:
            gradient.add_(weights, alpha=decay)
        if settings.momentum:
            gradient = state["momentum"].mul_(settings.momentum).add_(gradient)
        weights.addcmul_(gradient, rates[:, None], value=-1)
        return
    if weights.device.type in FUSED:
        _fused(settings, state, gradient, rates, k)
    else:
        _adam(settings, state, gradient, rates, k)


def _fused(settings: Rule, state: Tensors, gradient: Tensor, rates: Tensor, k: Tensor) -> None:
    """Take a step of Adam or AdamW by PyTorch's own kernel."""
    kernel = torch._fused_adam_  # pyright: ignore[reportPrivateImportUsage]
    if settings.optimizer == "adamw":
        kernel = torch._fused_adamw_  # pyright: ignore[reportPrivateImportUsage]
    count = (k + 1).to(torch.float32)
    for run in range(len(gradient)):
        kernel(
            [state["weights"][run]],
            [gradient[run]],
            [state["first"][run]],
            [state["second"][run]],
            [],
            [count],
            lr=rates[run],
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=settings.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )


def _adam(settings: Rule, state: Tensors, gradient: Tensor, rates: Tensor, k: Tensor) -> None:
    """Take a step of Adam or AdamW by operations that every device has."""
    weights, first, second = state["weights"], state["first"], state["second"]
    one, two = BETAS
    size = rates[:, None]
    if settings.optimizer == "adamw":
        weights.mul_(1 - size * settings.weight_decay)
    elif settings.weight_decay:
        gradient.add_(weights, alpha=settings.weight_decay)
    first.lerp_(gradient, 1 - one)
    second.mul_(two).addcmul_(gradient, gradient, value=1 - two)
    count = (k + 1).to(torch.float64)
    shrunk, spread = 1 - one**count, torch.sqrt(1 - two**count)
    below = (second.sqrt() / spread).add_(EPSILON)
    weights.addcdiv_(first * (size / shrunk), below, value=-1)
