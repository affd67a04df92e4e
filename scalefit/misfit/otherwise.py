"""Otherwise: the same points counted from one, or with an offset below zero, fitted as well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalefit.curves.curve import Curve
from scalefit.errors import FitFailed
from scalefit.inference.point import approximate
from scalefit.inference.problem import Problem, log_prior
from scalefit.laws import BrokenPowerLaw, Law, PowerLawWithCutoff
from scalefit.laws.noise import NORMAL
from scalefit.wording import quoted

from .finding import Finding

CLEARLY = 2.0
"""Nats by which points counted from one must be described better."""
OFFSET = 3.0
"""Nats by which a law with an offset of either sign must be more probable than all others."""
REGIMES = (1, 2, 3)
STEEPER = 1.5
"""Ratio of the end exponent to the first above which a curve may end below zero."""


def counted_from_zero(curve: Curve) -> Finding | None:
    """Return whether x + 1 describes the points better, where a row at x = 0 was left out."""
    rows = curve.rows
    if rows is None or not rows.zero or curve.scatter is not None:
        return None
    if not np.allclose(curve.x, np.round(curve.x)):
        return None
    better = _evidence(replace(curve, x=curve.x + 1.0)) - _evidence(curve)
    if not better > CLEARLY:
        return None
    name, one_more = rows.x_name, f"{rows.x_term} + 1"
    return Finding(
        "counter from zero",
        False,
        f"{quoted(name)} counts from 0, and {one_more} describes the points better by "
        f"{better:.1f} nats",
        f'--x "{one_more}" keeps the row at 0 as well',
    )


def offset_below_zero(curve: Curve, log_evidence: float) -> Finding | None:
    """Return whether one power law beside a negative offset is more probable than all others."""
    problem = Problem(PowerLawWithCutoff(), curve.x, curve.y, NORMAL, curve.error)
    try:
        posterior, other = approximate(problem, draws=200, rng=np.random.default_rng(0))
    except FitFailed:
        return None
    below = float(np.mean(posterior.draws["offset"] < 0.0))
    if not other - log_evidence > OFFSET or below < 0.95:
        return None
    return Finding(
        "offset",
        False,
        "a power law beside an offset below zero describes these points better by "
        f"{other - log_evidence:.0f} nats",
        "--law cutoff (law=sf.laws.PowerLawWithCutoff()) fits that",
    )


def _evidence(curve: Curve) -> float:
    """Return the log evidence of broken power laws, by the quick method."""
    laws: list[Law] = [
        BrokenPowerLaw(n, floor=floor)
        for n in REGIMES
        for floor in (False, True)
        if BrokenPowerLaw(n, floor=floor).minimum_points <= curve.distinct
    ]
    prior = np.array([log_prior(law) for law in laws])
    found = [
        approximate(
            Problem(law, curve.x, curve.y, NORMAL, curve.error),
            draws=100,
            rng=np.random.default_rng(0),
        )[1]
        for law in laws
    ]
    return float(np.logaddexp.reduce(np.array(found) + prior))
