"""Sweeps that are killed, shared out or grouped otherwise end with the same numbers."""

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
from samples.trainings import config, made, same

from scalefit import trainers, trajectory
from scalefit.errors import InvalidData, ScalefitError
from scalefit.trainers import sweep
from scalefit.trainers.store import Store
from scalefit.workers import processes

pytestmark = pytest.mark.train


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
    ends = more["step"].max("point")
    np.testing.assert_array_equal(ends, more["steps"])
    np.testing.assert_array_equal(more["norm"].isnull(), more["step"].isnull())
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


def test_any_whole_number_is_a_seed(tmp_path: Path) -> None:
    plan = trainers.plan(config(seeds=1), out=tmp_path, seed=np.int64(3))
    assert plan.equals(trainers.plan(config(seeds=1), out=tmp_path, seed=3))


def test_runs_that_lacked_memory_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from scalefit.trainers.perceptron.simulate import SIMULATIONS

    usual = SIMULATIONS["gradient_descent"]

    class Large(type(usual)):  # type: ignore[misc]
        def init(self, runs: Any, device: Any) -> Any:
            if any(run.settings.load == 3 and run.seed == 1 for run in runs):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().init(runs, device)

    with monkeypatch.context() as patch:
        patch.setitem(SIMULATIONS, "gradient_descent", Large())
        found = trainers.run(config(seeds=2), out=tmp_path)
    assert found["status"].values.tolist() == ["ok"] * 4 + ["ok", "oom"] * 2
    assert set(trainers.run(config(seeds=2), out=tmp_path)["status"].values) == {"ok"}


def test_a_killed_sweep_goes_on_from_the_saved_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scalefit.trainers import loop
    from scalefit.trainers.perceptron.simulate import SIMULATIONS

    trained, stop = 0, 30

    class Stopped(type(SIMULATIONS["gradient_descent"])):  # type: ignore[misc]
        def update(self, state: Any, data: Any, fresh: Any, steps: range) -> Any:
            nonlocal trained
            if trained == stop:
                raise KeyboardInterrupt
            trained += len(steps)
            return super().update(state, data, fresh, steps)

    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    monkeypatch.setitem(SIMULATIONS, "gradient_descent", Stopped())
    three = config(load=1, learning_rate=0.2, seeds=3)  # of 40 steps each, one after the other
    for later in (95, -1):
        with pytest.raises(KeyboardInterrupt):
            trainers.run(three, out=tmp_path)
        assert [path.suffix for path in (tmp_path / "bundles").iterdir()] == [".npz"]
        stop = later
    trainers.run(three, out=tmp_path)
    assert trained == 3 * 40
    assert [path.suffix for path in (tmp_path / "bundles").iterdir()] == [".nc"]


def test_a_bundle_that_another_worker_has_finished_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scalefit.trainers import loop

    store = Store(tmp_path)
    store.open()
    (bundle,) = sweep.bundles(sweep.expand(config(load=1, seeds=1), 0), "fast")
    first = sweep.compute(bundle, "cpu", store)
    monkeypatch.delattr(loop, "train")
    same(sweep.compute(bundle, "cpu", store), first)


def test_the_longest_bundles_are_trained_first() -> None:
    submitted: list[float] = []

    class Noting(ThreadPoolExecutor):
        def submit(self, call: Any, bundle: Any, /, *more: Any, **options: Any) -> Any:
            submitted.append(bundle.work)
            return super().submit(call, bundle, *more, **options)

    with Noting(1) as executor:
        trainers.run(config(load=[1, 5, 3], seeds=1), executor=executor)
    assert len(submitted) == 3
    assert submitted == sorted(submitted, reverse=True)


@pytest.mark.parametrize(
    ("family", "settings", "seed", "determinism", "names"),
    [
        (
            "perceptron",
            {"load": [0.5, 3], "N": 20, "seeds": 2},
            0,
            "fast",
            ["075953968972dd04093d6814", "7d695589d75f29b147419895"],
        ),
        ("perceptron", {"load": 3, "N": 20, "seeds": 2}, 0, "exact", ["4aaf4539980bd9ce11a5223d"]),
        (
            "perceptron",
            {"protocol": "adatron", "load": 2, "seeds": [3]},
            4,
            "fast",
            ["21ff7f95f156d080c9999a86"],
        ),
        (
            "committee",
            {"K": 3, "L": 4, "N": 64, "seeds": 2},
            0,
            "fast",
            ["0e601c03216702cdc900a3a0"],
        ),
        (
            "committee",
            {"protocol": "order_parameters", "seeds": 1},
            0,
            "exact",
            ["3c0222c609d850a54f3038f8"],
        ),
    ],
)
def test_folders_made_before_hold_what_is_looked_for(
    family: str, settings: dict[str, Any], seed: int, determinism: str, names: list[str]
) -> None:
    # A name changes with all that determines the numbers, and with nothing else: what an earlier
    # version of scalefit has computed is found. Who changes the numbers raises a schema, and these.
    wanted = trainers.config(family, **settings)
    plan = trainers.plan(wanted, seed=seed, determinism=determinism)
    assert plan["bundle"].tolist() == names


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
    assert list(tmp_path.iterdir()) == []
    trainers.run(config(load=1), out=tmp_path)
    (tmp_path / "bundles" / f"{plan['bundle'][2]}.state.npz").touch()
    after = trainers.plan(config(), out=tmp_path)
    assert after["state"].tolist() == ["finished", "finished", "begun", "to do"]


KILLED = """
import sys
from scalefit import trainers
from scalefit.trainers import loop, sweep
from scalefit.trainers.families import simulations
from scalefit.workers import processes

loop.SAVE_EVERY = 0.05
sweep.RUNS = 5
simulations("perceptron")  # so that "ready" means that training comes next
if __name__ == "__main__":
    config = trainers.config(
        "perceptron", load=[2, 5], N=60, seeds=int(sys.argv[3]), steps=1500, points=20
    )
    with processes(int(sys.argv[2])) as pool:
        if pool:
            list(pool.map(simulations, ["perceptron"] * 9))
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


def test_two_kills_change_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, 2, [1], 20)


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
