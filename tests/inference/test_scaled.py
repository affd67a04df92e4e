"""The posterior of a collapse against dense covariances, grids and the generic one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from samples.collapses import correlated, design, log_mean, problem
from scipy import stats

from scalefit.arrays import Array
from scalefit.inference import Problem
from scalefit.inference.certified import solve
from scalefit.inference.full import Full, target_of
from scalefit.inference.scaled import Scaled
from scalefit.laws import Collapse
from scalefit.laws.noise import NOISES
from scalefit.laws.priors import Fixed, unpack


def small(
    law: Collapse, noise: str, error: bool = False, size: tuple[int, int] = (4, 9)
) -> Problem:
    """Return four curves of nine points, or others."""
    rng = np.random.default_rng(3)
    x, start = design(rng, *size)
    log_y = log_mean(x) + 0.03 * correlated(start, 0.5, rng, len(x))
    known = rng.uniform(0.0, 0.03, len(x)) if error else None
    return Problem(law, x, np.exp(log_y), NOISES[noise], known, start=start)


def scaled(problem: Problem) -> Scaled:
    found = Scaled.of(problem)
    assert found is not None
    return found


def linear(problem: Problem, sampled: dict[str, Array]) -> tuple[Array, Array, Array, Array]:
    """Return the law's columns in its linear parameters, their prior, and what they leave."""
    law, n = problem.law, problem.law.regimes
    assert isinstance(law, Collapse)

    def value(level: float, exponent: Any, gamma_0: float, drift: float) -> Array:
        one = dict(sampled)
        one["level"] = np.exp([level])
        one["stretched_exponent"] = np.array([exponent], dtype=float)
        one["start_gamma_0"] = np.array([gamma_0])
        one["drift_share"] = drift / sampled["steepness"]
        return np.asarray(law.log_mean(law.natural(one, problem.window), problem.x))[0]

    zero = np.zeros(n)
    base = value(0.0, zero, 0.0, 0.0)
    columns = [value(1.0, zero, 0.0, 0.0) - base]
    columns += [value(0.0, unit, 0.0, 0.0) - base for unit in np.eye(n)]
    tau, priors = float(sampled["steepness"][0]), problem.priors
    level: Any = priors["level"]
    mean, sd = [np.log(level.median), *n * [0.5 * tau]], [level.sd, *n * [tau]]
    if law.gamma_0 is None:
        columns.append(value(0.0, zero, 1.0, 0.0) - base)
        mean.append(0.0)
        sd.append(0.5)
    if law.drifts:
        columns.append(value(0.0, zero, 0.0, 1.0) - base)
        mean.append(0.0)
        sd.append(0.5 * tau)
    return np.stack(columns, axis=1), np.array(mean), np.array(sd), problem.log_y - base


def covariance(problem: Problem, noise: float, rho: float, run: float) -> Array:
    """Return the dense covariance of the noise."""
    which = np.cumsum(np.isin(np.arange(len(problem.y)), problem.start))
    same = which[:, None] == which
    place = np.cumsum(np.where(np.isfinite(problem.gaps), problem.gaps, 0.0))
    apart = np.abs(place[:, None] - place)
    one = rho**apart if rho else np.eye(len(place))
    return np.asarray(same * (noise**2 * one + run**2) + np.diag(problem.known))


@pytest.mark.parametrize("noise", ["normal", "ar1", "run", "ar1-run"])
@pytest.mark.parametrize(
    "law", [Collapse(1), Collapse(2), Collapse(3, 0.2), Collapse(2, 0.0, False)]
)
def test_it_is_a_dense_normal_summed_over_the_noise(law: Collapse, noise: str) -> None:
    """The quadrature over the noise is good to 1e-7 with few points."""
    summed(small(law, noise), 3, 1e-7)


@pytest.mark.parametrize(("noise", "within"), [("normal", 1e-9), ("ar1-run", 1e-8)])
def test_with_many_points_next_to_nothing_is_lost(noise: str, within: float) -> None:
    summed(small(Collapse(2), noise, size=(8, 20)), 1, within)


