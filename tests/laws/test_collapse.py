"""The formula of a collapse, its regimes, and its graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.laws import Collapse, Window
from scalefit.laws.collapse import before_elbow
from scalefit.laws.priors import dimension, unpack

X = np.stack([np.tile(np.logspace(0, 4, 9), 3), np.repeat([1e2, 1e3, 1e5], 9)], axis=1)
Y = np.ones(len(X))


def drawn(law: Collapse, count: int = 50) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return draws of the prior, sampled and natural."""
    window = Window.of(X, Y)
    priors = law.priors(window)
    sampled = unpack(priors, np.random.default_rng(0).standard_normal((count, dimension(priors))))
    return sampled, law.natural(sampled, window)


@pytest.mark.parametrize("regimes", [1, 2, 3])
def test_divided_axes_give_one_curve(regimes: int) -> None:
    """y P^gamma depends on x / P^gamma_2 alone."""
    law = Collapse(regimes, drift=False)
    _, params = drawn(law)
    z = np.logspace(-1, 3, 11)
    curves = []
    for size in (30.0, 1e3, 4e6):
        log_y = np.stack(
            [
                law.log_mean(
                    {name: value[i : i + 1] for name, value in params.items()},
                    np.stack([z * (size / 1e3) ** params["gamma_2"][i], np.full(11, size)], 1),
                )[0]
                for i in range(50)
            ]
        )
        curves.append(log_y + params["gamma"][:, None] * np.log(size))
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(curves[0], curves[2], rtol=1e-9, atol=1e-8)


def test_every_regime_has_its_exponents_in_x_and_in_p() -> None:
    law = Collapse(3)
    params: dict[str, Any] = {
        "exponent": [[0.2, 0.7, -0.1]],
        "crossover": [[1e3, 1e6]],
        "width": [[0.3, 0.3]],
        "gamma_2": [0.5],
        "gamma": [0.4],
        "drift": [0.3],
        "log_amplitude": [0.1],
        "middle": [100.0],
    }
    params = {name: np.array(value) for name, value in params.items()}
    for j, at in enumerate((1.0, 10**4.5)):
        points = np.array([[at, 100.0], [1.01 * at, 100.0], [at, 101.0]])
        log_y = law.log_mean(params, points)[0]
        exponent = -(log_y[1] - log_y[0]) / np.log(1.01)
        assert exponent == pytest.approx(params["exponent"][0, j], abs=1e-4)
        in_p = -(log_y[2] - log_y[0]) / np.log(1.01)
        assert in_p == pytest.approx(0.4 - params["exponent"][0, j] * 0.5, abs=1e-4)
    for decades in (-1.0, 0.0, 2.0):
        points = np.array([[1e9, 100.0 * 10**decades], [1.01e9, 100.0 * 10**decades]])
        log_y = law.log_mean(params, points)[0]
        last = -(log_y[1] - log_y[0]) / np.log(1.01)
        assert last == pytest.approx(-0.1 + 0.3 * decades, abs=1e-4)


@pytest.mark.parametrize(
    "law", [Collapse(1), Collapse(2), Collapse(3, 0.3), Collapse(2, 0.0, False)]
)
def test_sampled_and_natural_parameters_are_the_same_law(law: Collapse) -> None:
    sampled, natural = drawn(law)
    window = Window.of(X, Y)
    at = np.array([[1e2, np.sqrt(1e7)]])  # the middles of both ranges
    level = np.exp(law.log_mean(natural, at)[:, 0])
    np.testing.assert_allclose(level, sampled["level"], rtol=1e-9)
    product = natural["gamma_0"] + natural["gamma_1"] * natural["gamma_2"]
    np.testing.assert_allclose(product, natural["gamma"], atol=1e-12)
    again = law.sampled({**sampled, **natural}, window)
    for name, value in again.items():
        np.testing.assert_allclose(value, sampled[name], rtol=1e-7, atol=1e-9, err_msg=name)
    named = {one.name: one for one in law.parameters}
    assert set(named) == set(natural)
    for name, one in named.items():
        assert natural[name].shape == ((50,) if one.per == "law" else (50, one.size)), name


