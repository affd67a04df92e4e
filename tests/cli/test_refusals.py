"""How a command ends that cannot do what was asked."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

import scalefit
from scalefit.cli import _run
from scalefit.fitting import jobs, prepared

from .conftest import AXES, POINT, Run, interrupted

FIT = "fit runs.csv --x step --y loss"
USAGE: dict[str, tuple[str, list[str]]] = {
    "no command": ("", ["Usage", "fit", "demo"]),
    "no data command": ("data", ["Usage", "list", "get"]),
    "unknown command": ("fiit", ["'fiit'", "scalefit --help"]),
    "no file": ("fit", ["FILE", "scalefit fit --help"]),
    "no y": ("fit runs.csv --x step", ["--y"]),
    "unknown option": ("fit runs.csv --x step --y loss --regime 1", ["--regime"]),
    "nine": (f"{FIT} --regimes 9", ["9", "1 to 6"]),
    "two": (f"{FIT} --regimes two", ["two", "auto", "1 to 6"]),
    "minus": (f"{FIT} --regimes=-1", ["-1", "1 to 6"]),
    "one and a comma": (f"{FIT} --regimes 1,", ["--regimes 1,", "such as 1,2"]),
    "floor": (f"{FIT} --floor maybe", ["--floor maybe", "yes, no, auto"]),
    "negative floor": (f"{FIT} --floor=-1", ["floor=-1", "positive"]),
    "noise": (f"{FIT} --noise ar2", ["'ar2'", "did you mean 'ar1'"]),
    "priors": (f"{FIT} --priors narow", ["'narow'", "did you mean 'narrow'"]),
    "workers": (f"{FIT} --workers 0", ["--workers", "0"]),
    "nuts of several": (f"{FIT} --method nuts", ["method='nuts'", "one number of regimes"]),
    "method": (f"{FIT} --method pont", ["did you mean 'point'"]),
    "where": ("fit runs.csv --x step --y loss --regimes 1 --where base", ["base", "COLUMN=VALUE"]),
    "where twice": (
        "fit runs.csv --x step --y loss --regimes 1 --where model=a --where model=b",
        ["model", "twice"],
    ),
    "range": ("fit runs.csv --x step --y loss --regimes 1 --from 5 --to 2", ["--from 5", "--to 2"]),
    "no number": ("fit runs.csv --x step --y loss --regimes 1 --from a", ["--from"]),
    "duplicates": ("fit runs.csv --x step --y loss --regimes 1 --duplicates first", ["last"]),
    "draws": ("fit runs.csv --x step --y loss --regimes 1 --draws 5", ["draws=5", "100"]),
    "seed": ("fit runs.csv --x step --y loss --regimes 1 --seed=-1", ["--seed", "-1", ">= 0"]),
    "interval": ("fit runs.csv --x step --y loss --regimes 1 --interval 90", ["90", "0.9"]),
    "out": ("fit runs.csv --x step --y loss --regimes 1 --out runs.csv/a", ["runs.csv", "folder"]),
    "hazard": ("predict results/fit.nc --at 1 --hazard=-1", ["--hazard -1", "0 or more"]),
    "kind": ("predict results/fit.nc --at 1 --kind law", ["'law'", "curve"]),
    "at": ("predict results/fit.nc --at 0", ["--at 0", "> 0"]),
    "at nan": ("predict results/fit.nc --at nan", ["--at nan", "> 0"]),
    "family": ("train perceptrn", ["perceptrn", "did you mean 'perceptron'"]),
    "setting": ("train perceptron --set laod=1", ["laod", "did you mean 'load'"]),
    "no value": ("train perceptron --set load", ["--set load", "NAME=VALUE"]),
    "empty value": ("train perceptron --set load=1,,2", ["load=1,,2", "NAME=VALUE"]),
    "twice": ("train perceptron --set N=20 --set N=30", ["N", "twice", "commas"]),
    "bad value": ("train perceptron --set N=many", ["N", "many"]),
    "determinism": ("train perceptron --determinism exat", ["did you mean 'exact'"]),
    "train workers": ("train perceptron --workers 0", ["--workers", "0"]),
    "config file": ("train perceptron --config sweep.toml", ["sweep.toml", "No such file"]),
    "paired": ("train perceptron --set zip:load=1,2 --set zip:N=20", ["load 2, N 1"]),
    "train seed": ("train perceptron --seed=-1", ["--seed", ">= 0"]),
    "csv and json": ("theory perceptron --csv --json", ["one of them"]),
    "theory out": ("theory perceptron --out theory.csv", ["theory.csv", ".nc"]),
    "data set": ("data info llmc", ["'llmc'", "llmc-gpt2-124m"]),
    "data out": ("data get llmc-gpt2-124m --out a.csv", ["a.csv", ".nc"]),
}


@pytest.mark.parametrize("mistake", USAGE)
@pytest.mark.usefixtures("stored")
def test_usage_is_refused_with_2(mistake: str, tmp_path: Path, run: Run) -> None:
    before = sorted(tmp_path.rglob("*"))
    arguments, words = USAGE[mistake]
    done = run(*arguments.split())
    assert (done.code, done.out) == (2, "")
    assert [word for word in words if word not in done.err] == []
    assert "Usage" in words or len(done.err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


LAW = "step,loss\n" + "\n".join(f"{2**i},{3.0 / (i + 1)}" for i in range(12)) + "\n"

# file name, content, further options, what the message must say
DEFECTS: dict[str, tuple[str, str, list[str], list[str]]] = {
    "missing column": ("a.csv", LAW.replace("loss", "los"), [], ["'loss'", "did you mean 'los'"]),
    "text": ("a.csv", LAW + "5000,oops\n", [], ["'loss'", "row 14", "'oops'", "Correct"]),
    "empty": ("a.csv", "", [], ["empty"]),
    "no rows": ("a.csv", "step,loss\n", [], ["no rows"]),
    "wrong suffix": ("a.jsonl", LAW, [], ["'.jsonl'", "CSV", "Rename"]),
    "netcdf that is none": ("a.nc", LAW, [], ["'.nc'", "CSV"]),
    "infinite": ("a.csv", LAW + "5000,inf\n", [], ["'loss'", "infinite", "row 14", "--to 2048"]),
    "negative": ("a.csv", LAW + "5000,-1\n", [], ["'loss'", "not positive", "row 14", "--y"]),
    "zero": ("a.csv", LAW + "5000,0\n", [], ["'loss'", "not positive", "row 14"]),
    "too few": ("a.csv", "step,loss\n1,3\n2,2\n", [], ["2 distinct", "needs", "Add points"]),
    "constant": ("a.csv", re.sub(r",\d.*", ",2.5", LAW), [], ["'loss'", "2.5", "constant"]),
    "unknown value": ("a.csv", LAW, ["--where", "step=3"], ["'3'", "'step'"]),
    "empty range": ("a.csv", LAW, ["--from", "1e6"], ["step", "1 to 2048"]),
    "escape codes": ("a.csv", LAW + '5000,"\x1b[31m\n"\n', [], ["'loss'", r"\x1b[31m\n"]),
    "odd name": ("a\nb[bold].csv", "", [], [r"a\nb[bold].csv", "empty"]),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_bad_data_are_refused_with_3(defect: str, tmp_path: Path, run: Run) -> None:
    name, content, options, words = DEFECTS[defect]
    (tmp_path / name).write_text(content)
    done = run("fit", name, *AXES, *POINT, "--out", "results", *options)
    assert (done.code, done.out) == (3, "")
    lines = done.err.splitlines()
    assert len(lines) <= 3
    assert lines[0].startswith("InvalidData: ")
    assert all(line.isprintable() for line in lines)
    assert [word for word in (*words, name.split("\n")[0]) if word not in done.err] == []
    assert [path.name for path in tmp_path.iterdir()] == [name]


MISTAKEN: dict[str, tuple[str, list[str]]] = {
    "folder to fit": ("fit . --x step --y loss --regimes 1", ["folder", "name one file"]),
    "fit to fit": ("fit results/fit.nc --x step --y loss --regimes 1", ["scalefit predict"]),
    "no file to fit": ("fit none.csv --x step --y loss --regimes 1", ["none.csv", "no such file"]),
    "trajectory to predict": ("predict theory.nc --at 1", ["a trajectory", "fit.nc"]),
    "table to predict": ("predict runs.csv --at 1", ["CSV text", "fit.nc"]),
    "folder to predict": ("predict results --at 1", ["name the file", "results/fit.nc"]),
    "other folder to predict": ("predict . --at 1", ["folder"]),
    "no file to predict": ("predict none.nc --at 1", ["none.nc", "no such file"]),
    "half a file to predict": ("predict half.nc --at 1", ["half.nc", "fit.nc"]),
    "half a file to fit": ("fit half.nc --x a --y b --regimes 1", ["half.nc", "netCDF"]),
}


@pytest.mark.parametrize("mistake", MISTAKEN)
def test_the_wrong_file_is_told_for_what_it_is(
    mistake: str, tmp_path: Path, stored: Path, run: Run
) -> None:
    theory = ("theory", "perceptron", "--set=norm=1,2", "--out", "theory.nc")
    assert run(*theory).code == 0
    (tmp_path / "half.nc").write_bytes(stored.read_bytes()[: stored.stat().st_size // 2])
    arguments, words = MISTAKEN[mistake]
    done = run(*arguments.split())
    assert (done.code, done.out) == (3, "")
    assert len(done.err.splitlines()) == 1
    assert [word for word in words if word not in done.err] == []


def test_a_bad_verdict_is_shown_written_and_4(
    tmp_path: Path, table: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = jobs.infer
    verdicts = iter(("ok", "chains disagree (R-hat 1.3): try fewer regimes"))

    def doubtful(*arguments: Any, **options: Any) -> Any:
        return dataclasses.replace(infer(*arguments, **options), verdict=next(verdicts))

    monkeypatch.setattr(jobs, "infer", doubtful)
    done = run("fit", table, *AXES, "--by", "model", *POINT, "--out", "results")
    assert done.code == 4
    assert "base: ok; 1 regime, floor" in done.out
    assert "large: unreliable: chains disagree (R-hat 1.3)" in done.out
    assert "unreliable: 1 of 2 runs: large" in done.err
    path = tmp_path / "results"
    assert {one.name for one in path.iterdir()} == {
        "fit.nc",
        "summary.csv",
        "plot.png",
        "report.html",
    }
    predicted = run("predict", path / "fit.nc", "--at", 10)
    assert predicted.code == 4
    assert "large: unreliable: chains disagree" in predicted.err
    document = run("predict", path / "fit.nc", "--at", 10, "--json").document
    assert document["verdicts"]["large"].startswith("unreliable: chains disagree")


def test_training_without_torch_names_the_command_and_5(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = run("train", "perceptron", "--out", "runs")
    assert (done.code, done.out) == (5, "")
    assert "pip install 'scalefit[train]'" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_is_told_and_4(
    tmp_path: Path, table: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = jobs.infer
    outcomes = iter((True, False))

    def fragile(*arguments: Any, **options: Any) -> Any:
        if next(outcomes):
            raise FloatingPointError("a pole")
        return infer(*arguments, **options)

    monkeypatch.setattr(jobs, "infer", fragile)
    done = run("fit", table, *AXES, "--by", "model", *POINT, "--out", "results")
    assert done.code == 4
    assert "base: unreliable: not fitted: FloatingPointError: a pole" in done.out
    assert "large: ok; 1 regime, floor" in done.out
    assert "unreliable: 1 of 2 runs: base" in done.err
    document = run("predict", "results/fit.nc", "--at", 10, "--json").document
    rows = {row["run"]: row["median"] for row in document["predictions"]}
    assert rows["base"] is None
    assert rows["large"] > 0


def test_an_unforeseen_fault_is_one_line_and_1(
    table: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> NoReturn:
        raise KeyError("two\nlines")

    monkeypatch.setattr(prepared, "sound_curves", broken)
    done = run("fit", table, *AXES, *POINT)
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert "KeyError" in done.err
    assert "SCALEFIT_DEBUG" in done.err
    monkeypatch.setenv("SCALEFIT_DEBUG", "1")
    with pytest.raises(KeyError):
        _run(["fit", str(table), *AXES, *POINT])


def test_a_full_disk_is_named(table: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> NoReturn:
        raise OSError(28, "No space left on device", "results/fit.nc")

    monkeypatch.setattr(scalefit.Fit, "save", full)
    done = run("fit", table, *AXES, *POINT, "--by", "model", "--out", "results")
    assert (done.code, done.out) == (1, "")
    assert "results/fit.nc: No space left on device" in done.err


# Says on standard error when work has begun, in place of a progress bar.
BUSY = """
import contextlib, importlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits "ignore"
@contextlib.contextmanager
def bar(*_, **__):
    yield lambda amount=1, **_: amount and print("busy", file=sys.stderr, flush=True)
importlib.import_module(sys.argv[1]).bar = bar
from scalefit.cli import main
main(sys.argv[2:])
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("scalefit.fitting.jobs", "fit runs.csv --x step --y loss --by model --out out"),
        pytest.param(
            "scalefit.trainers.sweep",
            "train perceptron --set N=300 --set load=20 --set seeds=64 --out out",
            marks=(pytest.mark.train, pytest.mark.slow),
        ),
    ],
    ids=["fit", "train"],
)
@pytest.mark.usefixtures("table")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, module: str, arguments: str) -> None:
    done = interrupted(BUSY, module, *arguments.split())
    assert (done.code, done.out) == (130, "")
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1] == "interrupted: nothing half-written is left"
    left = [path for path in tmp_path.rglob("[!.]*") if path.is_file()]
    assert [path.name for path in left if path.parent.name != "sweeps"] == ["runs.csv"]


def test_a_reader_that_leaves_early_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    code = [sys.executable, "-m", "scalefit.cli", "--version"]
    done = subprocess.run(code, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