def summed(given: Problem, count: int, within: float) -> None:
    """Hold log p(y | z) to a sum over a grid of noises of dense normals."""
    target = scaled(given)
    rng = np.random.default_rng(8)
    z = 0.7 * rng.standard_normal((count, target.dimension))
    found = target.log_density(z) - target.log_prior(z)
    for i in range(len(z)):
        grid = np.linspace(-7.0, 2.0, 400)
        ratio = 0.0
        sampled = target.sampled(z[i : i + 1], np.zeros((1, given.law.regimes + 4)))
        if "run_noise" in sampled:  # the coordinate is the ratio to the noise, here 1
            ratio = float(sampled["run_noise"][0] / sampled["noise"][0])
        columns, mean, sd, left = linear(given, sampled)
        rho = float(sampled["autocorrelation"][0]) if "autocorrelation" in sampled else 0.0
        unit = covariance(given, 1.0, rho, ratio)
        prior = stats.norm(np.log(0.02), 1.0)
        weight = prior.logpdf(grid)
        if ratio:  # the density of the noise given its ratio to that of runs
            beside = stats.norm(np.log(0.01), 1.0).logpdf(grid + np.log(ratio))
            weight = weight + beside - stats.norm(np.log(0.5), np.sqrt(2.0)).logpdf(np.log(ratio))
        spread = columns * sd
        scale = np.exp(2.0 * grid) + 1e-12
        logs = dense_normal(left - columns @ mean, scale[:, None, None] * unit + spread @ spread.T)
        total = logs + weight + np.log(grid[1] - grid[0])
        expected = np.logaddexp.reduce(total)
        assert found[i] == pytest.approx(expected, abs=within)


def dense_normal(value: Array, covariance: Array) -> Array:
    """Return the log densities of one vector under normals of mean 0, shape (..., n, n)."""
    square = np.einsum("i,...i", value, np.linalg.solve(covariance, value[:, None])[..., 0])
    return np.asarray(-0.5 * (square + np.linalg.slogdet(2.0 * np.pi * covariance)[1]))


@pytest.mark.parametrize("noise", ["normal", "ar1-run"])
def test_with_known_errors_the_noise_is_outside(noise: str) -> None:
    given = small(Collapse(2), noise, error=True)
    target = scaled(given)
    z = 0.7 * np.random.default_rng(5).standard_normal((3, target.dimension))
    found = target.log_density(z) - target.log_prior(z)
    for i in range(len(z)):
        sampled = target.sampled(z[i : i + 1], np.zeros((1, 6)))
        columns, mean, sd, left = linear(given, sampled)
        rho, run = (
            float(sampled[name][0]) if name in sampled else 0.0
            for name in ("autocorrelation", "run_noise")
        )
        dense = covariance(given, float(sampled["noise"][0]), rho, run) + 1e-12 * np.eye(len(left))
        spread = columns * sd
        expected = dense_normal(left - columns @ mean, dense + spread @ spread.T)
        assert found[i] == pytest.approx(float(expected), abs=1e-8)


@pytest.mark.parametrize("noise", ["normal", "ar1-run"])
def test_draws_are_those_of_the_generic_posterior(noise: str) -> None:
    """p(y | z) is p(y | z, inner) p(inner | z) / p(inner | y, z), the last a normal and a scale."""
    given = small(Collapse(2), noise)
    target, rng = scaled(given), np.random.default_rng(2)
    z = np.repeat(0.5 * rng.standard_normal((1, target.dimension)), 4000, axis=0)
    _, inner = target.exact(z, rng)
    sampled = target.sampled(z, inner)
    v = np.concatenate(
        [prior.to_normal(sampled[name], sampled) for name, prior in given.priors.items()], axis=1
    )
    joint = given.log_posterior(v)
    mean, spread = target.linear(sampled)
    drift = sampled["drift_share"] * sampled["steepness"]
    value = np.column_stack(
        [np.log(sampled["level"]), sampled["stretched_exponent"], sampled["start_gamma_0"], drift]
    )
    apart = (value - mean)[:, :, None]
    square = (np.swapaxes(apart, 1, 2) @ np.linalg.solve(spread, apart))[:, 0, 0]
    assert square.mean() == pytest.approx(value.shape[1], abs=0.2)
    # what is left depends on the noise alone, in the same way for every draw
    left = joint + 0.5 * square + 0.5 * np.linalg.slogdet(spread)[1]
    log_noise = np.log(sampled["noise"])
    order = np.argsort(log_noise)
    smooth = np.polynomial.Polynomial.fit(log_noise[order], left[order], 9)
    assert np.abs(left - smooth(log_noise)).max() < 0.02
    grid = np.linspace(log_noise.min(), log_noise.max(), 2000)
    density = np.exp(smooth(grid) - left.max())
    cumulated = np.interp(log_noise, grid, np.cumsum(density) / density.sum())
    assert stats.kstest(cumulated, "uniform").pvalue > 1e-3


