"""Full posterior of any law, in the standard-normal coordinates of its priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special

from scalefit.arrays import Array
from scalefit.laws.priors import Relative, pack, unpack

from .collapsed import Collapsed
from .mixture import evenly
from .problem import Problem
from .scaled import Scaled
from .stated import Stated
from .target import Target

FARTHEST = 15.0
RANDOM = 1024
CHUNK = 2_000_000  # numbers in one array of residuals


def target_of(problem: Problem) -> Target:
    """Return the posterior of a problem, as much of it integrated out as can be."""
    if problem.grain:
        return Stated.of(problem) or Full(problem)
    return Collapsed.of(problem) or Scaled.of(problem) or Full(problem)


@dataclass(frozen=True, eq=False)
class Full:
    """The posterior of a problem in the coordinates of its priors.

    A variable whose prior is relative to another one is its own coordinate: data fix its value, not
    its ratio to the other. All other coordinates are standard normals under the prior.
    """

    problem: Problem

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return self.problem.dimension

    @property
    def coarse(self) -> None:
        """None: every look takes all points."""

    @property
    def points(self) -> int:
        """Number of points that it is given."""
        return self.problem.y.size

    @property
    def farthest(self) -> Array:
        """How far from 0 a search may take each coordinate, shape (d,)."""
        return np.full(self.dimension, FARTHEST)

    @property
    def halved(self) -> slice:
        """Coordinates that count half when starts are kept apart: none."""
        return slice(0, 0)

    @property
    def repeats(self) -> bool:
        """Whether a second try with twice the effort may help.

        It starts from the modes that both searches know, so that their agreement shows nothing of
        an arm of the posterior that neither has entered.
        """
        return False

    @property
    def step(self) -> float:
        """Step of finite differences."""
        return 1e-6

    @property
    def steps(self) -> int:
        """Most steps that a search takes; from poor starts it is a long way."""
        return 60

    def log_prior(self, z: Array) -> Array:
        """Return the log prior density, shape (m,)."""
        v, log_scale = self._standard(z)
        value: Array = -0.5 * np.sum(v**2, axis=1) - 0.5 * v.shape[1] * np.log(2.0 * np.pi)
        return value - log_scale

    def prior_curvature(self, z: Array) -> Array:
        """Return the Gauss-Newton curvature of minus the log prior, shape (m, d, d)."""
        m, d = z.shape
        curvature = np.broadcast_to(np.eye(d), (m, d, d)).copy()
        for one in self._relative(z):
            slope = np.zeros((m, len(one.at), d))
            slope[:, range(len(one.at)), one.at] = 1.0 / one.scale[:, None]
            slope[:, :, one.source] = (-z[:, one.at] / one.scale[:, None] * one.growth)[..., None]
            curvature[:, one.at, one.at] = 0.0
            curvature += np.swapaxes(slope, 1, 2) @ slope
        return curvature

    def from_uniform(self, cube: Array) -> Array:
        """Return the prior's quantiles, shape (m, d), at points of the unit cube."""
        return self._from_normal(special.ndtri(np.clip(cube, 1e-12, 1.0 - 1e-12)))

    def sweep(self, count: int) -> Array:
        """Return points spread evenly over the prior, shape (count, d)."""
        return self._from_normal(_sweep(self.dimension, count))

    def log_density(self, z: Array) -> Array:
        """Return log(prior x likelihood), shape (m,)."""
        v, log_scale = self._standard(z)
        parts = [self.problem.log_posterior(part) for part in self._parts(v)]
        return np.asarray(np.concatenate(parts) - log_scale)

    def residuals(self, z: Array) -> tuple[Array, Array, Array]:
        """Return `log_density`, standardised residuals (m, n), and zeros: no scale is implied.

        Of noise with heavy tails they are the roots of the deviance, whose squares are what the
        density loses whatever its shape.
        """
        white = []
        for part in self._parts(self._standard(z)[0]):
            with np.errstate(all="ignore"):
                params = self.problem.natural(part)
                found = self.problem.standardised(params)[0]
                white.append(self.problem.noise.root_deviance(found, params))
        finite = np.nan_to_num(np.concatenate(white), posinf=1e6, neginf=-1e6)
        return self.log_density(z), finite, np.zeros(len(z))

    def exact(self, z: Array, rng: np.random.Generator, effort: int = 1) -> tuple[Array, Array]:
        """Return `log_density` and nothing beside it."""
        del rng, effort
        return self.log_density(z), np.empty((len(z), 0))

    def sampled(self, z: Array, inner: Array) -> dict[str, Array]:
        """Return the law's sampled variables and the noise's, shape (m,) or (m, size)."""
        del inner
        return unpack(self.problem.priors, self._standard(z)[0])

    def from_sampled(self, sampled: Mapping[str, Array]) -> Array:
        """Return the coordinates, shape (m, d), of the law's and the noise's sampled variables."""
        return self._from_normal(pack(self.problem.priors, sampled))

    def sources(self, rng: np.random.Generator) -> Mapping[str, Array]:
        """Return draws of the prior that the law has moved towards the data."""
        problem = self.problem
        v = rng.standard_normal((RANDOM, self.dimension))
        sampled = problem.law.align(unpack(problem.priors, v), problem.x, problem.y)
        natural = problem.law.natural(sampled, problem.window)
        with np.errstate(all="ignore"):
            apart = problem.log_y - np.asarray(problem.law.log_mean(natural, problem.x))
            middle = np.median(apart, axis=1, keepdims=True)
            spread = 1.4826 * np.median(np.abs(apart - middle), axis=1)
            spread = np.nan_to_num(spread, nan=1.0, posinf=1.0)
        sampled["noise"] = np.clip(spread, 1e-4, 1.0)
        moved = np.clip(np.nan_to_num(pack(problem.priors, sampled)), -FARTHEST, FARTHEST)
        return {"aligned": self._from_normal(moved)}

    @cached_property
    def _slices(self) -> dict[str, slice]:
        found, start = {}, 0
        for name, prior in self.problem.priors.items():
            found[name] = slice(start, start + prior.coordinates)
            start += prior.coordinates
        return found

    def _relative(self, z: Array) -> list[_Scaled]:
        """Return where relative variables are, and what each is relative to."""
        found = []
        for name, prior in self.problem.priors.items():
            if isinstance(prior, Relative):
                at, source = self._slices[name], self._slices[prior.scale]
                of = self.problem.priors[prior.scale]
                scale = of.from_normal(z[:, source], {})
                growth = np.log(of.from_normal(z[:, source] + self.step, {}) / scale) / self.step
                places = list(range(at.start, at.stop))
                found.append(_Scaled(places, source, prior.centre, scale, growth[:, None]))
        return found

    def _standard(self, z: Array) -> tuple[Array, Array]:
        """Return standard-normal coordinates and the log of how much they shrink volume."""
        v, log_scale = z, np.zeros(len(z))
        for one in self._relative(z):
            v = v.copy() if v is z else v
            v[:, one.at] = z[:, one.at] / one.scale[:, None] - one.centre
            log_scale = log_scale + len(one.at) * np.log(one.scale)
        return v, log_scale

    def _from_normal(self, v: Array) -> Array:
        z = np.array(v)
        for one in self._relative(v):
            z[:, one.at] = one.scale[:, None] * (one.centre + v[:, one.at])
        return z

    def _parts(self, z: Array) -> list[Array]:
        rows = max(1, CHUNK // self.problem.y.size)
        return [z[i : i + rows] for i in range(0, len(z), rows)]


class _Scaled(NamedTuple):
    """Coordinates of a variable that is relative to another one.

    `source` is where that one's own coordinate is, `scale` its value and `growth` the derivative of
    the scale's logarithm.
    """

    at: list[int]
    source: slice
    centre: float
    scale: Array
    growth: Array


@lru_cache(maxsize=32)
def _sweep(dimension: int, count: int) -> Array:
    cube = evenly(dimension, count)
    return np.asarray(special.ndtri(np.clip(cube, 1e-12, 1.0 - 1e-12)))
