"""`fit` and `Fit`: every door leads to the same numbers, and nothing is lost in a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import scalefit as sf
from scalefit.errors import ConfigError, InvalidData
from scalefit.laws import BrokenPowerLaw, Law, Parameter, Window
from scalefit.laws.priors import LogNormal, Prior

Array = NDArray[np.float64]

X = np.geomspace(1.0, 1e4, 30)
POINT: dict[str, Any] = {"method": "point", "progress": False}


def curve(seed: int = 0, x: Array = X) -> Array:
    """Return a loss with exponents 0.2 and 0.7, a crossover at 100 and 2% noise."""
    scatter = np.random.default_rng(seed).standard_normal(x.size)
    return 3.0 * x**-0.2 * (1 + x / 100) ** -0.5 * np.exp(0.02 * scatter)


def table(runs: int = 3, lengths: Mapping[int, int] | None = None) -> pd.DataFrame:
    """Return runs a, b, ... with different noise, the i-th cut at lengths[i] points."""
    parts = []
    for i in range(runs):
        frame = pd.DataFrame({"step": X, "loss": curve(i), "arch": "abcdefgh"[i], "seed": i})
        parts.append(frame.head((lengths or {}).get(i, X.size)))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def one() -> sf.Fit:
    return sf.fit(X, curve(), regimes=2, **POINT)


@pytest.fixture(scope="module")
def several() -> sf.Fit:
    data = table(3, {1: 20})
    return sf.fit(data, x="step", y="loss", by="arch", regimes=2, floor=False, **POINT)


def same_draws(a: sf.Fit, b: sf.Fit) -> bool:
    left, right = a.tree["posterior"].to_dataset(), b.tree["posterior"].to_dataset()
    return set(left.data_vars) == set(right.data_vars) and all(
        np.array_equal(left[name].values, right[name].values) for name in left.data_vars
    )


# What can be fitted.


def test_every_door_leads_to_the_same_draws(one: sf.Fit, tmp_path: Path) -> None:
    frame = pd.DataFrame({"step": X, "loss": curve()})
    frame.to_csv(tmp_path / "run.csv", index=False)
    dataset = sf.read(tmp_path / "run.csv", x="step", y="loss")
    sf.trajectory.write(dataset, tmp_path / "run.nc")
    names = {"x": "step", "y": "loss"}
    doors: list[sf.Fit] = [
        sf.fit(x=X, y=curve(), regimes=2, **POINT),
        sf.fit(list(X), tuple(curve()), regimes=2, **POINT),
        sf.fit(pd.Series(X), pd.Series(curve()), regimes=2, **POINT),
        sf.fit(X[::-1], curve()[::-1], regimes=2, **POINT),
        sf.fit(frame, **names, regimes=2, **POINT),
        sf.fit(frame.sample(frac=1, random_state=0), **names, regimes=2, **POINT),
        sf.fit(dataset, **names, regimes=2, **POINT),
        sf.fit(tmp_path / "run.csv", **names, regimes=2, **POINT),
        sf.fit(str(tmp_path / "run.nc"), **names, regimes=2, **POINT),
        sf.fit(X, curve(), law=BrokenPowerLaw(2), **POINT),
        sf.fit(X, curve(), law="broken", regimes=2, floor=True, **POINT),
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
        ({"regimes": "auto"}, ["regimes='auto'", "name it", "2 has one crossover"]),
        ({}, ["regimes='auto'"]),
        ({"regimes": 0}, ["regimes=0", "1 to 6"]),
        ({"regimes": 2.5}, ["regimes=2.5", "whole number"]),
        ({"regimes": True}, ["regimes=True", "whole number"]),
        ({"regimes": range(1, 3)}, ["regimes=range(1, 3)", "whole number"]),
        ({"regimes": None}, ["regimes=None", "whole number"]),
        ({"regimes": 1, "method": "nutz"}, ["method='nutz'", "did you mean 'nuts'"]),
        ({"regimes": 1, "law": "brokn"}, ["law='brokn'", "'broken'", "scalefit.laws"]),
        ({"regimes": 1, "floor": "maybe"}, ["floor='maybe'", "True, False or 'auto'"]),
        ({"regimes": 1, "floor": 1.0}, ["floor=1.0"]),
        ({"regimes": 1, "floor": None}, ["floor=None"]),
        ({"regimes": 1, "draws": 99}, ["draws=99", "100"]),
        ({"regimes": 1, "draws": 1e3}, ["draws=1000.0", "whole number"]),
        ({"regimes": 1, "seed": -1}, ["seed=-1", "0 or more"]),
        ({"regimes": 1, "seed": 0.5}, ["seed=0.5", "whole number"]),
        ({"regimes": 1, "x_range": (5, 1)}, ["x_range=(5, 1)"]),
        ({"regimes": 1, "duplicates": "first"}, ["duplicates='first'"]),
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
        sf.fit(*positional, **named, regimes=1, **POINT)


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
        sf.fit(x, y, regimes=1, **POINT)
    assert [word for word in words if word not in str(caught.value)] == []


def test_unknown_columns_and_files(tmp_path: Path) -> None:
    for arguments, word in (
        ({"x": "stp", "y": "loss"}, "did you mean 'step'"),
        ({"x": "step", "y": "los"}, "did you mean 'loss'"),
        ({"x": "step", "y": "loss", "by": "arhc"}, "did you mean 'arch'"),
    ):
        with pytest.raises(InvalidData, match=word):
            sf.fit(table(2), **arguments, regimes=1, **POINT)
    with pytest.raises(InvalidData, match=r"none\.csv"):
        sf.fit(tmp_path / "none.csv", x="step", y="loss", regimes=1, **POINT)
    with pytest.raises(InvalidData, match="dimension 'run'"):
        sf.fit(xr.Dataset({"a": ("t", [1.0])}), x="a", y="a", regimes=1, **POINT)


@pytest.mark.parametrize("regimes", [1, 2, 3])
def test_the_law_needs_two_points_a_regime_and_one(regimes: int) -> None:
    few = np.geomspace(1, 100, 2 * regimes)
    with pytest.raises(InvalidData, match=f"needs {2 * regimes + 1}"):
        sf.fit(few, curve(x=few), regimes=regimes, **POINT)
    enough = np.geomspace(1, 100, 2 * regimes + 1)
    assert sf.fit(enough, curve(x=enough), regimes=regimes, **POINT).runs == ["curve"]


def test_x_range_cuts_the_curve() -> None:
    fit = sf.fit(X, curve(), x_range=(10, 1000), regimes=1, **POINT)
    x, y = fit.curve("curve")
    inside = (X >= 10) & (X <= 1000)
    np.testing.assert_array_equal(x, X[inside])
    np.testing.assert_array_equal(y, curve()[inside])


def test_notes_are_carried() -> None:
    x, y = np.append(0.0, X), np.append(9.0, curve())
    fit = sf.fit(x, y, regimes=2, **POINT)
    notes = fit.notes["curve"]
    assert notes[0] == "1 point at x = 0 dropped: 0 has no logarithm"
    assert any("a preview" in note for note in notes)


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
        return sf.fit(X, curve(), regimes=2, seed=seed, **POINT)

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
    alone = sf.fit(table(3).query("arch == 'c'"), **names, **POINT)
    assert not np.array_equal(alone.parameters("c")["noise"], several.parameters("c")["noise"])
    # Another stream, the same posterior: 0.15 sd is 3 standard errors of the difference, 4 tests.
    for name in ("exponent", "level"):
        left, right = alone.parameters("c")[name], several.parameters("c")[name]
        np.testing.assert_allclose(left.mean(0), right.mean(0), atol=0.15 * left.std(0).max())


def test_draws_are_as_many_as_asked_for() -> None:
    fit = sf.fit(X, curve(), regimes=1, draws=321, **POINT)
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


# Fit.


COLUMNS = (
    "run regimes regime parameter mean median low high unit ess rhat note".split()  # noqa: SIM905
)


def test_summary_has_a_row_per_parameter(several: sf.Fit) -> None:
    summary = several.summary()
    assert list(summary.columns) == COLUMNS
    rows = summary[summary["run"] == "b"]
    assert list(zip(rows["parameter"], rows["regime"], strict=True)) == [
        ("exponent", 0),
        ("exponent", 1),
        ("crossover", 0),
        ("width", 0),
        ("amplitude", 0),
        ("noise", 0),
        ("end_exponent", 0),
    ]
    assert (summary["regimes"] == 2).all()
    assert ((summary["low"] < summary["median"]) & (summary["median"] < summary["high"])).all()
    assert ((summary["low"] < summary["mean"]) & (summary["mean"] < summary["high"])).all()
    assert (summary["note"] == "").all()
    median = rows.set_index(["parameter", "regime"])["median"]
    draws = several.parameters("b")
    assert median["exponent", 1] == np.median(draws["exponent"][:, 1])
    assert median["amplitude", 0] == pytest.approx(np.median(np.exp(draws["log_amplitude"])))


def test_summary_takes_another_interval(several: sf.Fit) -> None:
    narrow, wide = several.summary(interval=0.5), several.summary(interval=0.99)
    assert (narrow["low"] > wide["low"]).all()
    assert (narrow["high"] < wide["high"]).all()
    assert (narrow["median"] == wide["median"]).all()
    exponent = several.parameters("a")["exponent"][:, 0]
    assert narrow["low"][0] == np.quantile(exponent, 0.25)


@pytest.mark.parametrize("interval", [0, 1, -0.5, 90, np.nan])
def test_an_interval_is_a_probability(several: sf.Fit, interval: float) -> None:
    with pytest.raises(ConfigError, match="interval="):
        several.summary(interval=interval)
    with pytest.raises(ConfigError, match="interval="):
        several.predict(10.0, interval=interval)


def test_units_travel() -> None:
    data = sf.trajectory.from_frame(table(1), by=["arch"], units={"step": "tokens", "loss": "nat"})
    fit = sf.fit(data, x="step", y="loss", regimes=2, **POINT)
    unit = fit.summary().set_index("parameter")["unit"].groupby(level=0).first().to_dict()
    assert unit == {
        "exponent": "",
        "crossover": "tokens",
        "width": "decades",
        "floor": "nat",
        "amplitude": "nat",
        "noise": "",
        "end_exponent": "",
    }
    predicted = fit.predict([10.0])
    assert predicted["median"].attrs["units"] == "nat"
    assert predicted["x"].attrs["units"] == "tokens"
    assert set(fit.priors["unit"]) >= {"nat", "decades"}


def test_what_the_data_do_not_decide_is_noted() -> None:
    straight = 3.0 * X**-0.5 * np.exp(0.02 * np.random.default_rng(0).standard_normal(30))
    summary = sf.fit(X, straight, regimes=2, floor=False, **POINT).summary()
    notes = summary.set_index("parameter")["note"]
    assert notes["width"] == "follows the prior"
    assert (notes["exponent"] == "").all()


def test_a_bad_verdict_marks_every_row(one: sf.Fit) -> None:
    tree = one.tree.copy(deep=True)
    tree["diagnostics"]["verdict"][:] = "chains disagree"
    fit = sf.Fit(one.law, tree)
    assert not fit.ok
    assert (fit.summary()["note"] == "unreliable: see the verdict").all()
    assert one.ok


def test_predict(several: sf.Fit) -> None:
    at = [0.5, 1.0, 50.0, X[19] * 1.01, 1e4, 2e4]
    points, law = several.predict(at), several.predict(at, kind="curve")
    for predicted in (points, law):
        assert dict(predicted.sizes) == {"run": 3, "x": 6}
        assert set(predicted.data_vars) == {"median", "mean", "low", "high", "extrapolated"}
        assert (predicted["low"] < predicted["median"]).all()
        assert (predicted["median"] < predicted["high"]).all()
    ends = np.array([[True, False, False, False, False, True]] * 3)
    ends[1, 3:5] = True  # b ends earlier
    np.testing.assert_array_equal(points["extrapolated"].values, ends)
    fitted = ~points["extrapolated"]
    assert (points["high"] - points["low"] > law["high"] - law["low"]).where(fitted, True).all()
    # Noise of 2% around a curve known to 1% or better inside the data: +-1.645 * 2.2% at most.
    inside = points.sel(run="a").isel(x=2)
    ratio = float(np.log(inside["high"] / inside["low"]))
    assert 2 * 1.645 * 0.014 < ratio < 2 * 1.645 * 0.03
    assert (points.attrs["interval"], points.attrs["kind"]) == (0.9, "observation")


def test_prediction_intervals_nest_and_repeat(one: sf.Fit) -> None:
    narrow, wide = one.predict(X, interval=0.5), one.predict(X, interval=0.95)
    assert (narrow["low"] > wide["low"]).all()
    assert (narrow["high"] < wide["high"]).all()
    xr.testing.assert_identical(one.predict(X), one.predict(X))
    assert not one.predict(X, seed=1).equals(one.predict(X))
    assert one.predict(X, seed=1, kind="curve").equals(one.predict(X, kind="curve"))
    assert one.predict(3.0).sizes["x"] == 1
    drawn = one.sample(X).values[0, 0]
    for name, probability in (("low", 0.025), ("median", 0.5), ("high", 0.975)):
        np.testing.assert_allclose(wide[name][0], np.quantile(drawn, probability, axis=0))
    np.testing.assert_allclose(wide["mean"][0], drawn.mean(axis=0))


@pytest.mark.parametrize("x", [0.0, -1.0, np.nan, [1.0, np.inf], [[1.0]]])
def test_x_must_have_a_logarithm(one: sf.Fit, x: Any) -> None:
    for ask in (one.predict, one.sample, one.local_exponent):
        with pytest.raises(InvalidData, match="x must be one-dimensional, finite and > 0"):
            ask(x)


def test_kinds(one: sf.Fit) -> None:
    for ask in (one.predict, one.sample):
        with pytest.raises(ConfigError, match="kind='law' is unknown; give 'observation'"):
            ask(1.0, kind="law")  # type: ignore[arg-type]


def test_samples_are_draws_of_the_law_and_its_noise(several: sf.Fit) -> None:
    law, points = several.sample(X, kind="curve"), several.sample(X)
    assert law.dims == points.dims == ("run", "chain", "draw", "x")
    assert law.shape == (3, 1, 1000, 30)
    expected = np.exp(several.law.log_mean(several.parameters("c"), X))
    np.testing.assert_array_equal(law.sel(run="c").values[0], expected)
    deviates = np.log(points / law).sel(run="c").values[0]
    deviates /= several.parameters("c")["noise"][:, None]
    # 30,000 standard normals: 5 standard errors of mean and sd.
    assert np.mean(deviates) == pytest.approx(0.0, abs=5 / np.sqrt(30000))
    assert np.std(deviates) == pytest.approx(1.0, abs=5 / np.sqrt(60000))


def test_exponents(several: sf.Fit) -> None:
    assert several.exponents.dims == ("run", "chain", "draw", "regime")
    assert several.exponents.shape == (3, 1, 1000, 2)
    end = several.end_exponent
    assert end.dims == ("run", "chain", "draw")
    for run in several.runs:
        last = several.curve(run)[0][-1]
        local = several.local_exponent(last, floor=False).sel(run=run).isel(x=0)
        np.testing.assert_array_equal(end.sel(run=run), local)
    assert several.local_exponent(X).dims == ("run", "chain", "draw", "x")
    assert several.local_exponent(X)["x"].values.tolist() == X.tolist()
    start = several.local_exponent(X).median(("chain", "draw")).isel(x=0)
    np.testing.assert_allclose(start, 0.2, atol=0.08)


def test_the_floor_fades_the_local_exponent(one: sf.Fit) -> None:
    far = one.local_exponent([1e12]).values
    bare = one.local_exponent([1e12], floor=False).values
    assert (far < bare).all()


def test_priors_table(several: sf.Fit) -> None:
    table = several.priors
    assert list(table.columns) == ["run", "parameter", "prior", "median", "low", "high", "unit"]
    names = ["steepness", "exponent", "gap", "width", "level", "noise"]
    assert table[table["run"] == "b"]["parameter"].tolist() == names
    assert ((table["low"] < table["median"]) & (table["median"] < table["high"])).all()
    noise = table[table["parameter"] == "noise"].iloc[0]
    # 4,000 draws: the median of a log-normal with sd 1 is known to 2%.
    assert noise["median"] == pytest.approx(0.02, rel=0.1)
    assert "0.02" in noise["prior"]


def test_a_fit_does_not_change(one: sf.Fit) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.law = BrokenPowerLaw(1)  # type: ignore[misc]
    before = one.tree.copy(deep=True)
    assert all(len(part) for part in (one.summary(), one.predict(X), one.priors, one.notes))
    assert one.tree.identical(before)


def test_regimes_are_numbered_in_the_tree(several: sf.Fit) -> None:
    posterior = several.tree["posterior"]
    assert posterior["regime"].values.tolist() == [0, 1]
    assert posterior["boundary"].values.tolist() == [0]
    assert set(several.tree.children) == {
        "posterior",
        "observed_data",
        "constant_data",
        "diagnostics",
    }


# Files.


def test_a_file_keeps_everything(several: sf.Fit, tmp_path: Path) -> None:
    several.save(tmp_path / "new" / "fit.nc")
    again = sf.load(str(tmp_path / "new" / "fit.nc"))
    assert again.law == several.law
    assert again.tree.identical(several.tree)
    for name, variable in several.tree["posterior"].data_vars.items():
        assert again.tree["posterior"][name].dtype == variable.dtype
    assert (again.runs, again.notes, again.verdict) == (
        several.runs,
        several.notes,
        several.verdict,
    )
    pd.testing.assert_frame_equal(again.summary(), several.summary())
    xr.testing.assert_identical(again.predict(X), several.predict(X))


@pytest.mark.parametrize("floor", [True, np.True_, False])
def test_the_law_comes_back(floor: Any, tmp_path: Path) -> None:
    law = BrokenPowerLaw(np.int64(2), floor=floor)
    fit = sf.fit(X, curve(), law=law, **POINT)
    fit.save(tmp_path / "fit.nc")
    assert sf.load(tmp_path / "fit.nc").law == law


NAMES = [
    *("a/b", "Model Size", " lead", "'q' \"d\"", "ünï ∂", "50%", "a%2Fb", "line\nbreak", "_hidden"),
    *("x", "y", "point", "status", "chain", "level", "noise", "a.b", "7", "units"),
]


@pytest.mark.parametrize("name", NAMES)
def test_any_label_and_run_survive_a_file(name: str, tmp_path: Path) -> None:
    data = table(2)[["step", "loss", "arch"]].rename(columns={"arch": name})
    data[name] = data[name].map({"a": f"{name} & / more", "b": "other 'one'"})
    fit = sf.fit(data, x="step", y="loss", by=name, regimes=1, **POINT)
    assert fit.runs == [f"{name} & / more", "other 'one'"]
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.tree.identical(fit.tree)
    assert again.runs == fit.runs
    labels = [
        coordinate
        for coordinate in again.tree["constant_data"].coords.values()
        if coordinate.attrs.get("long_name") == name
    ]
    assert [label.values.tolist() for label in labels] == [fit.runs]
    np.testing.assert_array_equal(again.curve(fit.runs[1])[1], curve(1))


@pytest.mark.parametrize("unit", ["seconds", "days since 2000-01-01", "", "%"])
def test_units_survive_a_file(unit: str, tmp_path: Path) -> None:
    data = sf.trajectory.from_frame(table(1), by=["arch"], units={"step": unit, "loss": unit})
    fit = sf.fit(data, x="step", y="loss", regimes=1, **POINT)
    fit.save(tmp_path / "fit.nc")
    assert sf.load(tmp_path / "fit.nc").tree.identical(fit.tree)


def test_numbers_and_flags_as_labels_survive_a_file(tmp_path: Path) -> None:
    data = table(2).assign(rate=lambda frame: frame["seed"] * 0.1, warm=lambda f: f["seed"] > 0)
    fit = sf.fit(data, x="step", y="loss", by=["seed", "rate", "warm"], regimes=1, **POINT)
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.tree.identical(fit.tree)
    constant = again.tree["constant_data"]
    assert constant["seed"].dtype.kind == "i"
    assert constant["rate"].values.tolist() == [0.0, 0.1]
    assert constant["warm"].values.tolist() == ["False", "True"]


@pytest.mark.parametrize("keep", [0, 100, 3000, 0.9])
def test_a_damaged_file_is_refused(
    one: sf.Fit, keep: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one.save(tmp_path / "fit.nc")
    whole = (tmp_path / "fit.nc").read_bytes()
    kept = int(keep * len(whole)) if isinstance(keep, float) else keep
    (tmp_path / "cut.nc").write_bytes(whole[:kept])
    with pytest.raises(InvalidData, match=r"cut\.nc: not a readable netCDF file"):
        sf.load(tmp_path / "cut.nc")
    assert capfd.readouterr().err == ""


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="no such file"):
        sf.load(tmp_path / "none.nc")
    with pytest.raises(InvalidData, match="no such file"):
        sf.load(tmp_path)
    (tmp_path / "text.nc").write_text("step,loss\n")
    with pytest.raises(InvalidData, match="not a readable netCDF file"):
        sf.load(tmp_path / "text.nc")
    xr.Dataset({"a": ("t", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(InvalidData, match="holds no fit of this version"):
        sf.load(tmp_path / "other.nc")
    sf.trajectory.write(sf.trajectory.from_frame(table(1)), tmp_path / "runs.nc")
    with pytest.raises(InvalidData, match="holds no fit of this version"):
        sf.load(tmp_path / "runs.nc")


def test_a_failed_save_leaves_the_old_file(
    one: sf.Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fit.nc"
    one.save(path)
    before = path.read_bytes()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(xr.DataTree, "to_netcdf", fail)
    with pytest.raises(OSError, match="disk full"):
        one.save(path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["fit.nc"]


# A law of one's own.


@dataclasses.dataclass(frozen=True)
class Exponential(Law):
    """y = amplitude * exp(-x / length)."""

    @property
    def name(self) -> str:
        return "exponential"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("amplitude", 1, "law", 0.0, np.inf, "y", "y at x = 0"),
            Parameter("length", 1, "law", 0.0, np.inf, "x", "x over which y falls by e"),
        )

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        return xp.log(params["amplitude"])[..., None] - x / params["length"][..., None]

    def priors(self, window: Window) -> dict[str, Prior]:
        return {
            "amplitude": LogNormal(window.y_typical, 2.0, unit="y"),
            "length": LogNormal(window.x_high, 2.0, unit="x"),
        }


TIME = np.linspace(0.5, 10, 25)


@pytest.fixture(scope="module")
def decay() -> sf.Fit:
    scatter = np.random.default_rng(3).standard_normal(25)
    y = 5.0 * np.exp(-TIME / 4.0 + 0.03 * scatter)
    return sf.fit(TIME, y, law=Exponential(), **POINT)


def test_a_law_of_ones_own(decay: sf.Fit) -> None:
    assert decay.ok
    summary = decay.summary().set_index("parameter")
    assert list(summary.index) == ["amplitude", "length", "noise"]
    assert (summary["regimes"] == 1).all()
    for name, truth in (("amplitude", 5.0), ("length", 4.0)):
        sd = (summary["high"][name] - summary["low"][name]) / 3.29
        # Within 4.4 sd: a false alarm in 1 of 100,000 seeds.
        assert summary["median"][name] == pytest.approx(truth, abs=4.4 * sd)
        assert sd < 0.02 * truth
    predicted = decay.predict([4.0, 20.0])
    assert float(predicted["median"][0, 0]) == pytest.approx(5 / np.e, rel=0.05)
    assert predicted["extrapolated"].values.tolist() == [[False, True]]
    assert decay.priors["parameter"].tolist() == ["amplitude", "length", "noise"]


def test_a_law_of_ones_own_survives_a_file(decay: sf.Fit, tmp_path: Path) -> None:
    decay.save(tmp_path / "decay.nc")
    with pytest.raises(ConfigError, match="fitted with exponential; pass that law as law="):
        sf.load(tmp_path / "decay.nc")
    again = sf.load(tmp_path / "decay.nc", law=Exponential())
    assert again.tree.identical(decay.tree)
    pd.testing.assert_frame_equal(again.summary(), decay.summary())


def test_a_law_of_ones_own_has_no_exponents(decay: sf.Fit) -> None:
    with pytest.raises(ConfigError, match="'exponential' has no regimes"):
        decay.exponents  # noqa: B018
    with pytest.raises(ConfigError, match="'exponential' has no local exponent"):
        decay.local_exponent(1.0)
    with pytest.raises(ConfigError, match="'exponential' has no local exponent"):
        decay.end_exponent  # noqa: B018


def test_a_law_of_ones_own_has_a_graph() -> None:
    model = Exponential().to_pymc(TIME, np.exp(-TIME))
    given = {model["amplitude"]: np.array(2.0), model["length"]: np.array(5.0)}
    value = model["log_mean"].eval(given, mode="FAST_COMPILE")
    np.testing.assert_allclose(value, np.log(2.0) - TIME / 5.0)


def test_a_law_of_ones_own_can_be_drawn(decay: sf.Fit) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    ax = decay.plot()
    assert not ax.texts
    plt.close("all")


class Steeper(BrokenPowerLaw):
    """The broken law under another name."""


def test_a_law_made_from_the_broken_one_is_not_taken_for_it(tmp_path: Path) -> None:
    sf.fit(X, curve(), law=Steeper(1), **POINT).save(tmp_path / "fit.nc")
    with pytest.raises(ConfigError, match="pass that law as law="):
        sf.load(tmp_path / "fit.nc")
    assert type(sf.load(tmp_path / "fit.nc", law=Steeper(1)).law) is Steeper
