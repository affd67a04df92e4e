"""The slower method: a population carried from the prior to the posterior in small steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import mixture
from .importance import COMPONENTS, Proposal
from .target import Target
from .weights import equal_weight

Array = NDArray[np.float64]

PARTICLES = 2048
KEEP = 0.9  # of the effective sample size, in every step
MOVES = 6
STEPS = 400


def explore(target: Target, rng: np.random.Generator) -> Proposal:
    """Return a proposal fitted to particles that were tempered from the prior.

    Each step raises the power of the likelihood until a tenth of the effective sample size is lost,
    resamples, and moves every particle by Metropolis steps of three kinds: independent draws from a
    mixture fitted to the population, differences of two other particles, and small normal steps.

    Source
    ------
    Del Moral, Doucet, Jasra (2006), "Sequential Monte Carlo samplers"; moves by differences as in
    ter Braak (2006).
    """
    z = target.from_uniform(rng.random((PARTICLES, target.dimension)))
    prior, density = target.log_prior(z), target.log_density(z)
    beta = 0.0
    for _ in range(STEPS):
        step = _step(density - prior, 1.0 - beta)
        beta += step
        logs = step * np.maximum(density - prior, -1e300)
        weight = np.exp(logs - logs.max())
        picked = equal_weight(weight / weight.sum(), PARTICLES, rng)
        z, prior, density = z[picked], prior[picked], density[picked]
        flat = np.full(PARTICLES, 1.0 / PARTICLES)
        guide = mixture.fit(z, flat, rng, components=COMPONENTS, effective=PARTICLES)
        covariance = np.cov(z.T).reshape(2 * (z.shape[1],))
        covariance += 1e-12 * np.eye(len(covariance))
        spread = np.asarray(np.linalg.cholesky(covariance), dtype=float)
        for move in range(MOVES):
            z, prior, density = _move(target, guide, spread, z, prior, density, beta, move, rng)
        if beta >= 1.0:
            break
    flat = np.full(PARTICLES, 1.0 / PARTICLES)
    last = mixture.fit(z, flat, rng, components=COMPONENTS, effective=PARTICLES)
    return Proposal(last, beta >= 1.0)


def _step(log_likelihood: Array, left: float) -> float:
    """Return the largest step in the power that keeps enough of the effective sample size."""

    def effective(step: float) -> float:
        logs = step * np.maximum(log_likelihood, -1e300)
        weight = np.exp(logs - logs.max())
        return float(weight.sum() ** 2 / np.sum(weight**2))

    if effective(left) >= KEEP * log_likelihood.size:
        return left
    low, high = 0.0, left
    for _ in range(40):
        middle = 0.5 * (low + high)
        enough = effective(middle) >= KEEP * log_likelihood.size
        low, high = (middle, high) if enough else (low, middle)
    return max(low, 1e-12)


def _move(
    target: Target,
    guide: mixture.Mixture,
    spread: Array,
    z: Array,
    prior: Array,
    density: Array,
    beta: float,
    kind: int,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Return the population after one Metropolis step of every particle."""
    m, d = z.shape
    offset = np.zeros(m)
    if kind % 3 == 0:
        tried = guide.sample(m, rng)[rng.permutation(m)]
        offset = guide.log_density(z) - guide.log_density(tried)
    elif kind % 3 == 1:
        one, two = rng.integers(m, size=(2, m))
        size = 1.0 if rng.random() < 0.1 else 2.38 / np.sqrt(2.0 * d)
        tried = z + size * (z[one] - z[two]) + 1e-4 * rng.standard_normal((m, d)) @ spread.T
    else:
        size = 10.0 ** rng.uniform(-2.0, 0.0, size=(m, 1))
        tried = z + size * rng.standard_normal((m, d)) @ spread.T
    new_prior, new_density = target.log_prior(tried), target.log_density(tried)
    now = prior + beta * (density - prior)
    new = new_prior + beta * (new_density - new_prior)
    with np.errstate(invalid="ignore"):
        accepted = np.log(rng.random(m)) < new - now + offset
    pick = accepted[:, None]
    return (
        np.where(pick, tried, z),
        np.where(accepted, new_prior, prior),
        np.where(accepted, new_density, density),
    )
