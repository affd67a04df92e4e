"""Sweeps that are killed, shared out, grouped otherwise or damaged end with the same numbers."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from scalefit import trainers, trajectory
from scalefit.errors import ConfigError, InvalidData, ScalefitError
from scalefit.trainers import sweep
from scalefit.trainers.store import Store
from scalefit.workers import processes

pytestmark = pytest.mark.train

SWEEP: dict[str, Any] = {
    "load": [1, 3], "N": 20, "seeds": 6, "steps": 40, "points": 6, "learning_rate": [0.2, 0.4]
}  # fmt: skip


def config(**changes: Any) -> Any:
    return trainers.config("perceptron", **{**SWEEP, **changes})


def same(found: xr.Dataset, expected: xr.Dataset) -> None:
    """Assert equality of values and coordinates, bit for bit."""
    assert set(found.variables) == set(expected.variables)
    for name in expected.variables:
        np.testing.assert_array_equal(found[name].values, expected[name].values, str(name))
        assert found[name].dtype == expected[name].dtype, name


def made(folder: Path) -> dict[str, tuple[int, int]]:
    """Return which file of each finished bundle is there, and since when."""
    stats = {path.name: path.stat() for path in (folder / "bundles").glob("[!.]*.nc")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


@pytest.fixture(scope="module")
def expected() -> xr.Dataset:
    """Return the sweep as it comes out without folder, executor or interruption."""
    return trainers.run(config(), determinism="exact", seed=3)


def test_exact_does_not_depend_on_bundles_order_or_workers(
    tmp_path: Path, expected: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with processes(2) as pool:
        same(trainers.run(config(), determinism="exact", seed=3, executor=pool), expected)
    monkeypatch.setattr(sweep, "RUNS", 3)
    same(trainers.run(config(), determinism="exact", seed=3, out=tmp_path), expected)
    assert len(made(tmp_path)) == 8
    same(trainers.run(config(), determinism="exact", seed=3, out=tmp_path), expected)
    part = trainers.run(
        config(learning_rate=0.4, load=[3, 1], seeds=[5, 1]), determinism="exact", seed=3
    )
    assert part["seed"].values.tolist() == [1, 5, 1, 5]
    same(part, expected.sel(run=part["run"]))
    with ThreadPoolExecutor(1) as threads:
        again = trainers.run(config(), determinism="exact", seed=3, out=tmp_path, executor=threads)
    same(again, expected)


def test_fast_is_statistically_the_same_run(expected: xr.Dataset) -> None:
    fast = trainers.run(config(shared_inputs=[False, True]), seed=3)
    own = fast.isel(run=~fast["shared_inputs"].values)
    assert own["run"].values.tolist() == expected["run"].values.tolist()
    np.testing.assert_allclose(own["test_error"], expected["test_error"], rtol=1e-10)
    assert fast.attrs["determinism"] == "fast"


def test_configurations_share_a_folder_without_mixing(tmp_path: Path) -> None:
    first = trainers.run(config(seeds=2), out=tmp_path)
    files = made(tmp_path)
    more = trainers.run(config(seeds=2, load=[0.5, 1], steps=[20, 40]), out=tmp_path)
    assert files.items() <= made(tmp_path).items()
    assert trainers.run(config(seeds=2), out=tmp_path)["run"].equals(first["run"])
    whole = trajectory.validate(trainers.merged(tmp_path))
    assert whole.sizes["run"] == len({*first["run"].values, *more["run"].values})
    assert whole["load"].values.tolist() == sorted(whole["load"].values)
    same(whole.sel(run=first["run"]), first)
    assert np.isnan(more["norm"].values[more["steps"].values == 20][:, -1]).sum() >= 0
    assert list(trainers.merged(tmp_path, variables=["norm"]).data_vars) == ["norm"]
    with pytest.raises(InvalidData, match="did you mean 'norm'"):
        trainers.merged(tmp_path, variables=["nrm"])
    with pytest.raises(InvalidData, match="no finished bundle"):
        trainers.merged(tmp_path / "empty")


def test_more_seeds_leave_full_bundles_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "RUNS", 4)
    trainers.run(config(seeds=2), out=tmp_path)
    files = made(tmp_path)
    trainers.run(config(seeds=4), out=tmp_path)
    assert files.items() <= made(tmp_path).items()
    assert len(made(tmp_path)) == 4


@pytest.mark.parametrize("harm", ["cut", "other values", "other bundle", "empty"])
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
        stored["norm"][0, 0] += 1e-9
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


def test_any_whole_number_is_a_seed(tmp_path: Path) -> None:
    plan = trainers.plan(config(seeds=1), out=tmp_path, seed=np.int64(3))
    assert plan.equals(trainers.plan(config(seeds=1), out=tmp_path, seed=3))


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


def test_runs_that_lacked_memory_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from scalefit.trainers.perceptron.simulate import SIMULATIONS

    usual = SIMULATIONS["gradient_descent"]

    class Large(type(usual)):  # type: ignore[misc]
        def init(self, runs: Any, device: Any) -> Any:
            if any(run.settings.load == 3 for run in runs):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().init(runs, device)

    with monkeypatch.context() as patch:
        patch.setitem(SIMULATIONS, "gradient_descent", Large())
        found = trainers.run(config(seeds=1), out=tmp_path)
    assert found["status"].values.tolist() == ["ok"] * 2 + ["oom"] * 2
    assert set(trainers.run(config(seeds=1), out=tmp_path)["status"].values) == {"ok"}


def test_divergence_is_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    wild = config(learning_rate=[0.2, 3e307], load=2, N=6, steps=5, seeds=2)
    found = trainers.run(wild, out=tmp_path)
    assert found["status"].values.tolist() == ["ok"] * 2 + ["diverged"] * 2
    same(trainers.run(wild, out=tmp_path), found)


def test_plan_lists_bundles_and_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "RUNS", 10)
    plan = trainers.plan(config(), out=tmp_path)
    assert plan["runs"].tolist() == [10, 2] * 2
    assert plan["load"].tolist() == [1, 1, 3, 3]
    assert plan["learning_rate"].tolist() == ["0.2 to 0.4"] * 4
    assert (plan[["core_seconds", "megabytes"]] > 0).all(axis=None)
    assert set(plan["state"]) == {"to do"}
    assert not tmp_path.exists() or not list(tmp_path.iterdir())
    trainers.run(config(load=1), out=tmp_path)
    (tmp_path / "bundles" / f"{plan['bundle'][2]}.state.npz").touch()
    after = trainers.plan(config(), out=tmp_path)
    assert after["state"].tolist() == ["finished", "finished", "begun", "to do"]


KILLED = """
import sys
from scalefit import trainers
from scalefit.trainers import family, loop, sweep
from scalefit.workers import processes

