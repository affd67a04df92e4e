"""Huber's loss: the parameters at which the residuals of log y cost least, without a posterior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from scalefit.arrays import Array
from scalefit.laws.priors import dimension, pack, unpack

from .full import target_of
from .optimise import spread
from .problem import DELTA, Posterior, Problem

STARTS = 6
SWEPT = 1024
FIRST = 0.1  # delta from which it is stepped down
STEP = 1e-5  # of central differences
NOTE = "Huber's loss gives one point, no posterior: intervals have no width"


@dataclass(frozen=True)
class Optimum:
    """The best parameters under Huber's loss.

    Attributes
    ----------
    v : shape (d,)
        Coordinates of the law's priors.
    loss
        Sum of the loss over the points.
    apart
        By which share of it the best loss of another start lies above.
    """

    v: Array
    loss: float
    apart: float


def huber(residual: Array, delta: float) -> Array:
    """Return the loss of each residual.

    Source
    ------
    Huber (1964), "Robust estimation of a location parameter", equation 5.
    """
    size = np.abs(residual)
    inside = 0.5 * size**2
    return np.asarray(np.where(size <= delta, inside, delta * (size - 0.5 * delta)))


def optimum(problem: Problem, rng: np.random.Generator, *, delta: float = DELTA) -> Optimum:
    """Return where the loss is least, by steps of BFGS from several starts.

    The sum of the loss over delta is made small at a wide delta first, and from there at ever
    narrower ones, in the coordinates of the priors, of which the loss itself knows nothing.

    Source
    ------
    Hoffmann et al. (2022), "Training compute-optimal large language models", equation 3
    (arXiv:2203.15556), for the loss.
    """
    priors = problem.law.priors(problem.window)
    d = dimension(priors)

    def residual(v: Array) -> Array:
        sampled = unpack(priors, v)
        natural = {**sampled, **problem.law.natural(sampled, problem.window)}
        with np.errstate(all="ignore"):
            apart = problem.log_y - np.asarray(problem.law.log_mean(natural, problem.x))
        return np.asarray(np.nan_to_num(apart, nan=1e3, posinf=1e3, neginf=-1e3))

    def summed(v: Array, width: float) -> Array:
        return np.asarray(huber(residual(v), width).sum(axis=1) / width)

    found = [
        _descended(one, summed, delta)
        for one in _starts(problem, d, rng, lambda v: summed(v, FIRST))
    ]
    found.sort(key=lambda pair: pair[1])
    best, loss = found[0]
    apart = (found[1][1] - loss) / loss if len(found) > 1 and loss > 0.0 else 0.0
    return Optimum(best, loss * delta, apart)


def solve(
    problem: Problem, *, draws: int, rng: np.random.Generator, delta: float = DELTA
) -> Posterior:
    """Return the optimum as a posterior without width; its noise is that of most points."""
    found = optimum(problem, rng, delta=delta)
    sampled = unpack(problem.law.priors(problem.window), found.v[None])
    natural = {**sampled, **problem.law.natural(sampled, problem.window)}
    apart = problem.log_y - np.asarray(problem.law.log_mean(natural, problem.x))[0]
    natural["noise"] = 1.4826 * np.median(np.abs(apart), keepdims=True)
    values = {
        name: np.repeat(value[:, None], draws, axis=1).reshape(1, draws, *value.shape[1:])
        for name, value in natural.items()
    }
    unknown = {name: np.full(value.shape[2:], np.nan) for name, value in values.items()}
    verdict = "ok"
    if found.apart > 1e-3:
        verdict = (
            f"no two starts ended at one optimum (the next loss is {found.apart:.2g} larger); "
            "try another seed or method='auto'"
        )
    note = f"{NOTE}; the loss is {found.loss:.9g} at delta={delta:g}"
    return Posterior(values, verdict, unknown, unknown, notes=(note,))


def _starts(
    problem: Problem, d: int, rng: np.random.Generator, cost: Callable[[Array], Array]
) -> Array:
    """Return the best points of the prior, and of the prior moved to the data, kept apart."""
    target = target_of(problem)
    priors = problem.law.priors(problem.window)
    v = rng.standard_normal((SWEPT, d))
    moved = problem.law.align(unpack(priors, v), problem.x, problem.y)
    both = np.concatenate([v, np.clip(np.nan_to_num(pack(priors, moved)), -8.0, 8.0)])
    return spread(both, -cost(both), STARTS, target.halved)


def _descended(
    v: Array, summed: Callable[[Array, float], Array], delta: float
) -> tuple[Array, float]:
    """Return where steps of BFGS end, the width of the loss narrowed tenfold at a time."""
    d = v.size
    nudge = STEP * np.eye(d)
    widths = [FIRST]
    while widths[-1] > delta * 1.0001:
        widths.append(max(widths[-1] / 10.0, delta))
    for width in widths:

        def cost(at: Array, width: float = width) -> tuple[float, Array]:
            near = np.concatenate([at[None], at + nudge, at - nudge])
            value = summed(near, width)
            return float(value[0]), (value[1 : d + 1] - value[d + 1 :]) / (2.0 * STEP)

        for _ in range(3):
            found = optimize.minimize(cost, v, jac=True, method="BFGS", options={"gtol": 1e-8})
            v = np.asarray(found.x)
    return v, float(summed(v[None], delta)[0])
