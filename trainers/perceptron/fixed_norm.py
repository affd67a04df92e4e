"""Fixed norm: the perceptron that minimises the logistic loss at each of a ladder of norms.

The student starts from Hebb's rule, the minimiser at small norm, and climbs: at each norm it takes
steps of Newton's method for `sum log(1 + exp(-2 lambda D))` on the sphere, where D are the
stabilities. On the sphere the loss has a single minimum, because the data can be separated. The
number of steps is fixed in advance, so that nothing is read from the device; a student that has not
converged after all is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from scalefit.arrays import Array
from scalefit.trainers.protocol import Context, Cost, Facts, Run, Variable

from .data import DTYPE, common, describe, fields, lengths, pulled, training_data
from .gradient_descent import GradientDescent
from .settings import Perceptron
from .variables import STATIC

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

# From norm to norm at most by this factor. Three steps on the way keep the student close enough;
# seven where it is measured leave a residual of 1e-7 or less, up to norms of 1e4.
_STRIDE = 10**0.2
_BETWEEN, _FINAL = 3, 7
_FIRST = 0.1  # Hebb's rule is a good start below this norm

TOLERANCE = 1e-6
"""Gradient along the sphere over the whole gradient, above which a student has not converged."""

_LENGTHS = (1.0, 0.5, 0.25, 0.1, 0.03, 2.0, 4.0)


@lru_cache(maxsize=64)
def ladder(norms: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the norm of every step, and the number of steps after which each norm is measured."""
    steps: list[float] = []
    ends: list[int] = []
    last = _FIRST
    for norm in norms:
        strides = max(math.ceil(math.log(norm / last) / math.log(_STRIDE) - 1e-9), 1)
        between = np.geomspace(last, norm, strides + 1)[1:-1]
        steps += [float(one) for one in np.repeat(between, _BETWEEN)] + [norm] * _FINAL
        ends.append(len(steps))
        last = norm
    return tuple(steps), tuple(ends)


def descend(direction: Tensor, norm: Tensor, data: Tensors) -> Tensor:
    """Return the direction after a step of Newton's method on the sphere of radius sqrt(N).

    Parameters
    ----------
    direction : shape (run, N), of length sqrt(N)
        Where the students point.
    norm : shape ()
        The norm at which the loss is to be least.
    data
        As in `data`.
    """
    N = direction.shape[1]
    stability = fields(direction, data)
    gradient, weight = _gradient(stability, norm, data)
    multiplier = -(gradient * direction).sum(1, keepdim=True) / N
    tangential = gradient + multiplier * direction

    # the loss is curved by 4 norm^2 weight (1 - weight), and the sphere adds its multiplier
    rows = data["inputs"] if "inputs" in data else data["examples"]
    curvature = 4 * norm**2 * weight * torch.sigmoid(2 * norm * stability)
    hessian = rows.mT @ (curvature[..., None] * rows)
    hessian.diagonal(dim1=1, dim2=2).add_(multiplier.clamp(min=1e-12))
    factor, _ = torch.linalg.cholesky_ex(hessian)
    solved = torch.cholesky_solve(torch.stack([tangential, direction], dim=2), factor)
    step, normal = -solved[..., 0], solved[..., 1]
    slip = (step * direction).sum(1, keepdim=True) / (normal * direction).sum(1, keepdim=True)
    step = step - slip * normal

    # along the step the loss costs no further product with the examples
    along = fields(step, data)
    short = (step**2).sum(1, keepdim=True) / N
    tried = [_log_loss(stability, norm)]
    for part in _LENGTHS:
        moved = (stability + part * along) / torch.sqrt(1 + part**2 * short)
        tried.append(_log_loss(moved, norm))
    # the whole step is taken where rounding cannot tell
    tried[1] = tried[1] - 1e-11
    best = torch.stack(tried).argmin(0)
    taken = direction.new_zeros(len(direction), 1)
    for index, part in enumerate(_LENGTHS, start=1):
        taken = taken.masked_fill((best == index)[:, None], part)
    return _on_sphere(direction + taken * step)


