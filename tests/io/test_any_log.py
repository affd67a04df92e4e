"""Whatever the bytes: a trajectory, or a refusal that says why."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import logs

from scalefit.curves.selection import curves
from scalefit.errors import ScalefitError
from scalefit.io import read
from scalefit.io.axes import default_x

NAMES = {
    "trainer_state.json": "eval_loss",
    "metrics.csv": "val_loss",
    "history.csv": "eval/loss",
    "chart.csv": "train/loss",
    "history.parquet": "eval/loss",
    "events.out.tfevents.1": "eval/loss",
    "train.log": "loss",
    "columns.json": "loss",
    "packed.csv.gz": "val_loss",
}


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("valid")
    logs.write_trainer_state(folder / "trainer_state.json")
    logs.lightning().to_csv(folder / "metrics.csv", index=False)
    logs.wandb_history().to_csv(folder / "history.csv", index=False)
    logs.wandb_chart(averaged=True).to_csv(folder / "chart.csv", index=False)
    logs.wandb_history().to_parquet(folder / "history.parquet")
    logs.write_events(folder / "run").rename(folder / "events.out.tfevents.1")
    steps = zip(logs.STEPS, logs.TRAIN, strict=True)
    (folder / "train.log").write_text("".join(f"step {s}: loss {y:.4f}\n" for s, y in steps))
    columns = {"step": logs.STEPS.tolist(), "loss": logs.TRAIN.tolist()}
    (folder / "columns.json").write_text(json.dumps(columns))
    (folder / "packed.csv.gz").write_bytes(gzip.compress((folder / "metrics.csv").read_bytes()))
    return {name: (folder / name).read_bytes() for name in NAMES}


def survives(path: Path, y: str) -> None:
    try:
        read(path)
        dataset = read(path, y=y)
        curves(dataset, x=default_x(dataset, y), y=y)
    except ScalefitError as error:
        lines = str(error).split("\n")
        assert len(lines) <= 3
        assert all(line.isprintable() for line in lines)


scratch = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
pieces = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"NaN", b"-1e999", b"9" * 400, b"[" * 999, b"\n\n", b'"', b",", b"\xed\xa0"]),
)


@given(st.sampled_from(sorted(NAMES)), st.floats(0, 1), st.floats(0, 0.1), pieces)
@scratch
def test_a_damaged_log(
    tmp_path: Path, valid: dict[str, bytes], name: str, at: float, cut: float, piece: bytes
) -> None:
    content = valid[name]
    start, stop = int(at * len(content)), int((at + cut * cut) * len(content))
    (tmp_path / name).write_bytes(content[:start] + piece + content[stop:])
    survives(tmp_path / name, NAMES[name])


@given(st.sampled_from(sorted(NAMES)), st.binary(max_size=200), st.booleans())
@scratch
def test_any_bytes(
    tmp_path: Path, valid: dict[str, bytes], name: str, content: bytes, begun: bool
) -> None:
    (tmp_path / name).write_bytes((valid[name][:60] if begun else b"") + content)
    survives(tmp_path / name, NAMES[name])
