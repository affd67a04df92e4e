"""Futures: the law beyond the data, where further crossovers may come."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scalefit.arrays import Array
from scalefit.laws import Law
from scalefit.record import Record

Params = dict[str, Array]

CHANGE = 0.3
"""Standard deviation of a further change of exponent where a fit has no steepness."""


def law_at(
    record: Record, run: str, params: Params, at: Array, hazard: float, rng: np.random.Generator
) -> Array:
    """Return log y of the law of a run, shape (draws, n), one future for each draw.

    A law of several predictors goes on as it is.
    """
    if at.ndim > 1:
        return record.law.log_curve(params, at)
    last = float(record.curve(run)[0][-1])
    return log_curve(record.law, params, at, last=last, hazard=hazard, rng=rng)


def log_curve(
    law: Law,
    params: Mapping[str, Array],
    x: Array,
    *,
    last: float,
    hazard: float,
    rng: np.random.Generator,
) -> Array:
    """Return log y without noise, shape (draws, n), one future for each draw of a fit.

    Beyond the last x of the data further crossovers come at a rate of `hazard` per decade (a
    Poisson process in log x); each changes the exponent by Normal(0, steepness), steepness being
    the scale that the draw's exponents share. The floor stays.

    Parameters
    ----------
    law
        That was fitted; one without regimes goes on as it is.
    params
        Draws by name, shape (draws,) or (draws, size).
    x : shape (n,)
        Where, in the unit of x.
    last
        Last x of the data.
    hazard
        Further crossovers per decade.
    rng
        Source of the futures.
    """
    beyond = np.log(x / last)
    if hazard > 0.0 and (beyond > 0.0).any():
        return law.log_curve(params, x, further(params, np.maximum(beyond, 0.0), hazard, rng))
    return law.log_curve(params, x)


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
