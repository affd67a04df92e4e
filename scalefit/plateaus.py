"""Plateaus: stretches over which a curve hardly falls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .errors import ConfigError
from .laws import BrokenPowerLaw
from .laws.broken import DECADES

if TYPE_CHECKING:
    import pandas as pd

    from .result import Fit

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Params = dict[str, Array]

NODES = 200
LEAST = 0.05
"""Probability below which a plateau is not listed."""
VALUES = ("start", "end", "length", "height")
COLUMNS = [
    "run",
    "plateau",
    "probability",
    *(f"{name}{end}" for name in VALUES for end in ("", "_low", "_high")),
]


def plateaus(fit: Fit, threshold: float, tails: tuple[float, float]) -> pd.DataFrame:
    """Return the table of `Fit.plateaus`."""
    import pandas as pd

    if not 0.0 < threshold < np.inf:
        raise ConfigError(f"threshold={threshold}: give the least |exponent| that is not flat, > 0")
    if not isinstance(fit.law, BrokenPowerLaw):
        raise ConfigError(f"the law '{fit.law.name}' has no regimes, so no plateaus")
    rows: list[dict[str, object]] = []
    for run in fit.runs:
        x = fit.curve(run)[0]
        params = fit.law.filled(fit.parameters(run, "averaged"))
        if not np.isfinite(params["noise"]).all():
            rows.append({"run": run})
            continue
        begin, stop = flat(params, np.log(x[0]), np.log(x[-1]), threshold)
        found = _gathered(begin, stop, np.linspace(np.log(x[0]), np.log(x[-1]), NODES))
        for number, where in enumerate(found):
            start, end = begin[where], stop[where]
            drawn = {name: value[where[0]] for name, value in params.items()}
            length = end + np.log(-np.expm1(start - end))
            height = _height(drawn, 0.5 * (start + end))
            levels = dict(zip(VALUES, (start, end, length, height), strict=True))
            row: dict[str, object] = {
                "run": run,
                "plateau": number,
                "probability": start.size / len(begin),
            }
            for name, values in levels.items():
                low, middle, high = np.exp(np.quantile(values, [tails[0], 0.5, tails[1]]))
                row |= {name: middle, f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
        if not found:
            some = float((stop > begin).any(axis=1).mean())
            rows.append({"run": run, "probability": some})
    return pd.DataFrame(rows, columns=COLUMNS).astype({"plateau": "Int64"})


def flat(params: Params, first: float, last: float, threshold: float) -> tuple[Array, Array]:
    """Return where plateaus begin and stop in log x, shape (draws, regimes); equal where none is.

    Flat regimes in a row are one plateau, which stands at the first of them. A draw whose regimes
    are all flat has none.
    """
    exponent = params["exponent"]
    draws, regimes = exponent.shape
    edges = np.empty((draws, regimes + 1))
    edges[:, 0], edges[:, -1] = first, last
    if regimes > 1:  # missing regimes repeat the last one, from the end of the data on
        given = np.log(params["crossover"])
        missing = np.diff(exponent, axis=1) == 0.0
        edges[:, 1:-1] = np.clip(np.where(missing, last, given), first, last)
    begin, stop = edges[:, :-1].copy(), edges[:, 1:].copy()
    level = np.abs(exponent) < threshold
    level &= (np.abs(_local(params, 0.5 * (begin + stop))) < threshold) | (stop <= begin)
    level &= ~level.all(axis=1, keepdims=True)
    stop = np.where(level, stop, begin)
    for j in range(regimes - 1, 0, -1):
        joined = level[:, j] & level[:, j - 1]
        stop[:, j - 1] = np.where(joined, stop[:, j], stop[:, j - 1])
        stop[:, j] = np.where(joined, begin[:, j], stop[:, j])
    return begin, stop


def _local(params: Params, u: Array) -> Array:
    """Return the local exponent, floor removed, at places in log x, both of shape (draws, n)."""
    exponent = params["exponent"]
    local = np.repeat(exponent[:, :1], u.shape[1], axis=1)
    for i in range(exponent.shape[1] - 1):
        scale = params["width"][:, i, None] / DECADES
        past = (u - np.log(params["crossover"][:, i, None])) / scale
        local += np.diff(exponent)[:, i, None] * special.expit(past)
    return local


def _gathered(begin: Array, stop: Array, grid: Array) -> list[tuple[Index, Index]]:
    """Return the plateaus of different draws that lie over one another, as indices, in order of x.

    The place that most draws have on a plateau comes first, with all plateaus that lie mostly
    within the usual ends of those; then the next, without them.
    """
    left = stop > begin
    found: list[tuple[float, tuple[Index, Index]]] = []
    while True:
        over = left & (begin <= grid[:, None, None]) & (grid[:, None, None] <= stop)
        covered = over.any(axis=2).mean(axis=1)
        if covered.max() < LEAST:
            return [where for _, where in sorted(found, key=lambda one: one[0])]
        peak = int(np.median(np.flatnonzero(covered == covered.max())))
        low, high = np.median(begin[over[peak]]), np.median(stop[over[peak]])
        inside = np.minimum(stop, high) - np.maximum(begin, low)
        same = left & (over[peak] | (inside > 0.5 * (stop - begin)))
        longest = np.argmax(np.where(same, stop - begin, 0.0), axis=1)
        draws = np.flatnonzero(same.any(axis=1))
        found.append((float(grid[peak]), (draws, longest[draws])))
        left = left & ~same


def _height(params: Params, at: Array) -> Array:
    """Return log y of the law at one log x per draw."""
    bare = BrokenPowerLaw(params["exponent"].shape[1], floor=False)
    log_y = bare.log_mean(params, np.exp(at)[:, None])[:, 0]
    if "floor" not in params:
        return np.asarray(log_y)
    with np.errstate(divide="ignore"):  # floors of 0
        return np.asarray(np.logaddexp(log_y, np.log(params["floor"])))
