"""State evolution of the quadratic network: minimiser, best weight decay, Bayes optimum.

The network under weight decay, if wide enough, is the positive matrix S that minimises
`sum (y - Tr S Z)^2 + lambda d Tr S`. It then behaves as if the teacher were seen in Gaussian noise
of scale delta and cut at c, `S_hat = (S* + delta G - c)_+`, with

    4 (n / d^2) delta^2 = Delta + R(delta, c),     lambda = 4 c (n - d^2 D(delta, c)) / d^2,

R the excess risk, `2 |S_hat - S*|_F^2 / d`, and d^2 D the divergence of the cut. For every delta
the second equation has one c with d^2 D < n; with it, the first changes its sign once in delta.
Spectra are made on a grid of log delta, once for a teacher, and solutions are interpolated.
`weight_decay` is lambda throughout, in the convention `sum` of the settings.

Source
------
arXiv 2505.17958 (2025), the minimiser as nuclear-norm sensing; arXiv 2509.24882 (2025) uses it for
n out of proportion to d^2, which is not proved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from scalefit.arrays import Array
from scalefit.trainers.weight_decay.power_law import power_law
from scalefit.trainers.weight_decay.roots import beyond, flat, root

from .free_sum import Cut, free_sum
from .sharp_spikes import SharpSpikes

STEP = math.log(1.12)
"""Distance of neighbours on the grid of log delta."""
LARGEST = 2000
"""Dimension up to which every eigenvalue is taken by itself."""
FARTHEST = 3000
"""Grid points from delta = 1, at most; they reach from 1e-147 to 1e147."""

ERRORS = ("excess_risk", "delta", "cutoff", "weight_decay", "train_loss")
"""What is zero where nothing is left to learn."""

Table = tuple[Array, Array]
"""Mean squared error and cut-off of every problem at one delta, each of shape (P,)."""


class Fixed(NamedTuple):
    """Solutions of the state evolution, an array of one shape each.

    Attributes
    ----------
    excess_risk
        Mean squared difference of network and teacher, label noise left out.
    delta
        Scale of the noise in which the teacher's matrix is seen.
    cutoff
        What eigenvalues lose, and below which they are zero.
    support
        Expected number of eigenvalues that are not zero.
    weight_decay
        lambda, in the convention `sum`.
    train_loss
        Mean squared residual on the training examples.
    """

    excess_risk: Array
    delta: Array
    cutoff: Array
    support: Array
    weight_decay: Array
    train_loss: Array


@dataclass(frozen=True)
class StateEvolution:
    """State evolution of one teacher.

    Attributes
    ----------
    d : >= 1
        Dimension of the inputs.
    gamma : > 1/2
        The i-th eigenvalue of the teacher is sqrt(d) i^-gamma.
    unit
        Whether the teacher is rescaled to a mean squared eigenvalue of 1.
    spectrum
        `"full"`: every eigenvalue. `"sharp"`: bulk and sharp spikes, for n / d much smaller than
        d. `"auto"`: the former up to a dimension of 2000.
    """

    d: int
    gamma: float
    unit: bool = False
    spectrum: str = "auto"
    _cuts: dict[int, Cut] = field(default_factory=dict, repr=False, compare=False)

    @property
    def eigenvalues(self) -> tuple[Array, Array]:
        """Return the teacher's eigenvalues, falling, and how many there are of each."""
        size, count = power_law(self.d, self.gamma)
        power = float(count @ size**2)
        return size * math.sqrt(self.d / (power if self.unit else 1.0)), count

    @property
    def power(self) -> float:
        """Return the excess risk of the zero matrix, `2 |S*|_F^2 / d`."""
        size, count = self.eigenvalues
        return float(2 * count @ size**2 / self.d)

    def cut(self, delta: float) -> Cut:
        """Return what noise of this scale makes of the teacher."""
        size, count = self.eigenvalues
        if self.spectrum == "full" or (self.spectrum == "auto" and self.d <= LARGEST):
            ranks = np.arange(1.0, self.d + 1)
            return free_sum(size[0] * ranks**-self.gamma, delta)
        return SharpSpikes(delta, size, count)

    def minimiser(self, n: ArrayLike, weight_decay: ArrayLike, noise: ArrayLike) -> Fixed:
        """Return the solutions at a weight decay; the arguments are broadcast.

        Parameters
        ----------
        n : > 0
            Number of examples.
        weight_decay : > 0
            lambda.
        noise : >= 0
            Variance Delta of the labels.
        """
        many, decay, variance, shape = flat(n, weight_decay, noise)

        def table(cut: Cut) -> Table:
            cutoff = self._cutoff(cut, many, decay)
            return cut.at(cutoff)[0], cutoff

        log_delta, error, cutoff = self._solved(table, many, variance)
        return self._fixed(many, log_delta, error, cutoff, decay, shape)

    def best(self, n: ArrayLike, noise: ArrayLike) -> Fixed:
        """Return the solutions at the weight decay of least risk; arguments as of `minimiser`."""
        many, variance, _, shape = flat(n, noise, 0.0)
        exact = (variance == 0.0) & (2 * many >= float(self.d) ** 2)
        variance = np.where(exact, 1.0, variance)

        def table(cut: Cut) -> Table:
            tried = cut.candidates()
            error, _, _ = cut.at(tried)
            least = int(np.argmin(error))
            return np.full(many.shape, error[least]), np.full(many.shape, tried[least])

        log_delta, error, cutoff = self._solved(table, many, variance)
        found = self._fixed(many, log_delta, error, cutoff, None, shape)
        known = exact.reshape(shape)  # all is learned without error
        zeros = {name: np.where(known, 0.0, getattr(found, name)) for name in ERRORS}
        return found._replace(**zeros) if exact.any() else found

    def bayes(self, n: ArrayLike, noise: ArrayLike) -> Array:
        """Return the least excess risk of estimators that do not know the eigenvectors' law.

        Source
        ------
        The rotationally invariant estimate `x - 2 h(x)` of every eigenvalue (Ledoit and Peche 2011,
        Probability Theory and Related Fields 151, 233) in place of the cut.
        """
        many, variance, _, shape = flat(n, noise, 0.0)
        exact = (variance == 0.0) & (2 * many >= float(self.d) ** 2)
        variance = np.where(exact, 1.0, variance)

        def table(cut: Cut) -> Table:
            return np.full(many.shape, cut.bayes), np.ones(many.shape)

        _, error, _ = self._solved(table, many, variance)
        return np.where(exact, 0.0, 2 * error).reshape(shape)

    def edge(self, fixed: Fixed) -> Array:
        """Return where the bulk of noise ends among the learned eigenvalues: `2 delta - c` or 0."""
        found: Array = np.maximum(2 * fixed.delta - fixed.cutoff, 0.0)
        return found

    def spikes(self, fixed: Fixed) -> float:
        """Return how many eigenvalues of the teacher are seen above bulk and cut-off."""
        size, count = self.eigenvalues
        place = SharpSpikes(float(fixed.delta), size, count).places
        level = max(2 * float(fixed.delta), float(fixed.cutoff))
        return float(count[place > level].sum())

    def learned(self, fixed: Fixed) -> Array:
        """Return the eigenvalues of the learned matrix by rank, the largest first, shape (d,).

        Parameters
        ----------
        fixed
            A single solution.
        """
        seen = self.cut(float(fixed.delta)).quantiles(self.d)
        found: Array = np.maximum(seen - float(fixed.cutoff), 0.0)
        return found

    def _cutoff(self, cut: Cut, many: Array, decay: Array) -> Array:
        """Return the cut-off of every problem at one delta."""
        pull, squared = decay * self.d**2 / 4, float(self.d) ** 2

        def room(log_cut: Array) -> Array:
            cutoff = np.exp(log_cut)
            _, divergence, _ = cut.at(cutoff)
            return 1 - squared * divergence / many - pull / (cutoff * many)

        low = np.log(pull / many)
        high = beyond(room, np.maximum(low + 0.1, math.log(cut.delta) - 2.0), 0.5)
        found: Array = np.exp(root(room, low, high, 1e-9))
        return found

    def _solved(
        self, table: Callable[[Cut], Table], many: Array, variance: Array
    ) -> tuple[Array, Array, Array]:
        """Return log delta, mean squared error and cut-off of every problem."""
        scale = 4 * many / float(self.d) ** 2
        rows: dict[int, tuple[Array, Array, Array]] = {}

        def row(index: int) -> Array:
            if index not in rows:
                error, cutoff = table(self._at(index))
                with np.errstate(divide="ignore"):
                    excess = np.log((variance + 2 * error) / scale) - 2 * index * STEP
                    rows[index] = excess, np.log(error), np.log(cutoff)
            return rows[index][0]

        middle = 0.5 * np.log((variance + self.power) / scale) / STEP
        high = math.ceil(float(middle.max()))
        while np.any(row(high) > 0.0) and high < FARTHEST:
            high += 1
        low = math.floor(float(middle.min())) - 1
        while np.any(row(low) < 0.0) and low > -FARTHEST:
            low -= 1
        grid = range(low - 1, high + 2)
        for index in grid:
            row(index)
        excess, error, cutoff = (np.array([rows[at][part] for at in grid]) for part in range(3))
        return _interpolated(np.array(grid) * STEP, excess, error, cutoff)

    def _at(self, index: int) -> Cut:
        if index not in self._cuts:
            self._cuts[index] = self.cut(math.exp(index * STEP))
        return self._cuts[index]

    def _fixed(
        self,
        many: Array,
        log_delta: Array,
        error: Array,
        cutoff: Array,
        decay: Array | None,
        shape: tuple[int, ...],
    ) -> Fixed:
        delta, squared = np.exp(log_delta), float(self.d) ** 2
        below = np.floor(log_delta / STEP).astype(int)
        support, divergence = np.empty(many.size), np.empty(many.size)
        for at, index in enumerate(below):  # interpolated between neighbours, at equal c / delta
            ratio, share = cutoff[at] / delta[at], log_delta[at] / STEP - index
            ends = [self._at(int(index) + k) for k in (0, 1)]
            found = np.array([one.at(ratio * one.delta)[1:] for one in ends])
            divergence[at], support[at] = (1 - share) * found[0] + share * found[1]
        room = np.maximum(1 - squared * divergence / many, 0.0)
        if decay is None:
            decay = 4 * cutoff * many * room / squared
        loss = 4 * many / squared * delta**2 * room**2
        values = (2 * error, delta, cutoff, self.d * support, decay, loss)
        return Fixed(*(one.reshape(shape) for one in values))


def _interpolated(
    grid: Array, excess: Array, error: Array, cutoff: Array
) -> tuple[Array, Array, Array]:
    """Return where the excess is zero, and the other two there, given tables of logarithms."""
    problem = np.arange(excess.shape[1])
    cell = np.argmax((excess[:-1] >= 0.0) & (excess[1:] < 0.0), axis=0)
    pieces = [PchipInterpolator(grid, one, axis=0).c for one in (excess, error, cutoff)]
    chosen = [one[:, cell, problem] for one in pieces]

    def at(part: Array, inside: Array) -> Array:
        found: Array = ((part[0] * inside + part[1]) * inside + part[2]) * inside + part[3]
        return found

    width = np.diff(grid)[cell]
    inside = root(lambda x: at(chosen[0], x), np.zeros(width.shape), width)
    return grid[cell] + inside, np.exp(at(chosen[1], inside)), np.exp(at(chosen[2], inside))
