"""L-BFGS for networks whose effective weights are quadratic in their parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch

from .model import DTYPE
from .training import MEMORY, GradientDescent

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.protocol import Tensors

LENGTHS = 2.0 ** torch.arange(-12, 7, dtype=DTYPE)
"""Lengths of a step that are tried before the best is refined."""
FAR = 1e6
"""Length of a direction that rounding has spoilt."""
REFRESHED = 8
"""Steps that go by one estimate of the Hessian by the model."""


class Lbfgs(GradientDescent):
    """L-BFGS whose steps have the best length: along a line the objective is a quartic.

    Two products with the data give the quartic, and the gradient at its minimum with it. The
    recursion begins with the model's inverse Hessian for data without correlations, of which the
    steps learn what the sample adds. Without it, weights near the threshold take thousands.

    Source
    ------
    Nocedal (1980), Mathematics of Computation 35, 773: the two-loop recursion. Its first matrix
    may be another in every step: Nocedal and Wright (2006), Numerical Optimization, section 7.2.
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
        metric = self.model.metric(data, p, slope)
        for k in steps:
            if k > steps.start and (k - steps.start) % REFRESHED == 0:
                metric = self.model.metric(data, p, slope)
            way = -_inverse_hessian(gradient, memory, k, partial(self.model.scaled, metric))
            along = (way * gradient).sum(1, keepdim=True)
            sound = (along < 0.0) & (way.norm(dim=1, keepdim=True) < FAR)
            down = -gradient / gradient.norm(dim=1, keepdim=True).clamp(min=1e-300)
            way = torch.where(sound, way, down)
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
            memory["inverse"] *= length > 0.0  # a memory that leads nowhere is dropped
            gradient = after
        return {"parameters": p, **memory}


def _inverse_hessian(
    gradient: Tensor, memory: Tensors, k: int, first: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the estimate of the inverse Hessian times the gradient before step k."""
    q = gradient
    places = [(k - 1 - back) % MEMORY for back in range(min(k, MEMORY))]
    shares = {}
    for place in places:
        moved, changed = memory["moved"][:, place], memory["changed"][:, place]
        shares[place] = memory["inverse"][:, place, None] * (moved * q).sum(1, keepdim=True)
        q = q - shares[place] * changed
    q = first(q)
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
