"""Soft threshold of a power-law teacher in Gaussian noise: risk, support and how risk changes.

Every weight b is seen as `M = b + tau z`, z standard normal, and estimated by `eta(M)`, M moved
towards zero by the threshold, and zero if smaller. Weights are unit coefficients: the network is
`f(x) = sum_i b_i x_i`. Formulas are free of cancellation where tau is small against b.

Source
------
Donoho and Johnstone (1994), Biometrika 81, 425: the risk of the soft threshold. The forms for a
normal prior follow from `E[b | M] = s^2 M / (s^2 + tau^2)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc, ndtr

from scalefit.arrays import Array


@dataclass(frozen=True)
class Atoms:
    """Weights of a teacher, equal ones counted together.

    Attributes
    ----------
    size : shape (K,)
        i^-gamma: standard deviation of the i-th weight, or the weight itself. That of a bin keeps
        the sum of squares.
    count : shape (K,)
        How many weights an entry stands for.
    law
        `"gaussian"`: normal weights; `"fixed"`: as large as `size`, either sign; `"positive"`: as
        large as `size`, and the threshold keeps what is positive alone.
    """

    size: Array
    count: Array
    law: str

    @property
    def power(self) -> float:
        """Return the sum of squares, the risk of weights that are all zero."""
        return float(self.count @ self.size**2)

    def moments(self, tau: Array, threshold: Array) -> tuple[Array, Array]:
        """Return risk and expected support at noise `tau` and a threshold, each of shape (P,)."""
        risk, kept = self._each(tau[:, None], threshold[:, None])
        return risk @ self.count, kept @ self.count

    def support(self, tau: Array, threshold: Array) -> Array:
        """Return the expected support alone, shape (P,)."""
        noise, cut = tau[:, None], threshold[:, None]
        if self.law == "gaussian":
            return 2 * ndtr(-cut / np.hypot(self.size, noise)) @ self.count
        a, m = cut / noise, self.size / noise
        kept = ndtr(m - a) + (ndtr(-a - m) if self.law == "fixed" else 0.0)
        return kept @ self.count

    def slope(self, tau: Array, threshold: Array) -> Array:
        """Return half the derivative of the risk by the threshold, shape (P,)."""
        noise, cut = tau[:, None], threshold[:, None]
        if self.law == "gaussian":
            spread = np.hypot(self.size, noise)
            k = cut / spread
            each = 2 * (cut * ndtr(-k) - noise**2 / spread * _density(k))
        else:
            a, m = cut / noise, self.size / noise
            each = cut * ndtr(m - a) - noise * _density(a - m)
            if self.law == "fixed":
                each = each + cut * ndtr(-a - m) - noise * _density(a + m)
        return each @ self.count

    def larger(self, tau: float, above: Array) -> Array:
        """Return how many values |M| are expected above each of some positive numbers."""
        x = above[:, None]
        if self.law == "gaussian":
            return 2 * ndtr(-x / np.hypot(self.size, tau)) @ self.count
        found = ndtr((self.size - x) / tau)
        if self.law == "fixed":
            found = found + ndtr(-(self.size + x) / tau)
        return found @ self.count

    def _each(self, tau: Array, cut: Array) -> tuple[Array, Array]:
        """Return risk and probability to be kept, shape (P, K)."""
        if self.law == "gaussian":
            variance = self.size**2 + tau**2
            spread = np.sqrt(variance)
            q, k = tau**2 / variance, cut / spread
            above, density = ndtr(-k), _density(k)
            noise = q**2 * (above + k * density) - 2 * q * k * density + k**2 * above
            lost = self.size**4 / variance * gammainc(1.5, k**2 / 2)
            return 2 * variance * noise + lost + self.size**2 * q, 2 * above
        a, m = cut / tau, self.size / tau
        kept = ndtr(m - a)
        risk = (1 + a**2) * kept - (a + m) * _density(a - m)
        lost = ndtr(a - m)
        if self.law == "fixed":
            other = ndtr(-a - m)
            risk = risk + (1 + a**2) * other - (a - m) * _density(a + m)
            # beyond both sides, and without 1 - kept, which has no digits where m is large
            lost = np.where(m > a, lost - other, 1 - kept - other)
            kept = kept + other
        return tau**2 * (risk + m**2 * lost), kept


def _density(x: Array) -> Array:
    found: Array = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return found
