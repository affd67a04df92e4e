"""What `scalefit.read` makes of good files, and how it refuses bad ones."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scalefit.io
from scalefit import trajectory
from scalefit.curves.selection import curves
from scalefit.errors import InvalidData, MissingExtra
from scalefit.io import read
from scalefit.io.tidy import from_table

TABLE = pd.DataFrame(
    {
        "model": ["s", "s", "s", "l", "l"],
        "seed": [0, 0, 0, 1, 1],
        "step": [1, 2, 4, 1, 2],
        "eval/loss": [3.25, 2.5, 1.0 / 3.0, 3.0, 2.0],
    }
)


def save(frame: pd.DataFrame, path: Path) -> Path:
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".jsonl":
            rows = frame.to_dict(orient="records")
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case ".parquet":
            frame.to_parquet(path)
        case ".nc":
            trajectory.write(from_table(frame, by=["model", "seed"]), path)
    return path


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def refusal(path: Path, **arguments: Any) -> str:
    """Return the message with which a file is refused, once its form is checked."""
    with pytest.raises(InvalidData) as caught:
        read(path, **arguments)
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert len(message.split("\n")) <= 3
    assert all(line and line.isprintable() for line in message.split("\n"))
    assert path.name in message
    return message


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_reads_the_same_from_every_format(tmp_path: Path, suffix: str) -> None:
    path = save(TABLE, tmp_path / f"runs{suffix}")
    dataset = read(path, x="step", y="eval/loss", by=["model", "seed"])
    assert dataset["run"].values.tolist() == ["s, 0", "l, 1"]
    assert dataset["model"].values.tolist() == ["s", "l"]
    assert dataset["seed"].values.tolist() == [0, 1]
    np.testing.assert_array_equal(
        dataset["eval/loss"], [[3.25, 2.5, 1.0 / 3.0], [3.0, 2.0, np.nan]]
    )
    start = {".csv": 2, ".jsonl": 1, ".parquet": 1}[suffix]
    np.testing.assert_array_equal(
        dataset["row"], np.array([[0, 1, 2], [3, 4, np.nan]], dtype=float) + start
    )
    assert dataset["row"].attrs["long_name"] == "row in the source file"
    assert dataset.attrs["source"] == str(path)


def test_netcdf_reads_back_and_selects_runs(tmp_path: Path) -> None:
    path = save(TABLE, tmp_path / "runs.nc")
    xr.testing.assert_identical(read(path), from_table(TABLE, by=["model", "seed"]))
    one = read(path, x="step", y="eval/loss", by="model", where={"seed": "1"})
    assert one["run"].values.tolist() == ["l, 1"]


def test_unknown_suffix_is_read_where_the_content_is_plain(tmp_path: Path) -> None:
    for suffix in (".csv", ".jsonl", ".parquet", ".nc"):
        path = save(TABLE, tmp_path / f"runs{suffix}")
        assert read(path.rename(tmp_path / f"copy_of_{suffix[1:]}.log")).sizes["point"] > 1


def test_row_is_the_row_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('step,loss,note\n1,3,"two\nlines"\n\n2,2,x\n,,\n3,1,x\n', encoding="utf-8-sig")
    dataset = read(path, x="step", y="loss")
    assert dataset["row"].values.tolist() == [[2, 4, 6]]
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}\n')
    assert read(path)["row"].values.tolist() == [[1, 3]]


def test_a_column_called_row_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("row,loss\n70,3\n80,2\n")
    dataset = read(path, y="loss")
    assert dataset["row"].values.tolist() == [[70, 80]]
    assert dataset["row"].attrs["long_name"] == "row"


def test_words_for_missing_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("arch,loss\nNone,1\nNone,nan\nNA,\nNA,-inf\n")
    dataset = read(path, y="loss", by="arch")
    assert dataset["arch"].values.tolist() == ["None", "NA"]
    np.testing.assert_array_equal(dataset["loss"], [[1, np.nan], [np.nan, -np.inf]])


def test_huge_numbers_are_infinite(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"loss": -{"1" * 5000}}}\n{{"loss": 1e999}}\n')
    np.testing.assert_array_equal(read(path, y="loss")["loss"], [[-np.inf, np.inf]])


def test_constant_x_and_y_stay_variables(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n,loss,lr\n5,1,0.1\n5,1,0.1\n")
    dataset = read(path, x="n", y="loss")
    assert set(dataset.data_vars) == {"n", "loss", "row"}
    assert dataset["lr"].dims == ("run",)


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [("flag", True, 2), ("flag", "false", 1), ("k", 2, 2), ("k", "2.0", 2), ("m", "x y", 2)],
)
def test_where_compares_as_the_column(tmp_path: Path, column: str, value: Any, kept: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text("flag,k,m,loss\nTrue,1,x y,3\nTrue,2,x y,2\nFalse,2,z,1\n")
    assert read(path, where={column: value}).sizes["point"] == kept


@pytest.mark.parametrize("values", [[True, False], [1, 2], [0.1, 1e-5], ["a b", "[red]"]])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_by_takes_any_type(tmp_path: Path, values: list[Any], suffix: str) -> None:
    frame = pd.DataFrame({"key": values * 2, "loss": [1.0, 2.0, 3.0, 4.0]})
    dataset = read(save(frame, tmp_path / f"a{suffix}"), y="loss", by="key")
    assert dataset["run"].values.tolist() == [str(value) for value in values]


def test_nested_and_categorical_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"loss": "NaN", "args": {"a": [1]}, "b": null}\n{"loss": 2, "args": {}}\n')
    np.testing.assert_array_equal(read(path, y="loss")["loss"], [[np.nan, 2]])
    frame = pd.DataFrame({"k": pd.Categorical([1, 1, 2]), "s": [[1], [2], [3]], "l": [3, 2, 1]})
    frame.index = pd.Index([7, 8, 9], name="step")
    frame.to_parquet(tmp_path / "a.parquet")
    dataset = read(tmp_path / "a.parquet", x="step", y="l", by="k")
    assert dataset["k"].values.tolist() == [1, 2]


GOOD = b"step,loss\n1,3\n2,2\n"
CP1252 = "step,loss\n1,3\n2,2é\n".encode("cp1252")
AXES: dict[str, Any] = {"x": "step", "y": "loss"}
HTML = b"<html>\n<body>"

# file name, content, arguments, what the message must say
DEFECTS: dict[str, tuple[str, bytes, dict[str, Any], list[str]]] = {
    "empty": ("a.csv", b"", {}, ["empty"]),
    "blank": ("a.csv", b"\xef\xbb\xbf \n\n", {}, ["empty"]),
    "header only": ("a.csv", b"step,loss\n", {}, ["header", "no rows"]),
    "header and blanks": ("a.csv", b"step,loss\n,\n\n", {}, ["no rows"]),
    "missing x": ("a.csv", GOOD, {"x": "setp"}, ["'setp'", "did you mean 'step'"]),
    "missing y": ("a.csv", GOOD, {"y": "acc"}, ["'acc'", "known: step, loss"]),
    "missing by": ("a.csv", GOOD, {"by": ["los"]}, ["'los'", "did you mean 'loss'"]),
    "missing where": ("a.csv", GOOD, {"where": {"stp": 1}}, ["'stp'", "did you mean 'step'"]),
    "unknown value": ("a.csv", GOOD, {"where": {"step": 5}}, ["5", "'step'", "1, 2"]),
    "text in y": (
        "a.csv",
        b"step,loss\n1,3\n2,oops\n3,bad\n",
        AXES,
        ["'loss'", "2 cells", "row 3", "'oops'", "Correct"],
    ),
    "thousands": ("a.csv", b'step,loss\n"1,000",3\n', AXES, ["'step'", "row 2", "thousands"]),
    "percent": ("a.csv", b"step,loss\n1,12%\n", AXES, ["'loss'", "row 2", "12%", "percent"]),
    "booleans": ("a.csv", b"step,loss\n1,True\n2,False\n", AXES, ["'loss'", "2 cells", "row 2"]),
    "true among numbers": ("a.jsonl", b'{"loss": 1}\n{"loss": true}', {"y": "loss"}, ["row 2"]),
    "nested y": ("a.jsonl", b'{"loss": [1, 2]}\n', {"y": "loss"}, ["'loss'", "row 1", "[1, 2]"]),
    "dates": (
        "a.parquet",
        parquet(pd.DataFrame({"step": pd.to_datetime(["2024-01-01"]), "loss": [1.0]})),
        AXES,
        ["'step'", "row 1", "2024-01-01"],
    ),
    "escape codes": ("a.csv", b'step,loss\n1,"\x1b[31m\n"\n', AXES, ["'loss'", r"\x1b[31m\n"]),
    "empty by": (
        "a.csv",
        b"m,step,loss\na,1,2\n,2,2\n,3,2\n",
        {"by": "m"},
        ["'m'", "row 3", "of 2", "Fill"],
    ),
    "binary as csv": ("a.csv", bytes(range(256)), {}, ["'.csv'", "binary"]),
    "parquet as csv": ("a.csv", parquet(TABLE), {}, ["'.csv'", "Parquet", ".parquet"]),
    "json as csv": ("a.csv", b'{"step": 1}\n', {}, ["'.csv'", "JSON Lines", "Rename", ".jsonl"]),
    "array as csv": ("a.csv", b'[{"step": 1}]', {}, ["JSON table", "Rename", ".json"]),
    "csv as jsonl": ("a.jsonl", GOOD, {}, ["'.jsonl'", "CSV", "Rename"]),
    "array as jsonl": ("a.jsonl", b'[\n {"step": 1}\n]', {}, ["JSON table", "Rename", ".json"]),
    "pretty json": ("a.jsonl", b'{\n "step": 1\n}', {}, ["one JSON document", "per line"]),
    "text as parquet": ("a.parquet", GOOD, {}, ["'.parquet'", "CSV", "Rename"]),
    "text as netcdf": ("a.nc", GOOD, {}, ["'.nc'", "CSV"]),
    "damaged parquet": ("a.parquet", parquet(TABLE)[:-20], {}, ["damaged", "write it again"]),
    "damaged netcdf": ("a.nc", b"\x89HDF\r\n\x1a\n" + bytes(50), {}, ["netCDF"]),
    "old netcdf": ("a.nc", b"CDF\x01" + bytes(50), {}, ["netCDF 3"]),
    "empty parquet": ("a.parquet", parquet(TABLE[:0]), {}, ["no rows"]),
    "damaged gzip": ("a.csv.gz", b"\x1f\x8b\x08" + bytes(20), {}, ["damaged gzip", "complete"]),
    "cut gzip": ("a.csv.gz", gzip.compress(GOOD * 9)[:-9], {}, ["damaged gzip", "complete"]),
    "packed parquet": ("a.parquet.gz", gzip.compress(parquet(TABLE)), {}, ["Parquet", "Unpack"]),
    "xz": ("a.csv.xz", b"\xfd7zXZ\x00" + bytes(20), {}, ["xz", "gzip"]),
    "excel": (
        "a.xlsx",
        b"PK\x03\x04" + bytes(20),
        {},
        ["'.xlsx'", ".csv, .tsv, .tab, .jsonl", "CSV"],
    ),
    "unknown": ("a.html", HTML, {}, ["'.html'", ".jsonl, .parquet, .nc, .json", "Export"]),
    "short row": ("a.csv", b"a,b,c\n1,2,3\n1,2\n", {}, ["row 3", "2 cells", "has 3", "quotes"]),
    "long rows": ("a.csv", b"a,b\n1,2\n1,2,3\n1,2,3\n", {}, ["row 3", "3 cells", "2 such rows"]),
    "open quote": ("a.csv", b'a,b\n1,2\n3,"4\n5,6\n', {}, ["row 3", "quote", "Close it"]),
    "no header": ("a.csv", b"1,3.5\n2,2.5\n4,1\n", AXES, ["'step'", "row 1", "no header"]),
    "decimal commas": (
        "a.csv",
        b"step;loss\n1;5,27\n",
        AXES,
        ["'loss'", "'5,27'", "decimal point"],
    ),
    "bare decimal commas": ("a.csv", b"step,loss\n1,0,5,27\n", AXES, ["4 cells", "decimal points"]),
    "suffixes": ("a.csv", b"step,loss\n1.4B,5.27\n", AXES, ["'1.4B'", "without", "1.4e9"]),
    "tensors": (
        "a.csv",
        b"loss,b\n\"tensor(3.2, device='cuda:0')\",1\n",
        {"y": "loss"},
        ["item()"],
    ),
    "split tensors": (
        "a.csv",
        b"s,loss\n1,tensor(3.2, device='cuda:0')\n",
        {},
        ["3 cells", "item()"],
    ),
    "header again": ("a.csv", GOOD + GOOD, AXES, ["row 4", "header is repeated"]),
    "latin-1": ("a.csv", CP1252, {}, ["line 3", "UTF-8"]),
    "latin-1 jsonl": ("a.jsonl", b'{"a": 1}\n{"a": "\xe9"}\n', {}, ["line 2", "UTF-8"]),
    "utf-16 unmarked": ("a.csv", "a,b\n1,2\n".encode("utf-16-le"), {}, ["UTF-16", "mark", "UTF-8"]),
    "utf-16 big": ("a.csv", "a,b\n1,2\n".encode("utf-16-be"), {}, ["UTF-16", "mark", "UTF-8"]),
    "utf-16 cut": ("a.csv", "a,b\n1,2\n".encode("utf-16")[:-1], {}, ["UTF-16", "complete"]),
    "utf-32": ("a.csv", "a,b\n1,2\n".encode("utf-32"), {}, ["UTF-32", "UTF-8"]),
    "twice": ("a.csv", b"loss,loss\n1,2\n", {}, ["'loss'", "2 times", "row 1", "rename"]),
    "key twice": ("a.jsonl", b'{"a": 1}\n{"a": 1, "a": 2}\n', {}, ["'a'", "line 2"]),
    "broken line": ("a.jsonl", b'{"a": 1}\n{"a": \n{"a": 3}\n', {}, ["line 2", "mend"]),
    "broken first": ("a.jsonl", b'{"a": 1 "b"}\n{"a": 3}\n', {}, ["line 1", "not JSON"]),
    "huge": ("a.csv", b"loss,b\n1" + b"0" * 400 + b",1\n", {"y": "loss"}, ["row 2", "1000"]),
    "half a character": ("a.jsonl", b'{"a": 1}\n{"a": "\\ud800"}', {}, ["line 2", "Unicode"]),
    "not an object": ("a.jsonl", b'{"a": 1}\n[1, 2]\n', {}, ["line 2", "object"]),
    "no values": ("a.jsonl", b"{}\n{}\n", {}, ["no values"]),
    "odd names": (
        "a.csv",
        b'"[bold]a\nb","lo""ss"\n1,2\n',
        {"y": "[bold]a b"},
        ["'[bold]a b'", r"[bold]a\nb"],
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_defects_are_refused_by_name(tmp_path: Path, defect: str) -> None:
    name, content, arguments, words = DEFECTS[defect]
    path = tmp_path / name
    path.write_bytes(content)
    message = refusal(path, **arguments)
    assert [word for word in words if word not in message] == []


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.csv")
    assert "folder" in refusal(tmp_path)
    with pytest.raises(InvalidData, match=r"odd\\nname\.csv: no such file"):
        read(tmp_path / "odd\nname.csv")


def test_a_long_cell_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("loss,b\n" + "x" * 10_000 + ",1\n")
    assert len(refusal(path, y="loss")) < 400
    path.write_text("loss,b\n" + "x" * 200_000 + ",1\n")
    assert "row" in refusal(path, y="loss")


def test_netcdf_defects(tmp_path: Path) -> None:
    path = save(TABLE, tmp_path / "a.nc")
    assert "did you mean 'eval/loss'" in refusal(path, y="eval/los")
    assert "did you mean 'model'" in refusal(path, by=["modl"])
    assert "did you mean 'seed'" in refusal(path, where={"sed": 1})
    assert "it holds 0, 1" in refusal(path, where={"seed": 7})
    xr.Dataset({"a": ("t", [1.0])}).to_netcdf(path, engine="h5netcdf")
    assert "dimension 'run'" in refusal(path)


def test_parquet_column_names_twice(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table([[1.0], [2.0]], names=["a", "a"]), path)
    assert "'a' occurs 2 times" in refusal(path)


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(TABLE, tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'scalefit\[parquet\]'"):
        read(path)


def test_tables_in_memory_pass_the_same_door() -> None:
    frame = pd.DataFrame({0: [1, 2], "loss": ["3", "x"]})
    with pytest.raises(InvalidData, match=r"column 'loss' .* row 1: 'x'"):
        from_table(frame, x="0", y="loss")
    with pytest.raises(InvalidData, match="'a' occurs 2 times"):
        from_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_importing_the_reader_is_light() -> None:
    code = "import sys, scalefit.io; print([m for m in ('pandas', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert scalefit.io.__all__ == ["read"]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)


@given(st.lists(cells, min_size=2, max_size=6), st.sampled_from([".csv", ".jsonl", ".parquet"]))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_read_or_refused(tmp_path: Path, words: list[str], suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    content = {
        ".csv": ",".join(words) + "\n" + "\n".join(words),
        ".jsonl": "\n".join(json.dumps({word: word}) for word in words) + words[0],
        ".parquet": "PAR1" + "".join(words),
    }
    path.write_text(content[suffix], encoding="utf-8", newline="")
    try:
        read(path)
    except InvalidData as error:
        lines = str(error).split("\n")
        assert len(lines) <= 3
        assert all(line.isprintable() for line in lines)


def test_public_curves(public_data: Path) -> None:
    from scalefit.curves.selection import curves

    path = public_data / "alabdulmohsin2022" / "benchmark.vision.csv"
    axes: dict[str, Any] = {"x": "Seen Examples", "y": "Loss"}
    dataset = read(path, **axes, by=["Task", "Model"], where={"Training": 1})
    assert len(curves(dataset, **axes)) == 72


@pytest.mark.parametrize(("first", "second"), [("1.1", "1.10"), ("1", "01"), ("1e-3", "0.001")])
def test_ids_that_are_equal_only_as_numbers_are_refused(
    first: str, second: str, tmp_path: Path
) -> None:
    path = tmp_path / "runs.csv"
    rows = [f"{version},{step},{1 / step}" for version in (first, second) for step in (1, 2)]
    path.write_text("\n".join(["version,step,loss", *rows]))
    with pytest.raises(InvalidData, match=f"row 4 has '{second}' where an earlier one has"):
        read(path, x="step", y="loss", by="version")
    assert read(path, x="step", y="loss").sizes["run"] == 1
    path.write_text("\n".join(["version,step,loss", *rows[:2], ""]))
    assert read(path, x="step", y="loss", by=["version"]).sizes["run"] == 1


def test_a_constant_column_may_be_called_row(tmp_path: Path) -> None:
    path = save(TABLE.assign(row=3), tmp_path / "runs.csv")
    data = read(path, x="step", y="eval/loss", by=["model", "seed"])
    data["eval/loss"][1, 0] = 0.0
    with pytest.raises(InvalidData, match=r"is not positive.*point 0"):
        curves(data, x="step", y="eval/loss")
