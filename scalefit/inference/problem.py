"""Problem and posterior: what an engine is given and gives back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special

from scalefit.arrays import Array
from scalefit.laws import Law, Window, rounding
from scalefit.laws.noise import NORMAL, Noise
from scalefit.laws.priors import Prior, dimension, unpack

MODEL_NUMBERS = (
    "probability",
    "log_evidence",
    "error",
    "apart",
    "effective",
    "k_hat",
    "effort",
)
"""What is known of each model of a curve, in numbers."""
ABSENT = {
    "floor": 0.0,
    "autocorrelation": 0.0,
    "noise_slope": 0.0,
    "degrees_of_freedom": np.inf,
    "run_noise": 0.0,
}
"""Values of what a model does not have, beside draws of models that have it."""
FLOOR = 0.9
"""Prior probability of a floor where laws with and without are weighed: losses rarely fall for
ever. Numbers of regimes and kinds of noise are equally probable."""

DELTA = 1e-3
"""Residual of log y from which on Huber's loss grows in a straight line, unless told otherwise."""
HALF = 0.5
"""Share of the largest probability from which fewer regimes are preferred."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A posterior to be found: noise on log y around a law.

    Attributes
    ----------
    law
        The law.
    x : shape (n,), > 0, ascending; or (n, k), > 0, for a law of k predictors
        Where y was measured.
    y : shape (n,), > 0
        What was measured.
    noise
        The kind of noise.
    error : shape (n,)
        Known standard errors of log y; None for none.
    given
        Priors to use in place of the law's and the noise's own, all of them.
    grain
        What y is rounded to, where that matters: each y is then known to within half of it either
        way, and the noise is independent. 0 where y is taken as it is.
    start
        Where each run begins among the points of several runs; neighbours of different runs are not
        correlated, and a run may have an effect of its own.
    around
        The window that default priors read, where it is not that of the data: of all runs that
        could be made, say, so that priors stay as they are while points are added.
    """

    law: Law
    x: Array
    y: Array
    noise: Noise = NORMAL
    error: Array | None = None
    given: Mapping[str, Prior] | None = None
    grain: float = 0.0
    start: tuple[int, ...] = (0,)
    around: Window | None = None

    @cached_property
    def window(self) -> Window:
        """What the default priors read from the data."""
        return self.around or self.law.window(self.x, self.y)

    @cached_property
    def priors(self) -> dict[str, Prior]:
        """Prior of every sampled variable, those of the noise last."""
        if self.given is not None:
            return dict(self.given)
        return {**self.law.priors(self.window), **self.noise.priors()}

    @cached_property
    def log_y(self) -> Array:
        """Natural logarithm of y."""
        return np.log(self.y)

    @cached_property
    def known(self) -> Array:
        """Known variance of log y, shape (n,)."""
        return np.zeros(self.y.size) if self.error is None else self.error**2

    @cached_property
    def gaps(self) -> Array:
        """Distance of each point to the one before, as the noise measures it."""
        return self.noise.gaps(self.x, self.start, self.law.linear_columns)

    @cached_property
    def along(self) -> Array:
        """Log x over its geometric mean, which noise that changes is a power of."""
        return self.noise.along(self.x)

    @property
    def dimension(self) -> int:
        """Number of standard-normal coordinates."""
        return dimension(self.priors)

    def natural(self, v: Array) -> dict[str, Array]:
        """Return sampled and natural variables for coordinates v of shape (m, dimension)."""
        sampled = unpack(self.priors, v)
        return {**sampled, **self.law.natural(sampled, self.window)}

    def log_mean(self, v: Array) -> Array:
        """Return log y without noise, shape (m, n), for coordinates of shape (m, dimension)."""
        return np.asarray(self.law.log_mean(self.natural(v), self.x))

    @cached_property
    def interval(self) -> tuple[Array, Array]:
        """Logs of the ends of what was rounded to each y."""
        return rounding.interval(self.y, self.grain)

    def _rounded(self, params: Mapping[str, Array]) -> tuple[Array, Array]:
        """Return the log chance of every interval, and residuals, shape (m, n)."""
        from .rounded import chances

        mean = np.asarray(self.law.log_mean(params, self.x))
        return chances(self.noise, mean, self.interval, params, self.known)

    def standardised(self, params: Mapping[str, Array]) -> tuple[Array, Array]:
        """Return standardised one-step residuals and their log scales, shape (m, n).

        Of rounded values they are what the chance of the interval lacks, without a scale.
        """
        if self.grain:
            white = self._rounded(params)[1]
            return white, np.zeros_like(white)
        residual = self.log_y - np.asarray(self.law.log_mean(params, self.x))
        return self.noise.whiten(residual, params, self.gaps, self.known, self.along)

    def log_likelihood(self, params: Mapping[str, Array]) -> Array:
        """Return the log density of every log y given those before it, shape (m, n).

        Of rounded values it is the log of the probability of the interval.
        """
        if self.grain:
            return self._rounded(params)[0]
        white, log_scale = self.standardised(params)
        return self.noise.log_density(white, params) - log_scale

    def log_posterior(self, v: Array) -> Array:
        """Return the log of prior times likelihood, shape (m,), as a density in v.

        Normalised: its integral over v is the evidence of the law.
        """
        with np.errstate(all="ignore"):
            likelihood = self.log_likelihood(self.natural(v)).sum(axis=1)
        prior = -0.5 * np.sum(v**2, axis=1) - 0.5 * v.shape[1] * np.log(2.0 * np.pi)
        value: Array = likelihood + prior
        return np.where(np.isfinite(value), value, -np.inf)


