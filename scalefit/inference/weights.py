"""Importance weights: how good they are, and the evidence they give."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array


@dataclass(frozen=True)
class Weights:
    """Smoothed importance weights.

    Attributes
    ----------
    log_evidence
        Log of the mean weight.
    error
        Its standard error.
    probability : shape (m,)
        Smoothed weights, adding up to one.
    effective
        Effective sample size, 1 / sum of squared probabilities.
    shape
        k-hat of the generalised Pareto distribution of the largest weights; above 0.7 neither the
        evidence nor its error can be relied on.
    """

    log_evidence: float
    error: float
    probability: Array
    effective: float
    shape: float


def smooth(log_weight: Array) -> Weights:
    """Return Pareto-smoothed weights of m draws; those outside the support weigh -inf.

    Source
    ------
    Vehtari, Simpson, Gelman, Yao, Gabry (2024), "Pareto smoothed importance sampling".
    """
    m = log_weight.size
    top = float(np.max(log_weight))
    if not math.isfinite(top):
        return Weights(-math.inf, math.inf, np.full(m, 1.0 / m), 0.0, math.inf)
    weight = np.exp(log_weight - top)
    tail = int(min(0.2 * m, 3.0 * math.sqrt(m)))
    shape = math.inf
    if tail >= 5:
        order = np.argpartition(weight, m - tail - 1)[m - tail - 1 :]
        order = order[np.argsort(weight[order])]
        cut, largest = weight[order[0]], order[1:]
        above = weight[largest] - cut
        if above[-1] > 1e-10 and cut < weight[largest[-1]] * (1.0 - 1e-10):
            shape, scale = generalised_pareto(above)
            if math.isfinite(shape):
                at = (np.arange(tail) + 0.5) / tail
                if abs(shape) < 1e-6:
                    quantile = -scale * np.log1p(-at)
                else:
                    quantile = scale * np.expm1(-shape * np.log1p(-at)) / shape
                weight[largest] = np.minimum(cut + quantile, 1.0)
        else:
            shape = -1.0
    total = float(weight.sum())
    probability = weight / total
    effective = 1.0 / float(np.sum(probability**2))
    error = math.sqrt(max(1.0 / effective - 1.0 / m, 0.0))
    return Weights(top + math.log(total / m), error, probability, effective, shape)


def generalised_pareto(x: Array) -> tuple[float, float]:
    """Return shape k and scale of a generalised Pareto distribution; x ascends, all >= 0.

    Source
    ------
    Zhang and Stephens (2009), "A new and efficient estimation method for the generalized Pareto
    distribution", with the weak prior on k of Vehtari et al. (2024), appendix C.
    """
    n = x.size
    grid = 30 + int(math.sqrt(n))
    quarter = x[int(n / 4 + 0.5) - 1]
    if not quarter > 0.0:
        return math.inf, math.nan
    b = 1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    b = b / (3.0 * quarter) + 1.0 / x[-1]
    k = np.log1p(-b[:, None] * x).mean(axis=1)
    height = n * (np.log(-b / k) - k - 1.0)
    share = 1.0 / np.exp(np.clip(height - height[:, None], -700.0, 700.0)).sum(axis=1)
    share = np.where(share >= 10.0 * np.finfo(float).eps, share, 0.0)
    middle = float(np.sum(b * share) / share.sum())
    shape = float(np.log1p(-middle * x).mean())
    scale = -shape / middle
    return (n * shape + 5.0) / (n + 10.0), scale


def equal_weight(probability: Array, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return `count` indices drawn by systematic resampling, in random order."""
    at = (np.arange(count) + rng.random()) / count
    picked = np.searchsorted(np.cumsum(probability), at)
    return rng.permutation(np.minimum(picked, probability.size - 1))
