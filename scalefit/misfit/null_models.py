"""Nothing to fit: noise around a constant, or a random walk, against the evidence of all laws."""

from __future__ import annotations

import math

import numpy as np

from scalefit.arrays import Array
from scalefit.curves.curve import Curve
from scalefit.laws.noise import NOISES

from .finding import Finding

LEVEL = 2.0
"""Standard deviation of the constant, and of where a walk begins, around the median log y."""
SIZES = np.linspace(-4.0, 4.0, 41)
"""Of noise or steps, in prior standard deviations of their log."""
CARRIES = np.concatenate([[0.0], 1.0 - np.geomspace(1.0 - 0.05, 1e-3, 23)])
"""Correlations of neighbours."""
WORSE, NOTED = -5.0, -2.0
"""Nats of the laws over nothing, below which a fit is doubtful, and below which that is noted."""


def nothing(curve: Curve, log_evidence: float) -> Finding | None:
    """Return whether nothing but noise, or a random walk, describes a curve better than any law."""
    better = log_evidence - null(curve)
    if not better < NOTED:
        return None
    return Finding(
        "nothing there",
        better < WORSE,
        "noise around a constant, or a random walk, describes these points better than any law"
        if better < WORSE
        else "noise around a constant, or a random walk, describes these points as well as a law",
        "more points, or a wider range of x",
    )


def null(curve: Curve) -> float:
    """Return the larger log evidence, in log y, of correlated noise around a constant and a walk.

    The constant, and the place where a walk begins, are normal around the median. The size of noise
    or steps is log-normal around that of the data, the correlation of neighbours one of `CARRIES`.
    """
    v = np.log(curve.y) - np.median(np.log(curve.y))
    error = np.zeros(v.size) if curve.error is None else curve.error**2
    weight = np.exp(-0.5 * SIZES**2)
    log_prior = np.log(weight / weight.sum())
    gap = NOISES["ar1"].gaps(curve.x)
    carries = CARRIES if curve.distinct == v.size else CARRIES[:1]
    size = np.exp(2.0 * (SIZES + math.log(max(float(v.std()), 1e-9))))
    carry, variance = (one.reshape(-1) for one in np.meshgrid(carries, size, indexing="ij"))
    around = _log_density(v, error, carry, variance, gap)
    prior = np.tile(log_prior, carries.size) - math.log(carries.size)
    found = float(np.logaddexp.reduce(around + prior))
    if curve.distinct == v.size:
        step = np.exp(2.0 * (SIZES + math.log(max(float(np.diff(v).std()), 1e-9))))
        found = max(found, float(np.logaddexp.reduce(_walk(v, error, step) + log_prior)))
    return found


def _log_density(v: Array, error: Array, carry: Array, variance: Array, gap: Array) -> Array:
    """Return the log density of v around a normal constant, shape (m,), by a Kalman filter.

    The filter runs on v and on a constant 1, which lets the constant be integrated out.
    """
    state, unit, ahead = np.zeros(carry.size), np.zeros(carry.size), variance
    total = np.zeros(carry.size)
    one, both = np.full(carry.size, 1.0 / LEVEL**2), np.zeros(carry.size)
    for i in range(v.size):
        if i:
            kept = carry ** gap[i]
            state, unit = kept * state, kept * unit
            ahead = kept**2 * ahead + variance * (1.0 - kept**2)
        s = ahead + error[i] + 1e-12
        a, b = v[i] - state, 1.0 - unit
        total += -0.5 * (np.log(2.0 * np.pi * s) + a**2 / s)
        one += b**2 / s
        both += a * b / s
        gain = ahead / s
        state, unit, ahead = state + gain * a, unit + gain * b, ahead * (1.0 - gain)
    return np.asarray(total + 0.5 * both**2 / one - 0.5 * np.log(one * LEVEL**2))


def _walk(v: Array, error: Array, variance: Array) -> Array:
    """Return the log density of v as a random walk, shape (m,), by a Kalman filter."""
    state, ahead = np.zeros(variance.size), np.full(variance.size, LEVEL**2)
    total = np.zeros(variance.size)
    for i in range(v.size):
        if i:
            ahead = ahead + variance
        s = ahead + error[i] + 1e-12
        a = v[i] - state
        total += -0.5 * (np.log(2.0 * np.pi * s) + a**2 / s)
        gain = ahead / s
        state, ahead = state + gain * a, ahead * (1.0 - gain)
    return total
