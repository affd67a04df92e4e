"""`Fit.check`: seldom wrong about good fits, seldom silent about bad ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.analysis.advice import BEYOND, WORDS
from scalefit.analysis.checks import COLUMNS
from scalefit.arrays import Array

N = 40
X = np.geomspace(1.0, 1e4, N)
CURVES = 40
CHECKS = ["noise", "autocorrelation", "outlier", "head", "tail", "spread"]


def white(rng: np.random.Generator) -> Array:
    return rng.standard_normal(N)


def correlated(rng: np.random.Generator) -> Array:
    noise = rng.standard_normal(N)
    for i in range(1, N):
        noise[i] = 0.8 * noise[i - 1] + 0.6 * noise[i]
    return noise


def spiked(rng: np.random.Generator) -> Array:
    noise = rng.standard_normal(N)
    noise[20] += 8.0
    return noise


def growing(rng: np.random.Generator) -> Array:
    return np.asarray(rng.standard_normal(N) * np.linspace(0.2, 2.0, N))


def checked(made: Callable[..., Array], curves: int = CURVES, **changed: Any) -> pd.DataFrame:
    """Return the checks of curves with a crossover and such noise, by run and check."""
    rng = np.random.default_rng(11)
    law = X**-0.2 * (1 + X / 100) ** -0.5
    parts = [
        pd.DataFrame({"step": X, "loss": law * np.exp(0.02 * made(rng)), "k": k})
        for k in range(curves)
    ]
    options = {"regimes": 2, "floor": False, "noise": "normal", "method": "point", **changed}
    fit = sf.fit(pd.concat(parts), x="step", y="loss", by="k", progress=False, **options)
    return fit.check()


@pytest.fixture(scope="module")
def good() -> pd.DataFrame:
    return checked(white)


def test_there_is_a_row_per_run_and_check(good: pd.DataFrame) -> None:
    assert list(good.columns) == COLUMNS
    assert good["check"].tolist() == CHECKS * CURVES
    assert good["p"].between(0.0, 1.0).all()
    assert (good["low"] < good["high"]).all()
    assert ((good["words"] == "ok") == (good["p"] >= 0.01)).all()


@pytest.mark.parametrize("check", CHECKS[1:])
def test_good_fits_fail_no_oftener_than_stated(good: pd.DataFrame, check: str) -> None:
    """Of 40 curves; four standard errors of a share of 0.25 are 0.27."""
    p = good[good["check"] == check]["p"]
    assert (p < 0.01).sum() <= 3  # 0.4 are expected; more than 3 have a chance of 0.1%
    assert (p < 0.25).mean() < 0.52
    assert 0.23 < (p < 0.5).mean() < 0.82


def test_advice_is_not_what_was_done_already() -> None:
    wave = lambda rng: 3.0 * np.sin(np.arange(N) / 2) + 0.01 * rng.standard_normal(N)  # noqa: E731
    for noise, words in (("normal", WORDS["autocorrelation", 1]), ("ar1", BEYOND[False])):
        table = checked(wave, 1, noise=noise)
        assert table.set_index("check").loc["autocorrelation", "words"] == words


def test_correlated_noise_is_no_fault_of_a_fit_that_knows_it() -> None:
    table = checked(correlated, 16, noise="ar1")
    failed = (table["p"] < 0.01).groupby(table["run"]).any()
    assert failed.mean() < 0.2


@pytest.mark.parametrize(
    ("made", "changed", "check", "sign"),
    [
        (spiked, {}, "outlier", 1),
        (correlated, {}, "autocorrelation", 1),
        (white, {"regimes": 1}, "autocorrelation", 1),
        (white, {"regimes": 1}, "head", 0),
        (white, {"regimes": 1}, "tail", 0),
        (growing, {}, "spread", 1),
        (white, {"fixed": {"noise": 0.01}}, "noise", 1),
        (white, {"fixed": {"noise": 0.04}}, "noise", -1),
    ],
)
def test_planted_faults_are_found(
    made: Callable[..., Array], changed: dict[str, Any], check: str, sign: int
) -> None:
    table = checked(made, 6, **changed)
    said = table[table["check"] == check]["words"]
    words = WORDS[check, sign].format(x="step", at=X[20])
    assert (said == words).mean() > 0.6
    assert set(said) <= {"ok", words}


def test_the_same_seed_the_same_table() -> None:
    fit = sf.fit(X, X**-0.5 * np.exp(0.02 * white(np.random.default_rng(0))), regimes=1,
                 floor=False, method="point", progress=False)  # fmt: skip
    pd.testing.assert_frame_equal(fit.check(), fit.check())
    assert not fit.check(seed=1).equals(fit.check())


def test_what_cannot_be_checked_says_why() -> None:
    short = sf.fit(
        X[:30:6], X[:30:6] ** -0.5 * np.array([1.02, 0.98, 1.0, 1.03, 0.97]), regimes=1,
        floor=False, method="point", progress=False,
    )  # fmt: skip
    assert set(short.check()["words"]) == {"not checked: too few points"}
    tree = short.tree.copy(deep=True)
    tree["diagnostics"]["verdict"][:] = "failed: RuntimeError: lost"
    lost = sf.Fit(short.law, tree).check()
    assert set(lost["words"]) == {"not checked: failed: RuntimeError: lost"}
    assert lost["p"].isna().all()


def test_known_errors_are_part_of_the_noise() -> None:
    rng = np.random.default_rng(2)
    sd = np.geomspace(0.2, 0.02, N)
    y = X**-0.5 * np.exp(sd * white(rng))
    options: dict[str, Any] = {"regimes": 1, "floor": False, "method": "point", "progress": False}
    known = sf.fit(x=X, y=y, y_err=sd * X**-0.5, **options).check().set_index("check")
    assert known.loc["spread", "p"] > 0.05
    unknown = sf.fit(X, y, noise="normal", **options).check().set_index("check")
    assert unknown.loc["spread", "words"] == WORDS["spread", -1]
    learned = sf.fit(X, y, **options)
    assert learned.probabilities.loc["curve", (1, False, "changing")] > 0.9
    assert learned.check().set_index("check").loc["spread", "p"] > 0.05
