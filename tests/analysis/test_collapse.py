"""What is asked of a collapse: its elbow, nested hypotheses, what fools it, and the hand recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from samples.collapses import design, log_mean, problem

from scalefit.analysis import collapse
from scalefit.analysis.published_collapse import published
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.inference import Problem
from scalefit.inference.certified import solve
from scalefit.inference.ensemble import explore
from scalefit.inference.full import target_of
from scalefit.laws import Collapse
from scalefit.laws.noise import NOISES

Draws = dict[str, Array]


def draws_of(given: Problem, count: int = 1000) -> Draws:
    solved = solve(target_of(given), np.random.default_rng(0))
    assert not solved.certificate.doubts
    sampled = solved.resample(count, np.random.default_rng(1))
    return {**sampled, **given.law.natural(sampled, given.window)}


def ends(value: Array) -> tuple[float, float]:
    low, high = np.quantile(value, [0.05, 0.95])
    return float(low), float(high)


@pytest.fixture(scope="module")
def plain() -> tuple[Problem, Draws]:
    """Two regimes with gamma_0 = 0, no drift, and one curve that ends before its elbow."""
    given = problem(1, kept=lambda x: (x[:, 1] < 3e4) | (x[:, 0] < 300.0))
    return given, draws_of(given)


def test_exponents_of_the_truth_are_found(plain: tuple[Problem, Draws]) -> None:
    for name, truth in {"gamma_1": 0.5, "gamma_2": 1.0, "gamma": 0.5, "gamma_0": 0.0}.items():
        low, high = np.quantile(plain[1][name], [0.005, 0.995])
        assert low < truth < high, name
        assert high - low < 0.2, name
    table = collapse.regimes(plain[1])
    assert list(table["steepest"]) == list(table["ends_at_elbow"]) == [1.0, 0.0]
    assert table["P_exponent"][1] == pytest.approx(0.5, abs=0.03)


def test_the_elbow_is_known_beyond_the_data_and_marked(plain: tuple[Problem, Draws]) -> None:
    given, draws = plain
    sizes = np.unique(given.x[:, 1])
    table = collapse.elbow(draws, [*sizes, 1e6, 2e3], given.x).set_index("P")
    middle = float(draws["middle"][0])
    truth = 300.0 * sizes / middle
    found = table.loc[sizes]
    assert np.mean((found["low"] < truth) & (truth < found["high"])) > 0.6
    last = table.loc[sizes[-1]]
    assert last["last"] < 300.0 < last["low"]
    assert last["inside"] < 0.01
    assert last["note"] == "beyond the last x: known from other P only"
    assert table.loc[1e6, "note"] == "P beyond the data"
    assert table.loc[2e3, "note"] == "no curve of this P"
    reached = (found["first"] < truth) & (truth < found["last"])
    assert list(found["note"] == "") == list(reached)
    assert reached.sum() > 3
    with pytest.raises(ConfigError, match="no elbow"):
        collapse.elbow({"gamma_2": draws["gamma_2"]}, [1e3], given.x)


@pytest.mark.parametrize("hypothesis", ["gamma_0 = 0", "drift = 0"])
def test_two_evidences_say_what_the_density_at_0_says(
    hypothesis: str, plain: tuple[Problem, Draws]
) -> None:
    given, draws = plain
    table = collapse.nested(given, draws, np.random.default_rng(2)).set_index("hypothesis")
    one = table.loc[hypothesis]
    assert one["method"] == "density at 0"
    assert 0.5 < one["probability"] < 1.0
    held = {"gamma_0 = 0": {"gamma_0": 0.0}, "drift = 0": {"drift": False}}[hypothesis]
    law: Any = replace(given.law, **held)  # type: ignore[type-var]
    evidence = [
        solve(target_of(replace(given, law=each)), np.random.default_rng(3)).certificate
        for each in (law, given.law)
    ]
    apart = evidence[0].log_evidence - evidence[1].log_evidence
    assert one["log_bayes"] == pytest.approx(apart, abs=0.05)


def test_far_from_0_evidences_are_compared() -> None:
    given = problem(2, gamma_0=0.5)
    draws = draws_of(given)
    table = collapse.nested(given, draws, np.random.default_rng(2)).set_index("hypothesis")
    assert table.loc["gamma_0 = 0", "method"] == "two evidences"
    assert table.loc["gamma_0 = 0", "log_bayes"] < -100.0
    assert table.loc["gamma_0 = 0", "probability"] == pytest.approx(0.0, abs=1e-12)
    assert table.loc["drift = 0", "method"] == "density at 0"
    held = replace(given, law=Collapse(2, 0.0, drift=False))
    with pytest.raises(ConfigError, match="to test"):
        collapse.nested(held, draws, np.random.default_rng(2))


def test_a_drift_is_found_and_biases_what_leaves_it_out() -> None:
    given = problem(3, drift=0.2 / 1.5)
    found = draws_of(given)
    low, high = ends(found["gamma_2"])
    assert low < 1.0 < high
    low, high = ends(found["drift"])
    assert low < 0.2 / 1.5 < high
    table = collapse.nested(given, found, np.random.default_rng(2)).set_index("hypothesis")
    assert table.loc["drift = 0", "probability"] < 0.05
    exact = draws_of(replace(given, law=Collapse(2, drift=False)))
    assert ends(exact["gamma_2"])[0] > 1.02


def test_parts_of_the_data_tell_what_they_can() -> None:
    """Before the elbow gamma_1 and gamma_0, after it the last exponent and gamma, both gamma_2."""
    law = Collapse(2, drift=False)
    size = 1e3 * 10**0.75

    def before(x: Array) -> Array:
        return np.asarray(x[:, 0] < 100.0 * x[:, 1] / size)

    def after(x: Array) -> Array:
        return np.asarray(x[:, 0] > 900.0 * x[:, 1] / size)

    truth = {"gamma_0": 0.5}
    first = draws_of(problem(5, law, kept=before, **truth))
    low, high = ends(first["gamma_0"])
    assert 0.35 < low < 0.5 < high < 0.65
    assert np.ptp(ends(first["gamma_2"])) > 0.7
    last = draws_of(problem(5, law, kept=after, **truth))
    low, middle, high = np.quantile(last["P_exponent"][:, -1], [0.005, 0.5, 0.995])
    assert low < 1.0 < high < 1.25
    assert middle == pytest.approx(1.0, abs=0.07)
    assert np.ptp(ends(last["gamma_2"])) > 0.7
    both = draws_of(problem(5, law, **truth))
    low, high = np.quantile(both["gamma_2"], [0.005, 0.995])
    assert 0.9 < low < 1.0 < high < 1.1


def test_a_ceiling_fools_it_and_points_near_it_are_left_out() -> None:
    """gamma_1 = 1/2, gamma_2 = 1 under a ceiling of 1, with an approach of sharpness 4."""
    rng = np.random.default_rng(6)
    x, _ = design(rng)
    x[:, 0] = x[:, 0] / 100.0
    log_y = log_mean(x, crossover=[10.0], log_amplitude=-1.0)
    log_y = -0.25 * np.logaddexp(0.0, -4.0 * log_y)
    y = np.exp(log_y + 0.03 * rng.standard_normal(len(x)))

    def fitted(kept: Array) -> tuple[float, float]:
        at = x[kept]
        start = tuple(np.flatnonzero(np.diff(at[:, 1], prepend=0.0)).tolist())
        return ends(draws_of(Problem(Collapse(2), at, y[kept], start=start))["gamma_1"])

    kept, notes = collapse.below(y, 1.0)
    lost = int(np.sum(y > 0.6))
    assert notes == [f"{lost} points of 400 above 0.6 of the ceiling left out"]
    low, high = fitted(kept)
    assert 0.4 < low < high < 0.55
    assert fitted(np.ones(400, dtype=bool))[1] < 0.4
    assert collapse.below(y, 10.0)[1] == []
    for wrong, share in ((-1.0, 0.6), (1.0, 2.0), (1e-9, 0.6)):
        with pytest.raises(ConfigError, match="ceiling"):
            collapse.below(y, wrong, share)


def test_numbers_of_regimes_are_weighed() -> None:
    given = problem(7, kept=lambda x: x[:, 1] < 6e3)
    problems = [replace(given, law=Collapse(n)) for n in (1, 2, 3)]
    found = explore(problems, np.random.default_rng(0))
    assert found.probability[1] > 0.6
    assert found.probability[0] < 1e-6
    draws = found.draw(1000, np.random.default_rng(1))
    assert draws["exponent"].shape == (1000, 3)
    middle = np.exp(0.5 * np.log(given.x[:, 1].min() * given.x[:, 1].max()))
    assert draws["middle"][0] == pytest.approx(middle)
    curve = np.median(given.law.log_curve(draws, given.x), axis=0)
    truth = log_mean(given.x, middle=1e3 * 10**0.75)
    np.testing.assert_allclose(curve, truth, atol=0.05)
    assert np.isfinite(collapse.elbows(draws, [3e3])).all()


def test_the_hand_recipe_on_curves_without_noise() -> None:
    """U shapes whose least points are at 1/4 of P, with slopes 1/2 before it."""
    rows, y, start = [], [], []
    for size in np.geomspace(100.0, 1e4, 5):
        for seed in range(3):
            start.append(len(rows))
            at = np.geomspace(1e-3, 10.0, 400) * size
            rows += [(one, size) for one in at]
            part = at / (0.25 * size)
            y += list(size**-0.4 * (part**-0.5 + part**0.5) * (1.0 + 0.01 * seed))
    x = np.array(rows)
    found = published(x, np.array(y), start, window=(1e-3, 1e-2), points=400)
    assert found.gamma_1[0] == pytest.approx(0.5, abs=0.01)
    assert found.gamma_2[0] == pytest.approx(1.0, abs=0.01)
    assert found.gamma[0] == pytest.approx(0.4, abs=0.01)
    assert found.product[0] == pytest.approx(0.5, abs=0.015)
    np.testing.assert_allclose(found.least_x, 0.25 * found.sizes, rtol=0.05)
    with pytest.raises(ConfigError, match="window"):
        published(x, np.array(y), start, window=(1e3, 1e4))
    with pytest.raises(ConfigError, match="two or more P"):
        published(x, np.array(y), start, window=(1e-3, 1e-2), first=4)


def test_student_noise_takes_the_generic_posterior() -> None:
    given = problem(8, sd=0.02, law=Collapse(2, drift=False), kept=lambda x: x[:, 1] < 8e3)
    draws = draws_of(replace(given, noise=NOISES["student"]), 300)
    low, high = ends(draws["gamma_2"])
    assert 0.9 < low < 1.0 < high < 1.1
