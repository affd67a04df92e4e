"""Target of the importance sampler: what it needs to know of a posterior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from scalefit.arrays import Array


class Target(Protocol):
    """An unnormalised density in d outer coordinates, of prior times likelihood.

    Some parameters may have been integrated out, and that approximately: `log_density` is then an
    approximation that steers the search, and `exact` an unbiased estimate that removes its error.
    """

    @property
    def dimension(self) -> int:
        """Number d of outer coordinates."""
        ...

    @property
    def farthest(self) -> Array:
        """How far from 0 a search may take each coordinate, shape (d,)."""
        ...

    @property
    def step(self) -> float:
        """Step of finite differences, well below the width of the posterior."""
        ...

    @property
    def steps(self) -> int:
        """Most steps that a search takes."""
        ...

    @property
    def halved(self) -> slice:
        """Coordinates that count half when starts are kept apart."""
        ...

    @property
    def coarse(self) -> Target | None:
        """The same posterior given some of the points, to tell where to look; None if few are."""
        ...

    @property
    def points(self) -> int:
        """Number of points that it is given."""
        ...

    @property
    def repeats(self) -> bool:
        """Whether to search again with twice the effort before the slower method."""
        ...

    def sweep(self, count: int) -> Array:
        """Return `count` points spread evenly over the prior, shape (count, d)."""
        ...

    def log_prior(self, z: Array) -> Array:
        """Return the normalised log prior density, shape (m,), at z of shape (m, d)."""
        ...

    def prior_curvature(self, z: Array) -> Array:
        """Return minus the second derivative of the log prior, shape (m, d, d)."""
        ...

    def from_uniform(self, cube: Array) -> Array:
        """Return the prior's quantiles, shape (m, d), at points of the unit cube."""
        ...

    def log_density(self, z: Array) -> Array:
        """Return log(prior x likelihood), shape (m,), possibly approximate."""
        ...

    def residuals(self, z: Array) -> tuple[Array, Array, Array]:
        """Return `log_density`, the standardised residuals (m, n), and the logs of their scale.

        The scale, shape (m,), is one that was integrated out and so follows z; else it is 1.
        """
        ...

    def exact(self, z: Array, rng: np.random.Generator, effort: int = 1) -> tuple[Array, Array]:
        """Return unbiased log estimates, shape (m,), and what was integrated out, shape (m, q).

        The second is one draw for each row, in proportion to its share of the estimate.
        """
        ...

    def sampled(self, z: Array, inner: Array) -> dict[str, Array]:
        """Return the law's sampled variables and the noise's, shape (m,) or (m, size)."""
        ...

    def sources(self, rng: np.random.Generator) -> Mapping[str, Array]:
        """Return candidate starts, shape (m, d), by where they come from, besides the sweep."""
        ...
