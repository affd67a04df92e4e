"""Layout of a network's parameters: one after another in a single tensor, with views for modules.

An optimizer then takes a step by few operations, however many layers there are, and what is saved
of a training does not depend on memory formats.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from .models import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Deep


class Part(NamedTuple):
    """A parameter or a buffer of a network.

    Attributes
    ----------
    name
        Its path of modules.
    shape
        Its sizes.
    first
        Place of its first value among all of the parameters.
    last
        Whether its channels lie last in memory.
    """

    name: str
    shape: tuple[int, ...]
    first: int
    last: bool

    @property
    def size(self) -> int:
        """Return how many values it has."""
        return torch.Size(self.shape).numel()

    def view(self, flat: Tensor) -> Tensor:
        """Return it as part of all parameters, which lie one after another on the last axis."""
        piece, runs = flat[..., self.first : self.first + self.size], flat.shape[:-1]
        if not self.last:
            return piece.view(*runs, *self.shape)
        out, inner, rows, columns = self.shape
        return piece.view(*runs, out, rows, columns, inner).movedim(-1, -3)


class Matrix(NamedTuple):
    """A weight matrix whose norm counts: rows of a parameter, reshaped to (out, rest)."""

    name: str
    part: Part
    rows: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Return its rows and columns."""
        first, *rest = self.part.shape
        return len(range(first)[self.rows]), math.prod(rest)


class Plan:
    """What a network consists of, known without any values.

    Parameters
    ----------
    make
        Returns the network.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        self._make = make
        with torch.device("meta"):
            model = make()
        self.parts: list[Part] = []
        first = 0
        for name, one in model.named_parameters():
            last = one.dim() == 4
            self.parts.append(Part(name, tuple(one.shape), first, last))
            first += one.numel()
        self.count = first
        self.buffers = {name: (tuple(one.shape), one.dtype) for name, one in model.named_buffers()}
        self.matrices = [one for part in self._ordered(model) for one in _matrices(part)]

    def _ordered(self, model: nn.Module) -> list[Part]:
        """Return the weights of linear layers and convolutions, in the order of their modules."""
        held = {part.name: part for part in self.parts}
        kinds = (nn.Linear, nn.Conv2d)
        names = [name for name, one in model.named_modules() if isinstance(one, kinds)]
        return [held[f"{name}.weight"] for name in names]

    def bound(self, flat: Tensor, buffers: dict[str, Tensor]) -> nn.Module:
        """Return the network whose parameters are parts of `flat`, shape (count,), and its buffers.

        What changes the one changes the other.
        """
        with torch.device("meta"):
            model = self._make()
        for part in self.parts:
            owner, name = _owner(model, part.name)
            setattr(owner, name, nn.Parameter(part.view(flat)))
        for path, buffer in buffers.items():
            owner, name = _owner(model, path)
            setattr(owner, name, buffer)
        return model


def _owner(model: nn.Module, path: str) -> tuple[nn.Module, str]:
    """Return the module that holds a parameter or a buffer, and its name there."""
    parent, _, name = path.rpartition(".")
    return model.get_submodule(parent), name


def _matrices(part: Part) -> Iterator[Matrix]:
    """Yield a weight's matrices: queries, keys and values are three."""
    name = part.name.removesuffix(".weight")
    if not name.endswith("qkv"):
        yield Matrix(name, part, slice(None))
        return
    size = part.shape[0] // 3
    for at, one in enumerate(("query", "key", "value")):
        yield Matrix(f"{name[:-3]}{one}", part, slice(at * size, (at + 1) * size))


@lru_cache(maxsize=4096)
def _plan(settings: Deep, shape: tuple[int, int, int], classes: int) -> Plan:
    return Plan(partial(build, settings, shape, classes))


def plan_of(settings: Deep) -> Plan:
    """Return what the network of these settings consists of."""
    data = settings.data
    return _plan(settings, data.shape, data.classes)
