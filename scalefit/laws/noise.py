"""Noise around a law, on the scale of log y: its kinds, their likelihoods and priors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scalefit.arrays import Array
from scalefit.errors import ConfigError, nearest

from .priors import Beta, LogNormal, Normal, Prior, Uniform

Kind = Literal["normal", "ar1", "changing", "student", "outlier"]
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
        Ornstein-Uhlenbeck process; `noise` is its stationary standard deviation. `"changing"`:
        independent, of a standard deviation that is a power of x, x^`noise_slope`, and `noise` at
        the geometric mean of the x that were fitted. `"student"`:
        independent Student's t of scale `noise` with `degrees_of_freedom`. `"outlier"`: normal, but
        that a share `outlier_share` of the points has a standard deviation `outlier_scale` times as
        large.
    spacing
        What the gap between two points is measured in, in units of its median along the curve:
        log x, x, or the number of points.
    effect
        Whether each of several runs is displaced as a whole, by a normal of standard deviation
        `run_noise`, which is integrated out.
    """

    kind: Kind = "normal"
    spacing: Spacing = "log"
    effect: bool = False

    @property
    def label(self) -> str:
        """What tables and files call it, whatever its spacing; a key of `NOISES`."""
        if not self.effect:
            return self.kind
        return "run" if self.kind == "normal" else f"{self.kind}-run"

    def __post_init__(self) -> None:
        for value, known in ((self.kind, get_args(Kind)), (self.spacing, get_args(Spacing))):
            if value not in known:
                raise ConfigError(f"noise='{value}' is unknown; {nearest(str(value), known)}")

    def priors(self) -> dict[str, Prior]:
        """Return the default prior of each parameter of the noise."""
        priors: dict[str, Prior] = {"noise": LogNormal(0.02, 1.0)}
        if self.kind == "ar1":
            priors["autocorrelation"] = Uniform()
        if self.kind == "changing":
            priors["noise_slope"] = Normal(0.0, 0.3)
        if self.kind == "student":
            priors["degrees_of_freedom"] = LogNormal(4.0, 1.0)
        if self.kind == "outlier":
            priors["outlier_share"] = Beta(1.0, 19.0)
            priors["outlier_scale"] = LogNormal(10.0, 0.7)
        if self.effect:
            priors["run_noise"] = LogNormal(0.01, 1.0)
        return priors

    def gaps(self, x: Array, start: Sequence[int] = (0,), linear: Sequence[int] = ()) -> Array:
        """Return the distance of each point to the one before in typical gaps, shape (n,).

        Parameters
        ----------
        x : shape (n,) or (n, k)
            Of several predictors the distance is that in the one that changes most along the runs.
        start
            Where each run begins; where there are several, nothing comes before it, at a distance
            of infinity.
        linear
            Columns of x that may be 0, in which no distance is measured.
        """
        first = np.zeros(len(x), dtype=bool)
        first[np.array(start)] = True
        first[0] = True
        if x.ndim == 2:
            x = np.delete(x, list(linear), axis=1)
            moved = np.abs(np.diff(np.log(x), axis=0))[~first[1:]].sum(axis=0)
            x = x[:, int(np.argmax(moved))]
        at = {"log": np.log(x), "x": x, "index": np.arange(float(x.size))}[self.spacing]
        apart = np.diff(at)
        typical = float(np.median(apart[~first[1:]])) if not first[1:].all() else 1.0
        gap = np.concatenate([[0.0], apart / (typical if typical > 0.0 else 1.0)])
        if len(start) > 1:
            gap[first] = np.inf
        return gap

    @staticmethod
    def along(x: Array, at: Array | None = None) -> Array:
        """Return log x over the geometric mean of x, shape (n,), or log `at` over it, shape (m,).

        Of several predictors it is 0: their noise does not change.
        """
        at = x if at is None else at
        return np.log(at) - np.log(x).mean() if x.ndim == 1 else np.zeros(len(at))

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
        self,
        residual: Array,
        params: Mapping[str, Array],
        gap: Array,
        error: Array,
        along: Array | None = None,
    ) -> tuple[Array, Array]:
        """Return standardised one-step residuals and the logs of their scales.

        Parameters
        ----------
        residual : shape (m, n) or (..., m, n)
            Log y minus the law; several that have the same parameters are whitened in one.
        params
            Parameters of the noise, shape (m,).
        gap : shape (n,)
            From `gaps`.
        error : shape (n,)
            Known variance of log y, added to that of the noise.
        along : shape (n,)
            From `along`, of noise that changes.

        Source
        ------
        Kalman (1960) for correlated noise beside known errors; without errors it is rho^gap times
        the residual before. Of a displaced run, whose covariance is then 1 + k o o' with o the
        whitened vector of ones, the square root of the inverse by Sherman and Morrison (1950).
        """
        if "noise_slope" in params and along is not None and params["noise_slope"].any():
            grown = params["noise_slope"][:, None] * along
            size = np.exp(-grown)
            white, log_scale = self._whitened(residual * size, params, gap, error * size**2)
            return white, log_scale + grown
        white, log_scale = self._whitened(residual, params, gap, error)
        if not self.effect:
            return white, log_scale
        ones, _ = self._whitened(np.ones(residual.shape[-2:]), params, gap, error)
        log_scale = log_scale.copy()
        begin = _begins(gap)
        size = params["run_noise"][:, None] ** 2
        length = np.add.reduceat(ones**2, begin, axis=1)
        grown = size * length
        part = (1.0 - 1.0 / np.sqrt(1.0 + grown)) / length
        taken = part * np.add.reduceat(ones * white, begin, axis=-1)
        runs = np.diff(np.append(begin, residual.shape[-1]))
        white = white - np.repeat(taken, runs, axis=-1) * ones
        log_scale[..., begin] += 0.5 * np.log1p(grown)
        return white, log_scale

    def _whitened(
        self, residual: Array, params: Mapping[str, Array], gap: Array, error: Array
    ) -> tuple[Array, Array]:
        """Return what `whiten` does where runs are not displaced as a whole."""
        variance = params["noise"][:, None] ** 2
        known = error + RESOLUTION**2
        if self.kind != "ar1" or "autocorrelation" not in params:  # what was weighed had none
            log_scale = 0.5 * np.log(variance + (known if error.any() else RESOLUTION**2))
            return residual * np.exp(-log_scale), np.broadcast_to(log_scale, residual.shape)
        rho = np.clip(params["autocorrelation"], 1e-9, 1.0 - 1e-9)[:, None]
        joined = np.isfinite(gap) & (params["autocorrelation"] > 0.0)[:, None]
        joined[:, 0] = False
        carry = np.where(joined, rho ** np.where(np.isfinite(gap), gap, 0.0), 0.0)
        free = np.maximum(1.0 - carry**2, 1e-12)
        if not error.any():
            scale = np.sqrt((variance + RESOLUTION**2) * free)
            white = np.array(residual)
            white[..., 1:] -= carry[:, 1:] * residual[..., :-1]
            white /= scale
            return white, np.broadcast_to(np.log(scale), residual.shape)
        white, log_scale = np.empty_like(residual), np.empty(residual.shape[-2:])
        state, ahead = np.zeros(residual.shape[:-1]), np.zeros(residual.shape[-2])
        for i in range(residual.shape[-1]):
            state = carry[:, i] * state
            ahead = carry[:, i] ** 2 * ahead + variance[:, 0] * free[:, i]
            total = ahead + known[..., i]
            innovation = residual[..., i] - state
            white[..., i] = innovation / np.sqrt(total)
            log_scale[:, i] = 0.5 * np.log(total)
            state = state + ahead / total * innovation
            ahead = ahead * (1.0 - ahead / total)
        return white, np.broadcast_to(log_scale, residual.shape)

    def log_density(self, white: Array, params: Mapping[str, Array]) -> Array:
        """Return the log density of standardised residuals of shape (m, n), one by one."""
        if self.kind == "outlier":
            return np.asarray(np.logaddexp(*self._parts(white, params)))
        if self.kind != "student":
            return np.asarray(-0.5 * white**2 - 0.5 * np.log(2.0 * np.pi))
        nu = params["degrees_of_freedom"][:, None]
        constant = special.gammaln(0.5 * (nu + 1.0)) - special.gammaln(0.5 * nu)
        constant = constant - 0.5 * np.log(np.pi * nu)
        return np.asarray(constant - 0.5 * (nu + 1.0) * np.log1p(white**2 / nu))

    def _parts(self, white: Array, params: Mapping[str, Array]) -> tuple[Array, Array]:
        """Return the log densities of ordinary points and of outliers, times their shares."""
        share, scale = params["outlier_share"][:, None], params["outlier_scale"][:, None]
        constant = 0.5 * np.log(2.0 * np.pi)
        ordinary = np.log1p(-share) - 0.5 * white**2 - constant
        return ordinary, np.log(share / scale) - 0.5 * (white / scale) ** 2 - constant

    def outlying(self, white: Array, params: Mapping[str, Array]) -> Array:
        """Return how probable it is that each point is an outlier, shape (m, n)."""
        ordinary, outlier = self._parts(white, params)
        return np.exp(outlier - np.logaddexp(ordinary, outlier))

    def score(self, white: Array, params: Mapping[str, Array]) -> Array:
        """Return minus the slope of the log density of standardised residuals, shape (m, n).

        It is what a residual weighs in a fit: itself under normal noise, little far out under heavy
        tails.
        """
        if self.kind == "student":
            nu = params["degrees_of_freedom"][:, None]
            return np.asarray((nu + 1.0) * white / (nu + white**2))
        if self.kind == "outlier":
            far = self.outlying(white, params)
            return np.asarray(white * (1.0 - far + far / params["outlier_scale"][:, None] ** 2))
        return white

    def root_deviance(self, white: Array, params: Mapping[str, Array]) -> Array:
        """Return signed roots of what the log density lacks of its largest, twice, shape (m, n).

        Of normal noise these are the standardised residuals themselves. Half of their squares is
        the log density but for a constant whatever its tails, so a search by least squares finds
        its maximum.
        """
        if self.kind in ("normal", "ar1", "changing"):
            return white
        top = self.log_density(np.zeros((len(white), 1)), params)
        lost = np.maximum(top - self.log_density(white, params), 0.0)
        return np.asarray(np.sign(white) * np.sqrt(2.0 * lost))

    def to_pymc(
        self,
        name: str,
        mean: Any,
        params: Mapping[str, Any],
        data: Any,
        *,
        gap: Array,
        error: Array,
        along: Array | None = None,
    ) -> Any:
        """Add observations `data` of log y around `mean` to the PyMC model in context.

        `gap`, `error` and `along` are those of `whiten`; error may be a scalar 0, for none.
        """
        from scalefit._compat import pm, pt

        if self.kind == "changing":
            grown = pt.exp(2.0 * params["noise_slope"] * along)
            spread = pt.sqrt((params["noise"] ** 2 + RESOLUTION**2) * grown + error)
            return pm.Normal(name, mu=mean, sigma=spread, observed=data)
        total = pt.sqrt(params["noise"] ** 2 + error + RESOLUTION**2)
        if self.effect or (self.kind == "ar1" and error.any()):
            covariance = self._covariance(params, gap, error)
            return pm.MvNormal(name, mu=mean, cov=covariance, observed=data)
        if self.kind == "normal":
            return pm.Normal(name, mu=mean, sigma=total, observed=data)
        if self.kind == "outlier":
            share, scale = params["outlier_share"], params["outlier_scale"]
            sizes = (total, total * scale)
            both = [pm.Normal.dist(mu=mean, sigma=one) for one in sizes]
            weights = pt.stack([1.0 - share, share])
            return pm.Mixture(name, w=weights, comp_dists=both, observed=data)
        if self.kind == "student":
            nu = params["degrees_of_freedom"]
            return pm.StudentT(name, nu=nu, mu=mean, sigma=total, observed=data)
        rho = pt.clip(params["autocorrelation"], 1e-9, 1.0 - 1e-9)
        joined = np.isfinite(gap)
        joined[0] = False
        carry = joined * rho ** np.where(joined, gap, 0.0)
        before = pt.concatenate([pt.zeros(1), (data - mean)[:-1]])
        free = pt.sqrt(pt.maximum(1.0 - carry**2, 1e-12))
        return pm.Normal(name, mu=mean + carry * before, sigma=total * free, observed=data)

    def _covariance(self, params: Mapping[str, Any], gap: Array, error: Array) -> Any:
        """Return the covariance of log y of PyMC models, shape (n, n)."""
        from scalefit._compat import pt

        run = np.cumsum(np.isinf(gap))
        same = (run[:, None] == run[None]).astype(float)
        if self.kind == "ar1":
            place = np.cumsum(np.where(np.isfinite(gap), gap, 0.0))
            apart = np.abs(place[:, None] - place[None])
            rho = pt.clip(params["autocorrelation"], 1e-9, 1.0 - 1e-9)
            covariance = params["noise"] ** 2 * same * rho**apart
        else:
            covariance = params["noise"] ** 2 * np.eye(gap.size)
        if self.effect:
            covariance = covariance + params["run_noise"] ** 2 * same
        return covariance + np.diag(np.broadcast_to(error, gap.shape) + RESOLUTION**2)


def _begins(gap: Array) -> NDArray[np.intp]:
    """Return where each run begins."""
    return np.union1d([0], np.flatnonzero(np.isinf(gap)))


NORMAL = Noise()
"""Independent normal noise of unknown size."""

NOISES = {
    "normal": NORMAL,
    "ar1": Noise("ar1"),
    "ar1-x": Noise("ar1", "x"),
    "ar1-index": Noise("ar1", "index"),
    "changing": Noise("changing"),
    "student": Noise("student"),
    "outlier": Noise("outlier"),
    "run": Noise("normal", effect=True),
    "ar1-run": Noise("ar1", effect=True),
}
"""What the argument `noise` of `scalefit.fit` may name."""
