"""Partial pooling: shared values, shrinkage, and what it refuses."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import scalefit as sf
from scalefit.arrays import Array
from scalefit.curves.curve import Curve
from scalefit.errors import ConfigError
from scalefit.fitting.plan import Plan
from scalefit.inference import pooled
from scalefit.inference.problem import Problem
from scalefit.inference.shared_values import Powers, Regimes
from scalefit.laws import Additive, BrokenPowerLaw
from scalefit.laws.priors import unpack

X = np.geomspace(1.0, 1e3, 12)
SEEDS = 4


def runs(
    spread: float = 0.0, noise: float = 0.1, mean: float = 0.5, seeds: int = SEEDS
) -> pd.DataFrame:
    """Return runs of one architecture whose exponents scatter around a mean."""
    rng = np.random.default_rng(3)
    parts = []
    for seed in range(seeds):
        exponent = mean + spread * rng.standard_normal()
        loss = X**-exponent * np.exp(noise * rng.standard_normal(X.size) + rng.standard_normal())
        parts.append(pd.DataFrame({"step": X, "loss": loss, "seed": seed, "arch": "a"}))
    return pd.concat(parts, ignore_index=True)


def fit(data: pd.DataFrame, **changed: Any) -> sf.Fit:
    arguments = {"regimes": 1, "floor": False, "noise": "normal", "progress": False, **changed}
    return sf.fit(data, x="step", y="loss", by=["arch", "seed"], **arguments)


@pytest.fixture(scope="module")
def alike() -> sf.Fit:
    """Return a fit by short chains, for what is asked of it whatever its verdict."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "LENGTHS", (200, 200))
        return fit(runs(), pool="seed", draws=800)


@pytest.fixture(scope="module")
def alone() -> sf.Fit:
    return fit(runs())


@pytest.mark.slow
def test_runs_that_are_alike_lend_each_other_strength() -> None:
    data = runs(seeds=6)
    alike, alone = fit(data, pool="seed"), fit(data)
    assert alike.ok
    pooled_sd = alike.exponents.std(["chain", "draw"]).values
    own_sd = alone.exponents.std(["chain", "draw"]).values
    assert (pooled_sd < own_sd).all()
    assert np.mean(pooled_sd / own_sd) < 0.75
    apart = np.ptp(alike.exponents.mean(["chain", "draw"]).values)
    assert apart < 0.6 * np.ptp(alone.exponents.mean(["chain", "draw"]).values)
    table = alike.shared.set_index("parameter")
    assert table.loc["exponent", "low"] < 0.5 < table.loc["exponent", "high"]
    assert table.loc["spread_exponent", "low"] < 0.02


@pytest.mark.slow
def test_runs_that_differ_stay_apart() -> None:
    data = runs(spread=0.15, noise=0.02, seeds=6)
    together, single = fit(data, pool="seed"), fit(data)
    np.testing.assert_allclose(
        together.exponents.mean(["chain", "draw"]).values,
        single.exponents.mean(["chain", "draw"]).values,
        atol=0.01,
    )
    spread = together.shared.set_index("parameter").loc["spread_exponent"]
    assert 0.05 < spread["median"] < 0.35
    assert spread["low"] < 0.15 < spread["high"]


def test_the_prior_of_a_curve_s_values_is_the_law_s(rng: np.random.Generator) -> None:
    law = BrokenPowerLaw(2, floor=False)
    problem = Problem(law, X, X**-0.5)
    params = problem.natural(rng.standard_normal((4, problem.dimension)))
    found = Regimes.log_prior_alone(problem, params)

    def density(params: dict[str, Array], i: int) -> float:
        exponent = params["exponent"][i]

        def of_steepness(v: float) -> float:
            scale = 0.4 * math.exp(0.7 * v)
            white = exponent / scale - 0.5
            normal = math.exp(-0.5 * float(white @ white)) / (2 * math.pi * scale**2)
            return normal * math.exp(-0.5 * v * v) / math.sqrt(2 * math.pi)

        value = integrate.quad(of_steepness, -9, 9, points=[-3, 0, 3], limit=200)[0]
        gap = params["gap"][i]
        place = 30.0 * gap[0] ** 2 * gap[1] ** 2 / math.log(1e3)  # Beta(3, 3) over log x
        white = math.log(params["width"][i, 0] / problem.priors["width"].median)
        return math.log(value * place) - 0.5 * white**2 - 0.5 * math.log(2 * math.pi)

    np.testing.assert_allclose(found, [density(params, i) for i in range(4)], atol=1e-3)


