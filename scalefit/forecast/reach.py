"""Reach: whether a curve ever gets to a value of y, and at which x."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalefit.arguments import MOST_DECADES, horizon, root
from scalefit.arrays import Array, quantiles
from scalefit.errors import ConfigError
from scalefit.record import Record
from scalefit.wording import quoted

from .futures import law_at
from .predictions import check

if TYPE_CHECKING:
    import pandas as pd


PER_DECADE = 64
"""Points of the grid on which a target is looked for."""
NOTHING = -1e300
"""In place of the log of 0."""
FAR = 1000.0
"""Where the search for a target ends, as a multiple of the last x, unless told otherwise."""


def reach(
    record: Record,
    targets: Array,
    tails: tuple[float, float],
    within: float | None,
    hazard: float,
    seed: int,
) -> pd.DataFrame:
    """Return the table of `Fit.reach`."""
    import pandas as pd

    check("curve", hazard)
    horizon(within)
    root(seed)
    futures, _ = np.random.default_rng(seed).spawn(2)
    rows = []
    for run in record.runs:
        x, _ = record.curve(run)
        stop = float(FAR * x[-1] if within is None else within)
        if stop <= x[0]:
            raise ConfigError(f"within={stop:g} lies before the first x of '{run}', {x[0]:g}")
        if stop > x[0] * 10.0**MOST_DECADES:
            raise ConfigError(
                f"within={stop:g}: give at most 1e{MOST_DECADES:g} times the first x of "
                f"{quoted(run)}, {x[0]:g}"
            )
        params = record.parameters(run, "forecast")
        at = np.geomspace(x[0], stop, 2 + int(PER_DECADE * np.log10(stop / x[0])))
        log_y = law_at(record, run, params, at, hazard, futures)
        ends = record.law.log_curve(params, x[[0, -1]])
        falls = bool(np.median(ends[:, 1] - ends[:, 0]) <= 0.0)
        down = falls == (record.ceiling is None)
        failed = bool(np.isnan(log_y).any())
        for target in targets:
            left = float(record.gap(target))
            goal = np.log(left) if left > 0.0 else NOTHING  # at a ceiling and above
            found = crossing(np.log(at), log_y - goal, falls=falls)
            found = np.where(failed, np.nan, np.exp(found))
            shares = {"probability": np.isfinite(found), "reached": found <= x[-1]}
            rows.append(
                {
                    "run": run,
                    "target": float(target),
                    "direction": "" if failed else "down" if down else "up",
                    **{name: np.nan if failed else float(v.mean()) for name, v in shares.items()},
                    # Order statistics: between a finite x and never nothing can be interpolated.
                    **quantiles(found, tails, "inverted_cdf"),
                    "unit": record.tree.attrs["x_unit"],
                    "within": stop,
                }
            )
    return pd.DataFrame(rows)


def crossing(log_x: Array, above: Array, *, falls: bool) -> Array:
    """Return the first log x at which each curve is at its target or past it; inf where never.

    Parameters
    ----------
    log_x : shape (n,)
        A grid, ascending; between its points curves are straight lines.
    above : shape (draws, n)
        Log y minus the log of the target.
    falls
        Whether past the target means below it.
    """
    left = above if falls else -above
    past = left <= 0.0
    first = past.argmax(axis=1)
    each, before = np.arange(len(left)), np.maximum(first - 1, 0)
    drop = left[each, before] - left[each, first]
    share = np.where(drop > 0.0, left[each, before] / np.where(drop > 0.0, drop, 1.0), 0.0)
    found = log_x[before] + share * (log_x[first] - log_x[before])
    return np.where(past.any(axis=1), found, np.inf)
