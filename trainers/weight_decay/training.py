"""Training of networks under weight decay: L-BFGS, gradient descent, Adam, and convex references.

All of them work on full batches. A run has arrived where its duality gap is within the tolerance:
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
LENGTHS = 2.0 ** torch.arange(-12, 7, dtype=DTYPE)
"""Lengths of a step that are tried before the best is refined."""


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
            COMMON | self.model.variables,
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
        return Cost(each * settings.steps, memory + 8.0 * (2 * MEMORY + 12) * size, width=32)

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return the data and the state before the first step."""
        data = self.model.draw(context, runs)
        rates = [self.model.rate(one.settings) * one.settings.learning_rate for one in runs]
        for name, values in {
            "tolerance": [one.settings.tolerance for one in runs],
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
        rates = [one.settings.learning_rate for one in runs]
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


class Lbfgs(GradientDescent):
    """L-BFGS whose steps have the best length: along a line the objective is a quartic.

    Two products with the data give the quartic, and the gradient at its minimum with it.

    Source
    ------
    Nocedal (1980), Mathematics of Computation 35, 773: the two-loop recursion.
    """

    word = "L-BFGS"

    def begin(self, start: Tensor, data: Tensors) -> Tensors:
        """Return the parameters and an empty memory."""
        del data
        none = start.new_zeros(len(start), MEMORY, start.shape[1])
        return {"parameters": start, "moved": none, "changed": none.clone(),
                "inverse": start.new_zeros(len(start), MEMORY)}  # fmt: skip

    def steps(self, state: Tensors, data: Tensors, steps: range, moving: Tensor) -> Tensors:
        """Return the parameters and the memory after some steps."""
        p = state["parameters"]
        memory = {name: state[name].clone() for name in ("moved", "changed", "inverse")}
        theta = self.model.mixed(data, p, p)
        slope = self.force(data, theta)
        gradient = self.model.back(data, p, slope) + data["decay"] * p
        for k in steps:
            way = -_inverse_hessian(gradient, memory, k)
            uphill = (way * gradient).sum(1, keepdim=True) >= 0.0
            way = torch.where(uphill, -gradient, way)
            first, second = 2 * self.model.mixed(data, p, way), self.model.mixed(data, way, way)
            both = self.model.apply(data, torch.stack([first, second], dim=1))
            length = moving * _best_length(
                _quartic(first, second, both, slope, p, way, data["decay"])
            )
            p = p + length * way
            slope = slope + length * both[:, 0] + length**2 * both[:, 1]
            after = self.model.back(data, p, slope) + data["decay"] * p
            step, change = length * way, after - gradient
            curvature = (step * change).sum(1)
            good = curvature > 1e-14 * step.norm(dim=1) * change.norm(dim=1)
            place = k % MEMORY
            memory["moved"][:, place] = step
            memory["changed"][:, place] = change
            memory["inverse"][:, place] = torch.where(good, 1 / curvature, 0.0)
            gradient = after
        return {"parameters": p, **memory}


def _inverse_hessian(gradient: Tensor, memory: Tensors, k: int) -> Tensor:
    """Return the estimate of the inverse Hessian times the gradient before step k."""
    q = gradient
    places = [(k - 1 - back) % MEMORY for back in range(min(k, MEMORY))]
    shares = {}
    for place in places:
        moved, changed = memory["moved"][:, place], memory["changed"][:, place]
        shares[place] = memory["inverse"][:, place, None] * (moved * q).sum(1, keepdim=True)
        q = q - shares[place] * changed
    if not places:
        return q / gradient.norm(dim=1, keepdim=True).clamp(min=1e-300)
    last = places[0]
    size = (memory["changed"][:, last] ** 2).sum(1, keepdim=True)
    inverse = memory["inverse"][:, last, None]
    usable = (inverse > 0.0) & (size > 0.0)
    q = q * torch.where(usable, 1 / (inverse * size), 1.0)
    for place in reversed(places):
        moved, changed = memory["moved"][:, place], memory["changed"][:, place]
        other = memory["inverse"][:, place, None] * (changed * q).sum(1, keepdim=True)
        q = q + (shares[place] - other) * moved
    return q


def _quartic(
    first: Tensor,
    second: Tensor,
    both: Tensor,
    slope: Tensor,
    p: Tensor,
    way: Tensor,
    decay: Tensor,
) -> Tensor:
    """Return the coefficients of length to length^4 of the objective along a line, (run, 4)."""
    mu = decay[:, 0]
    return torch.stack(
        [
            (slope * first).sum(1) + mu * (p * way).sum(1),
            (slope * second).sum(1) + (first * both[:, 0]).sum(1) / 2 + mu * (way**2).sum(1) / 2,
            (first * both[:, 1]).sum(1),
            (second * both[:, 1]).sum(1) / 2,
        ],
        dim=1,
    )


def _best_length(c: Tensor) -> Tensor:
    """Return the length of the least value of quartics, shape (run, 1)."""
    one, two, three, four = (c[:, at, None] for at in range(4))

    def value(t: Tensor) -> Tensor:
        return t * (one + t * (two + t * (three + t * four)))

    tried = LENGTHS.to(c)[None].expand(len(c), -1)
    at = value(tried).argmin(1, keepdim=True)
    t = tried.gather(1, at)
    for _ in range(6):
        slope = one + t * (2 * two + t * (3 * three + t * 4 * four))
        bend = 2 * two + t * (6 * three + t * 12 * four)
        moved = t - slope / bend
        better = (bend > 0.0) & (moved > 0.0) & (value(moved) <= value(t))
        t = torch.where(better, moved, t)
    return torch.where(value(t) < 0.0, t, 0.0)


class Proximal(Trained):
    """The convex problem by accelerated proximal gradient, restarted where it turns uphill.

    Source
    ------
    Beck and Teboulle (2009), SIAM Journal on Imaging Sciences 2, 183; O'Donoghue and Candes (2015),
    Foundations of Computational Mathematics 15, 715: the restart.
    """

    word = "convex reference by accelerated proximal gradient"

    def begin(self, start: Tensor, data: Tensors) -> Tensors:
        """Return zero weights, and the largest curvature, by power iteration."""
        theta = data["pull"] * 0.0
        trial = data["pull"]
        for _ in range(60):
            trial = trial / trial.norm(dim=1, keepdim=True).clamp(min=1e-300)
            trial = self.model.apply(data, trial[:, None])[:, 0]
        data["curvature"] = 1.03 * trial.norm(dim=1, keepdim=True)
        del start
        return {"weights": theta, "ahead": theta.clone(), "momentum": theta[:, :1] + 1.0}

    def theta(self, state: Tensors, data: Tensors) -> Tensor:
        """Return the weights themselves."""
        del data
        return state["weights"]

    def price(self, state: Tensors, data: Tensors) -> Tensor:
        """Return the price of the convex norm, shape (run,)."""
        return self.model.share * data["decay"][:, 0] * self.model.norm(state["weights"])

    def steps(self, state: Tensors, data: Tensors, steps: range, moving: Tensor) -> Tensors:
        """Return the weights after some steps."""
        weights, ahead, t = state["weights"], state["ahead"], state["momentum"]
        cut = self.model.share * data["decay"] / data["curvature"]
        for _ in steps:
            down = ahead - self.force(data, ahead) / data["curvature"]
            found = self.model.proximal(data, down, cut)
            uphill = ((ahead - found) * (found - weights)).sum(1, keepdim=True) > 0.0
            after = torch.where(uphill, 1.0, (1 + (1 + 4 * t**2).sqrt()) / 2)
            push = torch.where(uphill, 0.0, (t - 1) / after)
            ahead = torch.where(moving, found + push * (found - weights), ahead)
            weights, t = torch.where(moving, found, weights), after
        return {"weights": weights, "ahead": ahead, "momentum": t}
