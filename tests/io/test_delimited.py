"""Tables as people save them, each read as the plain one is."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from samples import losses

from scalefit.curves.selection import curves
from scalefit.errors import ConfigError, InvalidData
from scalefit.io import opening, read
from scalefit.io.axes import default_x
from scalefit.io.tidy import from_table

X = np.unique(np.geomspace(1e6, 1e10, 30).astype(int))
Y = np.round(losses.straight(seed=1, x=X.astype(float)) + 1.0, 5)
FRAME = pd.DataFrame({"tokens": X, "loss": Y})
TEXT = FRAME.to_csv(index=False)
ROWS = FRAME.to_dict("records")


def padded(separator: str) -> str:
    return "\n".join(f"{a:>12}{separator}{b:>9}  " for a, b in _pairs("loss"))


def _pairs(y: str) -> list[tuple[object, object]]:
    return [("tokens", y), *zip(X.tolist(), Y.tolist(), strict=True)]


def commented(text: str) -> str:
    head, *rows = text.split("\n")
    return "\n".join(
        ["# made by hand, in May", "#", head, rows[0], "# again, and again", *rows[1:]]
    )


def stacked(**names: Any) -> str:
    levels = pd.MultiIndex.from_tuples([("loss", "mean"), ("loss", "std")], **names)
    data = np.column_stack([Y, np.full(Y.size, 0.01)])
    return pd.DataFrame(data, pd.Index(X, name="tokens"), levels).to_csv()


# file name, content, name of y
PLAIN: dict[str, tuple[str, str | bytes, str]] = {
    "csv": ("a.csv", TEXT, "loss"),
    "gzip": ("a.csv.gz", gzip.compress(TEXT.encode()), "loss"),
    "gzip by content": ("a.csv", gzip.compress(TEXT.encode()), "loss"),
    "tabs": ("a.tsv", TEXT.replace(",", "\t"), "loss"),
    "tabs as csv": ("a.csv", TEXT.replace(",", "\t"), "loss"),
    "tabs in gzip": ("a.tsv.gz", gzip.compress(TEXT.replace(",", "\t").encode()), "loss"),
    "tabs of unknown kind": ("table", TEXT.replace(",", "\t"), "loss"),
    "blanks": ("a.txt", TEXT.replace(",", " "), "loss"),
    "columns of blanks": ("a.csv", padded("  "), "loss"),
    "blanks and comments": ("a.txt", commented(TEXT.replace(",", " ")), "loss"),
    "separator told": ("a.csv", "sep=;\r\n" + TEXT.replace(",", ";"), "loss"),
    "separator told beside a mark": ("a.csv", ("sep=,\n" + TEXT).encode("utf-8-sig"), "loss"),
    "semicolons": ("a.csv", TEXT.replace(",", ";"), "loss"),
    "padded": ("a.csv", padded(","), "loss"),
    "padded tabs": ("a.tsv", padded(" \t "), "loss"),
    "padded, with a unit": ("a.csv", padded(",").replace("loss", "loss (nats)"), "loss (nats)"),
    "without the unit": ("a.csv", TEXT.replace("loss", "loss (nats)"), "loss"),
    "utf-16": ("a.csv", TEXT.encode("utf-16"), "loss"),
    "utf-16 big-endian": ("a.csv", b"\xfe\xff" + TEXT.encode("utf-16-be"), "loss"),
    "utf-16 in gzip": ("a.csv.gz", gzip.compress(TEXT.encode("utf-16")), "loss"),
    "mark and Windows lines": ("a.csv", TEXT.replace("\n", "\r\n").encode("utf-8-sig"), "loss"),
    "old Mac lines": ("a.csv", TEXT.replace("\n", "\r"), "loss"),
    "comments": ("a.csv", commented(TEXT), "loss"),
    "comments and tabs": ("a.tsv", commented(TEXT.replace(",", "\t")), "loss"),
    "header in a comment": ("a.csv", "# " + TEXT, "loss"),
    "header with a hash": ("a.csv", TEXT.replace("tokens", "#tokens"), "loss"),
    "blank lines above": ("a.csv", "\n\n" + TEXT, "loss"),
    "levels": ("a.csv", stacked(names=["metric", "stat"]), "loss_mean"),
    "levels without names": ("a.csv", stacked(), "loss_mean"),
    "breaks off": ("a.csv", TEXT + "99999999999", "loss"),
    "jsonl in gzip": (
        "a.jsonl.gz",
        gzip.compress(b"\n".join(json.dumps(r).encode() for r in ROWS)),
        "loss",
    ),
    "jsonl breaks off": (
        "a.jsonl",
        "\n".join([*map(json.dumps, ROWS), '{"tokens": 99999999999, "lo']),
        "loss",
    ),
    "json columns": ("a.json", json.dumps(FRAME.to_dict("list")), "loss"),
    "json columns on lines": ("a.json", json.dumps(FRAME.to_dict("list"), indent=1), "loss"),
    "json columns by row": ("a.json", FRAME.to_json(), "loss"),
    "json split": ("a.json", FRAME.to_json(orient="split"), "loss"),
    "json table": ("a.json", FRAME.to_json(orient="table"), "loss"),
    "json rows": ("a.json", json.dumps(ROWS), "loss"),
    "json rows in gzip": ("a.json.gz", gzip.compress(json.dumps(ROWS).encode()), "loss"),
    "json history": ("a.json", json.dumps({"lr": 0.1, "log": ROWS}, indent=2), "loss"),
    "json with a setting": ("a.json", json.dumps({"lr": 0.1, **FRAME.to_dict("list")}), "loss"),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_table_is_read_as_the_plain_one(tmp_path: Path, kind: str) -> None:
    name, content, y = PLAIN[kind]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    dataset = read(path, y=y)
    x = default_x(dataset, y)
    (one,) = curves(dataset, x=x, y=y)
    assert x.removeprefix("#") == "tokens"
    np.testing.assert_array_equal(one.x, X)
    np.testing.assert_array_equal(one.y, Y)
    said = [note for note in one.notes if "breaks off" in note]
    assert len(said) == ("breaks off" in kind)


def test_rows_keep_their_numbers_below_comments_and_levels(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("# made\n\na,b\n1,2\n# more\n3,4\n")
    assert read(path)["row"].values.tolist() == [[4, 6]]
    path.write_text(stacked())
    assert read(path)["row"].values[0, 0] == 4
    path.write_text("sep=;\na;b\n1;2\n")
    assert read(path)["row"].values.tolist() == [[3]]


def test_what_begins_with_a_hash_and_is_a_row_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('run,step,loss\n#1,1,3\n#1,2,2\n"#1\n# x",1,3\n')
    assert read(path, y="loss", by="run")["run"].values.tolist() == ["#1", "#1\n# x"]


def test_padding_goes_from_words_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("model , step , loss\n a , 1 , 3\n a, 2 , -\nb , 1 , nan \n")
    dataset = read(path, y="loss", by="model")
    assert dataset["run"].values.tolist() == ["a", "b"]
    np.testing.assert_array_equal(dataset["loss"], [[3, np.nan], [np.nan, np.nan]])


def test_a_row_that_breaks_off_elsewhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text in ("a,b\n1\n2,3", "a,b\n1,2\n3\n"):
        path.write_text(text)
        with pytest.raises(InvalidData, match="has 1 cell, the header has 2"):
            read(path)


def test_a_name_is_found_only_where_it_is_plain(tmp_path: Path) -> None:
    frame = pd.DataFrame({"loss (nats)": [2.0, 1.0], "loss (bits)": [2.0, 1.0], "step": [1, 2]})
    with pytest.raises(InvalidData, match="no column 'loss'; did you mean 'loss "):
        from_table(frame, y="loss")
    assert from_table(frame, y="loss (bits)").attrs.get("reading") is None


def test_unpacking_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000))
    with opening.as_text(path) as text:
        assert len(text.read()) == 400_004
    with (
        pytest.raises(InvalidData, match=r"unpacks to more than 0\.0001 GB"),
        opening.as_text(path, 1e5) as text,
    ):
        text.read()


def chart(runs: list[str]) -> str:
    names, columns = ["Step"], [X.tolist()]
    for i, run in enumerate(runs, 1):
        for end in ("", "__MIN", "__MAX"):
            names.append(f"{run} - train/loss{end}")
            columns.append((i * Y).tolist())
    rows = [names, *zip(*columns, strict=True)]
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)


@pytest.mark.parametrize("how", ["file", "frame"])
def test_runs_of_one_name_in_a_chart(tmp_path: Path, how: str) -> None:
    text = chart(["sweep", "other", "sweep", "sweep"])
    path = tmp_path / "wandb.csv"
    path.write_text(text)
    dataset = (
        read(path, y="train/loss")
        if how == "file"
        else from_table(pd.read_csv(io.StringIO(text)), y="train/loss")
    )
    found = curves(dataset, x="Step", y="train/loss")
    assert [one.run for one in found] == ["sweep", "other", "sweep (2)", "sweep (3)"]
    for i, one in enumerate(found, 1):
        np.testing.assert_allclose(one.y, i * Y, rtol=1e-12)
    assert "3 runs are called 'sweep'" in found[0].notes[0]
    path.write_text(text.replace("__M", "__N"))
    with pytest.raises(InvalidData, match="occurs 3 times"):
        read(path)


LONG = pd.concat(
    [
        pd.DataFrame({"run": run, "step": np.repeat(X, 2), "metric": ["loss", "acc"] * X.size})
        for run in "ab"
    ]
).assign(value=np.tile(np.column_stack([Y, 1.0 / Y]).ravel(), 2))


@pytest.mark.parametrize(
    "names", [("metric", "value"), ("tag", "value"), ("variable", "value"), ("key", "Value")]
)
def test_a_metric_of_a_table_with_one_in_each_row(names: tuple[str, str]) -> None:
    frame = LONG.set_axis(["run", "step", *names], axis=1)
    dataset = from_table(frame, y="loss", by="run")
    first, second = curves(dataset, x="step", y="loss")
    np.testing.assert_array_equal(first.y, Y)
    np.testing.assert_array_equal(second.x, X)
    assert first.notes[0] == f"'loss' is {names[1]!r} where {names[0]!r} is 'loss'"
    with pytest.raises(InvalidData, match="no column 'los'; did you mean 'loss'"):
        from_table(frame, y="los", by="run")
    assert from_table(frame, y=names[1], by=["run", names[0]]).sizes["run"] == 4


def test_two_metrics_of_a_table_with_one_in_each_row() -> None:
    frame = LONG.assign(timestamp=np.arange(len(LONG)))
    first, _ = curves(from_table(frame, x="acc", y="loss", by="run"), x="acc", y="loss")
    np.testing.assert_allclose(first.x * first.y, 1.0)


@pytest.mark.parametrize("keep", [True, False])
def test_runs_are_skipped_by_name(tmp_path: Path, keep: bool) -> None:
    frame = LONG[LONG["metric"] == "loss"].astype({"value": object})
    frame.loc[frame["run"] == "b", "value"] = "diverged"
    path = tmp_path / "a.csv"
    frame.to_csv(path, index=False)
    axes: dict[str, Any] = {"x": "step", "y": "value", "by": "run"}
    if keep:
        with pytest.raises(InvalidData, match="'diverged'"):
            read(path, **axes)
        return
    dataset = read(path, **axes, skip_run="b")
    assert dataset["run"].values.tolist() == ["a"]
    assert dataset.attrs["reading"] == "1 run left out as asked: 'b'"
    with pytest.raises(InvalidData, match="no run 'c' to skip"):
        read(path, **axes, skip_run=["c"])
    with pytest.raises(InvalidData, match="every run is skipped"):
        read(path, **axes, skip_run=["a", "b"])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["flops", "n_params"], None),
        (["total_flops"], "total_flops"),
        (["compute"], "compute"),
        (["Params (M)"], "Params (M)"),
        (["n_parameters", "epoch"], "epoch"),
        (["N"], "N"),
        (["N", "D"], None),
        (["D", "tokens"], "tokens"),
        (["width", "lr"], "width"),
        (["examples", "flops"], "examples"),
        (["samples", "step"], "samples"),
        (["tokens [B]"], "tokens [B]"),
    ],
)
def test_x_may_be_a_size(columns: list[str], expected: str | None) -> None:
    frame = pd.DataFrame({name: [1.0, 2.0, 3.0] for name in columns}).assign(loss=[3, 2, 1])
    if expected:
        assert default_x(from_table(frame, y="loss"), "loss") == expected
        return
    with pytest.raises(ConfigError, match=r"x could be '\w+', '\w+'; name the one to use"):
        default_x(from_table(frame, y="loss"), "loss")


@pytest.mark.parametrize("cells", [["1M", "2M", "4M"], ["1,000", "2,000", "4,000"]])
def test_the_cause_is_told_where_x_would_be_text(cells: list[str]) -> None:
    frame = pd.DataFrame({"tokens": cells, "loss": [3, 2, 1]})
    with pytest.raises(InvalidData, match=f"'tokens' has 3 cells .* row 0: '{cells[0]}'"):
        default_x(from_table(frame, y="loss"), "loss")
    with pytest.raises(ConfigError, match="'v' is the only column of numbers"):
        default_x(from_table(pd.DataFrame({"v": [1.0, 2.0]}), y="v"), "v")


ARROW: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda frame: frame.convert_dtypes(),
    "category": lambda frame: frame.astype({"run": "category"}),
    "sparse": lambda frame: frame.astype({"loss": pd.SparseDtype(float)}),
}


@pytest.mark.parametrize("kind", ARROW)
def test_frames_of_other_types_are_as_those_of_numpy(kind: str) -> None:
    if kind == "arrow":
        pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "run": ["a", "a", "b", "b"],
            "step": [1, 2, 1, 2],
            "loss": [3.0, None, 2.0, 1.0],
            "good": [True, True, False, False],
        }
    )
    expected = from_table(frame, x="step", y="loss", by="run", where={"good": True})
    found = from_table(ARROW[kind](frame), x="step", y="loss", by="run", where={"good": True})
    assert found.identical(expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("columns", [150, 3000])
def test_a_wide_table_is_read_quietly(tmp_path: Path, columns: int) -> None:
    wide = pd.DataFrame(np.ones((X.size, columns)), columns=[f"c{i}" for i in range(columns)])
    path = tmp_path / "a.csv"
    pd.concat([FRAME, wide * np.arange(X.size)[:, None]], axis=1).to_csv(path, index=False)
    dataset = read(path, y="loss")
    (one,) = curves(dataset, x=default_x(dataset, "loss"), y="loss")
    np.testing.assert_array_equal(one.y, Y)
    assert len(dataset.data_vars) == (3 if columns > 1000 else columns + 3)
    assert any("columns 3 are kept" in note for note in one.notes) == (columns > 1000)
