"""Sweeps whose processes are killed, or share a folder, end with the same numbers."""

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

import pytest
import xarray as xr
from samples.trainings import made, same

from scalefit import trainers, trajectory
from scalefit.trainers import calls

pytestmark = pytest.mark.train

KILLED = """
import sys
from scalefit import trainers
from scalefit.trainers import calls, loop, sweep
from scalefit.trainers.families import find
from scalefit.workers import processes

loop.SAVE_EVERY, loop.SHARE = 0.1, 1e9
sweep.KEEP_EVERY = 0.2
find("perceptron").protocols()  # so that "ready" means that training comes next

def warm(number):
    return len(find("perceptron").protocols())

if __name__ == "__main__":
    config = trainers.config(
        "perceptron", load=[2, 5], N=60, seeds=int(sys.argv[3]), steps=int(sys.argv[5]), points=20
    )
    with processes(int(sys.argv[2])) as pool:
        if pool:
            list(pool.map(warm, range(9)))
        print("ready", flush=True)
        trainers.run(config, out=sys.argv[1], executor=pool, determinism=sys.argv[4], seed=3)
    print("done", flush=True)
"""


def start(script: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a sweep in a process of its own, and return it when training is about to begin."""
    process = subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    """Kill a sweep, and see that its workers end by themselves."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    for _ in range(300):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("workers have outlived the sweep")


def kill_often(
    tmp_path: Path, kills: int, workers: list[int], seeds: int, steps: int, how: str
) -> None:
    """Kill a sweep at random moments, and compare its end with that of an undisturbed one."""
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    with start(script, tmp_path / "undisturbed", 1, seeds, how, steps) as process:
        began = time.monotonic()
        assert process.communicate()[0] == "done\n"
        lasted = time.monotonic() - began
    moments = random.Random(5)
    finished: dict[str, tuple[int, int]] = {}
    begun = growing = 0
    for number in range(5 * kills):  # more than asked for only until one has hit a run
        if number >= kills and begun and growing:
            break
        with start(
            script, tmp_path / "killed", workers[number % len(workers)], seeds, how, steps
        ) as one:
            time.sleep(moments.uniform(lasted / 16, lasted / 4))
            killed(one)
        now = made(tmp_path / "killed")
        assert finished.items() <= now.items()
        growing += finished.keys() < now.keys()
        finished = now
        begun += len(list((tmp_path / "killed" / "bundles").glob("*.state.npz")))
    assert begun  # or the kills hit nothing
    assert growing
    with start(script, tmp_path / "killed", workers[0], seeds, how, steps) as process:
        assert process.communicate()[0] == "done\n"
    runs = [run for bundle in bundles_of(tmp_path / "killed") for run in bundle["run"].values]
    assert len(runs) == len(set(runs)) == 2 * seeds  # none was trained again
    same(trainers.merged(tmp_path / "killed"), trainers.merged(tmp_path / "undisturbed"))


def bundles_of(folder: Path) -> list[xr.Dataset]:
    """Return what each file of a folder holds."""
    return [trajectory.open_netcdf(path) for path in (folder / "bundles").glob("[!.]*.nc")]


@pytest.mark.slow
def test_a_kill_changes_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, 1, [1], 2, 6000, "exact")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exact", "fast"])
def test_twenty_kills_change_nothing(tmp_path: Path, how: str) -> None:
    kill_often(tmp_path, 20, [1, 2], 100, 1500, how)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kill", [False, True], ids=["", "one killed"])
def test_processes_share_a_folder(tmp_path: Path, count: int, kill: bool) -> None:
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    several = [start(script, tmp_path / "out", 1, 30, "fast", 1500) for _ in range(count)]
    if kill:
        time.sleep(2.0)
        killed(several.pop())
    assert [one.communicate()[0] for one in several] == ["done\n"] * len(several)
    runs = [run for bundle in bundles_of(tmp_path / "out") for run in bundle["run"].values]
    assert len(runs) == len(set(runs)) == 60
    left = {path.suffix for path in (tmp_path / "out" / "bundles").glob("[!.]*")}
    assert left == {".nc"}


@pytest.mark.slow
def test_a_worker_that_dies_gives_one_error(tmp_path: Path) -> None:
    program = KILLED.replace('print("ready", flush=True)', "kill(pool)").replace(
        "loop.SAVE_EVERY",
        "import os, signal\nkill = lambda pool: os.kill("
        "pool.submit(os.getpid).result(), signal.SIGKILL)\nloop.SAVE_EVERY",
    )
    script = tmp_path / "script.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "out"), "2", "9", "exact", "1500"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ScalefitError: a worker process died" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_dask_ends_with_every_run_although_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(calls, "SHORTEST", 0.05)
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
    whole = trainers.merged(tmp_path)
    same(whole.sel(run=found["run"]), found)
    assert json.loads(found.attrs["config"])["N"] == 60
