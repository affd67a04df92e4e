"""Gains: against dense conditioning of a linear model, and the order of purchases."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from scalefit.arrays import Array
from scalefit.planning.discrepancy import Discrepancy, lengths
from scalefit.planning.gains import Beliefs, Market, centred, followed, order, planned

NOISE = 0.04


class Linear(NamedTuple):
    """A linear model whose draws have exactly the covariance 1."""

    draws: Array
    targets: Array
    candidates: Array

    def beliefs(self, discrepancy: Discrepancy | None = None) -> Beliefs:
        logs = self.candidates[:, :2], self.targets[:, :2]
        drawn = self.draws @ self.targets.T, self.draws @ self.candidates.T
        return Beliefs(*drawn, np.ones(len(self.targets)), discrepancy, *logs)


@pytest.fixture
def linear(rng: np.random.Generator) -> Linear:
    """Return 4 coefficients, 5 targets and 60 candidates."""
    raw = rng.standard_normal((500, 4))
    white = (raw - raw.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T, ddof=0)).T)
    return Linear(white, rng.standard_normal((5, 4)), rng.standard_normal((60, 4)))


def dense(linear: Linear, bought: list[int], kernel: Array | None = None) -> Array:
    """Return the covariance of targets and candidates given some runs, from the whole matrix."""
    every = np.concatenate([linear.targets, linear.candidates])
    covariance = every @ every.T + (0.0 if kernel is None else kernel)
    at = len(linear.targets) + np.array(bought, dtype=int)
    seen = covariance[np.ix_(at, at)] + NOISE * np.eye(at.size)
    return np.asarray(covariance - covariance[:, at] @ np.linalg.solve(seen, covariance[at]))


def test_conditioning_is_that_of_the_dense_matrix(linear: Linear) -> None:
    market = Market(linear.beliefs(), NOISE)
    bought = list(range(20))
    for index in bought:
        market.buy(index)
    whole = dense(linear, bought)
    t = len(linear.targets)
    gains = np.sum(whole[:t, t:] ** 2, axis=0) / (np.diag(whole)[t:] + NOISE)
    np.testing.assert_allclose(market.gains(), gains, atol=1e-10)
    np.testing.assert_allclose(market.variance, np.diag(whole)[t:], atol=1e-10)
    assert market.total == pytest.approx(np.trace(whole[:t, :t]), abs=1e-10)


def test_the_variance_left_is_the_posterior_variance(linear: Linear) -> None:
    cost = np.ones(len(linear.candidates))
    bought, left = order(linear.beliefs(), NOISE, cost, 7.0, power=0.4)
    rows = linear.candidates[[one.index for one in bought]]
    covariance = np.linalg.inv(np.eye(4) + rows.T @ rows / NOISE)
    expected = np.trace(linear.targets @ covariance @ linear.targets.T)
    assert len(bought) == 7
    assert left == pytest.approx(expected, abs=1e-8)
    after = followed(linear.beliefs(), NOISE, bought)
    np.testing.assert_allclose(-np.diff(after), [one.gain for one in bought], atol=1e-10)


def test_the_discrepancy_is_conditioned_on_the_runs_so_far(
    linear: Linear, rng: np.random.Generator
) -> None:
    runs = rng.standard_normal((6, 2))
    scale = lengths(linear.candidates[:, :2])
    points = np.concatenate([linear.targets, linear.candidates])[:, :2]
    apart = np.linalg.norm((points[:, None] - points[None]) / scale, axis=2)
    to_runs = np.exp(-np.linalg.norm((points[:, None] - runs[None]) / scale, axis=2)) * 0.09
    of_runs = np.exp(-np.linalg.norm((runs[:, None] - runs[None]) / scale, axis=2)) * 0.09
    known = np.linalg.solve(of_runs + NOISE * np.eye(6), to_runs.T)
    kernel = 0.09 * np.exp(-apart) - to_runs @ known
    market = Market(linear.beliefs(Discrepancy(runs, scale, 0.3, NOISE)), NOISE)
    for index in (3, 17, 40):
        market.buy(index)
    whole = dense(linear, [3, 17, 40], kernel)
    t = len(linear.targets)
    gains = np.sum(whole[:t, t:] ** 2, axis=0) / (np.diag(whole)[t:] + NOISE)
    np.testing.assert_allclose(market.gains(), gains, atol=1e-10)
    assert market.total == pytest.approx(np.trace(whole[:t, :t]), abs=1e-10)


def test_what_is_far_from_every_run_is_what_the_law_may_miss() -> None:
    runs = np.zeros((1, 2))
    process = Discrepancy(runs, np.ones(2), 0.2, 1e-6)
    near, far = process.variance(np.array([[0.0, 0.0], [30.0, 0.0]]))
    assert near < 1e-5
    assert far == pytest.approx(0.04)


def test_of_two_equal_candidates_the_cheaper_comes_first(linear: Linear) -> None:
    twice = linear._replace(candidates=np.repeat(linear.candidates[:1], 2, axis=0))
    for power in (0.0, 0.4, 1.0):
        for cost in (np.array([2.0, 1.0]), np.array([1.0, 2.0])):
            bought, _ = order(twice.beliefs(), NOISE, cost, 10.0, power=power)
            assert [cost[one.index] for one in bought] == [1.0, 2.0]


def test_of_equal_cost_the_largest_gain_comes_first(linear: Linear) -> None:
    beliefs = linear.beliefs()
    cost = np.full(len(linear.candidates), 3.0)
    bought, _ = order(beliefs, NOISE, cost, 3.0, power=1.0)
    assert bought[0].index == np.argmax(Market(beliefs, NOISE).gains())


def test_the_order_of_the_rows_does_not_matter(linear: Linear, rng: np.random.Generator) -> None:
    cost = np.exp(rng.standard_normal(len(linear.candidates)))
    mixed = rng.permutation(len(cost))
    first, _ = order(linear.beliefs(), NOISE, cost, 4.0, power=0.4)
    again, _ = order(
        linear._replace(candidates=linear.candidates[mixed]).beliefs(),
        NOISE,
        cost[mixed],
        4.0,
        power=0.4,
    )
    assert [one.index for one in first] == [mixed[one.index] for one in again]


@pytest.mark.parametrize("power", [0.0, 0.4, 1.0])
def test_never_more_than_the_budget(linear: Linear, rng: np.random.Generator, power: float) -> None:
    cost = np.exp(2.0 * rng.standard_normal(len(linear.candidates)))
    for budget in (0.5 * cost.min(), cost.min(), 3.0, cost.sum()):
        bought, _ = order(linear.beliefs(), NOISE, cost, float(budget), power=power)
        chosen = [one.index for one in bought]
        assert len(set(chosen)) == len(chosen)
        assert cost[chosen].sum() <= budget * (1.0 + 1e-12)
        left = np.setdiff1d(np.arange(len(cost)), chosen)
        assert all(cost[left] > budget - cost[chosen].sum() - 1e-9)
    assert not order(linear.beliefs(), NOISE, cost, 0.5 * float(cost.min()), power=power)[0]


def test_a_plan_takes_the_power_that_leaves_least(linear: Linear, rng: np.random.Generator) -> None:
    cost = np.exp(2.0 * rng.standard_normal(len(linear.candidates)))
    powers = (0.0, 0.5, 1.0)
    left = [order(linear.beliefs(), NOISE, cost, 2.0, power=p)[1] for p in powers]
    assert planned(linear.beliefs(), NOISE, cost, 2.0, powers) == powers[int(np.argmin(left))]


def test_a_draw_from_far_away_does_not_decide_alone() -> None:
    draws = np.zeros((100, 1))
    draws[0], draws[1] = 1e6, np.nan
    assert np.var(centred(draws)) < 0.1
    assert centred(draws).mean() == pytest.approx(0.0, abs=1e-12)
