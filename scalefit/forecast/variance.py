"""Variance of a forecast, shared out over what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scalefit.arguments import root
from scalefit.arrays import Array
from scalefit.record import Record

from .futures import Params, law_at
from .noise import noise_at
from .predictions import Kind, check

if TYPE_CHECKING:
    import pandas as pd


SOURCES = ("regimes", "floor", "parameters", "further_crossovers", "noise")
"""In the order in which they are taken to become known."""
FUTURES = 32
"""Futures of each draw."""
BINS, FEWEST = 20, 25
"""Most bins of the floor, and the draws that one should hold."""
ONE_SD = 0.8413447460685429
"""Probability below one standard deviation of a normal."""


def variance_shares(
    record: Record, at: Array, kind: Kind, hazard: float, seed: int
) -> pd.DataFrame:
    """Return the table of `Fit.variance_shares`."""
    import pandas as pd

    check(kind, hazard)
    root(seed)
    futures, _ = np.random.default_rng(seed).spawn(2)
    rows = []
    for run in record.runs:
        params = record.parameters(run, "averaged")
        several = FUTURES if at.ndim == 1 else 1  # of several predictors there is one future
        drawn = np.stack([law_at(record, run, params, at, hazard, futures) for _ in range(several)])
        apart = drawn - drawn[0]  # exactly 0 where there is one future only
        expected, further = drawn[0] + apart.mean(axis=0), _variance(apart).mean(axis=0)
        noise = np.zeros(len(at))
        if kind == "observation":
            mean, sd = noise_at(record, run, params, at)
            expected = expected + mean
            noise = np.mean((_scale(params)[:, None] * sd) ** 2, axis=0)
        parts = [*explained(expected, params, further / FUTURES), further, noise]
        total = np.sum(parts, axis=0)
        with np.errstate(invalid="ignore"):
            shares = np.array(parts) / total
        for i, x in enumerate(np.atleast_2d(at.T).T):
            names = record.predictors if at.ndim > 1 else ["x"]
            place = dict(zip(names, map(float, x), strict=True))
            known = {"run": run, **place, "sd": float(np.sqrt(total[i]))}
            rows.append({**known, **dict(zip(SOURCES, map(float, shares[:, i]), strict=True))})
    return pd.DataFrame(rows)


def _variance(apart: Array) -> Array:
    """Return the variance between futures, shape (draws, n); 0 where there is one."""
    return apart.var(axis=0, ddof=1) if len(apart) > 1 else np.zeros(apart.shape[1:])


def explained(expected: Array, params: Params, error: Array) -> list[Array]:
    """Return what regimes, floor and the other parameters add to the variance of a mean, (n,) each.

    Parameters
    ----------
    expected : shape (draws, n)
        Mean of log y given each draw.
    params
        The draws.
    error : shape (n,)
        Variance of `expected` that comes from its own estimation, which is no part of it.

    Source
    ------
    Draws sorted into classes: Plischke, Borgonovo, Smith (2013), "Global sensitivity measures from
    given data", European Journal of Operational Research 226. Within classes the variance has the
    degrees of freedom that their means leave (the epsilon squared of Kelley, 1935).
    """
    regimes = _regimes(params, len(expected))
    left = [
        _within(expected, np.zeros(len(expected), dtype=int)),
        _within(expected, regimes),
        _within(expected, _floors(params, regimes)),
        error,
    ]
    return list(-np.diff(np.minimum.accumulate(left, axis=0), axis=0))


def _regimes(params: Params, draws: int) -> NDArray[np.intp]:
    """Return how many regimes each draw has; those that it lacks are NaN."""
    exponent = params.get("exponent")
    if exponent is None or exponent.ndim < 2:  # a law without regimes
        return np.ones(draws, dtype=np.intp)
    return np.asarray(np.isfinite(exponent).sum(axis=1))


def _floors(params: Params, regimes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return a class for each draw: its number of regimes, and the bin of its floor among these.

    Draws without a floor, whose floor is 0, are a bin of their own.
    """
    label = regimes * (BINS + 1)
    if "floor" not in params:
        return label
    for count in np.unique(regimes):
        members = regimes == count
        floor = params["floor"][members]
        bins = min(BINS, max(1, floor.size // FEWEST))
        edges = np.unique([0.0, *np.quantile(floor, np.arange(1, bins) / bins)])
        label[members] += np.searchsorted(edges, floor)
    return label


def _within(values: Array, label: NDArray[np.intp]) -> Array:
    """Return the variance of each column of (draws, n) around the mean of its class."""
    _, member = np.unique(label, return_inverse=True)
    count = np.bincount(member)
    means = np.stack([np.bincount(member, column) / count for column in values.T], axis=1)
    freedom = max(len(values) - count.size, 1)
    return np.asarray(np.sum((values - means[member]) ** 2, axis=0) / freedom)


def _scale(params: Params) -> Array:
    """Return one standard deviation of the noise in units of its scale, shape (draws,).

    Of Student's t half of the central 68%: its variance may be infinite.
    """
    freedom = params.get("degrees_of_freedom")
    if freedom is None:
        return np.ones(len(params["noise"]))
    finite = np.where(np.isfinite(freedom), freedom, 1e9)
    return np.asarray(special.stdtrit(finite, ONE_SD), dtype=float)
