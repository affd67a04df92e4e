"""Savings: by which factor of x one run reaches a loss before another."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arguments import horizon
from scalefit.arrays import Array, quantiles
from scalefit.errors import ConfigError
from scalefit.record import Record
from scalefit.wording import quoted, suggest

from .predictions import check
from .reach import look_ahead

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Side:
    """A run, or runs with one value of a setting, and the x at which they reach the target.

    Attributes
    ----------
    name
        What the table calls it.
    runs
        It is made of.
    reached : shape (draws,)
        Of a group, each draw is that of one of its runs; inf where never, NaN where failed.
    pool
        Sides of one pool share their draws, one by one; "" for none.
    """

    name: str
    runs: tuple[str, ...]
    reached: Array
    pool: str = ""


def savings(
    record: Record,
    targets: Array,
    baseline: str | None,
    between: str | None,
    tails: tuple[float, float],
    within: float | None,
    hazard: float,
    seed: int,
) -> pd.DataFrame:
    """Return the table of `Fit.savings`."""
    import pandas as pd

    check("curve", hazard)
    horizon(within)
    groups = _groups(record, between)
    if len(groups) < 2:
        what = "one run" if between is None else f"one value of {between}"
        raise ConfigError(f"savings compare runs with one another; this fit has {what}")
    first = _baseline(groups, baseline, between)
    futures, pairing = np.random.default_rng(seed).spawn(2)
    ahead = {run: look_ahead(record, run, within, hazard, futures) for run in record.runs}
    falls = bool(np.mean([ahead[run].falls for run in groups[first]]) >= 0.5)
    rows = []
    for target in targets:
        reached = {run: one.reaches(target, falls=falls) for run, one in ahead.items()}
        sides = _sides(record, groups, reached, pairing)
        rows += [
            {
                "run": side.name,
                "baseline": first,
                "target": float(target),
                **_ratio(side, sides[first], tails, pairing),
            }
            for name, side in sides.items()
            if name != first
        ]
    table = pd.DataFrame(rows)
    table.attrs = {
        "interval": round(tails[1] - tails[0], 12),
        "unreliable": [run for run, verdict in record.verdict.items() if verdict != "ok"],
    }
    return table


def _groups(record: Record, between: str | None) -> dict[str, tuple[str, ...]]:
    """Return the runs of each side."""
    if between is None:
        return {run: (run,) for run in record.runs}
    known = record.coordinates
    if between not in known:
        raise ConfigError(
            f"between={quoted(between)} is no run coordinate of this fit, which keeps those named "
            f"in by=; {suggest(between, known)}"
        )
    found: dict[str, tuple[str, ...]] = {}
    for run, value in zip(record.runs, known[between].tolist(), strict=True):
        found[str(value)] = (*found.get(str(value), ()), run)
    return found


def _baseline(
    groups: Mapping[str, tuple[str, ...]], baseline: str | None, between: str | None
) -> str:
    if baseline is None:
        return next(iter(groups))
    if str(baseline) not in groups:
        what = f"value of {between}" if between else "run"
        raise ConfigError(
            f"baseline={quoted(baseline)}: no {what} is named so; {suggest(baseline, groups)}"
        )
    return str(baseline)


def _sides(
    record: Record,
    groups: Mapping[str, tuple[str, ...]],
    reached: Mapping[str, Array],
    rng: np.random.Generator,
) -> dict[str, Side]:
    pools = json.loads(record.tree.attrs.get("pools", "[]")) or [""] * len(record.runs)
    of_run = dict(zip(record.runs, pools, strict=True))
    sides = {}
    for name, runs in groups.items():
        drawn = np.stack([reached[run] for run in runs])
        which = rng.integers(len(runs), size=drawn.shape[1]) if len(runs) > 1 else 0
        mixed = drawn[which, np.arange(drawn.shape[1])]
        together = {of_run[run] for run in runs}
        sides[name] = Side(name, runs, mixed, together.pop() if len(together) == 1 else "")
    return sides


def _ratio(
    run: Side, baseline: Side, tails: tuple[float, float], rng: np.random.Generator
) -> dict[str, Any]:
    """Return quantiles of x of the baseline over x of the run, and who gets there."""
    one, other = run.reached, baseline.reached
    if np.isnan(one).any() or np.isnan(other).any():
        names = ("median", "low", "high", "first", "behind", "both", "neither")
        return dict.fromkeys(names, np.nan)
    if not (run.pool and run.pool == baseline.pool):
        one = rng.permutation(one)
    there, also = np.isfinite(one), np.isfinite(other)
    either = there | also
    with np.errstate(invalid="ignore"):
        ratio = other / one
    # Order statistics: between a finite ratio and an infinite one nothing can be interpolated.
    ends: Any = dict.fromkeys(("median", "low", "high"), math.nan)
    if either.any():
        ends = quantiles(ratio[either], tails, "inverted_cdf")
    return {
        **ends,
        "first": float(np.mean(one < other)),
        "behind": float(np.mean(other < one)),
        "both": float(np.mean(there & also)),
        "neither": float(np.mean(~either)),
    }
