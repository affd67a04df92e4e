"""Warm-up: the learning rate in a log tells where it ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scalefit.wording import quoted

if TYPE_CHECKING:
    import pandas as pd

NEAR = 0.99
"""Share of its largest value at which a learning rate has come up."""
LATEST = 0.5
"""Share of all training beyond which a rise is no warm-up."""


def warm_up(frame: pd.DataFrame, x: str, y: str, by: list[str]) -> dict[str, Any]:
    """Return attributes that say until when a column of the learning rate was still rising.

    They are `warm_up_x`, the column of x; `warm_up_until`; and `warm_up`, in words. There are none
    unless y was measured before and after; unless the rate never falls before it is close to its
    largest value, takes at least two rows to get there, and does so in the first half of a run.
    """
    names = [name for name in frame.columns if is_rate(name)]
    if not names or frame[x].dtype.kind not in "iuf":
        return {}
    rate = names[0]
    if rate in (x, y) or frame[rate].dtype.kind not in "iuf":
        return {}
    groups: Any = [part for _, part in frame.groupby(by, sort=False)] if by else [frame]
    ends = []
    for part in groups:
        rated, measured = part[part[rate].notna()], part.loc[part[y].notna(), x]
        end = came_up(rated[x].to_numpy(dtype=float), rated[rate].to_numpy(dtype=float))
        if end is not None and (measured < end).any() and (measured >= end).any():
            ends.append(end)
    if not ends:
        return {}
    until = f"{max(ends):.10g}"
    runs = "" if len(ends) == len(groups) else f" in {len(ends)} of {len(groups)} runs"
    words = (
        f"{quoted(rate)} rises until {quoted(x)} is {until}{runs}: a warm-up; to leave it out, "
        f"--from {until} or x_range=({until}, inf)"
    )
    return {"warm_up_x": x, "warm_up_until": max(ends), "warm_up": words}


def came_up(x: NDArray[Any], rate: NDArray[Any]) -> float | None:
    """Return the x at which a rate that first rises is close to its largest value, else None."""
    known = np.isfinite(x) & np.isfinite(rate)
    order = np.argsort(x[known], kind="stable")
    x, rate = x[known][order], rate[known][order]
    if x.size < 4 or not rate.max() > 0:
        return None
    top = int(np.argmax(rate >= NEAR * rate.max()))
    rises = top >= 2 and (np.diff(rate[: top + 1]) >= 0).all() and rate[0] < rate[top]
    return float(x[top]) if rises and x[top] <= LATEST * x[-1] else None


def is_rate(name: str) -> bool:
    """Return whether a column holds a learning rate, by its name."""
    return bool(re.search(r"\b(lr|learning.?rate)\b", re.sub(r"[_/-]", " ", name.lower())))
