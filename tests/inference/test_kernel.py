"""The collapsed posterior against the law's own density, closed forms and quadrature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from samples.differences import second_differences
from scipy import special, stats

from scalefit.arrays import Array
from scalefit.inference import Problem
from scalefit.inference.collapsed import Collapsed, kernel
from scalefit.inference.collapsed.gaps import ratios
from scalefit.laws import BrokenPowerLaw, Window
from scalefit.laws.broken import DECADES
from scalefit.laws.noise import Noise
from scalefit.laws.priors import Dirichlet, LogNormal, Normal, Prior, Uniform, pack

POINTS = 26


def other_priors(law: BrokenPowerLaw, noise: Noise) -> dict[str, Prior]:
    """Return priors of the other family: exponents without a common scale, a uniform share."""
    n = law.regimes - 1
    priors: dict[str, Prior] = {"exponent": Normal(0.3, 0.4, size=n + 1)}
    if n:
        priors["gap"] = Dirichlet(2.0, size=n + 1)
        priors["width"] = LogNormal(0.4 * DECADES, 0.6, size=n)
    priors["level"] = LogNormal(0.1, 1.5)
    if law.floor:
        priors["floor_share"] = Uniform()
    return {**priors, **noise.priors()}


def problem_of(
    crossovers: int,
    floor: bool,
    *,
    kind: Any = "normal",
    errors: bool = False,
    other: bool = False,
    rng: np.random.Generator,
) -> Problem:
    """Return a curve drawn from the model's own priors, at uneven x."""
    law, noise = BrokenPowerLaw(crossovers + 1, floor=floor), Noise(kind)
    x = np.sort(np.exp(rng.uniform(0.0, 9.0, POINTS)))
    error = np.exp(rng.uniform(-7.0, -3.0, POINTS)) if errors else None
    given = {**law.priors(Window(x[0], x[-1], 0.1)), **noise.priors()}
    if other:
        given = other_priors(law, noise)
    blank = Problem(law, x, np.ones(POINTS), noise, error, given)
    truth = rng.uniform(-1.0, 1.0, (1, blank.dimension))
    scatter = blank.natural(truth)["noise"][0] * rng.standard_normal(POINTS)
    return Problem(law, x, np.exp(blank.log_mean(truth)[0] + scatter), noise, error, given)


def target_of(problem: Problem) -> Collapsed:
    target = Collapsed.of(problem)
    assert target is not None
    return target


CELLS = [(n, floor) for n in range(4) for floor in (False, True)]
ALL_CELLS = pytest.mark.parametrize(("crossovers", "floor"), CELLS)
KINDS = [
    (kind, errors) for kind in ("normal", "ar1", "changing", "student") for errors in (False, True)
]
ALL_KINDS = pytest.mark.parametrize(("kind", "errors"), KINDS)


# The exact density.


def log_joint(target: Collapsed, z: Array, inner: Array) -> float:
    """Return log(prior x likelihood) of one point, from the law's standard normals alone."""
    problem = target.problem
    outer = z.size if problem.dimension == z.size + inner.size else 0  # else nothing depends on z
    point = np.concatenate([z[:outer], inner])

    def standard(points: Array) -> Array:
        free = np.broadcast_to(z, (len(points), z.size)).copy()
        free[:, :outer] = points[:, :outer]
        return pack(problem.priors, target.sampled(free, points[:, outer:]))

    steps = 2e-3 * np.eye(point.size)
    near = standard(point + steps) - standard(point - steps)
    far = standard(point + 2 * steps) - standard(point - 2 * steps)
    slopes = (8.0 * near - far) / (12.0 * 2e-3)  # leaves the fifth derivative x 1e-12
    _, log_jacobian = np.linalg.slogdet(slopes)
    value = float(problem.log_posterior(standard(point[None]))[0]) + float(log_jacobian)
    return value if outer else value + float(stats.norm.logpdf(z).sum())


