"""Modular addition: pairs to train on and pairs that are left out, which are understood much later.

A pair is 2 p inputs, one of the first p and one of the last p being 1. `data` holds all pairs,
`pairs`, and their `sums` without a run axis; and for each run `order`, all pairs in its own order,
of which the first are those to train on.

Source
------
Power et al. (2022), arXiv:2201.02177: grokking; by full batches, with weight decay.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from scalefit.trainers.deep.batches import order
from scalefit.trainers.deep.network import stacked
from scalefit.trainers.protocol import Context, Run

from .task import Task, told
from .variables import ADDITION_VARIABLES

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

    from .settings import Sequence


class ModularAddition(Task):
    """Sums of two numbers modulo a third, learned from a share of all pairs."""

    source: ClassVar[str] = "modular addition, MLP, a share of all pairs"
    variables = ADDITION_VARIABLES

    def numbers(self, settings: Sequence) -> float:
        """Return 1 where a step sees some pairs only, by their number."""
        return float(settings.rows < settings.n_train)

    def init(self, context: Context, runs: Many[Run]) -> tuple[Tensors, Tensors]:
        """Return the pairs and the initial weights."""
        p, device = context.settings.modulus, context.device
        numbers = torch.arange(p * p, device=device)
        first, second = numbers // p, numbers % p
        names = torch.arange(p, device=device)
        shown = [(one[:, None] == names).float() for one in (first, second)]
        mixed = np.stack([run.stream("pairs").permutation(p * p) for run in runs])
        common, state = self.started(context, runs)
        data: Tensors = {
            "pairs": torch.cat(shown, dim=1),
            "sums": (first + second) % p,
            "order": torch.from_numpy(mixed).to(device),
        }
        return data | common, state

    def feed(self, context: Context, runs: Many[Run], block: int) -> Tensors:
        """Return which training pairs each step of a block sees; nothing where it sees all."""
        settings = context.settings
        if settings.rows == settings.n_train:
            return {}
        size = self.steps_of(settings, block) * settings.rows
        chosen = [order(run, block * self.block * settings.rows, size) for run in runs]
        places = torch.from_numpy(np.stack(chosen)).view(len(runs), -1, settings.rows)
        return {"places": places.to(context.device)}

    def loss(
        self, context: Context, model: nn.Module, data: Tensors, fresh: Tensors, run: int
    ) -> Tensor:
        """Return the cross-entropy of a run's network on the pairs of a step."""
        chosen = data["order"][run][: context.settings.n_train]
        if fresh:
            chosen = chosen[fresh["places"][run]]
        return cross_entropy(model(data["pairs"][chosen]), data["sums"][chosen])

    @torch.no_grad()
    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return losses and errors on both parts of the pairs, and norms."""
        rows, size = [], context.settings.n_train
        for run, model in enumerate(self.bound(context, state, train=False)):
            chosen = data["order"][run]
            logits, sums = model(data["pairs"][chosen]), data["sums"][chosen]
            loss, error = told(logits[size:], sums[size:])
            train_loss, train_error = told(logits[:size], sums[:size])
            row = {"loss": loss, "error": error}
            rows.append({**row, "train_loss": train_loss, "train_error": train_error})
        return stacked(rows) | self.norms(context, state, data)
