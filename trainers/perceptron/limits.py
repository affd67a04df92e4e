"""Limits of the perceptron's curve at fixed norm: test errors that bound it, or that it ends at."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx, ndtr

from .saddle_point import REACH, Angle, hebb_tangent, root, rule


@dataclass(frozen=True)
class Limits:
    """Test errors, and one margin, that bound or end the curve of one load; no units.

    Attributes
    ----------
    hebb_error
        Hebb's rule, the curve's limit at small norm.
    max_stability_error, max_stability_margin
        The perceptron of maximal stability, the curve's limit at large norm, and its smallest
        stability.
    bayes_error
        The least error that any rule can reach on average.
    gibbs_error
        A student drawn at random among those without training error.
    """

    hebb_error: float
    max_stability_error: float
    max_stability_margin: float
    bayes_error: float
    gibbs_error: float


def limits(load: float) -> Limits:
    """Return the test errors that bound or end the curve of one load.

    Parameters
    ----------
    load : examples per dimension
        At infinite load: the limits of load times each, and of sqrt(load) times Hebb's error.

    Source
    ------
    Hebb's rule: `error = arctan(sqrt(pi / (2 load))) / pi`. Maximal stability: the equations of
    the fixed norm with `g(t) = max(margin - t, 0)`. Bayes and Gibbs: the overlap R of two
    students drawn from the posterior solves
    `R / sqrt(1 - R) = (load / pi) int Dt exp(-R t^2 / 2) / H(sqrt(R) t)`; the errors are
    `arccos(sqrt(R)) / pi` and `arccos(R) / pi`.
    """
    max_error, max_margin = _max_stability(load)
    bayes, gibbs = _posterior(load)
    far = math.isinf(load)
    return Limits(
        hebb_error=1 / math.sqrt(2 * math.pi) if far else Angle(load, hebb_tangent(load)).error,
        max_stability_error=max_error,
        max_stability_margin=max_margin,
        bayes_error=bayes,
        gibbs_error=gibbs,
    )


def _max_stability(load: float) -> tuple[float, float]:
    """Return the test error and the margin of maximal stability.

    The second unknown is margin / p, which stays of order one at every load; units are those of
    `saddle_point`.
    """

    def alignment(log_tangent: float, ratio: float) -> float:
        angle = Angle(load, math.exp(log_tangent))
        gauss = math.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
        mean = ratio * float(ndtr(ratio)) + gauss
        return math.log(math.sqrt(2 / math.pi) * angle.sine * mean / angle.cosine)

    def length(log_tangent: float, ratio: float) -> float:
        angle = Angle(load, math.exp(log_tangent))
        margin = ratio * angle.sine
        t, weight = rule(angle.lowest, margin, (0.0,), angle.sine)
        return math.log(float(weight @ (angle.density(t) * (margin - t) ** 2)) / angle.sine**2)

    log_tangent, ratio = _solve(alignment, length, math.log(math.pi / (1 / load + 2)), 0.64)
    angle = Angle(load, math.exp(log_tangent))
    return angle.error, ratio * angle.sine / (1 if math.isinf(load) else load)


def _solve(
    alignment: Callable[[float, float], float],
    length: Callable[[float, float], float],
    log_tangent: float,
    inner: float,
) -> tuple[float, float]:
    """Return the logarithm of the tangent, and the second unknown, at the saddle point.

    At a fixed angle the first equation fixes the second unknown; the second equation, with that
    put in, fixes the angle. Neither search needs more than a starting point.

    Parameters
    ----------
    alignment, length
        Logarithm of right over left side of the two equations, of the logarithm of the tangent and
        the second unknown; the first increases with the second unknown.
    log_tangent, inner
        Where to start.
    """

    def mismatch(log_tangent: float) -> float:
        nonlocal inner
        inner = root(lambda trial: alignment(log_tangent, trial), inner, 0.1)
        return -length(log_tangent, inner)

    log_tangent = root(mismatch, log_tangent, 0.02)
    mismatch(log_tangent)  # leaves the matching second unknown behind
    return log_tangent, inner


def _posterior(load: float) -> tuple[float, float]:
    """Return the Bayes and the Gibbs error.

    The unknown is the logarithm of (1 - R) / R, which keeps its digits when R is close to 1.
    """
    t, weight = rule(-REACH, REACH, (0.0,), 1.0)
    weight = weight * np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)

    def pull(overlap: float) -> float:
        # exp(-R t^2 / 2) / H(sqrt(R) t), without overflow or cancellation
        return float(weight @ (2 / erfcx(math.sqrt(overlap / 2) * t)))

    if math.isinf(load):  # 1 - R becomes the square of pi / (load * pull)
        return 1 / pull(1.0), math.sqrt(2) / pull(1.0)

    def mismatch(log_odds: float) -> float:
        apart = 1 / (1 + math.exp(-log_odds))
        overlap = 1 / (1 + math.exp(log_odds))
        return math.log(load / math.pi * pull(overlap) * math.sqrt(apart) / overlap)

    log_odds = root(mismatch, -2 * math.log(0.5 + load), 0.5)
    apart = 1 / (1 + math.exp(-log_odds))
    return math.asin(math.sqrt(apart)) / math.pi, 2 * math.asin(math.sqrt(apart / 2)) / math.pi