def proposal(target: Collapsed, z: Array, inner: Array) -> Array:
    """Return the log density, shape (k,), that draws of the inner parameters come from at z.

    Mode and curvature are those that the kernel shows: its first draw is the mode where normals
    are 0, and the mode plus a column of the inverse factor where they are a unit vector.
    """
    problem, q = target.problem, inner.shape[1]
    normals = np.zeros((q + 1, 1, q))
    normals[1:, 0] = np.eye(q)
    repeated, squares = np.repeat(z[None], q + 1, axis=0), np.full((q + 1, 1), kernel.FREEDOM)
    shown = kernel.correct(repeated, target._given, normals, squares)[0][:, 0]
    mode, roots = shown[0], (shown[1:] - shown[0]).T  # roots @ roots.T is the inverse curvature
    scale = roots @ roots.T
    near = stats.multivariate_t(mode, scale, df=kernel.FREEDOM).logpdf(inner)
    far = stats.multivariate_t(mode, kernel.WIDE**2 * scale, df=kernel.FREEDOM).logpdf(inner)
    logs = [math.log(0.5 if target.shape[kernel.FLOOR] else 0.75) + near, math.log(0.25) + far]
    if target.shape[kernel.FLOOR]:
        outer_noise = bool(target.shape[kernel.OUTER_NOISE])
        k = len(inner)
        params = problem.natural(pack(problem.priors, target.sampled(repeated[:1], mode[None])))
        noise = {name: np.repeat(value, k, axis=0) for name, value in params.items()}
        if not outer_noise:
            noise["noise"] = np.ones(k)
        here = pack(problem.priors, target.sampled(np.repeat(z[None], k, axis=0), inner))
        apart = problem.log_y - problem.log_mean(here)
        around = problem.gaps, problem.known, problem.along
        white, _ = problem.noise.whiten(apart, noise, *around)
        ones, _ = problem.noise.whiten(np.ones_like(apart), noise, *around)
        constants = np.sum(ones**2, axis=1)
        shift = np.sum(ones * white, axis=1) / constants
        loose_level = kernel.WIDE / np.sqrt(constants)
        mean, sd = 0.3, 0.4
        if "steepness" in params:
            sd = float(params["steepness"][0])
            mean = 0.5 * sd
        stretched = [shift / loose_level, *((inner[:, 1 : target.crossovers + 2] - mean) / sd).T]
        volume = np.log(loose_level) + (target.crossovers + 1) * math.log(sd)
        if not outer_noise:
            size = math.hypot(math.exp(mode[-1]), 1e-6)
            loose_sigma = kernel.WIDE * roots[-1, -1]
            stretched[0] = stretched[0] / size
            stretched.append((inner[:, -1] - mode[-1]) / loose_sigma)
            volume = volume + math.log(size) + math.log(loose_sigma)
        loose = stats.multivariate_t(np.zeros(q), np.eye(q), df=kernel.FREEDOM)
        logs.append(math.log(0.25) + loose.logpdf(np.stack(stretched, axis=1)) - volume)
    return np.asarray(special.logsumexp(logs, axis=0))


@ALL_KINDS
@ALL_CELLS
@pytest.mark.parametrize("other", [False, True])
def test_ratios_are_prior_times_likelihood_over_proposal(
    crossovers: int, floor: bool, kind: str, errors: bool, other: bool, rng: np.random.Generator
) -> None:
    problem = problem_of(crossovers, floor, kind=kind, errors=errors, other=other, rng=rng)
    target = target_of(problem)
    z = target.from_uniform(rng.uniform(0.1, 0.9, (2, target.dimension)))
    q = crossovers + 3 - int(errors or kind == "student")
    normals, squares = rng.standard_normal((2, 4, q)), rng.chisquare(kernel.FREEDOM, (2, 4))
    inner, ratio = kernel.correct(z, target._given, normals, squares)
    for i in range(2):
        densities = proposal(target, z[i], inner[i])
        expected = [log_joint(target, z[i], one) for one in inner[i]] - densities
        # A likelihood of 1e6 nats has 1e-10 of relative rounding in its sum.
        np.testing.assert_allclose(ratio[i], expected, rtol=2e-9, atol=2e-8)


def test_other_laws_and_priors_are_not_collapsed() -> None:
    class Renamed(BrokenPowerLaw):
        """The broken law under another name."""

    x, noise = np.geomspace(1.0, 100.0, 12), Noise()
    law = BrokenPowerLaw(2)
    priors = {**law.priors(Window.of(x, x**-0.5)), **noise.priors()}
    assert Collapsed.of(Problem(law, x, x**-0.5, noise, None, priors)) is not None
    for changed in (
        {"exponent": LogNormal(0.3, 1.0, size=2)},
        {"gap": LogNormal(0.3, 1.0, size=2)},
        {"width": Normal(1.0, 1.0, size=1)},
        {"level": Normal(0.0, 1.0)},
        {"floor_share": LogNormal(0.5, 0.1)},
        {"noise": Uniform()},
        {"more": Uniform()},
    ):
        assert Collapsed.of(Problem(law, x, x**-0.5, noise, None, {**priors, **changed})) is None
    assert Collapsed.of(Problem(Renamed(2), x, x**-0.5)) is None


