"""`fit`: every door leads to the same numbers, and what cannot be fitted is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from samples.losses import X, curve, table

import scalefit as sf
from scalefit.errors import ConfigError, InvalidData
from scalefit.laws import BrokenPowerLaw
from scalefit.laws.priors import LogNormal, Normal

POINT: dict[str, Any] = {"method": "point", "noise": "normal", "progress": False}


def same_draws(a: sf.Fit, b: sf.Fit) -> bool:
    left, right = a.tree["posterior"].to_dataset(), b.tree["posterior"].to_dataset()
    return set(left.data_vars) == set(right.data_vars) and all(
        np.array_equal(left[name].values, right[name].values) for name in left.data_vars
    )


def test_every_door_leads_to_the_same_draws(one: sf.Fit, tmp_path: Path) -> None:
    frame = pd.DataFrame({"step": X, "loss": curve()})
    frame.to_csv(tmp_path / "run.csv", index=False)
    dataset = sf.read(tmp_path / "run.csv", x="step", y="loss")
    sf.trajectory.write(dataset, tmp_path / "run.nc")
    names = {"x": "step", "y": "loss"}
    doors: list[sf.Fit] = [
        sf.fit(x=X, y=curve(), regimes=2, floor=True, **POINT),
        sf.fit(list(X), tuple(curve()), regimes=2, floor=True, **POINT),
        sf.fit(pd.Series(X), pd.Series(curve()), regimes=2, floor=True, **POINT),
        sf.fit(X[::-1], curve()[::-1], regimes=2, floor=True, **POINT),
        sf.fit(frame, **names, regimes=2, floor=True, **POINT),
        sf.fit(frame.sample(frac=1, random_state=0), **names, regimes=2, floor=True, **POINT),
        sf.fit(dataset, **names, regimes=2, floor=True, **POINT),
        sf.fit(tmp_path / "run.csv", **names, regimes=2, floor=True, **POINT),
        sf.fit(str(tmp_path / "run.nc"), **names, regimes=2, floor=True, **POINT),
        sf.fit(X, curve(), law=BrokenPowerLaw(2), **POINT),
        sf.fit(X, curve(), law="broken", regimes=(2,), floor=True, **POINT),
    ]
    for i, fit in enumerate(doors):
        assert same_draws(one, fit), i


def test_x_may_be_a_run_coordinate() -> None:
    sizes = np.repeat(np.geomspace(100, 1e5, 8), 2).round()
    data = pd.DataFrame(
        {"n_train": sizes, "seed": np.tile([0, 1], 8), "step": 1, "loss": 5 * sizes**-0.3}
    )
    data["loss"] *= np.exp(0.01 * np.random.default_rng(0).standard_normal(16))
    dataset = sf.trajectory.from_frame(data, by=["n_train", "seed"])
    fit = sf.fit(dataset, x="n_train", y="loss", regimes=1, floor=False, **POINT)
    assert fit.runs == ["all"]
    assert fit.curve("all")[0].tolist() == sizes.tolist()
    assert float(fit.exponents.median()) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"regimes": "two"}, ["regimes='two'", "1 to 6, several, or 'auto'"]),
        ({"regimes": 0}, ["regimes=0", "1 to 6"]),
        ({"regimes": 2.5}, ["regimes=2.5", "whole number"]),
        ({"regimes": True}, ["regimes=True", "whole number"]),
        ({"regimes": range(1, 8)}, ["regimes=7", "1 to 6"]),
        ({"regimes": (1, 1.5)}, ["regimes=1.5", "whole number"]),
        ({"regimes": []}, ["regimes=[]", "at least one"]),
        ({"regimes": None}, ["regimes=None", "whole number"]),
        ({"method": "nutz"}, ["method='nutz'", "did you mean 'nuts'"]),
        ({"method": "nuts"}, ["method='nuts' cannot weigh", "one number", "floor=True or False"]),
        ({"law": "brokn"}, ["law='brokn'", "'broken'", "scalefit.laws"]),
        ({"law": BrokenPowerLaw(2), "regimes": 2}, ["regimes belongs to law='broken'"]),
        ({"law": BrokenPowerLaw(2), "floor": True}, ["floor belongs to law='broken'"]),
        ({"floor": "maybe"}, ["floor='maybe'", "True, False, a known floor or 'auto'"]),
        ({"floor": -1.0}, ["floor=-1.0", "positive"]),
        ({"floor": 0}, ["floor=0", "positive"]),
        ({"floor": np.inf}, ["floor=inf", "positive"]),
        ({"floor": None}, ["floor=None"]),
        ({"noise": "ar2"}, ["noise='ar2'", "did you mean 'ar1'"]),
        ({"noise": 0.02}, ["noise=0.02", "normal"]),
        ({"fixed": {"nois": 0.1}}, ["'nois' has no prior in this fit", "did you mean 'noise'"]),
        ({"fixed": {"degrees_of_freedom": 4}}, ["'degrees_of_freedom' has no prior"]),
        ({"fixed": {"noise": "small"}}, ["fixed noise holds what is no number"]),
        ({"fixed": {"noise": np.nan}}, ["fixed noise=nan", "finite"]),
        ({"fixed": {"noise": (0.1, 0.2)}}, ["'noise' has one value", "(0.1, 0.2)"]),
        ({"fixed": {"exponent": (1, 2, 3)}, "regimes": 2}, ["'exponent' has 2 values"]),
        ({"fixed": {"floor": "low"}}, ["fixed floor='low'", "give a number"]),
        ({"fixed": {"floor": -1}}, ["floor=-1", "positive"]),
        ({"fixed": {"floor": 1}, "floor": False}, ["floor=False contradicts fixed floor=1"]),
        ({"priors": "narow"}, ["priors='narow'", "did you mean 'narrow'"]),
        ({"priors": 3}, ["priors must be 'default', 'narrow', 'anchored', or priors by name"]),
        ({"priors": {"noise": 0.02}}, ["prior of 'noise'", "scalefit.laws.priors"]),
        ({"priors": {"nois": LogNormal(0.02, 1)}}, ["'nois'", "did you mean 'noise'"]),
        ({"priors": {"noise": Normal(0, 1, size=2)}}, ["'noise' has one value", "normal"]),
        ({"draws": 99}, ["draws=99", "100"]),
        ({"draws": 1e3}, ["draws=1000.0", "whole number"]),
        ({"seed": -1}, ["seed=-1", "from 0"]),
        ({"seed": 0.5}, ["seed=0.5", "whole number"]),
        ({"x_range": (5, 1)}, ["x_range=(5, 1)"]),
        ({"duplicates": "first"}, ["duplicates='first'"]),
    ],
)
def test_arguments_outside_their_choices(arguments: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        sf.fit(X, curve(), **{**POINT, **arguments})
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("positional", "named"),
    [
        ((), {}),
        ((X,), {}),
        ((), {"x": X}),
        ((), {"x": "step", "y": "loss"}),
        ((X, X), {"x": X}),
        ((table(1),), {}),
        ((table(1),), {"x": "step"}),
        ((table(1),), {"x": X, "y": X}),
    ],
)
def test_what_is_missing_is_named(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"fit\(x, y\)|names of columns"):
        sf.fit(*positional, **named, regimes=1, floor=False, **POINT)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([1, 2, 3], [3, 2], ["one length", "(3,)", "(2,)"]),
        ([[1, 2, 3]], [[3, 2, 1]], ["one length", "(1, 3)"]),
        ([1, 2, 3, 4], [4, 3, 0, 1], ["'y' is not positive", "point 2", "x_range"]),
        ([1, 2, 3, 4], [4, -3, 2, 1], ["'y' is not positive: -3.0", "point 1"]),
        ([1, -2, 3, 4], [4, 3, 2, 1], ["'x' is negative", "point 1"]),
        ([1, 2, 3, 4], [4, np.inf, 2, 1], ["'y' is infinite"]),
        ([1, 2], [2, 1], ["2 distinct values", "needs 3"]),
        ([1, 2, 3, 4], [1, 1, 1, 1], ["1.0 at all 4 points"]),
    ],
)
def test_data_that_cannot_be_fitted(x: Any, y: Any, words: list[str]) -> None:
    with pytest.raises(InvalidData) as caught:
        sf.fit(x, y, **POINT)
    assert [word for word in words if word not in str(caught.value)] == []


def test_unknown_columns_and_files(tmp_path: Path) -> None:
    for arguments, word in (
        ({"x": "stp", "y": "loss"}, "did you mean 'step'"),
        ({"x": "step", "y": "los"}, "did you mean 'loss'"),
        ({"x": "step", "y": "loss", "by": "arhc"}, "did you mean 'arch'"),
    ):
        with pytest.raises(InvalidData, match=word):
            sf.fit(table(2), **arguments, regimes=1, floor=False, **POINT)
    with pytest.raises(InvalidData, match=r"none\.csv"):
        sf.fit(tmp_path / "none.csv", x="step", y="loss", regimes=1, floor=False, **POINT)
    with pytest.raises(InvalidData, match="dimension 'run'"):
        sf.fit(xr.Dataset({"a": ("t", [1.0])}), x="a", y="a", regimes=1, floor=False, **POINT)


@pytest.mark.parametrize("regimes", [1, 2, 3])
def test_the_law_needs_two_points_a_regime_and_one(regimes: int) -> None:
    few = np.geomspace(1, 100, 2 * regimes)
    with pytest.raises(InvalidData, match=f"needs {2 * regimes + 1}"):
        sf.fit(few, curve(x=few), regimes=regimes, **POINT)
    enough = np.geomspace(1, 100, 2 * regimes + 1)
    assert sf.fit(enough, curve(x=enough), regimes=regimes, **POINT).runs == ["curve"]


def test_x_range_cuts_the_curve() -> None:
    fit = sf.fit(X, curve(), x_range=(10, 1000), regimes=1, floor=False, **POINT)
    x, y = fit.curve("curve")
    inside = (X >= 10) & (X <= 1000)
    np.testing.assert_array_equal(x, X[inside])
    np.testing.assert_array_equal(y, curve()[inside])


def test_notes_are_carried() -> None:
    x, y = np.append(0.0, X), np.append(9.0, curve())
    fit = sf.fit(x, y, regimes=2, **POINT)
    notes = fit.notes["curve"]
    assert notes[0] == "1 point at x = 0 dropped: 0 has no logarithm"
    assert any("preview" in note for note in notes)


# Several curves, and seeds.


def test_each_curve_gets_its_own_posterior(several: sf.Fit) -> None:
    assert several.runs == ["a", "b", "c"]
    assert several.verdict == {"a": "ok", "b": "ok", "c": "ok"}
    assert several.ok
    for run, i, n in (("a", 0, 30), ("b", 1, 20), ("c", 2, 30)):
        x, y = several.curve(run)
        np.testing.assert_array_equal(x, X[:n])
        np.testing.assert_array_equal(y, curve(i)[:n])
        # The curve's own posterior: its law runs through its points.
        median = several.predict(x, kind="curve")["median"].sel(run=run)
        assert np.abs(np.log(median.values / y)).mean() < 0.03
    constant = several.tree["constant_data"]
    assert constant["arch"].values.tolist() == ["a", "b", "c"]
    assert "seed" not in constant.coords  # it tells no curves apart


def test_seeds() -> None:
    def run(seed: int) -> sf.Fit:
        return sf.fit(X, curve(), regimes=2, floor=True, seed=seed, **POINT)

    first, again, other = run(4), run(4), run(5)
    assert first.tree.identical(again.tree)
    assert not same_draws(first, other)
    assert first.tree.attrs["seed"] == 4


def test_a_curve_does_not_depend_on_later_ones(several: sf.Fit) -> None:
    """Curve k uses the k-th stream: curves after it may come and go, those before it count."""
    names: dict[str, Any] = {"x": "step", "y": "loss", "by": "arch", "regimes": 2, "floor": False}
    fewer = sf.fit(table(3, {1: 20}).query("arch != 'c'"), **names, **POINT)
    for run in ("a", "b"):
        for name, values in fewer.parameters(run).items():
            np.testing.assert_array_equal(values, several.parameters(run)[name])
    many = {**names, **POINT, "draws": 4000}
    alone = sf.fit(table(3).query("arch == 'c'"), **many).parameters("c")
    among = sf.fit(table(3), **many).parameters("c")
    assert not np.array_equal(alone["noise"], among["noise"])
    # Another stream, the same posterior: 0.15 sd is 3 standard errors of the difference, 4 tests.
    for name in ("exponent", "level"):
        left, right = alone[name], among[name]
        np.testing.assert_allclose(left.mean(0), right.mean(0), atol=0.15 * left.std(0).max())


def test_draws_are_as_many_as_asked_for() -> None:
    fit = sf.fit(X, curve(), regimes=1, floor=False, draws=321, **POINT)
    assert (fit.exponents.sizes["chain"], fit.exponents.sizes["draw"]) == (1, 321)


@given(st.floats(-9, 9), st.floats(-9, 9))
@settings(deadline=None, max_examples=5)
def test_other_units_give_the_same_fit(log_x: float, log_y: float) -> None:
    base = sf.fit(X, curve(), regimes=2, floor=False, **POINT).parameters("curve")
    x_scale, y_scale = 10.0**log_x, 10.0**log_y
    other = sf.fit(X * x_scale, curve() * y_scale, regimes=2, floor=False, **POINT)
    found = other.parameters("curve")
    # The same stream and the same optimum, which least squares finds to some 1e-5 of a sd.
    np.testing.assert_allclose(found["exponent"], base["exponent"], atol=1e-4)
    np.testing.assert_allclose(found["width"], base["width"], rtol=1e-2)
    np.testing.assert_allclose(found["crossover"] / x_scale, base["crossover"], rtol=1e-2)
    np.testing.assert_allclose(found["level"] / y_scale, base["level"], rtol=1e-3)
