"""Closed forms of random features with a power-law spectrum of infinitely many modes.

The target is isotropic and there is no noise, but for `exponents`. The eigenvalues are i^-q with
q = 1 + alpha; m is the smaller and M the larger of the numbers D of examples and P of features.

    kappa    = C (m + 1/2)^-q                            without a ridge
    L(m,inf) = C m (m + 1/2)^-q ~ C m^-alpha             resolution-limited, in data or in features
    L(D,P)   = L(m,inf) / (1 - m/M)                      variance-limited: exponent 1 in M
    L(m,m)   ~ L(m,inf) sqrt(kappa / ridge) / 2          double descent at a small ridge

and at any ridge, where n modes are learned, x = n/D and y = n/P,

    L     = C n^-alpha / [(1+alpha) - alpha (x+y) + (alpha-1) x y]
    ridge = C n^-q (1-x) (1-y).

All are symmetric in D and P, and so is the loss of every single draw (duality): if the matrix that
makes the data and the one that makes the features change places, the test loss stays the same.

Source
------
Bahri, Dyer, Kaplan, Lee, Sharma (2024), arXiv:2102.06701, for the exponents and the duality;
Maloney, Roberts, Sully (2022), arXiv:2210.16859, and Zhang (2024), arXiv:2405.19398, for the model
without and with a ridge. The constants are the deterministic equivalent in the continuum.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array


class AtRidge(NamedTuple):
    """Loss at a ridge; all of one shape.

    Attributes
    ----------
    learned
        The number n of modes that are learned.
    ridge
        Strength of the penalty on the squared norm, beside the mean squared residual.
    test_loss
        Mean squared error on new inputs.
    """

    learned: Array
    ridge: Array
    test_loss: Array


class Exponents(NamedTuple):
    """Exponents of the loss where one resource limits it, and what the published ones are.

    Attributes
    ----------
    time, data, model
        What the loss falls with: gradient flow's time, examples, features.
    published_model
        The exponent in the number of features as the authors of arXiv:2402.01092 sum it up.
    """

    time: float
    data: float
    model: float
    published_model: float


def amplitude(exponent: float) -> float:
    """Return C = [(pi/q) / sin(pi/q)]^q.

    Examples
    --------
    >>> round(amplitude(1.0), 5), round(amplitude(0.5), 5)
    (2.4674, 3.7609)
    """
    q = 1 + exponent
    return float((math.pi / q / math.sin(math.pi / q)) ** q)


def ridgeless(exponent: float, n_train: ArrayLike, n_params: ArrayLike) -> Array:
    """Return the test loss without a ridge, infinite where D = P; arguments as in `optimal`."""
    D, P = np.asarray(n_train, dtype=float), np.asarray(n_params, dtype=float)
    m, M = np.minimum(D, P), np.maximum(D, P)
    with np.errstate(divide="ignore"):
        found: Array = amplitude(exponent) * m * (m + 0.5) ** -(1 + exponent) / (1 - m / M)
    return found


def peak(exponent: float, size: ArrayLike, ridge: ArrayLike) -> Array:
    """Return the height of double descent, the test loss at D = P = size and a small ridge."""
    m = np.asarray(size, dtype=float)
    kappa = amplitude(exponent) * (m + 0.5) ** -(1 + exponent)
    found: Array = m * kappa * np.sqrt(kappa / np.asarray(ridge, dtype=float)) / 2
    return found


def joint(exponent: float, learned: ArrayLike, n_train: ArrayLike, n_params: ArrayLike) -> AtRidge:
    """Return ridge and loss at which so many modes are learned, fewer than D and than P."""
    n = np.asarray(learned, dtype=float)
    x, y = n / np.asarray(n_train, dtype=float), n / np.asarray(n_params, dtype=float)
    C = amplitude(exponent)
    below = (1 + exponent) - exponent * (x + y) + (exponent - 1) * x * y
    return AtRidge(n, C * n ** -(1 + exponent) * (1 - x) * (1 - y), C * n**-exponent / below)


def optimal(exponent: float, n_train: ArrayLike, n_params: ArrayLike) -> AtRidge:
    """Return the best ridge and its loss.

    The n that minimises the loss solves (alpha-1)(alpha+2) n^2 / (DP) - alpha (1+alpha)
    (1/D + 1/P) n + alpha (1+alpha) = 0. At alpha = 1 the loss is C (1/D + 1/P).

    Parameters
    ----------
    exponent : > 0
        alpha.
    n_train, n_params : > 0, `inf` for infinitely many, but not both
        Examples D and features P.

    Examples
    --------
    >>> print((optimal(0.5, 64, 64).test_loss / ridgeless(0.5, 64, float("inf"))).round(2))
    1.57
    """
    D, P = np.asarray(n_train, dtype=float), np.asarray(n_params, dtype=float)
    a = (exponent - 1) * (exponent + 2) / D / P
    b = exponent * (1 + exponent) * (1 / D + 1 / P)
    c = exponent * (1 + exponent)
    return joint(exponent, 2 * c / (b + np.sqrt(b * b - 4 * a * c)), D, P)


def excess(n_small: ArrayLike, n_large: ArrayLike) -> Array:
    """Return L(m, M) / L(m, inf) - 1 for Gaussian features and no ridge, exact at any size.

    It is the mean over the larger matrix, whatever the smaller one and the spectrum are, and
    (M - 1) / (M - m - 1) - 1; infinite for M = m + 1 and less.
    """
    m, M = np.asarray(n_small, dtype=float), np.asarray(n_large, dtype=float)
    with np.errstate(divide="ignore"):
        found: Array = np.where(m + 1 < M, m / np.maximum(M - m - 1, 0), np.inf)
    return found


def flow_amplitude(exponent: float) -> float:
    """Return A in L(t) ~ A (2t)^(-alpha/q), the gradient flow with all data and all features."""
    q = 1 + exponent
    return math.gamma(exponent / q) / q


def exponents(exponent: float, teacher: float = 0.0) -> Exponents:
    """Return the exponents of the loss without noise and ridge, and where sources disagree.

    With lambda_i ~ i^-b and lambda_i w_i^2 ~ i^-a, that is b = 1 + alpha and a = b + teacher, the
    loss is limited by

        time    (a - 1) / b
        data    min(a - 1, 2b)
        model   min(a - 1, b)

    **An open conflict.** The authors of arXiv:2402.01092 sum up their model's exponent as
    min(a - 1, 2b). In the model here the population's residual is linear in kappa / (lambda +
    kappa), so that even a mode that is learned well costs some kappa ~ P^-b, and the exponent is at
    most b. At a = 4, b = 1.5 the deterministic equivalent has the slope 1.500 (P = 64 to 1024) and
    projections simulated directly 1.45 (P = 8 to 256), where the published formula says 3. The two
    agree wherever a - 1 <= b, as reported of real data. Whether the paper means another limit of
    the model is not settled; `model` is what follows here, `published_model` what they write.

    Parameters
    ----------
    exponent : > 0
        alpha; the spectrum is i^-(1 + alpha).
    teacher
        The mean square of the target's i-th weight is i^-teacher.

    Source
    ------
    Bordelon, Atanasov, Pehlevan (2024), arXiv:2402.01092, for time and data.
    """
    b = 1 + exponent
    a = b + teacher
    return Exponents((a - 1) / b, min(a - 1, 2 * b), min(a - 1, b), min(a - 1, 2 * b))
