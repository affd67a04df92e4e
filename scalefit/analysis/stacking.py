"""Stacking: weights of models by how well they predict, beside their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

from scalefit.arguments import root
from scalefit.arrays import Array
from scalefit.forecast.noise import conditional
from scalefit.inference import Problem
from scalefit.inference.ensemble import Member, explore
from scalefit.inference.weights import smooth
from scalefit.record import Record

if TYPE_CHECKING:
    import pandas as pd


DRAWS = 1000
ORIGINS = (0.5, 0.65, 0.8)
"""Shares of the points after which a trajectory is taken to be unknown, in turn."""
FEWEST = 5


def stacking(record: Record, seed: int) -> pd.DataFrame:
    """Return the table of `Fit.stacking`."""
    import pandas as pd

    table = record.probabilities
    weights = np.full(table.shape, np.nan)
    root(seed)
    streams = np.random.SeedSequence(seed).spawn(len(record.runs))
    for row, run, stream in zip(weights, record.runs, streams, strict=True):
        models = record.problems(run)
        if not models:
            continue
        correlated = any(one.noise.kind == "ar1" for one in models.values())
        score = leave_future_out if correlated else leave_one_out
        row[:] = 0.0
        row[list(models)] = stack(score(list(models.values()), np.random.default_rng(stream)))
    return pd.DataFrame(weights, index=table.index, columns=table.columns)


def leave_one_out(problems: Sequence[Problem], rng: np.random.Generator) -> Array:
    """Return the log density of every log y given all other points, shape (models, n).

    Only for independent noise.

    Source
    ------
    Vehtari, Gelman, Gabry (2017), "Practical Bayesian model evaluation using leave-one-out
    cross-validation and WAIC", equation 10.
    """
    rows = []
    for member in explore(problems, rng, every=True).members:
        sampled = member.solved.resample(DRAWS, rng)
        problem = member.problem
        params = {**sampled, **problem.law.natural(sampled, problem.window)}
        rows.append(left_out(problem.log_likelihood(params)))
    return np.array(rows)


def left_out(log_likelihood: Array) -> Array:
    """Return the log density of each point given the others, shape (n,), from draws given all.

    Parameters
    ----------
    log_likelihood : shape (draws, n)
        Log density of each point under each draw, whose noise is independent.

    Source
    ------
    Vehtari, Gelman, Gabry (2017), equation 10, with weights smoothed as in Vehtari et al. (2024),
    "Pareto smoothed importance sampling".
    """
    columns = log_likelihood.T
    return np.array([special.logsumexp(np.log(smooth(-one).probability) + one) for one in columns])


def leave_future_out(problems: Sequence[Problem], rng: np.random.Generator) -> Array:
    """Return the log density of later log y given the points before, shape (models, later points).

    The curve is cut at each of `ORIGINS`; the models are fitted anew to what comes before a cut and
    score the points up to the next one.

    Source
    ------
    Bürkner, Gabry, Vehtari (2020), "Approximate leave-future-out cross-validation for Bayesian time
    series models", with exact refits.
    """
    n = problems[0].x.size
    fewest = max(problem.law.minimum_points for problem in problems)
    cuts = sorted({max(int(share * n), fewest, FEWEST) for share in ORIGINS} | {n})
    cuts = [cut for cut in cuts if cut <= n]
    blocks = []
    for start, stop in pairwise(cuts):
        heads = [_head(problem, start) for problem in problems]
        members = explore(heads, rng, every=True).members
        blocks.append([_ahead(one, problems[0], start, stop, rng) for one in members])
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((len(problems), 0))


def stack(log_density: Array) -> Array:
    """Return the weights of K models, adding up to one, that predict best together.

    Parameters
    ----------
    log_density : shape (K, n)
        Log predictive density of each point under each model.

    Source
    ------
    Yao, Vehtari, Simpson, Gelman (2018), "Using stacking to average Bayesian predictive
    distributions", equation 4.
    """
    k, n = log_density.shape
    if k == 1 or n == 0:
        return np.full(k, 1.0 / k)
    scaled = np.exp(log_density - log_density.max(axis=0))

    def cost(free: Array) -> tuple[float, Array]:
        weight = special.softmax(np.append(free, 0.0))
        mixed = weight @ scaled
        slope = weight * (scaled @ (1.0 / mixed) - n)
        return -float(np.log(mixed).sum()), -slope[:-1]

    found = optimize.minimize(cost, np.zeros(k - 1), jac=True, method="BFGS")
    return np.asarray(special.softmax(np.append(found.x, 0.0)))


def _head(problem: Problem, count: int) -> Problem:
    error = None if problem.error is None else problem.error[:count]
    return replace(
        problem, x=problem.x[:count], y=problem.y[:count], error=error, given=problem.given
    )


def _ahead(
    member: Member, whole: Problem, start: int, stop: int, rng: np.random.Generator
) -> Array:
    """Return the log density of log y from one point to another, given those before."""
    sampled = member.solved.resample(DRAWS, rng)
    head = member.problem
    params = {**sampled, **head.law.natural(sampled, head.window)}
    x, at = head.x, whole.x[start:stop]
    fitted = head.law.log_curve(params, x)
    future = head.law.log_curve(params, at)
    mean, sd = conditional(head.noise, params, x, at, head.log_y - fitted, head.known)
    if whole.error is not None:
        sd = np.sqrt(sd**2 + whole.error[start:stop] ** 2)
    white = (whole.log_y[start:stop] - future - mean) / sd
    density = head.noise.log_density(white, params) - np.log(sd)
    return np.asarray(special.logsumexp(density, axis=0) - np.log(DRAWS))