def residual(direction: Tensor, norm: Tensor, data: Tensors) -> Tensor:
    """Return the gradient along the sphere over the whole gradient, shape (run,)."""
    gradient, _ = _gradient(fields(direction, data), norm, data)
    along = (gradient * direction).sum(1, keepdim=True) / direction.shape[1]
    tangential = gradient - along * direction
    ratio: Tensor = lengths(tangential) / lengths(gradient)
    return ratio[:, 0]


class FixedNorm(GradientDescent):
    """The minimiser of the loss at each norm; a step is one of Newton's method."""

    source: ClassVar[str] = "teacher-student perceptron, minimiser of the loss at fixed norm"
    variables: ClassVar[Mapping[str, Variable]] = STATIC

    def shape(self, settings: Perceptron) -> tuple[Any, ...]:
        """Return what makes shapes and the ladder equal."""
        return (*common(settings), settings.norm)

    def facts(self, settings: Perceptron) -> Facts:
        """Return the steps after which the student is at one of the norms."""
        return Facts(self.variables, list(ladder(settings.norm)[1]))

    def along(self, settings: Perceptron) -> Mapping[str, Array]:
        """Return the norms."""
        return {"norm": np.array(settings.norm)}

    def cost(self, settings: Perceptron) -> Cost:
        """Return the cost of the Hessians, their factors and the products."""
        size = settings.n_train * settings.N**2 + settings.N**3 / 3
        examples = settings.n_train * settings.N
        return replace(
            super().cost(settings),
            operations=len(ladder(settings.norm)[0]) * (2.0 * size + 6.0 * examples),
            memory=super().cost(settings).memory
            + (examples + 3.0 * settings.N**2) * DTYPE.itemsize,
        )

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return the data with the norm of every step, and Hebb's rule."""
        settings, device = context.settings, context.device
        data = training_data(runs, device)
        norms, _ = ladder(settings.norm)
        data["ladder"] = torch.tensor(norms, dtype=DTYPE, device=device)
        ones = torch.ones(len(runs), settings.n_train, dtype=DTYPE, device=device)
        return data, {"student": norms[0] * _on_sphere(pulled(ones, data))}

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the students after some steps, each at the norm of the last one."""
        del context, fresh
        direction = _on_sphere(state["student"])
        for step in steps:
            direction = descend(direction, data["ladder"][step], data)
        return {"student": direction * data["ladder"][steps[-1]]}

    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return what the students are; NaN where they have not converged."""
        del context
        student = state["student"]
        norm = lengths(student) / math.sqrt(student.shape[1])
        lost = residual(student / norm, norm, data) > TOLERANCE
        measured = describe(student, data)
        del measured["norm"]  # known beforehand
        return {name: one.masked_fill(lost, math.nan) for name, one in measured.items()}


def _on_sphere(student: Tensor) -> Tensor:
    """Return the students with length sqrt(N)."""
    return student * (math.sqrt(student.shape[1]) / lengths(student))


def _gradient(stability: Tensor, norm: Tensor, data: Tensors) -> tuple[Tensor, Tensor]:
    """Return the gradient of the loss by direction, and each example's share in it.

    Both are over the sum of `sigmoid(-2 norm D)`, which may underflow.
    """
    weight = torch.softmax(torch.nn.functional.logsigmoid(-2 * norm * stability), dim=1)
    return -2 * norm * pulled(weight, data), weight


def _log_loss(stability: Tensor, norm: Tensor) -> Tensor:
    """Return the logarithm of the summed loss, shape (run,), also where the loss underflows."""
    z = 2 * norm * stability
    small = torch.log(torch.nn.functional.softplus(-z.clamp(max=30)))
    return torch.logsumexp(torch.where(z > 30, -z, small), dim=1)
