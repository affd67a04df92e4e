"""Classical rules: perceptrons that see one example at a time, over and over.

An example with label y and input x has the field `h = y u.x / sqrt(N)`, and a rule answers with
`u <- u + learning_rate * force * y x / sqrt(N)`. Examples come in their order, which is random
already; after the last comes the first. Time is the learning rate times the examples seen per
dimension, as in gradient descent: as long as the force is 1, both give the same student.

The step of the first two rules sets the scale of the weights and nothing else. What tells the rules
apart is where they end: Hebb's at the limit of small norm of the logistic loss, Adatron's at that
of large norm, the two others somewhere between the student and that limit.

Source
------
Hebb (1949). Rosenblatt (1958), Psychological Review 65. Relative stability: Gardner (1988), Journal
of Physics A 21, section 3. Adatron: Anlauf and Biehl (1989), Europhysics Letters 10.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from scalefit.arrays import Array
from scalefit.trainers.protocol import Context, Cost, Run, Variable

from .data import count, fields, lengths, settings_of
from .gradient_descent import GradientDescent
from .limits import limits
from .settings import Perceptron
from .variables import STATIC

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

SETTLED = 1e-3
"""Largest change, in units of the smallest field, with which Adatron has arrived."""
MEMORY = 2.0**30
"""Bytes of the runs that train side by side on a CPU core."""


class Online(GradientDescent):
    """A rule that sees one example at a time; `answer` tells the rules apart."""

    variables: ClassVar[Mapping[str, Variable]] = {
        "step": Variable("examples seen"),
        "time": Variable("learning rate times examples seen per input dimension"),
        **STATIC,
    }

    def along(self, settings: Perceptron) -> Mapping[str, Array]:
        """Return step and time."""
        step = np.array(self.facts(settings).checkpoints, dtype=float)
        return {"step": step, "time": settings.learning_rate * step / settings.N}

    def cost(self, settings: Perceptron) -> Cost:
        """Return the cost of two vector products a step, and of calling them.

        A step touches one example of each run, and calling it is what costs: many go side by side,
        as many as keep their examples within a part of an ordinary memory.
        """
        one = super().cost(settings)
        return replace(
            one,
            operations=(4.0 * settings.N + 1e5) * settings.steps,
            width=max(1, min(64, int(MEMORY / one.memory))),
        )

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the students after some examples."""
        del context, fresh
        state = {name: one.clone() for name, one in state.items()}
        student = state["student"]
        examples = count(data)
        for step in steps:
            index = step % examples
            if "inputs" in data:
                example = data["labels"][:, index, None] * data["inputs"][index]
            else:
                example = data["examples"][:, index]
            field = (example * student).sum(1, keepdim=True)
            student += self.answer(field, index, state, data) * example
        return state

    def answer(self, field: Tensor, index: int, state: Tensors, data: Tensors) -> Tensor:
        """Return learning rate times force, shape (run, 1)."""
        raise NotImplementedError


class Hebb(Online):
    """Hebb's rule: every example adds the same."""

    source: ClassVar[str] = "teacher-student perceptron, Hebb's rule"

    def answer(self, field: Tensor, index: int, state: Tensors, data: Tensors) -> Tensor:
        """Return the learning rate."""
        del field, index, state
        return data["rate"]


class Rosenblatt(Online):
    """Rosenblatt's rule: an example adds where it is on the wrong side; it ends when none is."""

    source: ClassVar[str] = "teacher-student perceptron, Rosenblatt's rule"

    def answer(self, field: Tensor, index: int, state: Tensors, data: Tensors) -> Tensor:
        """Return the learning rate at mistakes; no direction at all is a mistake."""
        del index, state
        return data["rate"] * (field <= 0)


class RelativeStability(Online):
    """Rule of relative stability: an example adds where `h sqrt(N) / |u|` is below a threshold.

    The threshold is a fraction of the largest stability that theory allows at this load; reached
    for all examples, learning ends.
    """

    source: ClassVar[str] = "teacher-student perceptron, rule of relative stability"

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return the data with the threshold, and zero weights."""
        data, state = super().init(context, runs)
        wanted = []
        for run in runs:
            settings = settings_of(run)
            wanted.append([settings.stability * limits(settings.load).max_stability_margin])
        data["threshold"] = data["rate"].new_tensor(wanted)
        return data, state

    def answer(self, field: Tensor, index: int, state: Tensors, data: Tensors) -> Tensor:
        """Return the learning rate below the threshold."""
        del index
        student = state["student"]
        norm = lengths(student) / math.sqrt(student.shape[1])
        return data["rate"] * (field <= data["threshold"] * norm)


class Adatron(Online):
    """Adatron: an example adds what its field lacks to 1, or takes back what it gave.

    The student tends to maximal stability: the shortest one with no field below 1, whose norm is 1
    over the largest stability.
    """

    source: ClassVar[str] = "teacher-student perceptron, Adatron"

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return the data, zero weights, and what each example gave so far."""
        data, state = super().init(context, runs)
        given = state["student"].new_zeros(len(runs), count(data))
        return data, state | {"given": given}

    def answer(self, field: Tensor, index: int, state: Tensors, data: Tensors) -> Tensor:
        """Return the change in what the example gives, which stays positive."""
        given = state["given"][:, index, None]
        change = torch.maximum(data["rate"] * (1 - field), -given)
        given += change
        return change

    def done(self, context: Context, state: Tensors, data: Tensors) -> Tensor:
        """Return for which students no example would change much; shape (run,)."""
        del context
        field = fields(state["student"], data)
        change = torch.maximum(1 - field, -state["given"])
        return change.abs().amax(1) < SETTLED
