"""Stated values: a rounded curve as one of normal values, corrected for what it is not.

Given the values and errors that come closest to what the intervals say, the collapsed engine finds
the posterior; every draw is then weighted by the probability of the intervals over that of the
values. The weights, and with them the certificate, tell how close they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from scalefit.arrays import Array
from scalefit.laws.rounding import spread

from . import optimise
from .collapsed import Collapsed
from .importance import temper
from .problem import Problem
from .rounded import chances

ROUNDS = 4
ENOUGH = 250.0
"""Effective draws, of `DRAWN`, at which stated values are close enough."""
DRAWN = 1024
SWEPT, STARTS = 256, 8
"""Points of the prior, and starts of a search, in each round."""
WIDER, TENTH, NODES = 1.3, 0.1, 24
LEAST, MOST = 1e-8, 1e4
"""Bounds of the variance of a stated log y: what is known exactly, and what nothing is known of."""


@dataclass(frozen=True, eq=False)
class Stated(Collapsed):
    """The collapsed posterior of stated values, whose `exact` is that of the rounded ones.

    Attributes
    ----------
    rounded
        The problem to be solved; `problem` is that of the stated values.
    """

    rounded: Problem | None = None

    @classmethod
    def of(cls, problem: Problem) -> Stated | None:
        """Return the posterior of a rounded curve, None where that of values is not collapsed.

        Source
        ------
        Values and errors are moment-matched sites as in Minka (2001), "Expectation propagation for
        approximate Bayesian inference", here by regression on draws of the whole posterior.
        """
        error = np.hypot(np.sqrt(problem.known), spread(problem.y, problem.grain))
        stated = replace(problem, grain=0.0, error=error, given=problem.priors)
        plain = Collapsed.of(stated)
        if plain is None:
            return None
        rng = np.random.default_rng(0)
        found = cls._with(plain, problem)
        best, close = found, -1.0
        starts = [found.sweep(SWEPT), *found.sources(rng).values()]
        for _ in range(ROUNDS):
            draws = _drawn(found, starts, rng)
            if draws.close > close:
                best, close = found, draws.close
            if close > ENOUGH:
                break
            starts = [draws.modes]
            found = cls._with(replace(plain, problem=_matched(found, draws)), problem)
        return best

    @classmethod
    def _with(cls, plain: Collapsed, rounded: Problem) -> Stated:
        return cls(plain.problem, plain.shape, plain.prior, plain.before, rounded)

    def exact(self, z: Array, rng: np.random.Generator, effort: int = 1) -> tuple[Array, Array]:
        """Return unbiased log estimates for the rounded values, and one draw of the inner."""
        value, inner = super().exact(z, rng, effort)
        return value + self._ratio(self.parameters(z, inner)), inner

    def parameters(self, z: Array, inner: Array) -> dict[str, Array]:
        """Return sampled and natural variables."""
        sampled = self.sampled(z, inner)
        return {**sampled, **self.problem.law.natural(sampled, self.problem.window)}

    def _ratio(self, params: Mapping[str, Array]) -> Array:
        """Return the log probability of the intervals over that of the stated values."""
        assert self.rounded is not None
        with np.errstate(all="ignore"):
            each = self.rounded.log_likelihood(params) - self.problem.log_likelihood(params)
            ratio = each.sum(axis=1)
        return np.where(np.isfinite(ratio), ratio, -np.inf)


class _Drawn(NamedTuple):
    """Draws of a posterior, weighted: law and noise, log chance of each interval, and the modes.

    `close` tells how close stated values come: effective draws, negative where weights had to be
    tempered.
    """

    modes: Array
    mean: Array
    noise: Array
    noises: dict[str, Array]
    weight: Array
    close: float


def _drawn(target: Stated, sources: Sequence[Array], rng: np.random.Generator) -> _Drawn:
    assert target.rounded is not None
    starts = [optimise.spread(z, target.log_density(z), STARTS, target.halved) for z in sources]
    modes = optimise.climb(target, np.concatenate(starts))
    proposal = modes.mixture()
    z = proposal.sample(DRAWN, rng)
    height, inner = target.exact(z, rng)
    power, weight, effective = temper(height - proposal.log_density(z))
    params = target.parameters(z, inner)
    with np.errstate(all="ignore"):
        mean = np.asarray(target.problem.law.log_mean(params, target.problem.x))
    good = np.isfinite(mean).all(axis=1)
    weight = np.where(good, weight, 0.0)[good]
    weight = weight / weight.sum()
    noises = {
        n: np.exp(weight @ np.log(params[n][good]))[None] for n in target.rounded.noise.priors()
    }
    close = effective if power == 1.0 else power - 1.0
    return _Drawn(modes.z, mean[good], params["noise"][good], noises, weight, close)


def _matched(target: Stated, draws: _Drawn) -> Problem:
    """Return the problem with the values and errors that come closest to the intervals.

    The log probability of an interval is a parabola in log y of the law, as far as that is
    uncertain; its slope and curvature are averages over a normal distribution of it.
    """
    rounded = target.rounded
    assert rounded is not None
    centre = draws.weight @ draws.mean
    scale = np.exp(draws.weight @ np.log(draws.noise))
    spread_ = np.sqrt(draws.weight @ (draws.mean - centre) ** 2)
    size = np.maximum(WIDER * spread_, TENTH * scale)
    nodes, share = np.polynomial.hermite_e.hermegauss(NODES)
    share = share / share.sum()
    params = {name: np.repeat(value, NODES) for name, value in draws.noises.items()}
    at = centre + nodes[:, None] * size
    chance = chances(rounded.noise, at, rounded.interval, params, rounded.known)[0]
    slope = share @ (chance * nodes[:, None]) / size
    bend = share @ (chance * (nodes**2 - 1.0)[:, None]) / size**2
    precision = np.clip(-bend, 1.0 / (scale**2 + MOST), 1.0 / (scale**2 + LEAST))
    value = centre + np.clip(slope / precision, -30.0, 30.0)
    error = np.sqrt(np.maximum(1.0 / precision - scale**2, LEAST))
    return replace(target.problem, y=np.exp(value), error=error)
