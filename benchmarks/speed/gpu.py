"""Trainers on a GPU: speed of every protocol there and on a CPU core, agreement, and graphs.

Each row trains the same runs on both devices, by turns, and gives runs per second at the width that
the device takes. The values of both are compared. A simulation that writes `step` is timed as one
CUDA graph and piece by piece. Rows that do not fit into the time are named.

    python -m benchmarks gpu                       # eight minutes at most
    python -m benchmarks gpu --device cpu --small  # to try the script
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

if TYPE_CHECKING:
    from torch import Tensor

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "descent, N = 100": ("perceptron", {"N": 100, "load": 5, "steps": 2000}),
    "descent, N = 500": ("perceptron", {"N": 500, "load": 4, "steps": 500}),
    "descent, N = 500, shared inputs": (
        "perceptron", {"N": 500, "load": 4, "steps": 500, "shared_inputs": True}
    ),
    "fixed norm, N = 200": ("perceptron", {"N": 200, "load": 5, "protocol": "fixed_norm"}),
    "Rosenblatt, N = 200": ("perceptron", {"N": 200, "load": 5, "protocol": "rosenblatt"}),
    "AdaTron, N = 200": ("perceptron", {"N": 200, "load": 5, "protocol": "adatron"}),
    "committee SGD, N = 512": ("committee", {"N": 512, "duration": 10.0}),
    "order parameters": ("committee", {"protocol": "order_parameters", "duration": 20.0}),
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "perceptron": {"N": 10, "steps": 20, "norm": [0.5, 1]},
    "committee": {"N": 12, "duration": 20.0},
}


def row(family: str, settings: Mapping[str, Any], device: str, most: int) -> dict[str, Any]:
    """Return how fast runs train on both devices, and how far their values are apart."""
    import torch

    from scalefit import trainers
    from scalefit.trainers import loop
    from scalefit.trainers.calls import width
    from scalefit.trainers.device import one_thread
    from scalefit.trainers.families import simulation
    from scalefit.trainers.sweep import expand

    there, cpu = torch.device(device), torch.device("cpu")
    config = trainers.config(family, seeds=most, points=10, **settings)
    runs = expand(config, 0)
    one = simulation(runs[0].settings)
    wide = runs[: min(width(runs[0], there, "fast"), most)]
    few = runs[: min(width(runs[0], cpu, "fast"), 4)]
    loop.train(one, wide, there)  # libraries set up what they need
    taken: dict[str, list[float]] = {"device": [], "cpu": []}
    found: dict[str, Any] = {}
    for _ in range(2):
        for name, part, where in (("device", wide, there), ("cpu", few, cpu)):
            begin = time.perf_counter()
            with one_thread():
                found[name] = loop.train(one, part, where).values
            taken[name].append((time.perf_counter() - begin) / len(part))
    apart = max(
        float(
            np.nanmax(np.abs(found["device"][name][: len(few)] - value) / (1e-12 + np.abs(value)))
        )
        for name, value in found["cpu"].items()
    )
    rates = {name: [round(1 / one, 3) for one in each] for name, each in taken.items()}
    return {
        "width": len(wide),
        "runs_per_second": rates["device"],
        "runs_per_second_cpu_core": rates["cpu"],
        "times_a_core_at_least": round(min(rates["device"]) / max(rates["cpu"]), 2),
        "largest_relative_difference": apart,
    }


def graph(device: str, steps: int) -> dict[str, float]:
    """Return the seconds of a small model's steps as one graph and piece by piece."""
    import torch

    from scalefit import trainers
    from scalefit.trainers.capture import updater
    from scalefit.trainers.protocol import Context, Simulation
    from scalefit.trainers.sweep import expand

    class Bowl(Simulation):
        def step(self, context: Any, state: Any, data: Any, fresh: Any, k: Tensor) -> Any:
            pull = torch.tanh(state["place"] * data["curvature"])
            return {"place": state["place"] - 0.1 * pull / (1 + 1e-6 * k)}

    where = torch.device(device)
    runs = expand(trainers.config("perceptron", seeds=1), 0)
    context = Context(runs[0].settings, where)
    data = {"curvature": torch.rand(64, 256, device=where, dtype=torch.float64)}
    state = {"place": torch.rand(64, 256, device=where, dtype=torch.float64)}

    def seconds(update: Callable[..., Any]) -> tuple[float, Any]:
        update(state, data, {}, range(3))
        if where.type == "cuda":
            torch.cuda.synchronize()
        begin = time.perf_counter()
        found = update(state, data, {}, range(steps))
        if where.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begin, found["place"]

    whole, one = seconds(updater(Bowl(), context))
    pieces, other = seconds(lambda *given: Bowl().update(context, *given))
    return {
        "steps": steps,
        "graph_seconds": whole,
        "eager_seconds": pieces,
        "largest_difference": float((one - other).abs().max()),
    }


def main() -> None:
    """Run every row that the time allows."""
    parser = campaign.options(__doc__, "gpu.json")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="a few seconds, to try the script")
    parser.add_argument("--minutes", type=float, default=7.0)
    chosen = parser.parse_args()
    import torch

    if chosen.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device here; --device cpu --small tries the script")
    begin = time.monotonic()
    result: dict[str, Any] = {"device": chosen.device, "rows": {}, "left_out": []}
    if chosen.device == "cuda":
        result["device"] = torch.cuda.get_device_name()
    result["graph"] = graph(chosen.device, 20 if chosen.small else 5000)
    for name, (family, settings) in ROWS.items():
        if time.monotonic() - begin > 60 * chosen.minutes:
            result["left_out"].append(name)
            continue
        given = {**settings, **(SMALL[family] if chosen.small else {})}
        if given.get("protocol") == "fixed_norm":
            given.pop("steps", None)
        else:
            given.pop("norm", None)
        most = 4 if chosen.small else 1024
        result["rows"][name] = row(family, given, chosen.device, most)
        print(name, result["rows"][name], flush=True)
        campaign.keep(result, chosen.out, ("scalefit", "numpy", "torch"))
    result["seconds"] = round(time.monotonic() - begin, 1)
    campaign.keep(result, chosen.out, ("scalefit", "numpy", "torch"))


if __name__ == "__main__":
    main()
