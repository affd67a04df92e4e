"""Training loop, one for every family: blocks of steps, saving and resuming one call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from .capture import updater
from .protocol import Context
from .tensors import packed, unpacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .protocol import Run, Simulation, Tensors

    Arrays = dict[str, NDArray[Any]]

SAVE_EVERY = 60.0
"""Seconds between two savings of a training's state, at least."""
SHARE = 0.02
"""Share of the time that saving may take; where a state is large it is saved less often."""


class Slot(Protocol):
    """Where the state of a long training is kept."""

    def read(self) -> Arrays | None:
        """Return what was written last, of the runs of this call."""
        ...

    def write(self, arrays: Mapping[str, NDArray[Any]], /) -> None:
        """Replace what was written before, all or nothing."""


@dataclass(frozen=True)
class Outcome:
    """What a call gave.

    Attributes
    ----------
    values : shape (run, point) or (run, point, further dimensions)
        Of each measured variable.
    coordinates : shape (run,)
        What is known of each run in the end.
    arrived : shape (run,)
        Whether the run has arrived; true where it need not.
    """

    values: Arrays
    coordinates: Arrays
    arrived: NDArray[np.bool_]


def train(
    simulation: Simulation,
    runs: Sequence[Run],
    device: torch.device,
    *,
    slot: Slot | None = None,
    advance: Callable[[float], object] = lambda amount: None,
) -> Outcome:
    """Return what was measured of runs of equal shape, trained side by side.

    Parameters
    ----------
    simulation
        Of all runs.
    runs
        Of equal shape.
    device
        Where they train.
    slot
        Where to keep the state every so often, and to take it from at the start.
    advance
        Hears of the work done, in runs, a hundred times or more.

    Raises
    ------
    RuntimeError, MemoryError
        Whatever PyTorch raises; `device.out_of_memory` tells want of memory.
    """
    settings = runs[0].settings
    facts = simulation.facts(settings)
    checkpoints = facts.checkpoints
    last = max(checkpoints[-1], 1)
    context = Context(settings, device, resources_of(simulation, settings, device))
    data, state = simulation.init(context, runs)
    rows: list[Tensors] = []
    begin = 0
    kept = slot.read() if slot else None
    if kept is not None:
        begin = int(kept.pop("step"))
        state, rows = _restored(kept, device)
    elif checkpoints[0] == 0:
        rows.append(simulation.measure(context, state, data))
    told = begin / last * len(runs)
    advance(told)
    update = updater(simulation, context)
    measure_at, often = frozenset(checkpoints), math.ceil(last / 100)
    stops = sorted({*checkpoints, *range(0, last, often), *range(0, last, facts.block), begin})
    fresh: Tensors = {}
    drawn = -1
    saved, wait = time.monotonic(), SAVE_EVERY
    try:
        with torch.set_grad_enabled(facts.gradients):
            for start, stop in pairwise(one for one in stops if one >= begin):
                block, offset = divmod(start, facts.block)
                if block != drawn:
                    fresh, drawn = simulation.feed(context, runs, block), block
                span = slice(offset, offset + stop - start)
                now = {name: tensor[:, span] for name, tensor in fresh.items()}
                state = update(state, data, now, range(start, stop))
                if stop in measure_at:
                    rows.append(simulation.measure(context, state, data))
                told += (stop - start) / last * len(runs)
                advance((stop - start) / last * len(runs))
                if facts.early and stop < last and stop % often == 0:
                    arrived = simulation.done(context, state, data)
                    if arrived is not None and bool(arrived.all()):
                        rows += [simulation.measure(context, state, data)] * sum(
                            one > stop for one in checkpoints
                        )
                        advance((last - stop) / last * len(runs))
                        break
                if slot and stop < last and time.monotonic() - saved > wait:
                    before = time.monotonic()
                    slot.write({"step": np.array(stop), **_kept(state, rows)})
                    saved = time.monotonic()
                    wait = max(SAVE_EVERY, (saved - before) / SHARE)
            else:
                arrived = simulation.done(context, state, data)
            coordinates = simulation.outcome(context, state, data)
    except BaseException:
        advance(-told)
        raise
    there = np.ones(len(runs), dtype=bool) if arrived is None else arrived.cpu().numpy()
    return Outcome(
        stacked(rows),
        {name: _plain(values) for name, values in coordinates.items()},
        there,
    )


def stacked(rows: Sequence[Tensors]) -> Arrays:
    """Return each variable, shape (run, point, ...), copied from the device once."""
    names = rows[0] if rows else {}
    joined = {name: torch.stack([row[name] for row in rows], dim=1) for name in names}
    return {name: _plain(values) for name, values in joined.items()}


def _plain(values: Any) -> NDArray[Any]:
    """Return an array; NumPy knows no half-precision brain floats."""
    if not isinstance(values, torch.Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    known = values.float() if values.dtype == torch.bfloat16 else values
    found: NDArray[Any] = known.numpy()
    return found


def _kept(state: Tensors, rows: Sequence[Tensors]) -> Arrays:
    """Return the arrays that `_restored` makes state and rows of."""
    arrays = {f"state {name}": one for name, one in packed(state).items()}
    return arrays | {f"rows {name}": one for name, one in stacked(rows).items()}


def _restored(kept: Arrays, device: torch.device) -> tuple[Tensors, list[Tensors]]:
    """Return state and rows, the latter as measured so far."""
    parts: dict[str, Arrays] = {"state": {}, "rows": {}}
    for name, array in kept.items():
        part, _, rest = name.partition(" ")
        parts[part][rest] = array
    tensors = {name: torch.tensor(array, device=device) for name, array in parts["rows"].items()}
    count = min((one.shape[1] for one in tensors.values()), default=0)
    rows = [{name: one[:, at] for name, one in tensors.items()} for at in range(count)]
    return unpacked(parts["state"], device), rows


_LIVING: dict[tuple[type, str, str], Any] = {}


def resources_of(simulation: Simulation, settings: Any, device: torch.device) -> Any:
    """Return what lives once in a process, for as long as it does."""
    key = (type(simulation), settings.checksum(), str(device))
    if key not in _LIVING:
        _LIVING[key] = simulation.resources(settings, device)
    return _LIVING[key]
