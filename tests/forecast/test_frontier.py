"""Frontier: the best split of a budget, in closed form, by search and by brute force."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.forecast.frontier import frontier, isoflop, table
from scalefit.laws import Law
from scalefit.laws.additive import Additive
from scalefit.laws.data_constrained import DataConstrained
from scalefit.laws.four_regime import FourRegime
from scalefit.laws.kaplan import Kaplan
from scalefit.laws.monomial import Monomial

BUDGETS = np.geomspace(1e18, 1e25, 8)


def draws(count: int = 20) -> dict[str, Array]:
    """Return draws around the values of Hoffmann et al."""
    rng = np.random.default_rng(0)
    return {
        "exponent": np.array([0.34, 0.37]) + 0.01 * rng.standard_normal((count, 2)),
        "amplitude": np.array([480.0, 2000.0]) * np.exp(0.1 * rng.standard_normal((count, 2))),
        "floor": 1.8 + 0.02 * rng.standard_normal(count),
    }


def brute(law: Law, params: dict[str, Array], budget: float, cost: Any, spread: float) -> float:
    """Return the log of the best first predictor of the first draw."""
    one = {name: value[:1] for name, value in params.items()}

    def log_y(log_n: float) -> float:
        n = np.exp(log_n)
        x = np.array([[n, cost(n, budget)]])
        return float(np.asarray(law.log_mean(one, x))[0, 0])

    middle = np.log(spread)
    found = minimize_scalar(log_y, (middle - 1.0, middle + 1.0), options={"xtol": 1e-10})
    return float(found.x)


def test_the_search_finds_what_the_closed_form_says() -> None:
    params = {**draws(), "product": np.full(20, 1e-300)}
    closed = frontier(Additive(), params, BUDGETS)
    searched = frontier(Additive(product=True), params, BUDGETS)
    np.testing.assert_allclose(searched.best, closed.best, rtol=1e-5)
    np.testing.assert_allclose(searched.log_y, closed.log_y, atol=1e-10)
    np.testing.assert_allclose(searched.exponent, closed.exponent, atol=1e-5)
    np.testing.assert_allclose(6.0 * closed.best.prod(axis=-1), np.tile(BUDGETS, (20, 1)))


def test_exponents_are_those_of_the_split() -> None:
    params = {"exponent": draws()["exponent"], "scale": np.tile([1e9, 1e10], (20, 1))}
    near = np.array([0.99e21, 1e21, 1.01e21])
    for law in (Kaplan(floor=False), FourRegime(floor=False)):
        found = frontier(law, params, near)
        step = np.log(near[2] / near[0])
        slopes = np.log(found.best[:, 2] / found.best[:, 0]) / step
        np.testing.assert_allclose(found.exponent[:, 1, :2], slopes, atol=1e-4)
        fall = -(found.log_y[:, 2] - found.log_y[:, 0]) / step
        np.testing.assert_allclose(found.exponent[:, 1, 2], fall, atol=1e-5)


def test_any_cost_that_grows_with_both() -> None:
    def cost(n: Any, d: Any) -> Any:
        return 6.0 * n * d + 3e3 * n**1.5 + 1e7 * d  # beside training, memory and reading the data

    def second(n: float, budget: float) -> float:
        return max((budget - 3e3 * n**1.5) / (6.0 * n + 1e7), 1e-300)

    params = draws()
    found = frontier(Additive(), params, BUDGETS, cost, centre=(1e9, 1e11))
    for i, budget in enumerate(BUDGETS):
        best = brute(Additive(), params, float(budget), second, float(found.best[0, i, 0]))
        assert np.log(found.best[0, i, 0]) == pytest.approx(best, abs=1e-3)
    spent = cost(found.best[..., 0], found.best[..., 1])
    np.testing.assert_allclose(spent, np.tile(BUDGETS, (20, 1)), rtol=1e-6)
    plain = frontier(Additive(), params, BUDGETS, lambda n, d: 6.0 * n * d, centre=(1e9, 1e11))
    closed = frontier(Additive(), params, BUDGETS)
    np.testing.assert_allclose(plain.best, closed.best, rtol=1e-5)
    np.testing.assert_allclose(plain.exponent, closed.exponent, atol=1e-5)


def test_a_third_predictor_is_held() -> None:
    law = DataConstrained()
    params = {"exponent_n": draws()["exponent"][:, 0], "exponent_d": draws()["exponent"][:, 1]}
    params |= {"amplitude_n": np.full(20, 480.0), "amplitude_d": np.full(20, 2000.0)}
    params |= {"repeats": np.full(20, 15.0), "excess": np.full(20, 5.0), "floor": np.full(20, 1.8)}
    budget = np.array([1e23])
    plenty = frontier(law, params, budget, held={2: 1e15}).best[:, 0]
    few = frontier(law, params, budget, held={2: 1e10})
    unlimited = {
        "exponent": draws()["exponent"],
        "amplitude": np.tile([480.0, 2000.0], (20, 1)),
        "floor": np.full(20, 1.8),
    }
    np.testing.assert_allclose(
        plenty, frontier(Additive(), unlimited, budget).best[:, 0], rtol=0.02
    )
    assert (few.best[:, 0, 1] > plenty[:, 1]).all()  # epochs count longer than parameters
    assert (few.log_y > frontier(law, params, budget, held={2: 1e15}).log_y).all()
    with pytest.raises(ConfigError, match="3 that are free"):
        frontier(law, params, budget)


def test_a_law_without_a_best_split_says_so() -> None:
    params = {
        "exponent": np.array([[0.3, 0.2], [0.2, 0.3]]),
        "centre": np.ones((2, 2)),
        "amplitude": np.ones(2),
    }
    found = frontier(Monomial(floor=False), params, BUDGETS)
    assert np.isnan(found.best).all()
    rows = table(found, ("n", "d"), "loss", (0.05, 0.95), "curve")
    assert (rows["inside"] == 0.0).all()


def test_the_table_has_every_quantity() -> None:
    rows = table(
        frontier(Additive(), draws(), BUDGETS),
        ("n_params", "tokens"),
        "loss",
        (0.05, 0.95),
        "curve",
    )
    assert len(rows) == 6 * len(BUDGETS)
    assert (rows["low"] <= rows["median"]).all()
    slope = rows[rows["quantity"] == "exponent n_params"]["median"]
    assert slope.between(0.4, 0.6).all()


def test_isoflop_slices_touch_the_frontier() -> None:
    params = draws()
    best = frontier(Additive(), params, np.array([1e21]))
    sizes = np.geomspace(1e8, 1e11, 40)
    tokens, y = isoflop(Additive(), params, 1e21, sizes)
    np.testing.assert_allclose(6.0 * sizes * tokens, 1e21)
    assert (np.log(y) >= best.log_y - 1e-12).all()
    _, least = isoflop(Additive(), params, 1e21, best.best[:1, 0, 0])
    assert np.log(least[0, 0]) == pytest.approx(best.log_y[0, 0])


def test_a_law_that_takes_all_columns_at_once_is_refused() -> None:
    class Whole(Additive):
        def log_mean(self, params: Any, x: Any, xp: Any = np) -> Any:
            return -(xp.log(x) @ params["exponent"].T).T

    with pytest.raises(ConfigError, match="one by one"):
        frontier(Whole(product=True), draws(), BUDGETS)


def test_a_hundred_budgets_of_a_thousand_draws_take_a_second() -> None:
    params = {**draws(1000), "product": np.full(1000, 1e-3)}
    began = time.process_time()
    frontier(Additive(product=True), params, np.geomspace(1e18, 1e25, 100))
    assert time.process_time() - began < 1.0
