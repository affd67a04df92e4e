"""Training of networks under weight decay, and the gap that says whether it has arrived.

All optimisers take full batches. A run has arrived where its duality gap is within the tolerance:
it is then frozen, and what it holds is the minimum, not just a stationary point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints
from scalefit.trainers.protocol import Context, Cost, Facts, Run, Simulation, Variable

from .model import DTYPE, Model

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.protocol import Tensors

COMMON = {
    "step": Variable("step of the optimiser; 0 is the start"),
    "objective": Variable("half the sum of squared residuals, plus the penalty"),
    "gap": Variable("bound on how far the objective is above its minimum, over the objective"),
}
"""What is recorded of every network, besides its own."""
MEMORY = 12
"""Pairs of steps and changes of gradient that L-BFGS keeps."""
CACHE = 2**23
"""Bytes of parameters and memory of the runs side by side on a core, about, if they are small."""


class Trained(Simulation):
    """A network under weight decay; subclasses say how a step goes."""

    word: ClassVar[str]

    def __init__(self, model: Model) -> None:
        self.model = model
        self.source = f"{model.words}, {self.word}"  # type: ignore[misc]

    def shape(self, settings: Any) -> tuple[Any, ...]:
        """Return what makes shapes and checkpoints equal."""
        return (*self.model.shape(settings), settings.steps, settings.points)

    def facts(self, settings: Any) -> Facts:
        """Return what is recorded, and when."""
        return Facts(
            {**COMMON, **self.model.variables(settings)},
            checkpoints(settings.steps, settings.points, start=True),
            labels=self.model.labels(settings),
            early=True,
        )

    def along(self, settings: Any) -> Mapping[str, Array]:
        """Return the step."""
        return {"step": np.array(self.facts(settings).checkpoints, dtype=float)}

    def cost(self, settings: Any) -> Cost:
        """Return the cost of two products a step; instances are shared by what is beside them."""
        operations, memory = self.model.product(settings)
        size = self.model.size(settings)
        each = 2 * operations + 40.0 * MEMORY * size + 1e5
        state = 8.0 * (2 * MEMORY + 12) * size
        width = min(max(int(CACHE / state), 16), 128)
        return Cost(each * settings.steps, memory + state, width=width)

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return the data and the state before the first step."""
        data = self.model.draw(context, runs)
        settings: list[Any] = [one.settings for one in runs]
        rates = [self.model.rate(one) * one.learning_rate for one in settings]
        for name, values in {
            "tolerance": [one.tolerance for one in settings],
            "rate": rates,
        }.items():
            data[name] = torch.tensor(values, dtype=DTYPE, device=context.device)[:, None]
        return data, self.begin(self.model.start(context, runs), data)

    def begin(self, start: Tensor, data: Tensors) -> Tensors:
        """Return the state before the first step, given the network's parameters."""
        raise NotImplementedError

    def theta(self, state: Tensors, data: Tensors) -> Tensor:
        """Return the effective weights."""
        return self.model.mixed(data, state["parameters"], state["parameters"])

    def price(self, state: Tensors, data: Tensors) -> Tensor:
        """Return the penalty, shape (run,)."""
        return data["decay"][:, 0] / 2 * (state["parameters"] ** 2).sum(1)

    def force(self, data: Tensors, theta: Tensor) -> Tensor:
        """Return the gradient of half the sum of squares by the effective weights."""
        return self.model.apply(data, theta[:, None])[:, 0] - data["pull"]

    def gap(self, state: Tensors, data: Tensors) -> tuple[Tensor, Tensor]:
        """Return the objective and the duality gap over it, each of shape (run,).

        Any u with `dual(A^T u) <= share mu` bounds the minimum of the convex problem, and with it
        that of the network, from below by `u.y - |u|^2 / 2`; u is the best multiple of the
        residual.

        Source
        ------
        Kim, Koh, Lustig, Boyd and Gorinevsky (2007), IEEE Journal of Selected Topics in Signal
        Processing 1, 606, for the l1 norm; the nuclear norm goes likewise.
        """
        theta = self.theta(state, data)
        slope = self.force(data, theta)
        moved = (theta * data["pull"]).sum(1)
        along = data["square"][:, 0] - moved
        squared = (along + (theta * slope).sum(1)).clamp(min=0.0)
        limit = self.model.share * data["decay"][:, 0]
        most = limit / self.model.dual(data, -slope).clamp(min=1e-300)
        scale = torch.minimum(along / squared.clamp(min=1e-300), most).clamp(min=0.0)
        objective = squared / 2 + self.price(state, data)
        bound = scale * along - scale**2 * squared / 2
        return objective, (objective - bound) / objective

    def done(self, context: Context, state: Tensors, data: Tensors) -> Tensor:
        """Return which runs are at the minimum, up to their tolerance."""
        del context
        return self.gap(state, data)[1] <= data["tolerance"][:, 0]

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the state after some steps; runs that have arrived stay."""
        del fresh
        moving = (~self.done(context, state, data))[:, None]
        return self.steps(state, data, steps, moving)

    def steps(self, state: Tensors, data: Tensors, steps: range, moving: Tensor) -> Tensors:
        """Return the state after some steps.

        Parameters
        ----------
        moving : shape (run, 1)
            False where a run has arrived.
        """
        raise NotImplementedError

    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return what the network is worth now."""
        objective, gap = self.gap(state, data)
        theta = self.theta(state, data)
        found = {"objective": objective, "gap": gap, "train_loss": self._loss(data, theta)}
        return found | self.model.measure(context, data, theta)

    def _loss(self, data: Tensors, theta: Tensor) -> Tensor:
        slope = self.force(data, theta)
        squared = data["square"][:, 0] + (theta * (slope - data["pull"])).sum(1)
        return squared.clamp(min=0.0) / data["count"][:, 0]


