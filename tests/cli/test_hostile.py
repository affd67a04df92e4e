"""Hostile input: one line, the right exit code, and nothing written."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples import logs, losses

from scalefit import spreadsheet, trajectory
from scalefit.errors import InvalidData
from scalefit.io.tidy import from_table

from .conftest import AXES, POINT, Run

LOSS = [3.0 / (i + 1) + 0.5 for i in range(12)]
LAW = "step,loss\n" + "\n".join(f"{2**i},{one}" for i, one in enumerate(LOSS)) + "\n"


def refused(run: Run, code: int, words: list[str], *arguments: object) -> None:
    """Run a command that must end with a code and one line that holds some words."""
    before = sorted(Path.cwd().rglob("*"))
    done = run(*arguments)
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 1
    assert [word for word in words if word not in done.err] == []
    assert sorted(Path.cwd().rglob("*")) == before


TOO_MUCH = {
    "hazard": ("predict results/fit.nc --at 1e6 --hazard 1e4", "at most 30"),
    "within": ("predict results/fit.nc --reach 1 --within 1e308", "at most 1e30 times"),
    "draws": (f"fit runs.csv --y loss --by model --draws {10**12}", "from 100 to 100000"),
    "workers": (f"fit runs.csv --y loss --by model --workers {10**9}", "from 1 to 1024"),
    "train workers": (f"train perceptron --workers {10**9}", "from 1 to 1024"),
    "seed": (f"fit runs.csv --y loss --by model --seed {2**70}", "2^63"),
    "predict seed": (f"predict results/fit.nc --at 1 --seed {2**63}", "2^63"),
    "train seed": (f"train perceptron --seed {2**70}", "2^63"),
    "seeds": ("train perceptron --set seeds=1e9", "at most 1,000,000"),
    "runs": ("train perceptron --set load=1,2,3 --set seeds=9e5", "2,700,000 runs"),
    "paired": ("train perceptron --set zip:zip=1", "no setting 'zip' to go under zip"),
}


@pytest.mark.parametrize("case", TOO_MUCH)
@pytest.mark.usefixtures("stored")
def test_work_without_bound_is_refused_with_its_bound(case: str, run: Run) -> None:
    command, words = TOO_MUCH[case]
    refused(run, 2, [words], *command.split())


SWEEPS = {
    "zip is a number": ("zip = 5", "'zip' is 5; it is the table [zip]"),
    "zip of zip": ("[zip.zip]\na=1", "'zip' is a table"),
    "a table": ("[load]\na=1", "'load' is a table"),
    "deep": ("load = " + "[" * 50_000 + "]" * 50_000, "nested too deep"),
    "digits": ("load = " + "9" * 5000, "not TOML"),
    "no text": ("load = '\ud8ff'", "not TOML"),
    "huge": ("#" * 2**21, "more than"),
    "a list in a list": ("load = [[1]]", "setting 'load' is [1]"),
}


@pytest.mark.parametrize("case", SWEEPS)
def test_a_sweep_that_is_none_is_refused_with_its_cause(case: str, run: Run) -> None:
    content, words = SWEEPS[case]
    Path("sweep.toml").write_bytes(content.encode(errors="surrogatepass"))
    refused(run, 2, [words], "train", "perceptron", "--config", "sweep.toml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_never_opened(run: Run) -> None:
    os.mkfifo("pipe.csv")
    os.mkfifo("pipe.nc")
    words = ["not a regular file", "save the data to a file"]
    refused(run, 3, words, "fit", "pipe.csv", "--y", "loss")
    refused(run, 3, words, "fit", "pipe.nc", "--y", "loss")
    refused(run, 3, words, "predict", "pipe.nc", "--at", "1")
    refused(run, 2, ["no regular file"], "train", "perceptron", "--config", "pipe.csv")


def test_places_that_cannot_be_written_are_refused_before_the_fit(
    table: Path, run: Run, stored: Path
) -> None:
    Path("dangling").symlink_to("nowhere/at/all")
    Path("file").write_text("")
    places = {
        "dangling": "link to what is not there",
        "dangling/below": "link to what is not there",
        "file": "is a file",
        "file/below": "is a file",
        "a" * 300: "more than 255 bytes",
    }
    for place, words in places.items():
        refused(run, 2, [words], "fit", table, *AXES, "--by", "model", "--out", place)
        refused(run, 2, [words], "compare", stored, "--out", place)
    refused(run, 2, ["is a file"], "report", stored, "--out", "file/page.html")
    refused(run, 2, ["link to"], "theory", "perceptron", "--out", "dangling/a.nc")


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"step": [float(2**i) for i in range(12)], "loss": LOSS, **columns})


ODD_NAMES: dict[str, tuple[Callable[[Path], str], list[str]]] = {
    "NUL in a cell and a column": (
        lambda path: _json(
            path, [{**row, "k\0": 1, "m": "a\0b"} for row in frame().to_dict("records")]
        ),
        ["--by", "m"],
    ),
    "columns called . and ..": (
        lambda path: _csv(path, frame(**{".": "p", "..": 3})),
        ["--by", ".", "--by", ".."],
    ),
    "half a character, a formula and dollars": (
        lambda path: _csv(path, frame(m="a\u202eb", n="=cmd|'/c calc'!A0", o=r"$\frac{$")),
        ["--by", "m", "--by", "n", "--by", "o"],
    ),
}


def _csv(path: Path, table: pd.DataFrame) -> str:
    table.to_csv(path.with_suffix(".csv"), index=False)
    return str(path.with_suffix(".csv"))


def _json(path: Path, rows: list[dict[str, Any]]) -> str:
    path.with_suffix(".jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(path.with_suffix(".jsonl"))


@pytest.mark.parametrize("case", ODD_NAMES)
def test_a_fit_with_odd_names_is_written_and_read(case: str, tmp_path: Path, run: Run) -> None:
    make, options = ODD_NAMES[case]
    path = make(tmp_path / "odd")
    done = run("fit", path, *AXES, *POINT, *options, "--out", "results")
    assert done.code == 0
    assert run("predict", "results/fit.nc", "--at", "1e6").code == 0
    for name in ("report.html", "summary.csv"):
        assert (
            "\u202e" not in Path("results", name).read_text(encoding="utf-8")
            or name != "report.html"
        )
    assert not any(c in done.out + done.err for c in "\0\u202e")


def test_names_that_spreadsheets_would_calculate_get_an_apostrophe(tmp_path: Path) -> None:
    cells = ["=1", "=a", "+b", "-c", "@d", "\te", "-0.5", "base", "'=f", "'g", ""]
    table = pd.DataFrame({"run": cells, "=mean": [-1.5] * len(cells), "n": range(len(cells))})
    spreadsheet.write(table, tmp_path / "a.csv")
    raw = pd.read_csv(tmp_path / "a.csv", keep_default_na=False, dtype={"run": str})
    assert raw["run"].tolist() == [
        *("'=1", "'=a", "'+b", "'-c", "'@d", "'\te", "-0.5", "base", "''=f", "'g", "")
    ]
    assert raw.columns.tolist() == ["run", "'=mean", "n"]
    assert raw["'=mean"].tolist() == [-1.5] * len(cells)
    assert raw["run"].map(spreadsheet.plain).tolist() == cells


def test_a_summary_holds_no_formula(run: Run) -> None:
    _csv(Path("inj"), frame(m="=cmd|'/c calc'!A0"))
    assert run("fit", "inj.csv", *AXES, *POINT, "--by", "m", "--out", "results").code == 0
    summary = pd.read_csv("results/summary.csv")
    assert set(summary["run"]) == {"'=cmd|'/c calc'!A0"}
    assert "'=cmd" not in Path("results/report.html").read_text(encoding="utf-8")


NETCDF: dict[str, Callable[[Any], None]] = {
    "schema of many": lambda file: file.attrs.create("schema", ["a", "b"]),
    "units of numbers": lambda file: file["loss"].attrs.create("units", 3.0),
    "a name of numbers": lambda file: file["loss"].attrs.create("long_name", np.zeros(3)),
    "a scale in words": lambda file: file["loss"].attrs.create("scale_factor", "x"),
    "a warm-up in words": lambda file: file.attrs.update(
        {"warm_up": "w", "warm_up_x": "step", "warm_up_until": "NaNx"}
    ),
    "dates": lambda file: file.attrs.create("warm_up_x", "step"),
    "no runs": lambda file: file.__delitem__("run"),
    "status": lambda file: file.__delitem__("status"),
    "huge": lambda file: file.create_dataset("big", (2**40, 2**10), "f8", chunks=(64, 64)),
    "a group": lambda file: file.create_group("more/and/more"),
    "compound": lambda file: file.create_dataset("c", 3, np.dtype([("a", "f8"), ("b", "S4")])),
}


@pytest.mark.parametrize("case", NETCDF)
def test_a_netcdf_file_that_misleads_is_refused_with_3(case: str, tmp_path: Path, run: Run) -> None:
    import h5py

    trajectory.write(from_table(losses.table(2), by="arch"), tmp_path / "runs.nc")
    with h5py.File("runs.nc", "r+") as file:
        if case in ("schema of many",):
            del file.attrs["schema"]
        NETCDF[case](file)
    done = run("fit", "runs.nc", *AXES, *POINT)
    assert done.code in ((0, 3) if case in ("compound", "a group") else (3,))
    if done.code == 3:
        assert "runs.nc" in done.err
        assert len(done.err.splitlines()) == 1


def test_single_bits_of_a_trajectory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Every 1021st bit; `benchmarks/robustness/fuzz.py` flips them all."""
    import scalefit as sf
    from scalefit.errors import ScalefitError

    path = tmp_path / "runs.nc"
    trajectory.write(from_table(losses.table(2), by="arch"), path)
    whole = path.read_bytes()
    refusals = []
    for bit in range(5, 8 * len(whole), 1021):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        try:
            sf.read(path, y="loss")
        except ScalefitError as error:
            refusals.append(str(error))
    assert len(refusals) > 10
    assert all(str(path) in said for said in refusals)
    assert capfd.readouterr().err == ""


