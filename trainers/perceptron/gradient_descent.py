"""Gradient descent of the perceptron: full batches, logistic loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints
from scalefit.trainers.protocol import Run, Variable

from .data import DTYPE, common, describe, force, lengths, settings_of, training_data, zeros
from .settings import Perceptron
from .variables import STATIC

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors


class GradientDescent:
    """Gradient descent on all examples, from zero weights; the first point is the first step."""

    source = "teacher-student perceptron, full-batch gradient descent"
    variables: Mapping[str, Variable] = {
        "step": Variable("step of gradient descent"),
        "time": Variable("sum of the steps' learning rates"),
        **STATIC,
    }
    dtype = DTYPE
    block = 2**40

    def shape(self, settings: Perceptron) -> tuple[Any, ...]:
        """Return what makes shapes, checkpoints and rules equal."""
        return (
            *common(settings), settings.used().get("step_rule"), settings.steps, settings.points
        )  # fmt: skip

    def checkpoints(self, settings: Perceptron) -> list[int]:
        """Return log-spaced steps."""
        return checkpoints(settings.steps, settings.points)

    def along(self, settings: Perceptron) -> Mapping[str, Array]:
        """Return step, and time where steps are equal."""
        step = np.array(self.checkpoints(settings), dtype=float)
        if settings.step_rule == "norm":
            return {"step": step}
        return {"step": step, "time": settings.learning_rate * step}

    def work(self, settings: Perceptron) -> float:
        """Return the operations of two matrix-vector products a step, and the cost of calling them.

        Shared inputs make them matrix products, which take an eighth of the time per operation.
        """
        step = 4.0 * settings.n_train * settings.N + 1e5
        return settings.steps * (step / 8 if settings.shared_inputs else step)

    def memory(self, settings: Perceptron) -> float:
        """Return the bytes of the examples and of a few vectors."""
        rows = 8 if settings.shared_inputs else settings.N + 8
        return float((settings.n_train * rows + 8 * settings.N) * DTYPE.itemsize)

    def width(self, settings: Perceptron) -> int:
        """Return one: a batched product is slower; all, where they share their inputs."""
        return 2**20 if settings.shared_inputs else 1

    def init(self, runs: Sequence[Run], device: torch.device) -> tuple[Tensors, Tensors]:
        """Return the data, and zero weights, with the time that has passed where steps differ."""
        settings = settings_of(runs[0])
        state = {"student": zeros(len(runs), settings.N, device=device)}
        if settings.used().get("step_rule") == "norm":
            state["time"] = zeros(len(runs), 1, device=device)
        return training_data(runs, device), state

    def feed(self, runs: Sequence[Run], block: int, device: torch.device) -> Tensors:
        """Return nothing: every step sees all examples."""
        del runs, block, device
        return {}

    def update(self, state: Tensors, data: Tensors, fresh: Tensors, steps: range) -> Tensors:
        """Return the weights after some steps."""
        del fresh
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

    def measure(self, state: Tensors, data: Tensors) -> Tensors:
        """Return what the student is now."""
        time = {"time": state["time"][:, 0]} if "time" in state else {}
        return time | describe(state["student"], data)