def test_crossovers_lie_where_points_are() -> None:
    _, natural = drawn(Collapse(3), 400)
    v = np.log(X[:, 0]) - natural["gamma_2"][:, None] * np.log(X[:, 1] / natural["middle"][0])
    inside = np.log(natural["crossover"])
    assert (inside > v.min(axis=1, keepdims=True) - 1e-9).all()
    assert (inside < v.max(axis=1, keepdims=True) + 1e-9).all()


@pytest.mark.parametrize(
    ("exponent", "steepest", "last"),
    [
        ((0.5, 0.0), 0, 0),
        ((0.1, 0.5), 0, 0),
        ((0.5, -0.2), 0, 0),
        ((-0.1, -0.2), 0, 0),
        ((0.1, 0.5, 0.0), 1, 1),
        ((0.5, 0.3, 0.0), 0, 1),
        ((0.5, 0.1, 0.4), 0, 0),
        ((0.1, 0.3, 0.6), 1, 1),
        ((0.5, 0.5, 0.0), 0, 1),
        ((0.02, 0.6, 0.05, -0.1), 1, 1),
    ],
)
def test_the_steepest_regime_is_told_and_the_elbow(
    exponent: tuple[float, ...], steepest: int, last: int
) -> None:
    found = before_elbow(np.array([exponent]), len(exponent) - 1)
    assert [one.astype(int).tolist() for one in found] == [
        [[int(j == expected) for j in range(len(exponent) - 1)]] for expected in (steepest, last)
    ]


def test_draws_with_fewer_regimes_go_through_one_formula() -> None:
    parts = [(law, drawn(law, 3)[1]) for law in (Collapse(1), Collapse(2), Collapse(3))]
    whole = {}
    for name in parts[2][1]:
        size = parts[2][1][name].shape[1:]
        stacked = np.full((9, *size), np.nan)
        for i, (_, params) in enumerate(parts):
            if name in params:
                wide = params[name]
                stacked[(slice(3 * i, 3 * i + 3), *(slice(k) for k in wide.shape[1:]))] = wide
        whole[name] = stacked
    found = Collapse(3).log_curve(whole, X)
    expected = np.concatenate([law.log_mean(params, X) for law, params in parts])
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("law", [Collapse(1), Collapse(3), Collapse(2, 0.2, False)])
def test_the_graph_has_the_same_formula(law: Collapse) -> None:
    model = law.to_pymc(X, Y)
    sampled, natural = drawn(law, 1)
    given = {model[name]: value[0] for name, value in sampled.items()}
    graph = model["log_mean"].eval(given, mode="FAST_COMPILE", on_unused_input="ignore")
    np.testing.assert_allclose(graph, law.log_mean(natural, X)[0], rtol=1e-9, atol=1e-9)


def test_starts_are_moved_to_the_data() -> None:
    law = Collapse(2)
    sampled, natural = drawn(law, 5)
    y = np.exp(law.log_mean(natural, X)[2])
    window = Window.of(X, y)
    moved = law.align(sampled, X, y)
    curve = law.log_mean(law.natural(moved, window), X)
    np.testing.assert_allclose(curve[2], np.log(y), atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"regimes": 0}, "regimes=0"),
        ({"regimes": 7}, "regimes=7"),
        ({"regimes": True}, "regimes=True"),
        ({"gamma_0": float("nan")}, "gamma_0=nan"),
        ({"predictors": ("x",)}, "predictors"),
        ({"predictors": ("x", "x")}, "predictors"),
    ],
)
def test_what_makes_no_law_is_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Collapse(**wrong)


@pytest.mark.parametrize(("column", "named"), [(0, "first"), (1, "second")])
def test_a_predictor_of_one_value_is_refused(column: int, named: str) -> None:
    x = X.copy()
    x[:, column] = 7.0
    with pytest.raises(InvalidData, match=f"its {named} predictor"):
        Collapse(2).priors(Window.of(x, Y))


def test_corners_hold_the_ends_of_every_sum() -> None:
    corners = np.array(Window.of(X, Y).corners)
    logs = np.log(X)
    for slope in (-3.0, 0.0, 0.4, 2.0):
        both = [points[:, 0] - slope * points[:, 1] for points in (corners, logs)]
        assert both[0].min() == pytest.approx(both[1].min())
        assert both[0].max() == pytest.approx(both[1].max())
