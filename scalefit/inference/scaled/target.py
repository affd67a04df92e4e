"""The posterior of a collapse, as the importance sampler sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from scalefit.arrays import Array
from scalefit.inference.collapsed import starts
from scalefit.inference.collapsed.gaps import ratios
from scalefit.inference.collapsed.outer import Outer
from scalefit.inference.problem import Problem
from scalefit.laws.broken import DECADES
from scalefit.laws.collapse import Collapse, Frame
from scalefit.laws.priors import Dirichlet, Fixed, LogNormal, Normal, Prior, Relative, Uniform

from . import kernel

RANDOM = 1024


@dataclass(frozen=True, eq=False)
class Scaled(Outer):
    """Outer coordinates: log gap ratios, then standard normals for everything else.

    After the widths come the shift, the steepness, and what there is of the autocorrelation, the
    displacement of runs (its ratio to the noise, where that is integrated out) and the noise.

    Attributes
    ----------
    problem
        A collapse whose priors are of the default families.
    given
        Points and model, as the kernel reads them.
    before
        Outer points drawn from the posterior with one crossover fewer, if there are any.
    """

    problem: Problem
    given: kernel.Given
    before: Array | None = None

    @classmethod
    def of(cls, problem: Problem) -> Scaled | None:
        """Return the posterior, or None if law, noise or priors are not of its families."""
        law, noise, priors = problem.law, problem.noise, problem.priors
        if not isinstance(law, Collapse) or noise.kind not in ("normal", "ar1") or problem.grain:
            return None
        constants = _constants(priors, law.gamma_0 or 0.0)
        if constants is None:
            return None
        shape = {
            kernel.CROSSOVERS: law.regimes - 1,
            kernel.CORRELATED: noise.kind == "ar1",
            kernel.EFFECT: noise.effect,
            kernel.OUTER_NOISE: problem.error is not None,
            kernel.FREE: isinstance(priors.get("start_gamma_0"), Normal),
            kernel.DRIFT: law.drifts,
        }
        frame = Frame.of(problem.window)
        u, p = np.log(problem.x).T
        given = kernel.Given(
            u=np.ascontiguousarray((u - frame.x) * frame.stretch),
            p=np.ascontiguousarray(p - frame.p),
            y=problem.log_y,
            error=problem.known,
            gap=problem.gaps,
            begin=np.append(np.union1d([0], np.array(problem.start)), u.size).astype(np.int64),
            corners=frame.corners,
            size=np.array([frame.length * frame.stretch, frame.height]),
            shape=np.array([shape[place] for place in range(len(shape))], dtype=np.int64),
            prior=np.array([constants[place] for place in range(len(constants))], dtype=float),
        )
        return cls(problem, given)

    def after(self, before: Array) -> Scaled:
        """Return the same posterior, knowing points of that with one crossover fewer."""
        return replace(self, before=before)

    @property
    def crossovers(self) -> int:
        """Number of crossovers."""
        return int(self.given.shape[kernel.CROSSOVERS])

    @property
    def concentration(self) -> float:
        """Of the prior of the gaps."""
        prior = self.problem.priors.get("gap")
        return prior.concentration if isinstance(prior, Dirichlet) else 1.0

    @property
    def dimension(self) -> int:
        """Number of outer coordinates."""
        flags = (kernel.CORRELATED, kernel.EFFECT, kernel.OUTER_NOISE)
        return 2 * self.crossovers + 2 + int(sum(self.given.shape[flag] for flag in flags))

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
        far = np.full(self.dimension, 4.5)
        far[2 * self.crossovers : 2 * self.crossovers + 2] = 9.0  # data may fix what is unlikely
        if self.given.shape[kernel.OUTER_NOISE]:
            far[-1] = 15.0
        return far

    def log_density(self, z: Array) -> Array:
        """Return log(prior x likelihood), shape (m,)."""
        value: Array = kernel.solve(np.ascontiguousarray(z), self.given) + self.log_prior(z)
        return value

    def residuals(self, z: Array) -> tuple[Array, Array, Array]:
        """Return `log_density`, standardised residuals (m, n), and the logs of their scale."""
        room = np.zeros((len(z), self.given.u.size + 1))
        value = kernel.solve(np.ascontiguousarray(z), self.given, room)
        return value + self.log_prior(z), room[:, :-1], room[:, -1]

    def exact(self, z: Array, rng: np.random.Generator, effort: int = 1) -> tuple[Array, Array]:
        """Return `log_density`, which is exact, and one draw of what was integrated out."""
        del effort
        value, inner = kernel.draw(np.ascontiguousarray(z), self.given, rng)
        return value + self.log_prior(z), inner

    def sampled(self, z: Array, inner: Array) -> dict[str, Array]:
        """Return the law's sampled variables and the noise's, shape (m,) or (m, size)."""
        n, priors, shape = self.crossovers, self.problem.priors, self.given.shape
        steepness = priors["steepness"].from_normal(z[:, 2 * n + 1 : 2 * n + 2], {})
        values: dict[str, Array] = {
            "steepness": steepness,
            "shift": priors["shift"].from_normal(z[:, 2 * n : 2 * n + 1], {}),
            "level": np.exp(inner[:, 0]),
            "stretched_exponent": inner[:, 1 : n + 2],
        }
        if n:
            values["gap"] = self.gaps(z)
            values["stretched_width"] = priors["stretched_width"].from_normal(z[:, n : 2 * n], {})
        if "start_gamma_0" in priors:
            held = np.full(len(z), self.given.prior[kernel.GAMMA])
            values["start_gamma_0"] = inner[:, n + 2] if shape[kernel.FREE] else held
        if shape[kernel.DRIFT]:
            values["drift_share"] = inner[:, -2] / steepness
        at, noise = 2 * n + 2, inner[:, -1]
        if shape[kernel.CORRELATED]:
            values["autocorrelation"] = special.ndtr(z[:, at])
            at += 1
        if shape[kernel.OUTER_NOISE]:
            mean, sd = self.given.prior[[kernel.NOISE, kernel.NOISE_SD]]
            noise = mean + sd * z[:, -1]
        values["noise"] = np.exp(noise)
        if shape[kernel.EFFECT]:
            mean, sd = self._run(noise)
            values["run_noise"] = np.exp(mean + sd * z[:, at])
        return {name: values[name] for name in priors}

    def coordinates(self, sampled: Mapping[str, Array]) -> Array:
        """Return the outer coordinates, shape (m, d), of sampled variables."""
        n, priors, shape = self.crossovers, self.problem.priors, self.given.shape
        parts = []
        if n:
            parts = [ratios(sampled["gap"]), _normal(priors, "stretched_width", sampled)]
        parts += [_normal(priors, name, sampled) for name in ("shift", "steepness")]
        if shape[kernel.CORRELATED]:
            parts.append(_normal(priors, "autocorrelation", sampled))
        noise = np.log(sampled["noise"])
        if shape[kernel.EFFECT]:
            mean, sd = self._run(noise)
            parts.append(((np.log(sampled["run_noise"]) - mean) / sd)[:, None])
        if shape[kernel.OUTER_NOISE]:
            parts.append(_normal(priors, "noise", sampled))
        return np.concatenate(parts, axis=1)

    def linear(self, sampled: Mapping[str, Array]) -> tuple[Array, Array]:
        """Return means (m, q) and covariances (m, q, q) of what is linear, given all the rest.

        These are log level, stretched exponents, gamma_0 of the first regime where it is free, and
        the drift of the last stretched exponent over the range of P where there is one.
        """
        z = np.ascontiguousarray(self.coordinates(sampled))
        return kernel.moments(z, np.log(sampled["noise"]), self.given)

    def sources(self, rng: np.random.Generator) -> Mapping[str, Array]:
        """Return candidate starts: draws of the prior, and one crossover put into a known fit."""
        found = {"prior": self.from_uniform(rng.random((RANDOM, self.dimension)))}
        if self.before is not None and len(self.before) and self.crossovers:
            found["split"] = starts.split(self.before, self.crossovers, rng)
        return found

    def _run(self, log_noise: Array) -> tuple[Array, float]:
        """Return mean and standard deviation that turn a coordinate into the log of `run_noise`."""
        noise, noise_sd, run, run_sd = self.given.prior[
            [kernel.NOISE, kernel.NOISE_SD, kernel.RUN, kernel.RUN_SD]
        ]
        if self.given.shape[kernel.OUTER_NOISE]:
            return np.full(len(log_noise), run), float(run_sd)
        return log_noise + run - noise, math.hypot(noise_sd, run_sd)


def _normal(priors: Mapping[str, Prior], name: str, sampled: Mapping[str, Array]) -> Array:
    return priors[name].to_normal(sampled[name], {})


def _constants(priors: Mapping[str, Prior], held: float) -> dict[int, float] | None:
    """Return the constants that the kernel needs, or None where a prior is of another family."""
    families: dict[str, tuple[type, Prior]] = {
        "steepness": (LogNormal, LogNormal(1.0, 1.0)),
        "shift": (Normal, Normal(0.0, 1.0)),
        "stretched_exponent": (Relative, Relative("steepness", 0.0, 1)),
        "gap": (Dirichlet, Dirichlet(1.0, 1)),
        "stretched_width": (LogNormal, LogNormal(1.0, 1.0)),
        "start_gamma_0": (Normal, Fixed(held)),
        "level": (LogNormal, LogNormal(1.0, 1.0)),
        "drift_share": (Normal, Normal(0.0, 1.0)),
        "noise": (LogNormal, LogNormal(1.0, 1.0)),
        "autocorrelation": (Uniform, Uniform()),
        "run_noise": (LogNormal, LogNormal(1.0, 1.0)),
    }
    if not set(priors) <= set(families):
        return None
    found: dict[str, Prior] = {}
    for name, (family, missing) in families.items():
        found[name] = priors.get(name, missing)
        if not isinstance(found[name], family) and name != "start_gamma_0":
            return None
    start = found["start_gamma_0"]
    if isinstance(start, Normal):
        gamma, gamma_sd = start.mean, start.sd
    elif isinstance(start, Fixed) and not isinstance(start.value, tuple):
        gamma, gamma_sd = start.value, 1.0
    else:
        return None
    exponent: Any = found["stretched_exponent"]
    values = {kernel.CENTRE: exponent.centre, kernel.GAMMA: gamma, kernel.GAMMA_SD: gamma_sd}
    for place, name in PLACES.items():
        prior: Any = found[name]
        log = isinstance(prior, LogNormal)
        values[place] = math.log(prior.median) if log else prior.mean
        values[place + 1] = prior.sd
    values[kernel.WIDTH] -= math.log(DECADES)
    return values


PLACES = {
    kernel.WIDTH: "stretched_width",
    kernel.STEEPNESS: "steepness",
    kernel.SHIFT: "shift",
    kernel.LEVEL: "level",
    kernel.DRIFTED: "drift_share",
    kernel.NOISE: "noise",
    kernel.RUN: "run_noise",
}
"""Variables of whose prior the kernel reads the mean, and the standard deviation right after it."""
