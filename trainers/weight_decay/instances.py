"""Instances: runs that differ in weight decay share their examples, which are kept once.

What belongs to an instance has the instance first, and `slots`, shape (instance, most), names the
runs that see it, with copies of the first where there are fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.protocol import Run

CHUNK = 2**21
"""Numbers of a table of examples that are made at once."""


def instances(runs: Sequence[Run]) -> tuple[list[Run], list[list[int]]]:
    """Return the first run of every instance, and the places of all of its runs."""
    found: dict[tuple[int | str, ...], list[int]] = {}
    for at, run in enumerate(runs):
        found.setdefault(run.stream_key("examples"), []).append(at)
    return [runs[places[0]] for places in found.values()], list(found.values())


def chunks(n: int, width: int) -> list[int]:
    """Return how many examples to make at once, one number a chunk.

    Parameters
    ----------
    n
        Number of examples.
    width
        Numbers that one of them takes.
    """
    size = max(CHUNK // width, 1)
    return [min(size, n - at) for at in range(0, n, size)]


def slots(places: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Return the runs of every instance, shape (instance, most)."""
    most = max(map(len, places))
    full = [[*one, *[one[0]] * (most - len(one))] for one in places]
    return torch.tensor(full, device=device)


def shared(slots: Tensor, values: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return a function of the values of all runs of an instance, back in the order of runs.

    Parameters
    ----------
    slots : shape (instance, most)
        As above.
    values : shape (run, ...)
        Of every run.
    function
        From (instance, most, ...) to the same.
    """
    found = function(values[slots])
    out = torch.empty((len(values), *found.shape[2:]), dtype=found.dtype, device=found.device)
    out[slots.flatten()] = found.flatten(0, 1)
    return out
