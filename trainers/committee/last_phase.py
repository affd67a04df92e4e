"""Last phase of a committee machine with erf units, each student unit near its teacher unit.

For K = M and orthogonal teacher units. Near the teacher a deviation in the directions of eigenvalue
lambda decays with `rate lambda / K` times h, one value where all units deviate alike and another,
smaller one where they deviate against each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigvals

from scalefit.arrays import Array

from .equations_of_motion import Symmetric
from .spectrum import beyond


def curvatures(K: int) -> tuple[float, float]:
    """Return h, see above, of common and of opposed deviations; one unit has only the first."""
    own = 2 / (math.pi * math.sqrt(3))
    return own + (K - 1) / math.pi, own - 1 / math.pi if K > 1 else own


def slowest(K: int) -> float:
    """Return the speed of the slowest deviation, over learning rate and eigenvalue."""
    return curvatures(K)[1] / K


def specialised(
    spectrum: Array, times: Sequence[float] | Array, *, K: int, learning_rate: float
) -> Array:
    """Return the test loss if all deviations were small from the start, none of them learned.

    It meets the full solution soon after the student units have specialised, to a few per cent for
    K = 2, and falls like `time^(-beta / (1 + beta))` up to the last exponential.
    """
    together, apart = (one / K for one in curvatures(K))
    times = np.asarray(times, dtype=float)
    total = np.zeros(len(times))
    for speed, number in ((together, 1), (apart, K - 1)):
        decay = np.exp(-2 * learning_rate * speed * np.outer(times, spectrum))
        total += number * speed * (decay @ spectrum) / (2 * len(spectrum))
    return total


def tail(L: int, beta: float, K: int) -> float:
    """Return the constant by which the loss lies below its power law, for small learning rates."""
    together, apart = curvatures(K)
    return (together + (K - 1) * apart) / (2 * K) * beyond(L, beta)


def critical_rate(K: int) -> float:
    """Return the learning rate above which the student moves away from the teacher.

    The smallest at which the equations, linear near the teacher, have an eigenvalue zero; it is the
    same for every spectrum of mean 1.
    """
    quiet, loud = (_slopes(K, learning_rate) for learning_rate in (0.0, 1.0))
    found: NDArray[np.complex128] = np.asarray(eigvals(quiet, quiet - loud), dtype=complex)
    real = found.real[(np.abs(found.imag) < 1e-6 * np.abs(found)) & (found.real > 1e-6)]
    return float(real.min())


def _slopes(K: int, learning_rate: float) -> Array:
    """Return the Jacobian of the equations at the teacher, over the learning rate, for L = 1."""
    one = np.ones(1)
    blocks = Symmetric(one, one, learning_rate, K, 1.0)
    shape = (1, min(K, 2), 2)
    moves = 1e-5 * np.eye(math.prod(shape))

    def rate(move: Array) -> Array:
        state = 1 + move.reshape(shape)
        return blocks.rate(state, blocks.coefficients(blocks.means(state))).ravel()

    return np.array([(rate(move) - rate(-move)) / 2e-5 for move in moves]).T
