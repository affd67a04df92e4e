"""Jobs of a fit: one for each curve, over an executor, none lost to another's fault."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from scalefit.arrays import Array
from scalefit.curves.curve import Curve
from scalefit.errors import ConfigError, InvalidData, ScalefitError
from scalefit.inference import Posterior, infer, steps
from scalefit.laws.noise import NOISES
from scalefit.misfit import findings, verdict
from scalefit.progress import Advance, bar
from scalefit.record import Record
from scalefit.wording import counted

from .gathering import Gathering
from .odd_head import warning
from .plan import Model, Plan

WAITING = 64
"""Jobs handed to an executor at a time."""


@dataclass(frozen=True)
class Job:
    """One curve to fit, or one group of curves that are pooled."""

    plan: Plan
    curves: tuple[Curve, ...]
    models: tuple[tuple[Model, ...], ...]
    stream: np.random.SeedSequence
    cores: int
    label: str


@dataclass(frozen=True)
class Outcome:
    """The posterior of each curve of a job, and what they share if they are pooled."""

    posteriors: tuple[Posterior, ...]
    shared: Mapping[str, Array] | None = None


def run(
    plan: Plan,
    curves: Sequence[Curve],
    *,
    x: Sequence[Mapping[str, str]],
    y: Mapping[str, str],
    seed: int,
    executor: Executor | None,
    progress: bool,
) -> Record:
    """Return the posterior of every curve; see `scalefit.fit`."""
    work = Work(plan, curves, seed)
    with work.bar(executor, progress) as advance:
        found, failures = work.part(slice(0, len(curves)), executor, advance, x=x, y=y)
    if found.empty:
        raise failures[0]
    return found.record()


class Work:
    """The curves of a fit and what each is fitted with, solved all at once or part by part.

    A curve has the same stream of random numbers either way, and so the same posterior.
    """

    def __init__(self, plan: Plan, curves: Sequence[Curve], seed: int) -> None:
        self.plan = plan
        self.curves = curves
        self.seed = seed
        self._models = [() if curve.fault else plan.models(curve) for curve in curves]

    @contextmanager
    def bar(self, executor: Executor | None, progress: bool) -> Iterator[Advance]:
        """Yield what advances the bar over all curves."""
        plan, here = self.plan, executor is None
        total = sum(map(len, self._models)) * steps(plan.method)
        total = total if here else len(plan.groups(self.curves))
        unit = "draws" if plan.method == "nuts" else "models" if here else "curves"
        with bar(_first(), total, unit=unit, show=progress) as advance:
            yield advance

    def skip(self, part: slice, executor: Executor | None, advance: Advance) -> None:
        """Count a part that is there already as done."""
        models = self._models[part]
        here = sum(map(len, models)) * steps(self.plan.method)
        advance(here if executor is None else len(models))

    def part(
        self,
        part: slice,
        executor: Executor | None,
        advance: Advance,
        *,
        x: Sequence[Mapping[str, str]],
        y: Mapping[str, str],
    ) -> tuple[Gathering, list[Exception]]:
        """Return the posteriors of some of the curves, and what went wrong.

        Of pooled curves, all; of others, those of a range.
        """
        plan, curves, models = self.plan, self.curves[part], self._models[part]
        groups = plan.groups(curves)
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        cores = min(4, available) if executor is None else 1
        jobs = [
            Job(
                plan,
                tuple(curves[i] for i in members),
                tuple(models[i] for i in members),
                # as SeedSequence(seed).spawn gives them, without those of all curves before
                np.random.SeedSequence(self.seed, spawn_key=(part.start + place,)),
                cores,
                label,
            )
            for place, (label, members) in enumerate(groups)
        ]
        gathering = Gathering(plan, curves, models, x=x, y=y, seed=self.seed)
        failures: list[Exception] = []
        outcomes = _elsewhere(jobs, executor, advance) if executor else _here(jobs, advance)
        for index, outcome in outcomes:
            label, members = groups[index]
            if isinstance(outcome, Exception):
                failures.append(outcome)
                for member in members:
                    gathering.fail(member, f"unreliable: not fitted: {_said(outcome)}")
                continue
            for member, posterior in zip(members, outcome.posteriors, strict=True):
                gathering.put(member, posterior)
            if outcome.shared is not None:
                gathering.share(label, outcome.shared)
        return gathering, failures


def solve(job: Job, tick: Callable[[], object] | None = None) -> Outcome:
    """Return the posteriors of one job."""
    rng = np.random.default_rng(job.stream)
    if job.plan.pool:
        from scalefit.inference import pooled

        problems = [
            job.plan.problem(curve, models[0])
            for curve, models in zip(job.curves, job.models, strict=True)
        ]
        posteriors, shared = pooled.solve(problems, draws=job.plan.draws, rng=rng, tick=tick)
        doubted = map(partial(_doubted, job.plan), job.curves, posteriors)
        return Outcome(tuple(doubted), shared.draws)
    (curve,), (models,) = job.curves, job.models
    _possible(curve, models, job.plan.minimum_points)
    posterior = infer(
        [job.plan.problem(curve, model) for model in models],
        method=job.plan.method,
        draws=job.plan.draws,
        rng=rng,
        cores=job.cores,
        tick=tick,
        delta=job.plan.delta,
    )
    if job.plan.method == "huber":
        return Outcome((posterior,))
    found = warning(curve) if len(job.plan.counts) > 1 and curve.x.ndim == 1 else None
    notes = (*posterior.notes, *([found] if found else []))
    return Outcome((_doubted(job.plan, curve, replace(posterior, notes=notes)),))


def _doubted(plan: Plan, curve: Curve, posterior: Posterior) -> Posterior:
    """Return a posterior whose verdict and notes say what speaks against it."""
    law, noise = plan.widest, NOISES.get(plan.noise, NOISES["ar1"])
    usual = plan.priors == "default" and not plan.overrides
    found = findings(curve, law, noise, posterior, default_priors=usual)
    said = verdict(posterior.verdict, found)
    notes = tuple(str(one) for one in found if f"doubtful: {one}" != said)
    return replace(posterior, verdict=said, notes=(*posterior.notes, *notes))


def _possible(curve: Curve, models: Sequence[Model], minimum: int) -> None:
    """Refuse a curve that is constant or too short for every law, beside others that are not."""
    if curve.fault:
        raise InvalidData(curve.fault)
    if not models:
        have = counted(curve.distinct, "distinct value")
        raise InvalidData(f"{have} of x; the law needs {minimum}")
    if curve.constant:
        raise InvalidData(f"y is {curve.y[0]:g} at every point; a constant has no exponent")


def _said(error: Exception) -> str:
    """Return what went wrong; of what was not foreseen, its kind too."""
    return str(error) if isinstance(error, ScalefitError) else f"{type(error).__name__}: {error}"


def _first() -> str:
    """Return what the progress bar says while the first fit compiles the machine code."""
    from scalefit.inference.collapsed.kernel import evaluate

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
