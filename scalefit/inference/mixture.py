"""Mixtures of multivariate Student's t: the proposals of the importance sampler."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from scalefit.arrays import Array

from .compiled import compiled
from .elementary import exp, log
from .weights import equal_weight

FREEDOM = 5.0
LOST = 0.003
"""Components that explain less than this share of the weight are dropped."""
WIDEN = 1.1
MOST = 2400  # points to fit to; more are thinned in proportion to weight
STEPS = 10
BLOCK = 96  # points at a time
START, SMALL = 0.5, 0.1
"""Scale matrices at first, and those that few points shrink towards, in the overall covariance."""


@dataclass(frozen=True)
class Mixture:
    """A mixture of k t distributions in d dimensions with `FREEDOM` degrees of freedom.

    Attributes
    ----------
    weight : shape (k,)
        Shares; they add up to one.
    centre : shape (k, d)
    factor : shape (k, d, d)
        Lower Cholesky factor of each scale matrix.
    """

    weight: Array
    centre: Array
    factor: Array

    @classmethod
    def of(cls, weight: Array, centre: Array, scale: Array) -> Mixture:
        """Return the mixture with scale matrices of shape (k, d, d)."""
        factor = np.asarray(np.linalg.cholesky(scale), dtype=float)
        return cls(weight / weight.sum(), centre, factor)

    def log_density(self, z: Array) -> Array:
        """Return the log density at z, shape (m, d)."""
        d = self.centre.shape[1]
        unit = np.broadcast_to(np.eye(d), self.factor.shape)
        inverse = np.asarray(np.linalg.solve(self.factor, unit), dtype=float)
        diagonal = np.diagonal(self.factor, axis1=1, axis2=2)
        constant = math.lgamma(0.5 * (FREEDOM + d)) - math.lgamma(0.5 * FREEDOM)
        constant -= 0.5 * d * math.log(FREEDOM * math.pi)
        logs = np.log(self.weight) + constant - np.sum(np.log(diagonal), axis=1)
        value: Array = _log_density(np.ascontiguousarray(z.T), logs, self.centre, inverse)
        return value

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return `count` draws, shape (count, d), that fill the mixture evenly.

        They come from a Sobol sequence, shifted at random, so that means over them vary less than
        over independent draws.

        Source
        ------
        Cranley and Patterson (1976), "Randomization of number theoretic methods for multiple
        integration".
        """
        k, d = self.centre.shape
        cube = (evenly(d + 2, count) + rng.random(d + 2)) % 1.0
        cube = np.clip(cube, 1e-12, 1.0 - 1e-12)
        which = np.minimum(np.searchsorted(np.cumsum(self.weight), cube[:, 0]), k - 1)
        squares = 2.0 * special.gammaincinv(0.5 * FREEDOM, cube[:, 1:2])
        normals = special.ndtri(cube[:, 2:]) * np.sqrt(FREEDOM / squares)
        return np.asarray(self.centre[which] + np.einsum("mij,mj->mi", self.factor[which], normals))


