"""Models of one curve weighed by their evidence, and draws averaged over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scalefit.arrays import Array

from . import ensemble, point
from .problem import HALF, Posterior, Problem, log_prior, model_row

Draw = Callable[[int, np.random.Generator, Callable[[int], bool]], dict[str, Array]]


def certified(
    problems: Sequence[Problem],
    *,
    draws: int,
    rng: np.random.Generator,
    tick: Callable[[], object] | None = None,
) -> Posterior:
    """Return the posterior over all models, each certified where its probability counts."""
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
    posterior = averaged(models, found.draw, draws, rng)
    known = {name: np.full(value.shape[2:], effective) for name, value in posterior.draws.items()}
    dropped = [one.problem.law.name for one in found.members if one.state == "dropped"]
    notes = posterior.notes
    if dropped:
        notes += (f"superfluous and not certified, left out: {'; '.join(dropped)}",)
    return replace(posterior, verdict=found.verdict, ess=known, models=models, notes=notes)


def preview(
    problems: Sequence[Problem],
    *,
    draws: int,
    rng: np.random.Generator,
    tick: Callable[[], object] | None = None,
) -> Posterior:
    """Return quick draws over all models, weighed by estimates of the evidence nothing checks."""
    if len(problems) == 1:
        return point.solve(problems[0], draws=draws, rng=rng)
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
        return ensemble.mixed(logs + prior, take, count, rng, keep)

    posterior = averaged(models, draw, draws, rng)
    unknown = {name: np.full(value.shape[2:], np.nan) for name, value in posterior.draws.items()}
    return replace(posterior, verdict=top.verdict, ess=unknown, models=models, notes=top.notes)


def headline(share: Mapping[int, float]) -> int:
    """Return the smallest number of regimes that is at least half as probable as the best."""
    best = max(share.values())
    return min(n for n, p in share.items() if p >= HALF * best)


def averaged(
    models: Sequence[Mapping[str, Any]], draw: Draw, draws: int, rng: np.random.Generator
) -> Posterior:
    """Return the draws of the number of regimes of the headline, and the average over all models.

    `draw(count, rng, keep)` gives draws of the models whose index `keep` accepts, in proportion to
    their probability.
    """

    def taken(kept: Sequence[bool]) -> dict[str, Array]:
        return {name: value[None] for name, value in draw(draws, rng, kept.__getitem__).items()}

    every = [True] * len(models)
    counts = [int(row["regimes"]) for row in models]
    share = dict.fromkeys(sorted(set(counts)), 0.0)
    for row, n in zip(models, counts, strict=True):
        share[n] += float(row["probability"])
    top = headline(share)
    groups: dict[str, Mapping[str, Array]] = {}
    if len(share) > 1:
        for n in share:
            groups[f"regimes_{n}"] = taken([count == n for count in counts])
        chosen = dict(groups[f"regimes_{top}"])
        groups["averaged"] = taken(every)
    else:
        chosen = taken(every)
    nothing = {name: np.full(value.shape[2:], np.nan) for name, value in chosen.items()}
    return Posterior(chosen, "ok", nothing, nothing, groups=groups)
