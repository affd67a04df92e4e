"""Sequential Monte Carlo, the slower method: a population carried from prior to posterior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scalefit.arrays import Array

from . import mixture
from .importance import COMPONENTS, Proposal
from .target import Target
from .weights import equal_weight

PARTICLES = 2048
KEEP = 0.9  # of the effective sample size, in every step
MOVES = 6
STEPS = 400


class _Population(NamedTuple):
    """Particles z, shape (m, d), with their log prior and log density, shape (m,)."""

    z: Array
    log_prior: Array
    log_density: Array

    @property
    def log_likelihood(self) -> Array:
        return self.log_density - self.log_prior

    def tempered(self, beta: float) -> Array:
        """Return the log density with the likelihood to a power."""
        return self.log_prior + beta * self.log_likelihood


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
    now = _at(target, target.from_uniform(rng.random((PARTICLES, target.dimension))))
    beta = 0.0
    for _ in range(STEPS):
        step = _step(now.log_likelihood, 1.0 - beta)
        beta += step
        logs = step * np.maximum(now.log_likelihood, -1e300)
        weight = np.exp(logs - logs.max())
        picked = equal_weight(weight / weight.sum(), PARTICLES, rng)
        now = _Population(*(one[picked] for one in now))
        flat = np.full(PARTICLES, 1.0 / PARTICLES)
        guide = mixture.fit(now.z, flat, rng, components=COMPONENTS, effective=PARTICLES)
        covariance = np.cov(now.z.T).reshape(2 * (now.z.shape[1],))
        covariance += 1e-12 * np.eye(len(covariance))
        spread = np.asarray(np.linalg.cholesky(covariance), dtype=float)
        for move in range(MOVES):
            tried, offset = _tried(now.z, guide, spread, move, rng)
            now = _moved(now, _at(target, tried), offset, beta, rng)
        if beta >= 1.0:
            break
    flat = np.full(PARTICLES, 1.0 / PARTICLES)
    last = mixture.fit(now.z, flat, rng, components=COMPONENTS, effective=PARTICLES)
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


def _at(target: Target, z: Array) -> _Population:
    return _Population(z, target.log_prior(z), target.log_density(z))


def _tried(
    z: Array, guide: mixture.Mixture, spread: Array, kind: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return where every particle might go, and by how much the way back is likelier, in nats."""
    m, d = z.shape
    if kind % 3 == 0:
        tried = guide.sample(m, rng)[rng.permutation(m)]
        return tried, guide.log_density(z) - guide.log_density(tried)
    if kind % 3 == 1:
        one, two = rng.integers(m, size=(2, m))
        size = 1.0 if rng.random() < 0.1 else 2.38 / np.sqrt(2.0 * d)
        tried = z + size * (z[one] - z[two]) + 1e-4 * rng.standard_normal((m, d)) @ spread.T
    else:
        scale = 10.0 ** rng.uniform(-2.0, 0.0, size=(m, 1))
        tried = z + scale * rng.standard_normal((m, d)) @ spread.T
    return tried, np.zeros(m)


def _moved(
    now: _Population, tried: _Population, offset: Array, beta: float, rng: np.random.Generator
) -> _Population:
    """Return the population after one Metropolis step of every particle."""
    with np.errstate(invalid="ignore"):
        gain = tried.tempered(beta) - now.tempered(beta) + offset
        accepted = np.log(rng.random(len(gain))) < gain
    return _Population(
        np.where(accepted[:, None], tried.z, now.z),
        np.where(accepted, tried.log_prior, now.log_prior),
        np.where(accepted, tried.log_density, now.log_density),
    )
