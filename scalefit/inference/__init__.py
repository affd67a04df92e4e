"""Posterior engines behind one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalefit.errors import ConfigError, nearest

from .diagnostics import misgivings
from .problem import Posterior, Problem, log_prior, model_row

__all__ = ["METHODS", "Posterior", "Problem", "infer", "resolve", "steps"]

Array = NDArray[np.float64]

METHODS = {
    "certified": "importance sampling from two independent searches that must agree, with evidence",
    "nuts": "NUTS on the PyMC model, four chains from dispersed optima",
    "point": "draws around a few optima, weighted once: milliseconds, a preview",
}
DEFAULT = "certified"


def infer(
    problems: Sequence[Problem],
    *,
    method: str = "auto",
    draws: int = 1000,
    rng: np.random.Generator,
    cores: int = 1,
    tick: Callable[[], object] | None = None,
) -> Posterior:
    """Return the posterior of one curve under one or several models, by the named method.

    Parameters
    ----------
    problems
        One curve under different laws or noises; with several, draws are averaged over them.
    method
        A key of `METHODS`, or `"auto"`: the most trustworthy one.
    draws
        Draws to keep.
    rng
        Source of every random number.
    cores
        Processes that one problem may use.
    tick
        Called as work is done, about `steps(method)` times for each problem.

    Raises
    ------
    ConfigError
        If the method is unknown, or has no evidence to weigh several models with.
    """
    method = resolve(method)
    if method == "certified":
        return _certified(problems, draws, rng, tick)
    if method == "point":
        return _points(problems, draws, rng, tick)
    if len(problems) > 1:
        raise ConfigError(
            "method='nuts' cannot weigh models against each other: name one number of regimes, "
            "floor=True or False, and one noise; or leave method='auto'"
        )
    from . import nuts

    posterior = nuts.solve(problems[0], draws=draws, rng=rng, cores=cores, tick=tick)
    return replace(posterior, notes=(*posterior.notes, *misgivings(problems[0], posterior)))


def resolve(method: str) -> str:
    """Return the engine that a method name stands for.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if method == "auto":
        return DEFAULT
    if method not in METHODS:
        raise ConfigError(f"method='{method}' is unknown; {nearest(method, ['auto', *METHODS])}")
    return method


def steps(method: str) -> int:
    """Return how often an engine calls `tick` for one problem."""
    if resolve(method) != "nuts":
        return 1
    from . import nuts

    return nuts.CHAINS * (nuts.TUNE + nuts.EFFORTS[0][0])


def _certified(
    problems: Sequence[Problem],
    draws: int,
    rng: np.random.Generator,
    tick: Callable[[], object] | None,
) -> Posterior:
    from . import ensemble

    found = ensemble.explore(problems, rng, tick)
    probability = found.probability
    models = tuple(
        model_row(
            one.problem,
            one.state,
            probability=float(p),
            log_evidence=one.solved.certificate.log_evidence,
            error=one.solved.certificate.error,
            apart=one.solved.certificate.apart,
            effective=one.solved.certificate.effective,
            k_hat=one.solved.certificate.shape,
            effort=one.solved.certificate.effort,
        )
        for one, p in zip(found.members, probability, strict=True)
    )
    effective = float(probability @ [row["effective"] for row in models])
    posterior = _averaged(models, found.draw, draws, rng)
    known = {name: np.full(value.shape[2:], effective) for name, value in posterior.draws.items()}
    best = problems[int(np.argmax(probability))]
    posterior = replace(posterior, verdict=found.verdict, ess=known, models=models)
    dropped = [one.problem.law.name for one in found.members if one.state == "dropped"]
    notes = posterior.notes
    if dropped:
        notes += (f"superfluous and not certified, left out: {'; '.join(dropped)}",)
    if len(problems) == 1:
        notes += tuple(misgivings(best, posterior))
    return replace(posterior, notes=notes)


def _points(
    problems: Sequence[Problem],
    draws: int,
    rng: np.random.Generator,
    tick: Callable[[], object] | None,
) -> Posterior:
    from . import point
    from .ensemble import mixed

    if len(problems) == 1:
        posterior = point.solve(problems[0], draws=draws, rng=rng)
        return replace(posterior, notes=(*posterior.notes, *misgivings(problems[0], posterior)))
    found = []
    for problem in problems:
        found.append(point.approximate(problem, draws=draws, rng=rng))
        if tick is not None:
            tick()
    logs = np.array([evidence for _, evidence in found])
    prior = np.array([log_prior(problem.law) for problem in problems])
    weight = np.exp(logs + prior - np.max(logs + prior))
    probability = weight / weight.sum()
    models = tuple(
        model_row(problem, "preview", probability=float(p), log_evidence=float(log), effort=0)
        for problem, p, log in zip(problems, probability, logs, strict=True)
    )
    parts = [{name: value[0] for name, value in posterior.draws.items()} for posterior, _ in found]
    top = found[int(np.argmax(probability))][0]

    def take(i: int, n: int) -> dict[str, Array]:
        at = rng.integers(len(parts[i]["noise"]), size=n)
        return {name: value[at] for name, value in parts[i].items()}

    def draw(count: int, rng: np.random.Generator, keep: Callable[[int], bool]) -> dict[str, Array]:
        return mixed(logs + prior, take, count, rng, keep)

    posterior = _averaged(models, draw, draws, rng)
    unknown = {name: np.full(value.shape[2:], np.nan) for name, value in posterior.draws.items()}
    return replace(posterior, verdict=top.verdict, ess=unknown, models=models, notes=top.notes)


def _averaged(
    models: Sequence[Mapping[str, Any]],
    draw: Callable[..., dict[str, Array]],
    draws: int,
    rng: np.random.Generator,
) -> Posterior:
    """Return the draws of the most probable number of regimes, and the averages over models."""

    def taken(kept: Sequence[bool]) -> dict[str, Array]:
        return {name: value[None] for name, value in draw(draws, rng, kept.__getitem__).items()}

    every = [True] * len(models)
    counts = [int(row["regimes"]) for row in models]
    share = dict.fromkeys(sorted(set(counts)), 0.0)
    for row, n in zip(models, counts, strict=True):
        share[n] += float(row["probability"])
    top = max(share, key=lambda n: share[n])
    groups: dict[str, Mapping[str, Array]] = {}
    if len(share) > 1:
        for n in share:
            groups[f"regimes_{n}"] = taken([count == n for count in counts])
        chosen = dict(groups[f"regimes_{top}"])
    else:
        chosen = taken(every)
    floors = [bool(row["floor"]) for row in models]
    if len(share) > 1:
        groups["averaged"] = taken(every)
    if any(floors) and not all(floors):
        groups["forecast"] = taken(floors)
    nothing = {name: np.full(value.shape[2:], np.nan) for name, value in chosen.items()}
    return Posterior(chosen, "ok", nothing, nothing, groups=groups)
