"""`Fit.plateaus`: where a curve is flat, how sure that is, and what is no plateau."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.laws import BrokenPowerLaw

X = np.geomspace(1.0, 1e6, 50)
POINT: dict[str, Any] = {"method": "point", "noise": "normal", "floor": False, "progress": False}


def curve(exponent: list[float], crossover: list[float], floor: float = 0.0) -> Array:
    law = BrokenPowerLaw(len(exponent), floor=False)
    params = {
        "exponent": np.array(exponent),
        "crossover": np.array(crossover),
        "width": np.full(len(crossover), 0.3),
        "log_amplitude": np.array(1.0),
    }
    scatter = np.exp(0.01 * np.random.default_rng(7).standard_normal(X.size))
    return np.asarray((np.exp(law.log_mean(params, X)) + floor) * scatter)


CURVES = {
    "middle": curve([0.5, 0.0, 0.5], [1e2, 1e4]),
    "first": curve([0.0, 0.5], [1e3]),
    "none": curve([0.3, 0.6], [1e3]),
}


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    data = pd.concat(pd.DataFrame({"x": X, "y": y, "run_": run}) for run, y in CURVES.items())
    return sf.fit(data, x="x", y="y", by="run_", regimes=(2, 3), **POINT).plateaus()


@pytest.mark.parametrize(
    ("run", "start", "end", "height"),
    [("middle", 1e2, 1e4, np.e * 1e2**-0.5), ("first", 1.0, 1e3, np.e)],
)
def test_a_plateau_is_found_where_it_is(
    found: pd.DataFrame, run: str, start: float, end: float, height: float
) -> None:
    (row,) = found[found["run"] == run].to_dict("records")
    assert row["plateau"] == 0
    assert row["probability"] > 0.95
    for name, truth, off in (
        ("start", start, 0.15),
        ("end", end, 0.15),
        ("length", end - start, 0.15),
        ("height", height, 0.02),
    ):
        assert abs(np.log(row[name] / truth)) < off
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    if run == "first":
        assert row["start_low"] == row["start_high"] == 1.0


def test_a_run_without_one_has_one_row(found: pd.DataFrame) -> None:
    (row,) = found[found["run"] == "none"].to_dict("records")
    assert row["probability"] < 0.05
    assert pd.isna(row["plateau"])
    assert np.isnan(row["start"])


def test_the_floor_and_a_flat_curve_are_none() -> None:
    levelling = curve([0.5], [], floor=0.05)
    fit = sf.fit(X, levelling, regimes=1, **{**POINT, "floor": True})
    assert fit.plateaus()["probability"].tolist() == [0.0]
    slow = sf.fit(X, curve([0.03], []), regimes=1, **POINT)
    assert slow.plateaus()["probability"].tolist() == [0.0]


def test_interval_and_threshold_reach_the_table() -> None:
    fit = sf.fit(X, curve([0.5, 0.1, 0.5], [1e2, 1e4]), regimes=3, **POINT)
    assert fit.plateaus()["probability"][0] < 0.05
    wide, narrow = fit.plateaus(0.2), fit.plateaus(0.2, interval=0.5)
    assert wide["probability"][0] > 0.95
    assert wide["start_low"][0] < narrow["start_low"][0] < narrow["start_high"][0]


def test_a_failed_run_has_an_empty_row() -> None:
    fit = sf.fit(X, CURVES["middle"], regimes=3, **POINT)
    tree = fit.tree.copy(deep=True)
    tree["posterior"]["noise"][:] = np.nan
    (row,) = sf.Fit(fit.law, tree).plateaus().to_dict("records")
    assert row["run"] == "curve"
    assert np.isnan(row["probability"])


U = np.log(1e6)


@pytest.mark.parametrize(
    ("exponent", "crossover", "width", "expected"),
    [
        ([0.5, 0.0, 0.5], [1e2, 1e4], 0.1, [(1e2, 1e4)]),
        ([0.0, 0.5, 0.0], [1e2, 1e4], 0.1, [(1.0, 1e2), (1e4, 1e6)]),
        ([0.5, 0.01, -0.01], [1e2, 1e4], 0.1, [(1e2, 1e6)]),  # two in a row are one
        ([0.5, 0.0, 0.0], [1e2, 1.0], 0.1, [(1e2, 1e6)]),  # the third regime is missing
        ([0.0, 0.0, 0.0], [1e2, 1e4], 0.1, []),  # flat throughout
        ([0.5, 0.0, 0.5], [1e2, 1e4], 4.0, []),  # its crossovers leave nothing of it
        ([0.5, 0.04, 0.5], [1e2, 1e4], 0.1, [(1e2, 1e4)]),
        ([0.5, 0.06, 0.5], [1e2, 1e4], 0.1, []),
    ],
)
def test_plateaus_of_one_draw(
    exponent: list[float],
    crossover: list[float],
    width: float,
    expected: list[tuple[float, float]],
) -> None:
    params = {
        "exponent": np.array([exponent]),
        "crossover": np.array([crossover]),
        "width": np.full((1, 2), width),
    }
    begin, stop = BrokenPowerLaw(3, floor=False).plateaus(params, 0.0, U, 0.05)
    there = stop > begin
    ends = [(np.exp(a), np.exp(b)) for a, b in zip(begin[there], stop[there], strict=True)]
    np.testing.assert_allclose(np.reshape(ends, (-1, 2)), np.reshape(expected, (-1, 2)))


def test_refusals() -> None:
    fit = sf.fit(X, CURVES["none"], regimes=1, **POINT)
    with pytest.raises(ConfigError, match="threshold=0"):
        fit.plateaus(0)
    with pytest.raises(ConfigError, match="interval=2"):
        fit.plateaus(interval=2)