def test_both_engines_agree() -> None:
    given = problem(0)
    target = target_of(given)
    assert isinstance(target, Scaled)
    one = solve(target, np.random.default_rng(0))
    other = solve(Full(given), np.random.default_rng(0))
    assert not one.certificate.doubts
    assert one.certificate.apart < 0.05
    apart = one.certificate.log_evidence - other.certificate.log_evidence
    assert apart == pytest.approx(0.0, abs=0.1)
    rng = np.random.default_rng(1)
    first, second = one.resample(2000, rng), other.resample(2000, rng)
    for name in ("shift", "noise", "start_gamma_0", "drift_share"):
        low, high = np.quantile(second[name], [0.05, 0.95])
        assert np.mean((first[name] > low) & (first[name] < high)) == pytest.approx(0.9, abs=0.04)


def test_outer_coordinates_come_back() -> None:
    for noise, error in (("normal", False), ("ar1-run", False), ("ar1-run", True)):
        target = scaled(small(Collapse(3), noise, error))
        z = np.random.default_rng(0).standard_normal((5, target.dimension))
        _, inner = target.exact(z, np.random.default_rng(1))
        np.testing.assert_allclose(target.coordinates(target.sampled(z, inner)), z, atol=1e-9)


@pytest.mark.parametrize("power", [(3.0, 0.0), (30.0, 50.0)])
def test_powers_of_the_norm_change_nothing(power: tuple[float, float]) -> None:
    given = problem(4, kept=lambda x: x[:, 1] < 1e4)
    x = given.x.copy()
    x[:, 0] = np.exp(power[1]) * x[:, 0] ** power[0]
    other = replace(given, x=x)
    found = []
    for one in (given, other):
        solved = solve(scaled(one), np.random.default_rng(0))
        sampled = solved.resample(500, np.random.default_rng(1))
        natural = one.law.natural(sampled, one.window)
        found.append((solved.certificate.log_evidence, natural))
    assert found[1][0] == pytest.approx(found[0][0], abs=1e-6)
    product = [one["gamma_1"] * one["gamma_2"] for _, one in found]
    np.testing.assert_allclose(*np.sort(product), rtol=1e-6)
    np.testing.assert_allclose(
        np.sort(found[1][1]["gamma_1"]) * power[0], np.sort(found[0][1]["gamma_1"]), rtol=1e-6
    )


def test_what_is_of_other_families_is_left_to_the_generic_posterior() -> None:
    given = problem(0)
    shifted = {**given.priors, "shift": Fixed(0.3)}
    for other in (
        replace(given, noise=NOISES["student"]),
        replace(given, given=shifted),
        replace(given, grain=1e-4),
    ):
        assert Scaled.of(other) is None
    held = {**given.priors, "start_gamma_0": Fixed(0.25)}
    z = np.zeros((1, scaled(given).dimension))
    one = scaled(replace(given, given=held)).log_density(z)
    assert one == pytest.approx(scaled(replace(given, law=Collapse(2, 0.25))).log_density(z))


def test_unpacked_priors_are_those_of_the_sweep() -> None:
    target = scaled(small(Collapse(2), "ar1"))
    z = target.sweep(4096)
    rng = np.random.default_rng(0)
    drawn = unpack(target.problem.priors, rng.standard_normal((4096, target.problem.dimension)))
    sampled = target.sampled(z, np.zeros((len(z), 6)))
    for name in ("shift", "steepness", "autocorrelation"):
        assert stats.ks_2samp(sampled[name], drawn[name]).pvalue > 1e-3
    assert stats.ks_2samp(sampled["gap"][:, 0], drawn["gap"][:, 0]).pvalue > 1e-3
