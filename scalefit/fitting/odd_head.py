"""Odd head: the start of a curve that is no part of the law of the rest, as a warm-up is."""

from __future__ import annotations

import math

import numpy as np

from scalefit.curves.curve import Curve
from scalefit.errors import FitFailed
from scalefit.inference.full import target_of
from scalefit.inference.point import approximate, optima
from scalefit.inference.problem import Problem
from scalefit.laws import BrokenPowerLaw
from scalefit.laws.noise import NORMAL
from scalefit.laws.rounding import spread
from scalefit.wording import compact

DECISIVE = 10.0
"""Nats by which two separate laws must be more probable than one before a cut is suggested."""
WHOLE = (2, 3, 4)
HEAD = (1, 3)
REST = 2
"""Numbers of regimes of the law through all points, through the head, and through the rest."""
FEWEST = 5
LEFT = 20
"""Points that a head has at least, and those that must remain."""
SHARE = 0.7
"""Largest share of the points that can be head."""
CUTS = 8
STARTS = 3
REFINED = 2


def warning(curve: Curve) -> str | None:
    """Return a note where the head of a curve does not follow the law of the rest, else None.

    Two explanations are compared by their evidence, with the default priors and independent noise:
    one law of up to four regimes through all points; or a law of at most two through the rest, and
    another one, with noise of its own, through the head. The note is made where the second is more
    probable by at least e^10, which exact evidences would say of fewer than one in 10 000 curves
    drawn from the priors; `benchmarks/calibration/head.py` counts how often it is said, also under
    serially correlated noise. A head that four regimes describe is no such head: a smooth warm-up
    is then regimes of its own, and only the learning rate tells it (`scalefit.io.warm_up`).

    The cut is the earliest found that has at least half of the nats of the best. The search uses
    Laplace's approximation, and stops early where two regimes do as well as four; what it finds is
    confirmed by importance sampling.
    """
    last = min(int(SHARE * curve.x.size), curve.x.size - LEFT)
    if last < FEWEST or curve.distinct < FEWEST + LEFT:
        return None
    try:
        cut = _cut(curve, last)
    except FitFailed:
        return None
    if cut is None:
        return None
    at = _short(float(curve.x[cut - 1]), float(curve.x[cut]))
    return (
        f"what lies before x = {at} does not follow the law of the rest, as in a warm-up or where "
        f"a setting changed; try --from {at} or x_range=({at}, inf)"
    )


def _cut(curve: Curve, last: int) -> int | None:
    """Return the first index of the rest, None where the whole curve is one law."""
    every = slice(None)
    plain, rich = (_quick(curve, every, n) for n in (WHOLE[0], WHOLE[-1]))
    if rich - plain < DECISIVE / 2:
        return None
    whole = max(plain, rich)
    scores: dict[int, float] = {}

    def score(index: int) -> float:
        if not curve.x[index - 1] < curve.x[index]:
            return -math.inf
        if index not in scores:
            head = max(_quick(curve, slice(index), n) for n in _regimes(curve, index))
            scores[index] = head + _quick(curve, slice(index, None), REST) - whole
        return scores[index]

    grid = sorted({round(k) for k in np.geomspace(FEWEST, last, CUTS).tolist()})
    best = max(grid, key=score)
    step = max(1, (best - max([k for k in grid if k < best], default=best)) // 2)
    for _ in range(REFINED):
        near = [k for k in (best - step, best, best + step) if FEWEST <= k <= last]
        best = max(near, key=score)
        step = max(1, step // 2)
    enough = max(DECISIVE, score(best) / 2)
    found = [k for k in sorted(scores) if scores[k] >= enough]
    if not found:
        return None
    cut = found[0]
    whole = max(_thorough(curve, every, n) for n in WHOLE)
    head = max(_thorough(curve, slice(cut), n) for n in _regimes(curve, cut))
    confirmed = head + _thorough(curve, slice(cut, None), REST) - whole
    return cut if confirmed >= DECISIVE else None


def _regimes(curve: Curve, index: int) -> list[int]:
    """Return the numbers of regimes that a head of so many points can have."""
    distinct = len(np.unique(curve.x[:index]))
    return [n for n in HEAD if BrokenPowerLaw(n).minimum_points <= distinct] or [1]


def _problem(curve: Curve, part: slice, regimes: int) -> Problem:
    known = curve.error
    if curve.grain:  # for a hint rounding may be taken for noise
        known = np.hypot(0.0 if known is None else known, spread(curve.y, curve.grain))
    error = None if known is None else known[part]
    return Problem(BrokenPowerLaw(regimes), curve.x[part], curve.y[part], NORMAL, error)


def _quick(curve: Curve, part: slice, regimes: int) -> float:
    """Return Laplace's approximation of the log evidence of a law through part of a curve."""
    target = target_of(_problem(curve, part, regimes))
    modes = optima(target, np.random.default_rng(0), starts=STARTS)
    return float(np.logaddexp.reduce(modes.log_mass))


def _thorough(curve: Curve, part: slice, regimes: int) -> float:
    """Return the log evidence from importance weights."""
    problem = _problem(curve, part, regimes)
    return approximate(problem, draws=100, rng=np.random.default_rng(0))[1]


def _short(low: float, high: float) -> str:
    """Return the shortest decimal above `low` and not above `high`."""
    for digits in range(1, 17):
        size = 10.0 ** (math.floor(math.log10(high)) - digits + 1)
        value = float(f"{math.floor(high / size) * size:.{digits}g}")
        if low < value <= high:
            text = f"{value:g}" if digits <= 6 else repr(value)
            return compact(text)
    return repr(high)
