"""Words for what was fitted: names of parameters, of models and of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scalefit.inference.problem import HALF
from scalefit.laws import SegmentedLaw
from scalefit.laws.segmented import PER_REGIME
from scalefit.record import Record

from .choice import Curves

ASSUMED = "a forecast assumes that the schedule goes on"
"""What is said where a learning rate falls, also beside every forecast."""
RIVAL = 0.05
"""Probability from which a number of regimes is named beside that of the headline."""


def labelled(row: Mapping[Any, Any]) -> str:
    """Return the parameter of a row, with its number where there is one per regime."""
    name = str(row["parameter"])
    if row.get("predictor"):
        return f"{name} {row['predictor']}"
    each = name.removeprefix("spread_") in (*PER_REGIME, "P_exponent")
    return f"{name} {row['regime']}" if each else name


def models_of(record: Record, run: str | None = None) -> str:
    """Return what was fitted, in words; with a run, the headline: `2 regimes (P .44; 1: .34)`.

    The number is the smallest that is at least half as probable as the best; where there is another
    such number they are called a tie.
    """
    if not isinstance(record.law, SegmentedLaw) or not record.weighed:
        return record.law.name
    models = record.group("models")
    counts = sorted(set(models["regimes"].values.tolist()))
    if run is not None and len(counts) > 1:
        counts = [record.regimes(run)]
    weighed = _weighed(record, run) if run is not None else ""
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    floors = set(models["floor"].values.tolist())
    ending = "with or without a floor" if len(floors) > 1 else record.law.name.partition(", ")[2]
    if run is not None and len(floors) > 1:
        ending = ""
    said = ", ".join(filter(None, (f"{number} regime{'s' * (counts != [1])}", ending)))
    return f"{said} ({weighed})" if weighed else said


def _weighed(record: Record, run: str) -> str:
    """Return the probability of the number of regimes of a headline, and of its rivals."""
    shares: Any = record.probabilities.loc[run].groupby(level="regimes").sum()
    chosen = record.regimes(run)
    if len(shares) < 2 or not np.isfinite(shares).all() or not shares.sum() > 0.0:
        return ""
    rivals = shares.drop(chosen).sort_values(ascending=False)
    named = [f"{n}: {_share(p)}" for n, p in rivals.items() if p >= RIVAL]
    tie = ["a tie"] if (rivals >= HALF * shares.max()).any() else []
    return "; ".join([f"P {_share(shares[chosen])}", *named, *tie])


def headline_shares(record: Record) -> dict[str, float]:
    """Return the probability of each run's number of regimes, of runs where several were weighed.

    Runs that have no posterior are left out.
    """
    if not record.averaged:
        return {}
    table: Any = record.probabilities
    counts = table.columns.get_level_values("regimes").to_numpy()
    found = {}
    for run, shares in zip(record.runs, table.to_numpy(dtype=float), strict=True):
        share = float(shares[counts == record.regimes(run)].sum())
        if np.isfinite(share):
            found[run] = share
    return found


def average_of(record: Record) -> str:
    """Return what predictions average over: `averaged over 8 models`; empty where it is one."""
    count = record.group("models").sizes["model"] if record.weighed else 1
    return f"averaged over {count} models" if count > 1 else ""


def chances(record: Record, run: str) -> str:
    """Return the probabilities of the models of a run in one line; empty where there are none.

    Numbers of regimes, then whether there is a floor, then what the noise is if it is not the first
    kind, each over all that was weighed against it.
    """
    if not record.weighed:
        return ""
    shares: Any = record.probabilities.loc[run]
    if not np.isfinite(shares).all():
        return ""
    parts: list[str] = []
    by_number: Any = shares.groupby(level="regimes").sum()
    if len(by_number) > 1:
        listed = ", ".join(f"{n} {_share(p)}" for n, p in by_number.items())
        parts.append(f"regimes: {listed}")
    floors = shares.index.get_level_values("floor")
    if floors.nunique() > 1:
        parts.append(f"floor {_share(shares[np.asarray(floors, dtype=bool)].sum())}")
    kinds = shares.index.get_level_values("noise")
    told = [f"{one} {_share(shares[kinds == one].sum())}" for one in kinds.unique()]
    if len(told) > 1:
        parts.append(f"noise: {', '.join(told[1:])}")
    head = "" if len(by_number) > 1 or not parts else "probabilities: "
    return head + "; ".join(parts)


def _share(probability: float) -> str:
    """Return a probability in two digits: `.02`, `1`."""
    text = f"{probability:.2f}"
    return "1" if text == "1.00" else text.removeprefix("0")


def labels(fits: Curves) -> dict[str, str]:
    """Return what each run is called where people look: a number with the name of its setting.

    A run is named by its values of `by`; of those that are numbers the setting is told, as in
    `lr=0.1`. The only curve of a fit has no name of its own, and a column `run` tells nothing.
    """
    known = fits.coordinates
    rows = zip(*(values.tolist() for values in known.values()), strict=True)
    found = {run: "" if run == "curve" else run for run in fits.runs}
    for run, values in zip(fits.runs, rows, strict=False):
        if run == ", ".join(map(str, values)):
            cells = zip(known, map(_short, values), strict=True)
            found[run] = ", ".join(
                f"{k}={v}" if k != "run" and _unnamed(v) else v for k, v in cells
            )
    if len(set(found.values())) < len(found):  # numbers that differ in their last digits
        return {run: run for run in fits.runs}
    return found


def _short(value: object) -> str:
    """Return a setting in words; of 0.009000000000000001 the last digit says nothing."""
    text = str(value)
    return f"{value:.12g}" if isinstance(value, float) and len(text) > 12 else text


def _unnamed(value: str) -> bool:
    """Return whether a value says nothing without the name of its setting."""
    try:
        float(value)
    except ValueError:
        return value in ("True", "False", "None", "")
    return True
