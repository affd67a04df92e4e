"""What a step of the committee machine costs, in CPU seconds of one process.

Ratios against a plain loop (autograd and `SGD`, one example a step, one run after the other),
timed in turn with the simulations; these are timed whole, as `trainers.run` does them, with the
examples drawn and the overlaps recorded, over 400 N steps.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

N, UNITS = 500, 2
CASES: dict[str, dict[str, Any]] = {
    "sgd": {"protocol": "sgd", "L": N, "teacher": "gaussian", "seeds": 32},
    "sgd_one_run": {"protocol": "sgd", "L": N, "teacher": "gaussian", "seeds": 1},
    "order_parameters": {"protocol": "order_parameters", "seeds": 64},
    "order_parameters_one_run": {"protocol": "order_parameters", "seeds": 1},
}


def clock(work: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    before = time.process_time()
    work()
    return time.process_time() - before


def plain(steps: int) -> None:
    """Train one committee machine as one would write it down."""
    import torch

    from scalefit.trainers.committee.spectrum import eigenvalues

    spread = torch.tensor(eigenvalues(N, 1.0) ** 0.5 / N**0.5, dtype=torch.float32)
    teacher = torch.randn(UNITS, N)
    student = torch.nn.Parameter(0.01 * torch.randn(UNITS, N))
    optimizer = torch.optim.SGD([student], lr=0.1)
    root, scale = 2**-0.5, UNITS**-0.5
    for _ in range(steps):
        example = torch.randn(N) * spread
        with torch.no_grad():
            wanted = scale * torch.erf(root * (teacher @ example)).sum()
        optimizer.zero_grad()
        given = scale * torch.erf(root * (student @ example)).sum()
        loss = (wanted - given) ** 2 / 2
        loss.backward()
        optimizer.step()


def simulated(settings: dict[str, Any], steps: int) -> None:
    """Train all runs of a case."""
    from scalefit import trainers

    config = trainers.config("committee", N=N, duration=steps / N, points=40, **settings)
    trainers.run(config, device="cpu")


def main() -> None:
    parser = campaign.options(__doc__, "committee_speed.json")
    parser.add_argument("--small", action="store_true", help="a few seconds, to try the script")
    options = parser.parse_args()
    campaign.one_thread()
    import torch

    torch.set_num_threads(1)
    repeats, steps = (1, 2000) if options.small else (5, 200_000)
    plain(20)  # the first calls compile and load
    for settings in CASES.values():
        simulated({**settings, "seeds": 1}, 500)
    seconds: dict[str, list[float]] = {name: [] for name in ("plain", *CASES)}
    for _ in range(repeats):
        seconds["plain"].append(clock(lambda: plain(steps // 50)) / (steps // 50))
        for name, settings in CASES.items():
            took = clock(partial(simulated, settings, steps))
            seconds[name].append(took / (steps * settings["seeds"]))
    result = {
        "N": N,
        "units": UNITS,
        "steps": steps,
        "repeats": repeats,
        "load_average": os.getloadavg()[0],
        "microseconds_per_step": {
            name: {
                "runs": CASES[name]["seeds"] if name in CASES else 1,
                "median": 1e6 * statistics.median(all_times),
                "lowest": 1e6 * min(all_times),
                "highest": 1e6 * max(all_times),
            }
            for name, all_times in seconds.items()
        },
        "times_faster_than_plain": {
            name: sorted(a / b for a, b in zip(seconds["plain"], seconds[name], strict=True))
            for name in CASES
        },
    }
    campaign.keep(result, options.out, ("scalefit", "numpy", "numba", "torch"))
    print(options.out.read_text())


if __name__ == "__main__":
    main()
