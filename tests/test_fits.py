"""Fits of very many curves: the same as one fit, a part at a time, and found again after a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit import stored_fit
from scalefit.analysis.words import labels
from scalefit.errors import ConfigError, InvalidData
from scalefit.fitting import folder as fitting
from scalefit.fitting.jobs import Work

NAMES: dict[str, Any] = {"x": "step", "y": "loss", "by": ["model", "lr"]}
QUICK: dict[str, Any] = {
    **{"method": "point", "progress": False, "draws": 100},
    **{"regimes": 1, "floor": "auto", "noise": "normal"},
}
ONE = {**QUICK, "floor": False}
PART = 3


def table() -> pd.DataFrame:
    """Return eight curves: the second is short, and none of the second part has an exponent."""
    rng = np.random.default_rng(0)
    parts = []
    for i in range(8):
        x = np.geomspace(1.0, 1e3, 5 if i == 1 else 12)
        y = 2.0 * x ** -(0.2 + 0.05 * i) * np.exp(0.01 * rng.standard_normal(x.size))
        y = np.ones_like(x) if PART <= i < 2 * PART else y
        parts.append(pd.DataFrame({"step": x, "loss": y, "model": f"m{i}", "lr": 0.1 * i}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "PART", PART)


@pytest.fixture(scope="module")
def whole() -> sf.Fit:
    return sf.fit(table(), **NAMES, **QUICK)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "PART", PART)
        sf.fit_to(place, table(), **NAMES, **QUICK)
    return place


@pytest.fixture
def fits(folder: Path) -> sf.Fits:
    return sf.Fits(folder)


def solved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the places of the first curves of parts that are solved from now on."""
    found: list[int] = []
    part = Work.part

    def noted(work: Work, which: slice, *rest: Any, **options: Any) -> Any:
        found.append(which.start)
        return part(work, which, *rest, **options)

    monkeypatch.setattr(Work, "part", noted)
    return found


def test_parts_say_what_one_fit_says(fits: sf.Fits, whole: sf.Fit, folder: Path) -> None:
    assert sorted(one.name for one in folder.iterdir()) == ["00000.nc", "00001.nc", "00002.nc"]
    assert (fits.runs, fits.verdict, fits.notes) == (whole.runs, whole.verdict, whole.notes)
    assert not fits.ok
    assert [len(part) for part in fits.parts()] == [3, 3, 2]
    found, exact = fits.summary(), whole.summary()
    assert found[["run", "parameter"]].equals(exact[["run", "parameter"]])
    sd = exact["sd"].fillna(1.0)
    assert ((found["median"] - exact["median"]).abs().fillna(0.0) <= 0.05 * sd + 1e-12).all()


def test_curves_of_several_parts_are_one_fit(fits: sf.Fits, whole: sf.Fit) -> None:
    chosen = [whole.runs[7], whole.runs[1], whole.runs[4]]
    found = fits[chosen]
    stored_fit.check(found.tree)
    assert found.runs == chosen
    assert found.probabilities.equals(whole[chosen].probabilities)
    assert found.certificate.equals(whole[chosen].certificate)
    for run in chosen:
        for mine, other in zip(found.curve(run), whole.curve(run), strict=True):
            np.testing.assert_array_equal(mine, other)
    assert fits.sel(model=["m0", "m6"]).runs == [whole.runs[0], whole.runs[6]]
    assert fits[whole.runs[2]].runs == [whole.runs[2]]


def test_forecasts_come_part_by_part(fits: sf.Fits, whole: sf.Fit) -> None:
    found = fits.predict([1e4], seed=1)
    assert found.sizes == {"run": 8, "x": 1}
    exact = whole.predict([1e4], seed=1)
    good = np.isfinite(exact["median"].values)
    np.testing.assert_allclose(found["median"].values[good], exact["median"].values[good], rtol=0.1)
    np.testing.assert_array_equal(np.isfinite(found["median"].values), good)
    assert len(fits.reach([0.5])) == 8


@pytest.mark.slow
def test_what_is_there_is_not_fitted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = solved(monkeypatch)
    first = sf.fit_to(tmp_path, table(), **NAMES, **ONE).summary()
    assert found == [0, 3, 6]
    (tmp_path / "00002.nc").unlink()
    with pytest.raises(InvalidData, match="2 of 3 parts are there; run the same fit again"):
        sf.Fits(tmp_path)
    again = sf.fit_to(tmp_path, table(), **NAMES, **ONE).summary()
    assert found == [0, 3, 6, 6]
    pd.testing.assert_frame_equal(first, again)
    sf.fit_to(tmp_path, table(), **NAMES, **{**ONE, "seed": 1})
    assert found == [0, 3, 6, 6, 0, 3, 6]
    sf.fit_to(tmp_path, table()[:40], **NAMES, **ONE)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["00000.nc", "00001.nc"]


def test_figure_and_page_say_of_how_many_they_are(fits: sf.Fits, tmp_path: Path) -> None:
    assert fits.plot(most=2).get_title() == "first 2 of 8 curves"
    fits.report(tmp_path / "page.html")
    assert "8 curves" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Fits of 8 curves" in repr(fits)


def test_runs_are_called_by_their_settings(fits: sf.Fits, whole: sf.Fit) -> None:
    assert whole.runs[3] == "m3, 0.30000000000000004"
    assert labels(fits)[whole.runs[3]] == "m3, lr=0.3"
    assert labels(fits) == labels(whole)


def test_nothing_to_fit_is_an_error(tmp_path: Path) -> None:
    flat = table().assign(loss=1.0)
    with pytest.raises(InvalidData):
        sf.fit_to(tmp_path / "flat", flat, **NAMES, **QUICK)
    with pytest.raises(InvalidData, match="no parts of a fit"):
        sf.Fits(tmp_path)
    with pytest.raises(InvalidData, match=r"scalefit\.Fits"):
        sf.load(tmp_path)
    with pytest.raises(ConfigError, match="pool"):
        sf.fit_to(tmp_path, table(), **NAMES, **{**QUICK, "pool": "lr"})
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        sf.fit_to(tmp_path / "file", table(), **NAMES, **QUICK)


@pytest.mark.parametrize("damage", ["cut", "swapped", "foreign"])
def test_a_damaged_part_is_one_line(folder: Path, tmp_path: Path, damage: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "00002.nc"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:3000])
    elif damage == "swapped":
        path.write_bytes((tmp_path / "00001.nc").read_bytes())
    else:
        sf.Fits(folder)[sf.Fits(folder).runs[0]].save(path)
    with pytest.raises(InvalidData, match=r"00002\.nc") as told:
        sf.Fits(tmp_path)
    assert "\n" not in str(told.value)
