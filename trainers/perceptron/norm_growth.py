"""Norm of a perceptron: how it grows with time under gradient flow from zero weights.

Time is that of gradient descent on the mean loss `log(1 + exp(-2 y u.x / sqrt(N)))`, where a step
of size `rate * N` takes `rate`; the norm is `|u| / sqrt(N)`.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit

from .limits import limits
from .saddle_point import REACH, rule

# d norm / d time is this over the square of the norm, between norm 1 and the elbow
CUBE = math.sqrt(2 / math.pi) * math.pi**2 / 24


def first_speed(load: float) -> float:
    """Return d norm / d time at zero weights; the student starts along Hebb's rule."""
    return math.sqrt(2 / math.pi + 1 / load)


def population_speed(norm: float) -> float:
    """Return d norm / d time at infinite load, where the student is the teacher's direction.

    At large norm it is `CUBE / norm^2`, so that the norm is `cbrt(3 CUBE time)`.

    Source
    ------
    The gradient of the expected loss along the teacher, `4 int_0^inf Dh h sigmoid(-2 norm h)`.
    """
    h, weight = rule(0.0, REACH, (0.0,), min(1.0, 1 / norm))
    total = float(weight @ (np.exp(-(h**2) / 2) * h * expit(-2 * norm * h)))
    return 4 * total / math.sqrt(2 * math.pi)


def population_time(norm: float) -> float:
    """Return the time at which the norm is reached at infinite load."""
    at, weight = rule(0.0, norm, (0.0,), 1.0)
    return float(weight @ [1 / population_speed(one) for one in at])


def last_speed(load: float) -> float:
    """Return d norm / d log(time) long after the elbow: 1 over twice the largest margin.

    Source
    ------
    Soudry et al. (2018), arXiv:1710.10345: the direction turns to maximal stability, the loss
    falls like `exp(-2 margin norm)`, and so the norm grows with the logarithm of time.
    """
    return 1 / (2 * limits(load).max_stability_margin)
