"""What the command line prints and writes, and how it ends, as a user at a terminal meets it."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scalefit
from scalefit import fitting, trajectory
from scalefit.cli import _run, main
from scalefit.cli.output import emit, estimate, number

WIDTH = 80
POINT = ("--regimes", "1", "--method", "point")
AXES = ("--x", "step", "--y", "loss")
ODD = '[bold]b[/bold] :fire: {a} $x^{2$ "q"\n\x1b[31mred, and on it goes: lr=3e-4, width=1024'


@dataclasses.dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""

        def refuse(constant: str) -> NoReturn:
            raise AssertionError(f"{constant} is no JSON")

        document = json.loads(self.out, parse_constant=refuse)
        assert document["schema"] == "scalefit-cli/1"
        assert isinstance(document, dict)
        return document


Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "SCALEFIT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> Done:
        capfd.readouterr()
        code = _run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        assert "\x1b" not in out + err
        return Done(code, out, err)

    return call


def curves(names: list[str], points: int = 20) -> pd.DataFrame:
    """Return one clean curve per name, with noise of 2%, in columns `model`, `step` and `loss`."""
    rng = np.random.default_rng(0)
    x = np.geomspace(1.0, 1e4, points)
    parts = [
        pd.DataFrame(
            {
                "model": name,
                "step": x,
                "loss": (0.5 + 3 * x ** -(0.3 + 0.1 * i)) * np.exp(0.02 * rng.normal(size=points)),
            }
        )
        for i, name in enumerate(names)
    ]
    return pd.concat(parts)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    curves(["base", "large"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that `scalefit fit --out` wrote, for all tests of this file."""
    folder = tmp_path_factory.mktemp("fitted")
    curves(["base", "large"]).to_csv(folder / "runs.csv", index=False)
    options = (*AXES, "--by", "model", *POINT, "--out", str(folder / "results"))
    assert _run(["fit", str(folder / "runs.csv"), *options]) == 0
    return folder / "results"


@pytest.fixture
def stored(tmp_path: Path, table: Path, results: Path) -> Path:
    del table  # stands beside the results, as after a fit
    shutil.copytree(results, tmp_path / "results")
    return tmp_path / "results" / "fit.nc"


