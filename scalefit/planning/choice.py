"""Choice of runs: from opinions of one or several laws to purchases, in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError

from . import gains
from .discrepancy import Discrepancy, lengths
from .gains import Beliefs, Power, Purchase
from .opinions import Opinion, counts, noise_of, shares


@dataclass(frozen=True, eq=False)
class Question:
    """What is to be known, and what can be bought for it.

    Attributes
    ----------
    candidates : shape (C, k)
        Predictors of each run that could be bought.
    cost : shape (C,)
        Of each.
    runs : shape (m, k)
        Predictors of the runs so far; m may be 0.
    target : shape (T, k), or a name
        Points to predict, or a parameter of the law.
    weights : shape (T,)
        How much each counts; for a parameter each of its values counts once.
    """

    candidates: Array
    cost: Array
    runs: Array
    target: Array | str
    weights: Array


@dataclass(frozen=True, eq=False)
class Choice:
    """Runs to buy.

    Attributes
    ----------
    bought
        In order of purchase.
    variance, misfit : shape (n + 1,)
        Weighted variance of the target before and after each: if the law holds, and with what it
        may miss.
    noise
        Variance of a run around the law.
    power
        Power of the cost.
    """

    bought: list[Purchase]
    variance: Array
    misfit: Array
    noise: float
    power: float


def choose(
    opinions: Sequence[Opinion],
    question: Question,
    budget: float,
    *,
    most: int | None,
    power: Power = 0.4,
    discrepancy: float = 1.0,
    draws: int = 1000,
    rng: np.random.Generator,
) -> Choice:
    """Return which candidates to buy, in order.

    Parameters
    ----------
    opinions
        Of one law, or of several in proportion to their evidence.
    question
        Candidates, costs, runs so far and target.
    budget
        What may be spent.
    most
        Runs at most; None for as many as the budget allows.
    power
        Of the cost; `"plan"` for the one of five that leaves least variance at the end.
    discrepancy
        Standard deviation of what the law misses, in units of the noise; 0 for a law that holds.
    draws
        Draws to compute covariances from.
    rng
        Source of every random number.
    """
    beliefs, noise = believed(opinions, question, discrepancy, draws, rng)
    if power == "plan":
        power = gains.planned(beliefs, noise, question.cost, budget)
    assert not isinstance(power, str)
    bought, _ = gains.order(beliefs, noise, question.cost, budget, power=power, most=most)
    plain = gains.followed(beliefs.exact, noise, bought)
    misfit = gains.followed(beliefs, noise, bought) if discrepancy else plain
    return Choice(bought, plain, misfit, noise, power)


def believed(
    opinions: Sequence[Opinion],
    question: Question,
    discrepancy: float,
    draws: int,
    rng: np.random.Generator,
) -> tuple[Beliefs, float]:
    """Return what the opinions together believe of targets and candidates, and the noise."""
    drawn, log_noise = _together(opinions, question, draws, rng)
    noise = float(np.exp(np.mean(log_noise)))
    points = not isinstance(question.target, str)
    size = drawn.shape[1] - len(question.candidates)
    targets = gains.centred(drawn[:, :size], gains.FARTHEST if points else np.inf)
    candidates = gains.centred(drawn[:, size:])
    weights = question.weights if points else np.ones(size)
    process = None
    every = np.log(np.concatenate([question.candidates, question.runs]))
    if discrepancy > 0.0:
        scale = lengths(every)
        runs = np.log(question.runs)
        process = Discrepancy(runs, scale, discrepancy * np.sqrt(noise), noise)
    at = np.log(question.candidates)
    target_at = None if isinstance(question.target, str) else np.log(question.target)
    return Beliefs(targets, candidates, weights, process, at, target_at), noise


def _together(
    opinions: Sequence[Opinion], question: Question, draws: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return draws at targets and then candidates, (S, T + C), and the log of the noise, (S,)."""
    rows, noise = [], []
    for opinion, count in zip(opinions, counts(shares(opinions), draws), strict=True):
        if not count:
            continue
        which = _picked(opinion.draws, count, rng)
        candidates = question.candidates
        if isinstance(question.target, str):
            last = question.runs[-1] if len(question.runs) else None
            first = opinion.parameter(question.target, last)
            found = np.concatenate([first, opinion.at(candidates)], axis=1)
        else:
            found = opinion.at(np.concatenate([question.target, candidates]))
        rows.append(found[which])
        noise.append(noise_of(opinion.params)[which])
    if len({one.shape[1] for one in rows}) > 1:
        raise ConfigError(f"target='{question.target}' has not as many values in each of the laws")
    return np.concatenate(rows), np.concatenate(noise)


def _picked(draws: int, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return which of the draws to take, each as often as any other."""
    every = np.arange(max(draws, count)) % draws
    return np.asarray(rng.permutation(every)[:count], dtype=np.intp)
