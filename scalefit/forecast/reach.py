"""Reach: whether a curve ever gets to a value of y, and at which x."""

from __future__ import annotations

from dataclasses import dataclass
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
        ahead = look_ahead(record, run, within, hazard, futures)
        last, failed = record.curve(run)[0][-1], ahead.failed
        for target in targets:
            found = ahead.reaches(target, falls=ahead.falls)
            shares = {"probability": np.isfinite(found), "reached": found <= last}
            rows.append(
                {
                    "run": run,
                    "target": float(target),
                    "direction": "" if failed else "down" if ahead.down else "up",
                    **{name: np.nan if failed else float(v.mean()) for name, v in shares.items()},
                    # Order statistics: between a finite x and never nothing can be interpolated.
                    **quantiles(found, tails, "inverted_cdf"),
                    "unit": record.tree.attrs["x_unit"],
                    "within": float(ahead.x[-1]),
                }
            )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Ahead:
    """Draws of a curve from its first x to where one stops looking.

    Attributes
    ----------
    x : shape (n,)
        A grid, ascending.
    log_y : shape (draws, n)
        Of the law itself, with its futures.
    falls
        Whether the law has fallen from its first to its last x.
    ceiling
        What y stays below, where the law is of what y lacks of it; None where it is of y.
    """

    x: Array
    log_y: Array
    falls: bool
    ceiling: float | None = None

    @property
    def down(self) -> bool:
        """Whether y has fallen from its first to its last x."""
        return self.falls == (self.ceiling is None)

    @property
    def failed(self) -> bool:
        """Whether there is no posterior."""
        return bool(np.isnan(self.log_y).any())

    def reaches(self, target: float, *, falls: bool) -> Array:
        """Return the first x at the target or past it, of each draw; inf where never."""
        if self.failed:
            return np.full(len(self.log_y), np.nan)
        left = target if self.ceiling is None else self.ceiling - target
        goal = np.log(left) if left > 0.0 else NOTHING  # at a ceiling and above
        return np.exp(crossing(np.log(self.x), self.log_y - goal, falls=falls))


def look_ahead(
    record: Record, run: str, within: float | None, hazard: float, rng: np.random.Generator
) -> Ahead:
    """Return the draws of one run, as far as `within`, or a thousand times its last x."""
    x, _ = record.curve(run)
    stop = float(FAR * x[-1] if within is None else within)
    if stop <= x[0]:
        raise ConfigError(f"within={stop:g} lies before the first x of '{run}', {x[0]:g}")
    if stop > x[0] * 10.0**MOST_DECADES:
        raise ConfigError(
            f"within={stop:g}: give at most 1e{MOST_DECADES:g} times the first x of "
            f"{quoted(run)}, {x[0]:g}"
        )
    params = record.parameters(run, "averaged")
    at = np.geomspace(x[0], stop, 2 + int(PER_DECADE * np.log10(stop / x[0])))
    log_y = law_at(record, run, params, at, hazard, rng)
    ends = record.law.log_curve(params, x[[0, -1]])
    falls = bool(np.median(ends[:, 1] - ends[:, 0]) <= 0.0)
    return Ahead(at, log_y, falls, record.ceiling)


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
