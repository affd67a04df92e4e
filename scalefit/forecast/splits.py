"""Splits: where a law is lowest along the curve on which two predictors cost the same.

All draws and budgets at once: a coarse look, golden sections, and a step of Newton's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.laws import Law

Cost = float | Callable[[Any, Any], Any]

SIDE = 16.0
"""Nats from the even split within which the best one is looked for."""
COARSE = 9
"""Splits that are tried first."""
GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
CLOSE = 0.05
"""Nats to which golden sections find the best split; steps of Newton's follow."""
POLISHES = 2
STEP = 2e-3
"""Nats of the finite differences at the best split."""
NODES = 1025
"""Points of the table in which the second predictor is looked up while one searches."""


WIDE = 80.0
"""Nats either way in which a cost is solved for the second predictor."""
HALVINGS = 60
NEWTON = 3


class Formula:
    """Log y of every draw at points of its own, given the logs of the two free predictors.

    A law takes its columns as x[:, j], so x of shape (S, k, B) gives every draw its own points.

    Parameters
    ----------
    law
        The law.
    params
        Draws of its natural parameters by name, shape (S,) or (S, size).
    held
        Values of the predictors that are not free, by their place.

    Raises
    ------
    ConfigError
        If not two are free, or the law takes all columns of x at once.
    """

    def __init__(self, law: Law, params: Mapping[str, Array], held: Mapping[int, float]) -> None:
        self._law, self._params = law.of_draws(params)
        self._held = dict(held)
        self._free = [j for j in range(len(law.predictors)) if j not in held]
        self.draws = len(next(iter(params.values())))
        if len(self._free) != 2:
            raise ConfigError(
                f"a budget is split between two predictors; the law '{law.name}' has "
                f"{len(self._free)} that are free"
            )
        try:
            shape = self(*np.zeros((2, self.draws, 3))).shape
        except (ValueError, IndexError):
            shape = ()
        if shape != (self.draws, 3):
            raise ConfigError(
                f"the law '{law.name}' must take its columns one by one, as x[:, 0], for a frontier"
            )

    def __call__(self, log_n: Array, log_d: Array) -> Array:
        """Return log y, shape (S, B), at logs of both free predictors of that shape."""
        x = np.empty((self.draws, len(self._law.predictors), log_n.shape[1]))
        for j, value in self._held.items():
            x[:, j] = value
        with np.errstate(all="ignore"):
            x[:, self._free[0]], x[:, self._free[1]] = np.exp(log_n), np.exp(log_d)
            return np.asarray(self._law.log_mean(self._params, x))


class _Product:
    """Cost that is a factor times the product of both."""

    def __init__(self, log_factor: float) -> None:
        self._log_factor = log_factor

    def even(self, log_budget: Array) -> Array:
        """Return the log of the first predictor where both are equal."""
        return np.asarray(0.5 * (log_budget - self._log_factor))

    def quick(self, log_n: Array, log_budget: Array) -> Array:
        """Return the log of the second predictor, given that of the first."""
        return log_budget - self._log_factor - log_n

    exact = quick


