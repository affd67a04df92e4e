"""Equations of motion of the committee machine's overlaps, for infinite input dimension.

Within the directions of eigenvalue lambda the overlaps are q = J J' / n (student), r = J B' / n
(student with teacher) and t = B B' / n, n the number of these directions. With time as examples
over N,

    dr / dtime = rate lambda (A r + C t)
    dq / dtime = rate lambda (A q + q A + C r' + r C') + rate^2 lambda V

and t is constant. A, C and V (`gaussian_averages.averages`) depend on the overlaps of all
directions alone, the means of lambda q, lambda r and lambda t: blocks see each other through
nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError

from .gaussian_averages import RESOLUTION, averages, four, joint, outputs, test_loss, two
from .stiff_solver import integrate

Coefficients = tuple[Array, ...]


class Path(NamedTuple):
    """Overlaps along time.

    Attributes
    ----------
    time : shape (point,)
        Examples over N.
    test_loss : shape (point,)
        Half the mean of the squared error.
    Q : shape (point, K, K)
        Overlaps of student units.
    R : shape (point, K, M)
        Overlaps of student units with teacher units.
    """

    time: Array
    test_loss: Array
    Q: Array
    R: Array


def flow(
    eigenvalues: Array,
    q: Array,
    r: Array,
    t: Array,
    times: Sequence[float] | Array,
    *,
    learning_rate: float,
    activation: str = "erf",
    trained: Array | None = None,
    rtol: float = 1e-7,
    atol: float = 1e-13,
) -> Path:
    """Return the overlaps along time from any start, such as that of a run.

    Parameters
    ----------
    eigenvalues : shape (L,), > 0
        Of the inputs' covariance, each with as many directions as the others.
    q : shape (L, K, K) or (K, K)
        Overlaps of student units at time 0, per eigenvalue.
    r : shape (L, K, M) or (K, M)
        Overlaps of student units with teacher units at time 0, per eigenvalue.
    t : shape (L, M, M) or (M, M)
        Overlaps of teacher units, per eigenvalue.
    times : >= 0, increasing
        Where the result is wanted.
    learning_rate, activation
        As the settings.
    trained : shape (L,), from 0 to 1
        Part of each eigenvalue's directions that the student sees; q and r are those within this
        part, and no part is left out by default.
    rtol, atol
        Largest error of a step, relative and absolute.

    Raises
    ------
    ConfigError
        If the times do not increase.

    Notes
    -----
    For erf units, if K = M, t = 1, and q and r have one value on the diagonal and another one off
    it, they keep this form, and the cost does not depend on K. Otherwise it grows like the sixth
    power of K. Their loss is a difference of overlaps, whose error is up to rtol: below a tenth of
    that it is not resolved.
    """
    L, (K, M) = len(eigenvalues), np.shape(r)[-2:]
    times = np.array(times, dtype=float)
    if np.any(np.diff(times) <= 0) or np.any(times < 0):
        raise ConfigError("argument 'times' must be >= 0 and increase; sort it and drop repeats")
    q, r, t = (np.broadcast_to(one, (L, *np.shape(one)[-2:])) for one in (q, r, t))
    T = np.einsum("l,lij->ij", eigenvalues / L, t)
    weights = eigenvalues / L * (np.ones(L) if trained is None else trained)
    seen = weights > 0
    rates = learning_rate * eigenvalues[seen]
    q, r, t, weights = q[seen], r[seen], t[seen], weights[seen]
    blocks: Symmetric | Full
    alike = K == M and _symmetric(q) and _symmetric(r) and bool(np.all(t == np.eye(M)))
    if alike and activation == "erf":
        blocks = Symmetric(rates, weights, learning_rate, K, float(T[0, 0]))
        state = np.stack([_modes(*_pair(one), K) for one in (q, r)], -1)
    else:
        blocks = Full(rates, weights, learning_rate, t, T, activation, K)
        state = np.concatenate([q, r], -1)
    means = np.array(integrate(blocks, state, times, rtol=rtol, atol=atol))
    Q, R = blocks.overlaps(means)
    loss = test_loss(Q, R, T, activation)
    return Path(times, np.maximum(loss, RESOLUTION) if activation == "erf" else loss, Q, R)


@dataclass(frozen=True)
class Full:
    """The equations of motion of any units.

    The state is q and r side by side, shape (L, K, K + M); its means are the upper triangle of Q,
    then R.

    Attributes
    ----------
    rates : shape (L,)
        Learning rate times eigenvalues.
    weights : shape (L,)
        Of the blocks in Q and R.
    learning_rate, t, T, activation, K
        As of `flow`; T is the mean of lambda t.
    """

    rates: Array
    weights: Array
    learning_rate: float
    t: Array
    T: Array
    activation: str
    K: int

    @cached_property
    def upper(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the places of the upper triangle of Q."""
        return np.triu_indices(self.K)

    def means(self, state: Array) -> Array:
        """Return Q's upper triangle and R."""
        mean = np.einsum("l,...lij->...ij", self.weights, state)
        row, column = self.upper
        R = mean[..., self.K :]
        return np.concatenate([mean[..., row, column], R.reshape(*R.shape[:-2], -1)], -1)

    def overlaps(self, means: Array) -> tuple[Array, Array]:
        """Return Q and R."""
        row, column = self.upper
        size = len(row)
        Q = np.zeros((*means.shape[:-1], self.K, self.K))
        Q[..., row, column] = Q[..., column, row] = means[..., :size]
        return Q, means[..., size:].reshape(*means.shape[:-1], self.K, -1)

    def coefficients(self, means: Array) -> Coefficients:
        """Return A, C and V."""
        return averages(*self.overlaps(means), self.T, self.activation)

    def rate(self, state: Array, coefficients: Coefficients) -> Array:
        """Return the time derivative."""
        A, C, V = (one[..., None, :, :] for one in coefficients)
        q, r = state[..., : self.K], state[..., self.K :]
        half = A @ q + C @ r.swapaxes(-1, -2)
        new = half + half.swapaxes(-1, -2) + self.learning_rate * V
        found: Array = self.rates[:, None, None] * np.concatenate([new, A @ r + C @ self.t], -1)
        return found

    def alone(self, coefficients: Coefficients, shift: float) -> Callable[[Array], Array]:
        """Return the solver of a block by itself, in the basis in which A is diagonal."""
        A, C, _ = coefficients
        values, basis = np.linalg.eigh(A)
        C = basis.T @ C
        rates = self.rates[:, None, None]
        single = shift - rates * values[:, None]
        double = shift - rates * (values[:, None] + values)

        def solve(right: Array) -> Array:
            turned = basis.T @ right
            r = turned[..., self.K :] / single
            half = C @ r.swapaxes(-1, -2)
            q = turned[..., : self.K] @ basis + rates * (half + half.swapaxes(-1, -2))
            solution: Array = basis @ np.concatenate([q / double @ basis.T, r], -1)
            return solution

        return solve


