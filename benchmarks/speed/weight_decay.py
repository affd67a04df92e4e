"""Diagonal and quadratic networks against loops over their instances, in CPU seconds.

Ours trains all runs side by side, data included; the other side draws every instance once, and
trains one run after another, until the objective is within 1e-6 of ours: `torch.optim.LBFGS` with
strong Wolfe steps on the network, and, where scikit-learn is installed, `Lasso` on the convex
problem of the diagonal one, to its own tolerance of 1e-8. In the middle of the phase diagram and at
the peak of interpolation. By turns, each repeat's ratio, the lowest first. State evolution: seconds
for a curve at d = 1e6 and for tables at d = 400.

    python benchmarks/speed/weight_decay.py --repeats 5
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

SIZES = {
    "diagonal": ("diagonal", 100, 200),
    "diagonal, at the peak": ("diagonal", 100, 100),
    "quadratic": ("quadratic", 20, 400),
    "quadratic, at the peak": ("quadratic", 20, 100),
}
DECAYS = [float(f"{one:.3g}") for one in np.geomspace(0.1, 10, 8)]


def seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


@cache
def drawn(run: Any) -> tuple[Any, Any]:
    """Return examples, and noise of variance 1, of a run's instance."""
    import torch

    settings = run.settings
    x = run.stream("examples").standard_normal((settings.n_train, settings.d))
    return torch.tensor(x), torch.tensor(run.stream("noise").standard_normal(settings.n_train))


def problem(family: str, run: Any) -> tuple[Any, Any, float, Callable[[Any], Any]]:
    """Return examples, labels, mu, and the fields of parameters, of one run."""
    import torch

    settings = run.settings
    d = settings.d
    first = replace(run, settings=replace(settings, weight_decay=DECAYS[0]))
    x, noise = drawn(first)
    noise = np.sqrt(settings.noise) * noise
    if family == "diagonal":
        from scalefit.trainers.diagonal.network import teacher

        y = x @ torch.tensor(teacher(run)) + noise
        return x, y, settings.decay * d**0.5, lambda p: x @ (p[:d] * p[d:])
    from scalefit.trainers.quadratic.network import eigenvalues

    y = (x**2 - 1) @ torch.tensor(eigenvalues(settings)) / d**0.5 + noise

    def fields(p: Any) -> Any:
        w = p.reshape(d, d)
        return (((x @ w) ** 2).sum(1) - (w**2).sum()) / d**0.5

    return x, y, settings.decay * d, fields


def plain(family: str, runs: list[Any], targets: np.ndarray[Any, Any]) -> None:
    """Train one network after another."""
    import torch

    for run, target in zip(runs, targets, strict=True):
        _, y, mu, fields = problem(family, run)
        size = run.settings.d * (2 if family == "diagonal" else run.settings.d)
        start = 0.5 * torch.tensor(run.stream("start").standard_normal(size))
        scale = 1.0 if family == "diagonal" else run.settings.d**-0.25
        p = torch.nn.Parameter(start * scale)
        optimizer = torch.optim.LBFGS(
            [p],
            max_iter=50,
            history_size=12,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def closure(
            p: Any = p, y: Any = y, mu: float = mu, fields: Any = fields, opt: Any = optimizer
        ) -> Any:
            opt.zero_grad()
            loss = ((y - fields(p)) ** 2).sum() / 2 + mu / 2 * (p**2).sum()
            loss.backward()
            return loss

        for _ in range(100):
            if float(optimizer.step(closure)) <= target * (1 + 1e-6):
                break


def lasso(runs: list[Any]) -> None:
    """Solve one regression after another."""
    from sklearn.linear_model import Lasso

    for run in runs:
        x, y, mu, _ = problem("diagonal", run)
        Lasso(mu / len(y), fit_intercept=False, tol=1e-8, max_iter=100_000).fit(x, y)


def ratios(name: str, seeds: int, repeats: int) -> dict[str, Any]:
    from scalefit import trainers
    from scalefit.trainers.sweep import expand

    family, d, n = SIZES[name]
    settings = {"d": d, "n_train": n, "weight_decay": DECAYS, "seeds": seeds, "points": 2}
    network = trainers.config(family, steps=6000, tolerance=1e-6, ranks=1, **settings)
    convex = trainers.config(family, protocol="proximal", steps=6000, ranks=1, **settings)
    found = trainers.run(network, device="cpu")
    targets, runs = found["objective"].values[:, -1], expand(network, 0)
    mine = {
        "network": lambda: trainers.run(network, device="cpu"),
        "convex": lambda: trainers.run(convex, device="cpu"),
    }
    other = {"network": lambda: plain(family, runs, targets)}
    if family == "diagonal" and find_spec("sklearn"):
        other["convex"] = lambda: lasso(runs)
        lasso(runs[:1])  # imports
    kept: dict[str, list[float]] = {kind: [] for kind in other}
    for _ in range(repeats):
        for kind in other:
            ours = seconds(mine[kind])
            drawn.cache_clear()
            kept[kind].append(seconds(other[kind]) / ours)
    told = {kind: sorted(round(one, 2) for one in values) for kind, values in kept.items()}
    arrived = int((found["status"].values == "ok").sum())
    return {"runs": len(runs), "arrived": arrived, "d": d, "n_train": n, "times_faster": told}


def theory() -> dict[str, float]:
    """Return the CPU seconds of a diagonal curve of 40 points, and of quadratic tables."""
    from scalefit.trainers.diagonal.theory import StateEvolution
    from scalefit.trainers.quadratic import theory as quadratic

    curve = StateEvolution(10**6, 1.0)
    n = np.geomspace(10, 1e8, 40)
    tables = quadratic.StateEvolution(400, 1.25)
    many = np.geomspace(4e3, 4e6, 40)
    return {
        "diagonal, d=1e6, 40 points": seconds(lambda: curve.minimiser(n, 1.0, 0.5)),
        "diagonal, best weight decay": seconds(lambda: curve.best(n, 0.5)),
        "quadratic, d=400, 40 points": seconds(lambda: tables.minimiser(many, 1.0, 0.5)),
        "quadratic, best weight decay": seconds(lambda: tables.best(many, 0.5)),
    }


def main() -> None:
    campaign.one_thread()
    parser = campaign.options(__doc__, "weight_decay_speed.json")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=8)
    chosen = parser.parse_args()
    result: dict[str, Any] = {"cpu_seconds": theory()}
    print(result, flush=True)
    for name in SIZES:
        result[name] = ratios(name, chosen.seeds, chosen.repeats)
        print(name, result[name], flush=True)
    campaign.keep(result, chosen.out, ("scalefit", "numpy", "scipy", "torch"))


if __name__ == "__main__":
    main()
