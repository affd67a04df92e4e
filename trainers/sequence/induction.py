"""Induction heads: random tokens that repeat, and a transformer that learns to look back.

An example is a block of random tokens, of a random length from a quarter to a half of it, over and
over. What comes after the first token of the second block can be known: it is what came one block
earlier (`repeated`). The tokens of the first block cannot (`first`), so that their loss is at least
the logarithm of the vocabulary. `data` holds new examples of each run, `test`, with their `period`.

Source
------
Olsson et al. (2022), arXiv:2209.11895: heads that look for the last occurrence of a token and copy
what came after it, found by their score of prefix matching on repeated random tokens.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from scalefit.trainers.deep.network import stacked
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.random import Streams

from .task import Task
from .variables import INDUCTION_VARIABLES

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

    from .settings import Sequence


class Induction(Task):
    """Prediction of the next token where tokens repeat."""

    source: ClassVar[str] = "repeated random tokens, transformer of attention, every example once"
    variables = INDUCTION_VARIABLES

    def numbers(self, settings: Sequence) -> float:
        """Return the tokens of an example."""
        return settings.tokens

    def init(self, context: Context, runs: Many[Run]) -> tuple[Tensors, Tensors]:
        """Return new examples and the initial weights."""
        settings = context.settings
        test, period = _drawn(context, runs, "test ", settings.eval_test, 0)
        common, state = self.started(context, runs)
        return {"test": test, "period": period, **common}, state

    def feed(self, context: Context, runs: Many[Run], block: int) -> Tensors:
        """Return the tokens of a block of steps."""
        settings = context.settings
        steps = self.steps_of(settings, block)
        tokens, _ = _drawn(context, runs, "", steps * settings.rows, block)
        return {"tokens": tokens.view(len(runs), steps, settings.rows, settings.tokens)}

    def loss(
        self, context: Context, model: nn.Module, data: Tensors, fresh: Tensors, run: int
    ) -> Tensor:
        """Return the cross-entropy of a run's network on all tokens of a step but the first."""
        tokens = fresh["tokens"][run]
        logits, _ = model(tokens[:, :-1])
        return cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())

    @torch.no_grad()
    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return losses and errors of both kinds of tokens, scores of heads, and norms."""
        models = self.bound(context, state, train=False)
        rows = [
            _tested(model, data["test"][at], data["period"][at]) for at, model in enumerate(models)
        ]
        return stacked(rows) | self.norms(context, state, data)


def _drawn(
    context: Context, runs: Many[Run], role: str, count: int, block: int
) -> tuple[Tensor, Tensor]:
    """Return so many examples, shape (run, example, token), and their periods."""
    settings, device = context.settings, context.device
    shortest, longest = settings.tokens // 4, settings.tokens // 2
    free = Streams(runs, f"{role}tokens", device)
    one = free.integers(count * longest, settings.vocabulary, block=block)
    periods = Streams(runs, f"{role}period", device)
    period = shortest + periods.integers(count, longest - shortest + 1, block=block)
    place = torch.arange(settings.tokens, device=device) % period[..., None]
    return one.view(len(runs), count, longest).gather(2, place), period


def _tested(model: nn.Module, tokens: Tensor, period: Tensor) -> Tensors:
    """Return losses, errors and scores of a run's network on new examples."""
    logits, seen = model(tokens[:, :-1])
    labels = tokens[:, 1:]
    loss = cross_entropy(logits.double().transpose(1, 2), labels, reduction="none")
    wrong = (logits.argmax(2) != labels).double()
    place = torch.arange(labels.shape[1], device=tokens.device)
    # a token is seen a period later, and the next one is then known; that of the period itself,
    # which may or may not be the first to come again, counts as neither
    both = torch.stack([place >= period[:, None], place < period[:, None] - 1]).double()
    share = both / both.sum((1, 2), keepdim=True)
    after = (place - period[:, None] + 1).clamp(min=0)
    where = after[:, None, None, :, None].expand(*seen.shape[:4], 1)
    matched = seen.gather(4, where)[..., 0].double()
    before = seen.diagonal(-1, 3, 4).double()
    return {
        "loss": loss.mean(),
        "error": wrong.mean(),
        "loss_task": (share * loss).sum((1, 2)),
        "error_task": (share * wrong).sum((1, 2)),
        "prefix_matching": (matched * share[0][:, None, None]).sum((0, 3)).flatten(),
        "previous_token": before.mean((0, 3)).flatten(),
    }
