"""How it looks: help, tables, names and numbers, on a terminal of 80 columns."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

import scalefit
from scalefit import trainers
from scalefit.cli import _run, main
from scalefit.cli.output import number

from .conftest import AXES, POINT, WIDTH, Curves, Run

ODD = '[bold]b[/bold] :fire: {a} $x^{2$ "q"\n\x1b[31mred, and on it goes: lr=3e-4, width=1024'


COMMANDS = [
    *("fit", "predict", "compare", "design", "tail"),
    *("report", "train", "theory", "runs", "study", "data", "demo"),
]
HELP = [[], *([name] for name in COMMANDS), *(["data", name] for name in ("list", "info", "get"))]


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_help_fits_and_describes_every_option(command: list[str], run: Run) -> None:
    done = run(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= WIDTH
    assert done.out == run(*command, "-h").out
    options = done.out.partition("Commands:")[0].partition("Example:")[0]
    described = re.findall(r"^  (-\S.*?)(?:  +|\n {8,})(\S.*)$", options, flags=re.MULTILINE)
    assert len(described) == len(re.findall(r"^  -", options, flags=re.MULTILINE)) > 0


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_an_example_that_can_be_parsed(command: str, run: Run) -> None:
    told = " ".join(run(command, "--help").out.split())
    example = told.partition("Example: ")[2]
    assert example.startswith(f"scalefit {command} ")
    known = set(re.findall(r"--[\w-]+", told.partition("Example: ")[0]))
    if command != "data":
        assert set(re.findall(r"--[\w-]+", example)) <= known


def test_options_stand_in_groups(run: Run) -> None:
    for command in set(COMMANDS) - {"data"}:
        out = run(command, "--help").out
        assert "\nOutput:\n" in out
        assert "\nOther:\n" not in out
        assert "\nOptions:\n" not in out
    told = run("fit", "--help").out
    places = [
        told.index(f"\n{name}:\n") for name in ("Arguments", "Data", "Law", "Inference", "Output")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("scalefit co", ["compare"]),
        ("scalefit data get perc", ["perceptron-fixed-norm", "perceptron-gd"]),
        ("scalefit train com", ["committee"]),
        ("scalefit fit a.csv --method p", ["point"]),
    ],
)
def test_the_shell_completes_names(typed: str, offered: list[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", "from scalefit.cli import main; main()"],
        env={**os.environ, **words, "_SCALEFIT_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == offered


@pytest.mark.parametrize("family", trainers.families())
def test_help_names_every_setting(family: str, run: Run) -> None:
    for command in ("train", "theory"):
        assert f"\n  {family} " in run(command, "--help").out
        listed = run(command, family, "--help").out.partition(f"Settings of {family}")[2]
        named = re.findall(r"^  (\w+)  ", listed, flags=re.MULTILINE)
        known = [one.name for one in fields(trainers.config(family).points[0])]
        assert sorted(named) == sorted([*known, "seeds"])
        assert max(map(len, listed.splitlines())) <= WIDTH


def test_commands_are_listed_in_order(run: Run) -> None:
    listed = run("--help").out.partition("Commands:")[2].partition("Exit codes")[0]
    assert re.findall(r"^  (\w+) ", listed, flags=re.MULTILINE) == COMMANDS


def test_version(run: Run) -> None:
    for option in ("-v", "--version"):
        assert run(option).out == f"{scalefit.__version__}\n"
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    done = subprocess.run(
        [sys.executable, "-m", "scalefit.cli", "-v"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == (f"{scalefit.__version__}\n", "")


def test_odd_names_stay_as_they_are_and_tables_fit(
    tmp_path: Path, run: Run, curves: Curves
) -> None:
    names = {"step": "the number of tokens/[red]seen[/red] so far", "loss": "eval/{loss} [nats]"}
    frame = curves([ODD, "日本語", "x" * 90], points=12).rename(columns=names)
    frame.to_csv(tmp_path / "odd.csv", index=False)
    axes = ("--x", names["step"], "--y", names["loss"])
    models = ("--regimes", 2, "--floor", "yes", "--noise", "normal", "--method", "point")
    done = run("fit", "odd.csv", *axes, "--by", "model", *models, "--out", "o")
    assert done.code == (0 if scalefit.load("o/fit.nc").ok else 4)
    inline = ODD.replace("\n", r"\n").replace("\x1b", r"\x1b")
    assert re.search(re.escape(f"{inline}: ") + "(ok; |doubtful: |unreliable: )", done.out)
    assert all(line.isprintable() for line in (done.out + done.err).splitlines())
    tables = [line for line in done.out.splitlines() if line.startswith(" ")]
    assert max(map(len, tables)) <= WIDTH
    assert len(re.findall(r"\[\S+, \S+\]", "\n".join(tables))) == 3 * 8
    predicted = run("predict", "o/fit.nc", "--at", 1e6, "--at", 10)
    tables = [line for line in predicted.out.splitlines() if line.startswith(" ")]
    assert max(map(len, tables)) <= WIDTH
    assert len(re.findall(r"1e6 .* \[\S+, \S+\] +\[\S+, \S+\] +\*", predicted.out)) == 3
    assert "".join(re.findall(r"^ (x+) ", predicted.out, flags=re.MULTILINE)) == "x" * 90
    assert "…" not in done.out + predicted.out


def test_long_units_and_notes_fold_beside_whole_intervals(
    table: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = scalefit.Fit.summary

    def wordy(fit: scalefit.Fit, interval: float = 0.9) -> pd.DataFrame:
        changes = {"unit": "examples or tokens", "note": "follows the prior", "low": -1.2345678e-11}
        return summary(fit, interval).assign(**changes, high=-9.8765432e-12)

    monkeypatch.setattr(scalefit.Fit, "summary", wordy)
    done = run("fit", table, *AXES, "--where", "model=base", *POINT)
    assert done.out.count("[-1.23e-11, -9.9e-12]") == 5
    assert max(map(len, done.out.splitlines())) <= WIDTH


def test_a_curve_without_a_name_has_none(table: Path, run: Run) -> None:
    done = run("fit", table, *AXES, "--where", "model=base", *POINT)
    assert done.out.startswith("ok; 1 regime, floor\n")
    assert done.err.startswith("note: ")
    assert all(line.startswith("note: ") for line in done.err.splitlines())


def test_notes_that_runs_share_are_told_once(tmp_path: Path, run: Run, curves: Curves) -> None:
    curves([f"run {i}" for i in range(6)]).to_csv(tmp_path / "six.csv", index=False)
    done = run("fit", "six.csv", *AXES, "--by", "model", *POINT)
    assert done.err.count("preview") == 1


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("plain", [True, False])
def test_escape_codes_only_where_they_are_wanted(
    plain: bool, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", screen)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    assert _run(["predict", str(stored), "--at", "1e6"]) == 0
    assert _run(["fit", "--help"]) == 0
    assert ("\x1b" in screen.getvalue()) is not plain


def test_numbers_are_short() -> None:
    values = [0.3, 202.0, 1234.5, 1e11, 1.5e-7, -2.5e10, 0.0, float("nan")]
    assert [number(value) for value in values] == [
        *("0.3", "202", "1234", "1e11", "1.5e-7", "-2.5e10", "0", "-")
    ]


@pytest.mark.parametrize(
    ("code", "limit"), [(["-m", "scalefit.cli", "--help"], 0.5), (["-c", "import scalefit"], 0.1)]
)
def test_start_is_quick(code: list[str], limit: float) -> None:
    def seconds() -> float:
        process = subprocess.Popen([sys.executable, *code], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return used.ru_utime + used.ru_stime

    assert min(seconds() for _ in range(5)) < limit
