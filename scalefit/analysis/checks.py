"""Checks of a fit: whether its residuals look like the noise that it claims.

A fit bends towards its data, so its residuals are not fresh noise. To first order those of the
posterior mean are (I - C S^-1) e, with S the covariance of the noise e, and C that of the law at
the points given S. Replicates are made so, each with the noise of one draw; residuals and
replicates are whitened with the same draw and compared. Without the projection such checks hardly
ever fail.

Source: realised discrepancies, Gelman, Meng, Stern (1996), "Posterior predictive assessment of
model fitness via realized discrepancies".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scalefit.arguments import root
from scalefit.arrays import Array
from scalefit.laws import Law
from scalefit.laws.noise import RESOLUTION, Noise
from scalefit.record import Record

from .advice import advice

if TYPE_CHECKING:
    import pandas as pd


DRAWS = 1000
AXES = 16
"""Directions, the widest first, in which a law is taken to bend towards its data."""
FAILS = 0.01
FEWEST = 8
"""Points below which residuals say nothing."""
THIRD = 4
"""Points that a third of the curve needs for a slope."""
COLUMNS = ["run", "check", "observed", "expected", "low", "high", "p", "words"]

THE_FIT = "fitted y"
"""What the checks along the fitted value are called."""


@dataclass(frozen=True)
class Residuals:
    """Whitened residuals of a curve and of replicates of it.

    Attributes
    ----------
    x : shape (n,)
        Where.
    left : shape (n,)
        Log y minus the posterior mean of the law, as it is.
    observed, replicated : shape (draws, n)
        Of the data, whitened by each draw's noise; and of noise made by it.
    along
        Of several predictors, what the points are looked at along: each of them and the fitted
        value, shape (n,), by name.
    start
        Where each of several runs begins.
    weigh
        What a residual weighs in the fit, where its noise has heavy tails.
    correlated
        Whether the noise is AR(1).
    """

    x: Array
    left: Array
    observed: Array
    replicated: Array
    along: Mapping[str, Array] = field(default_factory=dict)
    start: tuple[int, ...] = (0,)
    weigh: Callable[[Array], Array] | None = None
    correlated: bool = False

    def advice(self, kind: str, sign: int) -> str:
        """Return what a check that fails says, with places for `x` and `at`."""
        return advice(kind, sign, surface=bool(self.along), correlated=self.correlated)


def check(record: Record, seed: int) -> pd.DataFrame:
    """Return the table of `Fit.check`."""
    import pandas as pd

    rows = [
        row for run, found in each(record, record.runs, seed) for row in judged(record, run, found)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def each(record: Record, runs: Sequence[str], seed: int) -> Iterator[tuple[str, Residuals | None]]:
    """Yield runs with their residuals; those of one do not depend on which others are asked for."""
    root(seed)
    streams = np.random.default_rng(seed).spawn(len(record.runs))
    place = {run: index for index, run in enumerate(record.runs)}
    for run in runs:
        yield run, residuals(record, run, streams[place[run]])


def judged(record: Record, run: str, found: Residuals | None) -> list[dict[str, object]]:
    """Return the rows of one run in the table of `Fit.check`."""
    rows: list[dict[str, object]] = []
    several = record.predictors if len(record.predictors) > 1 else []
    checks = {} if found is None else checks_of(found)
    for name in checks or names_of(several):
        row: dict[str, object] = {"run": run, "check": name}
        if found is None:
            doubt = record.verdict[run] if record.state(run) == "unreliable" else "too few points"
            row["words"] = f"not checked: {doubt}"
        else:
            row |= _judged(name, checks[name], found, record.tree.attrs["x_name"])
        rows.append(row)
    return rows


def residuals(record: Record, run: str, rng: np.random.Generator) -> Residuals | None:
    """Return the residuals of the posterior mean of a run; None if it failed or has few points."""
    x, y = record.law_curve(run)
    params = record.parameters(run, "averaged")
    if y.size < FEWEST or not np.isfinite(params["noise"]).all():
        return None
    found = whitened(
        record.law, record.noise, x, y, record.errors(run), params, rng, record.start(run)
    )
    return found if x.ndim == 1 else beside(found, record.predictors, y)


def whitened(
    law: Law,
    noise: Noise,
    x: Array,
    y: Array,
    error: Array,
    params: Mapping[str, Array],
    rng: np.random.Generator,
    start: tuple[int, ...] = (0,),
) -> Residuals:
    """Return the residuals of the posterior mean of a law, given draws of its parameters.

    Parameters
    ----------
    law, noise
        What was fitted; of several the ones with most parameters.
    x, y, error : shape (n,)
        The curve, and known standard errors of log y.
    params
        Draws by name, shape (draws,) or (draws, size).
    rng
        Of the replicates.
    start
        Where each of several runs begins.
    """
    chosen = np.linspace(0, len(params["noise"]) - 1, DRAWS).round().astype(int)
    params = {name: value[chosen] for name, value in params.items()}
    noise = _kind(noise, params)
    gap, error = noise.gaps(x, start, law.linear_columns), error**2
    along = noise.along(x)
    drawn = law.log_curve(params, x)
    mean = drawn.mean(axis=0)
    left = np.log(y) - mean

    def white(one: Array) -> Array:
        shape = (*one.shape[:-2], *drawn.shape)
        return noise.whiten(np.broadcast_to(one, shape), params, gap, error, along)[0]

    fresh = white(_noise(noise, params, gap, error, along, rng))
    variance, axes = _axes(drawn - mean)
    slopes = white(axes[:, None]).swapaxes(0, 1)
    if noise.kind == "student":  # what a point of heavy tails says of the law
        freedom = params["degrees_of_freedom"][:, None, None]
        weight = (freedom + 1.0) / (freedom + 3.0)
    else:
        weight = np.ones((len(slopes), 1, 1))
    told = weight * slopes @ np.swapaxes(slopes, 1, 2)
    prior = _positive(np.diag(1.0 / variance) - told.mean(axis=0))
    taken = np.linalg.solve(told + prior, weight * (slopes @ fresh[..., None]))
    made = fresh - (np.swapaxes(taken, 1, 2) @ slopes)[:, 0]
    weigh = None
    if noise.kind in ("student", "outlier"):
        weigh = partial(noise.score, params=params)
    correlated = noise.kind == "ar1"
    return Residuals(x, left, white(left), made, start=start, weigh=weigh, correlated=correlated)


def beside(found: Residuals, names: Sequence[str], y: Array) -> Residuals:
    """Return the residuals of a surface with what they are looked at along, where it is not 0."""
    along = {one: x for one, x in zip(names, found.x.T, strict=True) if (x > 0.0).sum() > THIRD}
    return replace(found, along={**along, THE_FIT: np.exp(np.log(y) - found.left)})


def checks_of(found: Residuals) -> dict[str, Callable[[Array], Array]]:
    """Return what is computed of whitened residuals, by the name of the check."""
    if not found.along:
        return {name: partial(_of, one, found.x) for name, one in CHECKS.items()}
    joined = ~np.isin(np.arange(found.left.size), found.start)
    checks: dict[str, Callable[[Array], Array]] = {"noise": partial(_size, x=found.x)}
    if joined.sum() >= THIRD and len(found.start) < found.left.size:
        checks["autocorrelation"] = partial(_joined, joined=joined)
    checks["outlier"] = partial(_largest, x=found.x)
    for name, values in found.along.items():
        for end, statistic in (("head", _head), ("tail", _tail)):
            checks[f"{end} of {name}"] = partial(
                _along, x=values, statistic=statistic, weigh=found.weigh
            )
    checks["spread"] = partial(_along, x=found.along[THE_FIT], statistic=_spread)
    return checks


def _of(statistic: Callable[[Array, Array], Array], x: Array, white: Array) -> Array:
    return statistic(white, x)


def names_of(predictors: Sequence[str]) -> list[str]:
    """Return the names of the checks."""
    if not predictors:
        return list(CHECKS)
    ends = [f"{end} of {name}" for name in (*predictors, THE_FIT) for end in ("head", "tail")]
    return ["noise", "autocorrelation", "outlier", *ends, "spread"]


def _joined(white: Array, joined: NDArray[np.bool_]) -> Array:
    """Return the autocorrelation along the runs of a surface."""
    centred = white - white.mean(axis=1, keepdims=True)
    product = centred[:, 1:] * centred[:, :-1]
    share = joined[1:].sum() / joined.size
    return np.asarray(product[:, joined[1:]].sum(axis=1) / np.sum(centred**2, axis=1) / share)


def _along(
    white: Array,
    x: Array,
    statistic: Callable[[Array, Array], Array],
    weigh: Callable[[Array], Array] | None = None,
) -> Array:
    """Return a statistic of the points in the order of one predictor, those at 0 left out."""
    order = np.argsort(x, kind="stable")
    order = order[x[order] > 0.0]
    return statistic((white if weigh is None else weigh(white))[:, order], x[order])


def correlation(white: Array, lag: int = 1) -> Array:
    """Return the autocorrelation of rows of whitened residuals, shape (draws,)."""
    centred = white - white.mean(axis=1, keepdims=True)
    scale = np.sum(centred**2, axis=1)
    return np.asarray(np.sum(centred[:, lag:] * centred[:, :-lag], axis=1) / scale)


def _kind(noise: Noise, params: Mapping[str, Array]) -> Noise:
    """Return the noise as the draws have it; independent noise is correlated noise without any."""
    if noise.kind == "ar1" and not np.any(params.get("autocorrelation", 0.0)):
        return replace(noise, kind="normal")
    return noise


def _noise(
    noise: Noise,
    params: Mapping[str, Array],
    gap: Array,
    error: Array,
    along: Array,
    rng: np.random.Generator,
) -> Array:
    """Return noise of each draw at the points, known errors included, shape (draws, n)."""
    scale = params["noise"][:, None]
    shape = (scale.size, gap.size)
    if noise.kind == "student":
        made = scale * rng.standard_t(np.broadcast_to(params["degrees_of_freedom"][:, None], shape))
    else:
        made = scale * rng.standard_normal(shape)
    if noise.kind == "outlier":
        far = rng.random(shape) < params["outlier_share"][:, None]
        made = np.where(far, params["outlier_scale"][:, None] * made, made)
    if noise.kind == "ar1":
        for i in range(1, gap.size):
            carry = params["autocorrelation"] ** gap[i]
            made[:, i] = carry * made[:, i - 1] + np.sqrt(1.0 - carry**2) * made[:, i]
    if "noise_slope" in params:
        made = made * np.exp(params["noise_slope"][:, None] * along)
    if noise.effect:
        run = np.cumsum(np.isinf(gap)) - np.isinf(gap[0])
        moved = params["run_noise"][:, None] * rng.standard_normal((scale.size, run[-1] + 1))
        made = made + moved[:, run]
    return np.asarray(made + np.sqrt(error + RESOLUTION**2) * rng.standard_normal(shape))


def _axes(about: Array) -> tuple[Array, Array]:
    """Return variances, shape (k,), and unit vectors, shape (k, n), along which draws differ."""
    variance, vectors = np.linalg.eigh(about.T @ about / len(about))  # a hundredth of an SVD's time
    variance, vectors = variance[::-1][:AXES], vectors.T[::-1][:AXES]
    kept = variance > 1e-12 * variance[0]
    return variance[kept], vectors[kept]


def _positive(matrix: Array) -> Array:
    """Return a symmetric matrix without its negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _judged(
    name: str, statistic: Callable[[Array], Array], found: Residuals, x_name: str
) -> dict[str, object]:
    """Return what one check says of a curve."""
    observed, replicated = (statistic(one) for one in (found.observed, found.replicated))
    if not np.isfinite(observed).all():
        return {"words": "not checked: too few points"}
    above = float(np.mean(replicated > observed) + 0.5 * np.mean(replicated == observed))
    p = above if name == "outlier" else 2.0 * min(above, 1.0 - above)
    low, expected, high = np.quantile(replicated, [0.05, 0.5, 0.95])
    words = "ok"
    if p < FAILS:
        kind, _, axis = name.partition(" of ")
        sign = 0 if kind in ("head", "tail") else 1 if above < 0.5 else -1
        at = found.x[np.argmax(np.abs(found.observed).mean(axis=0))]
        if found.along:
            at = ", ".join(f"{one:.4g}" for one in at)
        words = found.advice(kind, sign).format(x=axis or x_name, at=at)
    return {
        "observed": float(np.median(observed)),
        "expected": float(expected),
        "low": float(low),
        "high": float(high),
        "p": p,
        "words": words,
    }


