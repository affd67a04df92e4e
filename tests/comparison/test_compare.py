"""`compare`: differences of exponents, their intervals, and the sentences made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples.losses import X, straight
from scipy import stats

import scalefit as sf
from scalefit.arrays import Array
from scalefit.comparison.compare import COLUMNS
from scalefit.comparison.group_mean import means
from scalefit.comparison.sentences import sentence, sentences
from scalefit.errors import ConfigError, FitFailed

POINT: dict[str, Any] = {"method": "point", "noise": "normal", "progress": False}
EXPONENTS = {"mlp": 0.3, "cnn": 0.5}
SEEDS = 4
SPREAD = 0.03


def bent(end: float, seed: int) -> Array:
    scatter = np.random.default_rng(seed).standard_normal(X.size)
    return np.asarray(X**-0.1 * (1 + X / 30) ** (0.1 - end) * np.exp(0.01 * scatter))


@pytest.fixture(scope="module")
def runs() -> sf.Fit:
    """Return a fit of four runs of each of two kinds, whose end exponents vary by 0.03."""
    rng = np.random.default_rng(3)
    parts = []
    for arch, exponent in EXPONENTS.items():
        for seed in range(SEEDS):
            loss = bent(exponent + SPREAD * rng.standard_normal(), len(parts))
            parts.append(pd.DataFrame({"step": X, "loss": loss, "arch": arch, "seed": seed}))
    data = pd.concat(parts, ignore_index=True)
    return sf.fit(data, x="step", y="loss", by=["arch", "seed"], regimes=2, floor=False, **POINT)


@pytest.fixture(scope="module")
def many() -> sf.Fit:
    """Return a fit of fourteen runs with exponent 0.5, the last one with 0.6."""
    parts = [
        pd.DataFrame({"x": X, "y": straight(i) * X ** (-0.1 * (i == 13)), "k": i})
        for i in range(14)
    ]
    return sf.fit(pd.concat(parts), x="x", y="y", by="k", regimes=1, floor=False, **POINT)


def draws(fit: sf.Fit, run: str) -> Array:
    return np.asarray(fit.end_exponent.sel(run=run).values.reshape(-1))


def doubted(fit: sf.Fit, run: int, failed: bool = False) -> sf.Fit:
    tree = fit.tree.copy(deep=True)
    tree["diagnostics"]["verdict"][run] = "searches disagree"
    if failed:
        for name in tree["posterior"].data_vars:
            tree["posterior"][name][{"run": run}] = np.nan
    return sf.Fit(fit.law, tree)


def test_every_run_is_compared_with_every_other(runs: sf.Fit) -> None:
    table = sf.compare(runs)
    assert list(table.columns) == COLUMNS
    assert len(table) == 8 * 7 // 2
    assert table["regime"].isna().all()
    assert table["p_rope"].isna().all()
    for row in table.to_dict("records")[::5]:
        a, b = draws(runs, row["a"]), draws(runs, row["b"])
        assert row["mean"] == pytest.approx(a.mean() - b.mean())
        every = np.subtract.outer(a, b)
        # Eight pairings of 1,000 draws: quantiles to about 0.02 standard deviations, P to 0.006.
        scale = every.std()
        expected = np.quantile(every, [0.05, 0.5, 0.95])
        np.testing.assert_allclose(
            [row["low"], row["median"], row["high"]], expected, atol=0.15 * scale
        )
        assert row["p_greater"] == pytest.approx(np.mean(every > 0), abs=0.02)


def test_regimes_of_one_run_keep_their_joint_draws(runs: sf.Fit) -> None:
    table = sf.compare(runs, parameter="exponent", regime=(0, 1))
    assert table["a"].tolist() == [f"{run}, regime 0" for run in runs.runs]
    assert table["b"].tolist() == [f"{run}, regime 1" for run in runs.runs]
    exponent = runs.parameters("mlp, 0")["exponent"]
    change = exponent[:, 0] - exponent[:, 1]
    row = table.iloc[0]
    assert row["median"] == np.median(change)
    assert row["low"] == np.quantile(change, 0.05)
    assert (table["p_greater"] < 0.05).all()


@pytest.mark.parametrize(("parameter", "regime"), [("exponent", 1), ("crossover", 0)])
def test_one_regime_of_all_runs(runs: sf.Fit, parameter: str, regime: int) -> None:
    table = sf.compare(runs, parameter=parameter, regime=regime, value=0.5)
    assert (table["regime"] == regime).all()
    own = runs.parameters("cnn, 2")[parameter][:, regime]
    row = table[table["a"] == "cnn, 2"].iloc[0]
    assert row["median"] == pytest.approx(np.median(own) - 0.5)
    assert row["p_greater"] == pytest.approx(np.mean(own > 0.5))


def test_without_a_number_every_regime_is_compared(runs: sf.Fit) -> None:
    table = sf.compare(runs, parameter="exponent", value=0.3)
    assert sorted(set(table["regime"])) == [0, 1]
    assert len(table) == 2 * len(runs.runs)


def test_ratios_and_ropes(runs: sf.Fit) -> None:
    pair = sf.compare(runs, value=0.4)
    times = sf.compare(runs, value=0.4, ratio=True, rope=0.1)
    np.testing.assert_allclose(times["median"], (pair["median"] + 0.4) / 0.4)
    np.testing.assert_allclose(times["p_greater"], pair["p_greater"])
    assert times.attrs["rope"] == [0.9, 1.1]
    own = draws(runs, "mlp, 1")
    expected = np.mean((own / 0.4 > 0.9) & (own / 0.4 < 1.1))
    assert times["p_rope"][1] == pytest.approx(expected)
    skew = sf.compare(runs, value=0.4, rope=(-0.2, 0.0))
    assert skew["p_rope"][1] == pytest.approx(np.mean((own > 0.2) & (own < 0.4)))
    narrow = sf.compare(runs, value=0.4, interval=0.5)
    assert narrow["high"][1] == pytest.approx(np.quantile(own, 0.75) - 0.4)


def test_a_ratio_by_what_may_be_zero_has_no_mean(runs: sf.Fit) -> None:
    tree = runs.tree.copy(deep=True)
    tree["posterior"]["exponent"] -= 0.3
    table = sf.compare(sf.Fit(runs.law, tree), between="arch", ratio=True)
    assert np.isnan(table["mean"]).all()
    assert np.isfinite(table["median"]).all()
    assert "no mean" in table.attrs["notes"][0]


def test_groups_carry_the_spread_between_their_runs(runs: sf.Fit) -> None:
    row = sf.compare(runs, between="arch").iloc[0]
    assert (row["a"], row["b"]) == ("mlp", "cnn")
    ends = {run: draws(runs, run) for run in runs.runs}
    centre = [np.mean([e.mean() for r, e in ends.items() if r.startswith(a)]) for a in EXPONENTS]
    assert row["median"] == pytest.approx(centre[0] - centre[1], abs=0.01)
    between = [np.std([e.mean() for r, e in ends.items() if r.startswith(a)]) for a in EXPONENTS]
    own = np.mean([e.std() for e in ends.values()]) / np.sqrt(SEEDS)
    assert row["high"] - row["low"] > 2 * 1.64 * np.hypot(*between) / np.sqrt(SEEDS)
    assert row["high"] - row["low"] > 2 * 1.64 * np.sqrt(2) * own
    assert row["low"] < EXPONENTS["mlp"] - EXPONENTS["cnn"] < row["high"]
    assert row["p_greater"] < 0.02
    alone = sf.compare(runs, between="seed", parameter="crossover", value=30.0)
    assert alone["a"].tolist() == [f"seed={seed}" for seed in range(SEEDS)]
    assert alone["mean"].isna().all()  # two runs each: the tails are too heavy
    assert (alone["low"] > -30.0).all()  # averaged on logs, a crossover is positive


def test_a_group_of_one_run_is_that_run(many: sf.Fit) -> None:
    one = sf.compare(many, between="k")
    np.testing.assert_allclose(one["median"], sf.compare(many)["median"], atol=0.001)
    assert "k=0, k=1, k=2 and 11 more" in one.attrs["notes"][0]


def test_above_twelve_runs_each_is_compared_with_the_others(many: sf.Fit) -> None:
    table = sf.compare(many)
    assert table["a"].tolist() == many.runs
    assert set(table["b"]) == {"the others"}
    assert "more than 12 runs" in table.attrs["notes"][0]
    assert table["median"][13] == pytest.approx(0.1, abs=0.02)
    assert table["p_greater"][13] > 0.98
    ends = many.end_exponent.mean(("chain", "draw")).values
    np.testing.assert_allclose(table["median"][0], ends[0] - ends[1:].mean(), atol=0.005)


def test_two_fits(runs: sf.Fit, many: sf.Fit) -> None:
    wide = sf.compare(runs, runs)
    assert len(wide) == len(runs.runs)
    assert wide["a"][0] == "mlp, 0 (a)"
    assert wide["p_greater"].between(0.48, 0.52).all()
    assert "same data" in wide.attrs["notes"][0]
    x, y = X, straight(99)
    one = sf.fit(x, y, regimes=1, floor=False, **POINT)
    against = sf.compare(one, many)
    assert set(against["a"]) == {"curve (a)"}
    assert against["b"].tolist() == [f"{run} (b)" for run in many.runs]
    assert against["median"][13] == pytest.approx(-0.1, abs=0.02)
    with pytest.raises(ConfigError, match=r"'mlp, 0' and '0'"):
        sf.compare(runs, many)


def test_unreliable_runs_are_compared_and_named(runs: sf.Fit) -> None:
    with pytest.warns(UserWarning, match="doubtful or unreliable, see their verdict: mlp, 1"):
        table = sf.compare(doubted(runs, 1))
    pd.testing.assert_frame_equal(table, sf.compare(runs))
    assert table.attrs["unreliable"] == table.attrs["marked"] == ["mlp, 1"]
    with pytest.warns(UserWarning, match="mlp, 1"):
        assert sf.compare(doubted(runs, 1), between="arch").attrs["marked"] == ["mlp"]


def test_failed_runs_are_left_out(runs: sf.Fit) -> None:
    table = sf.compare(doubted(runs, 1, failed=True))
    assert len(table) == 7 * 6 // 2
    assert table.attrs["notes"] == ["failed, and left out: mlp, 1"]
    lost = runs
    for run in range(len(runs.runs)):
        lost = doubted(lost, run, failed=True)
    with pytest.raises(FitFailed, match=r"fit\.verdict"):
        sf.compare(lost)


def test_a_saved_fit_compares_alike(runs: sf.Fit, tmp_path: Path) -> None:
    runs.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    for between in (None, "arch", "seed"):
        pd.testing.assert_frame_equal(
            sf.compare(again, between=between), sf.compare(runs, between=between)
        )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"parameter": "exponant"}, "did you mean 'exponent'"),
        ({"parameter": "floor"}, "parameter='floor' is unknown"),
        ({"parameter": "exponent", "regime": 2}, r"has 2 exponents.*with_regimes\(3\)"),
        ({"parameter": "crossover", "regime": 1}, r"has 1 crossover,.*with_regimes\(3\)"),
        ({"regime": 0}, "parameter='end_exponent' has one value per run"),
        ({"parameter": "exponent", "regime": (1, 1)}, "a pair such as"),
        ({"parameter": "exponent", "regime": -1}, "a number from 0"),
        ({"parameter": "exponent", "regime": (0, 1), "value": 1.0}, "leave value out"),
        ({"between": "arc"}, "did you mean 'arch'"),
        ({"value": np.nan}, "finite"),
        ({"value": 0.0, "ratio": True}, "nothing can be divided"),
        ({"rope": 0.0}, "half-width > 0"),
        ({"rope": (0.1, -0.1)}, "low < high"),
        ({"interval": 90}, "interval=90"),
    ],
)
def test_refusals(runs: sf.Fit, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        sf.compare(runs, **given)


def test_what_cannot_be_compared(runs: sf.Fit) -> None:
    one = sf.fit(X, straight(), regimes=1, floor=False, **POINT)
    with pytest.raises(ConfigError, match="this fit has one run"):
        sf.compare(one)
    with pytest.raises(ConfigError, match="with_regimes"):
        sf.compare(one, parameter="crossover", value=1.0)
    with pytest.raises(ConfigError, match="leave it or b out"):
        sf.compare(runs, runs, between="arch")
    constant = runs.tree.copy(deep=True)
    constant["constant_data"]["arch"][:] = "mlp"
    with pytest.raises(ConfigError, match="all runs are 'mlp'"):
        sf.compare(sf.Fit(runs.law, constant), between="arch")


ROW = {"a": "small", "b": "base", "regime": None, "p_greater": 0.002, "p_rope": 0.12}


@pytest.mark.parametrize(
    ("changed", "options", "expected"),
    [
        (
            {"median": -0.2134, "low": -0.2712, "high": -0.1466},
            {},
            "small vs base: end exponent 0.21 lower [0.15, 0.27] (90%), P(small < base) = 1.00",
        ),
        (
            {"median": 0.02, "low": -0.0312, "high": 0.0788, "p_greater": 0.71, "regime": 1},
            {"parameter": "exponent", "interval": 0.5, "rope": [-0.01, 0.01]},
            "small vs base: exponent of regime 1 0.02 higher [-0.03, 0.08] (50%), "
            "P(small > base) = 0.71, P(-0.01 to 0.01) = 0.12",
        ),
        (
            {"median": 3.4991, "low": 0.861, "high": 20.734, "p_greater": 0.94},
            {"parameter": "crossover", "ratio": True},
            "small vs base: crossover 3.50 times [0.86, 20.73] (90%), P(small > base) = 0.94",
        ),
        (
            {"median": -2.0e9, "low": -3.01e9, "high": 1.0e8},
            {"parameter": "crossover"},
            "small vs base: crossover 2.0e9 lower [-1e8, 3.0e9] (90%), P(small < base) = 1.00",
        ),
        (
            {"a": "m, regime 0", "b": "m, regime 1", "median": -0.5, "low": -0.6, "high": -0.4},
            {"parameter": "exponent"},
            "m, regime 0 vs regime 1: exponent 0.50 lower [0.40, 0.60] (90%), "
            "P(regime 0 < regime 1) = 1.00",
        ),
    ],
)
def test_sentences(changed: dict[str, Any], options: dict[str, Any], expected: str) -> None:
    assert sentence(ROW | changed, **options) == expected


def test_a_table_knows_what_it_is_about(runs: sf.Fit) -> None:
    table = sf.compare(runs, between="arch", parameter="crossover", ratio=True)
    (said,) = sentences(table)
    assert said.startswith("mlp vs cnn: crossover 0 ")
    assert " times [" in said


@pytest.mark.parametrize("count", [2, 3, 10])
def test_means_of_runs_without_errors_are_student_s(count: int, rng: np.random.Generator) -> None:
    y = rng.standard_normal(count)
    found = means(y, np.full(count, 1e-6), np.ones((1, count), dtype=bool), rng, draws=40_000)[0]
    exact = stats.t(count - 1, y.mean(), y.std(ddof=1) / np.sqrt(count))
    # The share of 40,000 draws below a point is known to 0.0025; the grid adds little.
    for q in (0.05, 0.25, 0.5, 0.9):
        assert np.mean(found < exact.ppf(q)) == pytest.approx(q, abs=0.01)


def test_equal_runs_with_errors_share_their_precision(rng: np.random.Generator) -> None:
    error = np.full(40, 0.1)
    y = 0.5 + error * rng.standard_normal(40)
    found = means(y, error, np.ones((1, 40), dtype=bool), rng)[0]
    assert found.mean() == pytest.approx(y.mean(), abs=0.004)
    assert found.std() == pytest.approx(0.1 / np.sqrt(40), rel=0.2)


@pytest.mark.parametrize("count", [3, 5, 10])
@pytest.mark.parametrize(("spread", "least", "most"), [(0.05, 0.87, 0.94), (0.0, 0.88, 1.0)])
def test_intervals_of_group_means_cover(
    count: int, spread: float, least: float, most: float
) -> None:
    """Of 1,000 groups; the standard error of a coverage of 0.9 is 0.0095."""
    rng = np.random.default_rng(count)
    inside = 0
    everyone = np.ones((1, count), dtype=bool)
    for _ in range(1000):
        error = rng.uniform(0.005, 0.03, count)
        y = 0.4 + np.hypot(spread, error) * rng.standard_normal(count)
        low, high = np.quantile(means(y, error, everyone, rng, draws=1000), [0.05, 0.95])
        inside += low < 0.4 < high
    assert least < inside / 1000 <= most


def test_groups_at_once_are_groups_one_by_one(rng: np.random.Generator) -> None:
    y, error = rng.standard_normal(6), rng.uniform(0.1, 1.0, 6)
    member = ~np.eye(6, dtype=bool)
    together = means(y, error, member, rng, draws=20_000)
    for one, who in zip(together, member, strict=True):
        alone = means(y[who], error[who], np.ones((1, 5), dtype=bool), rng, draws=20_000)[0]
        np.testing.assert_allclose(
            np.quantile(one, [0.1, 0.5, 0.9]), np.quantile(alone, [0.1, 0.5, 0.9]), atol=0.08
        )


def test_groups_whose_values_share_their_first_digits_stay_apart() -> None:
    dates = [20240101, 20240102]
    parts = [pd.DataFrame({"x": X, "y": straight(i), "date": date}) for i, date in enumerate(dates)]
    fit = sf.fit(pd.concat(parts), x="x", y="y", by="date", regimes=1, floor=False, **POINT)
    table = sf.compare(fit, between="date")
    assert table[["a", "b"]].iloc[0].tolist() == [f"date={date}" for date in dates]
