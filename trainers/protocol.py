"""Protocol of a family: what a run is, and what a simulation must provide.

A family is a folder, here or in another package: settings without PyTorch (`settings.py`), a
dictionary from the name of a protocol to a `Simulation`, and, where there is a theory, a function
`curves(config)`. A `Family` says where they are; the folder's `__init__.py` makes it.

A simulation is a set of pure functions over a leading run axis, without state of its own. The loop
(`loop.py`) owns the rest: the order of steps, the device, the precision, saving, resuming and
memory. A training of several runs, a call, goes

    data, state = simulation.init(context, runs)
    for every block of steps, cut at the checkpoints:
        fresh = simulation.feed(context, runs, number of the block)    # {} for full batch
        state = simulation.update(context, state, data, fresh, steps)  # one `step` after another
    at every checkpoint: simulation.measure(context, state, data)

`data`, `state` and `fresh` are dictionaries of tensors whose first axis is the run; what all runs
share, such as inputs, goes without it in `data`. Only `state` changes and is saved, with dtype and
memory format; `data` and `fresh` are drawn again from the run's own streams (`Run.stream`, or
`random.py` for the same bits on every device). What needs the disk or lives once in a process, such
as images, is a resource: `feed` returns indices into it.

`step`, `update` and `measure` never read from the device: no `.item()`, no branch on a value, no
tensor made on the host; where an iteration has converged for some runs, mask them. A simulation
that writes `step` is unrolled on a CPU and captured as one graph on a GPU; one whose steps go
together better writes `update` instead.

The runs of one call have equal `shape`. What is a number for one run (a learning rate) is a tensor
with the run axis first, so that runs that differ in it share a call. A run must not see its
neighbours: with one run in a call, `determinism="exact"` gives the same bits however runs are
grouped.

To add a protocol, write a `Simulation` (often a subclass of another), enter it in the family's
dictionary, name it in the choices of the setting `protocol`, and mark the settings that only some
protocols use with `only=`: they then do not enter the identity of the other runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.importing import named

from .device import require_torch
from .seeds import generator
from .settings import Settings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Tensors = dict[str, Tensor]

WHOLE = 2**40
"""Steps of a block where no step needs fresh data."""


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
    decides
        Whether a run is given up as `diverged` where the variable is not finite.
    """

    text: str
    unit: str = ""
    dims: tuple[str, ...] = ()
    decides: bool = True


@dataclass(frozen=True)
class Facts:
    """What follows from settings, and is the same for all runs of a call.

    Attributes
    ----------
    variables
        Name to meaning of everything recorded, in the order of the trajectory.
    checkpoints : increasing, >= 0
        Steps after which to measure; 0 is before the first.
    dtype
        Name of the precision of `state`, for the record.
    block : > 0
        Steps that one call of `feed` covers; any number for full batch.
    labels
        Coordinate values of further dimensions, such as the names of layers; others are counted.
    early
        Whether a training may end when every run is `done`; what was measured last is then what it
        would have measured.
    gradients
        Whether PyTorch records operations during `update`, for a simulation that differentiates.
    short
        Status of a run that has not arrived at the end.
    """

    variables: Mapping[str, Variable]
    checkpoints: Sequence[int]
    dtype: str = "float64"
    block: int = WHOLE
    labels: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    early: bool = False
    gradients: bool = False
    short: str = "not converged"


@dataclass(frozen=True)
class Cost:
    """What a run costs, roughly; a probe corrects the time, and halving the memory.

    Attributes
    ----------
    operations
        Floating-point operations of the whole run.
    memory
        Bytes that the run needs on the device.
    shared
        Bytes that a call needs once, however many runs are in it.
    width : > 0
        How many runs best train side by side on a CPU core.
    """

    operations: float
    memory: float
    shared: float = 0.0
    width: int = 1


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
        checksum = self.settings.checksum()
        return {
            "family": self.settings.family,
            "schema": self.settings.schema,
            **self.settings.used(),
            "seed": self.seed,
            "root": self.root,
            **({"checksum": checksum} if checksum else {}),
        }

    @cached_property
    def text(self) -> str:
        """Return the identity as canonical JSON."""
        return json.dumps(self.identity, sort_keys=True, separators=(",", ":"))

    def key(self, determinism: str) -> str:
        """Return the hash of everything that determines the run's numbers, rounding included."""
        return hashlib.sha256(f"{determinism} {self.text}".encode()).hexdigest()[:24]

    @cached_property
    def label(self) -> str:
        """Return the run's name: settings that are not the default, and the seed."""
        words = self.settings.words()
        words.append(f"seed={self.seed}")
        return ", ".join(words + ([f"root={self.root}"] if self.root else []))

    def stream(self, role: str, *more: int | str) -> np.random.Generator:
        """Return the random stream of a role.

        It depends on the root, the run's seed, `more`, and those settings alone that the family
        names in `Settings.streams`. So runs that differ in other settings, a learning rate or a
        weight decay, see the same data, and their difference is not blurred by it.
        """
        return generator(*self.stream_key(role, *more))

    def stream_key(self, role: str, *more: int | str) -> tuple[int | str, ...]:
        """Return what the stream of a role depends on, for `seeds` and `random` to hash."""
        used = self.settings.used()
        own = {name: used[name] for name in self.settings.streams if name in used}
        text = json.dumps(own, sort_keys=True, separators=(",", ":"))
        return (self.settings.family, self.root, self.seed, text, role, *more)


