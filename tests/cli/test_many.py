from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import scalefit
from scalefit.cli import many
from scalefit.fitting import folder

from .conftest import AXES, POINT, Run


@pytest.mark.slow
@pytest.mark.usefixtures("table")
def test_very_many_curves_are_kept_in_parts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "FROM", 1)
    monkeypatch.setattr(folder, "PART", 1)
    done = run("fit", "runs.csv", *AXES, "--by", "model", *POINT, "--out", "results")
    assert done.code == 0
    assert "wrote results/fit, results/summary.csv" in done.out
    assert sorted(path.name for path in Path("results").iterdir()) == [
        *("fit", "plot.png", "report.html", "summary.csv"),
    ]
    fits = scalefit.Fits("results/fit")
    table = pd.read_csv("results/summary.csv")
    assert table["run"].unique().tolist() == fits.runs
    assert len(table) == len(fits.summary())
    told = run("predict", "results/fit", "--at", "1e6", "--reach", "0.1", "--json").document
    assert [row["run"] for row in told["predictions"]] == fits.runs
    assert [row["run"] for row in told["reach"]] == fits.runs
    assert run("predict", "results/fit", "--at", "1e6").code == 0
    assert run("report", "results/fit", "--out", "page.html").code == 0
    for arguments, code, said in (
        (("predict", "results", "--at", "1e6"), 3, "name the folder in it: results/fit"),
        (("compare", "results/fit"), 3, "kept in parts"),
        (("report", "results/fit", "--between", "model"), 2, "not compared"),
    ):
        refused = run(*arguments)
        assert (refused.code, refused.out) == (code, "")
        assert said in refused.err
