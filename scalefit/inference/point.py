"""The fast optimum: penalised least squares from several starts, and its curvature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from scalefit.laws.noise import RESOLUTION, deviation
from scalefit.laws.priors import Relative, pack, unpack

from .problem import Posterior, Problem

Array = NDArray[np.float64]

SCREENED = 512
STARTS = 12
STEP = 1e-6


@dataclass(frozen=True)
class Optimum:
    """A local maximum of the posterior in standard-normal coordinates.

    Attributes
    ----------
    v : shape (d,)
        Where it is; the last coordinate is that of the noise.
    log_posterior
        Height.
    covariance : shape (d, d)
        Inverse of the Gauss-Newton curvature.
    gradient
        Largest component of the gradient in units of posterior standard deviations.
    """

    v: Array
    log_posterior: float
    covariance: Array
    gradient: float

    @property
    def log_mass(self) -> float:
        """Log of the mass that a normal of this height and curvature holds."""
        _, determinant = np.linalg.slogdet(self.covariance)
        return float(self.log_posterior + 0.5 * determinant + 0.5 * self.v.size * np.log(2 * np.pi))


def optima(problem: Problem, *, rng: np.random.Generator, starts: int = STARTS) -> list[Optimum]:
    """Return the distinct local maxima found from dispersed starts, the largest mass first."""
    found = [_climb(problem, v) for v in _starts(problem, rng, starts)]
    distinct: list[Optimum] = []
    for candidate in sorted(found, key=lambda one: -one.log_posterior):
        if not any(_same(candidate, kept) for kept in distinct):
            distinct.append(candidate)
    return sorted(distinct, key=lambda one: -one.log_mass)


def solve(problem: Problem, *, draws: int, rng: np.random.Generator) -> Posterior:
    """Return draws from the normal with the best optimum's position and curvature.

    A preview: the intervals are those of one mode and of a quadratic approximation.
    """
    best = optima(problem, rng=rng)[0]
    sampled = spread(problem, best, rng.standard_normal((draws, best.v.size)))
    natural = {**sampled, **problem.law.natural(sampled, problem.window)}
    values = {name: value[None] for name, value in natural.items()}
    unknown = {name: np.full(value.shape[2:], np.nan) for name, value in values.items()}
    verdict = "ok"
    noiseless = float(unpack(problem.priors, best.v[None])["noise"][0]) < 10.0 * RESOLUTION
    if best.gradient > 0.05 and not noiseless:  # without noise the valley of the prior is too thin
        verdict = (
            f"the optimum was not reached (gradient {best.gradient:.2g} posterior sd); "
            "try method='nuts' or fewer regimes"
        )
    note = "intervals come from the curvature at one optimum: a preview, not a posterior"
    return Posterior(values, verdict, unknown, unknown, notes=(note,))


def spread(problem: Problem, optimum: Optimum, normals: Array) -> dict[str, Array]:
    """Return sampled variables scattered around an optimum by its curvature.

    A variable whose prior is relative to another one is scattered linearly: the data fix its
    value, not its ratio to the other, and along a fixed value the ratio is strongly curved.

    Parameters
    ----------
    normals : shape (m, d)
        Standard normals, or wider for overdispersed points.
    """
    apart = normals @ np.linalg.cholesky(optimum.covariance).T
    sampled = unpack(problem.priors, optimum.v + apart)
    steps = np.concatenate([np.zeros((1, optimum.v.size)), STEP * np.eye(optimum.v.size)])
    nearby = unpack(problem.priors, optimum.v + steps)
    for name, prior in problem.priors.items():
        if isinstance(prior, Relative):
            value = nearby[name]
            sampled[name] = value[0] + apart @ ((value[1:] - value[0]) / STEP)
    return sampled


def _starts(problem: Problem, rng: np.random.Generator, count: int) -> Array:
    """Return the most promising prior draws, aligned with the data, no two of them close."""
    v = rng.standard_normal((SCREENED, problem.dimension))
    sampled = problem.law.align(unpack(problem.priors, v), problem.x, problem.y)
    natural = problem.law.natural(sampled, problem.window)
    spread = np.std(problem.log_y - problem.law.log_mean(natural, problem.x), axis=1)
    sampled["noise"] = np.clip(spread, 1e-4, 1.0)
    v = np.clip(pack(problem.priors, sampled), -4.0, 4.0)
    order = np.argsort(-problem.log_posterior(v))
    chosen: list[Array] = []
    for distance in (1.0, 0.5, 0.25, 0.0):
        for candidate in v[order]:
            if len(chosen) == count:
                break
            if all(np.linalg.norm(candidate - kept) > distance for kept in chosen):
                chosen.append(candidate)
    return np.array(chosen)


def _climb(problem: Problem, v: Array) -> Optimum:
    """Alternate least squares at fixed noise with the best noise until neither moves."""
    prior = problem.priors["noise"]
    inner, noise_v = v[:-1].copy(), float(v[-1])
    for _ in range(20):
        noise = float(deviation(prior.from_normal(np.array([[noise_v]]), {})[0]))

        def residuals(inner: Array, noise: float = noise) -> Array:
            return np.asarray(_residuals(problem, inner[None], noise)[0])

        def jacobian(inner: Array, noise: float = noise) -> Array:
            moved = np.concatenate([inner[None], inner + STEP * np.eye(inner.size)])
            values = _residuals(problem, moved, noise)
            return np.asarray((values[1:] - values[0]).T / STEP)

        # Not "lm": scaled by columns, it creeps along the valley of a parameter that data ignore.
        inner = optimize.least_squares(
            residuals, inner, jac=jacobian, method="trf", xtol=1e-9, max_nfev=200
        ).x
        squares = float(np.sum(_misfit(problem, inner[None])[0] ** 2))
        before, noise_v = noise_v, _best_noise(problem, squares)
        if abs(noise_v - before) < 1e-6:
            break
    return _curvature(problem, inner, noise_v)


def _misfit(problem: Problem, inner: Array) -> Array:
    v = np.concatenate([inner, np.zeros((len(inner), 1))], axis=1)
    misfit: Array = problem.log_y - problem.log_mean(v)
    return np.asarray(np.nan_to_num(misfit, nan=1e3, posinf=1e3, neginf=-1e3))


def _residuals(problem: Problem, inner: Array, noise: float) -> Array:
    """Return data and prior residuals, shape (m, n + d - 1); half their squares is -log density."""
    return np.concatenate([_misfit(problem, inner) / noise, inner], axis=1)


def _best_noise(problem: Problem, squares: float) -> float:
    """Return the noise coordinate that maximises the posterior at a given sum of squares."""
    n, prior = problem.log_y.size, problem.priors["noise"]

    def cost(v: float) -> float:
        noise = float(deviation(prior.from_normal(np.array([[v]]), {})[0]))
        return n * float(np.log(noise)) + 0.5 * squares / noise**2 + 0.5 * v * v

    return float(optimize.minimize_scalar(cost, bounds=(-12.0, 8.0), method="bounded").x)


def _curvature(problem: Problem, inner: Array, noise_v: float) -> Optimum:
    """Return the optimum with its Gauss-Newton curvature, the noise included."""
    v = np.append(inner, noise_v)
    d = v.size
    at = np.array([[noise_v], [noise_v + STEP]])
    noise, after = deviation(problem.priors["noise"].from_normal(at, {}))
    slope = float(np.log(after / noise) / STEP)
    moved = np.concatenate([inner[None], inner + STEP * np.eye(d - 1)])
    misfit = _misfit(problem, moved)
    sensitivity = -(misfit[1:] - misfit[0]).T / STEP / noise
    scaled = misfit[0] / noise
    hessian = np.eye(d)
    hessian[:-1, :-1] += sensitivity.T @ sensitivity
    hessian[:-1, -1] = hessian[-1, :-1] = 2.0 * slope * sensitivity.T @ scaled
    hessian[-1, -1] += 2.0 * slope**2 * float(scaled @ scaled)
    gradient = np.append(sensitivity.T @ scaled, slope * (float(scaled @ scaled) - scaled.size)) - v
    try:
        covariance = linalg.inv(hessian)
        np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        hessian[:-1, -1] = hessian[-1, :-1] = 0.0
        covariance = linalg.inv(hessian)
    covariance = 0.5 * (covariance + covariance.T)
    standard = np.abs(gradient) * np.sqrt(np.diag(covariance))
    height = float(problem.log_posterior(v[None])[0])
    return Optimum(v, height, covariance, float(standard.max()))


def _same(a: Optimum, b: Optimum) -> bool:
    """Return whether a lies within one standard deviation of b, by b's curvature."""
    apart = a.v - b.v
    distance = float(apart @ np.linalg.solve(b.covariance, apart))
    return distance < 1.0 and abs(a.log_posterior - b.log_posterior) < 1.0
