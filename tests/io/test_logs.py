"""What `scalefit.read` makes of the logs that training leaves behind."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from samples import logs

from scalefit.curves.selection import curves
from scalefit.errors import ConfigError, InvalidData, MissingExtra
from scalefit.io import formats, read
from scalefit.io.axes import default_x
from scalefit.io.tidy import from_table

STEPS = logs.STEPS.astype(float)
LEFT_OUT = "left out: they hold other metrics"


def curve(dataset: xr.Dataset, y: str) -> tuple[str, Any, Any]:
    """Return the name of x, its values and those of y along the only run."""
    x = default_x(dataset, y)
    (one,) = curves(dataset, x=x, y=y)
    return x, one.x, one.y


def notes(dataset: xr.Dataset) -> list[str]:
    return str(dataset.attrs.get("reading", "")).splitlines()


def saved(name: str, folder: Path) -> tuple[Path, str, str, str]:
    """Return a log of a format, its columns of training and evaluation loss, and its x."""
    path = folder / name
    match name:
        case "trainer_state.json" | "checkpoint":
            return logs.write_trainer_state(path), "loss", "eval_loss", "step"
        case "events":
            return logs.write_events(path), "train/loss", "eval/loss", "step"
        case "tensors":
            return logs.write_events(path, tensors=True), "train/loss", "eval/loss", "step"
        case "metrics.csv":
            logs.lightning().to_csv(path, index=False)
            return path, "train_loss", "val_loss", "step"
        case "history.csv":
            logs.wandb_history().to_csv(path)  # with the index, as people save it
        case "history.parquet":
            logs.wandb_history().to_parquet(path)
    return path, "train/loss", "eval/loss", "train/global_step"


FORMATS = (
    "trainer_state.json",
    "checkpoint",
    "events",
    "tensors",
    "metrics.csv",
    "history.csv",
    "history.parquet",
)


@pytest.mark.parametrize("name", FORMATS)
def test_a_metric_is_read_from_the_rows_that_hold_it(tmp_path: Path, name: str) -> None:
    path, train, evaluation, expected = saved(name, tmp_path)
    shift = 1 if name == "metrics.csv" else 0  # Lightning counts steps from 0
    rounding = 1e-6 if name in ("events", "tensors") else 0.0
    metrics = {train: (slice(None), logs.TRAIN), evaluation: (logs.EVALUATED, logs.EVAL)}
    for y, (at, values) in metrics.items():
        dataset = read(path, y=y)
        x, across, found = curve(dataset, y)
        assert x == expected
        np.testing.assert_array_equal(across + shift, STEPS[at])
        np.testing.assert_allclose(found, values[at], rtol=rounding)
        if name in ("events", "tensors") and y == train:  # every step has one
            assert notes(dataset) == []
        else:
            (note,) = notes(dataset)
            assert repr(y) in note
            assert LEFT_OUT in note
    assert read(path).sizes["point"] >= STEPS.size  # without y every row is kept


def test_a_folder_of_event_files_holds_one_run_per_folder(tmp_path: Path) -> None:
    for name, scale in (("a", 1.0), ("deep/b", 2.0)):
        logs.write_events(tmp_path / name, scale)
    (tmp_path / "a" / "notes.txt").write_text("no events")
    first, second = curves(read(tmp_path, y="eval/loss"), x="step", y="eval/loss")
    assert (first.run, second.run) == ("a", "deep/b")
    np.testing.assert_array_equal(second.y, 2.0 * first.y)
    named = read(tmp_path, y="eval/loss", by="run", where={"run": "a"})
    assert [one.run for one in curves(named, x="step", y="eval/loss", by="run")] == ["a"]


def test_a_resumed_run_keeps_what_was_logged_last(tmp_path: Path) -> None:
    for name in ("first", "second"):
        path = logs.write_events(tmp_path / name, scale=2.0 if name == "second" else 1.0)
        path.rename(tmp_path / f"events.out.tfevents.{name}")
        (tmp_path / name).rmdir()
    dataset = read(tmp_path, y="train/loss")
    np.testing.assert_allclose(curve(dataset, "train/loss")[2], 2 * logs.TRAIN, rtol=1e-6)
    assert notes(dataset) == ["60 values logged again at the same step: the last is kept"]


@pytest.mark.parametrize("spoil", ["cut", "flip"])
def test_events_up_to_a_damaged_record_are_used(tmp_path: Path, spoil: str) -> None:
    path = logs.write_events(tmp_path / "run")
    content = bytearray(path.read_bytes())
    if spoil == "cut":
        del content[-20:]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)
    dataset = read(path, y="train/loss")
    assert 5 < curve(dataset, "train/loss")[1].size <= STEPS.size
    assert "no whole record" in notes(dataset)[0]
    path.write_bytes(content[:30])
    with pytest.raises(InvalidData, match="no scalars in 1 event file"):
        read(path)


def test_event_files_without_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = logs.write_events(tmp_path / "run")
    module = "tensorboard.backend.event_processing.event_file_loader"
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"pip install 'scalefit\[tensorboard\]'"):
        read(path)


def test_every_line_of_a_chart_is_a_curve(tmp_path: Path) -> None:
    path = tmp_path / "wandb_export.csv"
    logs.wandb_chart().to_csv(path, index=False)
    dataset = read(path, y="train/loss")
    assert default_x(dataset, "train/loss") == "Step"
    first, second = curves(dataset, x="Step", y="train/loss")
    assert (first.run, second.run) == ("calm - sea-1", "tall-tree-2")
    np.testing.assert_array_equal(first.y, logs.TRAIN)
    np.testing.assert_array_equal(second.x, STEPS[logs.EVALUATED])
    assert notes(dataset) == []
    logs.wandb_chart(averaged=True).to_csv(path, index=False)
    assert "60 points of this chart export stand for several" in notes(read(path))[0]


def _sampled(rows: int, kind: str) -> pd.DataFrame:
    """Return a history of so many rows, whole or sampled in the way that `kind` names."""
    rng = np.random.default_rng(5)
    steps = {
        "every": np.arange(rows),
        "every tenth": 10 * np.arange(rows),
        "drawn": np.sort(rng.choice(20 * rows, rows, replace=False)),
        "growing": np.unique(np.geomspace(1, 1e6, rows).astype(int)),
    }[kind]
    return pd.DataFrame({"_step": steps, "_timestamp": 1.7e9 + steps, "loss": 1.0 / (1.0 + steps)})


@pytest.mark.parametrize(
    ("rows", "kind", "expected"),
    [
        (500, "every", False),
        (480, "every", False),
        (480, "every tenth", False),
        (480, "growing", False),
        (500, "drawn", True),
        (480, "drawn", True),
        (60, "drawn", False),  # too few to tell
    ],
)
def test_a_sampled_history_is_noted(rows: int, kind: str, expected: bool) -> None:
    told = notes(from_table(_sampled(rows, kind), y="loss"))
    assert any("sampled from a longer history" in note for note in told) == expected


def test_a_table_with_holes_is_no_log() -> None:
    """A y that is missing now and then is a point without y."""
    for extra in ({}, {"epoch": 1.0}, {"accuracy": [0.1, 0.2, 0.3, 0.4]}):
        frame = pd.DataFrame({"step": [1, 2, 3, 4], "loss": [4.0, None, 3.0, 2.0], **extra})
        dataset = from_table(frame, y="loss")
        assert dataset.sizes["point"] == 4
        (one,) = curves(dataset, x="step", y="loss")
        np.testing.assert_array_equal(one.x, [1, 3, 4])
        assert one.notes == ("1 point without y between others left out",)


def test_rows_of_other_metrics_are_told_in_any_table(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    rows: list[dict[str, float]] = []
    for step, train, evaluated, loss in zip(
        STEPS, logs.TRAIN, logs.EVALUATED, logs.EVAL, strict=True
    ):
        rows += [{"step": step, "loss": train}, *[{"step": step, "val": loss}] * int(evaluated)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for y, count in (("loss", 50), ("val", 10)):
        dataset = read(path, y=y)
        assert curve(dataset, y)[1].size == count
        assert LEFT_OUT in notes(dataset)[0]
    seldom = pd.DataFrame({"step": STEPS, "loss": logs.TRAIN, "val": logs.EVAL})
    seldom.loc[~logs.EVALUATED, "val"] = np.nan
    assert curve(from_table(seldom, y="val"), "val")[1].size == 10


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["step", "epoch", "tokens"], "tokens"),
        (["_step", "lr"], "_step"),
        (["epoch", "Iteration"], "Iteration"),
        (["num_input_tokens_seen", "step"], "num_input_tokens_seen"),
        (["Seen Examples", "step"], "Seen Examples"),
        (["trainer/global_step", "epochs"], "trainer/global_step"),
        (["tokens_per_second", "step_time", "epoch"], "epoch"),
    ],
)
def test_x_is_found_by_name(columns: list[str], expected: str) -> None:
    frame = pd.DataFrame({name: [1.0, 2.0, 3.0] for name in columns}).assign(loss=[3, 2, 1])
    assert default_x(from_table(frame, y="loss"), "loss") == expected


def test_x_that_cannot_be_found() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "steps": [1, 2, 3], "step": [2, 4, 6], "loss": [3, 2, 1]})
    with pytest.raises(ConfigError, match=r"x could be 'steps', 'step'; name the one"):
        default_x(from_table(frame, y="loss"), "loss")
    blank = frame.assign(steps=[1, None, 3])
    assert default_x(from_table(blank, y="loss"), "loss") == "step"
    none = from_table(frame[["a", "loss"]].assign(b=[1, 2, 3]), y="loss")
    with pytest.raises(ConfigError, match=r"no column plainly counts training.*: 'a', 'b'$"):
        default_x(none, "loss")


def _rated(rates: Any) -> pd.DataFrame:
    rates = np.asarray(rates, dtype=float)
    steps = 10.0 * np.arange(1, rates.size + 1)
    return pd.DataFrame({"step": steps, "train/learning_rate": rates, "loss": steps**-0.3})


RISE = np.minimum(np.arange(1, 41) / 8, 1.0)


@pytest.mark.parametrize(
    ("rates", "until"),
    [
        (RISE, 80),
        (RISE * np.linspace(1, 0.1, 40), 80),  # and decays from the start
        (np.ones(40), None),
        (np.linspace(1, 0, 40), None),
        (np.linspace(0, 1, 40), None),  # rises all along
        (np.tile([1.0, 0.1, 0.5, 0.8], 10), None),
        (np.full(40, np.nan), None),
        (np.zeros(40), None),
    ],
)
def test_a_warm_up_is_read_from_the_learning_rate(rates: Any, until: int | None) -> None:
    dataset = from_table(_rated(rates), y="loss")
    (one,) = curves(dataset, x="step", y="loss")
    assert len(one.notes) == (until is not None)
    if until is not None:
        assert f"rises until 'step' is {until}: a warm-up" in one.notes[0]
        assert f"--from {until}" in one.notes[0]
        (rest,) = curves(dataset, x="step", y="loss", x_range=(until, np.inf))
        assert rest.notes == ()


def test_a_warm_up_shows_in_rows_of_other_metrics() -> None:
    """Evaluations have no learning rate of their own, and runs may differ."""
    parts = []
    for run, rates in (("a", RISE), ("b", np.ones(40))):
        frame = _rated(rates).assign(run=run, val=np.nan)
        evaluated = frame[["step", "run"]].iloc[4::5].assign(val=1.0 / frame["step"])
        parts += [frame, evaluated]
    both = pd.concat(parts, ignore_index=True)
    first, _ = curves(from_table(both, y="val", by="run"), x="step", y="val")
    assert "'step' is 80 in 1 of 2 runs" in first.notes[-1]


# file name, content, what the message must say
BAD: dict[str, tuple[str, str, list[str]]] = {
    "no log": ("a.json", '{"a": 1,\n"b": 2}', ["one JSON document", ".jsonl"]),
    "ragged": ("a.json", '{"a": [1, 2],\n"b": [1]}', ["'a' has 2 values", "'b' has 1"]),
    "no rows": ("a.json", "[{}]", ["no rows"]),
    "mixed": ("a.json", '[{"a": 1}, 2]', ["not all objects"]),
    "two tables": ("a.json", '{"a": [{"b": 1}], "c": [{"b": 1}, {"b": 2}]}', ["'a' has 1 value"]),
    "history of none": ("a.json", '{"log_history": []}', ["log_history is empty"]),
    "no objects": ("a.json", '{"log_history": [{"a": 1}, 2]}', ["entry 2", "no object: 2"]),
    "cut": ("a.json", '{"log_history": [{"loss": 1,', ["not JSON at line 1", "complete?"]),
    "deep": ("a.json", '{"log_history": [' + "[" * 100_000, ["not JSON", "RecursionError"]),
    "half a character": ("a.json", '{"log_history": [{"a": "\\ud800"}]}', ["not JSON", "Unicode"]),
    "csv": ("a.json", "a,b\n1,2\n", ["'.json'", "CSV", "Rename"]),
    "state as csv": ("a.csv", '{"log_history": [{}]}', ["trainer state", "Rename", ".json"]),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_logs_are_refused_by_name(tmp_path: Path, case: str) -> None:
    name, content, words = BAD[case]
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidData) as caught:
        read(tmp_path / name)
    message = str(caught.value)
    assert len(message.split("\n")) <= 3
    assert [word for word in (name, *words) if word not in message] == []


def test_a_folder_without_events_and_a_file_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidData, match="folder without TensorBoard event files"):
        read(tmp_path)
    path = logs.write_trainer_state(tmp_path / "trainer_state.json")
    smaller = dataclasses.replace(formats.FORMATS["trainer"], largest=1e3)
    monkeypatch.setitem(formats.FORMATS, "trainer", smaller)
    with pytest.raises(InvalidData, match=r"a trainer state .* may have 1e-06 GB"):
        read(path)


@pytest.mark.parametrize("name", ["<script>", "a\nb", "\x1b[31m", "$(rm -rf)", "‮x"])
def test_odd_names_stay_text_in_notes(name: str) -> None:
    frame = pd.DataFrame({"step": [1, 2, 3, 4], name: [3, None, 2, 1], "v": [None, 1, None, None]})
    (note,) = notes(from_table(frame, y=name))
    assert note.isprintable()
    assert LEFT_OUT in note
