"""Importance sampling with proposals that adapt, judged by fresh draws only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scalefit.arrays import Array

from . import mixture, optimise
from .mixture import Mixture
from .target import Target
from .weights import Weights, smooth

ENOUGH = 150.0  # effective sample size to which weights are tempered
COMPONENTS = 10
ROUNDS = 16
AFTER = 2  # rounds at least, once no tempering is needed
MOST_AFTER = 8  # and at most
PLENTY = 1500.0  # effective sample size that makes further rounds needless
FIRST = 1536
EACH = 1024
DEFENCE = 0.05  # share of the prior in every proposal


@dataclass(frozen=True)
class Sweep:
    """Points spread over the prior, with their log prior and log density."""

    z: Array
    log_prior: Array
    log_density: Array


@dataclass(frozen=True)
class Proposal:
    """A density to draw from: mixtures of every round, and a little of the prior.

    Attributes
    ----------
    mixture
        All components.
    settled
        Whether the last rounds needed no tempering.
    """

    mixture: Mixture
    settled: bool

    def log_density(self, z: Array, log_prior: Array) -> Array:
        """Return the log density at z, shape (m, d), whose log prior is known."""
        value: Array = np.logaddexp(
            np.log1p(-DEFENCE) + self.mixture.log_density(z), np.log(DEFENCE) + log_prior
        )
        return value


@dataclass(frozen=True)
class Draws:
    """Points drawn from a proposal and used for nothing else.

    Attributes
    ----------
    z : shape (m, d)
    inner : shape (m, q)
        What was integrated out.
    log_prior, log_target, log_proposal : shape (m,)
    """

    z: Array
    inner: Array
    log_prior: Array
    log_target: Array
    log_proposal: Array

    def weights(self) -> Weights:
        """Return their smoothed importance weights."""
        return smooth(self.log_target - self.log_proposal)


def adapt(
    target: Target,
    sweep: Sweep,
    modes: optimise.Modes,
    rng: np.random.Generator,
    *,
    effort: int = 1,
    part: float = 1.0,
) -> Proposal:
    """Return a proposal that covers the posterior around the modes and whatever the sweep saw.

    With an effort above 1 points are judged by unbiased estimates, not by the approximate density.
    `part` is that of the usual rounds and points which are worth while.

    Every round fits a mixture to all points so far, each weighted by the density over that of all
    proposals together, tempered until enough of them count.

    Source
    ------
    Cornuet, Marin, Mira, Robert (2012), "Adaptive multiple importance sampling".
    """

    def judged(z: Array) -> Array:
        return target.exact(z, rng)[0] if effort > 1 else target.log_density(z)

    rounds = [modes.mixture()]
    sizes = [float(FIRST * effort)]
    z = np.concatenate([sweep.z, rounds[0].sample(int(sizes[0]), rng)])
    fresh = z[len(sweep.z) :]
    log_prior = np.concatenate([sweep.log_prior, target.log_prior(fresh)])
    seen = judged(sweep.z) if effort > 1 else sweep.log_density
    log_density = np.concatenate([seen, judged(fresh)])
    log_total = np.logaddexp(
        np.log(len(sweep.z)) + log_prior, np.log(sizes[0]) + rounds[0].log_density(z)
    )
    calm = 0
    settled = False
    for _ in range(math.ceil(part * ROUNDS)):
        likelihood = np.where(np.isfinite(log_density), log_density - log_prior, -np.inf)
        beta, probability, effective = temper(likelihood, log_prior - log_total, effort)
        settled = beta == 1.0
        calm += settled
        if calm > MOST_AFTER or (calm > part * AFTER and effective >= part * PLENTY):
            break
        proposal = mixture.fit(
            z, probability, rng, components=COMPONENTS + 2 * (effort - 1), effective=effective
        )
        size = EACH * effort
        fresh = proposal.sample(size, rng)
        prior = target.log_prior(fresh)
        before = np.log(len(sweep.z)) + prior
        for one, count in zip(rounds, sizes, strict=True):
            before = np.logaddexp(before, np.log(count) + one.log_density(fresh))
        z = np.concatenate([z, fresh])
        log_prior = np.concatenate([log_prior, prior])
        log_density = np.concatenate([log_density, judged(fresh)])
        log_total = np.logaddexp(
            np.concatenate([log_total, before]), np.log(size) + proposal.log_density(z)
        )
        rounds.append(proposal)
        sizes.append(float(size))
    return Proposal(mixture.pool(rounds, sizes), settled)


def draw(
    target: Target, proposal: Proposal, count: int, rng: np.random.Generator, *, effort: int = 1
) -> Draws:
    """Return fresh draws with the exact density of each."""
    few = int(DEFENCE * count)
    z = np.concatenate(
        [
            target.from_uniform(rng.random((few, target.dimension))),
            proposal.mixture.sample(count - few, rng),
        ]
    )
    log_prior = target.log_prior(z)
    log_target, inner = target.exact(z, rng, effort)
    return Draws(z, inner, log_prior, log_target, proposal.log_density(z, log_prior))


def merge(parts: list[Draws], proposals: list[Proposal]) -> Draws:
    """Return draws of several proposals as draws of their mixture."""
    z = np.concatenate([one.z for one in parts])
    log_prior = np.concatenate([one.log_prior for one in parts])
    starts = np.cumsum([0, *(len(one.z) for one in parts)])
    log_total = np.full(len(z), -np.inf)
    for k, (part, proposal) in enumerate(zip(parts, proposals, strict=True)):
        known = slice(starts[k], starts[k + 1])
        density = np.empty(len(z))
        density[known] = part.log_proposal
        for other in (slice(0, starts[k]), slice(starts[k + 1], len(z))):
            if other.start < other.stop:
                density[other] = proposal.log_density(z[other], log_prior[other])
        log_total = np.logaddexp(log_total, np.log(len(part.z) / len(z)) + density)
    return Draws(
        z,
        np.concatenate([one.inner for one in parts]),
        log_prior,
        np.concatenate([one.log_target for one in parts]),
        log_total,
    )


def temper(
    log_likelihood: Array, offset: Array | float = 0.0, effort: int = 1
) -> tuple[float, Array, float]:
    """Return the largest power of the likelihood at which enough points count.

    With it come the probabilities, from offset + power x log likelihood, and how many count.
    """

    def at(beta: float) -> tuple[Array, float]:
        logs = offset + beta * np.maximum(log_likelihood, -1e300)
        weight = np.exp(logs - logs.max())
        weight /= weight.sum()
        return weight, 1.0 / float(np.sum(weight**2))

    enough = ENOUGH * effort
    probability, effective = at(1.0)
    if effective >= enough:
        return 1.0, probability, effective
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = 0.5 * (low + high)
        if at(middle)[1] >= enough:
            low = middle
        else:
            high = middle
    return low, *at(low)
