"""Diagonal network: its data, its parameters and what they are worth.

Unit coefficients are `b_i = a_i w_i / sqrt(d)`; parameters are a and w over d^(1/4), so that
`b = a w`, and the decay is lambda sqrt(d). Parameters that begin with a = w keep to it: their
gradients are equal, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from scalefit.trainers.protocol import Context, Run, Variable
from scalefit.trainers.weight_decay.instances import chunks, instances, shared, slots
from scalefit.trainers.weight_decay.model import DTYPE, Model

from .settings import Diagonal
from .variables import WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.protocol import Tensors

SUPPORT = 1e-6
"""Weights below this share of the largest count as zero."""
LEAST = 1e-8
"""Smaller eigenvalue of a block over the larger, at least."""


class DiagonalModel(Model):
    """Two layers a and w; see `scalefit.trainers.weight_decay.model`."""

    words: ClassVar[str] = "diagonal network under weight decay"
    share: ClassVar[float] = 1.0

    def shape(self, settings: Diagonal) -> tuple[Any, ...]:
        """Return what runs must have in common."""
        return settings.d, settings.n_train, settings.signed, settings.kept

    def variables(self, settings: Diagonal) -> Mapping[str, Variable]:
        """Return what a trained network is."""
        del settings
        return WEIGHTS

    def labels(self, settings: Diagonal) -> Mapping[str, Sequence[Any]]:
        """Return ranks, counted from 1."""
        return {"rank": list(range(1, settings.kept + 1))}

    def size(self, settings: Diagonal) -> int:
        """Return the number of parameters."""
        return 2 * settings.d

    def product(self, settings: Diagonal) -> tuple[float, float]:
        """Return operations and bytes of the product with the Gram matrix, or with the examples."""
        entries = float(settings.d * min(settings.d, 2 * settings.n_train))
        return 2 * entries, 8 * entries

    def draw(self, context: Context, runs: Sequence[Run]) -> Tensors:
        """Return the examples, or their Gram matrix where there are more of them than inputs."""
        first, places = instances(runs)
        settings: Diagonal = context.settings
        each: list[Any] = [run.settings for run in runs]
        n, d = settings.n_train, settings.d
        teachers = np.array([teacher(run) for run in runs])
        pull, square = np.zeros((len(runs), d)), np.zeros((len(runs), 1))
        kept = []
        for one, members in zip(first, places, strict=True):
            inputs, noise = one.stream("examples"), one.stream("noise")
            whole = np.zeros((d, d)) if gram(settings) else None
            for count in chunks(n, d):
                x = inputs.standard_normal((count, d))
                labels = noise.standard_normal(count)
                for at in members:
                    y = x @ teachers[at] + math.sqrt(each[at].noise) * labels
                    pull[at] += x.T @ y
                    square[at] += y @ y
                if whole is None:
                    kept.append(x)
                else:
                    whole += x.T @ x
            if whole is not None:
                kept.append(whole)
        found = {
            "gram" if gram(settings) else "inputs": np.concatenate(kept).reshape(len(first), -1, d),
            "pull": pull,
            "square": square,
            "teacher": teachers,
            "count": np.full((len(runs), 1), float(n)),
            "decay": np.array([[one.decay * math.sqrt(d)] for one in each]),
        }
        if not settings.signed:
            found["positive"] = np.ones((len(runs), 1))
        data = {name: torch.tensor(one, device=context.device) for name, one in found.items()}
        return data | {"slots": slots(places, context.device)}

    def start(self, context: Context, runs: Sequence[Run]) -> Tensor:
        """Return normal parameters; both layers equal where they are tied."""
        size = 2 * context.settings.d
        drawn = np.array([one.stream("start").standard_normal(size) for one in runs])
        each: list[Any] = [run.settings for run in runs]
        drawn *= np.array([[one.init_scale] for one in each])
        if not context.settings.signed:
            drawn[:, size // 2 :] = drawn[:, : size // 2]
        return torch.tensor(drawn, dtype=DTYPE, device=context.device)

    def rate(self, settings: Diagonal) -> float:
        """Return 1 / n."""
        return 1.0 / settings.n_train

    def mixed(self, data: Tensors, p: Tensor, q: Tensor) -> Tensor:
        """Return half of `a_p w_q + w_p a_q`."""
        del data
        (a, w), (b, v) = p.chunk(2, dim=1), q.chunk(2, dim=1)
        return (a * v + w * b) / 2

    def back(self, data: Tensors, p: Tensor, g: Tensor) -> Tensor:
        """Return `g w` and `g a`."""
        del data
        a, w = p.chunk(2, dim=1)
        return torch.cat([g * w, g * a], dim=1)

    def metric(self, data: Tensors, p: Tensor, slope: Tensor) -> Tensors:
        """Return the inverse of every weight's own 2 x 2 block, with positive eigenvalues."""
        a, w = p.chunk(2, dim=1)
        own, beside = data["count"] * w**2 + data["decay"], data["count"] * a**2 + data["decay"]
        both = data["count"] * a * w + slope
        middle = (own + beside) / 2
        half = (((own - beside) / 2) ** 2 + both**2).sqrt().clamp(min=1e-300)
        high = middle + half
        low = torch.maximum((middle - half).abs(), LEAST * high)
        # 1 / low and 1 / high on the eigenvectors, written without them
        mean, apart = (1 / low + 1 / high) / 2, (1 / low - 1 / high) / (4 * half)
        return {
            "a": mean + apart * (beside - own),
            "w": mean + apart * (own - beside),
            "both": -2 * apart * both,
        }

    def scaled(self, metric: Tensors, g: Tensor) -> Tensor:
        """Return g through the blocks."""
        a, w = g.chunk(2, dim=1)
        return torch.cat(
            [metric["a"] * a + metric["both"] * w, metric["both"] * a + metric["w"] * w], dim=1
        )

    def apply(self, data: Tensors, theta: Tensor) -> Tensor:
        """Return `X^T X theta`, shape (run, columns, d)."""

        def product(columns: Tensor) -> Tensor:
            rows = columns.flatten(1, 2)
            if "gram" in data:
                found = rows @ data["gram"]
            else:
                found = (rows @ data["inputs"].mT) @ data["inputs"]
            return found.reshape(columns.shape)

        return shared(data["slots"], theta, product)

    def norm(self, theta: Tensor) -> Tensor:
        """Return the sum of sizes."""
        return theta.abs().sum(1)

    def dual(self, data: Tensors, force: Tensor) -> Tensor:
        """Return the largest size, or the largest force upwards where weights are positive."""
        return (force if "positive" in data else force.abs()).amax(1)

    def proximal(self, data: Tensors, theta: Tensor, cut: Tensor) -> Tensor:
        """Return the soft threshold."""
        if "positive" in data:
            return (theta - cut).clamp(min=0.0)
        return theta.sign() * (theta.abs() - cut).clamp(min=0.0)

    def measure(self, context: Context, data: Tensors, theta: Tensor) -> Tensors:
        """Return risk, overlap and weights by size and by place."""
        truth, kept = data["teacher"], context.settings.kept
        sizes = theta.abs().sort(dim=1, descending=True).values
        along = (theta * truth).sum(1)
        length = (theta.norm(dim=1) * truth.norm(dim=1)).clamp(min=1e-300)
        return {
            "excess_risk": ((theta - truth) ** 2).sum(1),
            "overlap": along / length,
            "support": (sizes > SUPPORT * sizes[:, :1].clamp(min=1e-300)).sum(1).to(DTYPE),
            "spectrum": sizes[:, :kept],
            "learned": (theta * truth.sign())[:, :kept],
        }


def gram(settings: Diagonal) -> bool:
    """Return whether the Gram matrix is kept in place of the examples."""
    return settings.n_train > settings.d or settings.protocol == "coordinate_descent"


def teacher(run: Run) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the unit coefficients of a run's teacher, shape (d,)."""
    settings = run.settings
    assert isinstance(settings, Diagonal)
    size = np.arange(1.0, settings.d + 1) ** -settings.gamma
    if settings.teacher == "fixed":
        return size
    return size * run.stream("teacher").standard_normal(settings.d)
