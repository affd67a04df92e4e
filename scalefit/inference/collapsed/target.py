"""The collapsed posterior of a broken power law, as the importance sampler sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scalefit.inference.mixture import evenly
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

from . import kernel

Array = NDArray[np.float64]

INNER = 4  # draws of the inner parameters per point
RANDOM = 1024


@dataclass(frozen=True, eq=False)
class Collapsed:
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
        outer = problem.error is not None or problem.noise.kind == "student"
        shape = (
            problem.law.regimes - 1,
            problem.law.floor,
            problem.noise.kind == "ar1",
            outer,
            problem.noise.kind == "student",
            "steepness" in problem.priors,
            isinstance(problem.priors.get("floor_share"), StretchedShare),
        )
        return cls(problem, np.array(shape, dtype=np.int64), constants)

    def after(self, before: Array) -> Collapsed:
        """Return the same posterior, knowing points of that with one crossover fewer."""
        return replace(self, before=before)

    @property
    def crossovers(self) -> int:
        """Number of crossovers."""
        return int(self.shape[0])

    @property
    def dimension(self) -> int:
        """Number of outer coordinates, at least one."""
        return max(1, 2 * self.crossovers + int(self.shape[1:6].sum()))

    @property
    def halved(self) -> slice:
        """The coordinates of the widths."""
        return slice(self.crossovers, 2 * self.crossovers)

    @property
    def step(self) -> float:
        """Step of finite differences, below the width of narrow valleys."""
        return 1e-5

    @property
    def steps(self) -> int:
        """Most steps that a search takes."""
        return 20

    @property
    def farthest(self) -> Array:
        """How far from 0 a search may take each coordinate, shape (d,)."""
        far = np.full(self.dimension, 4.5)
        if self.shape[3]:
            far[-1 - int(self.shape[4])] = 15.0  # the noise scale, which data fix
        return far

    @cached_property
    def u(self) -> Array:
        """Log x minus the last log x."""
        u = np.log(self.problem.x)
        return np.asarray(u - u[-1])

    @cached_property
    def _data(self) -> tuple[Array, Array, Array, Array]:
        error = self.problem.known + RESOLUTION**2
        return self.u, self.problem.log_y, error, self.problem.gaps

    def log_prior(self, z: Array) -> Array:
        """Return the normalised log prior density, shape (m,)."""
        n = self.crossovers
        normal = z[:, n:]
        value: Array = -0.5 * np.sum(normal**2, axis=1)
        value -= 0.5 * normal.shape[1] * math.log(2.0 * math.pi)
        if n:
            c = self.prior[0]
            log_gaps = np.concatenate([z[:, :n], np.zeros((len(z), 1))], axis=1)
            log_gaps -= special.logsumexp(log_gaps, axis=1, keepdims=True)
            value += math.lgamma(c * (n + 1)) - (n + 1) * math.lgamma(c)
            value += c * log_gaps.sum(axis=1)
        return value

    def prior_curvature(self, z: Array) -> Array:
        """Return minus the second derivative of the log prior, shape (m, d, d)."""
        n = self.crossovers
        curvature = np.broadcast_to(np.eye(self.dimension), (len(z), *2 * (self.dimension,))).copy()
        if n:
            gaps = self.gaps(z)[:, :n]
            block = gaps[:, :, None] * (np.eye(n) - gaps[:, None, :])
            curvature[:, :n, :n] = self.prior[0] * (n + 1) * block
        return curvature

    def from_uniform(self, cube: Array) -> Array:
        """Return the prior's quantiles, shape (m, d), at points of the unit cube."""
        return _quantiles(cube, self.crossovers, float(self.prior[0]))

    def sweep(self, count: int) -> Array:
        """Return points spread evenly over the prior, shape (count, d), alike for every curve."""
        return _sweep(self.crossovers, self.dimension, float(self.prior[0]), count)

    def log_density(self, z: Array) -> Array:
        """Return the collapsed log(prior x likelihood), shape (m,)."""
        none = np.empty((0, 0))
        value: Array = kernel.solve(
            np.ascontiguousarray(z), *self._data, self.shape, self.prior, none
        )
        return value

    def residuals(self, z: Array) -> tuple[Array, Array, Array]:
        """Return `log_density`, standardised residuals (m, n) at the inner mode, and log scales."""
        room = np.zeros((len(z), self.u.size + 1))
        value = kernel.solve(np.ascontiguousarray(z), *self._data, self.shape, self.prior, room)
        return value, room[:, :-1], room[:, -1]

    def exact(self, z: Array, rng: np.random.Generator, effort: int = 1) -> tuple[Array, Array]:
        """Return unbiased log estimates, shape (m,), and one draw of the inner parameters each."""
        m, q = len(z), self.crossovers + 3 - int(self.shape[3])
        k = INNER * (1 if effort == 1 else 4)
        inner, ratio = np.empty((m, k, q)), np.empty((m, k))
        normals = rng.standard_normal((m, k, q))
        squares = rng.chisquare(kernel.FREEDOM, size=(m, k))
        kernel.correct(
            np.ascontiguousarray(z),
            *self._data,
            self.shape,
            self.prior,
            normals,
            squares,
            inner,
            ratio,
        )
        top = np.max(ratio, axis=1, keepdims=True)
        share = np.exp(ratio - np.where(np.isfinite(top), top, 0.0))
        total = share.cumsum(axis=1)
        picked = np.sum(total < rng.random((m, 1)) * total[:, -1:], axis=1)
        with np.errstate(divide="ignore"):
            value = top[:, 0] + np.log(total[:, -1] / k)
        value = np.where(np.isfinite(top[:, 0]), value, -np.inf)
        return value, inner[np.arange(m), np.minimum(picked, k - 1)]

    def gaps(self, z: Array) -> Array:
        """Return the gaps between crossovers as shares of log x, shape (m, n + 1)."""
        z = np.concatenate([z[:, : self.crossovers], np.zeros((len(z), 1))], axis=1)
        return np.asarray(special.softmax(z, axis=1))

    def sampled(self, z: Array, inner: Array) -> dict[str, Array]:
        """Return the law's sampled variables and the noise's, shape (m,) or (m, size)."""
        n = self.crossovers
        values: dict[str, Array] = {"exponent": inner[:, 1 : n + 2], "level": np.exp(inner[:, 0])}
        if n:
            values["gap"] = self.gaps(z)
            values["width"] = DECADES * np.exp(self.prior[1] + self.prior[2] * z[:, n : 2 * n])
        at = 2 * n
        for flag, name in zip(
            (1, 2, 5, 3, 4),
            ("floor_share", "autocorrelation", "steepness", "noise", "degrees_of_freedom"),
            strict=True,
        ):
            if self.shape[flag]:
                values[name] = self.problem.priors[name].from_normal(z[:, at : at + 1], values)
                at += 1
        if not self.shape[3]:
            values["noise"] = np.exp(inner[:, -1])
        return {name: values[name] for name in self.problem.priors}

    def sources(self, rng: np.random.Generator) -> Mapping[str, Array]:
        """Return candidate starts from knots of linear fits, and from one crossover fewer."""
        from . import starts

        if not self.crossovers:
            return {"prior": self.from_uniform(rng.random((RANDOM, self.dimension)))}
        found = {"hinge": starts.hinge(self)}
        if self.before is not None and len(self.before):
            found["split"] = starts.split(self, self.before, rng)
        return found


