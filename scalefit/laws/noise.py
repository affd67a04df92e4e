"""Noise around a law, on the scale of log y: its kinds, their likelihoods and priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy import special

from scalefit.arrays import Array
from scalefit.errors import ConfigError, nearest

from .priors import LogNormal, Prior, Uniform

Kind = Literal["normal", "ar1", "student"]
Spacing = Literal["log", "x", "index"]

RESOLUTION = 1e-6
"""Least standard deviation of log y, so that a curve without any noise can be fitted."""


@dataclass(frozen=True)
class Noise:
    """Noise on log y: normal, serially correlated, or with heavy tails.

    Attributes
    ----------
    kind
        `"normal"`: independent. `"ar1"`: correlation `autocorrelation ** gap` between points, the
        Ornstein-Uhlenbeck process; `noise` is its stationary standard deviation. `"student"`:
        independent Student's t of scale `noise` with `degrees_of_freedom`.
    spacing
        What the gap between two points is measured in, in units of its median along the curve:
        log x, x, or the number of points.
    """

    kind: Kind = "normal"
    spacing: Spacing = "log"

    def __post_init__(self) -> None:
        for value, known in ((self.kind, get_args(Kind)), (self.spacing, get_args(Spacing))):
            if value not in known:
                raise ConfigError(f"noise='{value}' is unknown; {nearest(str(value), known)}")

    def priors(self) -> dict[str, Prior]:
        """Return the default prior of each parameter of the noise."""
        priors: dict[str, Prior] = {"noise": LogNormal(0.02, 1.0)}
        if self.kind == "ar1":
            priors["autocorrelation"] = Uniform()
        if self.kind == "student":
            priors["degrees_of_freedom"] = LogNormal(4.0, 1.0)
        return priors

    def gaps(self, x: Array) -> Array:
        """Return the distance of each point to the one before in typical gaps, shape (n,)."""
        at = {"log": np.log(x), "x": x, "index": np.arange(float(x.size))}[self.spacing]
        apart = np.diff(at)
        typical = float(np.median(apart)) if apart.size else 1.0
        return np.concatenate([[0.0], apart / (typical if typical > 0.0 else 1.0)])

    def places(self, x: Array, at: Array) -> tuple[Array, Array]:
        """Return where x and further points lie in typical gaps, shapes (n,) and (m,).

        Points count from 0; outside the data an index goes on by the last gap in log x.
        """
        place = np.cumsum(self.gaps(x))
        if self.spacing == "index":
            scale, wanted = np.log(x), np.log(at)
        else:
            scale, wanted = (x, at) if self.spacing == "x" else (np.log(x), np.log(at))
        inside = np.interp(wanted, scale, place)
        first = (place[1] - place[0]) / (scale[1] - scale[0]) if scale[1] > scale[0] else 1.0
        last = (place[-1] - place[-2]) / (scale[-1] - scale[-2]) if scale[-1] > scale[-2] else 1.0
        inside = np.where(wanted < scale[0], (wanted - scale[0]) * first, inside)
        above = place[-1] + (wanted - scale[-1]) * last
        return place, np.where(wanted > scale[-1], above, inside)

    def whiten(
        self, residual: Array, params: Mapping[str, Array], gap: Array, error: Array
    ) -> tuple[Array, Array]:
        """Return standardised one-step residuals and the logs of their scales.

        Parameters
        ----------
        residual : shape (m, n)
            Log y minus the law.
        params
            Parameters of the noise, shape (m,).
        gap : shape (n,)
            From `gaps`.
        error : shape (n,)
            Known variance of log y, added to that of the noise.

        Source
        ------
        Kalman (1960) for correlated noise beside known errors; without errors it is rho^gap times
        the residual before.
        """
        variance = params["noise"][:, None] ** 2
        known = error + RESOLUTION**2
        if self.kind != "ar1":
            log_scale = 0.5 * np.log(variance + known)
            return residual * np.exp(-log_scale), np.broadcast_to(log_scale, residual.shape)
        white, log_scale = np.empty_like(residual), np.empty_like(residual)
        squared = variance[:, 0] + (0.0 if error.any() else RESOLUTION**2)
        rho = np.clip(params["autocorrelation"], 1e-9, 1.0 - 1e-9)
        correlated = params["autocorrelation"] > 0.0
        state, ahead = np.zeros(len(residual)), squared.copy()
        for i in range(residual.shape[1]):
            if i:
                carry = np.where(correlated, rho ** gap[i], 0.0)
                free = np.maximum(1.0 - carry**2, 1e-12)
                state, ahead = carry * state, carry**2 * ahead + squared * free
            total = ahead + (known[i] if error.any() else 0.0)
            innovation = residual[:, i] - state
            white[:, i] = innovation / np.sqrt(total)
            log_scale[:, i] = 0.5 * np.log(total)
            state = state + ahead / total * innovation
            ahead = ahead * (1.0 - ahead / total)
        return white, log_scale

    def log_density(self, white: Array, params: Mapping[str, Array]) -> Array:
        """Return the log density of standardised residuals of shape (m, n), one by one."""
        if self.kind != "student":
            return np.asarray(-0.5 * white**2 - 0.5 * np.log(2.0 * np.pi))
        nu = params["degrees_of_freedom"][:, None]
        constant = special.gammaln(0.5 * (nu + 1.0)) - special.gammaln(0.5 * nu)
        constant = constant - 0.5 * np.log(np.pi * nu)
        return np.asarray(constant - 0.5 * (nu + 1.0) * np.log1p(white**2 / nu))

    def to_pymc(
        self,
        name: str,
        mean: Any,
        params: Mapping[str, Any],
        data: Any,
        *,
        gap: Array,
        error: Array,
    ) -> Any:
        """Add observations `data` of log y around `mean` to the PyMC model in context.

        `gap` and `error` are those of `whiten`; error may be a scalar 0, for none.
        """
        from scalefit._compat import pm, pt

        total = pt.sqrt(params["noise"] ** 2 + error + RESOLUTION**2)
        if self.kind == "normal":
            return pm.Normal(name, mu=mean, sigma=total, observed=data)
        if self.kind == "student":
            nu = params["degrees_of_freedom"]
            return pm.StudentT(name, nu=nu, mu=mean, sigma=total, observed=data)
        rho = pt.clip(params["autocorrelation"], 1e-9, 1.0 - 1e-9)
        if error.any():
            at_point = np.cumsum(gap)
            apart = np.abs(at_point[:, None] - at_point[None])
            covariance = params["noise"] ** 2 * rho**apart + np.diag(error + RESOLUTION**2)
            return pm.MvNormal(name, mu=mean, cov=covariance, observed=data)
        carry = pt.concatenate([pt.zeros(1), rho ** gap[1:]])
        before = pt.concatenate([pt.zeros(1), (data - mean)[:-1]])
        free = pt.sqrt(pt.maximum(1.0 - carry**2, 1e-12))
        return pm.Normal(name, mu=mean + carry * before, sigma=total * free, observed=data)


NORMAL = Noise()
"""Independent normal noise of unknown size."""

NOISES = {
    "normal": NORMAL,
    "ar1": Noise("ar1"),
    "ar1-x": Noise("ar1", "x"),
    "ar1-index": Noise("ar1", "index"),
    "student": Noise("student"),
}
"""What the argument `noise` of `scalefit.fit` may name."""
