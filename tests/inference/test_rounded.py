"""Values known to an interval only: their likelihood, and the posterior that goes with it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from scalefit.arrays import Array
from scalefit.inference import Problem, infer
from scalefit.inference.certified import solve
from scalefit.inference.full import Full, target_of
from scalefit.inference.rounded import chances
from scalefit.inference.stated import Stated
from scalefit.laws import BrokenPowerLaw, PowerLawWithCutoff
from scalefit.laws.noise import NOISES, RESOLUTION
from scalefit.laws.rounding import interval

X = np.linspace(25.0, 4975.0, 60)
GRAIN = 1e-3


def law(x: Array) -> Array:
    return np.asarray(4.1e4 * (x + 350.0) ** -2.25)


def rounded(noise: float = 0.03, seed: int = 0) -> Array:
    """Return a loss rounded to three decimals, a quarter of a grain in place of zeros."""
    rng = np.random.default_rng(seed)
    y = (law(X) * np.exp(noise * rng.standard_normal(X.size))).round(3)
    return np.where(y == 0.0, 0.25 * GRAIN, y)


@pytest.mark.parametrize("kind", ["normal", "student"])
@pytest.mark.parametrize("scale", [0.03, 0.5])
def test_chances_are_those_of_intervals(kind: str, scale: float) -> None:
    y = rounded()
    low, high = interval(y, GRAIN)
    assert np.isneginf(low).any()
    mean = np.log(y)[None] + np.linspace(-1.0, 1.0, 21)[:, None]
    params = {"noise": np.full(21, scale), "degrees_of_freedom": np.full(21, 5.0)}
    known = np.full(y.size, 0.01**2)
    chance, residual = chances(NOISES[kind], mean, (low, high), params, known)
    size = np.sqrt(scale**2 + known + RESOLUTION**2)
    noise = stats.norm() if kind == "normal" else stats.t(5.0)
    begin, end = (low - mean) / size, (high - mean) / size
    upper = begin > 0.0
    direct = np.where(upper, noise.sf(begin) - noise.sf(end), noise.cdf(end) - noise.cdf(begin))
    there = direct > 1e-200
    np.testing.assert_allclose(np.exp(chance)[there], direct[there], rtol=1e-6)
    censored = np.isneginf(low)
    centre = np.where(censored, -1e3, (low + high) / 2.0)[None]
    middle = chances(NOISES[kind], centre, (low, high), _first(params), known)[0]
    most = np.where(censored, 0.0, middle)
    np.testing.assert_allclose(-0.5 * residual**2, chance - most, atol=1e-6)
    assert (np.diff(residual, axis=0) <= 1e-9).all()


def _first(params: dict[str, Array]) -> dict[str, Array]:
    return {name: value[:1] for name, value in params.items()}


def test_narrow_intervals_are_densities() -> None:
    y = np.array([0.5, 1.0, 2.0])
    mean = np.log(y)[None] + np.array([[-0.1], [0.0], [0.3]])
    params, known = {"noise": np.full(3, 0.1)}, np.zeros(3)
    grain = 1e-7
    chance, residual = chances(NOISES["normal"], mean, interval(y, grain), params, known)
    density = stats.norm(mean, 0.1).logpdf(np.log(y)) + np.log(grain / y)
    np.testing.assert_allclose(chance, density, atol=1e-6)
    np.testing.assert_allclose(residual, (np.log(y) - mean) / 0.1, atol=1e-6)


def test_far_tails_are_finite_and_fall() -> None:
    mean = np.log(1e-3) + np.linspace(0.1, 60.0, 400)[:, None]
    params, known = {"noise": np.full(400, 0.01)}, np.zeros(1)
    ends = interval(np.array([1e-3]), 1e-4)
    chance, residual = chances(NOISES["normal"], mean, ends, params, known)
    assert np.isfinite(chance).all()
    assert (np.diff(chance[:, 0]) < 0.0).all()
    assert (np.diff(residual[:, 0]) < 0.0).all()


@pytest.mark.parametrize("floor", [False, True])
def test_stated_values_lead_to_the_posterior_of_the_intervals(floor: bool) -> None:
    """The engine of any law, which samples every coordinate, is the reference."""
    problem = Problem(BrokenPowerLaw(1, floor), X, rounded(0.1), grain=GRAIN)
    target = target_of(problem)
    assert isinstance(target, Stated)
    found = solve(target, np.random.default_rng(0))
    reference = solve(Full(problem), np.random.default_rng(1))
    assert not found.certificate.doubts
    assert not reference.certificate.doubts
    evidence = [one.certificate.log_evidence for one in (found, reference)]
    assert evidence[0] == pytest.approx(evidence[1], abs=0.1)
    rng = np.random.default_rng(2)
    one, two = (solved.resample(4000, rng)["exponent"][:, 0] for solved in (found, reference))
    np.testing.assert_allclose(np.mean(one), np.mean(two), atol=0.15 * np.std(two))
    np.testing.assert_allclose(np.std(one), np.std(two), rtol=0.1)


@pytest.mark.slow
def test_evidence_is_the_integral_over_the_prior() -> None:
    """Two free coordinates, on a grid: the others are held."""
    from scalefit.laws.priors import Fixed

    law = BrokenPowerLaw(1, floor=False)
    x = np.geomspace(1.0, 100.0, 12)
    y = np.maximum((2.0 * x**-0.8).round(1), 0.025)
    plain = Problem(law, x, y, grain=0.1)
    priors = {**plain.priors, "steepness": Fixed(0.5), "noise": Fixed(0.05)}
    problem = Problem(law, x, y, given=priors, grain=0.1)
    found = solve(target_of(problem), np.random.default_rng(0)).certificate
    free = Full(problem)
    axes = [np.linspace(-6.0, 6.0, 1201)] * problem.dimension
    assert len(axes) == 2
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    density = np.exp(free.log_density(grid.reshape(-1, 2))).reshape(1201, 1201)
    step = axes[0][1] - axes[0][0]
    whole = float(integrate.simpson(integrate.simpson(density, dx=step), dx=step))
    assert found.log_evidence == pytest.approx(np.log(whole), abs=0.05)


def test_a_law_of_ones_own_goes_by_all_coordinates() -> None:
    problem = Problem(PowerLawWithCutoff(), X, rounded(), grain=GRAIN)
    assert isinstance(target_of(problem), Full)
    posterior = infer([problem], method="point", draws=200, rng=np.random.default_rng(0))
    assert np.isfinite(posterior.draws["exponent"]).all()
