"""What pooled curves share, and how a curve's own values lie around it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.laws.priors import Dirichlet, LogNormal, Relative

from .problem import Problem

SPREAD = 0.3
"""Scale of the half-normal priors of the spreads, half of which are then below 0.2: of exponents in
units of the steepness, or in natural logarithms where they are positive, as are crossovers and
widths."""
NODES = 48


@dataclass
class Stand:
    """Draws that stand for one curve.

    `values` (m, size) holds what is shared, each where its prior is normal; `log_weight` (m,) the
    log of weight over prior density of them.
    """

    problem: Problem
    z: Array
    params: dict[str, Array]
    values: Array
    log_weight: Array


class SharedValues(ABC):
    """Values around which those of curves lie, and how far: one vector phi of all of them.

    The first `size` are the shared values, the others logs of scales.
    """

    size: int
    dimension: int

    def __init__(self, curves: Sequence[Stand]) -> None:
        self.curves = curves

    @staticmethod
    @abstractmethod
    def values(problem: Problem, params: dict[str, Array]) -> Array:
        """Return what is shared of draws of a curve, shape (m, size)."""

    @staticmethod
    @abstractmethod
    def log_prior_alone(problem: Problem, params: dict[str, Array]) -> Array:
        """Return the log density of these under the prior of a curve alone, shape (m,)."""

    @abstractmethod
    def guess(self) -> Array:
        """Return shared values to start from: the middle of the curves."""

    @abstractmethod
    def scales(self, phi: Array) -> Array:
        """Return the standard deviation of each value of a curve around the shared one."""

    @abstractmethod
    def named(self, phi: Array) -> dict[str, Array]:
        """Return shared values by name."""

    @abstractmethod
    def log_prior(self, phi: Array) -> float:
        """Return the log prior density of shared values."""

    def conditional(self, curve: Stand, phi: Array) -> Array:
        """Return the probability of each draw of a curve given shared values."""
        logs = curve.log_weight + self._given(curve.values, phi)
        weight = np.exp(logs - logs.max())
        return np.asarray(weight / weight.sum())

    def chain(
        self, start: Array, warm: int, count: int, rng: np.random.Generator
    ) -> tuple[Array, NDArray[np.intp], Array]:
        """Return shared values, the draws of every curve chosen, and how many count of each."""
        phi = start.copy()
        found = np.empty((count, self.dimension))
        picked = np.empty((count, len(self.curves)), dtype=np.intp)
        effective = np.zeros(len(self.curves))
        step = np.full(self.dimension, 0.3)
        for sweep in range(-warm, count):
            values = np.empty((len(self.curves), self.size))
            for k, curve in enumerate(self.curves):
                share = self.conditional(curve, phi)
                pick = int(np.searchsorted(np.cumsum(share), rng.random()))
                pick = min(pick, len(share) - 1)
                values[k] = curve.values[pick]
                if sweep >= 0:
                    picked[sweep, k] = pick
                    effective[k] += 1.0 / float(np.sum(share**2)) / count
            self.update(phi, step, values, rng, sweep < 0)
            if sweep >= 0:
                found[sweep] = phi
        return found, picked, effective

    def _given(self, values: Array, phi: Array) -> Array:
        scale = self.scales(phi)
        white = (values - phi[: self.size]) / scale
        return np.asarray(-0.5 * np.sum(white**2, axis=-1) - np.sum(np.log(scale)))

    def _log_density(self, phi: Array, values: Array) -> float:
        prior = self.log_prior(phi)
        return prior + float(self._given(values, phi).sum()) if prior > -math.inf else prior

    def update(
        self, phi: Array, step: Array, values: Array, rng: np.random.Generator, warm: bool
    ) -> None:
        """Draw shared values anew, given one draw of every curve, in place."""
        trial = phi.copy()
        for i in range(self.dimension):

            def height(value: float, i: int = i) -> float:
                trial[i] = value
                return self._log_density(trial, values)

            phi[i], step[i] = _sliced(height, phi[i], step[i], rng, warm)
            trial[i] = phi[i]


def _sliced(
    height: Callable[[float], float], old: float, step: float, rng: np.random.Generator, warm: bool
) -> tuple[float, float]:
    """Return a new value of one coordinate by slice sampling, and the width to try next.

    Source: Neal (2003), "Slice sampling", with stepping out and shrinkage.
    """
    level = height(old) + math.log(rng.random())
    low = old - step * rng.random()
    high = low + step
    for _ in range(20):
        if height(low) < level:
            break
        low -= step
    for _ in range(20):
        if height(high) < level:
            break
        high += step
    width = high - low
    new = old
    for _ in range(100):
        new = rng.uniform(low, high)
        if height(new) >= level:
            break
        low, high = (new, high) if new < old else (low, new)
    return new, 0.9 * step + 0.1 * width if warm else step


def _families(
    problem: Problem,
) -> tuple[LogNormal, Relative, Dirichlet | None, LogNormal | None]:
    """Return the priors of steepness, exponents, gaps and widths, which have to be the defaults."""
    priors = problem.priors
    steep, relative = priors["steepness"], priors["exponent"]
    gap, wide = priors.get("gap"), priors.get("width")
    if not isinstance(steep, LogNormal) or not isinstance(relative, Relative):
        raise ConfigError("pool works with the default priors of exponents only")
    if not isinstance(gap, Dirichlet | None) or not isinstance(wide, LogNormal | None):
        raise ConfigError("pool works with the default priors of crossovers only")
    return steep, relative, gap, wide


class Regimes(SharedValues):
    """Of a broken power law: exponents, log crossovers and widths; log steepness and spreads."""

    def __init__(self, curves: Sequence[Stand]) -> None:
        super().__init__(curves)
        self.n = curves[0].problem.law.regimes - 1
        self.low = math.log(min(curve.problem.window.x_low for curve in curves))
        self.high = math.log(max(curve.problem.window.x_high for curve in curves))
        self.steepness, self.relative, self.gap, self.wide = _families(curves[0].problem)
        self.size = 3 * self.n + 1
        self.dimension = self.size + 2 + 2 * (self.n > 0)

    def guess(self) -> Array:
        """Return shared values to start from: the middle of the curves."""
        middle = np.median([np.median(curve.values, axis=0) for curve in self.curves], axis=0)
        apart = np.std([np.median(curve.values, axis=0) for curve in self.curves], axis=0)
        n = self.n
        steepness = max(0.1, float(np.sqrt(np.mean(middle[: n + 1] ** 2))))
        spreads = [max(0.02, float(apart[: n + 1].mean()) / steepness)]
        if n:
            middle[n + 1 : 2 * n + 1] = np.sort(middle[n + 1 : 2 * n + 1])
            spreads += [0.1, 0.1]
        return np.concatenate([middle, [math.log(steepness)], np.log(np.minimum(spreads, 0.5))])

    def scales(self, phi: Array) -> Array:
        """Return the standard deviation of each value of a curve around the shared one."""
        n, steepness = self.n, math.exp(phi[self.size])
        spread = np.exp(phi[self.size + 1 :])
        parts = [np.full(n + 1, spread[0] * steepness)]
        if n:
            parts += [np.full(n, spread[1]), np.full(n, spread[2])]
        return np.concatenate(parts)

    def named(self, phi: Array) -> dict[str, Array]:
        """Return shared values by name."""
        n = self.n
        steepness = np.exp(phi[..., self.size])
        named = {
            "exponent": phi[..., : n + 1],
            "steepness": steepness,
            "spread_exponent": np.exp(phi[..., self.size + 1]) * steepness,
        }
        if n:
            named["crossover"] = np.exp(phi[..., n + 1 : 2 * n + 1])
            named["width"] = np.exp(phi[..., 2 * n + 1 : self.size])
            named["spread_crossover"] = np.exp(phi[..., self.size + 2])
            named["spread_width"] = np.exp(phi[..., self.size + 3])
        return named

    def log_prior(self, phi: Array) -> float:
        """Return the log prior density of shared values."""
        n, log_steepness = self.n, phi[self.size]
        steepness = math.exp(log_steepness)
        value: float = (
            -0.5 * ((log_steepness - math.log(self.steepness.median)) / self.steepness.sd) ** 2
        )
        white = phi[: n + 1] / steepness - self.relative.centre
        value += -0.5 * float(white @ white) - (n + 1) * log_steepness
        if self.gap is not None and self.wide is not None:
            edges = np.concatenate([[self.low], phi[n + 1 : 2 * n + 1], [self.high]])
            gaps = np.diff(edges) / (self.high - self.low)
            if not (gaps > 0.0).all():
                return -math.inf
            value += (self.gap.concentration - 1.0) * float(np.log(gaps).sum())
            white = (phi[2 * n + 1 : self.size] - math.log(self.wide.median)) / self.wide.sd
            value += -0.5 * float(white @ white)
        spread = np.exp(phi[self.size + 1 :])
        return value + float(np.sum(phi[self.size + 1 :] - 0.5 * (spread / SPREAD) ** 2))

    @staticmethod
    def values(problem: Problem, params: dict[str, Array]) -> Array:
        """Return exponents, log crossovers and log widths."""
        del problem
        columns = [params["exponent"]]
        if "crossover" in params:
            columns += [np.log(params["crossover"]), np.log(params["width"])]
        return np.concatenate(columns, axis=1)

    @staticmethod
    def log_prior_alone(problem: Problem, params: dict[str, Array]) -> Array:
        """Return the log prior density of exponents, log crossovers and log widths, shape (m,)."""
        steep, relative, gap, wide = _families(problem)
        exponent = params["exponent"]
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        steepness = steep.from_normal(nodes[:, None], {})
        white = exponent[:, None, :] / steepness[:, None] - relative.centre
        each = -0.5 * np.sum(white**2, axis=2) - exponent.shape[1] * np.log(steepness)
        top = each.max(axis=1, keepdims=True)
        value = top[:, 0] + np.log(np.exp(each - top) @ (weights / weights.sum()))
        value -= 0.5 * exponent.shape[1] * math.log(2.0 * math.pi)
        if gap is not None and wide is not None:
            n = params["gap"].shape[1] - 1
            c = gap.concentration
            value += math.lgamma(c * (n + 1)) - (n + 1) * math.lgamma(c)
            value += (c - 1.0) * np.log(params["gap"]).sum(axis=1)
            value -= n * math.log(math.log(problem.window.x_high / problem.window.x_low))
            white = (np.log(params["width"]) - math.log(wide.median)) / wide.sd
            value -= 0.5 * np.sum(white**2, axis=1) + n * math.log(wide.sd)
            value -= 0.5 * n * math.log(2.0 * math.pi)
        return np.asarray(value)


class Powers(SharedValues):
    """Of a law in several variables: the logs of its exponents, and how far surfaces lie apart."""

    def __init__(self, curves: Sequence[Stand]) -> None:
        super().__init__(curves)
        priors = _powers(curves[0].problem)
        self.columns = [prior.size or 1 for prior in priors.values()]
        self.names = list(priors)
        each = list(priors.values())
        self.centre = np.repeat([math.log(one.median) for one in each], self.columns)
        self.sd = np.repeat([one.sd for one in each], self.columns)
        self.scalar = [one.size is None for one in each]
        self.size = self.centre.size
        self.dimension = self.size + 1

    @staticmethod
    def values(problem: Problem, params: dict[str, Array]) -> Array:
        """Return the logs of all exponents."""
        columns = [params[name].reshape(len(params[name]), -1) for name in _powers(problem)]
        return np.asarray(np.log(np.concatenate(columns, axis=1)))

    @staticmethod
    def log_prior_alone(problem: Problem, params: dict[str, Array]) -> Array:
        """Return the log density of the logs of the exponents."""
        value: Array = np.zeros(len(params["level"]))
        for name, prior in _powers(problem).items():
            logs = np.log(params[name].reshape(len(value), -1))
            white = (logs - math.log(prior.median)) / prior.sd
            constant = logs.shape[1] * math.log(prior.sd * math.sqrt(2.0 * math.pi))
            value = value - 0.5 * np.sum(white**2, axis=1) - constant
        return value

    def guess(self) -> Array:
        """Return the middle of the surfaces, and how far they lie apart."""
        medians = [np.median(curve.values, axis=0) for curve in self.curves]
        apart = min(max(0.02, float(np.std(medians, axis=0).mean())), 0.5)
        return np.append(np.median(medians, axis=0), math.log(apart))

    def scales(self, phi: Array) -> Array:
        """Return the standard deviation of each log exponent of a surface."""
        return np.full(self.size, math.exp(phi[self.size]))

    def named(self, phi: Array) -> dict[str, Array]:
        """Return shared exponents, and the standard deviation of the logs of those of surfaces."""
        ends = np.cumsum(self.columns)
        parts = np.split(np.exp(phi[..., : self.size]), ends[:-1], axis=-1)
        found = {
            name: part[..., 0] if scalar else part
            for name, part, scalar in zip(self.names, parts, self.scalar, strict=True)
        }
        return {**found, "spread_exponent": np.exp(phi[..., self.size])}

    def log_prior(self, phi: Array) -> float:
        """Return the log prior density of log exponents, and of the log of their spread."""
        white = (phi[: self.size] - self.centre) / self.sd
        spread = math.exp(phi[self.size])
        return float(-0.5 * white @ white + phi[self.size] - 0.5 * (spread / SPREAD) ** 2)

    def update(
        self, phi: Array, step: Array, values: Array, rng: np.random.Generator, warm: bool
    ) -> None:
        """Draw the spread with the shared exponents integrated out, then these, in place."""
        n, middle = len(values), values.mean(axis=0)
        inside = float(np.sum((values - middle) ** 2))
        known, off = n * self.sd**2, n * (middle - self.centre) ** 2

        def height(log_spread: float) -> float:
            variance = math.exp(2.0 * log_spread)
            wide = variance + known
            alone = (n - 1) * self.size * log_spread + 0.5 * inside / variance
            return float(
                log_spread
                - 0.5 * variance / SPREAD**2
                - alone
                - 0.5 * np.sum(np.log(wide) + off / wide)
            )

        log_spread, step[-1] = _sliced(height, float(phi[-1]), float(step[-1]), rng, warm)
        precision = 1.0 / self.sd**2 + n * math.exp(-2.0 * log_spread)
        centre = self.centre / self.sd**2 + n * math.exp(-2.0 * log_spread) * middle
        phi[:-1] = centre / precision + rng.standard_normal(self.size) / np.sqrt(precision)
        phi[-1] = log_spread


def _powers(problem: Problem) -> dict[str, LogNormal]:
    """Return the priors of the exponents that a law of several variables shares."""
    found = {}
    for name in problem.law.shared_powers:
        prior = problem.priors[name]
        if not isinstance(prior, LogNormal):
            raise ConfigError("pool works with the default priors of exponents only")
        found[name] = prior
    return found


def kind(problem: Problem) -> type[SharedValues]:
    """Return what curves of a law share."""
    return Powers if problem.law.shared_powers else Regimes
