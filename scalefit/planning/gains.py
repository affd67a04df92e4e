"""Gains: what a run would take from the variance of a target, and the order in which to buy runs.

Arrays in, arrays out: nothing here knows of laws or fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array

from .discrepancy import Discrepancy

FARTHEST = 3.0
"""Nats from the median beyond which a draw counts as if it were there: of a prior, draws whose
exponents are decades away would decide alone."""
WHOLE = 2500
"""Candidates up to which the covariance of all is kept, 50 MB; of more, columns are made as they
are needed."""
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Powers of the cost among which a plan chooses."""

Power = float | Literal["plan"]


@dataclass(frozen=True)
class Purchase:
    """One run bought.

    Attributes
    ----------
    index
        Of the candidate.
    gain
        Variance of the target that it removes.
    """

    index: int
    gain: float


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Centred draws at targets and candidates, and what the law may miss there.

    Attributes
    ----------
    targets : shape (S, T)
        Draws of equal weight.
    candidates : shape (S, C)
        The same draws at the candidates.
    weights : shape (T,)
        How much the variance of each target counts.
    discrepancy
        The covariance of what the law misses; None if it misses nothing.
    at : shape (C, k)
        Logs of the predictors at the candidates, for the discrepancy.
    target_at : shape (T, k)
        The same at the targets; None where they are no points but parameters of the law.
    """

    targets: Array
    candidates: Array
    weights: Array
    discrepancy: Discrepancy | None = None
    at: Array | None = None
    target_at: Array | None = None

    @property
    def exact(self) -> Beliefs:
        """The same if the law misses nothing."""
        return replace(self, discrepancy=None)

    def only(self, chosen: Sequence[int]) -> Beliefs:
        """Return the same with some of the candidates."""
        at = None if self.at is None else self.at[chosen]
        return replace(self, candidates=self.candidates[:, chosen], at=at)

    def variance(self) -> Array:
        """Return the variance of y at every candidate, shape (C,)."""
        found = np.einsum("sc,sc->c", self.candidates, self.candidates) / len(self.candidates)
        if self.discrepancy is not None and self.at is not None:
            found = found + self.discrepancy.variance(self.at)
        return np.asarray(found)

    def shared(self) -> Array:
        """Return the covariance of every target with y at every candidate, shape (T, C)."""
        found = self.targets.T @ self.candidates / len(self.candidates)
        if self.discrepancy is not None and self.at is not None and self.target_at is not None:
            found = found + self.discrepancy.between(self.target_at, self.at)
        return np.asarray(found)

    def column(self, index: int) -> Array:
        """Return the covariance of y at every candidate with that at one, shape (C,)."""
        found = self._column(index) / len(self.candidates)
        if self.discrepancy is not None and self.at is not None:
            found = found + self.discrepancy.between(self.at, self.at[[index]])[:, 0]
        return np.asarray(found)

    def _column(self, index: int) -> Array:
        if self.candidates.shape[1] <= WHOLE:
            return np.array(self._products[index])
        return np.asarray(self.candidates.T @ self.candidates[:, index])

    @cached_property
    def _products(self) -> Array:
        return np.asarray(self.candidates.T @ self.candidates)

    def total(self) -> float:
        """Return the weighted sum of the variances of the targets."""
        found = np.sum(self.targets**2, axis=0) / len(self.targets)
        if self.discrepancy is not None and self.target_at is not None:
            found = found + self.discrepancy.variance(self.target_at)
        return float(self.weights @ found)


def centred(draws: Array, farthest: float = FARTHEST) -> Array:
    """Return draws of shape (S, n) without their mean, those far from the median drawn nearer."""
    middle = np.nanmedian if np.isnan(draws).any() else np.median
    apart = np.nan_to_num(draws - middle(draws, axis=0), nan=0.0)
    near = np.clip(apart, -farthest, farthest)
    return np.asarray(near - near.mean(axis=0))


class Market:
    """The candidates that are left, and what each would take from the variance of the target.

    If the draws are normal this is exact: conditioning on a run needs no outcome. Covariances
    between candidates are updated column by column, as they are needed.
    """

    def __init__(self, beliefs: Beliefs, noise: float) -> None:
        self._beliefs = beliefs
        self._noise = noise
        self._weights = beliefs.weights
        self._variance = beliefs.variance()
        self._shared = beliefs.shared()
        self._taken: list[Array] = []
        self.total = beliefs.total()

    @property
    def variance(self) -> Array:
        """Variance of the law at every candidate, given what was bought, shape (C,)."""
        return self._variance

    def gains(self) -> Array:
        """Return what each candidate would take from the variance of the target, shape (C,)."""
        return np.asarray(self._weights @ self._shared**2 / (self._variance + self._noise))

    def buy(self, index: int) -> float:
        """Condition on one run; return what it took from the variance of the target."""
        column = self._beliefs.column(index)
        for one in self._taken:
            column -= one[index] * one
        root = np.sqrt(max(column[index], 0.0) + self._noise)
        column /= root
        shared = self._shared[:, index] / root
        self._shared -= np.outer(shared, column)
        self._variance = np.maximum(self._variance - column**2, 0.0)
        self._taken.append(column)
        gain = float(self._weights @ shared**2)
        self.total = max(self.total - gain, 0.0)
        return gain


def order(
    beliefs: Beliefs,
    noise: float,
    cost: Array,
    budget: float,
    *,
    power: float,
    most: int | None = None,
) -> tuple[list[Purchase], float]:
    """Return the runs to buy one after the other, and the variance of the target that is left.

    Parameters
    ----------
    beliefs
        Draws at T targets and C candidates.
    noise
        Variance of a run around the law.
    cost : shape (C,), > 0
        Of each candidate.
    budget
        What may be spent; a run that costs more than what is left of it is not bought.
    power
        The next run is the one with the largest gain / cost^power.
    most
        Runs at most; None for as many as the budget allows.
    """
    market = Market(beliefs, noise)
    left, free = budget, np.ones(cost.size, dtype=bool)
    price = cost**power
    bought: list[Purchase] = []
    while most is None or len(bought) < most:
        affordable = free & (cost <= left)
        if not affordable.any():
            break
        worth = np.where(affordable, market.gains() / price, -np.inf)
        index = _first(worth, cost)
        bought.append(Purchase(index, market.buy(index)))
        free[index] = False
        left -= float(cost[index])
    return bought, market.total


def _first(worth: Array, cost: Array) -> int:
    """Return the candidate of the largest worth; of equal ones the cheapest."""
    best = worth.max()
    if best <= 0.0:  # nothing is learnt about the target: what is cheap
        equal: NDArray[np.intp] = np.flatnonzero(np.isfinite(worth))
    else:
        equal = np.flatnonzero(worth >= best * (1.0 - 1e-12))
    return int(equal[np.argmin(cost[equal])])


def planned(
    beliefs: Beliefs, noise: float, cost: Array, budget: float, powers: tuple[float, ...] = POWERS
) -> float:
    """Return the power of the cost with which the whole budget leaves the least variance."""
    left = [order(beliefs, noise, cost, budget, power=power)[1] for power in powers]
    return powers[int(np.argmin(left))]


def followed(beliefs: Beliefs, noise: float, bought: list[Purchase]) -> Array:
    """Return the variance of the target before and after each purchase, shape (n + 1,)."""
    market = Market(beliefs.only([one.index for one in bought]), noise)
    found = [market.total]
    for place in range(len(bought)):
        market.buy(place)
        found.append(market.total)
    return np.array(found)
