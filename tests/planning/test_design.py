"""Design: what it buys, what it says of it, and what it refuses."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.laws import Law, PowerLaw, Window
from scalefit.laws.additive import Additive
from scalefit.planning.choice import Question, believed
from scalefit.planning.gains import Market
from scalefit.planning.opinions import noise_of, of_law

X = np.geomspace(1e3, 1e5, 16)
LONGER = np.geomspace(1e3, 1e8, 30)


def product(row: Any) -> float:
    return float(6.0 * row["n_params"] * row["tokens"])


@pytest.fixture(scope="module")
def fit() -> sf.Fit:
    """Return a preview of a power law above a floor."""
    y = (0.5 + 30.0 * X**-0.35) * np.exp(0.01 * np.random.default_rng(0).standard_normal(16))
    return sf.fit(X, y, regimes=1, floor=True, noise="normal", method="point", progress=False)


@pytest.fixture
def grid() -> pd.DataFrame:
    """Return 100 model sizes and amounts of data."""
    n, d = np.meshgrid(np.geomspace(1e7, 1e10, 10), np.geomspace(1e9, 1e12, 10))
    return pd.DataFrame({"n_params": n.ravel(), "tokens": d.ravel()})


TARGET = {"n_params": [7e10], "tokens": [2e12]}


def test_the_table_is_in_order_of_purchase(fit: sf.Fit) -> None:
    found = sf.design(fit, LONGER, cost=LONGER, budget=2e8, target=[1e9], batch=5, hazard=0.0)
    table = found.table
    assert len(found) == 5
    np.testing.assert_allclose(table["spent"], table["cost"].cumsum())
    np.testing.assert_allclose(table["sd_before"].iloc[1:], table["sd"].iloc[:-1])
    assert (table["sd"].diff().dropna() <= 1e-12).all()
    assert (table["sd_misfit"] >= table["sd"]).all()
    assert found.spent <= 2e8
    now = float(np.log(fit.sample([1e9], kind="curve", hazard=0.0)).std())
    assert found.before == pytest.approx(now, rel=0.05)


def test_a_longer_run_pins_the_exponent_down(fit: sf.Fit) -> None:
    equal = np.ones(LONGER.size)
    found = sf.design(
        fit, LONGER, cost=equal, budget=1, target="exponent", hazard=0.0, discrepancy=0.0
    )
    assert found.table["x"].iloc[0] > X[-1]
    assert not found.relative


def test_the_batch(fit: sf.Fit) -> None:
    options: Any = {"cost": np.ones(30), "budget": 12.0, "target": [1e9]}
    assert len(sf.design(fit, LONGER, **options)) == 2  # an eighth of 16 runs
    assert len(sf.design(fit, LONGER, batch="all", **options)) == 12
    assert len(sf.design(PowerLaw(), LONGER, **options)) == 1


def test_nothing_affordable_is_an_empty_table(fit: sf.Fit) -> None:
    found = sf.design(fit, LONGER, cost=LONGER, budget=10.0, target=[1e9])
    assert len(found) == 0
    assert found.spent == 0.0
    assert "the cheapest costs 1000" in found.warnings[0]
    assert "cheapest" in repr(found)


def test_units_do_not_matter(grid: pd.DataFrame) -> None:
    options: Any = {"budget": 1e22, "batch": 12, "cost": grid.apply(product, axis=1)}
    first = sf.design(Additive(), grid, target=TARGET, **options)
    other = {"n_params": np.array(TARGET["n_params"]) / 1e6, "tokens": TARGET["tokens"]}
    scaled = grid.assign(n_params=grid["n_params"] / 1e6)
    again = sf.design(Additive(), scaled, target=other, **options)
    assert first.table["row"].tolist() == again.table["row"].tolist()


def test_the_unit_of_y_does_not_matter() -> None:
    y = (0.5 + 30.0 * X**-0.35) * np.exp(0.01 * np.random.default_rng(3).standard_normal(16))
    options: Any = {"regimes": 1, "floor": True, "noise": "normal", "progress": False}
    rows = [
        sf.design(
            sf.fit(X, scale * y, method="point", **options),
            LONGER,
            cost=LONGER,
            budget=2e8,
            target=[1e9],
            batch=4,
            hazard=0.0,
        ).table["row"]
        for scale in (1.0, 1000.0)
    ]
    assert rows[0].tolist() == rows[1].tolist()


def test_without_data_the_first_run_is_the_same_for_every_seed(grid: pd.DataFrame) -> None:
    found = [
        sf.design(
            Additive(), grid, cost=product, budget=1e26, target=TARGET, cost_power=0.0, seed=seed
        )
        for seed in range(3)
    ]
    gains = [float(one.table["gain"].iloc[0]) for one in found]
    same = len({int(one.table["row"].iloc[0]) for one in found}) == 1
    assert same or max(gains) - min(gains) < 0.05 * max(gains)
    assert any("priors" in one for one in found[0].warnings)


def exact(law: Law, question: Question, draws: int, rng: np.random.Generator) -> Array:
    """Return the variance of the target that runs take, by reweighting with simulated outcomes."""
    opinion = of_law(law, Window.of(question.candidates, np.ones(1)), draws, rng)
    assert not isinstance(question.target, str)
    target = opinion.log_y(question.target)
    target = np.clip(target - np.median(target, axis=0), -3.0, 3.0)
    candidates = opinion.log_y(question.candidates)
    noise = float(np.exp(np.mean(noise_of(opinion.params))))
    before = float(question.weights @ np.var(target, axis=0))
    taken = np.zeros(len(question.candidates))
    for c in range(len(question.candidates)):
        after = []
        for truth in rng.integers(draws, size=60):
            y = candidates[truth, c] + np.sqrt(noise) * rng.standard_normal()
            log = -0.5 * (y - candidates[:, c]) ** 2 / noise
            weight = np.exp(log - log.max())
            weight /= weight.sum()
            mean = weight @ target
            after.append(question.weights @ (weight @ (target - mean) ** 2))
        taken[c] = before - np.mean(after)
    return taken


def test_gains_are_near_the_exact_expected_variance(rng: np.random.Generator) -> None:
    from scipy.stats import spearmanr

    n, d = np.meshgrid(np.geomspace(1e7, 1e9, 6), np.geomspace(1e9, 1e11, 6))
    candidates = np.stack([n.ravel(), d.ravel()], axis=1)
    target = np.array([[1e10, 1e12], [2e9, 5e11]])
    question = Question(candidates, np.ones(36), np.empty((0, 2)), target, np.full(2, 0.5))
    law = Additive()
    opinion = of_law(law, Window.of(candidates, np.ones(1)), 4000, rng)
    beliefs, noise = believed([opinion], question, 0.0, 4000, rng)
    linear = Market(beliefs, noise).gains()
    taken = exact(law, question, 4000, rng)
    assert spearmanr(linear, taken).statistic > 0.85
    assert 0.8 < np.median(linear / taken) < 1.2


def test_a_thousand_candidates_take_less_than_a_second(rng: np.random.Generator) -> None:
    x = np.exp(rng.uniform(np.log(1e7), np.log(1e11), (1000, 2)))
    table = pd.DataFrame(x, columns=["n_params", "tokens"])
    began = time.process_time()
    found = sf.design(Additive(), table, cost=product, budget=1e24, target=TARGET, batch=16, seed=1)
    assert len(found) == 16
    assert time.process_time() - began < 1.0


def test_fits_are_weighed_by_their_evidence() -> None:
    rng = np.random.default_rng(5)
    y = (0.5 + 30.0 * X**-0.35) * np.exp(0.01 * rng.standard_normal(16))
    options: Any = {"regimes": 1, "noise": "normal", "progress": False}
    fits = [sf.fit(X, y, floor=floor, **options) for floor in (True, False)]
    question: Any = {"cost": LONGER, "budget": 1e8, "target": [1e9], "hazard": 0.0}
    both = sf.design(fits, LONGER, **question)
    logs = [one.certificate["log_evidence"].iloc[0] for one in fits]
    expected = 1.0 / (1.0 + np.exp(logs[1] - logs[0]))
    names = [one.law.name for one in fits]
    assert both.probabilities[names[0]] == pytest.approx(expected)
    beside = sf.design(fits[0], LONGER, laws=[PowerLaw(floor=False)], **question)
    assert beside.probabilities[names[1]] == pytest.approx(both.probabilities[names[1]], abs=0.05)


def test_a_law_that_misses_the_nearest_runs_is_warned_of() -> None:
    y = 0.5 + 30.0 * X**-0.35
    y[-4:] *= 1.15
    fit = sf.fit(
        X[:12], y[:12], regimes=1, floor=True, noise="normal", method="point", progress=False
    )
    from scalefit.planning.cautions import of_residuals
    from scalefit.planning.opinions import of_fit

    said = [of_fit(fit, 0.0, np.random.default_rng(0))]
    found = of_residuals(said, X[:, None], np.log(y), np.array([[1e6]]), 1e-4)
    assert "+1" in found[0]
    assert not of_residuals(said, X[:12, None], np.log(y[:12]), np.array([[1e6]]), 1e-4)


def test_a_target_far_from_every_run_is_warned_of(fit: sf.Fit) -> None:
    near = sf.design(fit, LONGER, cost=LONGER, budget=1e6, target=[1e8])
    far = sf.design(fit, LONGER, cost=LONGER, budget=1e6, target=[1e12])
    assert not any("decades beyond" in one for one in near.warnings)
    assert any("4.0 decades beyond" in one for one in far.warnings)


def test_it_prints_within_eighty_columns(grid: pd.DataFrame) -> None:
    found = sf.design(Additive(), grid, cost=product, budget=1e23, target=TARGET, batch="all")
    assert max(map(len, repr(found).splitlines())) <= 80
    assert found._repr_html_().count("<tr>") == min(len(found), 20) + 1


def test_the_figure_shows_every_purchase(fit: sf.Fit) -> None:
    from matplotlib import pyplot as plt

    found = sf.design(fit, LONGER, cost=LONGER, budget=2e8, target=[1e9], batch=5)
    ax = found.plot()
    line: Any = ax.lines[1]
    np.testing.assert_allclose(line.get_xdata()[1:], found.table["spent"])
    half = 100.0 * np.expm1(1.6448536 * found.table["sd"])
    np.testing.assert_allclose(line.get_ydata()[1:], half, rtol=1e-6)
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"budget": 0}, ConfigError, "budget=0"),
        ({"batch": 0}, ConfigError, "batch=0"),
        ({"cost_power": 2}, ConfigError, "cost_power=2"),
        ({"discrepancy": -1}, ConfigError, "discrepancy=-1"),
        ({"cost": "prize"}, ConfigError, "cost='prize'"),
        ({"cost": [1.0]}, InvalidData, "cost has 1 values and candidates 30 rows"),
        ({"cost": -LONGER}, InvalidData, "cost is -1000 in row 0"),
        ({"cost": lambda row: row["z"]}, ConfigError, "KeyError"),
        ({"target": "flor"}, ConfigError, "did you mean 'floor'"),
        ({"target": {"y": [1.0]}}, InvalidData, "target: no column 'x'"),
        ({"target": []}, InvalidData, "target has no rows"),
        ({"target": [0.0]}, InvalidData, "target: column 'x' is 0"),
        ({"candidates": None}, ConfigError, "candidates=None"),
        ({"laws": [Additive()]}, ConfigError, "no law of 1 predictor"),
        ({"fit": 3}, ConfigError, "fit=3"),
    ],
)
def test_refusals(fit: sf.Fit, changed: dict[str, Any], error: type[Exception], words: str) -> None:
    given: dict[str, Any] = {"fit": fit, "candidates": LONGER, "cost": LONGER, "budget": 1e6}
    given |= {"target": [1e9], **changed}
    with pytest.raises(error, match=words) as caught:
        sf.design(given.pop("fit"), given.pop("candidates"), **given)
    assert "\n" not in str(caught.value)


def test_several_curves_are_refused(several: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="each with a budget of its own"):
        sf.design(several, LONGER, cost=LONGER, budget=1e6, target=[1e9])