def _size(white: Array, x: Array) -> Array:
    return np.asarray(np.sqrt(np.mean(white**2, axis=1)))


def _neighbours(white: Array, x: Array) -> Array:
    return correlation(white)


def _largest(white: Array, x: Array) -> Array:
    """Return the largest residual in units of the scale of the middle ones."""
    size = np.abs(white)
    return np.asarray(size.max(axis=1) / np.median(size, axis=1) * special.ndtri(0.75))


def _head(white: Array, x: Array) -> Array:
    return _slope(white, x, np.log(x) <= np.log(x[0]) + np.log(x[-1] / x[0]) / 3.0)


def _tail(white: Array, x: Array) -> Array:
    return _slope(white, x, np.log(x) >= np.log(x[-1]) - np.log(x[-1] / x[0]) / 3.0)


def _slope(white: Array, x: Array, part: NDArray[np.bool_]) -> Array:
    """Return the slope over a part of the curve per decade, in units of the residuals' size."""
    if part.sum() < THIRD or np.ptp(x[part]) == 0.0:
        return np.full(len(white), np.nan)
    u = np.log10(x[part])
    u = u - u.mean()
    return np.asarray(white[:, part] @ u / (u @ u) / _size(white, x))


def _spread(white: Array, x: Array) -> Array:
    """Return the rank correlation of the residuals' size with x."""
    rank = np.argsort(np.argsort(np.abs(white), axis=1), axis=1) - 0.5 * (x.size - 1)
    order = np.arange(x.size) - 0.5 * (x.size - 1)
    return np.asarray(rank @ order / (order @ order))


CHECKS: dict[str, Callable[[Array, Array], Array]] = {
    "noise": _size,
    "autocorrelation": _neighbours,
    "outlier": _largest,
    "head": _head,
    "tail": _tail,
    "spread": _spread,
}
