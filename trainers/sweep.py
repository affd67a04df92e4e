"""Sweep: runs of equal shape in bundles, trained on any executor, and put together."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from scalefit.errors import ConfigError, ScalefitError, nearest
from scalefit.progress import bar

from .config import Config
from .device import describe, exactly, one_thread, resolve
from .families import simulation
from .protocol import Run, Simulation
from .provenance import origin
from .store import Store
from .trajectories import concat, simulated

if TYPE_CHECKING:
    import os

    import pandas as pd
    import torch
    import xarray as xr

DETERMINISM = ("fast", "exact")

# A bundle is what is saved at once, and what a worker does at a time: long enough that saving costs
# little, short enough that many share the cores evenly. Neither the device nor the number of
# workers enters, so that a sweep can go on elsewhere.
RUNS = 64
WORK = 4e10

RATE = 5e9
"""Floating-point operations per second of one CPU core, for estimates of cost."""

_TURN = threading.Lock()
"""Threads of one process take turns, for PyTorch's settings belong to the process."""


def expand(config: Config, root: int) -> list[Run]:
    """Return the runs of a configuration, each once, in the order of its points and seeds."""
    runs = [Run(settings, seed, root) for settings in config.points for seed in config.seeds]
    return list({json.dumps(run.identity, sort_keys=True): run for run in runs}.values())


@dataclass(frozen=True)
class Bundle:
    """Runs of equal shape, trained, saved and found again together."""

    runs: tuple[Run, ...]
    determinism: str

    @cached_property
    def name(self) -> str:
        """Return the hash of everything that determines the numbers."""
        identity = {
            "schema": 1,
            "determinism": self.determinism,
            "runs": [run.identity for run in self.runs],
        }
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    @property
    def simulation(self) -> Simulation:
        """Return how its runs are trained."""
        return simulation(self.runs[0].settings)

    @property
    def work(self) -> float:
        """Return the floating-point operations of all runs, roughly."""
        return sum(self.simulation.work(run.settings) for run in self.runs)

    def width(self, device: torch.device) -> int:
        """Return how many runs to train side by side.

        With `determinism="exact"` one, so that no run's rounding depends on its neighbours. A GPU
        takes what fits into half its free memory.
        """
        import torch

        if self.determinism == "exact":
            return 1
        settings = self.runs[0].settings
        if device.type == "cuda":
            free = torch.cuda.mem_get_info(device)[0] / 2
            return max(int(free / self.simulation.memory(settings)), 1)
        return self.simulation.width(settings)


