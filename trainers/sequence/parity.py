"""Multitask sparse parity: subtasks of falling frequency, each the parity of a few bits.

An example is one of K inputs that names its subtask, and n bits; it is drawn when it is needed, so
that no example comes twice. `data` holds, for each run, `members`, the bits whose parity a subtask
asks for, shape (run, task, subset), and `test`, bits of new examples, shared by all subtasks.

Source
------
Michaud, Liu, Girit and Tegmark (2023), arXiv:2303.13506, section 3, after the sparse parity of
Barak et al. (2022), arXiv:2207.08799. Here no two subtasks ask for the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from scalefit.arrays import Array
from scalefit.trainers.deep.network import stacked
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.random import Streams

from .task import Task
from .theory import frequencies
from .variables import PARITY_VARIABLES

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

    from .settings import Sequence

WORD = 32
"""Bits of a random number."""
CHUNK = 8192
"""Examples that are looked at together in an evaluation."""


class Parity(Task):
    """Parities of a few bits, told which."""

    source: ClassVar[str] = "multitask sparse parity, MLP, every example once"
    variables = PARITY_VARIABLES

    def along(self, settings: Sequence) -> Mapping[str, Array]:
        """Return steps and examples, of every subtask as well."""
        found = super().along(settings)
        share = frequencies(settings.tasks, settings.alpha)
        return {**found, "examples_task": np.outer(found["examples"], share)}

    def numbers(self, settings: Sequence) -> float:
        """Return words of bits, and the subtask."""
        return _words(settings.bits) + 1.0

    def init(self, context: Context, runs: Many[Run]) -> tuple[Tensors, Tensors]:
        """Return subtasks, new examples and the initial weights."""
        settings, device = context.settings, context.device
        each: list[Any] = [run.settings for run in runs]
        share = [frequencies(one.tasks, one.alpha) for one in each]
        test = Streams(runs, "test", device).bits(settings.eval_test * _words(settings.bits))
        data: Tensors = {
            "members": torch.from_numpy(np.stack([subsets(run) for run in runs])),
            "share": torch.from_numpy(np.stack(share)),
            "test": _unpacked(test.view(len(runs), settings.eval_test, -1), settings.bits),
        }
        data = {name: one.to(device) for name, one in data.items()}
        common, state = self.started(context, runs)
        return data | common, state

    def feed(self, context: Context, runs: Many[Run], block: int) -> Tensors:
        """Return the subtask of every example of a block, and its bits in words of 32."""
        settings, device = context.settings, context.device
        steps = self.steps_of(settings, block)
        each: list[Any] = [run.settings for run in runs]
        size = steps * settings.rows
        below = [_edges(one) for one in each]
        place = Streams(runs, "task", device).uniform(size, block=block)
        task = torch.searchsorted(torch.stack(below).to(device), place, right=True)
        words = _words(settings.bits)
        bits = Streams(runs, "bits", device).bits(size * words, block=block)
        return {
            "task": task.view(len(runs), steps, settings.rows),
            "bits": bits.view(len(runs), steps, settings.rows, words),
        }

    def loss(
        self, context: Context, model: nn.Module, data: Tensors, fresh: Tensors, run: int
    ) -> Tensor:
        """Return the cross-entropy of a run's network on the examples of a step."""
        settings, task = context.settings, fresh["task"][run]
        bits = _unpacked(fresh["bits"][run], settings.bits)
        label = bits.gather(1, data["members"][run][task]).sum(1) % 2
        logits = model(_shown(settings, task, bits))[:, 0]
        return binary_cross_entropy_with_logits(logits, label)

    @torch.no_grad()
    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return losses and errors of subtasks and of their mixture, and norms."""
        rows = []
        for run, model in enumerate(self.bound(context, state, train=False)):
            loss, error = self._tested(context.settings, model, data, run)
            share = data["share"][run]
            total = {"loss": (share * loss).sum(), "error": (share * error).sum()}
            rows.append({**total, "loss_task": loss, "error_task": error})
        return stacked(rows) | self.norms(context, state, data)

    def _tested(
        self, settings: Sequence, model: nn.Module, data: Tensors, run: int
    ) -> tuple[Tensor, Tensor]:
        """Return loss and share of mistakes of each subtask, shape (task,)."""
        bits, members = data["test"][run], data["members"][run]
        numbers = torch.arange(settings.tasks, device=bits.device)
        losses, errors = [], []
        for some in torch.split(numbers, max(CHUNK // settings.eval_test, 1)):
            task = some.repeat_interleave(settings.eval_test)
            every = bits.repeat(len(some), 1)
            label = (every.gather(1, members[task]).sum(1) % 2).double()
            logits = model(_shown(settings, task, every))[:, 0].double()
            loss = binary_cross_entropy_with_logits(logits, label, reduction="none")
            wrong = (logits > 0) != (label > 0.5)
            losses.append(loss.view(len(some), -1).mean(1))
            errors.append(wrong.double().view(len(some), -1).mean(1))
        return torch.cat(losses), torch.cat(errors)


def subsets(run: Run) -> NDArray[np.int64]:
    """Return the bits of every subtask of a run, no two alike, shape (task, subset)."""
    settings: Any = run.settings
    stream, found = run.stream("subsets"), dict[tuple[int, ...], None]()
    while len(found) < settings.tasks:
        some = stream.choice(settings.bits, settings.subset, replace=False)
        found[tuple(sorted(some.tolist()))] = None
    return np.array(list(found), dtype=np.int64)


def _edges(settings: Sequence) -> Tensor:
    """Return the shares up to each subtask but the last, so that none falls beyond it."""
    share = frequencies(settings.tasks, settings.alpha)
    return torch.from_numpy(np.cumsum(share)[:-1])


def _words(bits: int) -> int:
    """Return how many random numbers hold so many bits."""
    return -(-bits // WORD)


def _unpacked(words: Tensor, bits: int) -> Tensor:
    """Return bits as 0.0 and 1.0, shape (..., bits), of words of 32 of them, shape (..., word)."""
    at = torch.arange(WORD, device=words.device)
    return (words[..., None] >> at & 1).flatten(-2)[..., :bits].float()


def _shown(settings: Sequence, task: Tensor, bits: Tensor) -> Tensor:
    """Return examples as the network sees them, shape (example, task + bit)."""
    numbers = torch.arange(settings.tasks, device=task.device)
    return torch.cat([(task[:, None] == numbers).float(), bits], dim=1)
