"""Learning rate of a fit: areas in place of steps, and forecasts under a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scalefit as sf
from scalefit.curves.areas import areas
from scalefit.curves.learning_rate import ahead, check
from scalefit.errors import ConfigError, InvalidData

STEP = np.arange(1.0, 121.0) * 100.0
RATE = 3e-4 * np.minimum(STEP / 1000.0, 1.0)
FULL = 3e-4 * 1000.0
PLAN = sf.Schedule("linear", end=20000)
NAMES: dict[str, Any] = {"x": "step", "y": "loss", "lr": "lr", "progress": False}


def loss(s1: Any, s2: Any) -> Any:
    return 2.5 + 2.0 * s1**-0.5 - 0.4 * s2


def log(rate: Any = RATE, run: str = "base", seed: int = 0) -> pd.DataFrame:
    """Return the log of a run."""
    found = areas(STEP, rate)
    noise = np.exp(0.002 * np.random.default_rng(seed).standard_normal(STEP.size))
    y = loss(found.s1, found.s2) * noise
    return pd.DataFrame({"step": STEP, "lr": rate, "loss": y, "run": run})


def decayed() -> pd.DataFrame:
    """Return the log of a run whose rate has fallen."""
    return log(np.where(STEP > 8000.0, RATE * (1.0 - (STEP - 8000.0) / 5000.0), RATE), "other", 1)


@pytest.fixture(scope="module")
def both() -> sf.Fit:
    """Return the fit of a run at its constant rate beside one that has decayed."""
    table = pd.concat([log(), decayed()], ignore_index=True)
    return sf.fit(table, runs="run", method="point", **NAMES)


def test_points_of_the_warm_up_are_left_out_and_said(both: sf.Fit) -> None:
    x, _ = both.curve("all")
    assert len(x) == 2 * (STEP >= 1200.0).sum()
    assert x[:, 1].max() <= 1.0  # in that of a full decay
    assert any("22 points of the warm-up" in note for note in both.notes["all"])
    assert any("remembered for 1,000 of them" in note for note in both.notes["all"])
    every = sf.fit(log(), x_range=(None, 5000), method="point", **NAMES)
    assert len(every.curve("all")[0]) == 50


def test_a_plan_is_forecast_and_the_truth_is_inside(both: sf.Fit) -> None:
    at = [14000.0, 20000.0]
    found = both.predict(at, schedule=PLAN, of="base")
    assert found["step"].values.tolist() == at
    np.testing.assert_allclose(found["lr"], [3e-4 * 0.75, 0.0], atol=1e-12)
    steps = np.append(STEP, np.arange(12001.0, 20001.0))
    rates = np.append(RATE, PLAN.rates(steps[STEP.size :], STEP, RATE))
    truth = areas(steps, rates)
    place = np.searchsorted(steps, at)
    np.testing.assert_allclose(found["s1"], truth.s1[place], rtol=1e-9)
    np.testing.assert_allclose(found["s2"], truth.s2[place] / FULL, rtol=1e-6)
    y = loss(truth.s1[place], truth.s2[place])
    assert (np.abs(found["median"].values[0] / y - 1.0) < 0.01).all()
    assert ((found["low"].values[0] < y) & (y < found["high"].values[0])).all()
    steps_and_rates = (steps[STEP.size :], rates[STEP.size :])
    listed = both.predict(at, schedule=steps_and_rates, of="base")
    np.testing.assert_allclose(listed["s2"], found["s2"], rtol=1e-9)


def test_where_nothing_is_annealed_the_prior_says_what_is_gained(tmp_path: Path) -> None:
    alone = sf.fit(log(), method="point", **NAMES)
    assert any("'s2' is 0 at all points" in note for note in alone.notes["all"])
    held = alone.predict([20000], schedule=sf.Schedule("constant"))
    falls = alone.predict([20000], schedule=PLAN)
    assert held["high"].item() - held["low"].item() < 0.05
    assert falls["high"].item() - falls["low"].item() > 0.2
    assert falls["median"].item() < held["low"].item()
    alone.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    xr.testing.assert_identical(again.predict([20000], schedule=PLAN), falls)


def test_what_does_not_fit_a_learning_rate_is_told(both: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="several runs are fitted: name the one"):
        both.predict([20000], schedule=PLAN)
    with pytest.raises(ConfigError, match="is not among those fitted: "):
        both.predict([20000], schedule=PLAN, of="bass")
    with pytest.raises(ConfigError, match="give schedule= with it"):
        both.predict([20000], of="base")
    with pytest.raises(InvalidData, match="lies before step 12000"):
        both.predict([2000], schedule=PLAN, of="base")
    with pytest.raises(ConfigError, match="leave it out"):
        both.predict([20000], schedule=sf.Schedule("linear", end=20000, start=10), of="base")
    plain = sf.fit(STEP, 3.0 * STEP**-0.3, method="point", regimes=1, progress=False)
    with pytest.raises(ConfigError, match="needs a fit with a learning rate"):
        plain.predict([20000], schedule=PLAN)
    for options, words in (
        ({"law": "additive"}, "lr= goes with law='annealed'"),
        ({"x": ["step", "loss"]}, "one column of x"),
        ({"lr": 3}, "name of the column"),
    ):
        with pytest.raises(ConfigError, match=words):
            sf.fit(log(), **{**NAMES, **options})
    with pytest.raises(InvalidData, match="'lr' is 0 everywhere"):
        sf.fit(log().assign(lr=0.0), **NAMES)


def test_a_stored_text_says_where_runs_stand_or_is_refused() -> None:
    run = [10.0, 1.0, 5.0, 0.0, 0.0, False]
    good = {"step": "step", "lr": "lr", "decay": 0.9, "full": 2.0, "runs": {"a": run}}
    check(json.dumps(good))
    table, step, lr = ahead(json.dumps(good), sf.Schedule("constant"), [12.0])
    assert (step, lr) == ("step", "lr")
    assert table["s1"].tolist() == [7.0]
    for changed in (
        {"decay": 1.0}, {"full": 0.0}, {"step": 1}, {"runs": {"a": run[:3]}}, {"runs": [run]},
        {"runs": {"a": ["x", *run[1:]]}}, {"more": 1},
    ):  # fmt: skip
        with pytest.raises(InvalidData):
            check(json.dumps({**good, **changed}))
    for text in ("", "[", "[]", "null", None, 3):
        with pytest.raises(InvalidData):
            check(text)
