"""Sweep: what a folder lacks of a configuration, trained on any executor, and put together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TYPE_CHECKING

from scalefit.errors import ConfigError, ScalefitError, nearest
from scalefit.progress import bar

from .calls import Call, Job, jobs
from .config import Config
from .device import (
    describe,
    exactly,
    inexact,
    one_thread,
    out_of_memory,
    release,
    resolve,
    spread,
)
from .families import FAMILIES, register
from .protocol import Run
from .provenance import origin
from .store import KEY, POINTS, Index, Store
from .trajectories import Piece, concat, piece, simulated

if TYPE_CHECKING:
    import os

    import torch
    import xarray as xr

    from .claims import Claim

DETERMINISM = ("fast", "exact")
KEEP_EVERY = 10.0
"""Seconds after which finished runs are written, if the job goes on."""
LOOK_EVERY = 0.2
"""Seconds between two looks at what other processes train."""

_TURN = threading.Lock()
"""Threads of one process take turns, for PyTorch's settings belong to the process."""


def expand(config: Config, root: int) -> list[Run]:
    """Return the runs of a configuration, each once, in the order of its points and seeds."""
    runs = [Run(settings, seed, root) for settings in config.points for seed in config.seeds]
    return list({run.text: run for run in runs}.values())


def share(runs: Sequence[Run], shard: str | tuple[int, int] | None) -> list[Run]:
    """Return the share of the runs that a shard takes: of `"2/5"` the second of every five.

    Raises
    ------
    ConfigError
        If it is not `"i/n"` with i from 1 to n.
    """
    if shard is None:
        return list(runs)
    try:
        part, parts = (int(one) for one in (shard.split("/") if isinstance(shard, str) else shard))
    except (ValueError, TypeError, AttributeError):
        part, parts = 0, 0
    if not 1 <= part <= parts:
        raise ConfigError(f"argument 'shard' is {shard!r}; give i/n with i from 1 to n, as 2/5")
    return [run for at, run in enumerate(runs) if at % parts == part - 1]


def run(
    config: Config,
    *,
    device: str,
    out: str | os.PathLike[str] | None,
    executor: Executor | None,
    determinism: str,
    seed: int,
    progress: bool,
    shard: str | tuple[int, int] | None = None,
) -> xr.Dataset:
    """Return the trajectory of every run; the body of `scalefit.trainers.run`."""
    if executor is None:
        resolve(device)  # elsewhere the workers' devices count
    runs = share(expand(config, seed), shard)
    if not runs:
        raise ConfigError(f"argument 'shard' is {shard!r}, but the sweep has fewer runs")
    label = config.family if progress else None
    if out is None:
        made = _execute(jobs(runs, device, determinism), None, executor, label)
        result = concat([one.drop_vars([KEY, POINTS]) for one in made])
    else:
        store = Store(out)
        store.open()
        store.note(config.to_json(), determinism, seed)
        result = _kept(runs, store, device, executor, determinism, label)
    place = {str(name): at for at, name in enumerate(result["run"].values)}
    order = [place[one.label] for one in runs]
    if order != list(range(len(order))) or len(order) < result.sizes["run"]:
        result = result.isel(run=order)
    return result.drop_attrs(deep=False).assign_attrs(**result.attrs, config=config.to_json())


def _kept(
    runs: Sequence[Run],
    store: Store,
    device: str,
    executor: Executor | None,
    determinism: str,
    label: str | None,
) -> xr.Dataset:
    """Return the runs' trajectory from the folder, after training what it lacks."""
    from .probe import Probes

    tried: dict[str, int] = {}
    together = True
    while True:
        index = store.index()
        missing = [
            run
            for run in runs
            if index.find(run, determinism) is None
            and not (run.key(determinism) in tried and run.key(determinism) in index.places)
        ]
        lost = [run for run in missing if tried.get(run.key(determinism), 0) > 2]
        if lost:
            raise ScalefitError(
                f"out '{store.out}': '{lost[0].label}' was trained three times, and cannot be read "
                "back: look at the disk, or name another folder"
            )
        if missing:
            elsewhere = {key for claim in store.claims.living() for key in claim.keys}
            free = [run for run in missing if run.key(determinism) not in elsewhere]
            if not free:
                time.sleep(LOOK_EVERY)
                continue
            todo = jobs(free, device, determinism, store.states(), Probes(store.out))
            _execute(todo, store, executor, label)
            together = False
            tried |= {key: tried.get(key, 0) + 1 for key in (run.key(determinism) for run in free)}
            continue
        if not together:  # before they are read, for one file takes less time than many
            together = True
            store.gather()
            continue
        found = _read(runs, store, index, determinism)
        if found is not None:
            store.clear(index.places)
            store.claims.living()  # which clears away those of dead processes
            return found


def _read(runs: Sequence[Run], store: Store, index: Index, determinism: str) -> xr.Dataset | None:
    """Return runs that are all in the folder; None if a file turned out to be damaged."""
    places = [index.find(run, determinism) or index.places[run.key(determinism)] for run in runs]
    found = store.read(dict.fromkeys(places))
    return None if found is None else concat(found)


def finished(done: Sequence[Piece], determinism: str, device: torch.device) -> xr.Dataset:
    """Return the trajectory of pieces of one form, with keys."""
    runs = [run for one in done for run in one.runs]
    points = [next(iter(one.values.values())).shape[1] for one in done for _ in one.runs]
    facts = done[0].simulation.facts(done[0].runs[0].settings)
    attrs = {
        "seed": runs[0].root,
        "device": describe(device),
        "dtype": facts.dtype,
        "determinism": determinism,
        **origin("numpy", "torch"),
    }
    keys = [run.key(determinism) for run in runs]
    return simulated(done, attrs, {KEY: keys, POINTS: points})


