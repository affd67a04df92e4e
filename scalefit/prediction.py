"""What draws of a law say about y elsewhere: further crossovers and correlated noise included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .laws import BrokenPowerLaw, Law
from .laws.noise import Noise

Array = NDArray[np.float64]

CHANGE = 0.3
"""Standard deviation of a further change of exponent where a fit has no steepness."""
TINY = 1e-12
"""Least share of a variance, so that what is known exactly can be divided by."""


def local_exponent(
    law: BrokenPowerLaw, params: Mapping[str, Array], x: Array, *, floor: bool
) -> Array:
    """Return minus d log y / d log x, shape (draws, n), of draws with any number of regimes."""
    params = law.filled(params)
    shaped = BrokenPowerLaw(params["exponent"].shape[-1], floor="floor" in params)
    with np.errstate(divide="ignore", invalid="ignore"):  # floors of 0; runs that failed
        return shaped.local_exponent(params, x, floor=floor)


def log_curve(
    law: Law,
    params: Mapping[str, Array],
    x: Array,
    *,
    last: float,
    hazard: float,
    rng: np.random.Generator,
) -> Array:
    """Return log y of the law itself, shape (draws, n), one future for each draw.

    Beyond the last x further crossovers come at a rate of `hazard` per decade (a Poisson process in
    log x); each changes the exponent by Normal(0, steepness), steepness being the scale that the
    draw's exponents share. The floor stays.

    Parameters
    ----------
    params
        Draws by name, shape (draws,) or (draws, size); of broken power laws NaN where missing.
    x : shape (n,)
        Where, in the unit of x.
    last
        Last x of the data.
    hazard
        Per decade; laws other than the broken power law have no crossovers, and ignore it.
    """
    if not isinstance(law, BrokenPowerLaw):
        return np.asarray(law.log_mean(params, x))
    params = law.filled(params)
    bare = BrokenPowerLaw(params["exponent"].shape[-1], floor=False)
    power = np.asarray(bare.log_mean(params, x))
    beyond = np.log(x / last)
    if hazard > 0.0 and (beyond > 0.0).any():
        power = power - further(params, np.maximum(beyond, 0.0), hazard, rng)
    if "floor" not in params:
        return power
    with np.errstate(divide="ignore", invalid="ignore"):  # floors of 0; runs that failed
        return np.asarray(np.logaddexp(power, np.log(params["floor"])[:, None]))


def further(
    params: Mapping[str, Array], beyond: Array, hazard: float, rng: np.random.Generator
) -> Array:
    """Return what further crossovers take from log y, shape (draws, n), at log distances >= 0."""
    draws = len(params["noise"])
    reach = float(beyond.max())
    counts = rng.poisson(hazard * reach / np.log(10.0), size=draws)
    change = params.get("steepness", np.full(draws, CHANGE))
    taken = np.zeros((draws, beyond.size))
    for k in range(int(counts.max(initial=0))):
        place = rng.uniform(0.0, reach, size=draws)
        step = np.where(k < counts, change * rng.standard_normal(draws), 0.0)
        taken += step[:, None] * np.maximum(beyond - place[:, None], 0.0)
    return taken


def deviates(
    params: Mapping[str, Array], shape: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Return standardised noise, shape (draws, n): normal, or Student's t where the fit has it."""
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

    Independent noise has mean 0. Correlated noise remembers: at a point measured without error it
    is the residual, far from all points it is as free as without any.

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
