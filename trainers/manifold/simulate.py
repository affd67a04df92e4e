"""Simulations of interpolation on a manifold, by protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from scalefit.trainers.protocol import Context, Cost, Facts, Run, Simulation

from .interpolation import loss
from .network import Student
from .settings import Manifold
from .theory import VARIABLES

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors


class Interpolation(Simulation):
    """A predictor made of examples as they are; nothing trains, and the host does the work."""

    source: ClassVar[str] = "interpolation on a torus"

    def shape(self, settings: Manifold) -> tuple[Any, ...]:
        """Return nothing: any runs go together."""
        del settings
        return ()

    def facts(self, settings: Manifold) -> Facts:
        """Return the one checkpoint."""
        del settings
        return Facts(VARIABLES, [0])

    def cost(self, settings: Manifold) -> Cost:
        """Return the cost of a search, or of cutting space."""
        n, d = settings.n_train, settings.dimension
        cut = 0.0 if settings.protocol == "nearest" else 2e4 * n * 2.0**d
        size = n + settings.n_test
        return Cost(1e4 * size * d + 4 * size * d * settings.waves + cut, memory=100.0 * size * d)

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return no data, and the losses."""
        losses = [loss(run) for run in runs]
        return {}, {"loss": torch.tensor(losses, dtype=torch.float64, device=context.device)}

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the same."""
        del context, data, fresh, steps
        return state

    def measure(self, context: Context, state: Tensors, data: Tensors) -> dict[str, Tensor]:
        """Return the loss."""
        del context, data
        return {"test_loss": state["loss"]}


SIMULATIONS: dict[str, Simulation] = {
    "nearest": Interpolation(),
    "linear": Interpolation(),
    "network": Student(),
}
