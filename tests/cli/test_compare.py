"""`scalefit compare`: what it prints and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from samples.changed import judged

import scalefit
from scalefit.comparison.sentences import sentences
from scalefit.errors import FitFailed

from .conftest import AXES, POINT, WIDTH, Run


def test_the_sentence_comes_first_and_agrees_with_python(stored: Path, run: Run) -> None:
    done = run("compare", stored, "--seed", 3)
    assert done.code == 0
    (said,) = sentences(scalefit.compare(scalefit.load(stored), seed=3))
    assert " ".join(done.out.split()).startswith(said)
    assert "P(a > b)" in done.out
    assert "(seed 3)" in done.out
    assert not done.err
    assert max(map(len, done.out.splitlines())) <= WIDTH


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (("--between", "model", "--ratio"), {"between": "model", "ratio": True}),
        (("--value", 0.3, "--rope", 0.05), {"value": 0.3, "rope": 0.05}),
        (("--value", 0.3, "--rope", "-0.1,0"), {"value": 0.3, "rope": (-0.1, 0.0)}),
        (("--regime", 0, "--interval", 0.5), {"parameter": "exponent", "regime": 0,
                                              "interval": 0.5}),
        (("--parameter", "floor", "--regimes", 1), {"parameter": "floor"}),
    ],
)  # fmt: skip
def test_options_reach_the_comparison(
    stored: Path, run: Run, options: tuple[Any, ...], arguments: dict[str, Any]
) -> None:
    document = run("compare", stored, *options, "--json").document
    expected = scalefit.compare(scalefit.load(stored), **arguments)
    for name in ("median", "low", "high", "p_greater", "a", "b"):
        assert [row[name] for row in document["comparisons"]] == expected[name].tolist()
    assert [row["sentence"] for row in document["comparisons"]] == sentences(expected)
    assert document["interval"] == arguments.get("interval", 0.9)
    if "rope" in arguments:
        assert document["comparisons"][0]["p_rope"] == expected["p_rope"][0]
        assert "P(rope)" in run("compare", stored, *options).out


def test_what_every_row_is_compared_with_stands_in_the_heading(stored: Path, run: Run) -> None:
    done = run("compare", stored, "--value", 0.3)
    assert "a - 0.3" in done.out
    assert "P(a > 0.3)" in done.out


def test_two_fits(stored: Path, run: Run) -> None:
    done = run("compare", stored, stored)
    assert done.code == 0
    assert done.out.startswith(f"a: {stored}\nb: {stored}\n")
    assert "base (a) vs base (b)" in done.out
    assert "same data" in done.err


def test_table_and_figure_are_written(stored: Path, run: Run, tmp_path: Path) -> None:
    done = run("compare", stored, "--out", tmp_path / "deep" / "out")
    assert done.code == 0
    folder = tmp_path / "deep" / "out"
    written = pd.read_csv(folder / "compare.csv", dtype={"regime": "Int64"})
    pd.testing.assert_frame_equal(written, scalefit.compare(scalefit.load(stored)))
    assert (folder / "forest.png").read_bytes().startswith(b"\x89PNG")
    assert str(folder / "compare.csv") in done.out


def test_fit_compares_and_reports_in_one_command(run: Run, tmp_path: Path, curves: Any) -> None:
    table = pd.concat([curves(["base", "large"]).assign(seed=seed) for seed in (0, 1)])
    table.to_csv("runs.csv", index=False)
    given = ("runs.csv", *AXES, "--by", "model", "--by", "seed", *POINT, "--between", "model")
    given = (*given, "--seed", "1")
    done = run("fit", *given, "--out", "found")
    assert done.code == 0
    expected = scalefit.compare(scalefit.load("found/fit.nc"), between="model", seed=1)
    (said,) = sentences(expected)
    assert said in " ".join(done.out.split())
    pd.testing.assert_frame_equal(
        pd.read_csv("found/compare.csv", dtype={"regime": "Int64"}), expected
    )
    assert said.replace("<", "&lt;") in (tmp_path / "found" / "report.html").read_text("utf-8")
    document = run("fit", *given, "--json").document
    assert document["comparison"]["comparisons"][0]["sentence"] == said


@pytest.mark.parametrize(
    ("column", "words"),
    [("modle", "did you mean 'model'"), ("seed", "it has one value; there is nothing to compare")],
)
def test_groups_are_checked_before_the_fit(run: Run, curves: Any, column: str, words: str) -> None:
    curves(["base", "large"]).assign(seed=0).to_csv("runs.csv", index=False)
    given = ("runs.csv", *AXES, "--by", "model", "--by", "seed", *POINT)
    done = run("fit", *given, "--between", column, "--out", "found")
    assert done.code == 2
    assert words in " ".join(done.err.split())
    assert not done.out
    assert not Path("found/fit.nc").exists()


def test_an_unreliable_run_is_compared_and_exits_with_4(stored: Path, run: Run) -> None:
    judged(scalefit.load(stored), "searches disagree", 0).save(stored)
    done = run("compare", stored)
    assert done.code == 4
    assert done.out.startswith("base vs large: ")
    assert " unreliable" in done.out
    assert done.err == "doubtful or unreliable: base: see their verdict\n"
    document = run("compare", stored, "--json").document
    assert document["unreliable"] == ["base"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--between", "modle"), 2, "did you mean 'model'"),
        (("--regime", 0, "--regime", 1, "--regime", 2), 2, "--regime was given 3 times"),
        (("--rope", "wide"), 2, "--rope wide: give one number, or LOW,HIGH"),
        (("--regimes", 3), 2, "3 regimes were not among the models"),
        (("--regime", 2), 2, "--regimes 3"),
        (("--interval", 9), 2, "probability between 0 and 1"),
    ],
)
def test_refusals(
    stored: Path, run: Run, options: tuple[object, ...], code: int, words: str
) -> None:
    done = run("compare", stored, *options)
    assert done.code == code
    assert words in " ".join(done.err.split())
    assert not done.out
    assert len(done.err.strip().splitlines()) == 1


def test_what_is_no_fit_is_refused(table: Path, stored: Path, run: Run) -> None:
    for arguments in ((table,), (stored, table), (stored.parent,)):
        done = run("compare", *arguments)
        assert done.code == 3
        assert "fit.nc" in done.err


@pytest.mark.parametrize(("by", "column"), [("model", "arch"), ("model", "run"), (None, "run")])
def test_groups_are_of_columns_that_the_fit_keeps(
    run: Run, curves: Any, by: str | None, column: str
) -> None:
    table = curves(["base", "large"])
    table.assign(arch=table["model"].str[0]).to_csv("runs.csv", index=False)
    chosen = () if by is None else ("--by", by)
    done = run("fit", "runs.csv", *AXES, *chosen, *POINT, "--between", column, "--out", "found")
    assert done.code == 2
    assert f"--between {column}" in done.err
    assert not Path("found").exists()


def test_a_comparison_that_fails_leaves_the_fit(
    run: Run, curves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise FitFailed("no run has a posterior")

    curves(["base", "large"]).to_csv("runs.csv", index=False)
    monkeypatch.setattr(scalefit, "compare", refuse)
    given = ("runs.csv", *AXES, "--by", "model", *POINT, "--between", "model", "--out", "found")
    done = run("fit", *given)
    assert (done.code, "no run has a posterior" in done.err) == (FitFailed.exit_code, True)
    assert scalefit.load("found/fit.nc").runs == ["base", "large"]
