"""Linear units: closed forms of the committee machine's learning curves.

The student is one perceptron, the sum of its units, whose learning rate is M / K times that of the
units; `learning_rate` means the former here. Let e_l be the mean squared distance of a weight from
the teacher's, in the directions of eigenvalue lambda_l; then with S the sum of lambda e over all
directions, over N, twice the test loss,

    d e_l / dtime = -2 rate lambda_l e_l + rate^2 lambda_l S

for infinite N, and the mean over runs obeys an equation of the same form, step by step, for any N.
The matrix is diagonal plus one of rank one. Its eigenvalues solve an equation in one unknown each,
and S is a sum of exponentials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import gamma, gammaincc

from scalefit.arrays import Array

from .equations_of_motion import Path
from .spectrum import beyond, eigenvalues, trained

ITERATIONS, CLOSE = 60, 1e-12
CHUNK = 2**18  # entries of a matrix that stays in cache


def loss(
    spectrum: Array,
    times: Sequence[float] | Array,
    *,
    learning_rate: float,
    start: float = 1.0,
    share: float = 1.0,
) -> Array:
    """Return the test loss along time, for infinite N.

    Parameters
    ----------
    spectrum
        Eigenvalues, of mean 1.
    times : >= 0
        Examples over N.
    learning_rate : > 0
        Of the sum of units, M / K times that of the settings.
    start : > 0
        Mean squared distance of a trained weight from the teacher's at time 0: 1 plus the square of
        `init_scale` times M / K.
    share : from 0 to 1
        Trained directions over all.
    """
    modes = _Modes.solve(
        spectrum, 2 * learning_rate * spectrum, learning_rate**2, start=start, share=share
    )
    return modes.loss(lambda rate: np.exp(-np.outer(times, rate)))


def path(
    spectrum: Array,
    times: Sequence[float] | Array,
    *,
    K: int,
    M: int,
    learning_rate: float,
    init_scale: float,
    share: float = 1.0,
) -> Path:
    """Return the overlaps along time, for orthogonal teacher units and independent first weights.

    Every unit moves in parallel with the sum of units.

    Parameters
    ----------
    K, M, learning_rate, init_scale
        As the settings.
    """
    rate, size = learning_rate * M / K, init_scale**2
    times = np.array(times, dtype=float)
    start = 1 + size * M / K
    losses = loss(spectrum, times, learning_rate=rate, start=start, share=share)
    weight = trained(len(spectrum), share) * spectrum / len(spectrum)
    left = np.exp(-rate * np.outer(times, spectrum)) @ weight
    learned = weight.sum() - left
    # squared length of the move of the sum: what is trained of 2 losses, and what was and is left
    moved = 2 * losses - 1 + (1 + start) * weight.sum() - 2 * start * left
    Q = (moved / M - 2 * size * learned / K)[:, None, None] + size * weight.sum() * np.eye(K)
    R = (learned / M)[:, None, None] * np.ones((K, M))
    return Path(times, losses, Q, R)


def recursion(
    spectrum: Array,
    N: int,
    steps: Sequence[int] | Array,
    *,
    learning_rate: float,
    batch: int = 1,
    start: float = 1.0,
    share: float = 1.0,
) -> Array:
    """Return the mean test loss after some steps, exact for any N.

    The mean is over teachers, first weights and examples. `loss` leaves out terms of the size of
    `learning_rate * batch * spectrum[0] / N`, which are large where every direction has its own
    eigenvalue.

    Parameters
    ----------
    N
        Input dimension.
    steps : >= 0
        Numbers of steps.
    batch : >= 1
        Examples per step, whose gradients are added up.
    """
    damping, coupling = _step(spectrum, N, learning_rate, batch)
    modes = _Modes.solve(spectrum, damping, coupling, start=start, share=share)
    return modes.loss(lambda rate: np.exp(np.outer(steps, np.log1p(-rate))))


def early(L: int, beta: float, times: Sequence[float] | Array, *, learning_rate: float) -> Array:
    """Return the test loss for small learning rates, from zero weights: a sum of L exponentials."""
    spectrum = eigenvalues(L, beta)
    return np.exp(-2 * learning_rate * np.outer(times, spectrum)) @ spectrum / (2 * L)


def smooth(L: int, beta: float, times: Sequence[float] | Array, *, learning_rate: float) -> Array:
    """Return `early` with an integral in place of its sum, in incomplete gamma functions.

    Between the first and the last exponential it is `amplitude * time^(-beta / (1 + beta))`.
    """
    power, first = beta / (1 + beta), eigenvalues(L, beta)[0]
    u: Array = 2 * learning_rate * first * np.array(times, dtype=float)
    difference: Array = gammaincc(power, u * L ** -(1 + beta)) - gammaincc(power, u)
    return float(first / (2 * L * (1 + beta)) * gamma(power)) * u**-power * difference


def tail(L: int, beta: float, *, learning_rate: float = 0.0, start: float = 1.0) -> float:
    """Return the constant by which the loss lies below its power law, for infinite N."""
    return start / 2 * beyond(L, beta) / (1 - learning_rate / 2)


def floor(spectrum: Array, *, learning_rate: float, share: float) -> float:
    """Return the test loss at infinite time where some directions are not trained."""
    rest = float(np.mean(spectrum * (1 - trained(len(spectrum), share))))
    return rest / 2 / (1 - learning_rate / 2 * (1 - rest))


def critical_rate(spectrum: Array, N: int | None = None, *, batch: int = 1) -> float:
    """Return the learning rate above which the mean loss diverges.

    Parameters
    ----------
    spectrum
        Eigenvalues, of mean 1.
    N
        Input dimension; infinite by default, and the result is 2 whatever the spectrum.
    batch
        Examples per step.

    Notes
    -----
    For finite N it follows from `recursion`. Single runs may stay finite for long above it: a mean
    can diverge by rare runs.
    """
    if N is None:
        return 2 / float(np.mean(spectrum))

    def excess(learning_rate: float) -> float:
        damping, coupling = _step(spectrum, N, learning_rate, batch)
        return coupling * float(np.mean(spectrum**2 / damping)) - 1

    last = 2 * N / ((batch + 1) * float(spectrum[0]))  # the first direction alone diverges
    return float(brentq(excess, 1e-9 * last, (1 - 1e-12) * last, xtol=1e-14))


def _step(spectrum: Array, N: int, learning_rate: float, batch: int) -> tuple[Array, float]:
    """Return what a step takes off e, as a part of it, and what it adds per lambda S."""
    each = learning_rate * spectrum / N
    return each * batch * (2 - (batch + 1) * each), learning_rate**2 * batch / N


@dataclass(frozen=True)
class _Modes:
    """S along time, as `last + sum over k of amplitude_k f(rate_k)`."""

    last: float
    amplitude: Array
    rate: Array

    def loss(self, decay: Callable[[Array], Array]) -> Array:
        """Return half of S, for a function from rates to shape (time, rate)."""
        with np.errstate(over="ignore", invalid="ignore"):  # above the critical learning rate
            return (self.last + decay(self.rate) @ self.amplitude) / 2

    @classmethod
    def solve(
        cls, spectrum: Array, damping: Array, coupling: float, *, start: float, share: float
    ) -> _Modes:
        """Return S for `e' = -damping e + coupling lambda S` from `e = start`.

        The eigenvalues of `diag(damping) - coupling u u'` solve
        `1 = coupling sum u^2 / (damping - rate)`, one between each two neighbours of `damping` and
        one below them all.
        """
        part = trained(len(spectrum), share)
        order = np.argsort(damping)
        order = order[part[order] > 0]
        weight = (part * spectrum / len(spectrum))[order]
        damping, u2 = damping[order], weight * spectrum[order]
        rest = float(np.mean(spectrum * (1 - part)))
        last = rest / (1 - coupling * float(np.sum(u2 / damping)))
        away = start - coupling * last * spectrum[order] / damping
        below = _below(damping, coupling * u2)
        rates, amplitudes = [], []
        for at in np.array_split(np.arange(len(order)), 1 + len(order) ** 2 // CHUNK):
            inverse = 1 / (damping - damping[at, None] + below[at, None])
            rates.append(damping[at] - below[at])
            amplitudes.append(inverse @ (weight * away) / (coupling * inverse**2 @ u2))
        return cls(last, np.concatenate(amplitudes), np.concatenate(rates))


def _below(damping: Array, weight: Array) -> Array:
    """Return how far each eigenvalue of `diag(damping) - u u'` lies below its damping.

    Parameters
    ----------
    damping
        Rising.
    weight
        The squares of u.

    Notes
    -----
    The eigenvalue x below damping_k solves `sum weight / (damping - damping_k + x) = 1`. Here the
    poles at both ends of the interval of x are kept, the other terms are held at their values, and
    x moves to the solution of the quadratic equation that is left.

    Source
    ------
    Li (1993), LAPACK Working Note 89, section 2: the fixed weight method.
    """
    stable = damping[0] > 0 and np.sum(weight / damping) < 1
    room = np.diff(damping, prepend=0.0 if stable else damping[0] - weight.sum())
    found = room / 2
    found[0] = brentq(
        lambda x: np.sum(weight / (damping - damping[0] + x)) - 1,
        (1 - 1e-12) * weight[0],
        room[0] * (1 + 1e-12),
        xtol=1e-300,
        rtol=1e-14,
    )
    for rows in np.array_split(np.arange(1, len(damping)), 1 + len(damping) ** 2 // CHUNK):
        x, gap, right, left = found[rows], room[rows], weight[rows], weight[rows - 1]
        apart = damping - damping[rows, None]
        for _ in range(ITERATIONS):
            others = (1 / (apart + x[:, None])) @ weight - right / x - left / (x - gap) - 1
            linear = right + left - others * gap
            root = np.sqrt(linear**2 + 4 * others * right * gap)
            old, x = x, 2 * right * gap / (linear + root)
            if np.all(np.abs(x - old) <= CLOSE * x):
                break
        found[rows] = x
    return found
