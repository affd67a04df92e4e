"""Accelerated proximal gradient on the convex problem that a network's minimum is that of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .training import Trained

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.protocol import Tensors


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
        slots = data["slots"]
        alone = data | {"slots": torch.arange(len(slots), device=slots.device)[:, None]}
        trial = data["pull"][slots[:, 0]]  # all runs of an instance have one curvature
        for _ in range(60):
            trial = trial / trial.norm(dim=1, keepdim=True).clamp(min=1e-300)
            trial = self.model.apply(alone, trial[:, None])[:, 0]
        curvature = 1.03 * trial.norm(dim=1, keepdim=True)
        data["curvature"] = theta[:, :1].clone()
        data["curvature"][slots.flatten()] = curvature.repeat_interleave(slots.shape[1], dim=0)
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
