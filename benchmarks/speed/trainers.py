"""What the shared machinery of the trainers costs and gains, in CPU seconds of one process.

Ratios against a plain loop (`nn.Linear`, autograd, `SGD`) on the same data, by turns, each repeat's
ratio, the lowest first; the share of time that recording and saving take; and how busy two workers
are during a sweep.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign


def clock(work: Callable[[], object], repeats: int) -> float:
    """Return the least CPU time of several calls."""
    best = float("inf")
    for _ in range(repeats):
        before = time.process_time()
        work()
        best = min(best, time.process_time() - before)
    return best


def plain(examples: Any, rate: float, steps: int) -> None:
    """Train one perceptron as one would write it down."""
    import torch

    student = torch.nn.Linear(examples.shape[1], 1, bias=False, dtype=examples.dtype)
    torch.nn.init.zeros_(student.weight)
    optimizer = torch.optim.SGD(student.parameters(), lr=rate * examples.shape[1])
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.softplus(-2 * student(examples)).mean()
        loss.backward()
        optimizer.step()


def ratios(N: int, n_train: int, steps: int, runs: int, repeats: int) -> dict[str, Any]:
    """Return how many times faster than the plain loop runs train, by kind of data, by turns."""
    import torch

    from scalefit import trainers
    from scalefit.trainers.families import simulation
    from scalefit.trainers.protocol import Context
    from scalefit.trainers.sweep import expand

    cpu = torch.device("cpu")
    works: dict[str, Callable[[], object]] = {}
    for shared in (False, True):
        config = trainers.config(
            "perceptron", N=N, load=n_train / N, steps=steps, seeds=runs, shared_inputs=shared
        )
        several = expand(config, 0)
        one, context = simulation(several[0].settings), Context(several[0].settings, cpu)
        width = min(one.cost(several[0].settings).width, runs)
        ready = [one.init(context, several[i : i + width]) for i in range(0, runs, width)]
        if not shared:
            examples = [data["examples"][0] for data, _ in ready]
            rate = several[0].settings.learning_rate  # type: ignore[attr-defined]

        def work(one: Any = one, context: Any = context, ready: Any = ready) -> None:
            with torch.no_grad():
                for data, state in ready:
                    one.update(context, state, data, {}, range(steps))

        works["shared_data" if shared else "own_data"] = work
    plain(examples[0], rate, 2)  # the first call of autograd takes long
    works["plain"] = lambda: [plain(each, rate, steps) for each in examples]
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, one_work in works.items():
            taken[name].append(clock(one_work, 1))
    found: dict[str, Any] = {"N": N, "n_train": n_train, "steps": steps, "runs": runs}
    found["plain_seconds"] = taken["plain"]
    for name in ("own_data", "shared_data"):
        found[name] = sorted(b / a for a, b in zip(taken[name], taken["plain"], strict=True))
    return found


def overhead(N: int, load: float, steps: int, seeds: int) -> dict[str, float]:
    """Return the share of a sweep's time that measuring and saving take."""
    from scalefit import trainers
    from scalefit.trainers import loop
    from scalefit.trainers.families import find
    from scalefit.trainers.states import State
    from scalefit.trainers.store import Store

    one = find("perceptron").protocols()["gradient_descent"]
    spent = dict.fromkeys(("measure", "write", "state"), 0.0)

    def timed(place: Any, name: str, kind: str) -> None:
        original = getattr(place, name)

        def call(*arguments: Any, **options: Any) -> Any:
            before = time.process_time()
            try:
                return original(*arguments, **options)
            finally:
                spent[kind] += time.process_time() - before

        setattr(place, name, call)

    timed(type(one), "measure", "measure")
    timed(Store, "write", "write")
    timed(State, "write", "state")
    loop.SAVE_EVERY = 5.0  # far oftener than by default
    config = trainers.config("perceptron", N=N, load=load, steps=steps, seeds=seeds)
    with tempfile.TemporaryDirectory() as folder:
        before = time.process_time()
        trainers.run(config, out=folder)
        total = time.process_time() - before
    shares = {f"{name}_share": value / total for name, value in spent.items()}
    return {"N": N, "load": load, "steps": steps, "seeds": seeds, "seconds": total, **shares} | {
        "share": sum(spent.values()) / total
    }


def busy(runs: int, workers: int, N: int, load: float, steps: int) -> dict[str, float]:
    """Return the CPU time of a sweep's processes over wall time, per worker."""
    import resource

    from scalefit import trainers
    from scalefit.workers import processes

    config = trainers.config("perceptron", N=N, load=load, steps=steps, seeds=runs)
    with tempfile.TemporaryDirectory() as folder:
        own = time.process_time()
        began = time.monotonic()
        with processes(workers) as pool:
            found = trainers.run(config, out=folder, executor=pool)
        wall = time.monotonic() - began
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = children.ru_utime + children.ru_stime
    return {
        "runs": found.sizes["run"],
        "N": N,
        "load": load,
        "steps": steps,
        "workers": workers,
        "wall_seconds": wall,
        "worker_cpu_seconds": used,
        "parent_cpu_seconds": time.process_time() - own,
        "busy": used / (wall * workers),
    }


def main() -> None:
    parser = campaign.options(__doc__, "trainers_speed.json")
    parser.add_argument("--small", action="store_true", help="a few seconds, to try the script")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    campaign.one_thread()
    import torch

    torch.set_num_threads(1)
    small = options.small
    sizes = [(100, 500, 100)] if small else [(100, 500, 2000), (200, 1000, 1000), (500, 2000, 300)]
    result = {
        # First, while no other child process has been waited for.
        "sweep": busy(
            *((20, options.workers, 50, 5, 200) if small else (1000, options.workers, 100, 5, 5000))
        ),
        "load_average": os.getloadavg()[0],
        "against_plain_loop": [ratios(*size, runs=32, repeats=1 if small else 5) for size in sizes],
        "recording_and_saving": overhead(100, 5, 200, 8) if small else overhead(200, 5, 5000, 64),
    }
    campaign.keep(result, options.out, ("scalefit", "numpy", "torch", "xarray"))
    print(options.out.read_text())


if __name__ == "__main__":
    main()