class _Costly:
    """Cost that is any function of both which grows with each."""

    def __init__(
        self, cost: Callable[[Any, Any], Any], log_budget: Array, centre: tuple[float, float]
    ) -> None:
        self._function = cost
        middle = np.log(np.array(centre))
        self._middle = float(middle[1])
        along = self._solved(lambda t: self._cost(middle[0] + t, middle[1] + t), log_budget, 0.0)
        self._even = middle[0] + along
        reach = SIDE + 4.0 * SIDE / COARSE
        self._first, self._step = self._even - reach, 2.0 * reach / (NODES - 1)
        nodes = self._first + self._step * np.arange(NODES)[:, None]
        self._table = self._solved(lambda d: self._cost(nodes, d), log_budget, self._middle)

    def even(self, log_budget: Array) -> Array:
        """Return the log of the first predictor in the proportions of the centre."""
        del log_budget
        return np.asarray(self._even)

    def quick(self, log_n: Array, log_budget: Array) -> Array:
        """Return the log of the second predictor, from the table."""
        del log_budget
        place = np.clip((log_n - self._first) / self._step, 0.0, NODES - 1.001)
        low = place.astype(int)
        at = np.broadcast_to(np.arange(self._table.shape[1]), low.shape)
        below, above = self._table[low, at], self._table[low + 1, at]
        return np.asarray(below + (place - low) * (above - below))

    def exact(self, log_n: Array, log_budget: Array) -> Array:
        """Return the log of the second predictor after a few steps of Newton's."""
        log_d = self.quick(log_n, log_budget)
        for _ in range(NEWTON):
            here = self._cost(log_n, log_d)
            slope = (self._cost(log_n, log_d + STEP) - here) / STEP
            with np.errstate(all="ignore"):
                step = (log_budget - here) / slope
            log_d = log_d + np.where(np.isfinite(step), np.clip(step, -1.0, 1.0), 0.0)
        return log_d

    def _cost(self, log_n: Array, log_d: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(
                np.log(np.asarray(self._function(np.exp(log_n), np.exp(log_d)), dtype=float))
            )

    @staticmethod
    def _solved(cost: Callable[[Array], Array], log_budget: Array, middle: float) -> Array:
        """Return where a growing log cost is the log budget, by halving; the low end if nowhere."""
        shape = np.broadcast_shapes(cost(np.full(log_budget.shape, middle)).shape, log_budget.shape)
        low, high = np.full(shape, middle - WIDE), np.full(shape, middle + WIDE)
        for _ in range(HALVINGS):
            half = 0.5 * (low + high)
            under = cost(half) < log_budget
            low, high = np.where(under, half, low), np.where(under, high, half)
        return np.asarray(0.5 * (low + high))


def curve(cost: Cost, log_budget: Array, centre: tuple[float, float]) -> _Product | _Costly:
    """Return the curves on which both predictors cost as much as each budget."""
    if callable(cost):
        return _Costly(cost, log_budget, centre)
    return _Product(math.log(float(cost)))


class Search:
    """The best split by a coarse look and golden sections, all draws and budgets at once."""

    def __init__(
        self, log_y: Formula, budget: Array, cost: Cost, centre: tuple[float, float] | None
    ) -> None:
        self._log_y = log_y
        self._log_budget = np.log(budget)
        self._curve = curve(cost, self._log_budget, centre or (1.0, 1.0))
        self._even = self._curve.even(self._log_budget)

    def found(self) -> tuple[Array, Array, Array]:
        """Return the best split, (S, B, 2), log y there, (S, B), and exponents, (S, B, 3).

        NaN where the best lies at an end of what is tried.
        """
        low, high, inside = self._bracket()
        log_n = self._polished(self._golden(low, high))
        exponent = self._exponents(log_n)
        log_d = self._curve.exact(log_n, self._log_budget)
        log_y = self._log_y(log_n, log_d)
        best = np.exp(np.stack([log_n, log_d], axis=-1))
        best[~inside], exponent[~inside], log_y[~inside] = np.nan, np.nan, np.nan
        return best, log_y, exponent

    def _at(self, log_n: Array) -> Array:
        """Return log y on the curve of equal cost."""
        return self._log_y(log_n, self._curve.quick(log_n, self._log_budget))

    def _exactly(self, log_n: Array, more: float = 0.0) -> Array:
        """Return the same, smooth enough for differences, for a budget so many nats larger."""
        return self._log_y(log_n, self._curve.exact(log_n, self._log_budget + more))

    def _bracket(self) -> tuple[Array, Array, Any]:
        """Return ends between which the least value lies, and whether it lies inside."""
        offsets = np.linspace(-SIDE, SIDE, COARSE)
        values = np.stack(
            [self._at(self._spread(self._even + offset)) for offset in offsets]
        )  # one log y for every draw
        values = np.where(np.isfinite(values), values, np.inf)
        place = np.argmin(values, axis=0)
        inside = (place > 0) & (place < COARSE - 1)
        step = offsets[1] - offsets[0]
        middle = self._even + offsets[place]
        return middle - step, middle + step, inside

    def _spread(self, log_n: Array) -> Array:
        return np.broadcast_to(log_n, (self._log_y.draws, log_n.size))

    def _golden(self, low: Array, high: Array) -> Array:
        inner = high - GOLDEN * (high - low)
        outer = low + GOLDEN * (high - low)
        at_inner, at_outer = self._at(inner), self._at(outer)
        width = float(np.max(high - low))
        while width > CLOSE:
            left = at_inner < at_outer
            low, high = np.where(left, low, inner), np.where(left, outer, high)
            kept, value = np.where(left, inner, outer), np.where(left, at_inner, at_outer)
            new = np.where(left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
            fresh = self._at(new)
            inner, outer = np.where(left, new, kept), np.where(left, kept, new)
            at_inner = np.where(left, fresh, value)
            at_outer = np.where(left, value, fresh)
            width *= GOLDEN
        return np.asarray(0.5 * (low + high))

    def _polished(self, log_n: Array) -> Array:
        for _ in range(POLISHES):
            below, here, above = (self._exactly(log_n + k * STEP) for k in (-1, 0, 1))
            with np.errstate(all="ignore"):
                step = -0.5 * STEP * (above - below) / (above - 2.0 * here + below)
            log_n = log_n + np.where(np.isfinite(step), np.clip(step, -CLOSE, CLOSE), 0.0)
        return log_n

    def _exponents(self, log_n: Array) -> Array:
        """Return the exponents of both predictors and of y, shape (S, B, 3)."""

        def at(n: int, c: int) -> Array:
            return self._exactly(log_n + n * STEP, c * STEP)

        by_n = at(1, 0) - 2.0 * at(0, 0) + at(-1, 0)
        mixed = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1))
        fall = -(at(0, 1) - at(0, -1)) / (2.0 * STEP)
        with np.errstate(all="ignore"):
            first = -mixed / by_n
        later = self._curve.exact(log_n + first * STEP, self._log_budget + STEP)
        before = self._curve.exact(log_n - first * STEP, self._log_budget - STEP)
        return np.stack([first, (later - before) / (2.0 * STEP), fall], axis=-1)
