"""One curve, one law, one set of priors: what an engine is given and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scalefit.laws import Law, Window
from scalefit.laws.noise import NOISE, deviation
from scalefit.laws.priors import Prior, dimension, unpack

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A posterior to be found: normal noise of unknown size on log y around a law.

    Attributes
    ----------
    law
        The law.
    x, y : shape (n,), both > 0
        The curve.
    """

    law: Law
    x: Array
    y: Array

    @cached_property
    def window(self) -> Window:
        """What the default priors read from the data."""
        return Window.of(self.x, self.y)

    @cached_property
    def priors(self) -> dict[str, Prior]:
        """Prior of every sampled variable, `noise` last."""
        return {**self.law.priors(self.window), "noise": NOISE}

    @cached_property
    def log_y(self) -> Array:
        """Natural logarithm of y."""
        return np.log(self.y)

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

    def log_posterior(self, v: Array) -> Array:
        """Return the log of prior times likelihood, shape (m,), as a density in v.

        Normalised: its integral over v is the evidence of the law.
        """
        noise = deviation(unpack(self.priors, v)["noise"])
        residual = (self.log_y - self.log_mean(v)) / noise[:, None]
        n = self.log_y.size
        misfit = -0.5 * np.sum(residual**2, axis=1) - n * np.log(noise)
        prior = -0.5 * np.sum(v**2, axis=1)
        constant = -0.5 * (n + v.shape[1]) * np.log(2.0 * np.pi)
        value: Array = misfit + prior + constant
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
    """

    draws: Mapping[str, Array]
    verdict: str
    rhat: Mapping[str, Array]
    ess: Mapping[str, Array]
    stats: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
