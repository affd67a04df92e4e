"""Fits in files: nothing is lost, nothing half-written, nothing else taken for a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from samples.losses import X, curve, table

import scalefit as sf
from scalefit import netcdf
from scalefit.errors import InvalidData
from scalefit.laws import BrokenPowerLaw

POINT: dict[str, Any] = {"method": "point", "noise": "normal", "progress": False}


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
    fit = sf.fit(data, x="step", y="loss", by=name, regimes=1, floor=False, **POINT)
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
    fit = sf.fit(data, x="step", y="loss", regimes=1, floor=False, **POINT)
    fit.save(tmp_path / "fit.nc")
    assert sf.load(tmp_path / "fit.nc").tree.identical(fit.tree)


def test_numbers_and_flags_as_labels_survive_a_file(tmp_path: Path) -> None:
    data = table(2).assign(rate=lambda frame: frame["seed"] * 0.1, warm=lambda f: f["seed"] > 0)
    fit = sf.fit(
        data, x="step", y="loss", by=["seed", "rate", "warm"], regimes=1, floor=False, **POINT
    )
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
    with pytest.raises(InvalidData, match="this is a folder"):
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

    monkeypatch.setattr(netcdf, "_dump", fail)
    with pytest.raises(OSError, match="disk full"):
        one.save(path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["fit.nc"]