@dataclass(frozen=True)
class Posterior:
    """Draws from the posterior of one problem, with what is known about their quality.

    Attributes
    ----------
    draws
        Natural and sampled variables by name, shape (chain, draw) or (chain, draw, size).
    verdict
        `"ok"`, or what is wrong and what to try.
    rhat, ess
        Per variable, shape () or (size,): rank-normalised split R-hat and the smaller of bulk and
        tail effective sample size over all draws made; NaN where the method has none.
    stats
        Sampler statistics, shape (chain, draw).
    notes
        What a reader of the numbers should know, one sentence each.
    groups
        Further sets of draws where there are several models: `averaged` over all of them,
        `regimes_1` and so on for each number of regimes. `draws` is then that of the headline's
        number.
    models
        One row for each model: what it is, its probability and its certificate.
    """

    draws: Mapping[str, Array]
    verdict: str
    rhat: Mapping[str, Array]
    ess: Mapping[str, Array]
    stats: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    groups: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    models: tuple[Mapping[str, object], ...] = ()


def log_prior(law: Law) -> float:
    """Return the log prior probability of a law among others, but for a constant."""
    return log_odds(bool(law.floor))


def log_odds(floor: bool) -> float:
    """Return the same of any law with a floor, or without one."""
    return math.log(FLOOR if floor else 1.0 - FLOOR)


def rough_margin(error: float) -> float:
    """Return how far the log evidence of a model may be above a rough estimate of it, in nats.

    Three standard errors, and one nat for modes that a few draws do not see.
    """
    return 1.0 + 3.0 * error


def mean_evidence(logs: Array, floors: Iterable[Any]) -> float:
    """Return the log evidence of several models together: its mean over their prior.

    Parameters
    ----------
    logs : shape (m,)
        Of each; -inf counts as a model that says nothing.
    floors
        Whether each has a floor.
    """
    prior = np.array([log_odds(bool(one)) for one in floors])
    return float(special.logsumexp(logs + prior) - special.logsumexp(prior))


def model_row(problem: Problem, state: str, **numbers: float) -> dict[str, Any]:
    """Return the row of one model in `Posterior.models`; numbers not given are unknown."""
    return {
        "regimes": problem.law.regimes,
        "floor": bool(problem.law.floor),
        "noise": problem.noise.label,
        **dict.fromkeys(MODEL_NUMBERS, np.nan),
        **numbers,
        "state": state,
    }
