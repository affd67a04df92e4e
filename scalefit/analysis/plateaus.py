"""Plateaus: stretches over which a curve hardly falls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalefit.arguments import real
from scalefit.arrays import Array, quantiles
from scalefit.errors import ConfigError
from scalefit.laws import SegmentedLaw
from scalefit.record import Record

if TYPE_CHECKING:
    import pandas as pd

Index = NDArray[np.intp]

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


def plateaus(record: Record, threshold: float, tails: tuple[float, float]) -> pd.DataFrame:
    """Return the table of `Fit.plateaus`."""
    import pandas as pd

    advice = "give the least |exponent| that is not flat, > 0"
    if not 0.0 < real(threshold, "threshold", advice) < np.inf:
        raise ConfigError(f"threshold={threshold}: {advice}")
    segmented = record.law.require(SegmentedLaw, "regimes, so no plateaus")
    rows: list[dict[str, object]] = []
    for run in record.runs:
        x = record.curve(run)[0]
        law, params = segmented.of_draws(record.parameters(run, "averaged"))
        if not np.isfinite(params["noise"]).all():
            rows.append({"run": run})
            continue
        begin, stop = law.plateaus(params, np.log(x[0]), np.log(x[-1]), threshold)
        found = _gathered(begin, stop, np.linspace(np.log(x[0]), np.log(x[-1]), NODES))
        for number, where in enumerate(found):
            start, end = begin[where], stop[where]
            drawn = {name: value[where[0]] for name, value in params.items()}
            length = end + np.log(-np.expm1(start - end))
            middle = np.exp(0.5 * (start + end))[:, None]
            with np.errstate(divide="ignore"):  # floors of 0
                height = law.log_mean(drawn, middle)[:, 0]
            levels = dict(zip(VALUES, (start, end, length, height), strict=True))
            row: dict[str, object] = {
                "run": run,
                "plateau": number,
                "probability": start.size / len(begin),
            }
            for name, values in levels.items():
                columns = (name, f"{name}_low", f"{name}_high")
                ends = np.exp(list(quantiles(values, tails).values()))
                if name == "height" and record.ceiling is not None:
                    ends = record.shown(ends)[[0, 2, 1]]
                row |= dict(zip(columns, ends, strict=True))
            rows.append(row)
        if not found:
            some = float((stop > begin).any(axis=1).mean())
            rows.append({"run": run, "probability": some})
    return pd.DataFrame(rows, columns=COLUMNS).astype({"plateau": "Int64"})


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