def work(
    job: Job,
    store: Store | None,
    advance: Callable[[float], object] = lambda amount: None,
    number: int = 0,
) -> list[xr.Dataset]:
    """Train what is left of a job; return the trajectories if there is no store to keep them.

    Runs that are there, or that another process has claimed, are left as they are.
    """
    if job.family.name not in FAMILIES:
        register(job.family)
    where = resolve(spread(job.device, number))
    claim: Claim | None = None
    todo = list(job.calls)
    if store:
        with store.claims.turn():
            # claims first: what is dropped after they are looked at is in the index by then
            taken = {key for one in store.claims.living() for key in one.keys}
            index = store.index()

            def free(run: Run) -> bool:
                there = index.find(run, job.determinism)
                return there is None and run.key(job.determinism) not in taken

            todo = [
                Call(left, call.device, call.state)
                for call in job.calls
                if (left := tuple(run for run in call.runs if free(run)))
            ]
            if not todo:
                return []
            keys = [run.key(job.determinism) for call in todo for run in call.runs]
            claim = store.claims.make(keys)
    try:
        return _worked(job, todo, where, store, claim, advance)
    finally:
        if claim is not None:
            claim.drop()


def _worked(
    job: Job,
    todo: Sequence[Call],
    where: torch.device,
    store: Store | None,
    claim: Claim | None,
    advance: Callable[[float], object],
) -> list[xr.Dataset]:
    """Train calls, and write what is finished every few seconds."""
    made: list[xr.Dataset] = []
    done: list[Piece] = []
    kept, through = time.monotonic(), 0.0

    def tell(amount: float) -> None:
        nonlocal through
        through += amount
        advance(amount)
        if claim is not None:
            claim.tell(through)

    def keep() -> None:
        forms: dict[object, list[Piece]] = {}
        for one in done:
            forms.setdefault(one.form, []).append(one)
        for group in forms.values():
            found = finished(group, job.determinism, where)
            if store is None:
                made.append(found)
                continue
            store.write(found)
            for one in group:
                store.state([run.key(job.determinism) for run in one.runs]).drop()
        done.clear()

    for call in todo:
        for one in _trained(call, job.determinism, where, store, tell):
            done.append(one)
            if store is not None and time.monotonic() - kept > KEEP_EVERY:
                keep()
                kept = time.monotonic()
    if done:
        keep()
    return made


def _trained(
    call: Call,
    determinism: str,
    where: torch.device,
    store: Store | None,
    advance: Callable[[float], object],
) -> Iterator[Piece]:
    """Yield what a call gave, in halves as long as memory does not suffice."""
    from . import loop

    one = call.simulation
    slot = None
    if store is not None:
        slot = store.state([run.key(determinism) for run in call.runs])
        slot.identities = tuple(run.text for run in call.runs)
        slot.source = call.state
    outcome = None
    try:
        with _TURN, one_thread(), exactly(determinism == "exact"):
            outcome = loop.train(one, call.runs, where, slot=slot, advance=advance)
    except Exception as error:
        if not out_of_memory(error):
            told = inexact(error, call.runs[0].settings.family, where)
            if told is error:
                raise
            raise told from None
    # outside the except block, whose traceback holds on to the tensors
    if outcome is None:
        release(where)
        if len(call.runs) > 1:
            half = len(call.runs) // 2
            kept = slot.path if slot is not None and slot.path.exists() else call.state
            for part in (call.runs[:half], call.runs[half:]):
                again = Call(part, call.device, kept)
                yield from _trained(again, determinism, where, store, advance)
            return
        advance(1.0)
    yield piece(one, call.runs, outcome)


def _execute(
    todo: Sequence[Job],
    store: Store | None,
    executor: Executor | None,
    label: str | None,
) -> list[xr.Dataset]:
    """Train jobs here or on an executor, the longest first; return what no store keeps."""
    made: list[xr.Dataset] = []
    total = sum(len(job.runs) for job in todo)
    spent = {id(job): job.work for job in todo}
    rate = total / (sum(spent.values()) or 1.0)
    pending = 0.0
    with bar(label or "", total, unit="runs", show=label is not None) as advance:

        def tell(each: float, runs: float) -> None:
            nonlocal pending
            pending += each * runs
            if abs(pending) >= total / 500:  # the bar's rate is that of the last 1000 calls
                advance(pending)
                pending = 0.0

        if executor is None:
            for job in todo:
                each = rate * spent[id(job)] / len(job.runs)
                made += work(job, store, partial(tell, each))
            return made
        futures: dict[Future[list[xr.Dataset]], Job] = {}
        try:
            for number, job in enumerate(todo):
                futures[executor.submit(work, job, store, number=number)] = job
            for future in as_completed(futures):
                made += future.result()
                advance(rate * spent[id(futures[future])])
        except BrokenProcessPool:
            kept = f"; what was finished is kept in {store.folder}" if store else ""
            raise ScalefitError(
                f"a worker process died, perhaps for want of memory{kept}: take fewer workers, "
                "then run the same again"
            ) from None
        finally:
            for future in futures:
                future.cancel()
    return made


def require_determinism(word: object) -> None:
    """Raise ConfigError unless the object is a level of determinism."""
    if word not in DETERMINISM:
        hint = nearest(str(word), DETERMINISM)
        raise ConfigError(f"argument 'determinism' is {word!r}; {hint}")