def test_a_crossover_that_rounds_onto_an_end_is_left_out(rng: np.random.Generator) -> None:
    problem = Problem(BrokenPowerLaw(2, floor=False), X, X**-0.3)
    sampled = unpack(problem.priors, rng.standard_normal((4, problem.dimension)))
    whole = pooled._curve(problem, sampled, np.zeros(4))
    sampled["gap"][2] = [1.0, 0.0]
    found = pooled._curve(problem, sampled, np.zeros(4))
    np.testing.assert_array_equal(found.log_weight, whole.log_weight[[0, 1, 3]])
    for one in (found.z, found.values, *found.params.values()):
        assert len(one) == 3
        assert np.isfinite(one).all()


def test_shared_values_follow_their_prior_without_data(rng: np.random.Generator) -> None:
    """Gibbs sampling with likelihoods that say nothing must return the hierarchical prior."""
    law = BrokenPowerLaw(1, floor=False)
    problem = Problem(law, X, X**-0.5)
    v = rng.standard_normal((4000, problem.dimension))
    sampled = unpack(problem.priors, v)
    curves = [pooled._curve(problem, sampled, np.zeros(len(v))) for _ in range(2)]
    hyper = Regimes(curves)
    found, _, _ = hyper.chain(hyper.guess(), 300, 1500, rng)
    steepness = found[:, hyper.size]
    assert np.mean(steepness) == pytest.approx(math.log(0.4), abs=0.15)
    assert np.std(steepness) == pytest.approx(0.7, abs=0.12)
    spread = np.exp(found[:, hyper.size + 1])
    assert np.median(spread) == pytest.approx(0.2, rel=0.2)


def test_half_of_all_spreads_are_below_a_fifth(rng: np.random.Generator) -> None:
    """Of exponents in units of the steepness, of crossovers and widths in natural logarithms."""
    problem = Problem(BrokenPowerLaw(2, floor=False), X, X**-0.5)
    sampled = unpack(problem.priors, rng.standard_normal((50, problem.dimension)))
    hyper = Regimes([pooled._curve(problem, sampled, np.zeros(50))])
    half_normal = stats.halfnorm(scale=0.3)
    assert half_normal.median() == pytest.approx(0.2, abs=0.003)
    logs = np.log([0.02, 0.2, 1.0])
    expected = half_normal.logpdf(np.exp(logs)) + logs  # a density in the logarithm
    for place in range(hyper.size + 1, hyper.dimension):
        found = []
        for log_spread in logs:
            phi = hyper.guess()
            phi[place] = log_spread
            found.append(hyper.log_prior(phi))
        np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-9)


def test_shared_values_have_the_prior_of_a_curve_s(rng: np.random.Generator) -> None:
    problem = Problem(BrokenPowerLaw(3, floor=False), X, X**-0.5)
    sampled = unpack(problem.priors, rng.standard_normal((50, problem.dimension)))
    hyper = Regimes([pooled._curve(problem, sampled, np.zeros(50))])
    found, expected = [], []
    for _ in range(4):
        exponent, log_width = rng.normal(0.3, 0.3, 3), rng.normal(0.0, 1.0, 2)
        place = np.sort(rng.uniform(0.1, 0.9, 2))
        steepness, spread = rng.uniform(0.2, 0.8), rng.uniform(0.02, 0.5, 3)
        logs = [math.log(1e3) * place, log_width, [math.log(steepness)], np.log(spread)]
        phi = np.concatenate([exponent, *logs])
        found.append(hyper.log_prior(phi))
        gaps = np.diff([0.0, *place, 1.0])
        median = problem.priors["width"].median  # type: ignore[attr-defined]
        expected.append(
            stats.norm(0.5 * steepness, steepness).logpdf(exponent).sum()
            + stats.dirichlet([3.0, 3.0, 3.0]).logpdf(gaps)
            + stats.norm(math.log(median), 1.0).logpdf(log_width).sum()
            + stats.norm(math.log(0.4), 0.7).logpdf(math.log(steepness))
            + np.sum(stats.halfnorm(scale=0.3).logpdf(spread) + np.log(spread))
        )
        named = hyper.named(phi)
        around = [named[f"spread_{name}"] for name in ("exponent", "crossover", "width")]
        np.testing.assert_allclose(around, spread * [steepness, 1.0, 1.0])
        np.testing.assert_allclose(hyper.scales(phi), np.repeat(around, [3, 2, 2]))
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-9)