loop.SAVE_EVERY = 0.05
sweep.RUNS = 5
family.simulations("perceptron")  # so that "ready" means that training comes next
if __name__ == "__main__":
    config = trainers.config(
        "perceptron", load=[2, 5], N=60, seeds=int(sys.argv[3]), steps=1500, points=20
    )
    with processes(int(sys.argv[2])) as pool:
        if pool:
            list(pool.map(family.simulations, ["perceptron"] * 9))
        print("ready", flush=True)
        trainers.run(config, out=sys.argv[1], executor=pool, determinism="exact", seed=3)
    print("done", flush=True)
"""


def kill_often(tmp_path: Path, kills: int, workers: list[int], seeds: int) -> None:
    """Kill a sweep at random moments, and compare its end with that of an undisturbed one."""
    script = tmp_path / "script.py"
    script.write_text(KILLED)

    def start(folder: str, count: int) -> subprocess.Popen[str]:
        command = [sys.executable, str(script), str(tmp_path / folder), str(count), str(seeds)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    with start("undisturbed", 1) as process:
        began = time.monotonic()
        assert process.communicate()[0] == "done\n"
        lasted = time.monotonic() - began
    moments = random.Random(5)
    finished: dict[str, tuple[int, int]] = {}
    begun = growing = 0
    for number in range(5 * kills):  # more than asked for only until one has hit a run
        if number >= kills and begun and growing:
            break
        with start("killed", workers[number % len(workers)]) as process:
            time.sleep(moments.uniform(lasted / 16, lasted / 4))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        for _ in range(300):  # workers end by themselves
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.1)
        else:
            raise AssertionError("workers have outlived the sweep")
        now = made(tmp_path / "killed")
        assert finished.items() <= now.items()
        growing += finished.keys() < now.keys()
        finished = now
        begun += len(list((tmp_path / "killed" / "bundles").glob("*.state.npz")))
    assert begun  # or the kills hit nothing
    assert growing
    with start("killed", workers[0]) as process:
        assert process.communicate()[0] == "done\n"
    assert finished.items() <= made(tmp_path / "killed").items()
    assert made(tmp_path / "killed").keys() == made(tmp_path / "undisturbed").keys()
    same(trainers.merged(tmp_path / "killed"), trainers.merged(tmp_path / "undisturbed"))


def test_four_kills_change_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, 4, [1], 20)


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, 20, [1, 2], 100)


def test_a_worker_that_dies_gives_one_error(tmp_path: Path) -> None:
    program = KILLED.replace('print("ready", flush=True)', "kill(pool)").replace(
        "loop.SAVE_EVERY",
        "import os, signal\nkill = lambda pool: os.kill("
        "pool.submit(os.getpid).result(), signal.SIGKILL)\nloop.SAVE_EVERY",
    )
    script = tmp_path / "script.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "out"), "2", "9"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ScalefitError: a worker process died" in done.stderr.splitlines()[-1]


def test_dask_ends_with_every_run_although_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(sweep, "RUNS", 5)
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "10")
    sizes: dict[str, Any] = {"load": [2, 5], "N": 60, "seeds": 20, "steps": 3000, "points": 20}
    wanted = trainers.config("perceptron", **sizes)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = client.run(os.getpid)
        victim = next(iter(pids.values()))

        def shoot() -> None:
            while not made(tmp_path):
                time.sleep(0.02)
            os.kill(victim, signal.SIGKILL)

        with ThreadPoolExecutor(1) as thread:
            shot = thread.submit(shoot)
            found = trainers.run(
                wanted, out=tmp_path, executor=client.get_executor(), determinism="exact"
            )
            shot.result()
    trajectory.validate(found)
    assert found.sizes["run"] == 40
    assert set(found["status"].values) == {"ok"}
    assert len(made(tmp_path)) == 8
    whole = trainers.merged(tmp_path)
    same(whole.sel(run=found["run"]), found)
    assert json.loads(found.attrs["config"])["N"] == 60


def test_a_faulty_task_gives_its_own_error(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads, pytest.raises(ScalefitError, match="not available"):
        trainers.run(config(), out=tmp_path, executor=threads, device="cuda:99")
