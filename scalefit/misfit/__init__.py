"""Misfit: when a fit that was computed well is to be doubted, and what to try then.

A flexible law through the wrong points fits them well, so most of this looks at what a fit cannot
show: the rows as they stand in the file, columns that are not used, the evidence of nothing at all.
The false alarms on curves drawn from the priors, and what is found, are counted by
`benchmarks/calibration/doubts.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scalefit.analysis.checks import Residuals, beside, whitened
from scalefit.arrays import Array
from scalefit.curves.curve import Curve
from scalefit.curves.rows import Rows
from scalefit.inference.problem import Posterior, mean_evidence
from scalefit.laws import Law
from scalefit.laws.noise import Noise
from scalefit.laws.rounding import spread

from . import mixture, order, otherwise, residuals
from .finding import Finding
from .null_models import nothing

__all__ = ["Finding", "findings", "verdict"]

FEWEST = 8
"""Points below which a fit cannot be checked."""
SAME = (
    {"restart", "resume", "several curves", "seeds", "unused column", "bands", "alternation"},
    {"late fall", "learning rate", "tail"},
    {"cliff", "outlier", "head", "tail", "autocorrelation"},
    {"nothing there", "beside"},
)
"""Kinds of findings that are one fault seen from several sides: the first is said."""
GRID = 500
"""Rows up to which the law is evaluated at each, and points in between which it is interpolated."""


def findings(
    curve: Curve, law: Law, noise: Noise, posterior: Posterior, *, default_priors: bool
) -> list[Finding]:
    """Return what speaks against a fit, in the order in which it is to be said.

    Parameters
    ----------
    curve
        The points that were fitted, and the rows that they were made of.
    law, noise
        What was fitted; of several the ones with most parameters.
    posterior
        Of all models.
    default_priors
        Whether evidence is that of the default priors.
    """
    rows = curve.rows
    if (curve.y.size if rows is None else rows.x.size) < FEWEST:
        few = f"{curve.y.size} points are too few to check whether the law fits"
        return [Finding("few points", False, few)]
    rng = np.random.default_rng(0)
    draws = posterior.groups.get("averaged", posterior.draws)
    params = {name: value.reshape(-1, *value.shape[2:]) for name, value in draws.items()}
    error = np.zeros(curve.y.size) if curve.error is None else curve.error
    if curve.grain:
        error = np.hypot(error, spread(curve.y, curve.grain))
    left = whitened(law, noise, curve.x, curve.y, error, params, rng, curve.start)
    if curve.x.ndim > 1:
        return _of_surface(curve, noise, beside(left, curve.predictors, curve.y))
    # Of rounded values it is that of intervals, which no density can be compared with.
    comparable = default_priors and not curve.grain
    evidence = log_evidence(posterior.models) if comparable else None
    looked: list[Finding | None] = []
    if rows is not None:
        at_rows = _left_at(rows, law, params)
        looked += [
            order.restart(rows),
            mixture.unused_column(rows, at_rows),
            mixture.bands(rows, at_rows, rng),
        ]
        looked += _of_residuals(curve, rows, left)
        looked += [order.cliff(rows), order.late_fall(rows)]
    if noise.kind != "student" and not curve.grain:
        looked.append(residuals.outliers(curve, left.left))
    if evidence is not None:
        looked.append(nothing(curve, evidence))
    looked += residuals.ends(left)
    looked.append(residuals.beside(left.left))
    if rows is not None:
        looked += [order.learning_rate(rows), order.ceiling(rows)]
        looked.append(otherwise.counted_from_zero(curve))
    if evidence is not None and _steepens(params):
        looked.append(otherwise.offset_below_zero(curve, evidence))
    return _once([one for one in looked if one is not None])


def _of_surface(curve: Curve, noise: Noise, left: Residuals) -> list[Finding]:
    """Return what speaks against a fit of several predictors: its residuals alone."""
    looked = [*residuals.ends(left), residuals.beside(left.left)]
    if noise.kind not in ("student", "outlier"):
        looked.insert(0, residuals.outliers(curve, left.left))
    return _once([one for one in looked if one is not None])


def _once(found: Sequence[Finding]) -> list[Finding]:
    """Return the findings without those that an earlier one explains."""
    kept: list[Finding] = []
    for one in found:
        if not any({one.kind, earlier.kind} <= same for same in SAME for earlier in kept):
            kept.append(one)
    return kept


def verdict(computed: str, found: Sequence[Finding]) -> str:
    """Return the verdict on a fit: what could not be computed, else what does not fit, else ok."""
    if computed != "ok":
        return f"unreliable: {computed}"
    return next((f"doubtful: {one}" for one in found if one.doubtful), "ok")


def log_evidence(models: Sequence[Mapping[str, object]]) -> float | None:
    """Return the log evidence of all models of a curve together; None where it is not known."""
    known = [row for row in models if row["state"] != "dropped"]
    log = np.array([float(row["log_evidence"]) for row in known])  # type: ignore[arg-type]
    if not log.size or not np.isfinite(log).any():
        return None
    return mean_evidence(log, [bool(row["floor"]) for row in known])


def _of_residuals(curve: Curve, rows: Rows, left: Residuals) -> list[Finding | None]:
    """Return what residuals say of the order of the rows; nothing where points are averages."""
    if curve.scatter is not None:
        return []
    return [residuals.two_bands(left, rows), residuals.alternation(left)]


def _left_at(rows: Rows, law: Law, params: Mapping[str, Array]) -> Array:
    """Return log y minus the posterior mean of the law, at the rows that `rows.at` names."""
    x, y = rows.x[rows.at], rows.y[rows.at]
    some = {name: value[:: max(1, len(value) // 200)] for name, value in params.items()}
    at = x if x.size <= GRID else np.geomspace(rows.x.min(), rows.x.max(), GRID)
    mean = law.log_curve(some, at).mean(axis=0)
    if x.size > GRID:
        mean = np.interp(np.log(x), np.log(at), mean)
    return np.asarray(np.log(y) - mean)


def _steepens(params: Mapping[str, Array]) -> bool:
    """Return whether the exponent grows along a curve of several regimes."""
    exponent = params.get("exponent")
    if exponent is None or exponent.ndim < 2 or exponent.shape[1] < 2:
        return False
    last = np.take_along_axis(
        exponent, np.isfinite(exponent).sum(axis=1, keepdims=True) - 1, axis=1
    )[:, 0]
    return bool(np.median(last) > otherwise.STEEPER * max(float(np.median(exponent[:, 0])), 0.02))
