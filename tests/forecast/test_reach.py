"""Targets: whether a curve reaches them, and where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples.laws import Exponential
from samples.losses import X, straight

import scalefit as sf
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.forecast.reach import crossing

TIME = np.linspace(0.5, 10.0, 25)
QUIET: dict[str, Any] = {"method": "point", "progress": False}
ONE: dict[str, Any] = {**QUIET, "regimes": 1, "noise": "normal"}


@pytest.fixture(scope="module")
def bare() -> sf.Fit:
    """Return a fit of a power law with exponent 0.5."""
    return sf.fit(X, straight(), floor=False, **ONE)


@pytest.fixture(scope="module")
def floored() -> sf.Fit:
    return sf.fit(X, 0.1 + straight(), floor=0.1, **ONE)


def draws(fit: sf.Fit) -> tuple[Array, Array]:
    """Return log amplitude and exponent of a fit of one regime."""
    params = fit.parameters("curve")
    return params["log_amplitude"], params["exponent"][:, 0]


def test_without_futures_a_power_law_is_solved_exactly(bare: sf.Fit) -> None:
    log_amplitude, exponent = draws(bare)
    table = bare.reach([0.05, 3e-4, 1e-6], hazard=0.0)
    assert list(table["target"]) == [0.05, 3e-4, 1e-6]
    for row in table.to_dict("records"):
        exact = np.exp((log_amplitude - np.log(row["target"])) / exponent)
        exact[exact > 1e7] = np.inf
        expected = np.quantile(exact, [0.05, 0.5, 0.95], method="inverted_cdf")
        np.testing.assert_allclose([row["low"], row["median"], row["high"]], expected, rtol=1e-6)
        assert row["probability"] == np.mean(np.isfinite(exact))
        assert row["reached"] == np.mean(exact <= X[-1])
        assert (row["direction"], row["within"]) == ("down", 1e7)
    assert list(table["reached"]) == [1.0, 0.0, 0.0]
    assert table["probability"].iloc[-1] == 0.0


def test_below_a_floor_nothing_is_reached(floored: sf.Fit) -> None:
    (never, almost) = floored.reach([0.0999, 0.101]).to_dict("records")
    assert never["probability"] == 0.0
    assert never["low"] == never["high"] == np.inf
    assert 0.2 < almost["probability"] < 1.0
    assert almost["high"] == np.inf
    assert almost["low"] > X[-1]


def test_a_rising_curve_reaches_what_lies_above() -> None:
    fit = sf.fit(X, 0.1 * X**0.2, floor=False, **ONE)
    rows = fit.reach([0.05, 0.3, 0.7, 2.0], hazard=0.0).to_dict("records")
    assert {row["direction"] for row in rows} == {"up"}
    assert [row["reached"] for row in rows] == [1.0, 1.0, 0.0, 0.0]
    assert rows[0]["high"] == pytest.approx(1.0)  # the first x: it was past it from the start
    assert rows[2]["median"] == pytest.approx(7.0**5, rel=0.02)


def test_futures_make_it_less_certain(bare: sf.Fit) -> None:
    shown = [bare.reach(1e-3, hazard=h).iloc[0] for h in (0.0, 1.0, 5.0)]
    chances = [row["probability"] for row in shown]
    assert chances[0] == 1.0 > chances[1] > chances[2] > 0.0
    widths = [row["low"] for row in shown]
    assert widths[0] > widths[1]  # some futures are quicker
    pd.testing.assert_frame_equal(bare.reach(1e-3, seed=4), bare.reach(1e-3, seed=4))
    assert not bare.reach(1e-3, seed=4).equals(bare.reach(1e-3, seed=5))


def test_a_draw_has_one_future_all_along(bare: sf.Fit) -> None:
    """A later horizon only adds; the chance at each x is that of one path, not of many points."""
    targets = np.geomspace(1e-2, 1e-4, 9)
    table = bare.reach(targets)
    assert (np.diff(table["probability"]) <= 0.0).all()
    for end in ("low", "median", "high"):
        assert (np.diff(np.nan_to_num(table[end], posinf=1e300)) >= 0.0).all()
    # A path that never turns back passes a target by x exactly where it lies below it at x: the
    # median of where is where the median is, but for the few that turn.
    at = float(bare.reach(2e-3)["median"].iloc[0])
    later = float((bare.sample(at, kind="curve") <= 2e-3).mean())
    # Two independent sets of 1,000 futures: 4 standard errors, and those that turned back.
    assert later == pytest.approx(0.5, abs=4 * np.sqrt(0.5 / 1000))


@pytest.mark.parametrize("within", [30.0, 1e4, 1e6])
def test_within_ends_the_search(bare: sf.Fit, within: float) -> None:
    log_amplitude, exponent = draws(bare)
    row = bare.reach(1e-2, within=within, hazard=0.0).iloc[0]
    exact = np.exp((log_amplitude - np.log(1e-2)) / exponent)
    assert row["within"] == within
    assert row["probability"] == np.mean(exact <= within)


def test_models_are_averaged_and_runs_have_their_own_horizon() -> None:
    table = pd.concat(
        pd.DataFrame({"run": name, "step": X, "loss": 0.02 + straight(i)}).head(n)
        for i, (name, n) in enumerate({"a": 30, "b": 20}.items())
    )
    fit = sf.fit(table, x="step", y="loss", by="run", regimes=[1, 2], **QUIET)
    found = fit.reach([0.5, 0.03])
    assert list(found["run"]) == ["a", "a", "b", "b"]
    np.testing.assert_allclose(found["within"], 1000 * np.array([X[29]] * 2 + [X[19]] * 2))
    assert found.query("target == 0.5")["reached"].tolist() == [1.0, 1.0]


def test_a_law_without_regimes_has_no_futures() -> None:
    fit = sf.fit(TIME, 2.0 * np.exp(-TIME / 4.0), law=Exponential(), **QUIET)
    params = fit.parameters("curve")
    exact = params["length"] * (np.log(params["amplitude"]) - np.log(1e-3))
    row = fit.reach(1e-3).iloc[0]
    assert row["probability"] == 1.0
    assert row["median"] == pytest.approx(np.median(exact), rel=1e-3)
    assert row["median"] == pytest.approx(4.0 * np.log(2000.0), rel=0.01)


def test_a_failed_run_has_no_forecast(bare: sf.Fit) -> None:
    tree = bare.tree.copy(deep=True)
    for name in tree["posterior"].data_vars:
        tree["posterior"][name].values[:] = np.nan
    row = sf.Fit(bare.law, tree).reach(0.1).iloc[0]
    assert row[["probability", "reached", "median", "low", "high"]].isna().all()


def test_arguments(bare: sf.Fit) -> None:
    with pytest.raises(InvalidData, match="target must be one-dimensional, finite and > 0"):
        bare.reach(-1.0)
    for within in (0.0, np.inf, np.nan):
        with pytest.raises(ConfigError, match=r"within=.*: give the largest x"):
            bare.reach(0.1, within=within)
    with pytest.raises(ConfigError, match=r"within=0.5 lies before the first x of 'curve', 1"):
        bare.reach(0.1, within=0.5)
    with pytest.raises(ConfigError, match="hazard=-1"):
        bare.reach(0.1, hazard=-1.0)
    with pytest.raises(ConfigError, match="interval=2"):
        bare.reach(0.1, interval=2.0)


@pytest.mark.parametrize(
    ("above", "falls", "expected"),
    [
        ([3.0, 1.0, -1.0, -2.0], True, 1.5),
        ([3.0, 1.0, 0.0, -2.0], True, 2.0),
        ([-1.0, 1.0, 2.0, 3.0], True, 0.0),
        ([3.0, 1.0, 1.0, 0.5], True, np.inf),
        ([3.0, -3.0, 3.0, -3.0], True, 0.5),
        ([-3.0, -1.0, 1.0, 2.0], False, 1.5),
        ([1.0, 2.0, -1.0, 2.0], False, 0.0),
    ],
)
def test_first_crossing(above: list[float], falls: bool, expected: float) -> None:
    found = crossing(np.arange(4.0), np.array([above, above]), falls=falls)
    np.testing.assert_allclose(found, expected)