@lru_cache(maxsize=64)
def evenly(dimension: int, count: int) -> Array:
    """Return points that fill the unit cube, shape (count, dimension); not to be written to."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimension, rng=np.random.default_rng(dimension))
    return np.asarray(sequence.random_base2(max(count - 1, 1).bit_length())[:count])


def pool(mixtures: list[Mixture], sizes: list[float]) -> Mixture:
    """Return the mixture of mixtures, weighted by size."""
    total = sum(sizes)
    shares = [m.weight * (size / total) for m, size in zip(mixtures, sizes, strict=True)]
    return Mixture(
        np.concatenate(shares),
        np.concatenate([m.centre for m in mixtures]),
        np.concatenate([m.factor for m in mixtures]),
    )


def fit(
    z: Array, weight: Array, rng: np.random.Generator, *, components: int, effective: float
) -> Mixture:
    """Return a mixture fitted to weighted points by expectation and maximisation.

    Parameters
    ----------
    z : shape (m, d)
    weight : shape (m,)
        Adds up to one.
    rng
        Chooses the first centres.
    components
        At most this many.
    effective
        Effective sample size of the weights: small ones allow few components, and covariances
        shrink towards a tenth of the overall one.

    Source
    ------
    Peel and McLachlan (2000), "Robust mixture modelling using the t distribution"; adaptive use as
    in Cappe et al. (2008), "Adaptive importance sampling in general mixture classes".
    """
    keep = weight > 1e-7 * weight.max()
    z, weight = np.ascontiguousarray(z[keep]), weight[keep] / weight[keep].sum()
    if len(z) > MOST:
        times = np.bincount(equal_weight(weight, MOST, rng), minlength=len(z))
        z, weight = z[times > 0], times[times > 0] / MOST
    d = z.shape[1]
    mean = weight @ z
    apart = z - mean
    overall = apart.T @ (apart * weight[:, None])
    overall[np.diag_indices(d)] *= 1.0 + 1e-9
    overall[np.diag_indices(d)] += 1e-14
    count = int(min(components, max(1, effective // (2.5 * (d + 1)))))
    factor = np.asarray(np.linalg.cholesky(overall), dtype=float)
    white = apart @ np.asarray(np.linalg.inv(factor), dtype=float).T
    centre = _seeds(white, weight, count, rng)
    share, centre, scale = _expectation_maximisation(white, weight, centre, effective, STEPS)
    used = share > LOST
    scale = factor @ scale[used] @ factor.T
    return Mixture.of(share[used], mean + centre[used] @ factor.T, WIDEN * scale)


def _seeds(white: Array, weight: Array, count: int, rng: np.random.Generator) -> Array:
    """Return first centres, chosen with probability weight x squared distance to the others."""
    chosen = [int(rng.choice(len(white), p=weight))]
    distance = np.sum((white - white[chosen[0]]) ** 2, axis=1)
    for _ in range(count - 1):
        chance = weight * distance
        if not chance.sum() > 0.0:
            break
        chosen.append(int(rng.choice(len(white), p=chance / chance.sum())))
        distance = np.minimum(distance, np.sum((white - white[chosen[-1]]) ** 2, axis=1))
    return white[chosen]


@compiled
def _log_density(across: Array, logs: Array, centre: Array, inverse: Array) -> Array:
    """Return the log density at points of shape (d, m); `inverse` holds inverse Cholesky factors.

    A block of points is taken at a time, so that inner loops run over them.
    """
    k, d = centre.shape
    count = across.shape[1]
    half = 0.5 * (FREEDOM + d)
    values = np.empty(count)
    terms = np.empty((k, BLOCK))
    squares, part, top = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        for b in range(size):
            top[b] = -math.inf
        for c in range(k):
            for b in range(size):
                squares[b] = 0.0
            for i in range(d):
                for b in range(size):
                    part[b] = 0.0
                for j in range(i + 1):
                    for b in range(size):
                        part[b] += inverse[c, i, j] * (across[j, start + b] - centre[c, j])
                for b in range(size):
                    squares[b] += part[b] * part[b]
            for b in range(size):
                term = logs[c] - half * log(1.0 + squares[b] / FREEDOM)
                terms[c, b] = term
                top[b] = term if term > top[b] else top[b]
        for b in range(size):
            part[b] = 0.0
        for c in range(k):
            for b in range(size):
                part[b] += exp(terms[c, b] - top[b])
        for b in range(size):
            values[start + b] = top[b] + log(part[b])
    return values


def _expectation_maximisation(
    white: Array, weight: Array, first: Array, effective: float, steps: int
) -> Any:
    """Return shares, centres and scale matrices after a number of steps, of whitened points.

    Squared distances from all centres, and all moments, are products of matrices with the products
    of every two coordinates of every point; of few points at a time, for larger ones are spread
    over processors, which takes longer.
    """
    d = white.shape[1]
    k = len(first)
    one, two = np.triu_indices(d)
    times = np.where(one == two, 1.0, 2.0)
    blocks = -(-len(white) // BLOCK)
    terms = np.zeros((blocks * BLOCK, 1 + d + len(one)))
    terms[: len(white), 0] = 1.0
    terms[: len(white), 1 : d + 1] = white
    terms[: len(white), d + 1 :] = white[:, one] * white[:, two]
    terms = terms.reshape(blocks, BLOCK, -1)
    across = np.ascontiguousarray(terms.transpose(0, 2, 1))
    padded = np.zeros(blocks * BLOCK)
    padded[: len(white)] = weight
    each = padded.reshape(blocks, 1, BLOCK)
    share = np.full(k, 1.0 / k)
    centre = first.copy()
    scale = np.repeat(START * np.eye(d)[None], k, axis=0)
    for _ in range(steps):
        factor = np.linalg.cholesky(scale)
        inverse = np.linalg.inv(factor)
        precision = inverse.transpose(0, 2, 1) @ inverse
        pointed = np.einsum("kij,kj->ki", precision, centre)
        length = np.sum(pointed * centre, axis=1, keepdims=True)
        of = np.concatenate([length, -2.0 * pointed, times * precision[:, one, two]], axis=1)
        near = 1.0 / (1.0 + np.maximum(of @ across, 0.0) / FREEDOM)
        logs = np.log(np.maximum(share, 1e-300))
        logs -= np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        density = _half_power(near, int(FREEDOM) + d)
        density *= np.exp(logs - logs.max())[:, None]
        part = density * (each / np.maximum(density.sum(axis=1, keepdims=True), 1e-300))
        heavy = near
        heavy *= part
        heavy *= (FREEDOM + d) / FREEDOM
        share = part.sum(axis=(0, 2))
        moments = (heavy @ terms).sum(axis=0)
        pull = moments[:, 0]
        used = (share > 0.0) & (pull > 0.0)
        mass, pull = np.where(used, share, 1.0)[:, None], np.where(used, pull, 1.0)[:, None]
        moved = moments[:, 1 : d + 1] / pull
        outer = np.empty((k, d, d))
        outer[:, one, two] = outer[:, two, one] = moments[:, d + 1 :]
        spread = outer - pull[:, :, None] * moved[:, :, None] * moved[:, None]
        shrink = (d + 1.0) / (d + 1.0 + effective * mass[:, :, None])
        fresh = (1.0 - shrink) * spread / mass[:, :, None] + shrink * SMALL * np.eye(d)
        fresh[:, np.arange(d), np.arange(d)] += 1e-9
        centre = np.where(used[:, None], moved, centre)
        scale = np.where(used[:, None, None], fresh, scale)
    return share, centre, scale


def _half_power(x: Array, halves: int) -> Array:
    """Return x to a whole number of halves, by multiplication."""
    power = np.sqrt(x) if halves % 2 else np.ones_like(x)
    square = x.copy()
    n = halves // 2
    while n:
        if n % 2:
            power *= square
        square *= square
        n //= 2
    return power