class GradientDescent(Trained):
    """Gradient descent with constant steps."""

    word = "gradient descent"

    def begin(self, start: Tensor, data: Tensors) -> Tensors:
        """Return the parameters."""
        del data
        return {"parameters": start}

    def steps(self, state: Tensors, data: Tensors, steps: range, moving: Tensor) -> Tensors:
        """Return the parameters after some steps."""
        p = state["parameters"]
        rate = data["rate"] * moving
        for _ in steps:
            p = p - rate * self.gradient(p, data)
        return {"parameters": p}

    def gradient(self, p: Tensor, data: Tensors) -> Tensor:
        """Return the gradient of the objective."""
        slope = self.force(data, self.model.mixed(data, p, p))
        return self.model.back(data, p, slope) + data["decay"] * p


class Adam(GradientDescent):
    """Adam with its usual constants; the rate falls to zero along a cosine.

    Source
    ------
    Kingma and Ba (2015), ICLR, algorithm 1.
    """

    word = "Adam"

    def begin(self, start: Tensor, data: Tensors) -> Tensors:
        """Return the parameters and zero averages."""
        del data
        return {"parameters": start, "mean": start * 0.0, "spread": start * 0.0}

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return the data with plain rates, for Adam's steps have the parameters' own size."""
        data, state = super().init(context, runs)
        settings: list[Any] = [one.settings for one in runs]
        rates = [one.learning_rate for one in settings]
        data["rate"] = torch.tensor(rates, dtype=DTYPE, device=context.device)[:, None]
        data["last"] = torch.tensor(float(context.settings.steps), device=context.device)
        return data, state

    def steps(self, state: Tensors, data: Tensors, steps: range, moving: Tensor) -> Tensors:
        """Return the parameters after some steps."""
        p, mean, spread = state["parameters"], state["mean"], state["spread"]
        for k in steps:
            g = self.gradient(p, data)
            mean = 0.9 * mean + 0.1 * g
            spread = 0.999 * spread + 0.001 * g**2
            rate = data["rate"] * moving * (1 + torch.cos(torch.pi * k / data["last"])) / 2
            root = (spread / (1 - 0.999 ** (k + 1))).sqrt() + 1e-12
            p = p - rate * mean / (1 - 0.9 ** (k + 1)) / root
        return {"parameters": p, "mean": mean, "spread": spread}
