"""Body of a sample: the evidence of all values below a cut-off, whatever density they have.

The density of u = log x is cut into pieces. In each it is exponential in u, so a power law in x, of
any slope, and densities may jump from piece to piece; so bulks with sharp edges, gaps and several
humps are described by few pieces. Their number is geometric, their boundaries are uniform in u, and
their shares of the sample are uniform on the simplex (a Dirichlet prior). The sum over all
partitions is exact on a grid of boundaries, by the forward recursion of Fearnhead (2006, Statistics
and Computing 16, 203); it is the same whatever shape the tail has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from scalefit.arrays import Array

PIECES = 8
"""Pieces of the body, at most."""
ANOTHER = 0.5
"""Prior probability of one piece more."""
BOUNDARIES = 64
"""Places where pieces of the body may meet."""
CHANGE = 3.0
"""Prior standard deviation of the change of log density along a piece."""
STEPS = 14
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
FEW = 1e-2


@dataclass(frozen=True)
class Body:
    """Evidence of what is below a cut-off, for one sample.

    Attributes
    ----------
    u : shape (n,)
        Log values, ascending.
    """

    u: Array

    @cached_property
    def sums(self) -> Array:
        """Sums of the first values, counted from the smallest, shape (n + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.u - self.u[0])])

    @property
    def span(self) -> float:
        """Range of log x."""
        return float(self.u[-1] - self.u[0])

    @cached_property
    def boundaries(self) -> tuple[Array, Array]:
        """Places of boundaries, half by the values and half by log x, and the width of each."""
        u = self.u
        even = np.linspace(u[0], u[-1], 4 * BOUNDARIES)
        ranks = np.interp(even, u, np.linspace(0.0, 1.0, u.size))
        share = ranks - ranks[0] + (even - u[0]) / self.span
        edges = np.interp(np.linspace(0.0, share[-1], BOUNDARIES + 1), share, even)
        return 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)

    def log_evidence(self, cutoffs: Array) -> Array:
        """Return the log density of values below cut-offs, of boundaries and of all shares.

        Parameters
        ----------
        cutoffs : shape (m,)
            On the scale of log x; below the smallest value there is no body.
        """
        n = self.u.size
        total = self._count(cutoffs)
        places, widths = self.boundaries
        step = self._piece(places[:, None], cutoffs[None, :])
        first = self._piece(np.array([[self.u[0]]]), cutoffs[None, :])[0]
        found = np.full((PIECES + 1, cutoffs.size), -np.inf)
        found[0] = np.where(cutoffs <= self.u[0], 0.0, -np.inf)
        found[1] = np.where(cutoffs > self.u[0], first, -np.inf)
        for pieces, before in enumerate(self._forward[:-1], 2):
            found[pieces] = logsumexp(before[:, None] + np.log(widths)[:, None] + step, axis=0)
        number = np.arange(PIECES + 1)
        boundaries = np.maximum(number, 1)
        prior = (
            number * np.log(ANOTHER)
            + gammaln(boundaries + 1.0)
            - boundaries * np.log(self.span)
            + gammaln(number + 1.0)
            - gammaln(n + number + 1.0)
        )
        shares = gammaln(n - total + 1.0)
        return np.asarray(logsumexp(found + prior[:, None], axis=0) + shares)

    @cached_property
    def _forward(self) -> list[Array]:
        """Log evidence of what is below each boundary, by the number of pieces, from one on."""
        places, widths = self.boundaries
        step = self._piece(places[:, None], places[None, :])
        found = [self._piece(np.array([[self.u[0]]]), places[None, :])[0]]
        for _ in range(PIECES - 1):
            found.append(
                np.asarray(logsumexp(found[-1][:, None] + np.log(widths)[:, None] + step, axis=0))
            )
        return found

    def _count(self, at: Array) -> NDArray[np.intp]:
        return np.searchsorted(self.u, at, side="left")

    def _piece(self, low: Array, high: Array) -> Array:
        """Return the log evidence of the values between two places, -inf unless low < high."""
        start, end = self._count(low), self._count(high)
        k = np.maximum(end - start, 0).astype(float)
        length = np.where(high > low, high - low, 1.0)
        total = np.where(k > 0, self.sums[end] - self.sums[start], 0.0) - k * (low - self.u[0])
        mean = np.divide(total, k * length, out=np.full_like(total, 0.5), where=k > 0)
        found = slope_integrated(k, mean) - k * np.log(length) + gammaln(k + 1.0)
        return np.where(high > low, found, -np.inf)


def slope_integrated(k: Array, mean: Array) -> Array:
    """Return the log evidence of k values on the unit interval with an exponential density.

    The density is exp(-b v) / Z(b), b normal around 0; the integral over b is by Gauss-Hermite
    nodes around its mode, which Newton's steps find, for the integrand is log-concave.

    Parameters
    ----------
    k
        Numbers of values.
    mean
        Their means, between 0 and 1.
    """
    b = np.zeros_like(mean)
    for _ in range(STEPS):
        _, centre, spread = _exponential(b)
        b = b + (k * (centre - mean) - b / CHANGE**2) / (k * spread + CHANGE**-2)
    sd = 1.0 / np.sqrt(k * _exponential(b)[2] + CHANGE**-2)
    terms = []
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        at = b + sd * node
        log_z, _, _ = _exponential(at)
        log_f = -k * (log_z + at * mean) - 0.5 * (at / CHANGE) ** 2
        terms.append(log_f + 0.5 * node**2 + np.log(weight))
    return np.asarray(logsumexp(terms, axis=0) + np.log(sd / CHANGE) - 0.5 * np.log(2.0 * np.pi))


def _exponential(b: Array) -> tuple[Array, Array, Array]:
    """Return log Z, mean and variance of the density exp(-b v) / Z on the unit interval."""
    small = np.abs(b) < FEW
    safe = np.where(small, 1.0, b)
    grown = np.expm1(np.abs(safe))  # of |b|, mirrored below
    log_z = np.where(safe > 0, 0.0, -safe) + np.log(-np.expm1(-np.abs(safe)) / np.abs(safe))
    with np.errstate(over="ignore"):
        centre = 1.0 / np.abs(safe) - 1.0 / grown
        centre = np.where(safe > 0, centre, 1.0 - centre)
        spread = safe**-2.0 - 1.0 / (4.0 * np.sinh(np.minimum(np.abs(safe), 600.0) / 2.0) ** 2)
    return (
        np.where(small, -b / 2.0 + b**2 / 24.0, log_z),
        np.where(small, 0.5 - b / 12.0, centre),
        np.where(small, 1.0 / 12.0 - b**2 / 240.0, spread),
    )
