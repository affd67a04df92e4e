"""`scalefit compare --reach`: by which factor of x a run reaches a loss first."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import scalefit
from scalefit.wording import rounded

from .conftest import AXES, POINT, WIDTH, Curves, Run


def test_the_table_is_that_of_savings(stored: Path, run: Run) -> None:
    done = run("compare", stored, "--reach", 0.7, "--reach", 0.8, "--baseline", "large")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= WIDTH
    for row in scalefit.load(stored).savings([0.7, 0.8], "large").to_dict("records"):
        median, low, high = rounded(row["median"], row["low"], row["high"])
        assert re.search(rf" {median} +\[{low}, {high}\] ", done.out)
    assert "factor against" in done.out
    assert "step that large takes" in done.out


def test_json_and_file(stored: Path, run: Run, tmp_path: Path) -> None:
    done = run("compare", stored, "--reach", 0.7, "--json", "--seed", 3, "--out", tmp_path / "o")
    document = done.document
    known = scalefit.load(stored).savings(0.7, seed=3)
    assert document["savings"] == known.to_dict("records")
    assert document["seed"] == 3
    assert document["files"] == [str(tmp_path / "o" / "compare.csv")]
    pd.testing.assert_frame_equal(pd.read_csv(document["files"][0]), known, check_exact=False)


def test_names_that_a_spreadsheet_would_calculate_are_guarded(
    curves: Curves, run: Run, tmp_path: Path
) -> None:
    curves(["=1+2", "base"]).to_csv("odd.csv", index=False)
    assert run("fit", "odd.csv", *AXES, "--by", "model", *POINT, "--out", "o").code == 0
    assert run("compare", "o/fit.nc", "--reach", 0.7, "--out", tmp_path / "s").code == 0
    (row,) = pd.read_csv(tmp_path / "s" / "compare.csv").to_dict("records")
    assert (row["run"], row["baseline"]) == ("base", "'=1+2")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--reach", "0.6", "--value", "1"], "leave out --value"),
        (["--reach", "0.6", "--rope", "0.1"], "leave out --rope"),
        (["--baseline", "base"], "--baseline goes with --reach Y"),
        (["--reach", "0"], "--reach 0: give a finite y > 0"),
        (["--reach", "inf"], "--reach inf"),
        (["--reach", "0.6", "--baseline", "bse"], "did you mean 'base'?"),
        (["--reach", "0.6", "--between", "modl"], "did you mean 'model'?"),
    ],
)
def test_refusals_are_one_line(stored: Path, run: Run, options: list[str], words: str) -> None:
    done = run("compare", stored, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