def test_a_pooled_fit_survives_a_file(alike: sf.Fit, tmp_path: Path) -> None:
    alike.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.shared, alike.shared)
    pd.testing.assert_frame_equal(again.summary(), alike.summary())


def test_pooled_runs_predict(alike: sf.Fit) -> None:
    predicted = alike.predict([1e2, 1e4])
    assert predicted["median"].shape == (SEEDS, 2)
    assert bool((predicted["low"] < predicted["high"]).all())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pool": "sead"}, ["pool='sead'", "seed"]),
        ({"pool": "arch"}, ["one curve only"]),
        ({"pool": "seed", "regimes": "auto"}, ["one number of regimes"]),
        ({"pool": "seed", "floor": "auto"}, ["floor=True or False"]),
        ({"pool": "seed", "method": "point"}, ["method='auto'"]),
        ({"pool": "seed", "priors": "narrow"}, ["default priors"]),
    ],
)
def test_what_cannot_be_pooled(changed: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        fit(runs(), **changed)
    for word in words:
        assert word in str(caught.value)


def test_nothing_is_shared_without_pooling(alone: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="pool="):
        _ = alone.shared


@pytest.mark.filterwarnings("ignore:doubtful or unreliable")
def test_groups_of_pooled_runs_are_compared_by_what_they_share(
    alike: sf.Fit, tmp_path: Path
) -> None:
    alike.save(tmp_path / "fit.nc")
    shared = alike.tree["shared"]["exponent"].values.reshape(-1)
    for one in (alike, sf.load(tmp_path / "fit.nc")):
        for options in ({}, {"parameter": "exponent", "regime": 0}):
            row = sf.compare(one, between="arch", value=0.5, **options).iloc[0]
            assert row["median"] == pytest.approx(np.median(shared) - 0.5)
            assert row["low"] == pytest.approx(np.quantile(shared, 0.05) - 0.5)
    pair = sf.compare(alike).iloc[0]  # runs of one pool keep their draws together
    ends = alike.end_exponent.values.reshape(SEEDS, -1)
    assert pair["median"] == np.median(ends[0] - ends[1])


def test_a_setting_that_no_run_uses_does_not_tell_groups_apart() -> None:
    plan = Plan.of(
        law="broken", regimes=1, floor=False, noise="normal", fixed=None, priors=None,
        method="auto", draws=1000, pool="seed",
    )  # fmt: skip
    labels = [{"arch": "a", "margin": float("nan"), "seed": seed} for seed in (0, 1)]
    curves = [Curve(f"run {i}", X, X**-0.5, one, ()) for i, one in enumerate(labels)]
    assert plan.groups(curves) == [("arch=a", [0, 1])]


def test_pooled_curves_have_no_models_to_weigh(alike: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="pooled curves have one model"):
        _ = alike.probabilities


def surfaces_alone(rng: np.random.Generator) -> tuple[Problem, dict[str, Array]]:
    """Return a problem of a law in two variables, and draws from its prior."""
    x = np.exp(rng.uniform(0.0, 5.0, (9, 2)))
    problem = Problem(Additive(), x, x[:, 0] ** -0.3)
    return problem, unpack(problem.priors, rng.standard_normal((4000, problem.dimension)))


def test_the_prior_of_exponents_of_a_surface_is_the_law_s(rng: np.random.Generator) -> None:
    problem, sampled = surfaces_alone(rng)
    logs = np.log(sampled["exponent"])
    np.testing.assert_array_equal(Powers.values(problem, sampled), logs)
    expected = stats.norm(math.log(0.4), 0.7).logpdf(logs).sum(axis=1)
    np.testing.assert_allclose(Powers.log_prior_alone(problem, sampled), expected, rtol=1e-12)


def test_shared_exponents_follow_their_prior_without_data(rng: np.random.Generator) -> None:
    alone = [surfaces_alone(rng) for _ in range(2)]
    shared = Powers([pooled._curve(*one, np.zeros(4000)) for one in alone])
    found, _, _ = shared.chain(shared.guess(), 300, 1500, rng)
    assert np.mean(found[:, :2]) == pytest.approx(math.log(0.4), abs=0.15)
    assert np.std(found[:, :2]) == pytest.approx(0.7, abs=0.12)
    assert np.median(np.exp(found[:, 2])) == pytest.approx(0.2, rel=0.2)
    named = shared.named(found)
    np.testing.assert_array_equal(named["exponent"], np.exp(found[:, :2]))
    np.testing.assert_array_equal(shared.scales(found[0]), np.exp(found[0, [2, 2]]))
