"""What the user knows: fixed values, floors, priors, standard errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples.losses import X, curve, cut, straight

import scalefit as sf
from scalefit.errors import ConfigError, InvalidData
from scalefit.laws import BrokenPowerLaw
from scalefit.laws.priors import Dirichlet, LogNormal, Normal

CALM: dict[str, Any] = {"noise": "normal", "progress": False}
POINT: dict[str, Any] = {"method": "point", "progress": False}
NAMES: dict[str, Any] = {"x": "step", "y": "loss", "by": "arch"}


def test_a_known_noise_sets_the_intervals() -> None:
    known = sf.fit(X, straight(), regimes=1, floor=False, fixed={"noise": 0.1}, **CALM)
    assert known.ok
    design = np.stack([np.ones_like(X), -np.log(X)], axis=1)
    error = 0.1 * np.sqrt(np.linalg.inv(design.T @ design)[1, 1])
    assert float(known.exponents.std()) == pytest.approx(error, rel=0.15)
    rows = known.summary().set_index("parameter")
    assert rows["median"]["noise"] == rows["low"]["noise"] == rows["high"]["noise"] == 0.1
    assert rows["note"]["noise"] == "fixed"


def test_a_known_floor() -> None:
    y = 1.69 + 2.0 * X**-0.4
    y = y * np.exp(0.005 * np.random.default_rng(0).standard_normal(30))
    fits = [
        sf.fit(X, y, regimes=1, floor=1.69, **CALM),
        sf.fit(X, y, regimes=1, fixed={"floor": 1.69}, **CALM),
        sf.fit(X, y, law=BrokenPowerLaw(1), fixed={"floor": 1.69}, **CALM),
    ]
    for fit in fits:
        assert fit.law == BrokenPowerLaw(1, floor=1.69)
        assert fit.ok
        rows = fit.summary().set_index("parameter")
        assert rows["low"]["floor"] == rows["high"]["floor"] == pytest.approx(1.69)
        assert rows["note"]["floor"] == "fixed"
        assert "floor_share" not in fit.priors["parameter"].tolist()
        low, high = fit.exponents.quantile([0.0005, 0.9995], ("chain", "draw")).values.ravel()
        assert low < 0.4 < high
        assert high - low < 0.04
        far = float(fit.predict(1e30, hazard=0.0, kind="curve")["median"][0, 0])
        assert far == pytest.approx(1.69, rel=1e-3)
    with pytest.raises(InvalidData, match=r"floor=9 is known, but no y .* \(the largest is 3\.6"):
        sf.fit(X, y, floor=9, **POINT)


# Priors.


def test_a_floor_may_come_from_a_large_run(tmp_path: Path) -> None:
    y = 0.1 * (1 + 16 / X) * np.exp(0.004 * np.random.default_rng(0).standard_normal(30))
    named: dict[str, Any] = {"regimes": 1, "floor": True, **CALM}
    free = sf.fit(X, y, **named)
    near = sf.fit(X, y, priors={"floor": LogNormal(0.1, 1e-4)}, **named)
    known = sf.fit(X, y, regimes=1, floor=0.1, **CALM)
    widths = [float(np.ptp(one.exponents.quantile([0.05, 0.95]).values)) for one in (free, near)]
    assert near.ok
    assert widths[1] < widths[0]
    ends = [one.exponents.quantile([0.05, 0.5, 0.95]).values for one in (near, known)]
    np.testing.assert_allclose(ends[0], ends[1], atol=0.01)
    assert ends[0][0] < 1 < ends[0][2]
    rows = near.priors.set_index("parameter")
    assert rows["prior"]["floor"] == "log-normal, median 0.1, sd of the log 0.0001"
    assert "floor_share" not in rows.index
    near.save(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(sf.load(tmp_path / "fit.nc").priors, near.priors)
    far = sf.fit(X, y, priors={"floor": LogNormal(0.05, 1e-4)}, **named)  # the run was not so large
    assert far.summary().set_index("parameter")["high"]["floor"] < 0.06
    with pytest.raises(ConfigError, match=r"prior of 'floor' is normal.* give LogNormal"):
        sf.fit(X, y, priors={"floor": Normal(0.1, 0.01)}, **named)
    with pytest.raises(ConfigError, match="'floor' has no prior in this fit"):
        sf.fit(X, y, floor=False, priors={"floor": LogNormal(0.1, 0.1)}, **POINT)


def test_priors_can_be_overridden(tmp_path: Path) -> None:
    overrides = {"exponent": Normal(0.2, 0.01), "noise": LogNormal(0.05, 0.5)}
    fit = sf.fit(X, curve(), regimes=(1, 2), floor=False, priors=overrides, **POINT)
    rows = fit.priors.set_index("parameter")["prior"]
    assert rows["exponent"] == "normal, mean 0.2, sd 0.01"
    assert "median 0.05" in rows["noise"]
    assert "steepness" not in rows
    assert "Dirichlet(3" in rows["gap"]
    default = sf.fit(X, curve(), regimes=(1, 2), floor=False, **POINT)
    for one, expected in ((fit, 0.2), (default, 0.7)):
        second = one.with_regimes(2).exponents.isel(regime=1)
        assert float(second.median()) == pytest.approx(expected, abs=0.12)
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.priors, fit.priors)
    assert not again.priors.equals(default.priors)


def test_a_prior_is_stretched_to_what_it_replaces() -> None:
    changed = {"gap": Dirichlet(1.5, size=2), "width": LogNormal(0.3, 0.2)}
    fit = sf.fit(X, curve(), regimes=(1, 3), floor=False, priors=changed, **POINT)
    rows = fit.priors.set_index("parameter")["prior"]
    assert "Dirichlet(1.5, ...) over 3 gaps" in rows["gap"]
    widths = fit.with_regimes(3).parameters("curve")["width"]
    assert widths.shape[1] == 2


def test_narrow_priors_are_another_set(tmp_path: Path) -> None:
    fit = sf.fit(X, curve(), regimes=2, floor=True, priors="narrow", **POINT)
    rows = fit.priors.set_index("parameter")["prior"]
    assert rows["exponent"] == "normal, mean 0.3, sd 0.3"
    assert rows["floor_share"] == "uniform from 0 to 1"
    default = sf.fit(X, curve(), regimes=2, floor=True, priors="default", **POINT)
    assert "steepness" in default.priors["parameter"].tolist()
    floors = [np.median(one.parameters("curve")["floor"]) for one in (fit, default)]
    assert floors[0] != floors[1]
    fit.save(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(sf.load(tmp_path / "fit.nc").priors, fit.priors)


def test_fixed_values_survive_a_file(tmp_path: Path) -> None:
    held = {"noise": 0.02, "width": 1.0, "floor": 0.001}
    fit = sf.fit(X, curve(), regimes=3, fixed=held, **POINT)
    params = fit.parameters("curve")
    assert np.unique(params["noise"]).tolist() == [0.02]
    assert np.unique(params["width"]).tolist() == [1.0]
    np.testing.assert_allclose(params["floor"], 0.001)
    rows = fit.priors.set_index("parameter")["prior"]
    assert rows["noise"] == "fixed at 0.02"
    assert rows["width"] == "fixed at (1.0, 1.0)"
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.law == BrokenPowerLaw(3, floor=0.001)
    pd.testing.assert_frame_equal(again.priors, fit.priors)
    pd.testing.assert_frame_equal(again.summary(), fit.summary())


# Known errors.


def test_known_errors_by_name_and_by_array(tmp_path: Path) -> None:
    frame = cut(30, 20)
    frame.to_csv(tmp_path / "runs.csv", index=False)
    models: dict[str, Any] = {"regimes": 2, "floor": False, "noise": "normal", "y_err": "sd"}
    doors = [
        sf.fit(frame, **NAMES, **models, **POINT),
        sf.fit(tmp_path / "runs.csv", **NAMES, **models, **POINT),
        sf.fit(
            sf.read(tmp_path / "runs.csv", x="step", y="loss", y_err="sd", by="arch"),
            **NAMES, **models, **POINT,
        ),
    ]  # fmt: skip
    without = sf.fit(frame, **NAMES, **{**models, "y_err": None}, **POINT)
    for fit in doors:
        np.testing.assert_allclose(
            fit.tree["constant_data"]["error"].sel(run="b").values[:20], 0.02
        )
        for name, values in fit.parameters("a").items():
            np.testing.assert_array_equal(values, doors[0].parameters("a")[name])
        # The scatter is in the errors, so little is left for the noise of the fit.
        assert np.median(fit.parameters("a")["noise"]) < 0.7 * np.median(
            without.parameters("a")["noise"]
        )
    alone = {**models, "y_err": 0.02 * curve(0)}
    by_array = sf.fit(X, curve(0), **alone, **POINT)
    np.testing.assert_allclose(by_array.tree["constant_data"]["error"].values[0], 0.02)
    for name, values in by_array.parameters("curve").items():
        np.testing.assert_allclose(values, doors[0].parameters("a")[name], rtol=1e-6)
    everywhere = sf.fit(X, curve(0), **{**models, "y_err": 0.01}, **POINT)
    np.testing.assert_allclose(everywhere.tree["constant_data"]["error"].values[0], 0.01 / curve(0))
    doors[0].save(tmp_path / "fit.nc")
    assert sf.load(tmp_path / "fit.nc").tree.identical(doors[0].tree)


def test_noisier_points_count_less() -> None:
    y = straight(noise=0.005)
    y[-6:] *= 1.3
    error = np.where(np.arange(30) >= 24, 0.5, 0.005) * y
    plain, weighted = (
        sf.fit(X, y, regimes=1, floor=False, y_err=one, **POINT, noise="normal")
        for one in (None, error)
    )
    assert float(weighted.exponents.median()) == pytest.approx(0.5, abs=0.01)
    assert float(plain.exponents.median()) < 0.48


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (-0.1, ["'y_err' is no standard error: -0.1", "point 3"]),
        (np.nan, ["'y_err' is no standard error", "point 3", ">= 0"]),
        (np.inf, ["'y_err' is no standard error: inf", "point 3"]),
    ],
)
def test_errors_that_are_none(errors: float, words: list[str]) -> None:
    column = np.full(30, 0.01)
    column[3] = errors
    with pytest.raises(InvalidData) as caught:
        sf.fit(X, curve(), y_err=column, **POINT)
    assert [word for word in words if word not in str(caught.value)] == []


def test_errors_of_another_kind_or_length() -> None:
    for wrong in (np.ones(29), np.ones((30, 2)), "sd"):
        with pytest.raises(InvalidData, match="y_err must be an array as long as x and y"):
            sf.fit(X, curve(), y_err=wrong, **POINT)
    with pytest.raises(ConfigError, match="y_err must be the name of a column"):
        sf.fit(cut(30), **NAMES, y_err=np.ones(30), **POINT)
    with pytest.raises(InvalidData, match="did you mean 'sd'"):
        sf.fit(cut(30), **NAMES, y_err="sdd", **POINT)


def test_correlated_noise_needs_an_order() -> None:
    x, y = np.repeat(X, 2), np.repeat(curve(), 2)
    y[::2] *= 1.01
    with pytest.raises(InvalidData, match="noise='ar1' needs one run in order, but curve 'curve'"):
        sf.fit(x, y, noise="ar1", **POINT)
    fit = sf.fit(x, y, regimes=2, floor=False, **POINT)
    assert fit.tree.attrs["noise"] == "auto"
    assert "autocorrelation" not in fit.parameters("curve")
