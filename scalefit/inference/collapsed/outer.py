"""Outer coordinates: log ratios of the gaps between crossovers, then standard normals."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import lru_cache

import numpy as np
from scipy import special

from scalefit.arrays import Array
from scalefit.inference.mixture import evenly
from scalefit.laws.priors import Dirichlet

from .gaps import gaps, log_gaps, ratios


class Outer(ABC):
    """A target whose first coordinates are those of gaps and then of widths, all others normal."""

    @property
    @abstractmethod
    def crossovers(self) -> int:
        """Number n of crossovers; their gaps take as many coordinates, and then their widths."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number of outer coordinates."""

    @property
    @abstractmethod
    def concentration(self) -> float:
        """Of the prior of the gaps."""

    @property
    def halved(self) -> slice:
        """The coordinates of the widths."""
        return slice(self.crossovers, 2 * self.crossovers)

    @property
    def repeats(self) -> bool:
        """Whether a second try with twice the effort may help: it does."""
        return True

    @property
    def step(self) -> float:
        """Step of finite differences, below the width of narrow valleys."""
        return 1e-5

    @property
    def steps(self) -> int:
        """Most steps that a search takes."""
        return 20

    def log_prior(self, z: Array) -> Array:
        """Return the normalised log prior density, shape (m,)."""
        n = self.crossovers
        normal = z[:, n:]
        value: Array = -0.5 * np.sum(normal**2, axis=1)
        value -= 0.5 * normal.shape[1] * math.log(2.0 * math.pi)
        if n:
            c = self.concentration
            value += math.lgamma(c * (n + 1)) - (n + 1) * math.lgamma(c)
            value += c * log_gaps(z[:, :n]).sum(axis=1)
        return value

    def prior_curvature(self, z: Array) -> Array:
        """Return minus the second derivative of the log prior, shape (m, d, d)."""
        n = self.crossovers
        curvature = np.broadcast_to(np.eye(self.dimension), (len(z), *2 * (self.dimension,))).copy()
        if n:
            share = self.gaps(z)[:, :n]
            block = share[:, :, None] * (np.eye(n) - share[:, None, :])
            curvature[:, :n, :n] = self.concentration * (n + 1) * block
        return curvature

    def from_uniform(self, cube: Array) -> Array:
        """Return the prior's quantiles, shape (m, d), at points of the unit cube."""
        return _quantiles(cube, self.crossovers, self.concentration)

    def sweep(self, count: int) -> Array:
        """Return points spread evenly over the prior, shape (count, d), alike for every curve."""
        return _sweep(self.crossovers, self.dimension, self.concentration, count)

    def gaps(self, z: Array) -> Array:
        """Return the gaps between crossovers as shares of log x, shape (m, n + 1)."""
        return gaps(z[:, : self.crossovers])


@lru_cache(maxsize=64)
def _sweep(crossovers: int, dimension: int, concentration: float, count: int) -> Array:
    """Return low-discrepancy points of the prior."""
    return _quantiles(evenly(dimension, count), crossovers, concentration)


def _quantiles(cube: Array, crossovers: int, concentration: float) -> Array:
    z = special.ndtri(np.clip(cube, 1e-12, 1.0 - 1e-12))
    if crossovers:
        shares = Dirichlet(concentration, size=crossovers + 1).from_normal(z[:, :crossovers], {})
        z[:, :crossovers] = ratios(shares)
    return np.asarray(z)
