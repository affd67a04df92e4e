"""Curves that differ by chance only: exponents, crossovers and widths lie around shared values.

Each curve is solved alone first, which finds all its modes. Its weighted draws then stand for its
likelihood: a Gibbs sampler alternates between the shared values given one draw of every curve, and
a draw of every curve given the shared values, chosen among its own in proportion to weight times
density under the shared values over density under the prior it was drawn with. Where the shared
values leave only a corner of a curve's draws, fresh ones are drawn in that corner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array

from . import mixture
from .certified import solve as solve_alone
from .full import Full, target_of
from .problem import Posterior, Problem
from .shared_values import SharedValues, Stand, kind

POINTS = 3000  # draws that stand for a curve
CHAINS = 4
WARM = 300
LENGTHS = (500, 2500)  # of a chain; the second for what the first does not settle
REFRESHED = 2  # times that fresh draws are made where the shared values are
FEW = 30.0  # effective draws of a curve, given shared values


@dataclass(frozen=True)
class Shared:
    """What one group of curves shares, shape (chain, draw) or (chain, draw, size).

    Attributes
    ----------
    draws
        `exponent`, `crossover`, `width`, `steepness`, and the standard deviations of curves around
        them: `spread_exponent`, `spread_crossover` and `spread_width`, the latter two of logs. Of a
        law in several variables its exponents, and `spread_exponent`, that of their logs.
    verdict
        `"ok"`, or what is wrong.
    """

    draws: dict[str, Array]
    verdict: str


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
        One for each curve, all of the same law and noise.
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
    hyper = kind(curves[0].problem)(curves)
    start = hyper.guess()
    for _ in range(REFRESHED):
        trial, _, _ = hyper.chain(start, WARM, WARM, rng)
        start = trial[-1]
        curves = [_refreshed(curve, hyper, trial, rng) for curve in curves]
        hyper = kind(curves[0].problem)(curves)
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
    hyper: SharedValues, start: Array, least: int, rng: np.random.Generator, doubts: list[str]
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


def _curve(problem: Problem, sampled: dict[str, Array], log_weight: Array) -> Stand:
    """Return draws of one curve, their weights taken relative to the prior they were drawn with.

    A crossover so near an end that rounding puts it there is left out, for it has no density.
    """
    params = {**sampled, **problem.law.natural(sampled, problem.window)}
    shared = kind(problem)
    with np.errstate(divide="ignore"):
        weight = log_weight - shared.log_prior_alone(problem, params)
    good = np.isfinite(weight)
    kept = {name: value[good] for name, value in params.items()}
    z = Full(problem).from_sampled({name: kept[name] for name in sampled})
    return Stand(problem, z, kept, shared.values(problem, kept), weight[good])


def _refreshed(curve: Stand, hyper: SharedValues, trial: Array, rng: np.random.Generator) -> Stand:
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