# What is integrated out.


def test_without_a_floor_the_inner_mode_is_ridge_regression(rng: np.random.Generator) -> None:
    problem = problem_of(2, False, errors=True, rng=rng)
    target = target_of(problem)
    z = target.from_uniform(rng.uniform(0.2, 0.8, (5, target.dimension)))
    values, residuals, log_scale = target.residuals(z)
    np.testing.assert_array_equal(values, target.log_density(z))
    np.testing.assert_array_equal(log_scale, 0.0)
    for i in range(5):
        mean, root, total = linear(target, z[i : i + 1], None)
        inside = np.linalg.inv(total) @ (problem.log_y - mean)
        # What the regression leaves is the part that the noise alone has to explain.
        expected = inside * np.sqrt(problem.known + 1e-12 + root**2)
        np.testing.assert_allclose(residuals[i], expected, rtol=1e-6, atol=1e-9)


def linear(target: Collapsed, z: Array, log_sigma: float | None) -> tuple[Array, float, Array]:
    """Return mean of log y, noise scale, and covariance of log y with the linear part integrated.

    For laws without floor, at one z of shape (1, d) and a given noise scale, of which z may have
    its own.
    """
    problem, n = target.problem, target.crossovers
    start = np.zeros((1, n + 2 + (log_sigma is not None)))
    params = target.sampled(z, start)
    sigma = float(params["noise"][0]) if log_sigma is None else math.exp(log_sigma)
    columns = []
    for j in range(n + 2):
        one = start.copy()
        one[:, j] = 1.0
        at = target.sampled(z, one)
        natural = {**at, **problem.law.natural(at, problem.window)}
        columns.append(np.asarray(problem.law.log_mean(natural, problem.x))[0])
    design = np.stack(columns, axis=1)
    priors = problem.priors
    level = priors["level"]
    assert isinstance(level, LogNormal)
    steepness = float(params["steepness"][0])
    means = np.array([math.log(level.median), *[0.5 * steepness] * (n + 1)])
    sds = np.array([level.sd, *[steepness] * (n + 1)])
    params = {**params, "noise": np.array([sigma])}
    gap = problem.gaps
    rho = float(params["autocorrelation"][0]) if "autocorrelation" in params else 0.0
    place = np.cumsum(gap)
    stationary = sigma**2 + (0.0 if problem.known.any() else 1e-12)
    noise = stationary * (rho ** np.abs(place[:, None] - place) if rho else np.eye(POINTS))
    if problem.known.any():
        noise += np.diag(problem.known + 1e-12)
    return design @ means, sigma, noise + (design * sds**2) @ design.T


@pytest.mark.parametrize(("kind", "errors"), [("normal", False), ("ar1", False), ("ar1", True)])
@pytest.mark.parametrize("crossovers", [0, 2])
def test_estimates_average_to_the_integral(
    crossovers: int, kind: str, errors: bool, rng: np.random.Generator
) -> None:
    problem = problem_of(crossovers, False, kind=kind, errors=errors, rng=rng)
    target = target_of(problem)
    candidates = target.sweep(512)
    z = candidates[[np.argmax(target.log_density(candidates))]]
    log_prior = float(target.log_prior(z)[0])

    def given(log_sigma: float | None) -> float:
        mean, _, covariance = linear(target, z, log_sigma)
        density = stats.multivariate_normal(mean, covariance, allow_singular=True)
        return float(density.logpdf(problem.log_y))

    if errors:
        expected = given(None) + log_prior
    else:
        grid = np.linspace(-4.0, 4.0, 401)
        sizes = math.log(0.02) + grid
        logs = np.array([given(one) for one in sizes]) + stats.norm.logpdf(grid)
        expected = special.logsumexp(logs) + math.log(grid[1] - grid[0]) + log_prior
    estimates, _ = target.exact(np.repeat(z, 20000, axis=0), rng)
    found = special.logsumexp(estimates) - math.log(20000)
    error = np.std(np.exp(estimates - found)) / math.sqrt(20000)
    assert error < 0.005
    assert found == pytest.approx(expected, abs=5.0 * error + 1e-4)
    # Exactly normal where the noise scale is known; else Laplace leaves out its skewness, which
    # takes 0.04 to 0.16 nats from 60 points and more from 26.
    laplace = float(target.log_density(z)[0])
    assert laplace == pytest.approx(expected, abs=1e-8 if errors else 0.3)


