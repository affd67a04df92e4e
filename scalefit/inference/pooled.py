"""Curves that differ by chance only: exponents, crossovers and widths around shared values.

Each curve is solved alone first, which finds all its modes. Its weighted draws then stand for its
likelihood: a Gibbs sampler alternates between the shared values given one draw of every curve, and
a draw of every curve given the shared values, chosen among its own in proportion to weight times
density under the shared values over density under the prior it was drawn with. Where the shared
values leave only a corner of a curve's draws, fresh ones are drawn in that corner.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.laws.priors import Dirichlet, LogNormal, Relative

from . import mixture
from .certified import solve as solve_alone
from .full import Full, target_of
from .problem import Posterior, Problem

POINTS = 3000  # draws that stand for a curve
CHAINS = 4
WARM = 300
LENGTHS = (500, 2500)  # of a chain; the second for what the first does not settle
REFRESHED = 2  # times that fresh draws are made where the shared values are
SPREAD = 0.3
"""Scale of the half-normal priors of the spreads, half of which are then below 0.2: of exponents in
units of the steepness, of crossovers and widths in natural logarithms."""
FEW = 30.0  # effective draws of a curve, given shared values
NODES = 48


@dataclass(frozen=True)
class Shared:
    """What one group of curves shares, shape (chain, draw) or (chain, draw, size).

    Attributes
    ----------
    draws
        `exponent`, `crossover`, `width`, `steepness`, and the standard deviations of curves around
        them: `spread_exponent`, `spread_crossover` and `spread_width`, the latter two of logs.
    verdict
        `"ok"`, or what is wrong.
    """

    draws: dict[str, Array]
    verdict: str


@dataclass
class _Curve:
    """Draws that stand for one curve.

    `values` (m, 3n + 1) holds exponents, log crossovers and log widths; `log_weight` (m,) the log
    of weight over prior density of them.
    """

    problem: Problem
    z: Array
    params: dict[str, Array]
    values: Array
    log_weight: Array


def solve(
    problems: Sequence[Problem],
    *,
    draws: int,
    rng: np.random.Generator,
    tick: Callable[[], object] | None = None,
) -> tuple[list[Posterior], Shared]:
    """Return the posterior of every curve of a group, partially pooled, and of what they share.

    Parameters
    ----------
    problems
        One for each curve, all of the same broken power law and noise.
    draws
        To keep.
    rng
        Source of every random number.
    tick
        Called once per curve.

    Source
    ------
    Lunn, Barrett, Sweeting, Thompson (2013), "Fully Bayesian hierarchical modelling in two stages,
    with application to meta-analysis".
    """
    curves, doubts = [], []
    for problem in problems:
        target = target_of(problem)
        alone = solve_alone(target, rng)
        doubts += alone.certificate.doubts[:1]
        sampled = alone.resample(POINTS, rng)
        curves.append(_curve(problem, sampled, np.zeros(POINTS)))
        if tick is not None:
            tick()
    hyper = _Hyper(curves)
    start = hyper.guess()
    for _ in range(REFRESHED):
        trial, _, _ = hyper.chain(start, WARM, WARM, rng)
        start = trial[-1]
        curves = [_refreshed(curve, hyper, trial, rng) for curve in curves]
        hyper = _Hyper(curves)
    each = -(-draws // CHAINS)
    chains, verdict = _settled(hyper, start, each, rng, doubts)
    length = len(chains[0][0])
    at = np.arange(1, each + 1) * length // each - 1
    shared = hyper.named(np.stack([phi[at] for phi, _, _ in chains]))
    index = np.stack([picked[at] for _, picked, _ in chains])  # (chain, draw, curve)
    posteriors = []
    for k, curve in enumerate(curves):
        own = {name: value[index[..., k]] for name, value in curve.params.items()}
        unknown = {name: np.full(value.shape[2:], np.nan) for name, value in own.items()}
        posteriors.append(Posterior(own, verdict, unknown, unknown))
    return posteriors, Shared(shared, verdict)


def _settled(
    hyper: _Hyper, start: Array, least: int, rng: np.random.Generator, doubts: list[str]
) -> tuple[list[tuple[Array, NDArray[np.intp], Array]], str]:
    """Return chains, longer ones if the first do not settle, and the verdict on them."""
    short, long = (max(least, length) for length in LENGTHS)
    for length in (short, long):
        chains = [hyper.chain(start, WARM, length, rng) for _ in range(CHAINS)]
        effective = np.min([each for _, _, each in chains], axis=0)
        verdict = _verdict(hyper.named(np.stack([phi for phi, _, _ in chains])), effective, doubts)
        if verdict == "ok" or doubts or length == long:
            return chains, verdict
    raise AssertionError


def _curve(problem: Problem, sampled: dict[str, Array], log_weight: Array) -> _Curve:
    """Return draws of one curve, their weights taken relative to the prior they were drawn with.

    A crossover so near an end that rounding puts it there is left out, for it has no density.
    """
    params = {**sampled, **problem.law.natural(sampled, problem.window)}
    columns = [params["exponent"]]
    if "crossover" in params:
        columns += [np.log(params["crossover"]), np.log(params["width"])]
    with np.errstate(divide="ignore"):
        weight = log_weight - _log_prior(problem, params)
    good = np.isfinite(weight)
    kept = {name: value[good] for name, value in params.items()}
    z = Full(problem).from_sampled({name: kept[name] for name in sampled})
    return _Curve(problem, z, kept, np.concatenate(columns, axis=1)[good], weight[good])


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


def _log_prior(problem: Problem, params: dict[str, Array]) -> Array:
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


def _refreshed(curve: _Curve, hyper: _Hyper, trial: Array, rng: np.random.Generator) -> _Curve:
    """Return fresh draws of a curve where the shared values of a trial chain put it."""
    share = np.zeros(len(curve.values))
    for phi in trial[:: max(1, len(trial) // 100)]:
        share += hyper.conditional(curve, phi)
    share /= share.sum()
    target = Full(curve.problem)
    effective = 1.0 / float(np.sum(share**2))
    guide = mixture.fit(curve.z, share, rng, components=8, effective=effective)
    wide = mixture.Mixture(guide.weight, guide.centre, 2.0 * guide.factor)
    both = mixture.pool([guide, wide], [0.7, 0.3])
    z = both.sample(POINTS, rng)
    weight = target.log_density(z) - both.log_density(z)
    good = np.isfinite(weight)
    sampled = target.sampled(z[good], np.empty((int(good.sum()), 0)))
    return _curve(curve.problem, sampled, weight[good])


class _Hyper:
    """Shared values: exponents, log crossovers, log widths, log steepness, three log spreads."""

    def __init__(self, curves: Sequence[_Curve]) -> None:
        self.curves = curves
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

    def conditional(self, curve: _Curve, phi: Array) -> Array:
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
            for i in range(self.dimension):
                phi[i], step[i] = self._slice(phi, i, step[i], values, rng, sweep < 0)
            if sweep >= 0:
                found[sweep] = phi
        return found, picked, effective

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

    def _given(self, values: Array, phi: Array) -> Array:
        scale = self.scales(phi)
        white = (values - phi[: self.size]) / scale
        return np.asarray(-0.5 * np.sum(white**2, axis=-1) - np.sum(np.log(scale)))

    def _log_density(self, phi: Array, values: Array) -> float:
        prior = self.log_prior(phi)
        return prior + float(self._given(values, phi).sum()) if prior > -math.inf else prior

    def _slice(
        self, phi: Array, i: int, step: float, values: Array, rng: np.random.Generator, warm: bool
    ) -> tuple[float, float]:
        """Return a new value of one coordinate by slice sampling, and the width to try next.

        Source: Neal (2003), "Slice sampling", with stepping out and shrinkage.
        """
        old = phi[i]
        trial = phi.copy()

        def height(value: float) -> float:
            trial[i] = value
            return self._log_density(trial, values)

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


def _verdict(shared: dict[str, Array], effective: Array, doubts: list[str]) -> str:
    """Return `"ok"`, or what is wrong with a group."""
    from scalefit._compat import rhat_and_ess

    problems = [f"a curve alone: {doubts[0]}"] if doubts else []
    if effective.min() < FEW:
        problems.append(
            f"shared values leave {effective.min():.0f} draws of a curve (limit {FEW:.0f})"
        )
    for name, values in shared.items():
        columns = values.reshape(*values.shape[:2], -1)
        for i in range(columns.shape[-1]):
            rhat, ess = rhat_and_ess(columns[..., i])
            if rhat > 1.05 or ess < 100.0:
                problems.append(f"shared {name}: R-hat {rhat:.2f}, {ess:.0f} independent draws")
                return "; ".join(problems)
    return "; ".join(problems) or "ok"
