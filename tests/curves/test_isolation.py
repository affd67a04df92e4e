"""Runs that cannot be used are marked, and the others are fitted as if they were alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import scalefit as sf
from scalefit.curves.isolation import sound_curves
from scalefit.errors import ConfigError, InvalidData
from scalefit.io.tidy import from_table

X = np.geomspace(1.0, 1e4, 20)
NAMES: dict[str, Any] = {"x": "step", "y": "loss", "by": "model"}
FASTEST: dict[str, Any] = {
    "regimes": 1,
    "floor": False,
    "noise": "normal",
    "method": "point",
    "draws": 200,
    "progress": False,
}


def table(runs: str) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    parts = [
        pd.DataFrame(
            {"model": run, "step": X, "loss": 3 * X**-0.3 * np.exp(0.01 * rng.normal(size=20))}
        )
        for run in runs
    ]
    return pd.concat(parts, ignore_index=True)


def spoilt(runs: str, **faults: tuple[int | slice, float]) -> pd.DataFrame:
    """Return curves of which some have another y at some rows."""
    frame = table(runs)
    for run, (rows, value) in faults.items():
        frame.loc[frame.index[frame["model"] == run][rows], "loss"] = value
    return frame


def test_a_run_that_cannot_be_used_is_marked(tmp_path: Path) -> None:
    mpl.use("Agg")
    everything = slice(None)
    frame = spoilt("abcdef", b=(everything, np.nan), c=(7, np.inf), d=(3, -1.0), e=(5, np.nan))
    fit = sf.fit(frame, **NAMES, **FASTEST)
    assert {run: said.split(";")[0] for run, said in fit.verdict.items()} == {
        "a": "ok",
        "b": "unreliable: not fitted: curve 'b' has no point with 'step' > 0 and a 'loss'",
        "c": "unreliable: not fitted: column 'loss' is infinite: inf, at run 'c', point 7",
        "d": "unreliable: not fitted: column 'loss' is not positive: -1.0, at run 'd', point 3",
        "e": "ok",
        "f": "ok",
    }
    assert all("--skip-run leaves it out" in fit.verdict[run] for run in "bcd")
    assert fit.curve("c")[0].size == 19
    assert fit.curve("e")[0].size == 19
    assert "1 point without y between others left out" in fit.notes["e"]
    alone = sf.fit(frame[frame["model"] == "a"], **NAMES, **FASTEST)
    np.testing.assert_array_equal(fit.exponents.sel(run="a"), alone.exponents.sel(run="a"))
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.verdict == fit.verdict
    again.plot()
    again.report(tmp_path / "report.html")
    assert not again.summary().groupby("run")["median"].count()["b"]


def test_skipped_runs_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    frame = spoilt("abc", b=(7, np.inf))
    expected = sf.fit(frame[frame["model"] != "b"], **NAMES, **FASTEST)
    frame.to_csv(tmp_path / "a.csv", index=False)
    for data in (frame, tmp_path / "a.csv", from_table(frame, **NAMES)):
        named = NAMES if not hasattr(data, "sizes") else {**NAMES, "by": None}
        fit = sf.fit(data, **named, **FASTEST, skip_run="b")
        assert fit.runs == ["a", "c"]
        np.testing.assert_allclose(fit.exponents, expected.exponents, rtol=1e-6)
        assert "1 run left out as asked: 'b'" in fit.notes["a"]
    with pytest.raises(InvalidData, match="no run 'd' to skip"):
        sf.fit(frame, **NAMES, **FASTEST, skip_run=["d"])
    with pytest.raises(ConfigError, match="arrays are one curve"):
        sf.fit(X, X, **FASTEST, skip_run="a")


def test_where_every_run_is_at_fault_they_are_refused() -> None:
    frame = spoilt("ab", a=(7, np.inf), b=(2, np.inf))
    with pytest.raises(InvalidData, match=r"'loss' is infinite: inf, at run 'a', .* of 2"):
        sf.fit(frame, **NAMES, **FASTEST)
    with pytest.raises(InvalidData, match="no column y='los'"):
        sound_curves(from_table(frame, by="model"), x="step", y="los", by=None, every=False)
    one = spoilt("ab", a=(7, np.inf))
    with pytest.raises(InvalidData, match="'loss' is infinite"):
        sound_curves(from_table(one, by="model"), x="step", y="loss", by=None, every=True)


def test_the_few_at_fault_are_found_among_many() -> None:
    data = from_table(spoilt("abcdefghijklmnopqrstuvwxyz", f=(0, np.inf), y=(9, 0.0)), by="model")
    found = sound_curves(data, x="step", y="loss", by="model", every=False)
    assert "".join(curve.run for curve in found) == "abcdefghijklmnopqrstuvwxyz"
    assert [curve.run for curve in found if curve.fault] == ["f", "y"]
    assert all(curve.x.size == 20 - bool(curve.fault) for curve in found)


def test_masked_cells_are_missing() -> None:
    y = np.ma.array(3 * X**-0.3, mask=X[4] == X)
    y.data[4] = 1e20
    for masked in (sf.fit(X, y, **FASTEST), sf.fit(np.ma.array(X), y, y_err=0.1 * y, **FASTEST)):
        assert masked.curve("curve")[0].tolist() == np.delete(X, 4).tolist()
    assert sf.fit(np.ma.array(X, mask=y.mask), y, **FASTEST).curve("curve")[1].max() == 3.0


@pytest.mark.slow
def test_a_column_may_be_called_run() -> None:
    frame = table("abcd").rename(columns={"model": "run"}).assign(seed=1, step=np.tile(X, 4))
    frame.loc[frame["run"].isin(["c", "d"]), "seed"] = 2
    frame["run"] = frame["run"].replace({"c": "a", "d": "b"})
    named = {**NAMES, "by": ["run", "seed"]}
    fit = sf.fit(frame, **named, **FASTEST)
    compared = sf.compare(fit, between="run")
    assert compared[["a", "b"]].values.tolist() == [["a", "b"]]
    data = from_table(frame, x="step", y="loss", by=["run", "seed"])
    assert sf.compare(sf.fit(data, x="step", y="loss", **FASTEST), between="run").equals(compared)
    pooled = sf.fit(frame, **named, pool="seed", **{**FASTEST, "method": "auto"})
    assert set(pooled.shared["group"].values.tolist()) == {"run=a", "run=b"}
