"""Laws of several predictors: one formula for numpy and PyMC, priors at the centre of the data."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scalefit.inference import Problem
from scalefit.laws import Law
from scalefit.laws.additive import Additive
from scalefit.laws.annealed import Annealed
from scalefit.laws.data_constrained import DataConstrained
from scalefit.laws.farseer import Farseer
from scalefit.laws.four_regime import FourRegime
from scalefit.laws.kaplan import Kaplan
from scalefit.laws.monomial import Monomial
from scalefit.laws.noise import NORMAL
from scalefit.laws.priors import unpack
from scalefit.laws.window import Window

Array = NDArray[np.float64]

LAWS: tuple[Law, ...] = (
    Additive(),
    Additive(floor=False, product=True),
    Additive(predictors=("a", "b", "c")),
    Kaplan(),
    Kaplan(floor=False),
    FourRegime(),
    FourRegime(floor=False),
    Monomial(),
    Monomial(floor=False, coupled=True, predictors=("a", "b", "c")),
    DataConstrained(),
    DataConstrained(floor=False, saturating=False),
    Farseer(),
    Farseer(floor=True, curved=False),
    Annealed(),
    Annealed(2),
    Annealed(floor=False),
)
each_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)


def design(law: Law, count: int = 24) -> Array:
    """Return points over two decades of each predictor; of one that may be 0, half of them 0."""
    rng = np.random.default_rng(1)
    x = 1e8 * 10.0 ** rng.uniform(0.0, 2.0, (count, len(law.predictors)))
    x[: count // 2, list(law.linear_columns)] = 0.0
    if isinstance(law, DataConstrained):
        x[:, 2] = x[:, 1] / rng.uniform(1.0, 8.0, count)
    return x


def problem(law: Law) -> tuple[Problem, Array]:
    """Return a problem with data from its law, and the coordinates that they are from."""
    x = design(law)
    flat = Problem(law, x, np.full(len(x), 3.0), NORMAL)
    v = 0.3 * np.random.default_rng(2).standard_normal((1, flat.dimension))
    return Problem(law, x, np.exp(flat.log_mean(v)[0]), NORMAL), v


@each_law
def test_the_model_of_pymc_has_the_same_formula_and_likelihood(law: Law) -> None:
    from scalefit._compat import pm, pt

    found, v = problem(law)
    near = v + 0.02
    sampled = unpack(found.priors, near)
    model = law.to_pymc(found.x, found.y)
    used = [
        name for name in sampled if name != "steepness"
    ]  # of which the likelihood knows nothing
    given = {model[name]: np.asarray(sampled[name][0]) for name in used}
    density = pm.logp(model["observed"], np.log(found.y))
    graph = pt.concatenate([model["log_mean"], density])
    mean, likelihood = np.split(graph.eval(given, mode="FAST_COMPILE"), 2)
    params = found.natural(near)
    np.testing.assert_allclose(mean, found.log_mean(near)[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(likelihood, found.log_likelihood(params)[0], rtol=1e-7, atol=1e-7)


@each_law
def test_rows_may_stand_in_any_order(law: Law) -> None:
    found, v = problem(law)
    order = np.random.default_rng(4).permutation(len(found.x))
    mixed = Problem(law, found.x[order], found.y[order], NORMAL)
    np.testing.assert_allclose(mixed.log_posterior(v), found.log_posterior(v), rtol=1e-10)


@each_law
def test_the_level_is_that_at_the_centre(law: Law) -> None:
    found, v = problem(law)
    params = found.natural(v)
    at = np.array([found.window.centre])
    if isinstance(law, Annealed):
        at = np.array([[found.window.x_high, 0.0]])
        if law.floor:  # the level is that of the whole law
            np.testing.assert_allclose(np.exp(law.log_mean(params, at))[:, 0], params["level"])
    elif isinstance(law, DataConstrained):
        once = np.array([[*found.window.centre[:2], found.window.centre[1]]])
        endless = params | {"excess": np.array([1e12])}
        np.testing.assert_allclose(
            np.exp(law.log_mean(endless, once))[:, 0], params["level"], rtol=1e-6
        )
    else:
        np.testing.assert_allclose(np.exp(law.log_mean(params, at))[:, 0], params["level"])


@each_law
def test_draws_of_the_prior_are_finite(law: Law) -> None:
    found, _ = problem(law)
    v = np.random.default_rng(5).standard_normal((30, found.dimension))
    params = found.natural(v)
    assert all(np.isfinite(value).all() for value in params.values())
    assert np.isfinite(law.log_mean(params, found.x)).all()
    for one in law.parameters:
        value = params[one.name]
        assert value.shape == ((30,) if one.per == "law" else (30, one.size)), one.name
        assert (value >= one.low).all(), one.name
        assert (value <= one.high).all(), one.name


@each_law
def test_the_law_falls_as_its_formula_says_far_from_the_data(law: Law) -> None:
    """Starts moved towards the data stay finite, and there are more points than parameters."""
    found, _ = problem(law)
    v = np.random.default_rng(6).standard_normal((40, found.dimension))
    moved = law.align(unpack(found.priors, v), found.x, found.y)
    natural = law.natural(moved, found.window)
    assert np.isfinite(law.log_mean({**moved, **natural}, found.x)).all()
    assert law.minimum_points >= sum(one.size for one in law.parameters if one.name != "centre") - 1


def test_data_seen_once_obey_the_additive_law() -> None:
    rng = np.random.default_rng(7)
    x = 1e8 * 10.0 ** rng.uniform(0.0, 2.0, (20, 3))
    x[:, 2] = x[:, 1]
    numbers = {"exponent_n": 0.3, "exponent_d": 0.4, "amplitude_n": 400.0, "amplitude_d": 900.0}
    params = {k: np.array([v]) for k, v in {**numbers, "repeats": 5.0, "floor": 1.8}.items()}
    found = np.exp(DataConstrained(saturating=False).log_mean(params, x))[0]
    expected = 1.8 + 400.0 * x[:, 0] ** -0.3 + 900.0 * x[:, 1] ** -0.4
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_repeated_data_saturate_as_published() -> None:
    size, tokens, unique = 2e9, np.array([1e10, 4e10, 1e13]), 1e10
    numbers = {"exponent_n": 0.3, "exponent_d": 0.4, "amplitude_n": 400.0, "amplitude_d": 900.0}
    law = {**numbers, "repeats": 15.0, "excess": 5.0, "floor": 1.8}
    params = {k: np.array([v]) for k, v in law.items()}
    x = np.stack([np.full(3, size), tokens, np.full(3, unique)], axis=1)
    found = np.exp(DataConstrained().log_mean(params, x))[0]
    beyond = tokens / unique - 1.0
    seen = unique + unique * 15.0 * (1.0 - np.exp(-beyond / 15.0))
    grid = np.geomspace(1e6, 1e12, 400_001)  # the best size at one pass over the unique tokens
    cost = 400.0 * grid**-0.3 + 900.0 * (best_product(unique) / grid) ** -0.4
    best = min(size, float(grid[np.argmin(cost)]))
    used = best + best * 5.0 * (1.0 - np.exp(-(size / best - 1.0) / 5.0))
    expected = 1.8 + 400.0 * used**-0.3 + 900.0 * seen**-0.4
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def best_product(unique: float) -> float:
    """Return the product of size and tokens at which the best number of tokens is `unique`."""
    size = (900.0 * 0.4 * unique**-0.4 / (400.0 * 0.3)) ** (-1.0 / 0.3)
    return size * unique


def test_farseer_is_the_published_formula() -> None:
    """Around the centre or in powers of N, it is the same law."""
    law, rng = Farseer(), np.random.default_rng(8)
    x = np.stack([10.0 ** rng.uniform(8, 10, 15), 10.0 ** rng.uniform(9, 12, 15)], axis=1)
    centre = np.array([[1e9, 3e10]])
    names = ("limit", "amplitude", "exponent")
    values = dict(zip(names, (0.46, 0.09, 0.31), strict=True))
    slopes = dict(zip(names, (0.11, -0.28, 0.16), strict=True))
    bends = dict(zip(names, (0.03, -0.17, -0.14), strict=True))
    params = {one: np.array([values[one]]) for one in names} | {"centre": centre}
    params |= {f"{one}_slope": np.array([slopes[one]]) for one in names}
    params |= {f"{one}_bend": np.array([bends[one]]) for one in names}

    def bracket(one: str) -> Array:  # log of it is c N^q + k
        scale = -slopes[one] / bends[one] / 1e9 ** bends[one]
        constant = np.log(values[one]) + slopes[one] / bends[one]
        return np.asarray(np.exp(scale * x[:, 0] ** bends[one] + constant))

    power = (x[:, 1] / 3e10) ** -bracket("exponent")
    expected = bracket("limit") + bracket("amplitude") * power
    np.testing.assert_allclose(np.exp(law.log_mean(params, x))[0], expected, rtol=1e-12)


def test_a_bend_of_nothing_is_a_power() -> None:
    bent, straight = Farseer(), Farseer(curved=False)
    found, v = problem(straight)
    params = found.natural(v)
    none = {f"{one}_bend": np.zeros(1) for one in ("limit", "amplitude", "exponent")}
    np.testing.assert_allclose(
        bent.log_mean(params | none, found.x), straight.log_mean(params, found.x), rtol=1e-12
    )


def test_annealing_takes_its_gain_off_the_broken_law() -> None:
    law, x = Annealed(2), design(Annealed(2))
    found, v = problem(law)
    params = found.natural(v)
    power = np.exp(law.power.log_mean(params, x[:, 0]))[0]
    expected = power - params["gain"][0] * x[:, 1]
    np.testing.assert_allclose(np.exp(law.log_mean(params, x))[0], expected, rtol=1e-9)


def test_predictors_that_may_be_zero_have_no_logarithm() -> None:
    x = np.array([[1.0, 0.0], [4.0, 0.0], [16.0, 8.0]])
    window = Window.of(x, np.ones(3), (1,))
    assert window.centre == pytest.approx((4.0, 8.0))
    assert Window.of(x * [1, 0], np.ones(3), (1,)).centre[1] == 1.0
    gap = Annealed().to_pymc(x, np.ones(3))
    assert gap is not None
    from scalefit.laws.noise import NOISES

    np.testing.assert_allclose(NOISES["ar1"].gaps(x, (0,), (1,)), [0.0, 1.0, 1.0])


def test_a_negative_predictor_is_refused() -> None:
    from scalefit.errors import InvalidData

    x = np.array([[1.0, 0.0], [4.0, -1.0], [16.0, 8.0]])
    with pytest.raises(InvalidData, match="may be 0"):
        Annealed().to_pymc(x, np.ones(3))
    with pytest.raises(InvalidData, match="logarithms"):
        Additive().to_pymc(np.abs(x), np.ones(3))