def bundles(runs: Sequence[Run], determinism: str) -> list[Bundle]:
    """Return the runs in bundles of equal shape; more seeds leave the full bundles as they are."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        one = simulation(run.settings)
        groups.setdefault((type(one), run.settings.protocol, *one.shape(run.settings)), []).append(
            run
        )
    found = []
    for group in groups.values():
        group.sort(key=lambda run: run.seed)
        most = max(simulation(run.settings).work(run.settings) for run in group)
        size = min(max(int(WORK / most), 1), RUNS)
        found += [
            Bundle(tuple(group[first : first + size]), determinism)
            for first in range(0, len(group), size)
        ]
    return found


def run(
    config: Config,
    *,
    device: str,
    out: str | os.PathLike[str] | None,
    executor: Executor | None,
    determinism: str,
    seed: int,
    progress: bool,
) -> xr.Dataset:
    """Return the trajectory of every run; the body of `scalefit.trainers.run`."""
    if executor is None:
        resolve(device)  # elsewhere the workers' devices count
    runs = expand(config, seed)
    wanted = bundles(runs, determinism)
    store = Store(out) if out is not None else None
    if store:
        store.open()
    done = {one.name: store.read(one.name) for one in wanted} if store else {}
    missing = [one for one in wanted if not finished(done.get(one.name))]
    done |= _execute(missing, device, store, executor, config.family if progress else None)
    result = concat([part for one in wanted if (part := done[one.name]) is not None])
    place = {str(label): index for index, label in enumerate(result["run"].values)}
    result = result.isel(run=[place[one.label] for one in runs])
    attrs = {name: one for name, one in result.attrs.items() if name not in ("bundle", "digest")}
    return result.drop_attrs(deep=False).assign_attrs(**attrs, config=config.to_json())


def plan(
    config: Config, *, out: str | os.PathLike[str] | None, determinism: str, seed: int
) -> pd.DataFrame:
    """Return what a sweep would do; the body of `scalefit.trainers.plan`."""
    import pandas as pd

    cpu = resolve("cpu")
    store = Store(out) if out is not None else None
    rows = []
    for one in bundles(expand(config, seed), determinism):
        memory = one.simulation.memory(one.runs[0].settings)
        state = "to do"
        if store and finished(store.read(one.name)):
            state = "finished"
        elif store and store.state(one.name).path.exists():
            state = "begun"
        settings = [run.settings.coordinates() for run in one.runs]
        rows.append(
            {
                "bundle": one.name,
                "runs": len(one.runs),
                **{name: _range([each[name] for each in settings]) for name in settings[0]},
                "core_seconds": one.work / RATE,
                "megabytes": min(one.width(cpu), len(one.runs)) * memory / 1e6,
                "state": state,
            }
        )
    return pd.DataFrame(rows)


def finished(bundle: xr.Dataset | None) -> bool:
    """Return whether a bundle need not be trained again; there may be more memory now."""
    return bundle is not None and not (bundle["status"] == "oom").any()


def compute(
    bundle: Bundle,
    device: str,
    store: Store | None,
    advance: Callable[[float], object] = lambda amount: None,
) -> xr.Dataset:
    """Return the trajectory of a bundle, trained here and kept in the store if there is one.

    A bundle that is there already is left as it is: another worker was faster.
    """
    from . import loop

    there = store.read(bundle.name) if store else None
    if there is not None and finished(there):
        return there
    where = resolve(device)
    with _TURN, one_thread(), exactly(bundle.determinism == "exact"):
        outcome = loop.train(
            bundle.simulation,
            bundle.runs,
            where,
            width=bundle.width(where),
            slot=store.state(bundle.name) if store else None,
            advance=advance,
        )
    attrs = {
        "seed": bundle.runs[0].root,
        "device": describe(where),
        "dtype": str(bundle.simulation.dtype).removeprefix("torch."),
        "determinism": bundle.determinism,
        **origin("numpy", "torch"),
    }
    made = simulated(bundle.simulation, bundle.runs, outcome, attrs)
    if store:
        store.write(bundle.name, made)
    return made


def _execute(
    missing: list[Bundle],
    device: str,
    store: Store | None,
    executor: Executor | None,
    label: str | None,
) -> dict[str, xr.Dataset]:
    """Return the trajectories of bundles by name; the longest are trained first."""
    made: dict[str, xr.Dataset] = {}
    lost, pending = 0, 0.0
    total = sum(len(one.runs) for one in missing)
    work = {one.name: one.work for one in missing}
    share = total / (sum(work.values()) or 1.0)
    missing = sorted(missing, key=lambda one: -work[one.name])
    with bar(label or "", total, unit="runs", show=label is not None) as advance:

        def took(bundle: Bundle, found: xr.Dataset) -> None:
            nonlocal lost
            made[bundle.name] = found
            lost += int((found["status"] == "diverged").sum())
            if lost:
                advance(0, label=f"{label}, {lost} diverged")

        def tell(each: float, runs: float) -> None:
            nonlocal pending
            pending += each * runs
            if abs(pending) >= total / 500:  # the bar's rate is that of the last 1000 calls
                advance(pending)
                pending = 0.0

        if executor is None:
            for one in missing:
                each = share * work[one.name] / len(one.runs)
                took(one, compute(one, device, store, partial(tell, each)))
            return made
        futures: dict[Future[xr.Dataset], Bundle] = {}
        try:
            for one in missing:
                futures[executor.submit(compute, one, device, store)] = one
            for future in as_completed(futures):
                one = futures[future]
                took(one, future.result())
                advance(share * work[one.name])
        except BrokenProcessPool:
            kept = f"; what was finished is kept in {store.folder}" if store else ""
            raise ScalefitError(
                f"a worker process died, perhaps for want of memory{kept}: take fewer workers, "
                "then run the same again"
            ) from None
        finally:
            for future in futures:
                future.cancel()
    return made


def require_determinism(word: object) -> None:
    """Raise ConfigError unless the object is a level of determinism."""
    if word not in DETERMINISM:
        hint = nearest(str(word), DETERMINISM)
        raise ConfigError(f"argument 'determinism' is {word!r}; {hint}")


def _range(values: list[object]) -> object:
    """Return the one value, or the lowest and the highest."""
    different = sorted(set(values), key=values.index)
    return different[0] if len(different) == 1 else f"{min(values)} to {max(values)}"  # type: ignore[type-var]
