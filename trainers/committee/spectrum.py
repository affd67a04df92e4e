"""Spectrum of the committee machine's inputs.

The covariance has L different eigenvalues, the l-th proportional to l^-(1 + beta), each with as
many directions as the others; their mean is 1.
"""

from __future__ import annotations

import numpy as np
from scipy.special import zeta

from scalefit.arrays import Array


def eigenvalues(L: int, beta: float) -> Array:
    """Return the eigenvalues, falling, of mean 1.

    Examples
    --------
    >>> eigenvalues(3, 1.0).round(4)
    array([2.2041, 0.551 , 0.2449])
    """
    powers: Array = np.arange(1.0, L + 1) ** -(1 + beta)
    return powers / np.mean(powers)


def second_moment(eigenvalues: Array) -> float:
    """Return T2, the mean of the squared eigenvalues; about L for beta = 1."""
    return float(np.mean(eigenvalues**2))


def beyond(L: int, beta: float) -> float:
    """Return the variance that would follow the last eigenvalue if the power law went on for ever.

    It is `lambda_1 / L` times the sum of l^-(1 + beta) over l > L. A loss that is a power law of
    time for infinitely many eigenvalues is that power law minus a constant in proportion to this,
    until the last eigenvalue is learned.
    """
    return float(eigenvalues(L, beta)[0] / L * zeta(1 + beta, L + 1))


def trained(L: int, share: float) -> Array:
    """Return which part of each eigenvalue's directions is among the leading share of all."""
    part: Array = np.clip(share * L - np.arange(float(L)), 0.0, 1.0)
    return part


def window(eigenvalues: Array, speed: float) -> tuple[float, float]:
    """Return the times between which eigenvalues are learned one after the other.

    They are those of the first and the last exponential of the loss, which falls with
    `exp(-2 speed lambda time)` where weights approach their target with `exp(-speed lambda time)`.
    """
    return 1 / (2 * speed * float(eigenvalues[0])), 1 / (2 * speed * float(eigenvalues[-1]))
