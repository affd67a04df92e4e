"""Stochastic gradient descent (SGD) of the committee machine, which sees each example once.

`data` holds `teacher`, shape (run, M, N), `spread`, the standard deviation of each entry of the
input over sqrt(N), shape (run, 1, N), and, under the name of the activation, the `rate` of
`several_steps`. `state` holds `student`, shape (run, K, trained directions).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints
from scalefit.trainers.protocol import Context, Cost, Facts, Run, Simulation, Variable

from . import draws
from .draws import settings_of
from .gaussian_averages import RESOLUTION, test_loss
from .settings import Committee
from .several_steps import several_steps
from .variables import VARIABLES

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

DTYPE = torch.float64
TRAINED = {
    "time": VARIABLES["time"],
    "step": Variable("step of SGD"),
    "examples": Variable("examples seen"),
    **VARIABLES,
}
TOGETHER = 16
"""Examples whose products `several_steps` takes: more of them cost more per example."""


class SGD(Simulation):
    """SGD: an example or a batch per step, drawn when it is needed; the first point is step 1."""

    source: ClassVar[str] = "committee machine, one-pass SGD"
    block: ClassVar[int] = 128

    def shape(self, settings: Committee) -> tuple[Any, ...]:
        """Return what makes shapes, checkpoints and activations equal."""
        sizes = settings.N, settings.K, settings.M, settings.batch, settings.trainable
        return *sizes, settings.activation, settings.steps, settings.points

    def facts(self, settings: Committee) -> Facts:
        """Return log-spaced steps."""
        return Facts(TRAINED, checkpoints(settings.steps, settings.points), block=self.block)

    def along(self, settings: Committee) -> Mapping[str, Array]:
        """Return time, step and examples."""
        step = np.array(self.facts(settings).checkpoints, dtype=float)
        examples = settings.batch * step
        return {"time": examples / settings.N, "step": step, "examples": examples}

    def cost(self, settings: Committee) -> Cost:
        """Return the cost of one run; the numbers drawn cost as much as all the rest.

        So many go side by side as keep the inputs in work, 1 MB of them, near a CPU core.
        """
        example = 3e3 + 300 * settings.K + settings.N * (18 + settings.K + settings.M)
        together = max(TOGETHER, settings.batch)
        rows = self.block * settings.batch / 2 + 2 * together
        units = settings.K + settings.M
        return Cost(
            operations=example * settings.batch * settings.steps,
            memory=(rows + 4 * units) * settings.N * DTYPE.itemsize,
            width=max(2**17 // (together * settings.N), 1),
        )

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return teachers, spectra and rates, and the first weights."""
        device = context.device
        all_settings = [settings_of(run) for run in runs]
        rates = [one.learning_rate * one.M / one.K**2 for one in all_settings]
        data = {
            "teacher": stacked([draws.teacher(run) for run in runs], device),
            "spread": torch.stack(
                [draws.spread(one.N, one.L, one.beta)[None] for one in all_settings]
            ).to(device),
            all_settings[0].activation: stacked([np.full((1, 1), one) for one in rates], device),
        }
        return data, {"student": stacked([draws.student(run) for run in runs], device)}

    def feed(self, context: Context, runs: Sequence[Run], block: int) -> Tensors:
        """Return inputs over sqrt(N), shape (run, step, example, N)."""
        settings, device = context.settings, context.device
        size = (self.block, settings.batch, settings.N)
        inputs = torch.empty(len(runs), *size, dtype=torch.float32, device=device)
        for run, out in zip(runs, inputs, strict=True):
            one = settings_of(run)
            draws.normals(draws.stream(run, "inputs", settings.batch, block), out)
            out *= draws.spread(one.N, one.L, one.beta).to(out)
        return {"inputs": inputs}

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the weights after some steps."""
        del context, steps
        student, activation = state["student"], activation_of(data)
        inputs = fresh["inputs"]
        for part in torch.split(inputs, max(TOGETHER // inputs.shape[2], 1), dim=1):
            part = part.to(DTYPE)
            student = several_steps(student, data["teacher"], part, data[activation], activation)
        return {"student": student}

    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return the overlaps and the loss that they make."""
        del context
        both = state["student"], data["teacher"]
        axes = max(one.shape[-1] for one in both)
        student, teacher = (pad(one, (0, axes - one.shape[-1])) * data["spread"] for one in both)
        Q, R = student @ student.mT, student @ teacher.mT
        if activation_of(data) == "erf":
            loss = test_loss(Q, R, teacher @ teacher.mT, "erf").clamp(min=RESOLUTION)
        else:  # the same without a difference of overlaps, which loses small losses
            K, M = R.shape[1:]
            gap = teacher.sum(1) / math.sqrt(M) - student.sum(1) * (math.sqrt(M) / K)
            loss = gap.square().sum(-1) / 2
        return {"test_loss": loss, "Q": Q, "R": R}


def activation_of(data: Tensors) -> str:
    """Return the activation of a call's runs."""
    return "erf" if "erf" in data else "linear"


def stacked(arrays: Sequence[Array], device: torch.device) -> Tensor:
    """Return one array per run as a tensor."""
    return torch.tensor(np.stack(arrays), dtype=torch.float64, device=device)
