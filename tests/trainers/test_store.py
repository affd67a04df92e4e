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
from samples.trainings import SMALL, config, made, same

from scalefit import trainers, trajectory
from scalefit.errors import ConfigError
from scalefit.trainers.store import MANY, Store, digest

pytestmark = pytest.mark.train
loop = pytest.importorskip("scalefit.trainers.loop", reason="needs PyTorch", exc_type=ImportError)


def test_files_that_were_joined_are_not_taken_for_damaged(tmp_path: Path) -> None:
    settings = SMALL["deep"]  # its layers have names
    for seed in range(MANY):
        trainers.run(trainers.config("deep", **settings, seeds=[seed]), out=tmp_path)
    before = made(tmp_path)
    assert len(before) == 1
    found = trainers.run(trainers.config("deep", **settings, seeds=MANY), out=tmp_path)
    assert found.sizes["run"] == MANY
    assert made(tmp_path) == before


@pytest.mark.parametrize(
    "harm", ["cut", "other values", "other coordinates", "other bundle", "empty"]
)
def test_a_damaged_bundle_is_set_aside_and_made_again(
    tmp_path: Path, expected: xr.Dataset, harm: str
) -> None:
    again: dict[str, Any] = {"determinism": "exact", "seed": 3, "out": tmp_path}
    for rate in (0.2, 0.4):
        trainers.run(config(learning_rate=rate), **again)
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
    state = store.state(["one", "other"])
    state.identities = ("1", "2")
    assert state.read() is None
    state.write({"step": np.array(7), "a b": np.arange(6).reshape(2, 3)})
    (saved,) = store.states()
    assert (saved.keys, saved.step, saved.identities) == (("one", "other"), 7, ("1", "2"))
    part = store.state(["other"])
    assert part.read() is None
    part.source = saved.path
    found = part.read()
    assert found is not None
    assert found["a b"].tolist() == [[3, 4, 5]]
    state.path.write_bytes(state.path.read_bytes()[:-30])
    with pytest.warns(UserWarning, match="damaged"):
        assert state.read() is None
    np.savez(state.path, keys=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.warns(UserWarning, match="damaged"):
        assert store.states() == []


def test_temporary_files_of_killed_processes_are_cleared(tmp_path: Path) -> None:
    folder = Store(tmp_path).folder
    folder.mkdir()
    ages = {".old.nc": 7200, ".new.nc": 0, ".turn.lock": 7200, "done.nc": 7200}
    for name, age in ages.items():
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    Store(tmp_path).open()
    assert sorted(path.name for path in folder.iterdir()) == [".new.nc", ".turn.lock", "done.nc"]


def test_folders_of_schema_1_serve_their_runs(
    tmp_path: Path, expected: xr.Dataset, trained: list[str]
) -> None:
    # Such a bundle had no keys: it said of each run its name and its settings.
    trainers.run(config(), determinism="exact", seed=3, out=tmp_path)
    for path in (tmp_path / "bundles").glob("*.nc"):
        stored = trajectory.open_netcdf(path).drop_vars(["key", "points_measured"])
        attrs = {name: one for name, one in stored.attrs.items() if name not in ("store", "digest")}
        stored.attrs = {**attrs, "digest": digest(stored)}
        trajectory.write(stored, path)
    trained.clear()
    same(trainers.run(config(), determinism="exact", seed=3, out=tmp_path), expected)
    few = trainers.run(config(seeds=[4], load=1), determinism="exact", seed=3, out=tmp_path)
    assert trained == []
    same(few, expected.sel(run=few["run"]))
    for other in ({"determinism": "fast", "seed": 3}, {"determinism": "exact", "seed": 4}):
        trained.clear()
        trainers.run(config(seeds=1), out=tmp_path, **other)  # type: ignore[arg-type]
        assert len(trained) == 4


def test_a_later_version_of_the_store_is_left_alone(tmp_path: Path) -> None:
    trainers.run(config(seeds=1), out=tmp_path)
    files = made(tmp_path)
    for path in (tmp_path / "bundles").glob("*.nc"):
        stored = trajectory.open_netcdf(path)
        trajectory.write(stored.assign_attrs(store=99), path)
    with pytest.warns(UserWarning, match="schema 99.*left as"):
        trainers.run(config(seeds=1), out=tmp_path)
    assert {path.name for path in (tmp_path / "bundles").iterdir()} > files.keys()
    assert not list((tmp_path / "bundles").glob("*.damaged"))


@pytest.mark.slow
def test_merged_prefers_what_was_tried_again_with_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def none_left(*arguments: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    for seed in range(4):  # the file of the run that lacked memory comes first or last
        settings: dict[str, Any] = {"load": 1, "learning_rate": 0.2, "seeds": [seed]}
        out = tmp_path / str(seed)
        with monkeypatch.context() as patch:
            patch.setattr(loop, "train", none_left)
            lacking = trainers.run(config(**settings), out=out)
        assert lacking["status"].values.tolist() == ["oom"]
        trainers.run(config(**{**settings, "seeds": [seed, 9]}), out=out)
        assert len(made(out)) == 2
        assert trainers.merged(out)["status"].values.tolist() == ["ok", "ok"]


def test_a_run_that_stands_in_two_files_is_taken_once(tmp_path: Path) -> None:
    for name, seeds in (("one", [0, 1]), ("other", [1, 2])):
        trainers.run(config(seeds=seeds), out=tmp_path / name)
    for path in (tmp_path / "other" / "bundles").glob("*.nc"):
        path.rename(tmp_path / "one" / "bundles" / path.name)
    assert len(made(tmp_path / "one")) == 2
    trainers.run(config(seeds=1), out=tmp_path / "one", determinism="exact")
    whole = trainers.merged(tmp_path / "one")
    assert whole.sizes["run"] == 12
    assert sorted(set(whole["seed"].values)) == [0, 1, 2]


@pytest.mark.slow
def test_many_small_files_are_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[str], expected: xr.Dataset
) -> None:
    monkeypatch.setattr("scalefit.trainers.sweep.KEEP_EVERY", 0.0)
    again: dict[str, Any] = {"determinism": "exact", "seed": 3, "out": tmp_path}
    trainers.run(config(seeds=1), **again)
    assert len(made(tmp_path)) == 4
    committee = trainers.config("committee", N=12, duration=20, points=4, seeds=1)
    trainers.run(committee, **again)
    assert len(made(tmp_path)) == 2  # that of the committee, and one of the four others
    monkeypatch.setattr("scalefit.trainers.sweep.KEEP_EVERY", 10.0)
    same(trainers.run(config(), **again), expected)
    assert len(made(tmp_path)) == 3
    trained.clear()
    same(trainers.run(config(), **again), expected)
    assert trainers.run(committee, **again).sizes["run"] == 1
    assert trained == []


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


@pytest.mark.slow
def test_a_full_disk_gives_one_error_and_keeps_what_was_done(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1
    assert "File too large; what was finished is kept" in done.stdout
    (name,) = made(tmp_path)
    assert [path.name for path in (tmp_path / "bundles").glob("[!.]*")] == [name]
    assert trainers.merged(tmp_path)["load"].values.tolist() == [3.0] * 3
