"""Training of all tasks: killed and taken up, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from samples.trainings import killed, same

from scalefit import trainers, trajectory
from scalefit.cli import _run

pytestmark = pytest.mark.train

TASKS: dict[str, dict[str, Any]] = {
    "parity": {"tasks": 4, "bits": 5, "units": 8, "schedule": "cosine"},
    "induction": {"tokens": 8, "dimensions": 8, "heads": 2},
    "modular_addition": {"modulus": 5, "units": 8, "optimizer": "sgd", "momentum": 0.5},
}


@pytest.mark.parametrize("task", TASKS)
def test_a_killed_training_goes_on_to_the_same_bits(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: dict[str, Any] = {"batch": 5, "steps": 20, "points": 4, "eval_test": 20, "seeds": 1}
    config = trainers.config("sequence", protocol=task, **TASKS[task], **more)
    options: dict[str, Any] = {"determinism": "exact", "device": "cpu"}
    whole = trainers.run(config, **options)
    killed(monkeypatch, lambda: trainers.run(config, out=tmp_path, **options), after=4)
    found = trainers.run(config, out=tmp_path, **options)
    same(found, whole)
    trajectory.write(found, tmp_path / "kept.nc")
    assert trajectory.open_netcdf(tmp_path / "kept.nc").identical(found)


def test_tasks_of_every_kind_stand_in_one_file(tmp_path: Path) -> None:
    line = "train sequence --set protocol=parity,induction,modular_addition --set steps=3"
    more = f"--set points=2 --set batch=4 --set eval_test=9 --set seeds=1 --out {tmp_path}/all.nc"
    assert _run([*line.split(), *more.split()]) == 0
    with xr.open_dataset(tmp_path / "all.nc") as found:
        assert found["protocol"].values.tolist() == ["parity", "induction", "modular_addition"]
        assert found["loss"].notnull().all()
        kinds = found["loss_task"].sel(task=["1", "repeated"]).isel(point=0).notnull()
        assert kinds.values.tolist() == [[True, False], [False, True], [False, False]]


def test_settings_are_told_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["train", "sequence", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Tokens of an example. [a whole number >= 8" in said
