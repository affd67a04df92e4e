"""Variables of the tasks, and their further dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalefit.trainers.deep.variables import WEIGHTS
from scalefit.trainers.protocol import Variable

from .settings import INDUCTION, PARITY

if TYPE_CHECKING:
    from .settings import Sequence

REPEATED, FIRST = "repeated", "first"
"""Tokens that can be known from earlier ones, and those that cannot."""
_TASK = ("task",)
_HEAD = ("head",)
_STEPS = {
    "step": Variable("step of the optimizer"),
    "examples": Variable("examples seen"),
}
_PARTS = {
    "loss_task": Variable("mean cross-entropy on a subtask", "nats", _TASK),
    "error_task": Variable("share of mistakes on a subtask", "", _TASK),
}
PARITY_VARIABLES = {
    **_STEPS,
    "examples_task": Variable("examples of a subtask seen, on average", "", _TASK),
    "loss": Variable("mean cross-entropy on new examples", "nats"),
    "error": Variable("share of mistakes on new examples"),
    **_PARTS,
    **WEIGHTS,
}
INDUCTION_VARIABLES = {
    **_STEPS,
    "loss": Variable("mean cross-entropy on tokens of new examples", "nats"),
    "error": Variable("share of tokens that are not the likeliest"),
    **_PARTS,
    "prefix_matching": Variable(
        "attention of a head to what came after the last occurrence", "", _HEAD
    ),
    "previous_token": Variable("attention of a head to the token before", "", _HEAD),
    **WEIGHTS,
}
ADDITION_VARIABLES = {
    **_STEPS,
    "loss": Variable("mean cross-entropy on pairs that were left out", "nats"),
    "error": Variable("share of mistakes on pairs that were left out"),
    "train_loss": Variable("mean cross-entropy on training pairs", "nats"),
    "train_error": Variable("share of mistakes on training pairs"),
    **WEIGHTS,
}


def names_of_tasks(settings: Sequence) -> list[str]:
    """Return the subtasks of a task, the most frequent parity first; none of modular addition."""
    if settings.protocol == PARITY:
        return [str(k + 1) for k in range(settings.tasks)]
    return [REPEATED, FIRST] if settings.protocol == INDUCTION else []


def names_of_heads(settings: Sequence) -> list[str]:
    """Return the attention heads, such as 1.4 for the fourth of the first block."""
    return [f"{b + 1}.{h + 1}" for b in range(settings.blocks) for h in range(settings.heads)]
