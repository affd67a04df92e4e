"""Probe: how long a call takes on a device, from its first steps.

Estimates by counting operations were two to twelve times off, and nothing tells beforehand whether
a GPU pays for a small model. So the first steps of a call are timed, and what was found is kept
with the folder of the sweep.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from scalefit.storage import replacing

from .capture import updater
from .device import describe, exactly, one_thread, out_of_memory, release
from .loop import resources_of
from .protocol import Context

if TYPE_CHECKING:
    from .protocol import Run, Simulation

SPENT = 0.25
"""Seconds after which the timing of steps ends; the first ones are not timed."""


def seconds(
    simulation: Simulation, runs: Sequence[Run], device: torch.device, determinism: str = "fast"
) -> float:
    """Return how long a call of these runs takes, in seconds of one core or of the device.

    Infinite where they do not fit into memory.
    """
    try:
        with one_thread(), exactly(determinism == "exact"):
            return _timed(simulation, runs, device)
    except Exception as error:
        if not out_of_memory(error):
            raise
    release(device)
    return float("inf")


def _timed(simulation: Simulation, runs: Sequence[Run], device: torch.device) -> float:
    settings = runs[0].settings
    facts = simulation.facts(settings)
    last = facts.checkpoints[-1]
    clock = _Clock(device)
    context = Context(settings, device, resources_of(simulation, settings, device))
    data, state = simulation.init(context, runs)
    start = clock.lap()
    first = simulation.feed(context, runs, 0)
    clock.lap()
    block = min(facts.block, last)
    feeding = 0.0
    if first:
        first = simulation.feed(context, runs, 0)
        feeding = clock.lap() * last / block
    update = updater(simulation, context)

    def steps(begin: int, end: int) -> None:
        nonlocal state
        now = {name: tensor[:, begin:end] for name, tensor in first.items()}
        state = update(state, data, now, range(begin, end))

    with torch.set_grad_enabled(facts.gradients):
        done, size, spent, counted = min(1, block), 1, 0.0, 0
        if done:
            steps(0, done)
            clock.lap()
        while done < block and spent < SPENT:
            end = min(done + size, block)
            steps(done, end)
            spent, counted = spent + clock.lap(), counted + end - done
            done, size = end, 2 * size
        simulation.measure(context, state, data)
        measuring = clock.lap() * len(facts.checkpoints)
    return start + feeding + measuring + (spent / counted * last if counted else 0.0)


class _Clock:
    """Time between two laps, after what was launched has ended."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        before, self._last = self._last, time.perf_counter()
        return self._last - before


class Probes:
    """What was timed, by shape, width and device; kept in the sweep's folder if that is there."""

    def __init__(self, out: Path | None) -> None:
        self._path = out / "probes.json" if out is not None else None
        self._known: dict[str, float] = {}
        with suppress(OSError, ValueError, AttributeError):
            if self._path is not None:
                found: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
                self._known = {name: float(one) for name, one in found.items()}

    def known(self, key: str) -> float | None:
        """Return the seconds of a run that were found before."""
        return self._known.get(key)

    def each(
        self, key: str, simulation: Simulation, runs: Sequence[Run], device: torch.device, how: str
    ) -> float:
        """Return the seconds of a run in a call of these, timed now if they were not before."""
        if key not in self._known:
            self._known[key] = seconds(simulation, runs, device, how) / len(runs)
            if self._path is not None and (self._path.parent / "bundles").is_dir():
                with suppress(OSError), replacing(self._path) as temporary:
                    temporary.write_text(json.dumps(self._known, indent=1), encoding="utf-8")
        return self._known[key]


def key_of(shape: tuple[Any, ...], width: int, device: torch.device, determinism: str) -> str:
    """Return what a time depends on."""
    kind, *rest = shape
    return " ".join([kind.__name__, *map(str, rest), str(width), describe(device), determinism])
