"""State evolution of the diagonal network: minimiser, best weight decay, Bayes optimum.

The network under weight decay is the regression that minimises
`1/2 sum (y - b.x)^2 + lambda sqrt(d) |b|_1` in its unit coefficients b. Each then behaves as if it
were seen in normal noise tau and cut by a soft threshold t,

    n tau^2 = Delta + R(tau, t),     lambda sqrt(d) = t (n - N(tau, t)),

with R the excess risk and N the number of weights that are not zero. For every tau the second
equation has one t with N < n; with it, the first changes its sign once in tau. `weight_decay` is
lambda throughout, in the convention `sum` of the settings.

Source
------
Bayati and Montanari (2012), IEEE Transactions on Information Theory 58, 1997: the equations at n
in proportion to d. arXiv 2509.24882 (2025) uses them beyond, which is not proved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalefit.arrays import Array
from scalefit.trainers.weight_decay.power_law import power_law
from scalefit.trainers.weight_decay.roots import Function, beyond, flat, root

from .soft_threshold import Atoms

TINY = 1e-14
"""Threshold over noise that stands for none."""


class Fixed(NamedTuple):
    """Solutions of the state evolution, an array of one shape each.

    Attributes
    ----------
    excess_risk
        Mean squared difference of network and teacher, label noise left out.
    tau
        Noise in which each unit coefficient is seen.
    threshold
        Soft threshold of unit coefficients.
    support
        Expected number of weights that are not zero.
    weight_decay
        lambda, in the convention `sum`.
    train_loss
        Mean squared residual on the training examples.
    """

    excess_risk: Array
    tau: Array
    threshold: Array
    support: Array
    weight_decay: Array
    train_loss: Array


@dataclass(frozen=True)
class StateEvolution:
    """State evolution of one teacher.

    Attributes
    ----------
    d : >= 1
        Number of weights; up to 1e8 takes no longer than 1e5.
    gamma : > 1/2
        The i-th weight falls as i^-gamma.
    teacher
        `"gaussian"` or `"fixed"`.
    signed
        Whether weights of either sign can be learned; otherwise those of `teacher="fixed"` are
        positive.
    """

    d: int
    gamma: float
    teacher: str = "gaussian"
    signed: bool = True

    @property
    def atoms(self) -> Atoms:
        """Return the weights of the teacher."""
        law = self.teacher if self.signed else "positive"
        return _atoms(self.d, self.gamma, law)

    def minimiser(self, n: ArrayLike, weight_decay: ArrayLike, noise: ArrayLike) -> Fixed:
        """Return the solutions at a weight decay; the arguments are broadcast.

        Parameters
        ----------
        n : > 0
            Number of examples.
        weight_decay : >= 0
            lambda; 0 is its limit, the interpolation of least norm where n < d.
        noise : >= 0
            Variance Delta of the labels.
        """
        many, decay, variance, shape = flat(n, weight_decay, noise)
        pull = decay * math.sqrt(self.d)
        exact = (variance == 0.0) & (pull == 0.0) & (many >= self.d)
        variance = np.where(exact, 1.0, variance)

        def threshold(log_tau: Array) -> Array:
            return self._threshold(np.exp(log_tau), many, pull)

        log_tau = self._noise(threshold, many, variance)
        tau, cut = np.exp(log_tau), threshold(log_tau)
        found = self._fixed(many, tau, cut, decay)
        found = _without_error(found, exact)
        return Fixed(*(one.reshape(shape) for one in found))

    def best(self, n: ArrayLike, noise: ArrayLike) -> Fixed:
        """Return the solutions at the weight decay of least risk; arguments as of `minimiser`.

        The least risk at a given tau is where the risk does not change with the threshold; the
        first equation with this threshold has the smallest tau of all.
        """
        many, variance, _, shape = flat(n, noise, 0.0)
        exact = (variance == 0.0) & (many >= self.d)
        variance = np.where(exact, 1.0, variance)

        def threshold(log_tau: Array) -> Array:
            tau = np.exp(log_tau)

            def rising(log_cut: Array) -> Array:
                return self.atoms.slope(tau, np.exp(log_cut)) / tau

            low = log_tau - 12.0
            found: Array = np.exp(root(rising, low, beyond(rising, log_tau, 0.5), 1e-11))
            return found

        log_tau = self._noise(threshold, many, variance)
        tau, cut = np.exp(log_tau), threshold(log_tau)
        _, support = self.atoms.moments(tau, cut)
        decay = cut * np.maximum(many - support, 0.0) / math.sqrt(self.d)
        found = _without_error(self._fixed(many, tau, cut, decay), exact)
        return Fixed(*(one.reshape(shape) for one in found))

    def bayes(self, n: ArrayLike, noise: ArrayLike) -> Array:
        """Return the least excess risk of any estimator, for normal weights of the teacher.

        Source
        ------
        `n tau^2 = Delta + R` with `R = sum s^2 tau^2 / (s^2 + tau^2)`, the posterior's variance.
        """
        many, variance, _, shape = flat(n, noise, 0.0)
        exact = (variance == 0.0) & (many >= self.d)
        variance = np.where(exact, 1.0, variance)
        size, count = self.atoms.size, self.atoms.count

        def crowded(log_tau: Array) -> Array:
            square = np.exp(2 * log_tau)[:, None]
            shares = (size**2 / (size**2 + square)) @ count
            return np.log(variance * np.exp(-2 * log_tau) + shares) - np.log(many)

        high = 0.5 * np.log((variance + self.atoms.power) / many) + 1e-9
        low = -beyond(lambda x: crowded(-x), -high, 0.5)
        square = np.exp(2 * root(crowded, low, high))[:, None]
        risk = (size**2 * square / (size**2 + square)) @ count
        return np.where(exact, 0.0, risk).reshape(shape)

    def edge(self, fixed: Fixed) -> Array:
        """Return the size of the largest of d weights that are noise, less the threshold; or zero.

        `tau sqrt(2 log d)` is where the largest of d normal numbers lies.
        """
        noise = math.sqrt(2 * math.log(self.d)) * fixed.tau
        found: Array = np.maximum(noise - fixed.threshold, 0.0)
        return found

    def spikes(self, fixed: Fixed) -> float:
        """Return how many weights of the teacher are typically seen above noise and threshold."""
        level = max(math.sqrt(2 * math.log(self.d)) * float(fixed.tau), float(fixed.threshold))
        return float(self.atoms.count[self.atoms.size > level].sum())

    def learned(self, fixed: Fixed) -> Array:
        """Return the sizes of the learned weights expected by rank, the largest first, shape (d,).

        Parameters
        ----------
        fixed
            A single solution.
        """
        tau, cut = float(fixed.tau), float(fixed.threshold)
        grid = np.concatenate([[0.0], np.geomspace(1e-6, 8 * (1 + tau), 4000)])
        above = self.atoms.larger(max(tau, 1e-300), grid + cut)
        ranks = np.arange(self.d) + 0.5
        found: Array = np.interp(-ranks, -above, grid, left=0.0, right=grid[-1])
        return found

    def _threshold(self, tau: Array, many: Array, pull: Array) -> Array:
        """Return the threshold at which n - N = pull / t."""

        def room(log_cut: Array) -> Array:
            cut = np.exp(log_cut)
            support = self.atoms.support(tau, cut)
            return 1 - support / many - pull / (cut * many)

        with np.errstate(divide="ignore"):
            low = np.maximum(np.log(pull / many), np.log(TINY * tau))
        start = np.maximum(low + 0.1, np.log(tau) - 2.0)
        found: Array = np.exp(root(room, low, beyond(room, start, 0.5), 1e-12))
        return found

    def _noise(self, threshold: Function, many: Array, variance: Array) -> Array:
        """Return log tau at which the first equation holds, its threshold a function of log tau."""

        def excess(log_tau: Array) -> Array:
            risk, _ = self.atoms.moments(np.exp(log_tau), threshold(log_tau))
            return np.log((variance + risk) / many) - 2 * log_tau

        with np.errstate(divide="ignore"):
            least = 0.5 * np.log(variance / many)
        middle = 0.5 * np.log((variance + self.atoms.power) / many)
        high = beyond(lambda x: -excess(x), middle, 0.25)
        silent = ~np.isfinite(least)
        low = np.where(silent, middle, least - 1e-9)
        if silent.any():
            below = -beyond(lambda x: excess(-x), -middle, 0.5)
            low = np.where(silent, below, low)
        return root(excess, low, high)

    def _fixed(self, many: Array, tau: Array, cut: Array, decay: Array) -> Fixed:
        risk, support = self.atoms.moments(tau, cut)
        loss = many * tau**2 * np.maximum(1 - support / many, 0.0) ** 2
        return Fixed(risk, tau, cut, support, decay, loss)


def _without_error(found: Fixed, exact: NDArray[np.bool_]) -> Fixed:
    """Return solutions with zeros where there is neither noise nor decay, and all is learned."""
    names = ("excess_risk", "tau", "threshold", "weight_decay", "train_loss")
    zeros = {name: np.where(exact, 0.0, getattr(found, name)) for name in names}
    return found._replace(**zeros) if exact.any() else found


@cache
def _atoms(d: int, gamma: float, law: str) -> Atoms:
    return Atoms(*power_law(d, gamma), law)