def test_what_a_damaged_file_says_is_told_in_characters_that_print(run: Run) -> None:
    trajectory.write(from_table(losses.table(2), by="arch"), Path("runs.nc"))
    content = Path("runs.nc").read_bytes()
    Path("runs.nc").write_bytes(content.replace(b"scalefit-traj", b"scalefi\xf4-traj"))
    refused(run, 3, ["runs.nc", "another version"], "fit", "runs.nc", "--y", "loss")
    with pytest.raises(InvalidData) as caught:
        trajectory.open_netcdf("runs.nc")
    assert str(caught.value).isprintable()


def test_steps_that_are_infinite_are_named_though_x_is_not(tmp_path: Path, run: Run) -> None:
    made = from_table(losses.table(2).rename(columns={"tokens": "step"}), by="arch")
    made["step"] = made["step"].astype(float)
    made["step"].values[0, 3] = np.inf
    trajectory.write(made, tmp_path / "runs.nc")
    words = ["runs.nc", "'step'", "infinite"]
    refused(run, 3, words, "fit", "runs.nc", "--y", "loss")


def test_texts_of_netcdf_that_overlap_are_not_read_for_ever(tmp_path: Path, run: Run) -> None:
    trajectory.write(from_table(losses.table(2), by="arch"), tmp_path / "runs.nc")
    content = bytearray(Path("runs.nc").read_bytes())
    heap = content.index(b"GCOL\1\0\0\0")
    second = heap + 16 + 16 + -(-int.from_bytes(content[heap + 24 : heap + 32], "little") // 8) * 8
    content[second : second + 2] = content[heap + 16 : heap + 18]
    Path("runs.nc").write_bytes(content)
    refused(run, 3, ["runs.nc", "out of order"], "fit", "runs.nc", "--y", "loss")


def test_event_files_that_want_more_than_there_is(tmp_path: Path, run: Run) -> None:
    tensorboard = pytest.importorskip("tensorboard.compat.proto.event_pb2")
    crc = pytest.importorskip("tensorboard.compat.tensorflow_stub.pywrap_tensorflow").masked_crc32c
    name = "events.out.tfevents.1"

    def record(content: bytes, length: int | None = None) -> bytes:
        size = struct.pack("<Q", len(content) if length is None else length)
        checks = (struct.pack("<I", crc(part)) for part in (size, content))
        return size + next(checks) + content + next(checks)

    Path(name).write_bytes(record(b"", 2**63)[:16])
    refused(run, 3, [name, "no scalars"], "fit", name, "--y", "loss")
    event = tensorboard.Event(step=1)
    value = event.summary.value.add(tag="loss")
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.dtype = 1
    value.tensor.float_val.append(3.0)
    for size in (10**5, 10**5):
        value.tensor.tensor_shape.dim.add(size=size)
    Path(name).write_bytes(record(event.SerializeToString()))
    refused(run, 3, [name, "'loss' says that it has 1e+10 numbers"], "fit", name, "--y", "loss")
    (tmp_path / "more").mkdir()
    events = logs.write_events(tmp_path / "more" / name, tensors=True).read_bytes()
    Path(name).write_bytes(events + record(event.SerializeToString()))
    refused(run, 3, ["1e+10 numbers"], "fit", name, "--y", "eval/loss")
    Path(name).write_bytes(events + record(b"", 2**63)[:16])
    done = run("fit", name, "--y", "eval/loss", *POINT)
    assert done.code == 0
    assert "the last 16 bytes" in done.err


def test_tables_that_would_not_fit_in_memory(tmp_path: Path, run: Run) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    many = arrow.table({"step": arrow.array(np.ones(10**6)), "loss": arrow.array(np.ones(10**6))})
    with parquet.ParquetWriter("equal.parquet", many.schema) as file:
        for _ in range(120):
            file.write_table(many, row_group_size=10**6)
    assert Path("equal.parquet").stat().st_size < 10**6
    refused(run, 3, ["equal.parquet", "120,000,000 rows"], "fit", "equal.parquet", "--y", "loss")
    bad = arrow.Array.from_buffers(
        arrow.string(),
        1,
        [None, arrow.py_buffer(struct.pack("<ii", 0, 2)), arrow.py_buffer(b"\xff\xfe")],
    )
    one = arrow.table({"step": arrow.array([1.0]), "loss": arrow.array([1.0]), "s": bad})
    parquet.write_table(one, "bad.parquet")
    refused(run, 3, ["bad.parquet"], "fit", "bad.parquet", "--y", "loss", "--by", "s")
    wide = "\n".join(json.dumps({"step": i, f"k{i}": 1}) for i in range(20_000))
    Path("wide.jsonl").write_text(wide)
    refused(run, 3, ["wide.jsonl", "cells"], "fit", "wide.jsonl", "--y", "loss")
    Path("deep.jsonl").write_text('{"loss": ' + "[" * 10**5 + "]" * 10**5 + "}\n")
    done = run("fit", "deep.jsonl", "--y", "loss")
    assert (done.code, done.out) == (3, "")


def test_machine_code_switched_off_is_named(table: Path, run: Run, monkeypatch: Any) -> None:
    from numba import config

    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    refused(run, 2, ["NUMBA_DISABLE_JIT"], "fit", table, *AXES, *POINT, "--by", "model")


def test_a_home_that_is_none_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEFIT_DATA", "~nosuchuser/x")
    refused(run, 2, ["SCALEFIT_DATA", "no such user"], "data", "list")


def elsewhere(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Return how a script ended that ran in a shell, with the Python of the tests as $1."""
    given = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        ["bash", "-c", script, "bash", *given], capture_output=True, text=True, timeout=120
    )


COMMAND = '"$1" -m scalefit.cli'


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
def test_an_output_that_nobody_reads_ends_quietly(stored: Path) -> None:
    for command, tail in (("data list --json", "head -1"), (f"predict {stored} --at 1e6", "true")):
        done = elsewhere(f"{COMMAND} {command} | {tail}; exit ${{PIPESTATUS[0]}}")
        assert (done.returncode, done.stderr) == (0, "")
    closed = elsewhere(f"{COMMAND} predict {stored} --at 1e6 >&-")
    assert (closed.returncode, closed.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
def test_files_that_may_not_grow_are_named(stored: Path) -> None:
    script = (
        "ulimit -f 8; "
        '"$1" -c "import sys; from pathlib import Path; import scalefit as sf; from scalefit.cli '
        "import main; from typer import Exit; import scalefit.cli.report as r; "
        "fit = sf.load(sys.argv[1])\n"
        "try: fit.save('again.nc')\n"
        'except OSError as error: print(error.strerror)" "$2"'
    )
    done = elsewhere(script, stored)
    assert (done.returncode, done.stdout, done.stderr) == (0, "File too large\n", "")
    assert not list(Path.cwd().glob("*again*"))
