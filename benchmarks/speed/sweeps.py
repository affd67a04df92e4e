"""Sweeps: what the folder costs beyond the training, and what several processes gain.

A grid of 40 x 40 shapes with one number each, against the same training without a folder and
without calls; reopening a folder of 10,000 runs; and the wall time of one, two and three processes
that share a folder, also with one of them killed, with how often each run was trained.

    python -m benchmarks sweeps
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

SHARED = """
import sys
from scalefit import trainers
from scalefit.trainers.families import find
find("perceptron").protocols()
config = trainers.config("perceptron", load=[2, 5], N=60, seeds=int(sys.argv[2]), steps=3000)
print("ready", flush=True)
sys.stdin.readline()
trainers.run(config, out=sys.argv[1], device="cpu", seed=3)
print("done", flush=True)
"""


def grid(side: int) -> dict[str, float]:
    """Return the seconds of a grid of shapes, and of its physics alone."""
    import torch

    from scalefit import trainers
    from scalefit.trainers import loop
    from scalefit.trainers.device import one_thread
    from scalefit.trainers.families import simulation
    from scalefit.trainers.sweep import expand

    sizes: dict[str, Any] = {"N": list(range(10, 10 + side)), "steps": 1, "seeds": 1}
    config = trainers.config("perceptron", load=[1 + at / 10 for at in range(side)], **sizes)
    trainers.run(trainers.config("perceptron", N=9, steps=1, seeds=1))
    begin = time.perf_counter()
    with one_thread():
        for run in expand(config, 0):
            loop.train(simulation(run.settings), [run], torch.device("cpu"))
    physics = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        trainers.run(config, out=folder, device="cpu")
        whole = time.perf_counter() - begin
        begin = time.perf_counter()
        trainers.run(config, out=folder, device="cpu")
        again = time.perf_counter() - begin
    print(f"grid: {whole:.2f} s, physics {physics:.2f} s, again {again:.2f} s", flush=True)
    return {"runs": side**2, "seconds": whole, "physics_seconds": physics, "again_seconds": again}


def reopening(runs: int) -> dict[str, float]:
    """Return the seconds until the trajectory of a folder's runs is there again."""
    from scalefit import trainers

    sizes: dict[str, Any] = {"N": 4, "load": 1, "steps": 5, "points": 5}
    config = trainers.config("perceptron", seeds=runs, **sizes)
    with tempfile.TemporaryDirectory() as folder:
        trainers.run(config, out=folder, device="cpu")
        files = len(list((Path(folder) / "bundles").glob("*.nc")))
        begin = time.perf_counter()
        trainers.run(config, out=folder, device="cpu")
        taken = time.perf_counter() - begin
    print(f"{runs} runs in {files} files: {taken:.2f} s", flush=True)
    return {"runs": runs, "files": files, "seconds": taken}


def sharing(processes: int, seeds: int, kill_after: float | None) -> dict[str, float]:
    """Return the wall time of processes on one folder, and how often runs were trained."""
    from scalefit import trajectory

    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(SHARED)
        command = [sys.executable, str(script), f"{folder}/out", str(seeds)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        several = [subprocess.Popen(command, **pipes) for _ in range(processes)]
        for one in several:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        begin = time.perf_counter()
        for one in several:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(several[-1].pid, signal.SIGKILL)
        for one in several:
            assert one.stdout is not None
            one.stdout.readline()  # what Python takes to start and to end is not counted
        wall = time.perf_counter() - begin
        for one in several:
            one.wait()
        held = [
            str(run)
            for path in Path(f"{folder}/out/bundles").glob("[!.]*.nc")
            for run in trajectory.open_netcdf(path)["run"].values
        ]
    return {
        "wall_seconds": wall,
        "runs": len(set(held)),
        "trained_twice": len(held) - len(set(held)),
    }


def main() -> None:
    """Measure, and keep what was found."""
    parser = campaign.options(__doc__, "sweeps.json")
    parser.add_argument("--small", action="store_true", help="a few seconds, to try the script")
    chosen = parser.parse_args()
    campaign.one_thread()
    small = chosen.small
    repeats, seeds = (1, 4) if small else (3, 40)
    result: dict[str, Any] = {
        "load_average": os.getloadavg()[0],
        "grid": [grid(3 if small else 40) for _ in range(repeats)],
        "reopening": reopening(50 if small else 10000),
    }
    shared: dict[str, list[dict[str, float]]] = {}
    for _ in range(repeats):  # by turns
        for name, count, kill in (
            ("one", 1, None), ("two", 2, None), ("three", 3, None), ("two, one killed", 2, 0.35),
            ("three, one killed", 3, 0.35),
        ):  # fmt: skip
            before = shared.get("one", [{"wall_seconds": 2.0}])[-1]["wall_seconds"]
            after = None if kill is None else kill * before / count
            shared.setdefault(name, []).append(sharing(count, seeds, after))
    single = np.array([one["wall_seconds"] for one in shared["one"]])
    result["sharing"] = shared
    result["wall_time_over_one"] = {
        name: [
            round(float(one["wall_seconds"] / base), 3)
            for one, base in zip(rows, single, strict=True)
        ]
        for name, rows in shared.items()
    }
    campaign.keep(result, chosen.out, ("scalefit", "numpy", "torch", "xarray"))
    print(chosen.out.read_text())


if __name__ == "__main__":
    main()
