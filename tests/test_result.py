"""`Fit`: its tables, exponents and groups."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from samples.losses import X, table

import scalefit as sf
from scalefit.errors import ConfigError
from scalefit.laws import BrokenPowerLaw

POINT: dict[str, Any] = {"method": "point", "noise": "normal", "progress": False}


COLUMNS = (
    "run regimes regime parameter median low high mean sd unit ess rhat note".split()  # noqa: SIM905
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