@dataclass(frozen=True)
class Context:
    """Where a call stands.

    Attributes
    ----------
    settings
        Of the first run; the others agree in all that `shape` names.
    device
        Where the call trains.
    resources
        What `Simulation.resources` returned, once in a process.
    kept
        Whatever a simulation wants to make once a call, such as modules; it starts empty and is not
        saved.
    """

    settings: Any
    device: torch.device
    resources: Any = None
    kept: dict[str, Any] = field(default_factory=dict)


class Simulation:
    """One protocol of a family, as pure functions; see the top of this module.

    Attributes
    ----------
    source
        What it simulates, in words.
    """

    source: ClassVar[str]

    def shape(self, settings: Any) -> tuple[Any, ...]:
        """Return what runs must have in common to train in one call."""
        raise NotImplementedError

    def facts(self, settings: Any) -> Facts:
        """Return what is recorded and when; equal for equal shapes."""
        raise NotImplementedError

    def along(self, settings: Any) -> Mapping[str, Array]:
        """Return the variables that need no training, such as `step`: one value a checkpoint."""
        del settings
        return {}

    def cost(self, settings: Any) -> Cost:
        """Return what one run costs."""
        raise NotImplementedError

    def resources(self, settings: Any, device: torch.device) -> Any:
        """Return what lives once in a process and device, such as images.

        It is kept until the process ends, under `Settings.checksum`, which says what it is.
        """
        del settings, device

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return what stays fixed, and the state before the first step."""
        raise NotImplementedError

    def feed(self, context: Context, runs: Sequence[Run], block: int) -> Tensors:
        """Return fresh data of the steps `block * facts.block` and on, shape (run, step, ...)."""
        del context, runs, block
        return {}

    def step(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, k: Tensor
    ) -> Tensors:
        """Return the state after one step.

        Parameters
        ----------
        fresh
            Data of this step, shape (run, ...).
        k : shape ()
            Number of the step, counted from 0, a whole number on the device.
        """
        raise NotImplementedError

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the state after these steps, counted from 0; `fresh` holds just their data."""
        import torch

        numbers = torch.arange(steps.start, steps.stop, device=context.device)
        for at in range(len(steps)):
            now = {name: tensor[:, at] for name, tensor in fresh.items()}
            state = self.step(context, state, data, now, numbers[at])
        return state

    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return the remaining variables, shape (run,) or (run, further dimensions)."""
        raise NotImplementedError

    def done(self, context: Context, state: Tensors, data: Tensors) -> Tensor | None:
        """Return which runs have arrived, shape (run,); None where no run ever does.

        Read a hundred times a training at most. A run that has not arrived at the end has the
        status `Facts.short`.
        """
        del context, state, data
        return None

    def outcome(self, context: Context, state: Tensors, data: Tensors) -> Mapping[str, Any]:
        """Return further run coordinates that are known in the end: numbers or texts, (run,)."""
        del context, state, data
        return {}

    def reading(self, settings: Any, values: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return run coordinates that are read off finished curves, of shape (run, point, ...)."""
        del settings, values
        return {}


@dataclass(frozen=True)
class Family:
    """A family of trainers: its settings, and the names of what is imported when it is needed.

    Attributes
    ----------
    settings
        A subclass of `Settings`, whose attribute `family` is the name; importing it must not import
        PyTorch.
    simulations
        `"module:NAME"` of a dictionary from the name of a protocol to a `Simulation`.
    theory
        `"module:function"` that returns the trajectory of a configuration; empty where there is no
        theory. Without PyTorch, too.
    phases
        `"module:function"` that returns the phase diagram of a configuration, as
        `weight_decay.diagram` draws it; empty where there is none.
    """

    settings: type[Settings]
    simulations: str
    theory: str = ""
    phases: str = ""

    @property
    def name(self) -> str:
        """Return the family's name."""
        return self.settings.family

    def protocols(self) -> Mapping[str, Simulation]:
        """Return the simulations by protocol."""
        require_torch()
        found: Mapping[str, Simulation] = named(self.simulations, "simulations", "module:NAME")
        return found

    def curves(self) -> Callable[[Any], Any]:
        """Return the function that computes the theory's curves.

        Raises
        ------
        ConfigError
            If the family has no theory.
        """
        if not self.theory:
            raise ConfigError(
                f"family {self.name!r} has no theory: train it, scalefit.trainers.run(config)"
            )
        found: Callable[[Any], Any] = named(self.theory, "theory", "module:NAME")
        return found
