"""Folders of sweeps that are damaged, full, shared or left half-written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from samples.trainings import config, made, same

from scalefit import trainers, trajectory
from scalefit.errors import ConfigError
from scalefit.trainers.store import Store

pytestmark = pytest.mark.train


@pytest.mark.parametrize(
    "harm", ["cut", "other values", "other coordinates", "other bundle", "empty"]
)
def test_a_damaged_bundle_is_set_aside_and_made_again(
    tmp_path: Path, expected: xr.Dataset, harm: str
) -> None:
    again: dict[str, Any] = {"determinism": "exact", "seed": 3, "out": tmp_path}
    trainers.run(config(), **again)
    before = made(tmp_path)
    path, other = sorted((tmp_path / "bundles").glob("*.nc"))
    content = path.read_bytes()
    if harm == "cut":
        path.write_bytes(content[:-500])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "other bundle":
        path.write_bytes(other.read_bytes())
    else:
        stored = trajectory.open_netcdf(path)
        if harm == "other values":
            stored["norm"][0, 0] += 1e-9
        else:
            stored = stored.assign_coords(load=2 * stored["load"])
        trajectory.write(stored, path)
    with pytest.warns(UserWarning, match=r"set aside as .*\.nc\.damaged, and computed again"):
        same(trainers.run(config(), **again), expected)
    assert path.with_name(f"{path.name}.damaged").exists()
    assert made(tmp_path)[other.name] == before[other.name]
    same(trainers.run(config(), **again), expected)


def test_a_damaged_state_is_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open()
    state = store.state("name")
    assert state.read() is None
    state.write({"a b": np.arange(3)})
    assert state.read()["a b"].tolist() == [0, 1, 2]  # type: ignore[index]
    state.path.write_bytes(state.path.read_bytes()[:-30])
    with pytest.warns(UserWarning, match="damaged"):
        assert state.read() is None
    np.savez(state.path, a=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.warns(UserWarning, match="damaged"):
        assert state.read() is None


def test_temporary_files_of_killed_processes_are_cleared(tmp_path: Path) -> None:
    folder = Store(tmp_path).folder
    folder.mkdir()
    ages = {".old.nc": 7200, ".new.nc": 0, "done.nc": 0, "done.state.npz": 5}
    ages |= {"again.nc": 60, "again.state.npz": 5}  # of runs that lacked memory, tried again
    for name, age in ages.items():
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    Store(tmp_path).open()
    left = [".new.nc", "again.nc", "again.state.npz", "done.nc"]
    assert sorted(path.name for path in folder.iterdir()) == left


def test_a_run_that_stands_in_two_files_is_taken_once(tmp_path: Path) -> None:
    trainers.run(config(seeds=2), out=tmp_path)
    more = trainers.run(config(seeds=3), out=tmp_path)
    assert len(made(tmp_path)) == 4
    whole = trainers.merged(tmp_path)
    assert sorted(whole["run"].values) == sorted(more["run"].values)


def test_merged_prefers_what_was_tried_again_with_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from scalefit.trainers import loop

    def none_left(*arguments: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def name(**changes: Any) -> str:
        return str(trainers.plan(config(load=1, learning_rate=0.2, **changes))["bundle"].item())

    # the file of the run that lacked memory comes first in the folder
    steps = next(n for n in range(40, 99) if name(steps=n, seeds=1) < name(steps=n, seeds=2))
    settings = {"load": 1, "learning_rate": 0.2, "steps": steps}
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_train", none_left)
        lacking = trainers.run(config(seeds=1, **settings), out=tmp_path)
    assert lacking["status"].values.tolist() == ["oom"]
    trainers.run(config(seeds=2, **settings), out=tmp_path)
    assert len(made(tmp_path)) == 2
    assert trainers.merged(tmp_path)["status"].values.tolist() == ["ok", "ok"]


def test_merged_does_not_see_what_a_killed_process_left(tmp_path: Path) -> None:
    found = trainers.run(config(seeds=1), out=tmp_path)
    (tmp_path / "bundles" / ".half.nc").write_bytes(b"CDF")
    assert trainers.merged(tmp_path).sizes == found.sizes


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written to"):
        trainers.run(config(), out=tmp_path / "file")


FULL = """
import resource, sys
from scalefit import trainers
from scalefit.errors import ScalefitError
small = {"N": 20, "steps": 40, "points": 6, "seeds": 3}
trainers.run(trainers.config("perceptron", load=3, **small), out=sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    trainers.run(trainers.config("perceptron", load=[1, 3], **small), out=sys.argv[1])
except ScalefitError as error:
    print(error)
"""


def test_a_full_disk_gives_one_error_and_keeps_what_was_done(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1
    assert "File too large; what was finished is kept" in done.stdout
    (name,) = made(tmp_path)
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == [name]
    assert trainers.merged(tmp_path)["load"].values.tolist() == [3.0] * 3
