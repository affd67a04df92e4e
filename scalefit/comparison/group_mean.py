"""Group mean: its uncertainty is made of each run's own and of how much the runs differ.

Each run's posterior is summarised by mean y and standard deviation s. Runs of a group are taken to
vary around its mean m with an unknown spread t:

    y_i ~ Normal(m, s_i^2 + t^2)

The prior of m is flat, that of t is Jeffreys's, proportional to sqrt(sum_i (t / (s_i^2 + t^2))^2).
The posterior is proper from two runs on. Where runs differ by far more than their own errors it is
Student's t with one degree of freedom fewer than there are runs, the textbook interval of a mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array

DRAWS = 4000
NODES = 240
REACH = 1e3
"""How far the grid of spreads goes below the smallest error and above the range of the runs."""


def means(
    estimate: Array,
    error: Array,
    member: NDArray[np.bool_],
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Array:
    """Return posterior draws of the mean of each group, shape (groups, draws).

    Parameters
    ----------
    estimate, error : shape (n,)
        Posterior mean and standard deviation of each run.
    member : shape (groups, n)
        Which runs belong to which group, two or more to each.

    Source
    ------
    Bodnar, Link, Arendacká, Possolo, Elster (2017), "Bayesian estimation in random effects
    meta-analysis using a non-informative prior", Statistics in Medicine 36; on a grid of spreads.
    """
    y = estimate - estimate.mean()
    span = max(float(np.ptp(y)), float(error.max()), np.finfo(float).tiny)
    error = np.maximum(error, 1e-6 * span)
    spread = np.geomspace(error.min() / REACH, span * REACH, NODES)
    weight = 1.0 / (error**2 + spread[:, None] ** 2)
    inside = member.astype(float).T
    total, first, second = (w @ inside for w in (weight, weight * y, weight * y**2))
    log_density = 0.5 * np.log(weight) @ inside - 0.5 * np.log(total)
    log_density += -0.5 * (second - first**2 / total)
    log_density += 0.5 * np.log((weight * spread[:, None]) ** 2 @ inside)  # Jeffreys's prior
    log_density += np.log(spread[:, None])  # the grid is even in log spread
    share = np.exp(log_density - log_density.max(axis=0))
    found = np.empty((len(member), draws))
    for g, one in enumerate(share.T):
        at = rng.choice(NODES, size=draws, p=one / one.sum())
        scale = 1.0 / np.sqrt(total[at, g])
        found[g] = first[at, g] / total[at, g] + scale * rng.standard_normal(draws)
    return np.asarray(found + estimate.mean())
