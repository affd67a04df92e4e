"""Settings of tasks whose parts are learned one after another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from scalefit.errors import ConfigError
from scalefit.trainers.deep.optimized import Optimized
from scalefit.trainers.settings import choice, number, whole

PARITY, INDUCTION, ADDITION = "parity", "induction", "modular_addition"
_MLP = (PARITY, ADDITION)

USUAL: dict[str, dict[str, float]] = {
    PARITY: {"batch": 1024, "steps": 20_000, "weight_decay": 0.0},
    INDUCTION: {"batch": 64, "steps": 3000, "weight_decay": 0.01},
    ADDITION: {"batch": 10**6, "steps": 10_000, "weight_decay": 1.0},
}
"""What stands for a setting that is not given, by protocol."""


@dataclass(frozen=True, kw_only=True)
class Sequence(Optimized):
    """Settings of tasks whose parts are learned one after another, trained on cross-entropy.

    Those of the optimizer, AdamW by default, are described at `Optimized`.

    Attributes
    ----------
    protocol
        The task. `"parity"`: many subtasks of falling frequency, each the parity of a few of the
        bits that it is shown, learned by an MLP. `"induction"`: random tokens that repeat, learned
        by a transformer of attention alone. `"modular_addition"`: `a + b` modulo a number from a
        share of all pairs, learned by an MLP. The former two see every example once.
    tasks : >= 1
        Subtasks, K.
    bits : >= 1
        Bits of an example, beside the one of K inputs that names its subtask.
    subset : >= 1, <= `bits`
        Bits whose parity a subtask asks for.
    alpha : >= -1
        The k-th subtask has a frequency in proportion to k^-(1 + alpha).
    vocabulary : >= 2
        Number of tokens.
    tokens : >= 8
        Tokens of an example. They repeat after a quarter to a half of it.
    dimensions : >= 1
        Of the transformer; a multiple of `heads`.
    heads, blocks : >= 1
        Attention heads of a block, and blocks.
    modulus : >= 2
        Modulus of the addition.
    train_share : > 0, < 1
        Share of all pairs to train on; errors are on the others.
    units, hidden_layers : >= 1
        Of the MLP, whose units are rectified.
    init_scale : > 0
        Factor on the initial weights, drawn as PyTorch does; biases are left aside.
    weight_decay : >= 0, or -1
        Decay of weights, as in PyTorch; -1 stands for 0, 0.01 and 1, in the order of the protocols.
    batch : >= 0
        Examples of a step; 0 stands for 1024, 64 and all pairs.
    steps : >= 0
        Length of a run; 0 stands for 20000, 3000 and 10000.
    points : >= 2
        Largest number of checkpoints after the start, log-spaced from the first step to the last.
    eval_test : >= 1
        New examples that a checkpoint looks at, for each subtask; for pairs it is all of them.
    """

    family: ClassVar[str] = "sequence"
    description: ClassVar[str] = (
        "emergence: sparse parities of falling frequency, induction heads, modular addition"
    )
    always: ClassVar[tuple[str, ...]] = ("protocol",)
    streams: ClassVar[tuple[str, ...]] = (
        "protocol", "tasks", "bits", "subset", "vocabulary", "tokens", "modulus",
    )  # fmt: skip

    protocol: str = choice(PARITY, INDUCTION, ADDITION)
    tasks: int = whole(24, low=1, high=10_000, only=(PARITY,))
    bits: int = whole(24, low=1, high=1024, only=(PARITY,))
    subset: int = whole(3, low=1, high=1024, only=(PARITY,))
    alpha: float = number(0.6, low=-1, only=(PARITY,))
    vocabulary: int = whole(16, low=2, high=10**6, only=(INDUCTION,))
    tokens: int = whole(32, low=8, high=4096, only=(INDUCTION,))
    dimensions: int = whole(64, low=1, only=(INDUCTION,))
    heads: int = whole(4, low=1, only=(INDUCTION,))
    blocks: int = whole(2, low=1, high=100, only=(INDUCTION,))
    modulus: int = whole(59, low=2, high=1000, only=(ADDITION,))
    train_share: float = number(0.5, low=0, high=1, above=True, only=(ADDITION,))
    units: int = whole(256, low=1, only=_MLP)
    hidden_layers: int = whole(1, low=1, high=20, only=_MLP)
    init_scale: float = number(1.0, low=0, above=True)
    optimizer: str = choice("adamw", "adam", "sgd")
    weight_decay: float = number(-1.0, low=-1)
    batch: int = whole(0, low=0)
    steps: int = whole(0, low=0)
    points: int = whole(60, low=2)
    eval_test: int = whole(500, low=1)

    def check(self) -> None:
        """Put the usual values in their place, and refuse what does not go together."""
        if -1 < self.weight_decay < 0:
            raise ConfigError(f"setting 'weight_decay' is {self.weight_decay:g}; give >= 0, or -1")
        for name, usual in USUAL[self.protocol].items():
            given = getattr(self, name)
            if given == (-1 if name == "weight_decay" else 0):
                object.__setattr__(self, name, usual)
        if self.protocol == PARITY:
            self._check_subsets()
        elif self.protocol == INDUCTION and self.dimensions % self.heads:
            raise ConfigError(
                f"setting 'dimensions' is {self.dimensions}: {self.heads} heads do not divide it"
            )
        elif self.protocol == ADDITION:
            if not 0 < self.n_train < self.modulus**2:
                raise ConfigError(
                    f"setting 'train_share' is {self.train_share:g}: of {self.modulus**2} pairs "
                    f"it takes {self.n_train}; leave some to train on and some to test"
                )
            object.__setattr__(self, "batch", min(self.batch, self.n_train))

    def _check_subsets(self) -> None:
        if self.subset > self.bits:
            raise ConfigError(
                f"setting 'subset' is {self.subset}; there are {self.bits} bits: take at most "
                "that many"
            )
        if (most := math.comb(self.bits, self.subset)) < self.tasks:
            raise ConfigError(
                f"setting 'tasks' is {self.tasks}; {self.subset} of {self.bits} bits can be "
                f"chosen in {most} ways: take fewer, or more bits"
            )

    def telling(self) -> dict[str, Any]:
        """Return the settings for a run's name, without those that are usual for its task."""
        usual = dict(USUAL[self.protocol])
        if self.protocol == ADDITION:
            usual["batch"] = self.n_train
        return {
            name: value
            for name, value in super().telling().items()
            if name not in usual or value != usual[name]
        }

    @property
    def length(self) -> int:
        """Return the steps of a run."""
        return self.steps

    @property
    def n_train(self) -> int:
        """Return the pairs that modular addition trains on."""
        return round(self.train_share * self.modulus**2)

    @property
    def rows(self) -> int:
        """Return the examples of a step."""
        return self.batch
