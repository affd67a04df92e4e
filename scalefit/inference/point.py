"""Point method, a fast preview: a few local maxima, and one round of weights around them."""

from __future__ import annotations

import numpy as np

from .full import target_of
from .importance import temper
from .optimise import Modes, climb, join, spread
from .problem import Posterior, Problem
from .target import Target
from .weights import equal_weight, smooth

SWEPT = 64
EVERY = 5  # of how many candidates of a source one is looked at: neighbours are alike
STARTS = 4  # from each source
ROUNDS = 12  # of steps from the best optimum, while they still gain
LEFT = 0.1  # nats that another round may gain before the optimum counts as missed
PROPOSED = 512  # points at least, and half as many as draws


def solve(problem: Problem, *, draws: int, rng: np.random.Generator) -> Posterior:
    """Return draws around the best optima, weighted once.

    A preview: nothing checks whether an optimum was missed. Where too few draws have weight, the
    weights are evened out, which widens intervals.
    """
    return approximate(problem, draws=draws, rng=rng)[0]


def approximate(
    problem: Problem, *, draws: int, rng: np.random.Generator
) -> tuple[Posterior, float]:
    """Return what `solve` does, and an estimate of the log evidence from the same weights."""
    target = target_of(problem)
    modes, left = settle(target, optima(target, rng))
    proposal = modes.mixture()
    z = proposal.sample(max(draws // 2, PROPOSED), rng)
    height, inner = target.exact(z, rng)
    surprise = height - proposal.log_density(z)
    weights = smooth(surprise)
    power, probability, effective = temper(surprise)
    picked = equal_weight(weights.probability if power == 1.0 else probability, draws, rng)
    sampled = target.sampled(z[picked], inner[picked])
    natural = {**sampled, **problem.law.natural(sampled, problem.window)}
    values = {name: value[None] for name, value in natural.items()}
    unknown = {name: np.full(value.shape[2:], np.nan) for name, value in values.items()}
    verdict = "ok"
    if not left <= LEFT:
        verdict = (
            f"the optimum was not reached (the last steps still gained {left:.2g} nats, "
            f"limit {LEFT}); try method='auto' or fewer regimes"
        )
    notes = ["intervals come from one quick search around its optima: a preview, not a posterior"]
    if power < 1.0:
        notes.append(
            f"weights were evened out to {effective:.0f} independent draws: rough intervals"
        )
    return Posterior(values, verdict, unknown, unknown, notes=tuple(notes)), weights.log_evidence


def optima(target: Target, rng: np.random.Generator, *, starts: int = STARTS) -> Modes:
    """Return the distinct local maxima found from the best starts of every source."""
    sources = [target.sweep(SWEPT), *(z[::EVERY] for z in target.sources(rng).values())]
    best = [spread(z, target.log_density(z), starts, target.halved) for z in sources]
    return climb(target, np.concatenate(best))


def settle(target: Target, modes: Modes) -> tuple[Modes, float]:
    """Return the modes after further steps from the best, and the nats gained by the last."""
    left = np.inf
    best = modes.first(1)
    for _ in range(ROUNDS):
        before = float(best.log_density[0])
        best = climb(target, best.z, fine=True)
        left = float(best.log_density[0]) - before
        if left <= LEFT:
            break
    return join([best, modes]), left
