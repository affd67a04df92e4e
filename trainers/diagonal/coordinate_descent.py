"""Coordinate descent on the convex problem of the diagonal network, all runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scalefit.trainers.weight_decay.proximal import Proximal

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.protocol import Tensors


class CoordinateDescent(Proximal):
    """Sweeps over the coordinates, each set to its minimum; a step is a sweep.

    Source
    ------
    Friedman, Hastie and Tibshirani (2010), Journal of Statistical Software 33, 1.
    """

    word = "convex reference by coordinate descent"

    def begin(self, start: Tensor, data: Tensors) -> Tensors:
        """Return zero weights."""
        del start
        return {"weights": data["pull"] * 0.0}

    def steps(self, state: Tensors, data: Tensors, steps: range, moving: Tensor) -> Tensors:
        """Return the weights after some sweeps."""
        weights = state["weights"].clone()
        owner = torch.empty(len(weights), dtype=torch.int64, device=weights.device)
        slots = data["slots"]
        owner[slots.flatten()] = torch.arange(len(slots), device=owner.device).repeat_interleave(
            slots.shape[1]
        )
        columns = data["gram"].unbind(1)
        own = data["gram"].diagonal(dim1=1, dim2=2)[owner]
        cut = self.model.share * data["decay"] / own
        slope = self.force(data, weights)
        for _ in steps:
            for j in range(weights.shape[1]):
                old = weights[:, j, None]
                here = slice(j, j + 1)
                down = old - slope[:, here] / own[:, here]
                new = self.model.proximal(data, down, cut[:, here])
                change = torch.where(moving, new - old, 0.0)
                slope = slope + change * columns[j][owner]
                weights[:, here] = old + change
        return {"weights": weights}
