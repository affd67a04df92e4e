"""Training on one of the tasks, as far as they have it in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from torch.nn.functional import cross_entropy

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints
from scalefit.trainers.deep.cost import EFFICIENCY, LAUNCHES
from scalefit.trainers.deep.inits import weights
from scalefit.trainers.deep.network import Network, labels_of
from scalefit.trainers.deep.variables import DEFAULT, SPECTRA
from scalefit.trainers.protocol import Context, Cost, Facts, Run, Variable

from .models import draw, plan_of
from .settings import INDUCTION
from .variables import names_of_heads, names_of_tasks

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.deep.layout import Plan
    from scalefit.trainers.protocol import Tensors

    from .settings import Sequence


class Task(Network):
    """Training of a network on one of the tasks."""

    variables: ClassVar[Mapping[str, Variable]]

    def plan(self, settings: Sequence) -> Plan:
        """Return what the network of these settings consists of."""
        return plan_of(settings)

    def weights(self, run: Run, plan: Plan) -> Tensor:
        """Return the initial parameters of a run, shape (parameter,), on the host."""
        return weights(run, run.settings, plan, draw)

    def shape(self, settings: Sequence) -> tuple[Any, ...]:
        """Return all settings but those that are one number for each run."""
        free = ("learning_rate", "init_scale", "alpha")
        return tuple(value for name, value in settings.used().items() if name not in free)

    def facts(self, settings: Sequence) -> Facts:
        """Return log-spaced steps, the start included."""
        labels = labels_of(settings, plan_of(settings))
        if tasks := names_of_tasks(settings):
            labels["task"] = tasks
        if settings.protocol == INDUCTION:
            labels["head"] = names_of_heads(settings)
        return Facts(
            {**self.variables, **(SPECTRA if settings.spectra else {})},
            checkpoints(settings.steps, settings.points, start=True),
            dtype="float32",
            block=self.block,
            labels=labels,
            gradients=True,
        )

    def along(self, settings: Sequence) -> Mapping[str, Array]:
        """Return steps and examples."""
        step = np.array(checkpoints(settings.steps, settings.points, start=True), dtype=float)
        return {"step": step, "examples": step * settings.rows}

    def numbers(self, settings: Sequence) -> float:
        """Return how many numbers an example is, for the memory that a block takes."""
        raise NotImplementedError

    def cost(self, settings: Sequence) -> Cost:
        """Return what a run costs, evaluations left aside."""
        parameters, rows = plan_of(settings).count, settings.rows
        outputs = settings.tokens if settings.protocol == INDUCTION else 1
        each = 6.0 * parameters * rows * outputs / EFFICIENCY + LAUNCHES
        block = 8.0 * min(self.block, settings.steps) * rows * self.numbers(settings)
        return Cost(settings.steps * each, memory=20.0 * parameters + 4 * block)

    def steps_of(self, settings: Sequence, block: int) -> int:
        """Return how many steps of a run lie in a block."""
        return min(self.block, settings.steps - block * self.block)

    def outcome(self, context: Context, state: Tensors, data: Tensors) -> Mapping[str, Any]:
        """Return the size, and which norm is the one without further name."""
        count = len(state["weights"])
        size = plan_of(context.settings).count
        return {"parameters": np.full(count, size), "norm_name": np.full(count, DEFAULT)}


def told(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy in double precision, and the share of mistakes, shape ()."""
    wrong = (logits.argmax(1) != labels).double().mean()
    return cross_entropy(logits.double(), labels), wrong
