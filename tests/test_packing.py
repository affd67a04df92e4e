"""Packed fits: small, and what they answer is what the fit answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from samples.losses import cut, table

import scalefit as sf

QUICK: dict[str, Any] = {"method": "point", "progress": False}


@pytest.fixture(scope="module")
def short() -> sf.Fit:
    """Return fifty-one curves of five points, under all models of normal noise."""
    x = np.geomspace(1.0, 1e4, 5)
    parts = []
    for i in range(51):
        rng = np.random.default_rng(i)
        y = (0.3 + x ** -rng.uniform(0.2, 0.6)) * np.exp(0.01 * rng.standard_normal(5))
        parts.append(pd.DataFrame({"run": f"r{i}", "x": x, "y": y}))
    return sf.fit(pd.concat(parts), x="x", y="y", by="run", regimes=[1, 2], noise="normal", **QUICK)


@pytest.mark.slow
def test_a_thousand_short_curves_need_less_than_forty_megabytes(
    short: sf.Fit, tmp_path: Path
) -> None:
    short.save(tmp_path / "all.nc")
    short[short.runs[:26]].save(tmp_path / "half.nc", exact=False)
    more = (tmp_path / "all.nc").stat().st_size - (tmp_path / "half.nc").stat().st_size
    assert 1000 * more / 25 < 40e6


@pytest.mark.slow
def test_tables_of_a_packed_fit_are_those_of_the_fit_and_can_be_kept(
    short: sf.Fit, tmp_path: Path
) -> None:
    short.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.law == short.law
    assert (again.verdict, again.notes) == (short.verdict, short.notes)
    pd.testing.assert_frame_equal(again.probabilities, short.probabilities)
    pd.testing.assert_frame_equal(again.certificate, short.certificate)
    one, other = short.summary(), again.summary()
    exact = ["run", "regimes", "regime", "parameter", "unit", "rhat", "ess", "note"]
    pd.testing.assert_frame_equal(one[exact], other[exact])
    width = (one["high"] - one["low"]).to_numpy()
    for name in ("median", "low", "high"):
        assert (np.abs(one[name] - other[name]) <= 0.02 * width).all()
    first, second = (fit.with_regimes(2).predict([10.0, 1e5]) for fit in (short, again))
    np.testing.assert_allclose(first["median"], second["median"], rtol=0.02)
    for run in short.runs:
        np.testing.assert_array_equal(short.curve(run), again.curve(run))
    few = again[again.runs[:50]]  # exact by default, unlike one more
    few.save(tmp_path / "exact.nc")
    assert sf.load(tmp_path / "exact.nc").tree.identical(few.tree)
    packed, exact = (tmp_path / name for name in ("fit.nc", "exact.nc"))
    assert packed.stat().st_size < exact.stat().st_size / 5


@pytest.mark.parametrize(
    "options",
    [
        {"regimes": 2, "floor": True, "noise": "student"},
        {"regimes": [1, 2], "floor": "auto", "noise": "auto"},
        {"law": sf.laws.PowerLawWithCutoff()},
        {"regimes": 2, "floor": 0.001},
    ],
)
def test_any_fit_can_be_packed(options: dict[str, Any], tmp_path: Path) -> None:
    data = cut(30, 25, 4)  # the last has too few points for two regimes
    fit = sf.fit(data, x="step", y="loss", y_err="sd", by="arch", draws=300, **QUICK, **options)
    fit.save(tmp_path / "fit.nc", exact=False)
    again = sf.load(tmp_path / "fit.nc")
    assert again.runs == fit.runs
    assert set(again.tree.children) == set(fit.tree.children)
    for name in fit.tree.children:
        for key, one in fit.group(name).data_vars.items():
            if key == "level" or one.dims[:2] != ("chain", "draw"):
                continue
            found = again.group(name)[key]
            assert (found.dims, found.dtype) == (one.dims, one.dtype)
            for special in (np.isnan, np.isposinf, lambda values: values == 0.0):
                np.testing.assert_array_equal(special(found.values), special(one.values))
            both = np.isfinite(one.values)
            spread = np.where(both, one.values, 0.0).std(axis=(0, 1))
            apart = np.abs(np.where(both, found.values, 0.0) - np.where(both, one.values, 0.0))
            assert (apart.mean(axis=(0, 1)) <= 0.02 * spread + 1e-12).all()


@pytest.mark.parametrize("exact", [True, False])
def test_of_an_older_file_the_models_with_a_floor_are_not_read(exact: bool, tmp_path: Path) -> None:
    """Files once kept them as `forecast`; predictions are those of all models."""
    x = np.geomspace(1.0, 1e4, 12)
    fit = sf.fit(x, x**-0.4 + 0.1, regimes=[1, 2], noise="normal", draws=300, **QUICK)
    older = fit.tree.copy()
    older["forecast"] = xr.DataTree(fit.group("regimes_1"))
    sf.Fit(fit.law, older).save(tmp_path / "fit.nc", exact=exact)
    again = sf.load(tmp_path / "fit.nc")
    assert set(again.tree.children) == set(fit.tree.children)
    if exact:
        assert again.predict([1e6]).identical(fit.predict([1e6]))


@pytest.mark.slow
def test_pooled_fits_can_be_packed(tmp_path: Path) -> None:
    data = table(3).assign(arch="a")
    fit = sf.fit(
        data, x="step", y="loss", by=["arch", "seed"], pool="seed", regimes=1, floor=False,
        draws=100, progress=False,
    )  # fmt: skip
    fit.save(tmp_path / "fit.nc", exact=False)
    pd.testing.assert_frame_equal(sf.load(tmp_path / "fit.nc").shared, fit.shared)
