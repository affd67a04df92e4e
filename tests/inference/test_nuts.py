"""NUTS against the other engines, what makes a verdict, and methods by name."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples.problems import NOISE, ONE, TWO, X, noiseless

import scalefit as sf
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.inference import Posterior, Problem, certified, infer, nuts, resolve, steps
from scalefit.inference.collapsed import Collapsed
from scalefit.inference.point import solve
from scalefit.laws import BrokenPowerLaw
from scalefit.laws.noise import Noise


def quantities(draws: Any) -> dict[str, Array]:
    """Return flat draws of what has a unit, crossover and width in logs."""
    flat = {name: np.asarray(value).reshape(-1, *value.shape[2:]) for name, value in draws.items()}
    found = {"first exponent": flat["exponent"][:, 0]}
    if "crossover" in flat:
        found |= {
            "second exponent": flat["exponent"][:, 1],
            "log crossover": np.log(flat["crossover"][:, 0]),
            "log width": np.log(flat["width"][:, 0]),
        }
    return found | {
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


# Methods by name.


def test_methods_by_name(problem: Problem) -> None:
    assert resolve("auto") == resolve("certified") == "certified"
    assert steps("point") == steps("auto") == 1
    assert steps("nuts") > 1
    with pytest.raises(ConfigError, match="method='nutz' is unknown; did you mean 'nuts'"):
        infer([problem], method="nutz", rng=np.random.default_rng(0))
    preview = infer([problem], method="point", draws=100, rng=np.random.default_rng(0))
    assert "a preview, not a posterior" in preview.notes[0]


# NUTS, once.


@pytest.fixture(scope="module", params=[pytest.param(n, marks=pytest.mark.slow) for n in (1, 2)])
def posed(request: pytest.FixtureRequest, y: Array) -> Problem:
    """Return a curve of one regime; among the tests that take minutes, one of two as well."""
    if request.param == 2:
        return Problem(TWO, X, y)
    straight = ONE.log_mean({"exponent": np.array([0.2]), "log_amplitude": np.array(1.0)}, X)
    return Problem(ONE, X, np.exp(straight) * y / noiseless(TWO, X))


def by_nuts(problem: Problem) -> sf.Fit:
    assert isinstance(problem.law, BrokenPowerLaw)
    few: Any = {"regimes": problem.law.regimes, "floor": False, "progress": False}
    return sf.fit(problem.x, problem.y, method="nuts", seed=3, **few)


@pytest.fixture(scope="module")
def sampled(posed: Problem) -> sf.Fit:
    return by_nuts(posed)


def posterior_of(fit: sf.Fit) -> dict[str, Array]:
    group = fit.tree["posterior"].to_dataset().sel(run="curve")
    return {str(name): variable.values for name, variable in group.data_vars.items()}


@pytest.mark.slow
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


def certified_draws(problem: Problem, count: int) -> dict[str, Array]:
    target = Collapsed.of(problem)
    assert target is not None
    solved = certified.solve(target, np.random.default_rng(0))
    assert solved.certificate.doubts == []
    sampled = solved.resample(count, np.random.default_rng(1))
    natural = {**sampled, **problem.law.natural(sampled, problem.window)}
    return {name: value[None] for name, value in natural.items()}


@pytest.mark.parametrize("engine", ["point", "certified"])
def test_nuts_and_the_other_engines_agree(engine: str, sampled: sf.Fit, posed: Problem) -> None:
    other = (
        certified_draws(posed, 4000)
        if engine == "certified"
        else solve(posed, draws=4000, rng=np.random.default_rng(0)).draws
    )
    exact, quick = quantities(posterior_of(sampled)), quantities(other)
    for name, values in exact.items():
        sd = np.std(values)
        # Some 800 draws by NUTS and as many that count among the others: the means differ by 0.05
        # sd and the sds by 4% on average; four times that in fewer than 1 of 1,000 seeds.
        assert np.mean(quick[name]) == pytest.approx(np.mean(values), abs=0.2 * sd), name
        assert np.std(quick[name]) == pytest.approx(sd, rel=0.16), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "errors"), [("normal", True), ("ar1", False), ("student", False), ("student", True)]
)
def test_nuts_and_the_certified_engine_agree_on_every_noise(kind: Any, errors: bool) -> None:
    rng = np.random.default_rng(6)
    x = np.geomspace(1.0, 1e4, 50)
    known = np.exp(rng.uniform(-6.0, -3.0, 50)) if errors else None
    drawn = 0.02 * rng.standard_t(4.0, size=50)
    if known is not None:
        drawn += known * rng.standard_normal(50)
    problem = Problem(ONE, x, 2.0 * x**-0.4 * np.exp(drawn), Noise(kind), known)
    posterior = nuts.solve(problem, draws=4000, rng=rng)
    assert posterior.verdict == "ok"
    expected = certified_draws(problem, 4000)
    logs = {"noise", "steepness", "degrees_of_freedom", "level"}
    for name, values in posterior.draws.items():
        one, two = values.reshape(-1), np.asarray(expected[name]).reshape(-1)
        if name in logs:
            one, two = np.log(one), np.log(two)
        # Both have more than 1,000 independent draws: 4 standard errors.
        assert np.mean(one) == pytest.approx(np.mean(two), abs=0.18 * np.std(two)), name
        assert np.std(one) == pytest.approx(np.std(two), rel=0.14), name


def test_nuts_covers_the_truth(sampled: sf.Fit) -> None:
    for name, values in quantities(posterior_of(sampled)).items():
        # With 1,000 draws the ends of a 99.9% interval are near the extremes; six quantities
        # fail together in fewer than 1 of 100 seeds.
        low, high = np.quantile(values, [0.0005, 0.9995])
        assert low < TRUE[name] < high, name


def test_posterior_variables_fit_together(sampled: sf.Fit, posed: Problem) -> None:
    draws = posterior_of(sampled)
    natural = posed.law.natural(draws, posed.window)
    for name in {"crossover", "log_amplitude"} & draws.keys():
        np.testing.assert_allclose(draws[name], natural[name], rtol=1e-9)
    if "gap" in draws:
        np.testing.assert_allclose(draws["gap"].sum(axis=-1), 1.0)


def test_a_nuts_fit_survives_a_file(sampled: sf.Fit, tmp_path: Path) -> None:
    sampled.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.tree.identical(sampled.tree)
    assert again.law == sampled.law
    pd.testing.assert_frame_equal(again.summary(), sampled.summary())


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


def before_trees(arviz: Any) -> bool:
    """Return whether it is of the generation that has a container of its own."""
    return str(arviz.__version__).startswith("0.")


@pytest.fixture
def given(sampled: sf.Fit, arviz: Any) -> list[Any]:
    """Return what ArviZ takes: the group, and the tree where its generation knows trees."""
    posterior = sampled.tree["posterior"].to_dataset()
    return [posterior] if before_trees(arviz) else [posterior, sampled.tree]


def shortest(draws: Array, probability: float) -> Array:
    """Return the ends of the shortest interval that holds a share of the draws."""
    ordered = np.sort(draws.ravel())
    count = int(probability * ordered.size)
    first = int(np.argmin(ordered[count:] - ordered[:-count]))
    return ordered[[first, first + count]]


def exponents_of(fit: sf.Fit) -> list[Array]:
    """Return the draws of every exponent, shape (chain, draw)."""
    values = fit.exponents.sel(run="curve").values
    assert values.shape[:2] == (4, 250)
    return list(np.moveaxis(values, -1, 0))


def test_arviz_summarises_the_draws(given: list[Any], sampled: sf.Fit, arviz: Any) -> None:
    for one in given:
        table = arviz.summary(one, var_names=["exponent"], round_to="none")
        for row, draws in zip(table.to_dict("records"), exponents_of(sampled), strict=True):
            if "hdi_3%" in row:
                ends, expected = [row["hdi_3%"], row["hdi_97%"]], shortest(draws, 0.94)
            else:
                ends = [row["eti89_lb"], row["eti89_ub"]]
                expected = np.quantile(draws, [0.055, 0.945])
            assert row["mean"] == pytest.approx(draws.mean())
            assert row["sd"] == pytest.approx(draws.std(), rel=2e-3)
            np.testing.assert_allclose(ends, expected, atol=0.1 * draws.std())


def test_arviz_finds_the_shortest_intervals(given: list[Any], sampled: sf.Fit, arviz: Any) -> None:
    option = "hdi_prob" if before_trees(arviz) else "prob"
    for one in given:
        found = arviz.hdi(one, **{option: 0.8})["exponent"].sel(run="curve").values
        expected = [shortest(draws, 0.8) for draws in exponents_of(sampled)]
        np.testing.assert_allclose(found, expected, atol=0.1 * np.ptp(expected[0]))


@pytest.mark.parametrize("name", ["ess", "rhat", "mcse"])
def test_arviz_knows_chains_from_draws(
    name: str, given: list[Any], sampled: sf.Fit, arviz: Any
) -> None:
    diagnose = getattr(arviz, name)
    for one in given:
        found = diagnose(one)["exponent"].sel(run="curve").values
        alone = [np.ravel(diagnose(draws))[0] for draws in exponents_of(sampled)]
        np.testing.assert_allclose(found, alone)


def test_arviz_extracts_every_draw(given: list[Any], sampled: sf.Fit, arviz: Any) -> None:
    for one in given:
        found = arviz.extract(one)["exponent"].sel(run="curve").transpose("regime", "sample")
        expected = [draws.ravel() for draws in exponents_of(sampled)]
        np.testing.assert_array_equal(found.values, expected)


@pytest.mark.parametrize("name", ["trace", "forest", "rank", "ess", "autocorr"])
def test_arviz_draws_the_posterior(
    name: str, given: list[Any], sampled: sf.Fit, arviz: Any
) -> None:
    from matplotlib import pyplot as plt

    for one in given:
        plt.close("all")
        getattr(arviz, f"plot_{name}")(one, var_names=["exponent"])
        axes = [ax for ax in plt.gcf().axes if ax.has_data()]
        assert axes
        lines = [np.asarray(line.get_ydata()) for ax in axes for line in ax.lines]
        if name == "trace":
            for draws in exponents_of(sampled):
                assert any(np.array_equal(draws[0], line) for line in lines)
        if name == "forest":
            low, high = axes[0].dataLim.intervalx
            every = np.concatenate(exponents_of(sampled))
            assert every.min() <= low < np.median(every) < high <= every.max()


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
def test_nuts_repeats_with_the_seed(sampled: sf.Fit, posed: Problem) -> None:
    assert by_nuts(posed).tree.identical(sampled.tree)


# NUTS with its sampler replaced: what is kept, and when it is run again.


class Sampler:
    """Stands in for PyMC: independent draws, after `bad` runs whose chains are `apart`."""

    def __init__(self, bad: int = 0, apart: float = 0.0) -> None:
        self.bad, self.apart, self.runs = bad, apart, [(0, 0.0)]

    def __call__(
        self, model: Any, target: Any, found: Any, rng: Any, draws: int, acceptance: float, *_: Any
    ) -> Any:
        self.runs.append((draws, acceptance))
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
    posterior = infer([problem], method="point", rng=np.random.default_rng(0))
    assert posterior.verdict == "ok"
    assert any("no noise" in note for note in posterior.notes)
    np.testing.assert_allclose(posterior.draws["exponent"], 0.5, atol=1e-4)
