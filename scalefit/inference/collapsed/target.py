"""The collapsed posterior of a broken power law, as the importance sampler sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.inference.problem import Problem
from scalefit.laws import BrokenPowerLaw
from scalefit.laws.broken import DECADES
from scalefit.laws.noise import RESOLUTION
from scalefit.laws.priors import (
    Dirichlet,
    LogNormal,
    Normal,
    Prior,
    Relative,
    StretchedShare,
    Uniform,
)

from . import kernel, starts
from .outer import Outer

INNER = 4  # draws of the inner parameters per point
RANDOM = 1024
SOME, SHARE = 32, 8  # points of a long curve that tell where to look: an eighth, 32 at least
SHARES = (-1.5, -0.8, -0.2, 0.3, 0.8, 1.3, 1.9)  # coordinate of the floor's share, to start from
SHARP = -0.3  # coordinate of the widths, to start from
OUTER = {
    kernel.FLOOR: "floor_share",
    kernel.CORRELATED: "autocorrelation",
    kernel.STEEP: "steepness",
    kernel.OUTER_NOISE: "noise",
    kernel.STUDENT: "degrees_of_freedom",
    kernel.CHANGING: "noise_slope",
}
"""Variables with an outer coordinate of their own, by the flag that says so, in the order in which
the kernel reads them."""


@dataclass(frozen=True, eq=False)
class Collapsed(Outer):
    """Outer coordinates: log gap ratios, then standard normals for everything else.

    Attributes
    ----------
    problem
        A broken power law whose priors are of the default families.
    shape, prior
        As the kernel reads them.
    before
        Outer points drawn from the posterior with one crossover fewer, if there are any.
    """

    problem: Problem
    shape: NDArray[np.int64]
    prior: Array
    before: Array | None = None

    @classmethod
    def of(cls, problem: Problem) -> Collapsed | None:
        """Return the collapsed posterior, or None if law or priors are not of its families."""
        constants = _constants(problem.priors)
        if type(problem.law) is not BrokenPowerLaw or constants is None:
            return None
        if problem.law.known_floor is not None:
            return None
        if problem.noise.kind == "outlier" or len(problem.start) > 1:
            return None
        student = problem.noise.kind == "student"
        shape = {
            kernel.CROSSOVERS: problem.law.regimes - 1,
            kernel.FLOOR: problem.law.floor,
            kernel.CORRELATED: problem.noise.kind == "ar1",
            kernel.OUTER_NOISE: student or problem.error is not None,
            kernel.STUDENT: student,
            kernel.STEEP: "steepness" in problem.priors,
            kernel.STRETCHED: isinstance(problem.priors.get("floor_share"), StretchedShare),
            kernel.CHANGING: problem.noise.kind == "changing",
        }
        return cls(problem, _placed(shape).astype(np.int64), _placed(constants))

    def after(self, before: Array) -> Collapsed:
        """Return the same posterior, knowing points of that with one crossover fewer."""
        return replace(self, before=before)

    @property
    def crossovers(self) -> int:
        """Number of crossovers."""
        return int(self.shape[kernel.CROSSOVERS])

    @cached_property
    def outer(self) -> dict[int, int]:
        """The coordinate of each variable that has one of its own, by its flag in `OUTER`."""
        flags = [flag for flag in OUTER if self.shape[flag]]
        return {flag: 2 * self.crossovers + i for i, flag in enumerate(flags)}

    @property
    def dimension(self) -> int:
        """Number of outer coordinates, at least one."""
        return max(1, 2 * self.crossovers + len(self.outer))

    @property
    def farthest(self) -> Array:
        """How far from 0 a search may take each coordinate, shape (d,)."""
        far = np.full(self.dimension, 4.5)
        if kernel.OUTER_NOISE in self.outer:
            far[self.outer[kernel.OUTER_NOISE]] = 15.0  # the noise scale, which data fix
        return far

    @property
    def coarse(self) -> Collapsed | None:
        """The same posterior given some of the points; None if few are."""
        return self._coarse if self.u.size >= 1.5 * SOME else None

    @cached_property
    def _coarse(self) -> Collapsed:
        """The same posterior given some of the points."""
        return Coarse(self.problem, self.shape, self.prior)

    @property
    def points(self) -> int:
        """Number of points that it is given."""
        return self.u.size

    @cached_property
    def u(self) -> Array:
        """Log x minus the last log x."""
        u = np.log(self.problem.x)
        return np.asarray(u - u[-1])

    @cached_property
    def _given(self) -> kernel.Given:
        problem = self.problem
        error = problem.known + RESOLUTION**2
        gap = problem.along if self.shape[kernel.CHANGING] else problem.gaps
        return kernel.Given(self.u, problem.log_y, error, gap, self.shape, self.prior)

    def log_density(self, z: Array) -> Array:
        """Return the collapsed log(prior x likelihood), shape (m,)."""
        return kernel.solve(np.ascontiguousarray(z), self._given)

    def residuals(self, z: Array) -> tuple[Array, Array, Array]:
        """Return `log_density`, standardised residuals (m, n) at the inner mode, and log scales."""
        room = np.zeros((len(z), self.u.size + 1))
        value = kernel.solve(np.ascontiguousarray(z), self._given, room)
        return value, room[:, :-1], room[:, -1]

    def exact(self, z: Array, rng: np.random.Generator, effort: int = 1) -> tuple[Array, Array]:
        """Return unbiased log estimates, shape (m,), and one draw of the inner parameters each."""
        m, q = len(z), self.crossovers + 3 - int(self.shape[kernel.OUTER_NOISE])
        k = INNER * (1 if effort == 1 else 4)
        normals = rng.standard_normal((m, k, q))
        squares = rng.chisquare(kernel.FREEDOM, size=(m, k))
        inner, ratio = kernel.correct(np.ascontiguousarray(z), self._given, normals, squares)
        top = np.max(ratio, axis=1, keepdims=True)
        share = np.exp(ratio - np.where(np.isfinite(top), top, 0.0))
        total = share.cumsum(axis=1)
        picked = np.sum(total < rng.random((m, 1)) * total[:, -1:], axis=1)
        with np.errstate(divide="ignore"):
            value = top[:, 0] + np.log(total[:, -1] / k)
        value = np.where(np.isfinite(top[:, 0]), value, -np.inf)
        return value, inner[np.arange(m), np.minimum(picked, k - 1)]

    def sampled(self, z: Array, inner: Array) -> dict[str, Array]:
        """Return the law's sampled variables and the noise's, shape (m,) or (m, size)."""
        n = self.crossovers
        values: dict[str, Array] = {"exponent": inner[:, 1 : n + 2], "level": np.exp(inner[:, 0])}
        if n:
            values["gap"] = self.gaps(z)
            log_scale = self.prior[kernel.WIDTH] + self.prior[kernel.WIDTH_SD] * z[:, n : 2 * n]
            values["width"] = DECADES * np.exp(log_scale)
        for flag, at in self.outer.items():
            prior = self.problem.priors[OUTER[flag]]
            values[OUTER[flag]] = prior.from_normal(z[:, at : at + 1], values)
        if not self.shape[kernel.OUTER_NOISE]:
            values["noise"] = np.exp(inner[:, -1])
        return {name: values[name] for name in self.problem.priors}

    def sources(self, rng: np.random.Generator) -> Mapping[str, Array]:
        """Return candidate starts from knots of linear fits, and from one crossover fewer."""
        if not self.crossovers:
            return {"prior": self.from_uniform(rng.random((RANDOM, self.dimension)))}
        found = {"hinge": self._hinges()}
        if self.before is not None and len(self.before):
            # One regime may have a coordinate for the only reason that there has to be one.
            before = self.before[:, : self.dimension - 2]
            found["split"] = starts.split(before, self.crossovers, rng)
        return found

    def _hinges(self) -> Array:
        """Return coordinates of the best piecewise-linear fits, above several floors if any."""
        n, outer = self.crossovers, self.outer
        floors = {0.0: 0.0}
        if kernel.FLOOR in outer:
            prior = self.problem.priors["floor_share"]
            floors = {v: float(prior.from_normal(np.array([[v]]), {})[0]) for v in SHARES}
        found = []
        for v, share in floors.items():
            fits = starts.hinges(self.u, self.problem.log_y, n, share)
            z = np.zeros((len(fits.ratios), self.dimension))
            z[:, :n] = fits.ratios
            z[:, self.halved] = SHARP
            if kernel.FLOOR in outer:
                z[:, outer[kernel.FLOOR]] = v
            for flag, size, mean, sd in (
                (kernel.STEEP, fits.steepness, kernel.STEEPNESS, kernel.STEEPNESS_SD),
                (kernel.OUTER_NOISE, fits.noise, kernel.NOISE, kernel.NOISE_SD),
            ):
                if flag in outer:
                    white = (np.log(np.maximum(size, 1e-9)) - self.prior[mean]) / self.prior[sd]
                    z[:, outer[flag]] = np.clip(white, -3.0, 3.0)
            found.append(z)
        return np.concatenate(found)

    @property
    def concentration(self) -> float:
        """Of the prior of the gaps."""
        return float(self.prior[kernel.CONCENTRATION])


class Coarse(Collapsed):
    """A collapsed posterior given some points of a curve, the first and the last among them.

    Left out are what lies between them, and nothing else: correlation is that of the distance.
    """

    @cached_property
    def _given(self) -> kernel.Given:
        given = Collapsed(self.problem, self.shape, self.prior)._given
        n = given.u.size
        at = np.linspace(0, n - 1, max(SOME, n // SHARE)).round().astype(int)
        gap = given.gap[at]
        if not self.shape[kernel.CHANGING]:
            along = np.cumsum(given.gap)
            gap = np.diff(along[at], prepend=along[0])
        return given._replace(u=given.u[at], y=given.y[at], error=given.error[at], gap=gap)

    @cached_property
    def u(self) -> Array:
        """Log x minus the last log x, of the points that are given."""
        return self._given.u


def _placed(values: Mapping[int, float]) -> Array:
    """Return values in the places that are their keys, all of which there have to be."""
    return np.array([values[place] for place in range(len(values))], dtype=float)


def _constants(priors: Mapping[str, Prior]) -> dict[int, float] | None:
    """Return the constants that the kernel needs, or None where a prior is of another family."""
    exponent, steepness = priors.get("exponent"), priors.get("steepness")
    if isinstance(exponent, Relative) and isinstance(steepness, LogNormal):
        scale, sd, centre = steepness.median, steepness.sd, exponent.centre
    elif isinstance(exponent, Normal) and steepness is None:
        scale, sd, centre = exponent.sd, 0.0, exponent.mean / exponent.sd
    else:
        return None
    defaults: dict[str, Prior] = {
        "gap": Dirichlet(3.0, 1),
        "width": LogNormal(1.0, 1.0),
        "level": LogNormal(1.0, 1.0),
        "floor_share": Uniform(),
        "noise": LogNormal(1.0, 1.0),
        "autocorrelation": Uniform(),
        "degrees_of_freedom": LogNormal(1.0, 1.0),
        "noise_slope": Normal(0.0, 1.0),
    }
    if not set(priors) <= {"exponent", "steepness", *defaults}:
        return None
    chosen = {name: priors.get(name, default) for name, default in defaults.items()}
    gap, share = chosen["gap"], chosen["floor_share"]
    logs: dict[str, LogNormal] = {}
    for name in ("width", "level", "noise", "degrees_of_freedom"):
        prior = chosen[name]
        if not isinstance(prior, LogNormal):
            return None
        logs[name] = prior
    if not isinstance(gap, Dirichlet) or not isinstance(share, StretchedShare | Uniform):
        return None
    slope = chosen["noise_slope"]
    if not isinstance(chosen["autocorrelation"], Uniform) or not isinstance(slope, Normal):
        return None
    return {
        kernel.CONCENTRATION: gap.concentration,
        kernel.WIDTH: math.log(logs["width"].median / DECADES),
        kernel.WIDTH_SD: logs["width"].sd,
        kernel.STEEPNESS: math.log(scale),
        kernel.STEEPNESS_SD: sd,
        kernel.CENTRE: centre,
        kernel.LEVEL: math.log(logs["level"].median),
        kernel.LEVEL_SD: logs["level"].sd,
        kernel.NOISE: math.log(logs["noise"].median),
        kernel.NOISE_SD: logs["noise"].sd,
        kernel.STRETCH: share.slope if isinstance(share, StretchedShare) else 0.0,
        kernel.TAIL: math.log(logs["degrees_of_freedom"].median),
        kernel.TAIL_SD: logs["degrees_of_freedom"].sd,
        kernel.TREND: slope.mean,
        kernel.TREND_SD: slope.sd,
    }