@ALL_CELLS
@pytest.mark.parametrize("kind", ["normal", "ar1", "student"])
def test_laplace_is_close_where_the_posterior_is(
    crossovers: int, floor: bool, kind: str, rng: np.random.Generator
) -> None:
    problem = problem_of(crossovers, floor, kind=kind, rng=rng)
    target = target_of(problem)
    candidates = target.sweep(4096)
    z = candidates[np.argsort(-target.log_density(candidates))[:3]]
    estimates = target.exact(np.repeat(z, 2000, axis=0), rng, effort=2)[0].reshape(3, 2000)
    found = special.logsumexp(estimates, axis=1) - math.log(2000)
    # Weights that fall with the residual make Student's t look narrower than it is.
    np.testing.assert_allclose(target.log_density(z), found, atol=1.6 if kind == "student" else 0.5)


def test_one_of_the_draws_is_kept_in_proportion(rng: np.random.Generator) -> None:
    # Weighted by the estimates, the draws kept have the inner posterior's mean and spread.
    problem = problem_of(0, False, errors=True, rng=rng)
    target = target_of(problem)
    candidates = target.sweep(512)
    z = np.repeat(candidates[[np.argmax(target.log_density(candidates))]], 40000, axis=0)
    estimates, inner = target.exact(z, rng)
    weight = np.exp(estimates - estimates.max())
    weight /= weight.sum()
    effective = 1.0 / np.sum(weight**2)
    mean, _, covariance = linear(target, z[:1], None)
    steepness = float(target.sampled(z[:1], inner[:1])["steepness"][0])
    gain = np.linalg.solve(covariance, problem.log_y - mean)
    u = np.log(problem.x) - np.log(problem.x[-1])
    expected = 0.5 * steepness + steepness**2 * float(-u @ gain)
    spread = steepness**2 - steepness**4 * float(u @ np.linalg.solve(covariance, u))
    found = float(weight @ inner[:, 1])
    assert found == pytest.approx(expected, abs=5.0 * math.sqrt(spread / effective))
    variance = float(weight @ (inner[:, 1] - found) ** 2)
    assert variance == pytest.approx(spread, rel=5.0 * math.sqrt(2.0 / effective))


# The outer coordinates.


@ALL_CELLS
@ALL_KINDS
def test_prior_of_the_outer_coordinates(
    crossovers: int, floor: bool, kind: str, errors: bool, rng: np.random.Generator
) -> None:
    problem = problem_of(crossovers, floor, kind=kind, errors=errors, rng=rng)
    target = target_of(problem)
    z = target.from_uniform(rng.random((4000, target.dimension)))
    inner = np.zeros((4000, crossovers + 3))
    sampled = target.sampled(z, inner[:, : crossovers + 3 - int(errors or kind == "student")])
    outer = ["gap", "width", "floor_share", "autocorrelation", "steepness", "degrees_of_freedom"]
    if errors or kind == "student":
        outer.append("noise")
    for name in outer:
        if name not in sampled:
            continue
        prior = problem.priors[name]
        again = prior.to_normal(sampled[name], {})
        # 3,800 comparisons over all cells with the same numbers: 1e-9 is beyond doubt.
        for column in again.T:
            assert stats.kstest(column, stats.norm.cdf).pvalue > 1e-9, name
    # The stated density is that of the draws: the mean of exp(other - stated) is 1.
    narrow = stats.multivariate_normal(z.mean(axis=0), 0.5 * np.cov(z.T))
    terms = np.exp(narrow.logpdf(z) - target.log_prior(z))
    assert np.mean(terms) == pytest.approx(1.0, abs=5.0 * np.std(terms) / math.sqrt(4000) + 1e-3)


@pytest.mark.parametrize("crossovers", [0, 1, 3])
def test_curvature_of_the_prior(crossovers: int, rng: np.random.Generator) -> None:
    target = target_of(problem_of(crossovers, True, kind="ar1", rng=rng))
    d = target.dimension
    (z,) = target.from_uniform(rng.random((1, d)))
    found = target.prior_curvature(z[None])[0]
    np.testing.assert_allclose(found, -second_differences(target.log_prior, z), rtol=0, atol=1e-5)


def test_ratios_of_gaps_come_back(rng: np.random.Generator) -> None:
    target = target_of(problem_of(3, False, rng=rng))
    z = target.from_uniform(rng.random((20, target.dimension)))
    np.testing.assert_allclose(ratios(target.gaps(z)), z[:, :3], atol=1e-9)
