"""Residuals of a fit: bands, alternation, outliers, and a law that passes beside its points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scalefit.analysis.checks import Residuals, checks_of
from scalefit.arrays import Array
from scalefit.curves.curve import Curve
from scalefit.curves.rows import Rows

from .finding import Finding
from .mixture import mixed

ENOUGH = 20
"""Points from which standard scores are near those of a normal distribution."""
EVEN, INNER = -4.0, 3.0
"""Standard scores of the largest and of the small residuals that show two bands."""
ALTERNATE = -5.0
SURE, NOTED = 6.0, 4.0
"""Standard scores of slopes at the ends, and of correlation, that are doubtful, and noted."""
HEAVY, MILD = 12.0, 4.0
"""Nats by which heavy tails describe the residuals better: doubtful, and noted."""
FAR = 0.03
"""Residual of log y that a point which lies far off has at least."""
SCALES = 5.0
"""Scales of the other points beyond which one lies far off."""
SPIKES = 3
"""Places of points far off from which they are taken for spikes, though most are beside another."""
BESIDE = (0.3, 3.0)
"""Mean residual of log y of a law that passes beside its points; and in standard deviations."""
FREEDOM = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0)
ROUNDS = 50


def two_bands(found: Residuals, rows: Rows) -> Finding | None:
    """Return whether the residuals avoid the middle, as those of two curves in one do."""
    if found.x.size < ENOUGH:
        return None
    even = score(found, lambda white: np.log(white.max(axis=1) / np.median(white, axis=1)))
    inner = score(
        found, lambda white: np.log(np.quantile(white, 0.1, axis=1) / np.median(white, axis=1))
    )
    return mixed(rows) if even < EVEN and inner > INNER else None


def alternation(found: Residuals) -> Finding | None:
    """Return whether neighbouring residuals have opposite signs."""
    if found.x.size < ENOUGH or not _standard(found, "autocorrelation") < ALTERNATE:
        return None
    return Finding("alternation", True, *_words(found, "autocorrelation", -1))


def ends(found: Residuals) -> list[Finding]:
    """Return where the law bends away from the points at an end, or leaves them correlated."""
    said = []
    for name in checks_of(found) if len(found.x) >= ENOUGH else ():
        kind = name.partition(" of ")[0]
        sign = {"head": 0, "tail": 0, "autocorrelation": 1}.get(kind)
        if sign is None:
            continue
        z = _standard(found, name)
        if (z if sign else abs(z)) > NOTED:
            said.append(Finding(kind, abs(z) > SURE, *_words(found, name, sign)))
    return said


def outliers(curve: Curve, left: Array) -> Finding | None:
    """Return whether some points lie far off and set the noise.

    Residuals are described once as normal and once as Student's t of the best scale and degrees of
    freedom. Where points are means over bins, residuals are taken in units of their errors. Points
    beside one another are what a law leaves that bends too seldom; in three places or more they are
    noted, for spikes that last look so as well.
    """
    scale = np.ones(left.size)
    if curve.error is not None and curve.error.any():
        scale = np.sqrt(curve.error**2 + max(float(np.median(left**2)), 1e-12))
        scale /= np.median(scale)
    e = left / scale
    e = e - np.median(e)
    normal = -0.5 * e.size * (np.log(2.0 * np.pi * max(float(e.var()), 1e-24)) + 1.0)
    better, narrow = max(_student(e, freedom) for freedom in FREEDOM)
    far = (np.abs(e) > SCALES * narrow) & (np.abs(left) > FAR)
    if not better - normal > MILD or not far.any():
        return None
    together, places = _together(far, e)
    if together and places < SPIKES:
        return None
    many = int(far.sum())
    without = float(np.std(e[~far])) if (~far).any() else 0.0
    at = ", ".join(f"{one:g}" for one in np.atleast_1d(curve.x[far][0]))
    which = f"{many} points lie" if many > 1 else f"the point at x = {at} lies"
    sets = "set" if many > 1 else "sets"
    return Finding(
        "outlier",
        better - normal > HEAVY,
        f"{which} far off and {sets} the noise ({e.std():.2g}; {without:.2g} without)",
        '--noise student (noise="student") allows for that',
    )


def _together(far: NDArray[np.bool_], e: Array) -> tuple[bool, int]:
    """Return whether most points that lie far off do so beside another, and in how many places."""
    pair = far[1:] & far[:-1] & (np.sign(e[1:]) == np.sign(e[:-1]))
    beside_another = np.append(pair, False) | np.append(False, pair)
    return bool(beside_another.sum() > 0.5 * far.sum()), int(far.sum() - pair.sum())


def beside(left: Array) -> Finding | None:
    """Return whether the law passes beside all of its points."""
    mean, sd = float(left.mean()), float(left.std())
    if not abs(mean) > max(BESIDE[0], BESIDE[1] * sd):
        return None
    return Finding(
        "beside",
        False,
        f"the law passes {abs(mean):.2g} nats beside the points",
        "start later with --from, or give the prior of the level",
    )


def score(found: Residuals, statistic: Callable[[Array], Array]) -> float:
    """Return the standard score of a statistic of the absolute whitened residuals."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _score(statistic(np.abs(found.observed)), statistic(np.abs(found.replicated)))


def _standard(found: Residuals, name: str) -> float:
    return _score(*map(checks_of(found)[name], (found.observed, found.replicated)))


def _score(observed: Array, replicated: Array) -> float:
    """Return how far data lie from replicates, in standard deviations of these; 0 if unknown."""
    z = float(np.mean(observed - replicated) / max(float(np.std(replicated)), 1e-12))
    return z if np.isfinite(z) else 0.0


def _words(found: Residuals, name: str, sign: int) -> tuple[str, str]:
    kind, _, axis = name.partition(" of ")
    what, _, remedy = found.advice(kind, sign).partition("; ")
    return what.format(x=axis), remedy


def _student(e: Array, freedom: float) -> tuple[float, float]:
    """Return the log likelihood of residuals as Student's t at its best scale, and the scale.

    Source
    ------
    EM for the scale: Lange, Little, Taylor (1989), "Robust statistical modeling using the t
    distribution".
    """
    variance = max(float(np.median(e**2)), 1e-24)
    for _ in range(ROUNDS):
        weight = (freedom + 1.0) / (freedom + e**2 / variance)
        variance = max(float(np.mean(weight * e**2)), 1e-24)
    constant = special.gammaln(0.5 * (freedom + 1.0)) - special.gammaln(0.5 * freedom)
    constant -= 0.5 * np.log(np.pi * freedom * variance)
    log = constant - 0.5 * (freedom + 1.0) * np.log1p(e**2 / variance / freedom)
    return float(log.sum()), float(np.sqrt(variance))
