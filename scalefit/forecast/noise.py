"""Noise of a run at new points: correlated noise remembers the residuals nearest to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from scalefit.arrays import Array
from scalefit.curves.error_rates import binomial
from scalefit.laws.noise import Noise
from scalefit.record import Record

Params = dict[str, Array]

TINY = 1e-12
"""Least share of a variance, so that what is known exactly can be divided by."""


def noise_at(record: Record, run: str, params: Params, at: Array) -> tuple[Array, Array]:
    """Return mean and scale, shape (draws, n), of the noise of a run at new points.

    Where the points of the run are means over bins, new points are taken to be single ones, which
    scatter as those did. Of several predictors a new point belongs to a run of its own. What a test
    set adds is that of the law without further crossovers.
    """
    x, y = record.law_curve(run)
    if np.isnan(params["noise"]).any():  # the fit failed
        unknown = np.full((len(params["noise"]), len(at)), np.nan)
        return unknown, unknown
    if at.ndim > 1:
        size = np.hypot(params["noise"], params.get("run_noise", 0.0))[:, None]
        spread = np.hypot(size, _tested(record, params, at))
        return np.zeros_like(spread), spread
    noise = record.noise
    residual = np.zeros((len(params["noise"]), x.size))
    if "autocorrelation" in params:
        residual = np.log(y) - record.law.log_curve(params, x)
    mean, sd = conditional(noise, params, x, at, residual, record.errors(run) ** 2)
    if "noise_slope" in params:
        sd = sd * np.exp(params["noise_slope"][:, None] * noise.along(x, at))
    single = record.scatter(run)
    if not single.any():
        return mean, np.hypot(sd, _tested(record, params, at))
    return mean, np.hypot(sd, np.interp(np.log(at), np.log(x), single))


def _tested(record: Record, params: Params, at: Array) -> Array:
    """Return what a test set adds to log y of new points, shape (draws, n); 0 without one."""
    if record.test_size is None:
        return np.zeros((len(params["noise"]), len(at)))
    top = 1.0 if record.ceiling is None else record.ceiling
    return binomial(np.exp(record.law.log_curve(params, at)) / top, record.test_size)


def deviates(
    params: Mapping[str, Array], shape: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Return standardised noise, shape (draws, n): normal, or with the tails that the fit has."""
    if "outlier_share" in params:
        far = rng.random(shape) < params["outlier_share"][:, None]
        return rng.standard_normal(shape) * np.where(far, params["outlier_scale"][:, None], 1.0)
    if "degrees_of_freedom" in params:
        freedom = params["degrees_of_freedom"][:, None]
        return np.asarray(rng.standard_t(np.broadcast_to(freedom, shape)))
    return rng.standard_normal(shape)


def conditional(
    noise: Noise,
    params: Mapping[str, Array],
    x: Array,
    at: Array,
    residual: Array,
    known: Array,
) -> tuple[Array, Array]:
    """Return mean and standard deviation of the noise at new points, given the residuals.

    Independent noise has mean 0. Correlated noise remembers: at a point that was measured without
    error its mean is the residual there, and far from all points it is that of no data.

    Parameters
    ----------
    params
        `noise` and `autocorrelation`, shape (draws,).
    x, at : shapes (n,), (m,)
        Where y was measured, ascending, and where it is wanted.
    residual : shape (draws, n)
        Log y minus the law.
    known : shape (n,)
        Known variance of log y, which is no part of the noise.

    Returns
    -------
    Two arrays of shape (draws, m)

    Source
    ------
    Two filters, one from each side, and their product (Fraser and Potter, 1969).
    """
    sd = np.repeat(params["noise"][:, None], at.size, axis=1)
    rho = params.get("autocorrelation")
    if rho is None or not rho.any():
        return np.zeros_like(sd), sd
    place, wanted = noise.places(x, at)
    left, left_free = _filtered(params["noise"], rho, place, wanted, residual, known, "right")
    right, right_free = _filtered(
        params["noise"], rho, -place[::-1], -wanted, residual[:, ::-1], known[::-1], "left"
    )
    variance = sd**2
    precision = 1.0 / left_free + 1.0 / right_free - 1.0 / variance
    mean = (left / left_free + right / right_free) / precision
    return mean, np.sqrt(np.clip(1.0 / precision, 0.0, variance))


def _filtered(
    noise: Array,
    rho: Array,
    place: Array,
    wanted: Array,
    residual: Array,
    known: Array,
    side: Literal["left", "right"],
) -> tuple[Array, Array]:
    """Return mean and variance, shape (draws, m), of correlated noise given what lies before it.

    `side` says whether a measured point counts as before itself: `"right"` if so.
    """
    variance = np.maximum(noise**2, TINY)
    steps = np.searchsorted(place, wanted, side=side)
    mean = np.zeros((noise.size, wanted.size))
    free = np.repeat(variance[:, None], wanted.size, axis=1)
    state, left = np.zeros(noise.size), variance
    for i in range(int(steps.max(initial=0))):
        carry = _carry(rho, place[i] - place[i - 1]) if i else np.zeros(noise.size)
        state, left = carry * state, carry**2 * left + (1.0 - carry**2) * variance
        gain = left / (left + known[i])
        state, left = state + gain * (residual[:, i] - state), left * (1.0 - gain)
        for j in np.flatnonzero(steps == i + 1):
            carry = _carry(rho, wanted[j] - place[i])
            mean[:, j] = carry * state
            free[:, j] = carry**2 * left + (1.0 - carry**2) * variance
    return mean, np.maximum(free, TINY * variance[:, None])


def _carry(rho: Array, gap: float) -> Array:
    """Return the correlation over a gap; independent noise has none, not even with itself."""
    return np.where(rho > 0.0, np.maximum(rho, 1e-300) ** gap, 0.0)