def ratios(gaps: Array) -> Array:
    """Return log ratios of all gaps but the last to the last, shape (m, n)."""
    logs = np.log(np.maximum(gaps, 1e-12))
    return np.asarray(logs[:, :-1] - logs[:, -1:])


@lru_cache(maxsize=64)
def _sweep(crossovers: int, dimension: int, concentration: float, count: int) -> Array:
    """Return low-discrepancy points of the prior."""
    return _quantiles(evenly(dimension, count), crossovers, concentration)


def _quantiles(cube: Array, crossovers: int, concentration: float) -> Array:
    z = special.ndtri(np.clip(cube, 1e-12, 1.0 - 1e-12))
    if crossovers:
        gaps = Dirichlet(concentration, size=crossovers + 1).from_normal(z[:, :crossovers], {})
        z[:, :crossovers] = ratios(gaps)
    return np.asarray(z)


def _constants(priors: Mapping[str, Prior]) -> Array | None:
    """Return the constants that the kernel needs, or None where a prior is of another family."""
    exponent, steepness = priors.get("exponent"), priors.get("steepness")
    if isinstance(exponent, Relative) and isinstance(steepness, LogNormal):
        slopes = math.log(steepness.median), steepness.sd, exponent.centre
    elif isinstance(exponent, Normal) and steepness is None:
        slopes = math.log(exponent.sd), 0.0, exponent.mean / exponent.sd
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
    if not isinstance(chosen["autocorrelation"], Uniform):
        return None
    return np.array(
        [
            gap.concentration,
            math.log(logs["width"].median / DECADES),
            logs["width"].sd,
            *slopes,
            math.log(logs["level"].median),
            logs["level"].sd,
            math.log(logs["noise"].median),
            logs["noise"].sd,
            share.slope if isinstance(share, StretchedShare) else 0.0,
            math.log(logs["degrees_of_freedom"].median),
            logs["degrees_of_freedom"].sd,
        ]
    )
