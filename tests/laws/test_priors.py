"""Priors: images of normals, the stated distributions, and the same density in PyMC."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scalefit.arrays import Array
from scalefit.inference import Problem
from scalefit.inference.nuts import unconstrained
from scalefit.laws import BrokenPowerLaw, Window
from scalefit.laws.noise import Noise
from scalefit.laws.priors import (
    Dirichlet,
    LogNormal,
    Normal,
    Prior,
    Relative,
    StretchedShare,
    Uniform,
    dimension,
    pack,
    unpack,
)

GIVEN = {"scale": np.array([0.3])}
PRIORS: dict[str, Prior] = {
    "log-normal": LogNormal(0.4, 0.7),
    "log-normals": LogNormal(20.0, 2.0, size=3),
    "normal": Normal(-1.0, 2.0),
    "normals": Normal(0.3, 0.3, size=2),
    "uniform": Uniform(),
    "relative": Relative("scale", centre=0.5, size=2),
    "two shares": Dirichlet(3.0, size=2),
    "five shares": Dirichlet(3.0, size=5),
    "uneven shares": Dirichlet(0.7, size=3),
    "stretched share": StretchedShare(1.6),
}
GRID = np.linspace(-4.0, 4.0, 81)[:, None]
X = np.geomspace(3.0, 4e4, 15)


@pytest.mark.parametrize("name", PRIORS)
@given(st.data())
@settings(deadline=None, max_examples=50)
def test_normals_come_back(name: str, data: st.DataObject) -> None:
    prior = PRIORS[name]
    size = prior.coordinates
    v = np.array([data.draw(st.lists(st.floats(-3, 3), min_size=size, max_size=size))])
    value = prior.from_normal(v, GIVEN)
    assert value.shape == ((1, prior.size) if prior.size else (1,))
    # Shares next to 1 lose up to half of the digits in the complement.
    np.testing.assert_allclose(prior.to_normal(value, GIVEN), v, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["two shares", "five shares", "uneven shares"])
@given(st.data())
@settings(deadline=None, max_examples=50)
def test_shares_come_back(name: str, data: st.DataObject) -> None:
    prior = PRIORS[name]
    assert prior.size
    parts = data.draw(st.lists(st.floats(0.1, 1), min_size=prior.size, max_size=prior.size))
    value = np.array([parts]) / sum(parts)
    again = prior.from_normal(prior.to_normal(value, GIVEN), GIVEN)
    # A share that takes nearly all of what is left sits where the normal's cdf is 1 - 1e-9.
    np.testing.assert_allclose(again, value, rtol=0, atol=1e-7)
    np.testing.assert_allclose(again.sum(), 1.0, rtol=0, atol=1e-12)


def test_log_normal_quantiles() -> None:
    value = LogNormal(0.4, 0.7).from_normal(GRID, {})
    expected = stats.lognorm(s=0.7, scale=0.4).ppf(stats.norm.cdf(GRID[:, 0]))
    np.testing.assert_allclose(value, expected, rtol=1e-10)


def test_normal_quantiles() -> None:
    value = PRIORS["normals"].from_normal(np.repeat(GRID, 2, axis=1), {})
    expected = stats.norm(0.3, 0.3).ppf(stats.norm.cdf(GRID[:, 0]))
    np.testing.assert_allclose(value, np.stack([expected, expected], axis=1), atol=1e-10)


def test_uniform_quantiles() -> None:
    value = PRIORS["uniform"].from_normal(GRID, {})
    np.testing.assert_allclose(value, stats.norm.cdf(GRID[:, 0]), rtol=1e-12)


def test_relative_quantiles() -> None:
    given_scale = {"scale": np.full(len(GRID), 0.3)}
    value = PRIORS["relative"].from_normal(np.repeat(GRID, 2, axis=1), given_scale)
    expected = stats.norm(0.15, 0.3).ppf(stats.norm.cdf(GRID[:, 0]))
    np.testing.assert_allclose(value, np.stack([expected, expected], axis=1), atol=1e-10)


def test_two_shares_are_beta() -> None:
    value = PRIORS["two shares"].from_normal(GRID, {})
    expected = stats.beta(3, 3).ppf(stats.norm.cdf(GRID[:, 0]))
    np.testing.assert_allclose(value[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize(("concentration", "size"), [(3.0, 3), (3.0, 5), (0.7, 3)])
def test_every_share_has_its_beta_marginal(
    concentration: float, size: int, rng: np.random.Generator
) -> None:
    prior = Dirichlet(concentration, size=size)
    value = prior.from_normal(rng.standard_normal((20000, size - 1)), {})
    marginal = stats.beta(concentration, concentration * (size - 1))
    # Over 11 shares and three correlations, 1e-5 each: a false alarm in 1 of 7,000 seeds.
    for share in value.T:
        assert stats.kstest(share, marginal.cdf).pvalue > 1e-5
    # Any two shares of a symmetric Dirichlet correlate by -1 / (size - 1); 4.4 standard errors.
    found = np.corrcoef(value[:, 0], value[:, -1])[0, 1]
    assert found == pytest.approx(-1 / (size - 1), abs=4.4 / math.sqrt(20000))


def test_stretched_share_inverts_its_definition() -> None:
    share = StretchedShare(1.6).from_normal(GRID, {})
    logit = 1.6 * GRID[:, 0] + np.maximum(GRID[:, 0], 0.0) ** 2
    np.testing.assert_allclose(share, 1 / (1 + np.exp(-np.minimum(logit, 20.0))), rtol=1e-12)
    assert (np.diff(share[GRID[:, 0] < 3.7]) > 0).all()
    assert ((share > 0) & (share < 1)).all()


@pytest.mark.parametrize(
    ("above", "probability"), [(0.9, 0.19), (0.99, 0.069), (0.999, 0.026), (0.1, 0.915)]
)
def test_stretched_share_has_the_stated_tails(above: float, probability: float) -> None:
    v = StretchedShare(1.6).to_normal(np.array([above]), {})[0, 0]
    assert stats.norm.sf(v) == pytest.approx(probability, abs=0.001 + 0.01 * probability)


@pytest.mark.parametrize("floor", [True, False])
@pytest.mark.parametrize("regimes", [1, 2, 4])
def test_default_priors_are_the_recommended_ones(regimes: int, floor: bool) -> None:
    priors = BrokenPowerLaw(regimes, floor=floor).priors(Window(2.0, 900.0, 7.0))
    nats = 2 * math.log(9) / math.log(10)  # decades per nat of softplus scale
    expected: dict[str, Prior] = {
        "steepness": LogNormal(0.4, 0.7),
        "exponent": Relative("steepness", centre=0.5, size=regimes),
        "level": LogNormal(7.0, 2.0, unit="y"),
    }
    if regimes > 1:
        expected["gap"] = Dirichlet(3.0, size=regimes)
        expected["width"] = LogNormal(0.5 * nats, 1.0, unit="decades", size=regimes - 1)
    if floor:
        expected["floor_share"] = StretchedShare(1.6)
    assert priors == expected


def test_default_priors_of_the_noise() -> None:
    noise = {"noise": LogNormal(0.02, 1.0)}
    assert Noise().priors() == noise
    assert Noise("ar1").priors() == {**noise, "autocorrelation": Uniform()}
    assert Noise("student").priors() == {**noise, "degrees_of_freedom": LogNormal(4.0, 1.0)}


def test_an_exponent_has_the_stated_quantiles(rng: np.random.Generator) -> None:
    priors = BrokenPowerLaw(1).priors(Window(1.0, 10.0, 1.0))
    v = rng.standard_normal((400_000, dimension(priors)))
    exponent = unpack(priors, v)["exponent"][:, 0]
    stated = [-0.86, -0.06, 0.16, 0.48, 1.86]
    # Stated to two digits; Monte Carlo adds at most 0.01 at the outer quantiles (5 errors).
    np.testing.assert_allclose(
        np.quantile(exponent, [0.025, 0.25, 0.5, 0.75, 0.975]), stated, rtol=0, atol=0.025
    )
    assert np.mean(exponent > 1) == pytest.approx(0.092, abs=0.003)
    assert np.mean(exponent < 0) == pytest.approx(0.31, abs=0.006)


@pytest.mark.parametrize("law", [BrokenPowerLaw(1, floor=False), BrokenPowerLaw(4, floor=True)])
def test_pack_undoes_unpack(law: BrokenPowerLaw, rng: np.random.Generator) -> None:
    priors = Problem(law, X, X**-0.5).priors
    v = rng.uniform(-2.5, 2.5, (30, dimension(priors)))
    assert list(priors)[-1] == "noise"
    np.testing.assert_allclose(pack(priors, unpack(priors, v)), v, rtol=0, atol=1e-6)


def test_words_name_the_distribution() -> None:
    said = [prior.words() for prior in PRIORS.values()]
    assert "log-normal, median 0.4, sd of the log 0.7" in said
    assert len(set(said)) == len(said) == len(PRIORS)


def in_model_coordinates(model: Any, problem: Problem, v: Array) -> Array:
    """Return the value variables of the PyMC model, flattened, for coordinates (m, d)."""
    sampled = unpack(problem.priors, v)
    start = 0
    for name, prior in problem.priors.items():
        if isinstance(prior, StretchedShare):
            sampled[f"{name}_normal"] = v[:, start]
        start += prior.coordinates
    return unconstrained(model, sampled)


ALTERNATIVE: dict[str, Prior] = {
    "exponent": Normal(0.3, 0.3, size=2),
    "gap": Dirichlet(2.0, size=2),
    "width": LogNormal(0.4, 0.6, size=1),
    "level": LogNormal(0.1, 2.0),
    "floor_share": Uniform(),
    "noise": LogNormal(0.02, 1.0),
}
MODELS = {
    "1 regime": (BrokenPowerLaw(1, floor=False), Noise(), False, None),
    "2 regimes, floor": (BrokenPowerLaw(2, floor=True), Noise(), False, None),
    "3 regimes, floor": (BrokenPowerLaw(3, floor=True), Noise(), False, None),
    "errors": (BrokenPowerLaw(1, floor=True), Noise(), True, None),
    "ar1": (BrokenPowerLaw(1, floor=True), Noise("ar1"), False, None),
    "ar1 in x": (BrokenPowerLaw(1, floor=False), Noise("ar1", "x"), False, None),
    "ar1, errors": (BrokenPowerLaw(1, floor=False), Noise("ar1"), True, None),
    "student": (BrokenPowerLaw(1, floor=False), Noise("student"), False, None),
    "student, errors": (BrokenPowerLaw(1, floor=True), Noise("student"), True, None),
    "changing": (BrokenPowerLaw(1, floor=False), Noise("changing"), False, None),
    "changing, errors": (BrokenPowerLaw(1, floor=True), Noise("changing"), True, None),
    "other priors": (BrokenPowerLaw(2, floor=True), Noise(), False, ALTERNATIVE),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_posterior_is_the_density_of_the_pymc_model(
    name: str, rng: np.random.Generator
) -> None:
    law, noise, errors, given_priors = MODELS[name]
    x = X * np.exp(rng.uniform(-0.3, 0.3, X.size))  # neighbours at uneven distances
    y = 5.0 * x**-0.4 * np.exp(0.05 * rng.standard_normal(x.size))
    y_err = y * np.exp(rng.uniform(-5.0, -2.0, x.size)) if errors else None
    known = None if y_err is None else y_err / y
    problem = Problem(law, x, y, noise, known, given_priors)
    model = law.to_pymc(x, y, noise=noise, y_err=y_err, priors=given_priors)
    assert {str(one.name) for one in model.free_RVs} >= set(noise.priors())
    logp = model.compile_fn(
        model.logp(jacobian=True), inputs=model.value_vars, mode="FAST_COMPILE", point_fn=False
    )
    shapes = [tuple(model.initial_point()[variable.name].shape) for variable in model.value_vars]
    d, step = problem.dimension, 1e-5
    # The cut of the stretched share, at v = 3.7, is no place for finite differences.
    for v in rng.uniform(-2.0, 2.0, (4, d)):
        moved = np.concatenate([v[None], v + step * np.eye(d), v - step * np.eye(d)])
        values = in_model_coordinates(model, problem, moved)
        assert values.shape[1] == d
        slopes = (values[1 : d + 1] - values[d + 1 :]) / (2 * step)
        _, log_jacobian = np.linalg.slogdet(slopes)
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        parts = zip(np.split(values[0], ends), shapes, strict=True)
        density = float(logp(*(part.reshape(shape) for part, shape in parts)))
        # Central differences leave about 1e-9 in each slope; the densities are up to 1e5.
        found = float(problem.log_posterior(v[None])[0])
        assert found == pytest.approx(density + log_jacobian, rel=1e-9, abs=1e-6)


def test_log_posterior_is_prior_times_likelihood(rng: np.random.Generator) -> None:
    law = BrokenPowerLaw(2, floor=True)
    problem = Problem(law, X, 5.0 * X**-0.4)
    v = rng.uniform(-2.0, 2.0, (5, problem.dimension))
    spread = np.hypot(problem.natural(v)["noise"], 1e-6)[:, None]
    likelihood = stats.norm.logpdf(problem.log_y, problem.log_mean(v), spread).sum(axis=1)
    expected = likelihood + stats.norm.logpdf(v).sum(axis=1)
    np.testing.assert_allclose(problem.log_posterior(v), expected, rtol=1e-12)
