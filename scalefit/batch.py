"""Many curves: one job each, over an executor, in bounded memory, none lost to another's fault."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .curves import Curve
from .errors import ConfigError, InvalidData
from .head import warning
from .inference import Posterior, Problem, infer, steps
from .io.wording import counted
from .plan import Plan
from .progress import bar
from .record import Store
from .result import Fit

WAITING = 64
"""Jobs handed to an executor at a time."""


@dataclass(frozen=True)
class Job:
    """One curve to fit, or one group of curves that are pooled."""

    plan: Plan
    curves: tuple[Curve, ...]
    stream: np.random.SeedSequence
    cores: int
    label: str


@dataclass(frozen=True)
class Outcome:
    """The posterior of each curve of a job, and what they share if they are pooled."""

    posteriors: tuple[Posterior, ...]
    shared: Mapping[str, NDArray[np.float64]] | None = None


def run(
    plan: Plan,
    curves: Sequence[Curve],
    *,
    x: Mapping[str, str],
    y: Mapping[str, str],
    seed: int,
    executor: Executor | None,
    progress: bool,
) -> Fit:
    """Return the fit of every curve; see `scalefit.fit`."""
    groups = plan.groups(curves)
    streams = np.random.SeedSequence(seed).spawn(len(groups))
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    cores = min(4, available) if executor is None else 1
    jobs = [
        Job(plan, tuple(curves[i] for i in members), stream, cores, label)
        for (label, members), stream in zip(groups, streams, strict=True)
    ]
    store = Store(plan, curves, x=x, y=y, seed=seed)
    failures: list[Exception] = []
    models = sum(len(plan.problems(curve)) for curve in curves)
    total = len(jobs) if executor is not None else models * steps(plan.method)
    unit = "draws" if plan.method == "nuts" else "models" if executor is None else "curves"
    with bar(_first(), total, unit=unit, show=progress) as advance:
        outcomes = _elsewhere(jobs, executor, advance) if executor else _here(jobs, advance)
        for index, outcome in outcomes:
            label, members = groups[index]
            if isinstance(outcome, Exception):
                failures.append(outcome)
                for member in members:
                    store.fail(member, f"failed: {type(outcome).__name__}: {outcome}")
                continue
            for member, posterior in zip(members, outcome.posteriors, strict=True):
                store.put(member, posterior)
            if outcome.shared is not None:
                store.share(label, outcome.shared)
    if len(failures) == len(jobs):
        raise failures[0]
    return Fit(plan.widest, store.tree())


def solve(job: Job, tick: Callable[[], object] | None = None) -> Outcome:
    """Return the posteriors of one job."""
    rng = np.random.default_rng(job.stream)
    if job.plan.pool:
        from .inference import pooled

        problems = [job.plan.problems(curve)[0] for curve in job.curves]
        posteriors, shared = pooled.solve(problems, draws=job.plan.draws, rng=rng, tick=tick)
        return Outcome(tuple(posteriors), shared.draws)
    problems = job.plan.problems(job.curves[0])
    _possible(job.curves[0], problems, job.plan.minimum_points)
    posterior = infer(
        problems,
        method=job.plan.method,
        draws=job.plan.draws,
        rng=rng,
        cores=job.cores,
        tick=tick,
    )
    found = warning(job.curves[0]) if len(job.plan.counts) > 1 else None
    notes = (*posterior.notes, *([found] if found else []))
    return Outcome((replace(posterior, notes=notes),))


def _possible(curve: Curve, problems: Sequence[Problem], minimum: int) -> None:
    """Refuse a curve that says nothing of an exponent, beside others that do."""
    if not problems:
        have = counted(curve.distinct, "distinct value")
        raise InvalidData(f"{have} of x; the law needs {minimum}")
    if curve.constant:
        raise InvalidData(f"y is {curve.y[0]:g} at every point; a constant has no exponent")


def _first() -> str:
    """Return what the bar says until the first model is done; machine code is made only once."""
    from .inference.collapsed.kernel import evaluate

    known = Path(evaluate.stats.cache_path)  # type: ignore[attr-defined]
    return "fitting" if any(known.glob("kernel.evaluate-*.nbi")) else "compiling, once"


def _here(
    jobs: Sequence[Job], advance: Callable[..., None]
) -> Iterator[tuple[int, Outcome | Exception]]:
    for index, job in enumerate(jobs):
        label = f"fitting {job.label}"
        if index:
            advance(0, label=label)
        yield index, _guarded(job, partial(advance, 1, label=label))


def _elsewhere(
    jobs: Sequence[Job], executor: Executor, advance: Callable[..., None]
) -> Iterator[tuple[int, Outcome | Exception]]:
    """Yield outcomes as they come, with a bounded number of jobs under way.

    What was under way when a worker died is tried again at the end, one job after the other, which
    tells the one that kills from those that were lost with it. An executor that is of no use after
    a death, as the plain pools of processes are, fails them all.
    """
    pending: dict[Future[Outcome | Exception], int] = {}
    upcoming = iter(enumerate(jobs))
    lost: list[int] = []
    try:
        while True:
            while len(pending) < WAITING:
                following = next(upcoming, None)
                if following is None:
                    break
                index, job = following
                try:
                    pending[executor.submit(_guarded, job)] = index
                except BrokenExecutor:
                    lost.append(index)
            if not pending:
                break
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                index = pending.pop(future)
                outcome = _result(future)
                if isinstance(outcome, BrokenExecutor):
                    lost.append(index)
                    continue
                advance(1, label=f"{jobs[index].label} done")
                yield index, outcome
        for index in sorted(lost):
            try:
                outcome = _result(executor.submit(_guarded, jobs[index]))
            except BrokenExecutor as error:
                outcome = error
            advance(1, label=f"{jobs[index].label} done")
            yield index, outcome
    finally:
        for future in pending:
            future.cancel()


def _result(future: Future[Outcome | Exception]) -> Outcome | Exception:
    try:
        return future.result()
    except ConfigError:
        raise
    except Exception as error:  # a worker that died
        return error


def _guarded(job: Job, tick: Callable[[], object] | None = None) -> Outcome | Exception:
    """Return the posterior, or what went wrong; a wrong argument is wrong for every curve."""
    try:
        return solve(job, tick)
    except ConfigError:
        raise
    except Exception as error:
        return error
