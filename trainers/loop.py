"""Training loop, one for every family: blocks of steps, saving, resuming and memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from .device import out_of_memory, release

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .protocol import Run, Simulation, Tensors

    Arrays = dict[str, NDArray[Any]]

SAVE_EVERY = 120.0
"""Seconds between two savings of a training's state."""


class Slot(Protocol):
    """Where the state of a long training is kept."""

    def read(self) -> Arrays | None:
        """Return what was written last."""
        ...

    def write(self, arrays: Mapping[str, NDArray[Any]], /) -> None:
        """Replace what was written before, all or nothing."""


@dataclass(frozen=True)
class Outcome:
    """What a training of several runs gave.

    Attributes
    ----------
    values : shape (run, point) or (run, point, further dimensions)
        Of each measured variable.
    out_of_memory : shape (run,)
        Whether the memory did not suffice even for this run alone; its values are NaN.
    """

    values: Arrays
    out_of_memory: NDArray[np.bool_]


def train(
    simulation: Simulation,
    runs: Sequence[Run],
    device: torch.device,
    *,
    width: int,
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
    width : > 0
        How many train side by side; halved as often as they do not fit into memory.
    slot
        Where to keep the state every `SAVE_EVERY` seconds, and to take it from at the start.
    advance
        Hears of the work done, in runs, a hundred times a run or more.
    """
    points = len(simulation.checkpoints(runs[0].settings))
    kept = _Kept.read(slot)
    advance(len(kept.failed))
    while len(kept.failed) < len(runs):
        start = len(kept.failed)
        width = kept.running if kept.state else width
        part = runs[start : start + width]
        values: Arrays | None = None
        try:
            values = _train(simulation, part, device, kept, slot, advance)
        except Exception as error:
            if not out_of_memory(error):
                raise
        # outside the except block, whose traceback holds on to the tensors
        kept.state = {}
        if values is None:
            release(device)
            if len(part) > 1:
                width = len(part) // 2
                continue
        kept.add(values, [values is None] * len(part), points)
        if values is None:
            advance(len(part))
    return Outcome(kept.values, np.array(kept.failed))


def _train(
    simulation: Simulation,
    runs: Sequence[Run],
    device: torch.device,
    kept: _Kept,
    slot: Slot | None,
    advance: Callable[[float], object],
) -> Arrays:
    """Return what was measured of runs that fit into memory together."""
    checkpoints = simulation.checkpoints(runs[0].settings)
    last = checkpoints[-1]
    data, state = simulation.init(runs, device)
    done, rows = 0, list[dict[str, torch.Tensor]]()
    if kept.state:
        state = {name: torch.tensor(array, device=device) for name, array in kept.state.items()}
        done = kept.step
        count = sum(step <= done for step in checkpoints)
        tensors = {name: torch.tensor(array, device=device) for name, array in kept.rows.items()}
        rows = [{name: one[:, i] for name, one in tensors.items()} for i in range(count)]
    told = done / last * len(runs)
    advance(told)
    measure_at = frozenset(checkpoints)
    often = range(0, last, math.ceil(last / 100))
    stops = sorted({*checkpoints, *often, *range(0, last, simulation.block), done})
    fresh: Tensors = {}
    drawn = -1
    try:
        with torch.no_grad():
            for begin, end in pairwise(stop for stop in stops if stop >= done):
                block, offset = divmod(begin, simulation.block)
                if block != drawn:
                    fresh, drawn = simulation.feed(runs, block, device), block
                span = slice(offset, offset + end - begin)
                now = {name: tensor[:, span] for name, tensor in fresh.items()}
                state = simulation.update(state, data, now, range(begin, end))
                if end in measure_at:
                    rows.append(simulation.measure(state, data))
                told += (end - begin) / last * len(runs)
                advance((end - begin) / last * len(runs))
                if slot and end < last and time.monotonic() - kept.saved > SAVE_EVERY:
                    kept.write(slot, len(runs), end, _copied(state), _stacked(rows))
    except BaseException:
        advance(-told)
        raise
    return _stacked(rows)


def _copied(tensors: Tensors) -> Arrays:
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _stacked(rows: Sequence[Tensors]) -> Arrays:
    """Return each variable, shape (run, point, ...), copied from the device once."""
    names = rows[0] if rows else {}
    return _copied({name: torch.stack([row[name] for row in rows], dim=1) for name in names})


class _Kept:
    """What a training has to show so far, and its form on disk.

    Attributes
    ----------
    values, failed
        Of the runs that are through: what was measured, and whether memory did not suffice.
    running, step, state, rows
        How many runs train now, after how many steps they were saved, with which state and with
        what measured; `state` is empty where nothing was saved.
    saved
        When the state was written last, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.values: Arrays = {}
        self.failed: list[bool] = []
        self.running = self.step = 0
        self.state: Arrays = {}
        self.rows: Arrays = {}
        self.saved = time.monotonic()

    def add(self, values: Arrays | None, failed: list[bool], points: int) -> None:
        """Append runs that are through; without values theirs are NaN."""
        new = values or {}
        for name in {**self.values, **new}:
            parts = [self.values.get(name), new.get(name)]
            tail = next(part.shape[2:] for part in parts if part is not None)
            counts = (len(self.failed), len(failed))
            filled = [
                np.full((count, points, *tail), np.nan) if part is None else part
                for part, count in zip(parts, counts, strict=True)
            ]
            self.values[name] = np.concatenate(filled)
        self.failed += failed

    def write(self, slot: Slot, running: int, step: int, state: Arrays, rows: Arrays) -> None:
        """Save everything, with the state of the runs that train now."""
        parts = {"values": self.values, "state": state, "rows": rows}
        arrays = {f"{part} {name}": one for part in parts for name, one in parts[part].items()}
        arrays["failed"] = np.array(self.failed, dtype=bool)
        arrays["at"] = np.array([running, step])
        slot.write(arrays)
        self.saved = time.monotonic()

    @classmethod
    def read(cls, slot: Slot | None) -> _Kept:
        """Return what was saved, or a beginning."""
        kept = cls()
        arrays = slot.read() if slot else None
        if arrays is None:
            return kept
        kept.failed = arrays.pop("failed").tolist()
        kept.running, kept.step = arrays.pop("at").tolist()
        for name, array in arrays.items():
            part, _, rest = name.partition(" ")
            getattr(kept, part)[rest] = array
        return kept
