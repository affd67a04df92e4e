"""Initial weights, drawn as published for each network.

Source
------
D'Amico, Bocchi, Negri (2025) (arXiv:2505.13230) and its code, after He et al. (2015)
(arXiv:1502.01852) and Glorot and Bengio (2010).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from scalefit.trainers.protocol import Run

    from .layout import Part, Plan

    Draw = Callable[[np.random.Generator, Part, str, int, float], np.ndarray]

CLASSIFIER, TOKENS = 0.01, 0.02
"""Deviation of a ResNet's last layer, and of a ViT's token and places."""


def weights(run: Run, settings: Any, plan: Plan, draw: Draw | None = None) -> Tensor:
    """Return the initial parameters of a run one after another, shape (count,), on the host.

    Parameters
    ----------
    settings
        With a `protocol` and an `init_scale`.
    draw
        Returns the values of a parameter; by default as published for the protocol.
    """
    flat = torch.zeros(plan.count)
    weighed = [part for part in plan.parts if len(part.shape) > 1]
    inputs = {part.name.rpartition(".")[0]: math.prod(part.shape[1:]) for part in weighed}
    draw = draw or {"resnet": _resnet, "vit": _vit}.get(settings.protocol, default)
    for part in plan.parts:
        module, _, kind = part.name.rpartition(".")
        stream = run.stream("weights", part.name)
        values = draw(stream, part, kind, inputs.get(module, 1), settings.init_scale)
        part.view(flat).copy_(torch.from_numpy(np.asarray(values, dtype=np.float32)))
    return flat


def default(
    stream: np.random.Generator, part: Part, kind: str, inputs: int, scale: float
) -> np.ndarray:
    """Return what PyTorch draws: uniform within one over the root of the inputs."""
    bound = 1 / math.sqrt(inputs)
    return stream.uniform(-bound, bound, part.shape) * (scale if kind == "weight" else 1.0)


def _resnet(
    stream: np.random.Generator, part: Part, kind: str, inputs: int, scale: float
) -> np.ndarray:
    """Return normal weights of variance 2 over fan-out; no biases."""
    del inputs
    if len(part.shape) == 1:
        return np.full(part.shape, float(kind == "weight"))  # a normalisation, or a bias
    spread = CLASSIFIER
    if len(part.shape) == 4:
        spread = math.sqrt(2 / (part.shape[0] * math.prod(part.shape[2:])))
    return scale * spread * stream.standard_normal(part.shape)


def _vit(
    stream: np.random.Generator, part: Part, kind: str, inputs: int, scale: float
) -> np.ndarray:
    """Return uniform weights after Glorot, those of patches normal by fan-out; no biases."""
    del inputs
    if part.name in ("token", "places"):
        return TOKENS * stream.standard_normal(part.shape)
    if len(part.shape) != 2:
        return _resnet(stream, part, kind, 1, scale)
    bound = math.sqrt(6 / sum(part.shape))
    own = 1.0 if part.name.endswith("qkv.weight") else scale
    return own * stream.uniform(-bound, bound, part.shape)
