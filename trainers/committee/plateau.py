"""Plateau of a committee machine with erf units, where all student units are alike, and its end.

On the plateau every student unit has the same overlap with every teacher unit. Every eigenvalue has
the same q and r there, because lambda drops out: the height does not depend on the spectrum. The
overlap of a student unit with one teacher unit, less that with another one, grows exponentially.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, root
from scipy.special import zeta

from scalefit.arrays import Array

from .gaussian_averages import averages, test_loss
from .spectrum import second_moment


@dataclass(frozen=True)
class Plateau:
    """The saddle of the equations of motion, for orthogonal teacher units; NaN where there is none.

    Attributes
    ----------
    Q
        Overlap of any two student units, or of one with itself.
    R
        Overlap of any student unit with any teacher unit.
    test_loss
        Its height.
    relaxation
        Rate at which the overlaps approach it, over learning rate and eigenvalue.
    drift
        Rate at which the differences between student units grow by themselves, over the same; zero
        for small learning rates.
    pull
        Growth of `r` per eigenvalue and learning rate that a unit difference of R causes.
    """

    Q: float
    R: float
    test_loss: float
    relaxation: float
    drift: float
    pull: float


def plateau(K: int, M: int, learning_rate: float = 0.0) -> Plateau:
    """Return the plateau of K student and M teacher units, at most `learning_rate`.

    Student units that are alike are one unit with K times the output, and so K times the step:
    Q, R and the height depend on M and `learning_rate / K` alone.

    Parameters
    ----------
    K, M : >= 2
        Units of student and teacher.
    learning_rate : >= 0
        The height rises with it; zero is the limit of small ones.

    Examples
    --------
    >>> round(plateau(2, 2).test_loss, 7)
    0.0058054
    """
    teacher = np.eye(M)

    def balance(at: Array) -> Array:
        Q, R = at[0] * np.ones((1, 1)), at[1] * np.ones((1, M))
        A, C, V = averages(Q, R, teacher, "erf")
        dq = 2 * (A @ Q + C @ R.T) + learning_rate / K * V
        return np.array([dq[0, 0], (A @ R + C)[0, 0]])

    first = [1 / (2 * M - 1), 1 / math.sqrt(M * (2 * M - 1))]
    found = root(balance, first, tol=1e-14).x
    Q, R = float(found[0]), float(found[1])
    # the student's part that the teacher does not explain has no negative length
    if np.abs(balance(found)).max() > 1e-12 or Q < M * R**2 * (1 - 1e-9):
        Q = R = math.nan
    ones = np.ones((1, M))
    A, _, _ = averages(Q * ones[:, :1], R * ones, teacher, "erf")
    alike = 2 / math.pi * M / math.sqrt(1 + 2 * Q)
    return Plateau(
        Q=Q,
        R=R,
        test_loss=float(test_loss(Q * ones[:, :1], R * ones, teacher, "erf")),
        relaxation=-float(A[0, 0]) / K,
        drift=float(A[0, 0] + alike) / K,
        pull=2 / math.pi / K * R * (2 * (1 + Q) - R**2) ** -1.5,
    )


def escape_rate(spectrum: Array, K: int, M: int, learning_rate: float) -> float:
    """Return the rate at which the difference between student units grows on the plateau.

    It solves `1 = rate pull <lambda^2 / (s - rate lambda drift)>`; for small learning rates it is
    `rate T2 pull`, so that 1 / s, which sets the plateau's length, grows like K^2 and falls like
    1 / L. It holds as long as the plateau is reached, see `crossover`.
    """
    at = plateau(K, M, learning_rate)
    if math.isnan(at.Q):
        return math.nan
    fastest = spectrum[0] * at.drift

    def excess(s: float) -> float:
        return at.pull * float(np.mean(spectrum**2 / (s - spectrum * at.drift))) - 1

    low = fastest + at.pull * spectrum[0] ** 2 / len(spectrum) * (1 - 1e-9)
    high = fastest + at.pull * second_moment(spectrum) * (1 + 1e-9)
    return learning_rate * float(brentq(excess, low, high, xtol=1e-300, rtol=1e-13))


def crossover(K: int, M: int, beta: float) -> float:
    """Return the number of eigenvalues beyond which the loss does not become flat any more.

    There the overlaps of the last eigenvalue approach the plateau as slowly as the student escapes
    from it. It is a scale, no sharp threshold.
    """
    at = plateau(K, M)
    ratio = at.relaxation / at.pull * zeta(1 + beta) / zeta(2 + 2 * beta)
    return float(ratio ** (1 / (1 + beta)))
