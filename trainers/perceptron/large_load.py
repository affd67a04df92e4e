"""Large load: the one curve on which the perceptron's errors then lie, and what precedes it.

Once the norm grows in proportion to the load, `load * error` depends on `norm / load` alone. The
curve solves the equations of `saddle_point` at infinite load; nothing is extrapolated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from scalefit.arrays import Array

from .fixed_norm_theory import fixed_norm, optimum
from .saddle_point import REACH, rule

# load * error falls like this over the square root of norm / load, while norm / load is small
EARLY_AMPLITUDE = math.sqrt(math.sqrt(2 * math.pi) * (math.log(2) - 0.5)) / math.pi


def scaling(ratios: Sequence[float]) -> Array:
    """Return the limit of load times test error, at each norm over load.

    It falls like `EARLY_AMPLITUDE / sqrt(ratio)`, passes its minimum 0.4420 at a ratio of 0.8836,
    and ends at 0.5005, maximal stability.

    Parameters
    ----------
    ratios : > 0
        Norm over load.

    Examples
    --------
    >>> scaling([0.1, 0.88, 10]).round(4)
    array([0.7582, 0.442 , 0.4894])
    """
    return np.array([point.test_error for point in fixed_norm(math.inf, ratios)])


def collapse(x: Sequence[float]) -> Array:
    """Return error over least error, at each norm over the norm of least error, at large load.

    Examples
    --------
    >>> collapse([0.1, 1, 10]).round(4)
    array([1.8082, 1.    , 1.1043])
    """
    best = optimum(math.inf)
    return scaling([best.norm * each for each in x]) / best.test_error


def below_elbow(norm: float) -> float:
    """Return the limit of sqrt(load) times test error at large load and a fixed norm.

    From Hebb's `1 / sqrt(2 pi)` at small norm it falls to `EARLY_AMPLITUDE / sqrt(norm)`.

    Source
    ------
    `sqrt(4 / pi int_0^inf Dt sigmoid(-2 norm t)^2)`: at large load g in the equations of
    `saddle_point` is `2 x sigmoid(-2 norm t)`.
    """
    t, weight = rule(0.0, REACH, (0.0,), min(1.0, 1 / norm))
    total = float(weight @ (np.exp(-(t**2) / 2) * expit(-2 * norm * t) ** 2))
    return math.sqrt(4 * total / math.sqrt(2 * math.pi) / math.pi)
