"""One-pass SGD of random features: every example is drawn when it is needed, and seen once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from scalefit.arrays import Array
from scalefit.trainers.protocol import Context, Cost, Facts, Run, Simulation

from . import draws, grids
from .draws import settings_of
from .moments import DTYPE, arc_cosine, spectrum
from .settings import RandomFeatures
from .variables import ONE_PASS

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

BLOCK = 64
"""Steps whose examples are drawn together."""
IN_CACHE = 2**18
"""Numbers of a step of all runs, so many that they stay in a CPU core's cache."""


class SGD(Simulation):
    """SGD on half the squared error of a batch of fresh examples, from zero."""

    source: ClassVar[str] = "random features, one-pass SGD"

    def shape(self, settings: RandomFeatures) -> tuple[Any, ...]:
        """Return what makes shapes and checkpoints equal."""
        sizes = settings.size, settings.n_params, settings.batch
        return *sizes, settings.features, settings.steps, settings.points

    def facts(self, settings: RandomFeatures) -> Facts:
        """Return log-spaced steps, the start included."""
        return Facts(ONE_PASS, grids.steps_of(settings), block=BLOCK)

    def along(self, settings: RandomFeatures) -> Mapping[str, Array]:
        """Return step, examples and time."""
        return grids.along(settings)

    def cost(self, settings: RandomFeatures) -> Cost:
        """Return the cost of drawing, projecting and two products."""
        S, P, B = settings.size, settings.n_params, settings.batch
        example = 20.0 * S + 2.0 * S * P + 8.0 * (P or S) + 2e3
        entries = 2 * BLOCK * B * S + S * P + 2 * P * P + 8 * S
        return Cost(
            settings.steps * B * example, memory=8.0 * entries, width=max(IN_CACHE // (B * S), 1)
        )

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return spectra, targets and features, and parameters of zero."""
        device, first = context.device, context.settings
        data: dict[str, list[Tensor]] = {
            name: [] for name in ("scale", "target", "rate", "noise", "fields", "seen", "K")
        }
        for run in runs:
            one = settings_of(run)
            scale, amplitude = spectrum(one, device)
            target = amplitude * torch.tensor(draws.signs(run, one.size), device=device)
            rates = torch.tensor(
                [one.learning_rate / one.batch, math.sqrt(one.noise)], dtype=DTYPE, device=device
            )
            data["scale"].append(scale)
            data["target"].append(target)
            data["rate"].append(rates[:1])
            data["noise"].append(rates[1:])
            if one.n_params:
                parts = [
                    draws.normals(run, "features", one.n_params, part)
                    for part in draws.blocks(one.size)
                ]
                drawn = torch.cat([torch.tensor(part, device=device) for part in parts], dim=1)
                fields = drawn * scale / math.sqrt(one.n_params)
                data["fields"].append(fields.T)
                K, seen = fields @ fields.T, fields @ target
                relu = one.features == "relu"
                data["K"].append(arc_cosine(K) if relu else K)
                data["seen"].append(seen / 2 if relu else seen)
        width = first.n_params or first.size
        zero = torch.zeros(len(runs), width, dtype=DTYPE, device=device)
        return {name: torch.stack(one) for name, one in data.items() if one}, {"theta": zero}

    def feed(self, context: Context, runs: Sequence[Run], block: int) -> Tensors:
        """Return inputs (run, step, example, mode) and label noise (run, step, example)."""
        first = context.settings
        size = (BLOCK, first.batch, first.size)
        inputs, noise = [], []
        for run in runs:
            stream = run.stream("examples", first.batch, first.size, block)
            inputs.append(torch.from_numpy(stream.standard_normal(size)))
            noise.append(torch.from_numpy(stream.standard_normal(size[:2])))
        made = {"inputs": torch.stack(inputs), "noise": torch.stack(noise)}
        return {name: one.to(context.device) for name, one in made.items()}

    def step(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, k: Tensor
    ) -> Tensors:
        """Return the parameters after a step."""
        del k
        theta, inputs = state["theta"], fresh["inputs"]
        if "fields" in data:
            seen = torch.bmm(inputs, data["fields"])
            seen = seen.clamp(min=0) if context.settings.features == "relu" else seen
        else:
            seen = inputs * data["scale"][:, None]
        labels = (
            torch.bmm(inputs, data["target"][..., None])[..., 0] + data["noise"] * fresh["noise"]
        )
        error = torch.bmm(seen, theta[..., None])[..., 0] - labels
        pull = torch.bmm(error[:, None], seen)[:, 0]
        return {"theta": theta - data["rate"] * pull}

    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return the exact test loss."""
        del context
        theta, target = state["theta"], data["target"]
        if "fields" not in data:
            return {"test_loss": (data["scale"] * theta - target).square().sum(1)}
        fitted = torch.bmm(data["K"], theta[..., None])[..., 0] - 2 * data["seen"]
        return {"test_loss": target.square().sum(1) + (theta * fitted).sum(1)}
