"""Both engines against closed forms and each other, and what makes a verdict."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import optimize

import scalefit as sf
from scalefit.errors import ConfigError
from scalefit.inference import Posterior, Problem, infer, iterations, nuts, resolve
from scalefit.inference.diagnostics import judge, misgivings
from scalefit.inference.point import Optimum, optima, solve, spread
from scalefit.laws import BrokenPowerLaw

Array = NDArray[np.float64]

ONE, TWO = BrokenPowerLaw(1, floor=False), BrokenPowerLaw(2, floor=False)
TRUTH = {"exponent": [0.2, 0.7], "crossover": [100.0], "width": [1.0], "log_amplitude": 1.0}
NOISE = 0.02
X = np.geomspace(1.0, 1e4, 40)


def noiseless(law: BrokenPowerLaw, x: Array) -> Array:
    return np.exp(law.log_mean({name: np.array(value) for name, value in TRUTH.items()}, x))


@pytest.fixture(scope="module")
def y() -> Array:
    scatter = np.random.default_rng(1).standard_normal(X.size)
    return noiseless(TWO, X) * np.exp(NOISE * scatter)


@pytest.fixture(scope="module")
def problem(y: Array) -> Problem:
    return Problem(TWO, X, y)


@pytest.fixture(scope="module")
def best(problem: Problem) -> Optimum:
    return optima(problem, rng=np.random.default_rng(0))[0]


def height(problem: Problem, v: Array) -> float:
    return float(problem.log_posterior(v[None])[0])


def quantities(draws: Any) -> dict[str, Array]:
    """Return flat draws of what has a unit, crossover and width in logs."""
    flat = {name: np.asarray(value).reshape(-1, *value.shape[2:]) for name, value in draws.items()}
    return {
        "first exponent": flat["exponent"][:, 0],
        "second exponent": flat["exponent"][:, 1],
        "log crossover": np.log(flat["crossover"][:, 0]),
        "log width": np.log(flat["width"][:, 0]),
        "log amplitude": flat["log_amplitude"],
        "log noise": np.log(flat["noise"]),
    }


TRUE = {
    "first exponent": 0.2,
    "second exponent": 0.7,
    "log crossover": np.log(100.0),
    "log width": 0.0,
    "log amplitude": 1.0,
    "log noise": np.log(NOISE),
}


# The point engine.


def test_many_points_give_least_squares(rng: np.random.Generator) -> None:
    x = np.geomspace(1.0, 1e5, 2000)
    log_y = 1.5 - 0.35 * np.log(x) + 0.1 * rng.standard_normal(x.size)
    posterior = solve(Problem(ONE, x, np.exp(log_y)), draws=20000, rng=rng)
    design = np.stack([-np.log(x), np.ones(x.size)], axis=1)
    expected, squares, *_ = np.linalg.lstsq(design, log_y, rcond=None)
    noise = np.sqrt(squares[0] / x.size)
    sds = noise * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    found = {name: value[0] for name, value in posterior.draws.items()}
    for values, mean, sd in (
        (found["exponent"][:, 0], expected[0], sds[0]),
        (found["log_amplitude"], expected[1], sds[1]),
        (np.log(found["noise"]), np.log(noise), 1 / np.sqrt(2 * x.size)),
    ):
        # The priors pull by about 1% of a sd. Monte Carlo: mean 0.7%, sd 0.5% of a sd; both
        # tolerances are 5 of those and the pull, so fewer than 1 seed in 100,000 would fail.
        assert np.mean(values) == pytest.approx(mean, abs=0.05 * sd)
        assert np.std(values) == pytest.approx(sd, rel=0.03)
    assert posterior.verdict == "ok"


def test_few_points_give_ridge_regression(rng: np.random.Generator) -> None:
    x = np.geomspace(1.0, 30.0, 6)
    y = 2.0 * x**-0.4 * np.exp(0.2 * rng.standard_normal(6))
    problem = Problem(ONE, x, y)
    (best,) = optima(problem, rng=rng)
    # At the optimum's steepness and noise, log y is linear in the two other coordinates.
    start = problem.natural(best.v[None])
    steepness, noise = float(start["steepness"][0]), float(start["noise"][0])
    u = np.log(x) - np.log(x[-1])
    design = np.stack([-steepness * u, np.full(6, 2.0)], axis=1)
    offset = -0.5 * steepness * u + np.median(np.log(y))
    gram = design.T @ design / noise**2 + np.eye(2)
    expected = np.linalg.solve(gram, design.T @ (np.log(y) - offset) / noise**2)
    # Least squares stops at 1e-9 of its size, the noise at 1e-6 of a prior sd.
    np.testing.assert_allclose(best.v[1:3], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "law",
    [ONE, TWO, BrokenPowerLaw(1, floor=True), BrokenPowerLaw(2, floor=True)],
    ids=lambda law: law.name,
)
def test_the_optimum_is_one(law: BrokenPowerLaw, y: Array) -> None:
    problem = Problem(law, X, y)
    for found in optima(problem, rng=np.random.default_rng(0)):
        assert found.log_posterior == height(problem, found.v)
        assert found.gradient < 0.05
        # A tenth of a posterior sd along any axis goes down, but for what the gradient allows.
        sds = np.sqrt(np.diag(found.covariance))
        for step in (*np.diag(0.1 * sds), *np.diag(-0.1 * sds)):
            assert height(problem, found.v + step) < found.log_posterior + 0.005


def test_no_other_optimiser_climbs_higher(problem: Problem, best: Optimum) -> None:
    start = best.v + 0.2 * np.sqrt(np.diag(best.covariance))
    other = optimize.minimize(lambda v: -height(problem, v), start, method="BFGS")
    # Half a log unit is one sd; a thousandth of that is no difference.
    assert -other.fun < best.log_posterior + 1e-3


def test_a_noiseless_curve_is_recovered() -> None:
    problem = Problem(TWO, X, noiseless(TWO, X))
    best = optima(problem, rng=np.random.default_rng(0))[0]
    found = problem.natural(best.v[None])
    for name in ("exponent", "crossover", "width", "log_amplitude"):
        # The noise may go down to 7e-6, where the priors pull by less than 1e-6.
        np.testing.assert_allclose(found[name][0], TRUTH[name], rtol=1e-5)


def test_covariance_is_the_inverse_hessian(problem: Problem, best: Optimum) -> None:
    d, step = best.v.size, 1e-4
    shift = step * np.eye(d)
    hessian = np.empty((d, d))
    for i, j in np.ndindex(d, d):
        corners = (
            height(problem, best.v + one * shift[i] + two * shift[j]) * one * two
            for one in (1, -1)
            for two in (1, -1)
        )
        hessian[i, j] = -sum(corners) / (4 * step**2)
    sds = np.sqrt(np.diag(np.linalg.inv(hessian)))
    # Gauss-Newton leaves out residual times second derivative: a few percent at 2% noise.
    np.testing.assert_allclose(np.sqrt(np.diag(best.covariance)), sds, rtol=0.15)


def test_spread_is_linear_in_the_exponents_and_centred(problem: Problem, best: Optimum) -> None:
    normals = np.random.default_rng(2).standard_normal((50, best.v.size))
    up, down = spread(problem, best, normals), spread(problem, best, -normals)
    centre = problem.natural(best.v[None])
    midpoint = (up["exponent"] + down["exponent"]) / 2
    np.testing.assert_allclose(midpoint, np.repeat(centre["exponent"], 50, axis=0), atol=1e-12)
    twice = spread(problem, best, 2 * normals)["exponent"] - centre["exponent"]
    np.testing.assert_allclose(twice, 2 * (up["exponent"] - centre["exponent"]), atol=1e-12)
    # The steepness, on which the exponents' prior rests, moves by tens of percent.
    assert np.std(np.log(up["steepness"])) > 0.1
    assert np.std(up["exponent"][:, 0]) < 0.02


def test_point_draws_repeat_with_the_seed(problem: Problem) -> None:
    def draws(seed: int) -> Any:
        return solve(problem, draws=100, rng=np.random.default_rng(seed)).draws

    first, again, other = draws(5), draws(5), draws(6)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
        assert first[name].shape[:2] == (1, 100)


def test_a_missed_optimum_is_marked(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    found = optima(problem, rng=np.random.default_rng(0), starts=2)
    poor = [dataclasses.replace(found[0], gradient=0.3)]
    monkeypatch.setattr("scalefit.inference.point.optima", lambda *_, **__: poor)
    verdict = solve(problem, draws=100, rng=np.random.default_rng(0)).verdict
    assert "optimum was not reached (gradient 0.3 posterior sd)" in verdict
    assert "fewer regimes" in verdict


# Methods by name.


def test_methods_by_name(problem: Problem) -> None:
    assert resolve("auto") == resolve("nuts") == "nuts"
    assert iterations("point") == 0
    assert iterations("auto") == iterations("nuts") > 0
    with pytest.raises(ConfigError, match="method='nutz' is unknown; did you mean 'nuts'"):
        infer(problem, method="nutz", rng=np.random.default_rng(0))
    preview = infer(problem, method="point", draws=100, rng=np.random.default_rng(0))
    assert "a preview, not a posterior" in preview.notes[0]


# What makes a verdict.


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
    assert ok or "1.0% of draws diverged (limit 1%)" in verdict


def test_several_problems_are_all_said(rng: np.random.Generator) -> None:
    bad = chains(rng)
    bad[0] += 3.0
    verdict, *_ = judge({"a": bad}, ~NONE)
    assert verdict.count(";") == 2
    assert "100.0% of draws diverged" in verdict


def test_a_constant_variable_is_left_out(rng: np.random.Generator) -> None:
    fixed = np.ones((4, 1000))
    verdict, rhat, ess = judge({"a": chains(rng), "fixed": fixed}, NONE)
    assert verdict == "ok"
    assert np.isnan([rhat["fixed"], ess["fixed"]]).all()


def test_stuck_chains_are_not_ok() -> None:
    verdict, *_ = judge({"a": np.ones((4, 1000))}, NONE)
    assert "R-hat nan of every variable" in verdict


def test_correlated_residuals_get_a_note(problem: Problem, best: Optimum) -> None:
    rng = np.random.default_rng(8)
    independent = solve(problem, draws=200, rng=rng)
    # The limit of 2.5 standard errors is passed by fewer than 1 in 150 independent curves.
    assert misgivings(problem, independent) == []
    waves = np.exp(0.05 * np.sin(3.0 * np.log(X)))
    wavy = Problem(TWO, X, noiseless(TWO, X) * waves)
    (note,) = misgivings(wavy, solve(wavy, draws=200, rng=rng))
    assert "residuals are correlated (0." in note
    assert note in infer(wavy, method="point", rng=rng).notes


# NUTS, once.


@pytest.fixture(scope="module")
def sampled(y: Array) -> sf.Fit:
    return sf.fit(X, y, regimes=2, floor=False, method="nuts", seed=3, progress=False)


def posterior_of(fit: sf.Fit) -> dict[str, Array]:
    group = fit.tree["posterior"].to_dataset().sel(run="curve")
    return {str(name): variable.values for name, variable in group.data_vars.items()}


def test_nuts_is_believed(sampled: sf.Fit) -> None:
    assert sampled.verdict == {"curve": "ok"}
    assert sampled.ok
    assert sampled.notes == {"curve": []}
    table = sampled.summary().query("parameter != 'end_exponent'")
    assert (table["rhat"] <= 1.01).all()
    assert (table["ess"] >= 400).all()
    assert (table["note"] == "").all()


def test_nuts_keeps_what_was_asked_for(sampled: sf.Fit) -> None:
    posterior = sampled.tree["posterior"]
    assert (posterior.sizes["chain"], posterior.sizes["draw"]) == (4, 250)
    stats = sampled.tree["sample_stats"].to_dataset()
    assert {"diverging", "energy", "tree_depth", "acceptance_rate"} == set(stats.data_vars)
    assert stats["diverging"].dtype == bool
    assert float(stats["diverging"].mean()) <= 0.01
    assert not any("normal" in str(name) for name in posterior.data_vars)


def test_nuts_and_point_agree(sampled: sf.Fit, problem: Problem) -> None:
    preview = solve(problem, draws=4000, rng=np.random.default_rng(0))
    exact, quick = quantities(posterior_of(sampled)), quantities(preview.draws)
    for name, values in exact.items():
        sd = np.std(values)
        # Monte Carlo: 0.035 sd in the mean of some 800 draws. The rest is the skewness that a
        # normal leaves out, and the mode of the noise, which no fitted parameter widens: about
        # half of its sd.
        allowed = 0.9 if name == "log noise" else 0.3
        assert np.mean(quick[name]) == pytest.approx(np.mean(values), abs=allowed * sd), name
        assert np.std(quick[name]) == pytest.approx(sd, rel=0.3), name


def test_nuts_covers_the_truth(sampled: sf.Fit) -> None:
    for name, values in quantities(posterior_of(sampled)).items():
        # With 1,000 draws the ends of a 99.9% interval are near the extremes; six quantities
        # fail together in fewer than 1 of 100 seeds.
        low, high = np.quantile(values, [0.0005, 0.9995])
        assert low < TRUE[name] < high, name


def test_posterior_variables_fit_together(sampled: sf.Fit, problem: Problem) -> None:
    draws = posterior_of(sampled)
    natural = TWO.natural(draws, problem.window)
    for name in ("crossover", "log_amplitude"):
        np.testing.assert_allclose(draws[name], natural[name], rtol=1e-9)
    np.testing.assert_allclose(draws["gap"].sum(axis=-1), 1.0)


def test_a_nuts_fit_survives_a_file(sampled: sf.Fit, tmp_path: Path) -> None:
    sampled.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.tree.identical(sampled.tree)
    assert again.law == sampled.law
    pd.testing.assert_frame_equal(again.summary(), sampled.summary())


ARVIZ_ON_BOTH = ["summary", "ess", "rhat", "mcse", "hdi", "extract"]
ARVIZ_PLOTS_ON_BOTH = ["plot_trace", "plot_forest", "plot_rank", "plot_ess", "plot_autocorr"]


@pytest.fixture
def arviz() -> Any:
    import matplotlib

    from scalefit import _compat

    matplotlib.use("Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ's own; what is tested is that it takes the draws
        yield _compat.arviz
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.mark.parametrize("name", ARVIZ_ON_BOTH + ARVIZ_PLOTS_ON_BOTH)
def test_arviz_takes_the_posterior(name: str, sampled: sf.Fit, arviz: Any) -> None:
    posterior = sampled.tree["posterior"].to_dataset()
    assert getattr(arviz, name)(posterior) is not None
    if not hasattr(arviz, "InferenceData"):  # the generation that takes trees
        assert getattr(arviz, name)(sampled.tree) is not None


def test_arviz_agrees_with_the_tree(sampled: sf.Fit, arviz: Any) -> None:
    posterior = sampled.tree["posterior"].to_dataset()
    rhat = arviz.rhat(posterior)["exponent"].sel(run="curve").values
    # The tree has R-hat of every draw made, ArviZ that of the draws kept.
    np.testing.assert_allclose(rhat, sampled.tree["diagnostics"]["rhat_exponent"][0], atol=0.02)


def test_arviz_reads_the_file(sampled: sf.Fit, arviz: Any, tmp_path: Path) -> None:
    sampled.save(tmp_path / "fit.nc")
    read = arviz.from_netcdf(tmp_path / "fit.nc")
    np.testing.assert_array_equal(
        read.posterior["exponent"].values, sampled.tree["posterior"]["exponent"].values
    )


@pytest.mark.slow
def test_nuts_repeats_with_the_seed(sampled: sf.Fit, y: Array) -> None:
    again = sf.fit(X, y, regimes=2, floor=False, method="nuts", seed=3, progress=False)
    assert again.tree.identical(sampled.tree)


# NUTS with its sampler replaced: what is kept, and when it is run again.


class Sampler:
    """Stands in for PyMC: independent draws, after `bad` runs whose chains are `apart`."""

    def __init__(self, bad: int = 0, apart: float = 0.0) -> None:
        self.bad, self.apart, self.runs = bad, apart, [(0, 0.0)]

    def __call__(
        self, model: Any, problem: Any, found: Any, rng: Any, draws: int, target: float, *_: Any
    ) -> Any:
        self.runs.append((draws, target))
        values = np.random.default_rng(0).standard_normal((4, draws))
        if len(self.runs) <= self.bad + 1:
            values[0] += self.apart
        numbered = np.arange(draws) + np.zeros((4, 1))
        stats = {"diverging": np.zeros((4, draws), dtype=bool), "energy": numbered}
        return {"noise": values}, stats


def run(
    sampler: Sampler, draws: int, monkeypatch: pytest.MonkeyPatch, problem: Problem
) -> Posterior:
    monkeypatch.setattr(nuts, "_run", sampler)
    return nuts.solve(problem, draws=draws, rng=np.random.default_rng(0))


@pytest.mark.parametrize("bad", [0, 1])
@pytest.mark.parametrize("draws", [100, 700, 1000, 1001, 3000, 6000, 20000])
def test_as_many_draws_as_asked_for_whatever_it_took(
    draws: int, bad: int, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = Sampler(bad, apart=0.5)
    posterior = run(sampler, draws, monkeypatch, problem)
    assert posterior.verdict == "ok"
    assert len(sampler.runs) == 2 + bad
    each = -(-draws // 4)
    assert posterior.draws["noise"].shape == posterior.stats["energy"].shape == (4, each)
    kept = posterior.stats["energy"][0]
    assert set(np.diff(kept)) <= {sampler.runs[-1][0] // each, sampler.runs[-1][0] // each + 1}
    assert kept[-1] == sampler.runs[-1][0] - 1


def test_a_second_run_is_longer_and_more_careful(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = Sampler(bad=1, apart=0.5)
    run(sampler, 1000, monkeypatch, problem)
    (_, first, second) = sampler.runs
    assert second[0] > first[0]
    assert second[1] > first[1]


def test_a_second_run_that_fails_is_marked(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    posterior = run(Sampler(bad=2, apart=0.5), 1000, monkeypatch, problem)
    assert "chains disagree" in posterior.verdict


def test_separate_modes_are_marked_and_not_run_again(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = Sampler(bad=2, apart=20.0)
    posterior = run(sampler, 1000, monkeypatch, problem)
    assert "chains disagree" in posterior.verdict
    assert "of noise" in posterior.verdict
    assert len(sampler.runs) == 2


@pytest.mark.parametrize(("regimes", "floor"), [(1, False), (1, True), (2, False)])
def test_a_curve_without_noise_is_fitted_and_said_to_be_one(regimes: int, floor: bool) -> None:
    x = np.logspace(0, 5, 30)
    problem = Problem(BrokenPowerLaw(regimes, floor=floor), x, 3.0 * x**-0.5)
    posterior = infer(problem, method="point", rng=np.random.default_rng(0))
    assert posterior.verdict == "ok"
    assert any("no noise" in note for note in posterior.notes)
    np.testing.assert_allclose(posterior.draws["exponent"], 0.5, atol=1e-4)
