"""What makes a verdict, and what residuals say against the noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from samples.problems import ONE, TWO, X, noiseless

from scalefit.arrays import Array
from scalefit.inference import Posterior, Problem, infer
from scalefit.inference.diagnostics import judge, misgivings
from scalefit.inference.point import solve
from scalefit.laws.noise import Noise


def chains(rng: np.random.Generator, *size: int, draws: int = 1000) -> Array:
    return rng.standard_normal((4, draws, *size))


NONE = np.zeros((4, 1000), dtype=bool)


def test_good_chains_are_ok(rng: np.random.Generator) -> None:
    # R-hat of 4 x 1000 independent draws exceeds 1.01 in fewer than 1 of 1,000 seeds.
    verdict, rhat, ess = judge({"a": chains(rng), "b": chains(rng, 2)}, NONE)
    assert verdict == "ok"
    assert (rhat["a"].shape, rhat["b"].shape, ess["b"].shape) == ((), (2,), (2,))
    assert rhat["a"] < 1.01
    assert ess["b"].min() > 2000


def test_disagreeing_chains_are_named(rng: np.random.Generator) -> None:
    good, bad = chains(rng, 2), chains(rng, 3)
    bad[2, :, 1] += 0.5
    verdict, rhat, _ = judge({"good": good, "bad": bad}, NONE)
    assert f"chains disagree (R-hat {rhat['bad'][1]:.3g} of bad[1], limit 1.01)" in verdict
    assert "fewer regimes" in verdict
    bad = chains(rng)
    bad[0] *= 1.5  # the same centre, another spread
    assert "chains disagree" in judge({"good": good, "bad": bad}, NONE)[0]


def test_few_independent_draws_are_named(rng: np.random.Generator) -> None:
    short = chains(rng, draws=90)
    verdict, rhat, ess = judge({"good": chains(rng, draws=90), "slow": short}, NONE[:, :90])
    assert f"too few independent draws ({min(ess['slow'], ess['good']):.0f} of " in verdict
    assert "limit 400)" in verdict
    assert rhat["slow"] < 1.1
    steps = chains(rng)
    for i in range(1, 1000):  # an autoregression: 1 in 39 draws is independent
        steps[:, i] = 0.95 * steps[:, i - 1] + np.sqrt(1 - 0.95**2) * steps[:, i]
    assert " of slow, limit 400)" in judge({"good": chains(rng), "slow": steps}, NONE)[0]


@pytest.mark.parametrize(("count", "ok"), [(0, True), (40, True), (41, False)])
def test_divergences_are_counted(count: int, ok: bool, rng: np.random.Generator) -> None:
    diverging = NONE.copy()
    diverging.flat[:count] = True
    verdict, *_ = judge({"a": chains(rng)}, diverging)
    assert (verdict == "ok") == ok
    assert ("1.0% of draws diverged (limit 1%)" in verdict) == (not ok)


def test_several_problems_are_all_said(rng: np.random.Generator) -> None:
    bad = chains(rng)
    bad[0] += 3.0
    verdict, *_ = judge({"a": bad}, ~NONE)
    assert verdict.count(";") == 3
    assert "100.0% of draws diverged" in verdict


def test_a_constant_variable_is_left_out(rng: np.random.Generator) -> None:
    fixed = np.ones((4, 1000))
    verdict, rhat, ess = judge({"a": chains(rng), "fixed": fixed}, NONE)
    assert verdict == "ok"
    assert np.isnan([rhat["fixed"], ess["fixed"]]).all()


def test_stuck_chains_are_not_ok() -> None:
    verdict, *_ = judge({"a": np.ones((4, 1000))}, NONE)
    assert "R-hat nan of every variable" in verdict


def test_correlated_residuals_get_a_note(problem: Problem) -> None:
    rng = np.random.default_rng(8)
    independent = solve(problem, draws=200, rng=rng)
    # The limit of 2.5 standard errors is passed by fewer than 1 in 150 independent curves.
    assert misgivings(problem, independent) == []
    waves = np.exp(0.05 * np.sin(3.0 * np.log(X)))
    wavy = Problem(TWO, X, noiseless(TWO, X) * waves)
    (note,) = misgivings(wavy, solve(wavy, draws=200, rng=rng))
    assert "residuals are correlated (0." in note
    assert "is taken as independent" in note
    said = infer([wavy], method="point", rng=rng).notes
    assert note.split("(")[0] in [one.split("(")[0] for one in said]


@pytest.mark.parametrize(
    ("points", "correlation", "noted"),
    [(100, 0.23, False), (100, 0.27, True), (2500, 0.09, False), (2500, 0.11, True)],
)
def test_how_much_correlation_gets_a_note(points: int, correlation: float, noted: bool) -> None:
    """From 2.5 standard errors, and never below 0.1."""
    x = np.geomspace(1.0, 1e4, points)
    waves = 0.02 * np.cos(np.arccos(correlation) * np.arange(points))
    draws = {"exponent": [[[0.5]]], "log_amplitude": [[0.0]], "noise": [[0.02]]}
    posterior = Posterior({name: np.array(one) for name, one in draws.items()}, "ok", {}, {})
    assert len(misgivings(Problem(ONE, x, x**-0.5 * np.exp(waves)), posterior)) == noted


@pytest.mark.parametrize("kind", ["normal", "ar1"])
def test_correlated_noise_is_not_accused_of_correlation(kind: Any) -> None:
    x = np.geomspace(1.0, 1e4, 120)
    drawn = np.random.default_rng(4).standard_normal(x.size)
    for i in range(1, x.size):
        drawn[i] = 0.8 * drawn[i - 1] + 0.6 * drawn[i]
    problem = Problem(ONE, x, 2.0 * x**-0.4 * np.exp(0.02 * drawn), Noise(kind))
    notes = misgivings(problem, solve(problem, draws=200, rng=np.random.default_rng(0)))
    assert [("independent" in note) for note in notes] == ([True] if kind == "normal" else [])


def test_what_ar1_leaves_correlated_is_said() -> None:
    x = np.geomspace(1.0, 1e4, 80)
    waves = 0.05 * np.sin(4.0 * np.log(x))
    problem = Problem(ONE, x, 2.0 * x**-0.4 * np.exp(waves), Noise("ar1"))
    (note,) = misgivings(problem, solve(problem, draws=200, rng=np.random.default_rng(0)))
    assert "beyond what noise='ar1' explains" in note


def test_known_errors_weigh_the_residuals() -> None:
    # Eight large neighbours in a row, of no weight because their errors are as large.
    x = np.geomspace(1.0, 1e4, 60)
    error = np.full(60, 0.002)
    error[20:28] = 0.5
    log_y = 0.5 - 0.4 * np.log(x) + 0.01 * np.random.default_rng(3).standard_normal(60)
    log_y[20:28] += 0.4
    posterior = {}
    for known in (error, None):
        problem = Problem(ONE, x, np.exp(log_y), error=known)
        preview = solve(problem, draws=200, rng=np.random.default_rng(0))
        posterior[known is None] = misgivings(problem, preview)
    assert len(posterior[True]) == 1
    assert posterior[False] == []
