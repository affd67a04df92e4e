"""The broken power law against quadrature, its own limits, and the PyMC graph."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.inference import Problem
from scalefit.laws import BrokenPowerLaw, PowerLaw, Window
from scalefit.laws.noise import Noise

Params = dict[str, Array]

NATS_PER_DECADE = math.log(10.0)
LAWS = [BrokenPowerLaw(n, floor=floor) for n in (1, 2, 3) for floor in (False, True)]
ALL = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
X = np.geomspace(2.0, 5e4, 25)


def prior_draws(law: BrokenPowerLaw, rng: np.random.Generator, m: int) -> Params:
    """Return natural and sampled parameters, m draws from the default priors."""
    problem = Problem(law, X, 3.0 * X**-0.3)
    return problem.natural(rng.standard_normal((m, problem.dimension)))


def one_of(params: Params, i: int) -> Params:
    return {name: value[i] for name, value in params.items()}


def power_part(params: Params, x: float) -> float:
    """Return log y without floor by integrating the local slope from far below the first bend."""
    exponent = np.atleast_1d(params["exponent"])
    centre = np.log(np.atleast_1d(params.get("crossover", np.empty(0))))
    # 10 to 90% of a logistic step take 2 log 9 scales.
    scale = np.atleast_1d(params.get("width", np.empty(0))) * NATS_PER_DECADE / (2 * math.log(9))

    def slope(u: float) -> float:
        return float(exponent[0] + np.diff(exponent) @ special.expit((u - centre) / scale))

    start = float(min([0.0, *(centre - 45.0 * scale)]))
    stops = sorted({start, math.log(x), *(c for c in centre if start < c < math.log(x))})
    area = sum(
        integrate.quad(slope, a, b, epsabs=1e-11, epsrel=1e-11, limit=400)[0]
        for a, b in pairwise(stops)
    )
    return float(params["log_amplitude"]) - float(exponent[0]) * start - area


@ALL
def test_log_mean_is_the_integral_of_the_slope(
    law: BrokenPowerLaw, rng: np.random.Generator
) -> None:
    params = prior_draws(law, rng, 8)
    found = law.log_mean(params, X[::6])
    for i, x in np.ndindex(8, X[::6].size):
        one = one_of(params, i)
        power = power_part(one, X[::6][x])
        expected = np.logaddexp(power, np.log(one["floor"])) if law.floor else power
        # Quadrature is asked for 1e-11; its pieces add up over a few hundred nats.
        assert found[i, x] == pytest.approx(expected, abs=1e-8, rel=1e-10)


@ALL
@pytest.mark.parametrize("floor", [True, False])
def test_local_exponent_is_the_slope_of_log_mean(
    law: BrokenPowerLaw, floor: bool, rng: np.random.Generator
) -> None:
    params = prior_draws(law, rng, 20)
    step = 1e-5
    bare = law if floor else BrokenPowerLaw(law.regimes, floor=False)
    rise = bare.log_mean(params, X * np.exp(step)) - bare.log_mean(params, X * np.exp(-step))
    local = law.local_exponent(params, X, floor=floor)
    assert local.shape == (20, X.size)
    # Central differences: rounding about 1e-16 * |log y| / step, truncation step^2 / width^2.
    np.testing.assert_allclose(local, -rise / (2 * step), rtol=1e-5, atol=1e-7)


@given(
    st.floats(-2, 3),
    st.lists(st.floats(0.1, 1e5), min_size=2, max_size=2),
    st.lists(st.floats(0.05, 4), min_size=2, max_size=2),
)
@settings(deadline=None)
def test_equal_exponents_are_one_regime(
    exponent: float, crossover: list[float], width: list[float]
) -> None:
    amplitude = np.array(0.7)
    one = BrokenPowerLaw(1, floor=False).log_mean(
        {"exponent": np.array([exponent]), "log_amplitude": amplitude}, X
    )
    three = BrokenPowerLaw(3, floor=False).log_mean(
        {
            "exponent": np.full(3, exponent),
            "crossover": np.sort(crossover),
            "width": np.array(width),
            "log_amplitude": amplitude,
        },
        X,
    )
    np.testing.assert_allclose(three, one, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one, 0.7 - exponent * np.log(X), rtol=0, atol=1e-12)


@given(
    st.lists(st.floats(-1, 3), min_size=3, max_size=3),
    st.lists(st.floats(0.02, 1.5), min_size=2, max_size=2),
)
@settings(deadline=None)
def test_far_from_crossovers_each_regime_has_its_exponent(
    exponent: list[float], width: list[float]
) -> None:
    law = BrokenPowerLaw(3, floor=False)
    params = {
        "exponent": np.array(exponent),
        "crossover": np.array([1e10, 1e40]),
        "width": np.array(width),
        "log_amplitude": np.array(0.0),
    }
    # 10 decades are at least 6 widths, which leave 81^-6 = 4e-12 of a change of at most 4.
    local = law.local_exponent(params, [1.0, 1e25, 1e50])
    np.testing.assert_allclose(local, exponent, rtol=0, atol=1e-10)


@given(st.floats(0.01, 4), st.floats(-1, 1), st.floats(-1, 1))
@settings(deadline=None)
def test_width_spans_10_to_90_percent_of_the_change(
    width: float, before: float, after: float
) -> None:
    params = {
        "exponent": np.array([before, after]),
        "crossover": np.array([300.0]),
        "width": np.array([width]),
        "log_amplitude": np.array(0.0),
    }
    at = 300.0 * 10.0 ** (np.array([-0.5, 0.0, 0.5]) * width)
    local = BrokenPowerLaw(2, floor=False).local_exponent(params, at)
    expected = before + (after - before) * np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(local, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("law", LAWS[3:], ids=lambda law: law.name)
@given(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
@settings(deadline=None, max_examples=30)
def test_scaling_changes_only_what_has_that_unit(
    law: BrokenPowerLaw, x_scale: float, y_scale: float
) -> None:
    params = prior_draws(law, np.random.default_rng(3), 6)
    scaled = dict(params)
    scaled["crossover"] = params["crossover"] * x_scale
    first = params["exponent"][:, 0]
    scaled["log_amplitude"] = (
        params["log_amplitude"] + first * math.log(x_scale) + math.log(y_scale)
    )
    if law.floor:
        scaled["floor"] = params["floor"] * y_scale
    np.testing.assert_allclose(
        law.log_mean(scaled, X * x_scale),
        law.log_mean(params, X) + math.log(y_scale),
        rtol=1e-10,
        atol=1e-9,
    )
    np.testing.assert_allclose(
        law.local_exponent(scaled, X * x_scale), law.local_exponent(params, X), atol=1e-9
    )


@pytest.mark.parametrize("law", LAWS[3:], ids=lambda law: law.name)
@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
@settings(deadline=None, max_examples=30)
def test_the_same_coordinates_mean_the_same_law_in_other_units(
    law: BrokenPowerLaw, x_scale: float, y_scale: float
) -> None:
    y = 3.0 * X**-0.3
    here, there = Problem(law, X, y), Problem(law, X * x_scale, y * y_scale)
    v = np.random.default_rng(4).standard_normal((6, here.dimension))
    before, after = here.natural(v), there.natural(v)
    np.testing.assert_allclose(after["exponent"], before["exponent"])
    np.testing.assert_allclose(after["width"], before["width"])
    np.testing.assert_allclose(after["crossover"], before["crossover"] * x_scale, rtol=1e-9)
    if law.floor:
        np.testing.assert_allclose(after["floor"], before["floor"] * y_scale, rtol=1e-9)
    np.testing.assert_allclose(
        there.log_mean(v), here.log_mean(v) + math.log(y_scale), rtol=1e-9, atol=1e-8
    )


@ALL
def test_level_and_floor_share_hold_at_the_last_x(
    law: BrokenPowerLaw, rng: np.random.Generator
) -> None:
    params = prior_draws(law, rng, 50)
    at_end = law.log_mean(params, X[-1:])[:, 0]
    np.testing.assert_allclose(at_end, np.log(params["level"]), rtol=0, atol=1e-9)
    if law.floor:
        np.testing.assert_allclose(params["floor"], params["floor_share"] * params["level"])
    if law.regimes > 1:
        assert (np.diff(params["crossover"], axis=1) > 0).all()
        assert (params["crossover"] > X[0]).all()
        assert (params["crossover"] < X[-1]).all()


@ALL
def test_draws_broadcast(law: BrokenPowerLaw, rng: np.random.Generator) -> None:
    params = prior_draws(law, rng, 6)
    together, local = law.log_mean(params, X), law.local_exponent(params, X)
    for i in range(6):
        np.testing.assert_array_equal(law.log_mean(one_of(params, i), X), together[i])
        np.testing.assert_array_equal(law.local_exponent(one_of(params, i), X), local[i])
    folded = {name: value.reshape(2, 3, *value.shape[1:]) for name, value in params.items()}
    np.testing.assert_array_equal(law.log_mean(folded, X), together.reshape(2, 3, -1))
    np.testing.assert_array_equal(law.local_exponent(folded, X), local.reshape(2, 3, -1))


@ALL
def test_listed_parameters_are_those_of_the_formula(
    law: BrokenPowerLaw, rng: np.random.Generator
) -> None:
    params = prior_draws(law, rng, 3)
    listed = {p.name: p for p in law.parameters}
    only = {name: params[name] for name in listed}
    np.testing.assert_array_equal(law.log_mean(only, X), law.log_mean(params, X))
    for name, parameter in listed.items():
        assert only[name].reshape(3, -1).shape[1] == parameter.size
        assert (only[name] > parameter.low).all()
        assert (only[name] < parameter.high).all()
    assert law.minimum_points == 2 * law.regimes + 1
    assert str(law.regimes) in law.name


@pytest.mark.parametrize("regimes", [0, -1, 7, 2.0, 2.5, True, "2", None, range(1, 3)])
def test_bad_numbers_of_regimes_are_refused(regimes: Any) -> None:
    with pytest.raises(ConfigError, match=r"regimes=.* 1 to 6"):
        BrokenPowerLaw(regimes)


def test_six_regimes_are_allowed(rng: np.random.Generator) -> None:
    law = BrokenPowerLaw(np.int64(6), floor=True)
    assert np.isfinite(law.log_mean(prior_draws(law, rng, 5), X)).all()


def test_extreme_parameters_stay_finite() -> None:
    law = BrokenPowerLaw(2, floor=True)
    params = {
        "exponent": np.array([30.0, -30.0]),
        "crossover": np.array([1e12]),
        "width": np.array([1e-6]),
        "log_amplitude": np.array(500.0),
        "floor": np.array(1e-300),
    }
    x = np.geomspace(1e-6, 1e18, 40)
    assert np.isfinite(law.log_mean(params, x)).all()
    assert np.isfinite(law.local_exponent(params, x)).all()


def test_window_reads_range_and_typical_value() -> None:
    window = Window.of([4.0, 1.0, 9.0], [1.0, 100.0, 10.0])
    assert (window.x_low, window.x_high) == (1.0, 9.0)
    assert window.y_typical == pytest.approx(10.0)


@ALL
def test_align_moves_starts_towards_the_data(law: BrokenPowerLaw, rng: np.random.Generator) -> None:
    y = 3.0 * X**-0.4 * np.exp(0.01 * rng.standard_normal(X.size))
    problem = Problem(law, X, y)
    drawn = problem.natural(rng.standard_normal((40, problem.dimension)))
    moved = law.align(drawn, X, y)
    natural = law.natural(moved, problem.window)

    def misfit(params: Params) -> Array:
        return np.asarray(np.std(np.log(y) - law.log_mean(params, X), axis=1))

    assert np.median(misfit(natural)) < 0.5 * np.median(misfit(drawn))
    # On a single power law without floor the regression has nothing left to guess; the ridge
    # of 0.05 on the exponents moves them by less than the noise.
    if law.regimes == 1 and not law.floor:
        assert misfit(natural).max() < 0.02
        np.testing.assert_allclose(moved["exponent"], 0.4, atol=0.01)


@ALL
def test_the_graph_has_the_same_formula(law: BrokenPowerLaw, rng: np.random.Generator) -> None:
    y = 3.0 * X**-0.3
    import pytensor

    model = law.to_pymc(X, y)
    problem = Problem(law, X, y)
    v = rng.standard_normal((3, problem.dimension))
    drawn = problem.natural(v)
    if law.floor:
        # The share's own coordinate comes just before that of the noise.
        drawn["floor_share_normal"] = v[:, -2]
    inputs = [variable for variable in model.free_RVs if variable.name != "noise"]
    outputs = ["log_mean", *(name for name in drawn if model[name] not in model.free_RVs)]
    evaluate = pytensor.function(
        inputs,
        [model[name] for name in outputs],
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    assert {"log_amplitude", "log_mean"} <= set(outputs)
    drawn["log_mean"] = problem.log_mean(v)
    for i in range(3):
        values = evaluate(*(drawn[str(variable.name)][i] for variable in inputs))
        for name, value in zip(outputs, values, strict=True):
            np.testing.assert_allclose(value, drawn[name][i], rtol=1e-10, atol=1e-10)


def test_the_graph_takes_other_data() -> None:
    from scalefit._compat import pm

    law = BrokenPowerLaw(1, floor=False)
    model = law.to_pymc(X, 2.0 * X**-0.5)
    given = {model["exponent"]: np.array([0.5]), model["level"]: np.array(2.0 * X[-1] ** -0.5)}
    with model:
        pm.set_data({"x": np.array([1.0, 4.0]), "log_y": np.zeros(2)})
        at_start = model.compile_logp(mode="FAST_COMPILE")(model.initial_point())
    assert np.isfinite(at_start)
    value = model["log_mean"].eval(given, mode="FAST_COMPILE")
    np.testing.assert_allclose(np.exp(value), [2.0, 1.0])


@pytest.mark.parametrize(
    ("kind", "name"), [("ar1", "autocorrelation"), ("student", "degrees_of_freedom")]
)
def test_the_graph_has_the_names_of_the_noise(kind: Any, name: str) -> None:
    model = BrokenPowerLaw(1).to_pymc(X, X**-0.5, noise=Noise(kind), y_err=0.01 * X**-0.5)
    named = {str(one.name) for one in model.free_RVs}
    assert named == {"steepness", "exponent", "level", "floor_share_normal", "noise", name}


@pytest.mark.parametrize(
    ("y_err", "words"),
    [
        ([0.1], "y_err needs the shape of y"),
        ([0.1, -0.1, 0.1], "y_err must be finite and >= 0"),
        ([0.1, np.inf, 0.1], "y_err must be finite and >= 0"),
    ],
)
def test_the_graph_refuses_errors_that_are_none(y_err: Any, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        BrokenPowerLaw(1).to_pymc([1.0, 2.0, 3.0], [1.0, 0.8, 0.7], y_err=y_err)


def test_correlated_noise_needs_an_order() -> None:
    x, y = [1.0, 3.0, 2.0], [1.0, 0.8, 0.7]
    BrokenPowerLaw(1).to_pymc(x, y)
    with pytest.raises(InvalidData, match="x must ascend"):
        BrokenPowerLaw(1).to_pymc(x, y, noise=Noise("ar1"))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([1.0, 2.0], [1.0], "one shape"),
        ([[1.0, 2.0]], [[1.0, 2.0]], "one shape"),
        ([1.0, 0.0], [1.0, 2.0], "x must be finite and > 0"),
        ([1.0, 2.0], [1.0, np.nan], "y must be finite and > 0"),
    ],
)
def test_the_graph_refuses_what_has_no_logarithm(x: Any, y: Any, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        BrokenPowerLaw(1).to_pymc(x, y)


def test_a_power_law_is_the_law_of_one_regime() -> None:
    assert PowerLaw() == BrokenPowerLaw(1, floor=True)
    assert PowerLaw(floor=1.69).known_floor == 1.69
