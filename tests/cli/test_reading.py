"""The command line on files and numbers as people have them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from scalefit.cli.options import plain_number

from .conftest import AXES, POINT, Curves, Run


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10B", 1e10),
        ("1e11", 1e11),
        ("1.4B", 1.4e9),
        ("300M", 3e8),
        ("2.5k", 2500.0),
        ("2K", 2000.0),
        ("1T", 1e12),
        (".5M", 5e5),
        ("3", 3.0),
        ("-1e-3", -1e-3),
        ("inf", np.inf),
    ],
)
def test_numbers_may_end_in_a_power(text: str, value: float) -> None:
    assert plain_number(text) == value


@pytest.mark.parametrize(
    "text", ["10Q", "10b", "1e3k", "10 B", "1,000", "k", "", "0x10", "1.4BB", "\x1b"]
)
def test_other_words_are_no_numbers(text: str) -> None:
    with pytest.raises(
        typer.BadParameter, match="is no number; give one such as 1e10 or 10B"
    ) as no:
        plain_number(text)
    assert no.value.message.isprintable()


def test_numbers_that_end_in_a_power_are_taken_by_every_option(stored: Path, run: Run) -> None:
    short = run("predict", stored, "--at", "1M", "--at", "2.5k", "--reach", "1", "--within", "1B")
    long = run("predict", stored, "--at", 1e6, "--at", 2500, "--reach", "1", "--within", "1e9")
    assert short.code == 0
    assert short.out == long.out
    table = stored.parent.parent / "runs.csv"
    ends = ("--by", "model", *POINT, "--json")
    short = run("fit", table, *AXES, *ends, "--from", "0.01k", "--to", "1k")
    long = run("fit", table, *AXES, *ends, "--from", 10, "--to", 1000)
    assert short.document == long.document
    for command in (("predict", stored, "--at"), ("fit", table, *AXES, "--from")):
        done = run(*command, "1Q")
        assert (done.code, done.out) == (2, "")
        assert len(done.err.splitlines()) == 1
        assert "1Q is no number" in done.err


def test_a_column_called_run_tells_runs_apart(tmp_path: Path, curves: Curves, run: Run) -> None:
    path = tmp_path / "runs.csv.gz"
    frame = curves(["adam", "muon"]).rename(columns={"model": "run"})
    path.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    done = run("fit", path, *AXES, "--by", "run", "--between", "run", *POINT, "--json")
    assert [one["run"] for one in done.document["runs"]] == ["adam", "muon"]
    (compared,) = done.document["comparison"]["comparisons"]
    assert (compared["a"], compared["b"]) == ("adam", "muon")
    one = run("fit", path, *AXES, "--by", "run", "--where", "run=adam", *POINT, "--json").document
    assert [found["run"] for found in one["runs"]] == ["adam"]
    other = run("fit", path, *AXES, "--by", "run", "--skip-run", "muon", *POINT, "--json").document
    for found in (one, other):
        assert found["runs"][0]["parameters"] == one["runs"][0]["parameters"]
    refused = run("fit", path, *AXES, "--by", "run", "--skip-run", "sgd", *POINT)
    assert (refused.code, refused.out) == (3, "")
    assert "no run 'sgd' to skip" in refused.err


def test_a_run_at_fault_is_marked_and_the_command_ends_with_4(
    tmp_path: Path, curves: Curves, run: Run
) -> None:
    frame: pd.DataFrame = curves(["a", "b"]).reset_index(drop=True)
    frame.loc[25, "loss"] = np.inf
    frame.to_csv(tmp_path / "runs.csv", index=False)
    done = run("fit", "runs.csv", *AXES, "--by", "model", *POINT, "--out", "found")
    assert done.code == 4
    said = "is infinite: inf, at run 'b', row 27; --skip-run leaves it out"
    assert said in " ".join(done.out.split())
    assert (tmp_path / "found" / "report.html").stat().st_size > 10_000
    assert run("predict", "found/fit.nc", "--at", "1M").code == 4
