"""Protocol of a family: what a run is, and what a simulation must provide.

A family is a folder. Its `settings.py` holds a subclass of `Settings`, without PyTorch;
`simulate.py` has `SIMULATIONS`, from the name of a protocol to a `Simulation`; `theory.py`, where
there is a theory, has `curves(config)`. A simulation is a set of pure functions over a leading run
axis, without state of its own. The loop (`loop.py`) owns the rest: the order of steps, the device,
the precision, saving, resuming and memory. A training goes

    data, state = simulation.init(runs, device)
    for every block of steps, cut at the checkpoints:
        fresh = simulation.feed(runs, number of the block, device)     # {} for full batch
        state = simulation.update(state, data, fresh, steps)
    at every checkpoint: simulation.measure(state, data)

`data`, `state` and `fresh` are dictionaries of tensors. Only `state` changes and is saved; `data`
and `fresh` are drawn again from the run's own streams (`Run.stream`). `update` and `measure`
never read from the device: no `.item()`, no branch on a value, no tensor made on the host; where an
iteration has converged for some runs, mask them. A loop over a fixed number of iterations is fine.

The runs of one call have equal `shape`. What is a number for one run (a learning rate) is a tensor
with the run axis first, so that runs that differ in it share a call. A run must not see its
neighbours: with one run in a call, `determinism="exact"` gives the same bits however runs are
grouped.

To add a protocol, write a `Simulation` (often a subclass that replaces `update`), enter it in
`SIMULATIONS`, name it in the choices of the setting `protocol`, and mark the settings that only
some protocols use with `only=`: they then do not enter the identity of the other runs. To add a
family, write its folder and name its settings in `families.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from scalefit.arrays import Array

from .seeds import generator
from .settings import Settings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Tensors = dict[str, Tensor]


class Variable(NamedTuple):
    """Meaning of a recorded variable.

    Attributes
    ----------
    text
        Its long name.
    unit
        Empty for none.
    dims
        Further dimensions after run and point, such as `layer`.
    """

    text: str
    unit: str = ""
    dims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One training: settings with one value each, and the seed that tells it from its replicates.

    Attributes
    ----------
    settings
        Of its family.
    seed : >= 0
        Number of the replicate.
    root : >= 0
        Root of all streams, the argument `seed` of `scalefit.trainers.run`.
    """

    settings: Settings
    seed: int
    root: int

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Return everything that determines the run's numbers, up to rounding."""
        return {
            "family": self.settings.family,
            "schema": self.settings.schema,
            **self.settings.used(),
            "seed": self.seed,
            "root": self.root,
        }

    @cached_property
    def label(self) -> str:
        """Return the run's name: settings that are not the default, and the seed."""
        words = [f"{name}={_word(value)}" for name, value in self.settings.telling().items()]
        words.append(f"seed={self.seed}")
        return ", ".join(words + ([f"root={self.root}"] if self.root else []))

    def stream(self, role: str, *more: int | str) -> np.random.Generator:
        """Return the random stream of a role: of the whole run's settings, its seed and `more`.

        Runs that should share random numbers although their settings differ (the same data for
        several learning rates) take `seeds.generator` with the settings that matter.
        """
        return generator(json.dumps(self.identity, sort_keys=True), role, *more)


class Simulation(Protocol):
    """One protocol of a family, as pure functions; see the top of this module.

    Attributes
    ----------
    source
        What it simulates, in words.
    variables
        Name to meaning of everything recorded, in the order of the trajectory.
    dtype
        Precision of `state`.
    block : > 0
        Steps that one call of `feed` covers; any number for full batch.
    """

    source: str
    variables: Mapping[str, Variable]
    dtype: torch.dtype
    block: int

    def shape(self, settings: Any) -> tuple[Any, ...]:
        """Return what runs must have in common to train in one call."""
        ...

    def checkpoints(self, settings: Any) -> list[int]:
        """Return the steps after which to measure, > 0 and increasing; equal for equal shapes."""
        ...

    def along(self, settings: Any) -> Mapping[str, Array]:
        """Return the variables that need no training, such as `step`: one value a checkpoint."""
        ...

    def work(self, settings: Any) -> float:
        """Return the floating-point operations of one run, roughly."""
        ...

    def memory(self, settings: Any) -> float:
        """Return the bytes that one run needs on the device, roughly."""
        ...

    def width(self, settings: Any) -> int:
        """Return how many runs best train side by side on a CPU core."""
        ...

    def init(self, runs: Sequence[Run], device: torch.device) -> tuple[Tensors, Tensors]:
        """Return what stays fixed, and the state before the first step."""
        ...

    def feed(self, runs: Sequence[Run], block: int, device: torch.device) -> Tensors:
        """Return fresh data of the steps `block * self.block` and on, shape (run, step, ...)."""
        ...

    def update(self, state: Tensors, data: Tensors, fresh: Tensors, steps: range) -> Tensors:
        """Return the state after these steps, counted from 0; `fresh` holds just their data."""
        ...

    def measure(self, state: Tensors, data: Tensors) -> Tensors:
        """Return the remaining variables, shape (run,) or (run, further dimensions)."""
        ...


def _word(value: object) -> str:
    """Return a value of a setting, a grid by its ends and a few digits of its hash."""
    if isinstance(value, tuple) and len(value) > 1:
        digest = hashlib.sha256(repr(value).encode()).hexdigest()
        return f"{_word(value[0])} to {_word(value[-1])} #{digest[:4]}"
    if isinstance(value, tuple):
        return _word(*value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)