def test_fit_writes_all_three_and_says_what_it_found(tmp_path: Path, table: Path, run: Run) -> None:
    out = tmp_path / "deep" / "results"
    done = run("fit", table, *AXES, "--by", "model", *POINT, "--out", out, "--seed", 7)
    assert done.code == 0
    for name in ("fit.nc", "summary.csv", "plot.png"):
        assert str(out / name) in done.out
    assert sorted(path.name for path in out.iterdir()) == ["fit.nc", "plot.png", "summary.csv"]
    assert (out / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert "(seed 7)" in done.out
    fit = scalefit.load(out / "fit.nc")
    assert fit.runs == ["base", "large"]
    written = pd.read_csv(
        out / "summary.csv", keep_default_na=False, na_values={"ess": "", "rhat": ""}
    )
    pd.testing.assert_frame_equal(written, fit.summary(), check_dtype=False)
    for run_name, median in (
        fit.summary().query("parameter == 'exponent'")[["run", "median"]].values
    ):
        assert f"{run_name}: 1 regime, floor; verdict: ok" in done.out
        assert estimate(median) in done.out
    assert "preview, not a posterior" in done.err
    assert "preview" not in done.out


def test_options_of_fit_reach_the_fit(table: Path, run: Run) -> None:
    common = ("fit", table, *AXES, "--json", *POINT)
    document = run(
        *common, "--where", "model=base", "--from", 3, "--to", 3e3, "--no-floor"
    ).document
    (only,) = document["runs"]
    assert (
        only["points"]
        == ((curves(["base"])["step"] >= 3) & (curves(["base"])["step"] <= 3e3)).sum()
    )
    assert document["law"] == "1 regime, no floor"
    wide = run(*common, "--where", "model=base", "--interval", 0.99).document
    narrow = run(*common, "--where", "model=base", "--interval", 0.5).document
    assert wide["interval"] == 0.99

    def width(found: dict[str, Any]) -> float:
        first = found["runs"][0]["parameters"][0]
        return float(first["high"] - first["low"])

    assert width(wide) > 2 * width(narrow)


def test_predict_agrees_with_python(stored: Path, run: Run) -> None:
    done = run("predict", stored, "--at", 1e5, "--at", 100, "--seed", 3)
    assert done.code == 0
    assert "(seed 3)" in done.out
    expected = scalefit.load(stored).predict([1e5, 100], seed=3)
    for name in ("base", "large"):
        for i in range(2):
            one = expected.sel(run=name).isel(x=i)
            line = f"[{estimate(float(one['low']))}, {estimate(float(one['high']))}]"
            assert line in done.out
    assert len(re.findall(r"\] +\*", done.out)) == 2
    assert "beyond the data" in done.out
    inside = run("predict", stored, "--at", 100, "--kind", "curve")
    assert "beyond" not in inside.out
    assert "without noise" in inside.out


def test_same_seed_same_output(table: Path, run: Run) -> None:
    arguments = ("fit", table, *AXES, "--by", "model", *POINT, "--json", "--seed")
    assert run(*arguments, 1).out == run(*arguments, 1).out
    assert run(*arguments, 1).out != run(*arguments, 2).out


@pytest.mark.train
def test_train_then_fit(tmp_path: Path, run: Run) -> None:
    small = [f"--set={text}" for text in ("load=2,4", "N=20", "seeds=2", "steps=1e2", "points=12")]
    done = run("train", "perceptron", *small, "--out", "runs", "--device", "cpu", "--seed", 5)
    assert done.code == 0
    assert "4 runs of" in done.out
    assert "(seed 5)" in done.out
    path = tmp_path / "runs" / "perceptron.nc"
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert xr.load_dataset(path).attrs["seed"] == 5
    one = ("--by", "load", "--by", "seed", "--where", "load=4", "--where", "seed=1")
    fit = run("fit", path, "--x", "norm", "--y", "test_error", *one, *POINT, "--json")
    assert [one["run"] for one in fit.document["runs"]] == ["4.0, 1"]
    trained = run("train", "perceptron", *small, "--json").document
    assert (trained["seed"], trained["runs"]) == (0, 4)
    header = run("theory", "perceptron", "--set=load=2", "--set=norm=1,2", "--csv").out.split("\n")[
        0
    ]
    shared = {"norm", "test_error", "overlap", "train_loss", "train_error"}
    assert shared <= set(header.split(","))
    assert shared <= set(trained["variables"])


def test_theory_prints_and_keeps_the_same_curves(tmp_path: Path, run: Run) -> None:
    settings = ("theory", "perceptron", "--set=load=2,5", "--set=norm=0.5,1,2")
    done = run(*settings, "--csv", "--out", "kept/theory.nc")
    assert done.code == 0
    printed = pd.read_csv(io.StringIO(done.out))
    kept = trajectory.to_frame(trajectory.open_netcdf(tmp_path / "kept" / "theory.nc"))
    assert list(printed) == list(kept)
    np.testing.assert_array_equal(printed["test_error"], kept["test_error"])
    assert "2 runs of 3 points" in run(*settings, "--seed", 4).out
    document = run(*settings, "--json", "--seed", 4).document
    assert (document["command"], document["seed"], document["runs"]) == ("theory", 4, 2)


def test_data_sets(public_data: Path, tmp_path: Path, run: Run) -> None:
    listed = run("data", "list")
    assert listed.code == 0
    for name in ("alabdulmohsin2022", "llmc-gpt2-124m"):
        assert re.search(rf"{name}.* here", listed.out)
        about = run("data", "info", name)
        assert about.out.startswith(f"{name}: ")
        assert max(map(len, about.out.splitlines())) <= WIDTH
        assert run("data", "info", name, "--json").document["name"] == name
        got = run("data", "get", name, "--json").document
        assert got["files"] == [f"{name}.nc"]
        assert (tmp_path / f"{name}.nc").is_file()
    known = [one["name"] for one in run("data", "list", "--json").document["datasets"]]
    assert {"alabdulmohsin2022", "llmc-gpt2-124m"} <= set(known)
    said = run("data", "get", "llmc-gpt2-124m", "--out", tmp_path / "gpt2.nc").out
    assert "scalefit fit" in said
    where = ("--where", "domain=IC", "--where", "task=inet_10", "--where", "model=BiT/101/3")
    axes = ("--x", "examples_seen", "--y", "loss")
    fit = run("fit", "alabdulmohsin2022.nc", *axes, *where, *POINT)
    assert fit.code == 0
    assert "IC, inet_10, BiT/101/3: 1 regime" in fit.out
    assert "sorted" in fit.err


JSON = {
    "fit": ["fit", "runs.csv", *AXES, *POINT, "--by", "model", "--out", "o", "--json"],
    "predict": ["predict", "results/fit.nc", "--at", "1e9", "--json"],
    "theory": ["theory", "perceptron", "--set=norm=1,2", "--json"],
    "data list": ["data", "list", "--json"],
    "data info": ["data", "info", "alabdulmohsin2022", "--json"],
}


@pytest.mark.parametrize("command", JSON)
@pytest.mark.usefixtures("stored")
def test_json_is_one_document_and_nothing_else(command: str, run: Run) -> None:
    done = run(*JSON[command])
    assert done.code == 0
    assert done.document["command"] == command
    assert command.startswith("data") or done.document["seed"] == 0
    assert done.out == json.dumps(done.document, indent=2) + "\n"


def test_json_has_no_number_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    emit("test", a=float("nan"), b=[np.float64("inf"), np.int64(1)], c={"d": np.bool_(True)})
    assert json.loads(capsys.readouterr().out) == {
        "schema": "scalefit-cli/1",
        "command": "test",
        "a": None,
        "b": [None, 1],
        "c": {"d": True},
    }


USAGE: dict[str, tuple[str, list[str]]] = {
    "no command": ("", ["Usage", "fit", "demo"]),
    "no data command": ("data", ["Usage", "list", "get"]),
    "unknown command": ("fiit", ["'fiit'", "scalefit --help"]),
    "no file": ("fit", ["FILE", "scalefit fit --help"]),
    "no y": ("fit runs.csv --x step", ["--y"]),
    "unknown option": ("fit runs.csv --x step --y loss --regime 1", ["--regime"]),
    "no regimes": ("fit runs.csv --x step --y loss", ["regimes", "1 is one power law"]),
    "auto": ("fit runs.csv --x step --y loss --regimes auto", ["auto", "name it"]),
    "nine": ("fit runs.csv --x step --y loss --regimes 9", ["9", "1 to 6"]),
    "two": ("fit runs.csv --x step --y loss --regimes two", ["two", "1 to 6"]),
    "minus": ("fit runs.csv --x step --y loss --regimes=-1", ["-1", "1 to 6"]),
    "method": (
        "fit runs.csv --x step --y loss --regimes 1 --method pont",
        ["did you mean 'point'"],
    ),
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
    "kind": ("predict results/fit.nc --at 1 --kind law", ["'law'", "curve"]),
    "at": ("predict results/fit.nc --at 0", ["--at 0", "> 0"]),
    "at nan": ("predict results/fit.nc --at nan", ["--at nan", "> 0"]),
    "family": ("train perceptrn", ["perceptrn", "did you mean 'perceptron'"]),
    "setting": ("train perceptron --set laod=1", ["laod", "did you mean 'load'"]),
    "no value": ("train perceptron --set load", ["--set load", "NAME=VALUE"]),
    "empty value": ("train perceptron --set load=1,,2", ["load=1,,2", "NAME=VALUE"]),
    "twice": ("train perceptron --set N=20 --set N=30", ["N", "twice", "commas"]),
    "bad value": ("train perceptron --set N=many", ["N", "many"]),
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
    "infinite": ("a.csv", LAW + "5000,inf\n", [], ["'loss'", "infinite", "row 14", "Delete"]),
    "missing": (
        "a.csv",
        LAW + "5000,\n6000,0.2\n",
        [],
        ["'loss'", "missing between", "row 14", "Fill"],
    ),
    "negative": ("a.csv", LAW + "5000,-1\n", [], ["'loss'", "not positive", "row 14", "delete"]),
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
    infer = fitting.infer
    verdicts = iter(("ok", "chains disagree (R-hat 1.3): try fewer regimes"))

    def doubtful(*arguments: Any, **options: Any) -> Any:
        return dataclasses.replace(infer(*arguments, **options), verdict=next(verdicts))

    monkeypatch.setattr(fitting, "infer", doubtful)
    done = run("fit", table, *AXES, "--by", "model", *POINT, "--out", "results")
    assert done.code == 4
    assert "base: 1 regime, floor; verdict: ok" in done.out
    assert "large: 1 regime, floor; verdict: chains disagree (R-hat 1.3)" in done.out
    assert "unreliable: 1 of 2 runs: large" in done.err
    path = tmp_path / "results"
    assert {one.name for one in path.iterdir()} == {"fit.nc", "summary.csv", "plot.png"}
    predicted = run("predict", path / "fit.nc", "--at", 10)
    assert predicted.code == 4
    assert "unreliable: large: chains disagree" in predicted.err
    document = run("predict", path / "fit.nc", "--at", 10, "--json").document
    assert document["verdicts"]["large"].startswith("chains disagree")


def test_training_without_torch_names_the_command_and_5(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = run("train", "perceptron", "--out", "runs")
    assert (done.code, done.out) == (5, "")
    assert "pip install 'scalefit[train]'" in done.err
    assert list(tmp_path.iterdir()) == []


def test_an_unforeseen_fault_is_one_line_and_1(
    table: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> NoReturn:
        raise KeyError("two\nlines")

    monkeypatch.setattr(fitting, "curves", broken)
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
        ("scalefit.fitting", "fit runs.csv --x step --y loss --by model --regimes 1 --out out"),
        pytest.param(
            "scalefit.trainers.perceptron.simulate",
            "train perceptron --set N=300 --set load=20 --set seeds=64 --out out",
            marks=pytest.mark.train,
        ),
    ],
    ids=["fit", "train"],
)
@pytest.mark.usefixtures("table")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, module: str, arguments: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, module, *arguments.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "busy\n"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "interrupted: nothing half-written is left"
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


def test_a_reader_that_leaves_early_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    code = [sys.executable, "-m", "scalefit.cli", "--version"]
    done = subprocess.run(code, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


COMMANDS = ["fit", "predict", "train", "theory", "data", "demo"]
HELP = [[], *([name] for name in COMMANDS), *(["data", name] for name in ("list", "info", "get"))]


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_help_fits_and_describes_every_option(command: list[str], run: Run) -> None:
    done = run(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= WIDTH
    assert done.out == run(*command, "-h").out
    options = done.out.partition("Options:")[2].partition("Commands:")[0]
    described = re.findall(r"^  (-\S.*?)(?:  +|\n {8,})(\S.*)$", options, flags=re.MULTILINE)
    assert len(described) == len(re.findall(r"^  -", options, flags=re.MULTILINE)) > 0


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


def test_odd_names_stay_as_they_are_and_tables_fit(tmp_path: Path, run: Run) -> None:
    names = {"step": "the number of tokens/[red]seen[/red] so far", "loss": "eval/{loss} [nats]"}
    frame = curves([ODD, "日本語", "x" * 90], points=12).rename(columns=names)
    frame.to_csv(tmp_path / "odd.csv", index=False)
    axes = ("--x", names["step"], "--y", names["loss"])
    done = run(
        "fit", "odd.csv", *axes, "--by", "model", "--method", "point", "--regimes", 2, "--out", "o"
    )
    assert done.code in (0, 4)
    inline = ODD.replace("\n", r"\n").replace("\x1b", r"\x1b")
    assert f"{inline}: 2 regimes, floor; verdict: " in done.out
    assert all(line.isprintable() for line in (done.out + done.err).splitlines())
    tables = [line for line in done.out.splitlines() if line.startswith(" ")]
    assert max(map(len, tables)) <= WIDTH
    assert len(re.findall(r"\[\S+, \S+\]", "\n".join(tables))) == 3 * 8
    predicted = run("predict", "o/fit.nc", "--at", 1e6, "--at", 10)
    tables = [line for line in predicted.out.splitlines() if line.startswith(" ")]
    assert max(map(len, tables)) <= WIDTH
    assert len(re.findall(r"1e6 .* \[\S+, \S+\] +\*", predicted.out)) == 3
    assert "x" * 20 in predicted.out
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
    assert done.out.count("[-1.235e-11, -9.877e-12]") == 5
    assert max(map(len, done.out.splitlines())) <= WIDTH


def test_a_curve_without_a_name_has_none(table: Path, run: Run) -> None:
    done = run("fit", table, *AXES, "--where", "model=base", *POINT)
    assert done.out.startswith("1 regime, floor; verdict: ok\n")
    assert all(line.startswith("note: ") for line in done.err.splitlines())


def test_notes_that_runs_share_are_told_once(tmp_path: Path, run: Run) -> None:
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
    assert [estimate(value) for value in values] == [
        *("0.3000", "202.0", "1234", "1.000e11", "1.500e-7", "-2.500e10", "0.000", "-")
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
