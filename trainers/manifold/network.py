"""Student network on a manifold: it learns a teacher network from examples on a torus.

Networks have two hidden layers of rectified units, and are shown sine and cosine of each angle. The
teacher's weights are random, and its output has mean 0 and variance 1 on the new points. The
student is trained by Adam on minibatches, at a rate that rises for a twentieth of the steps and
falls as a cosine. With all parameters of a run one after another, shape (run, parameter), a step of
many runs is three products of matrices.

Source
------
Sharma and Kaplan (2020), arXiv:2004.10802, and Bahri et al. (2024), arXiv:2102.06701, for students
of teachers on a d-dimensional manifold, whose loss falls with an exponent of 4/d and more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints
from scalefit.trainers.deep import optimizers
from scalefit.trainers.protocol import Context, Cost, Facts, Run, Simulation
from scalefit.trainers.random import Streams

from .settings import Manifold
from .theory import NETWORK

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors


@dataclass(frozen=True)
class Adam:
    """The optimizer's settings.

    Attributes
    ----------
    length
        Steps of a run.
    """

    length: int
    optimizer: str = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warm_up: float = 0.05


class Student(Simulation):
    """Training of a student network."""

    source: ClassVar[str] = "student of a teacher network on a torus, Adam"
    block: ClassVar[int] = 64

    def shape(self, settings: Manifold) -> tuple[Any, ...]:
        """Return all settings but the learning rate."""
        return tuple(value for name, value in settings.used().items() if name != "learning_rate")

    def facts(self, settings: Manifold) -> Facts:
        """Return log-spaced steps."""
        return Facts(
            NETWORK,
            checkpoints(settings.steps, settings.points),
            dtype="float32",
            block=self.block,
            gradients=True,
        )

    def along(self, settings: Manifold) -> Mapping[str, Array]:
        """Return the steps."""
        return {"step": np.array(checkpoints(settings.steps, settings.points), dtype=float)}

    def cost(self, settings: Manifold) -> Cost:
        """Return the cost of steps and measurements."""
        one, teacher = settings, settings.teacher_width
        wide = 6.0 * one.n_params * one.batch
        taught = 2.0 * teacher * (teacher + 2 * one.dimension) * one.batch * (one.n_train == 0)
        tested = 2.0 * one.n_params * (one.n_test + one.n_train) * one.points
        kept = 4.0 * (one.n_train + one.n_test) * (2 * one.dimension + one.width + teacher)
        fresh = 8.0 * self.block * one.batch * (2 * one.dimension + teacher)
        return Cost(one.steps * (wide + taught + 1e6) + tested, memory=kept + fresh, width=8)

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return examples, new points and teachers, and the student before the first step."""
        one, device = context.settings, context.device
        d, count = one.dimension, len(runs)

        def weights(role: str, width: int) -> Tensor:
            normal = Streams(runs, role, device).normal(parameters(d, width))
            return (normal * spread(d, width, device)).float()

        def angles(role: str, n: int) -> Tensor:
            return shown(Streams(runs, role, device).uniform(n * d).view(count, n, d))

        data = {"teacher": weights("teacher", one.teacher_width), "new": angles("new", one.n_test)}
        raw = forward(data["teacher"], data["new"], one.teacher_width)
        data |= {"mean": raw.mean(1, keepdim=True), "scale": raw.std(1, keepdim=True)}
        data["wanted"] = taught(data, data["new"], one)
        if one.n_train:
            data["points"] = angles("examples", one.n_train)
            data["values"] = taught(data, data["points"], one)
        rates = [run.settings.learning_rate for run in runs]  # type: ignore[attr-defined]
        data["rate"] = torch.tensor(rates, dtype=torch.float64).to(device)
        state = {"weights": weights("student", one.width)}
        return data, state | optimizers.moments(Adam(one.steps), state["weights"])

    def feed(self, context: Context, runs: Sequence[Run], block: int) -> Tensors:
        """Return which examples a step sees, or the angles of new ones."""
        one, device = context.settings, context.device
        steps = min(self.block, one.steps - block * self.block)
        shape = (len(runs), steps, one.batch)
        if one.n_train:
            places = Streams(runs, "batches", device).integers(
                steps * one.batch, one.n_train, block=block
            )
            return {"place": places.view(shape)}
        numbers = Streams(runs, "angles", device).uniform(
            steps * one.batch * one.dimension, block=block
        )
        return {"angle": numbers.view(*shape, one.dimension)}

    def step(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, k: Tensor
    ) -> Tensors:
        """Return the same tensors, a step further."""
        one = context.settings
        if one.n_train:
            place = fresh["place"]
            points = data["points"].gather(1, place[..., None].expand(-1, -1, 2 * one.dimension))
            values = data["values"].gather(1, place)
        else:
            points = shown(fresh["angle"])
            values = taught(data, points, one)
        weights = state["weights"].detach().requires_grad_(True)
        loss = (forward(weights, points, one.width) - values).square().mean(1).sum()
        (gradient,) = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            adam = Adam(one.steps)
            rates = (data["rate"] * optimizers.rate(adam, k)).float()
            optimizers.step(adam, state, gradient, rates, k)
        return state

    @torch.no_grad()
    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return losses on new points and on the examples."""
        one = context.settings

        def loss(points: Tensor, values: Tensor) -> Tensor:
            apart = forward(state["weights"], points, one.width) - values
            return apart.double().square().mean(1)

        test = loss(data["new"], data["wanted"])
        train = loss(data["points"], data["values"]) if one.n_train else test
        return {"test_loss": test, "train_loss": train}


def parameters(dimension: int, width: int) -> int:
    """Return the number of parameters of a network.

    Examples
    --------
    >>> parameters(1, 2)
    15
    """
    return sum(rows * (columns + 1) for rows, columns in layers(dimension, width))


def layers(dimension: int, width: int) -> list[tuple[int, int]]:
    """Return outputs and inputs of every layer."""
    return [(width, 2 * dimension), (width, width), (1, width)]


def spread(dimension: int, width: int, device: torch.device) -> Tensor:
    """Return the standard deviation of each parameter at the start, shape (parameter,).

    That of weights keeps the variance through a layer of rectified units, as in He et al. (2015);
    biases have a third of a unit, so that kinks do not all pass through one point.
    """
    found = []
    for rows, columns in layers(dimension, width):
        found.append(torch.full((rows * columns,), math.sqrt(2 / columns)))
        found.append(torch.full((rows,), 1 / 3))
    return torch.cat(found).to(device)


def forward(weights: Tensor, points: Tensor, width: int) -> Tensor:
    """Return outputs, shape (run, example), of points of shape (run, example, coordinate)."""
    at, found = 0, points
    for last, (rows, columns) in enumerate(layers(points.shape[-1] // 2, width)):
        matrix = weights[:, at : at + rows * columns].reshape(-1, rows, columns)
        at += rows * columns
        bias = weights[:, None, at : at + rows]
        at += rows
        found = torch.baddbmm(bias, found, matrix.mT)
        found = found.relu() if last < 2 else found
    return found[..., 0]


def shown(angles: Tensor) -> Tensor:
    """Return what a network sees of angles in turns, shape (..., 2 d), single precision."""
    turned = 2 * math.pi * angles
    return torch.cat([torch.cos(turned), torch.sin(turned)], dim=-1).float()


def taught(data: Tensors, points: Tensor, settings: Manifold) -> Tensor:
    """Return the teacher's values, shape (run, example)."""
    raw = forward(data["teacher"], points, settings.teacher_width)
    return (raw - data["mean"]) / data["scale"]