@dataclass(frozen=True)
class Symmetric:
    """The equations of motion of units that are alike, as many of the student as of the teacher.

    A matrix with one value on the diagonal and another one off it has two eigenvalues, its modes:
    that of the vector of ones, and that of vectors orthogonal to it. The state is those of q and r,
    shape (L, mode, 2); one mode for a single unit.

    Attributes
    ----------
    rates, weights, learning_rate, K
        As of `Full`.
    length : > 0
        Overlap of every teacher unit with itself; teacher units are orthogonal.
    """

    rates: Array
    weights: Array
    learning_rate: float
    K: int
    length: float

    def means(self, state: Array) -> Array:
        """Return the modes of Q and R."""
        mean: Array = np.einsum("l,...lmz->...mz", self.weights, state)
        return mean.reshape(*mean.shape[:-2], -1)

    def overlaps(self, means: Array) -> tuple[Array, Array]:
        """Return Q and R."""
        return _matrix(means[..., ::2], self.K, self.K), _matrix(means[..., 1::2], self.K, self.K)

    def coefficients(self, means: Array) -> Coefficients:
        """Return the modes of A, C and V."""
        K, few = self.K, min(self.K, 4)
        Q, R = (_matrix(means[..., part::2], K, few) for part in (0, 1))
        cov = joint(Q, R, self.length * np.eye(few))
        out = outputs(Q, R) * math.sqrt(few / K)
        # Unit 0, unit 1, one more that stands for the rest, and another one beside it.
        rest = max(K - 2, 0)
        alone = np.array([1, 1, rest, 0])[:few]
        times = np.outer(alone, alone)
        if rest > 1:
            times[2, 2:] = rest, rest * (rest - 1)
        slope = -out[0] * out * two(cov)[..., 0, :]
        shift = (slope * cov[..., 0, :]) @ np.tile(alone, 2) / (1 + Q[..., 0, 0])
        weight = np.outer(out, out) * np.tile(times, (2, 2)) * out[0] ** 2
        last = min(1, few - 1)
        pairs = (
            (slope[..., 0] - shift, slope[..., last]),
            (slope[..., few], slope[..., few + last]),
            (four(cov, 0, 0, weight), four(cov, 0, last, weight)),
        )
        return tuple(_modes(*pair, K) for pair in pairs)

    def rate(self, state: Array, coefficients: Coefficients) -> Array:
        """Return the time derivative."""
        A, C, V = (one[..., None, :] for one in coefficients)
        q, r = state[..., 0], state[..., 1]
        new = 2 * (A * q + C * r) + self.learning_rate * V
        return self.rates[:, None, None] * np.stack([new, A * r + C], -1)

    def alone(self, coefficients: Coefficients, shift: float) -> Callable[[Array], Array]:
        """Return the solver of a block by itself."""
        A, C, _ = coefficients
        rates = self.rates[:, None]
        single, double, coupling = shift - rates * A, shift - 2 * rates * A, 2 * rates * C

        def solve(right: Array) -> Array:
            r = right[..., 1] / single
            return np.stack([(right[..., 0] + coupling * r) / double, r], -1)

        return solve


def _modes(diagonal: Array, off: Array, K: int) -> Array:
    """Return the eigenvalues of a K x K matrix of two values: of ones, and orthogonal to them."""
    return np.stack([diagonal + (K - 1) * off, diagonal - off][: min(K, 2)], -1)


def _matrix(modes: Array, K: int, size: int) -> Array:
    """Return the leading part of the matrix that has these modes."""
    off = (modes[..., 0] - modes[..., -1]) / K
    return off[..., None, None] + modes[..., -1, None, None] * np.eye(size)


def _pair(matrix: Array) -> tuple[Array, Array]:
    """Return a value on the diagonal, and one off it, where there is one."""
    return matrix[..., 0, 0], matrix[..., 0, min(1, matrix.shape[-1] - 1)]


def _symmetric(matrices: Array) -> bool:
    """Return whether each matrix has one value on the diagonal and another one off it."""
    K = matrices.shape[-1]
    again = _matrix(_modes(*_pair(matrices), K), K, K)
    return np.allclose(matrices, again, rtol=1e-12, atol=1e-14)
