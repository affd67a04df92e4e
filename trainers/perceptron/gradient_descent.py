"""Gradient descent of the perceptron: full batches, logistic loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints
from scalefit.trainers.protocol import Context, Cost, Facts, Run, Simulation, Variable

from .data import DTYPE, common, describe, force, lengths, training_data, zeros
from .settings import Perceptron
from .variables import STATIC

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors


class GradientDescent(Simulation):
    """Gradient descent on all examples, from zero weights; the first point is the first step."""

    source: ClassVar[str] = "teacher-student perceptron, full-batch gradient descent"
    variables: ClassVar[Mapping[str, Variable]] = {
        "step": Variable("step of gradient descent"),
        "time": Variable("sum of the steps' learning rates"),
        **STATIC,
    }

    def shape(self, settings: Perceptron) -> tuple[Any, ...]:
        """Return what makes shapes, checkpoints and rules equal."""
        return (
            *common(settings), settings.used().get("step_rule"), settings.steps, settings.points
        )  # fmt: skip

    def facts(self, settings: Perceptron) -> Facts:
        """Return log-spaced steps."""
        return Facts(self.variables, checkpoints(settings.steps, settings.points))

    def along(self, settings: Perceptron) -> Mapping[str, Array]:
        """Return step, and time where steps are equal."""
        step = np.array(self.facts(settings).checkpoints, dtype=float)
        if settings.step_rule == "norm":
            return {"step": step}
        return {"step": step, "time": settings.learning_rate * step}

    def cost(self, settings: Perceptron) -> Cost:
        """Return the cost of two matrix-vector products a step, and of calling them.

        Shared inputs make them matrix products, which take an eighth of the time per operation, and
        all runs train side by side; otherwise a batched product is slower than one after another.
        """
        step = 4.0 * settings.n_train * settings.N + 1e5
        shared = settings.shared_inputs
        rows = 8 if shared else settings.N + 8
        return Cost(
            operations=settings.steps * (step / 8 if shared else step),
            memory=float((settings.n_train * rows + 8 * settings.N) * DTYPE.itemsize),
            shared=float(settings.n_train * settings.N * DTYPE.itemsize) if shared else 0.0,
            width=2**20 if shared else 1,
        )

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return the data, and zero weights, with the time that has passed where steps differ."""
        settings, device = context.settings, context.device
        state = {"student": zeros(len(runs), settings.N, device=device)}
        if settings.used().get("step_rule") == "norm":
            state["time"] = zeros(len(runs), 1, device=device)
        return training_data(runs, device), state

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the weights after some steps."""
        del context, fresh
        student, pull = state["student"], force(data)
        if "time" not in state:
            for _ in steps:
                student = torch.addcmul(student, data["rate"], pull(student))
            return {"student": student}
        time = state["time"]
        for _ in steps:
            norm = lengths(student) / math.sqrt(student.shape[1])
            rate = data["rate"] * (1 + norm)
            student = torch.addcmul(student, rate, pull(student))
            time = time + rate
        return {"student": student, "time": time}

    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return what the student is now."""
        del context
        time = {"time": state["time"][:, 0]} if "time" in state else {}
        return time | describe(state["student"], data)
