"""Calls and jobs: which runs train side by side, and what a worker does at a time.

A call is what trains side by side: runs of equal shape, as many as the device takes well. A job is
what a worker claims: calls that together last some seconds. Neither enters a run's identity, so
that a sweep can go on with other ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scalefit.errors import ConfigError

from .device import resolve
from .families import find, simulation
from .protocol import Family, Run

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from .probe import Probes
    from .protocol import Simulation
    from .states import Saved

RATE = 5e9
"""Floating-point operations per second of one CPU core, for estimates of cost."""
LASTING = 8.0
"""Seconds of a job on a CPU core, at most, unless a single call takes longer."""
PARTS = 16
"""Jobs that a sweep is cut into, at least, if they are not very short, for others to take some."""
SHORTEST = 1.0
"""Seconds of a job on a CPU core that are worth a file."""
WIDEST = 4096
"""Runs side by side on a GPU, at most."""


@dataclass(frozen=True)
class Call:
    """Runs of equal shape that train side by side.

    Attributes
    ----------
    runs
        In the order of the first axis of their tensors.
    device
        Name of where they train.
    state
        The file that holds a state of all of them; it may hold more.
    """

    runs: tuple[Run, ...]
    device: str
    state: Path | None = None

    @property
    def simulation(self) -> Simulation:
        """Return how its runs are trained."""
        return simulation(self.runs[0].settings)

    @property
    def work(self) -> float:
        """Return the floating-point operations of all runs, roughly."""
        return operations(self.runs)


@dataclass(frozen=True)
class Job:
    """Calls that a worker claims and trains one after another.

    Attributes
    ----------
    family
        Of all runs, so that a worker knows it.
    calls
        Of one protocol.
    determinism
        `"fast"` or `"exact"`.
    device
        Name of where they train.
    """

    family: Family
    calls: tuple[Call, ...]
    determinism: str
    device: str

    @property
    def runs(self) -> list[Run]:
        """Return the runs of all calls."""
        return [run for call in self.calls for run in call.runs]

    @property
    def work(self) -> float:
        """Return the floating-point operations of all calls, roughly."""
        return sum(call.work for call in self.calls)


def operations(runs: Sequence[Run]) -> float:
    """Return the floating-point operations of runs of one protocol, roughly."""
    one = simulation(runs[0].settings)
    return sum(one.cost(run.settings).operations for run in runs)


def shape_of(run: Run) -> tuple[Any, ...]:
    """Return what a run must have in common with others to train beside them."""
    one = simulation(run.settings)
    return (type(one), run.settings.family, run.settings.protocol, *one.shape(run.settings))


def grouped(runs: Iterable[Run]) -> dict[tuple[Any, ...], list[Run]]:
    """Return the runs by shape, in the order in which shapes occur."""
    groups: dict[tuple[Any, ...], list[Run]] = {}
    known: dict[int, tuple[Any, ...]] = {}
    for run in runs:
        place = id(run.settings)  # replicates share their settings
        if place not in known:
            known[place] = shape_of(run)
        groups.setdefault(known[place], []).append(run)
    return groups


def width(run: Run, device: torch.device, determinism: str) -> int:
    """Return how many runs to train side by side.

    With `determinism="exact"` one, so that no run's rounding depends on its neighbours. A GPU takes
    what fits into half its free memory.
    """
    import torch

    if determinism == "exact":
        return 1
    cost = simulation(run.settings).cost(run.settings)
    if device.type != "cuda":
        return cost.width
    free = torch.cuda.mem_get_info(device)[0] / 2 - cost.shared
    return min(max(int(free / cost.memory), 1), WIDEST)


def calls(
    runs: Sequence[Run],
    device: str,
    determinism: str,
    saved: Sequence[Saved] = (),
    probes: Probes | None = None,
) -> list[Call]:
    """Return the calls of some runs: those that have a state first, as they were begun.

    Parameters
    ----------
    device
        As users name it; each shape of `"auto"` goes where a probe finds it faster.
    saved
        States, the furthest last.
    probes
        What was timed before.
    """
    at = {run.key(determinism): run for run in runs} if saved else {}
    found = []
    for one in reversed(saved):
        held = grouped(at.pop(key) for key in one.keys if key in at).values()
        found += [Call(tuple(group), device, one.path) for group in held]
    begun = {id(run) for call in found for run in call.runs}
    for shape, group in grouped(run for run in runs if id(run) not in begun).items():
        group.sort(key=lambda run: run.seed)
        name, size = best(shape, group, device, determinism, probes)
        found += [
            Call(tuple(group[first : first + size]), name) for first in range(0, len(group), size)
        ]
    return found


def best(
    shape: tuple[Any, ...],
    runs: Sequence[Run],
    device: str,
    determinism: str,
    probes: Probes | None,
) -> tuple[str, int]:
    """Return the device on which runs of a shape train, and how many of them side by side."""
    import torch

    if device != "auto" or not torch.cuda.is_available():
        try:
            where = resolve(device)
        except ConfigError:  # the executor's workers may have it
            where = resolve("cpu")
        return device, width(runs[0], where, determinism)
    from .probe import Probes, key_of

    probes = probes or Probes(None)
    times: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for name in ("cuda", "cpu"):
        where = resolve(name)
        sizes[name] = width(runs[0], where, determinism)
        part = runs[: sizes[name]]
        key = key_of(shape, len(part), where, determinism)
        one = simulation(runs[0].settings)
        times[name] = probes.each(key, one, part, where, determinism)
    name = min(times, key=lambda one: times[one])
    return name, sizes[name]


def jobs(
    runs: Sequence[Run],
    device: str,
    determinism: str,
    saved: Sequence[Saved] = (),
    probes: Probes | None = None,
) -> list[Job]:
    """Return the jobs of some runs, the longest first; arguments as those of `calls`."""
    groups: dict[tuple[str, str, str], list[tuple[Call, float]]] = {}
    for call in calls(runs, device, determinism, saved, probes):
        settings = call.runs[0].settings
        key = (settings.family, settings.protocol, call.device)
        groups.setdefault(key, []).append((call, call.work))
    total = sum(work for group in groups.values() for _, work in group)
    most = RATE * min(LASTING, max(total / RATE / PARTS, SHORTEST))
    found: list[tuple[float, Job]] = []
    for (name, _, where), group in groups.items():
        family = find(name)
        inside: list[Call] = []
        spent = 0.0
        for call, work in sorted(group, key=lambda one: -one[1]):
            if inside and spent + work > most:
                found.append((spent, Job(family, tuple(inside), determinism, where)))
                inside, spent = [], 0.0
            inside.append(call)
            spent += work
        if inside:
            found.append((spent, Job(family, tuple(inside), determinism, where)))
    return [job for _, job in sorted(found, key=lambda one: -one[0])]
