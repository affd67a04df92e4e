"""Refusals of values that have no logarithm, each with what leads to a right answer.

No advice selects rows by their y: what is left of a noisy curve without its lowest points has
another exponent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array

from .grain import grain

if TYPE_CHECKING:
    from .points import Points

Mask = NDArray[np.bool_]


def check_y(points: Points, used: Mask, curves: Sequence[Sequence[int]]) -> None:
    """Refuse values of y that no law can be fitted to, unless they are zeros among rounded values.

    These are looked for in each run, and where runs have one point in each of the `curves`, which
    are the places of their runs.

    Raises
    ------
    InvalidData
        Naming the first of them and what to do.
    """
    infinite = used & np.isinf(points.y)
    if infinite.any():
        points.refuse(infinite, "y", "is infinite", _diverged(points, infinite, used))
    bad = used & (points.y <= 0.0)
    if not bad.any():
        return
    for runs in curves if points.single else [[run] for run in range(len(bad))]:
        there = used[runs] & np.isfinite(points.y[runs])
        if bad[runs].any() and _rounded(points.x[runs][there], points.y[runs][there]):
            bad[runs] = False
    if not bad.any():
        return
    if points.ceiling is not None:
        fault = f"reaches the ceiling of {points.ceiling:g}"
        points.refuse(bad, "y", fault, _higher(points, used))
    points.refuse(bad, "y", "is not positive", _positive(points, used, bad))


def _rounded(x: Array, y: Array) -> bool:
    order = np.argsort(x, kind="stable")
    return grain(x[order], y[order]) > 0.0


def _diverged(points: Points, infinite: Mask, used: Mask) -> str:
    run, place = np.argwhere(infinite)[0]
    at = points.x[run, place]
    good = points.x[run][used[run] & np.isfinite(points.y[run])]
    before, after = good[good < at], good[good > at]
    cuts = [f"--to {before.max():.10g} keeps what comes before"] if before.size else []
    cuts += [f"--from {after.min():.10g} what comes after"] if after.size else []
    said = ", ".join(cuts) or "no other point is left"
    return f"If the run diverged there, cut it in x: {said} (x_range in Python)."


def _higher(points: Points, used: Mask) -> str:
    assert points.ceiling is not None
    largest = points.ceiling - float(np.nanmin(points.y[used]))
    enough = next((one for one in (1.0, 100.0) if one > largest), None)
    if enough is None:
        return f"The largest is {largest:g}: give the bound of y, which is larger."
    return f"The largest is {largest:g}: a ceiling of {enough:g} would do, if that bounds y."


def _positive(points: Points, used: Mask, bad: Mask) -> str:
    """Return how to get a y that has a logarithm."""
    own = points.term("y")
    y = points.y[used & np.isfinite(points.y)]
    head = "A power law is fitted to log y. "
    run = int(np.argmax(bad.any(axis=1)))
    there = used[run] & np.isfinite(points.y[run])
    order = np.argsort(points.x[run, there], kind="stable")
    along = points.y[run, there][order]
    third = max(1, along.size // 3)
    rises = bool(np.median(along[-third:]) > np.median(along[:third]))
    if (y <= 0.0).all() and rises:
        return f'{head}All are negative or 0: fit their negative, --y "-{own}".'
    shift = f'--y "{own} + {_constant(y):g}"'
    if (y >= 0.0).all():
        return (
            f"{head}A 0 beside {np.median(y):.3g} is no rounded value: where it stands for none, "
            f"cut x with x_range (--to, --from); where a constant was subtracted, add it: {shift}."
        )
    if rises:
        return (
            f"{head}y rises through 0: if it is bounded, --ceiling VALUE, the bound, fits what it "
            "lacks; never leave out rows by their y, which biases the exponent."
        )
    return (
        f"{head}y falls below 0, as after a constant was subtracted: add it, or one as large as "
        f"the range of y, {shift}, which the floor takes up; rows left out by their y would bias "
        "the exponent."
    )


def _constant(y: Array) -> float:
    """Return a round number that lifts y above 0 by half of its range or more."""
    wanted = -float(y.min()) + 0.5 * float(y.max() - y.min()) or 1.0
    unit = 10.0 ** np.floor(np.log10(wanted))
    return float(next(one for one in (1.0, 2.0, 5.0, 10.0) if one * unit >= wanted) * unit)
