"""Plan: what a sweep would do, what it has done, and how long the rest takes."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalefit.errors import ConfigError, InvalidData
from scalefit.trajectory import STATUS
from scalefit.wording import inline, said

from .calls import RATE, best, grouped, operations
from .config import Config, make
from .device import resolve
from .families import find, simulation
from .settings import kinds
from .store import Index, Store
from .sweep import expand

if TYPE_CHECKING:
    import os

    import pandas as pd

    from .claims import Claimed
    from .protocol import Run

PROBED = 8
"""Shapes that are timed, the costliest; the time of others goes with their operations."""


@dataclass(frozen=True)
class State:
    """How far runs are.

    Attributes
    ----------
    ended
        How often each status occurs among finished runs.
    under_way, begun
        Runs that a living process trains; others that have a state.
    left
        All runs that are not finished.
    """

    ended: Counter[str]
    under_way: int
    begun: int
    left: list[Run]

    @property
    def word(self) -> str:
        """Return `finished`, `under way`, `begun` or `to do`."""
        if not self.left:
            return "finished"
        if self.under_way:
            return "under way"
        return "begun" if self.begun or self.ended else "to do"


class Folder:
    """What a folder holds now, to be asked for several groups of runs."""

    def __init__(self, store: Store | None) -> None:
        self._index = store.index() if store else Index()
        self.claimed: list[Claimed] = store.claims.living() if store else []
        self._working = {key for claim in self.claimed for key in claim.keys}
        states = store.states() if store else []
        self._begun = {key for one in states for key in one.keys}

    def state(self, runs: Sequence[Run], determinism: str) -> State:
        """Return how far runs are."""
        ended: Counter[str] = Counter()
        left, under_way, begun = [], 0, 0
        for run in runs:
            key = run.key(determinism)
            place = self._index.find(run, determinism)
            if place is not None:
                ended[place.status] += 1
                continue
            left.append(run)
            if key in self._index.places:
                ended["oom"] += 1
            if key in self._working:
                under_way += 1
            elif key in self._begun:
                begun += 1
        return State(ended, under_way, begun, left)


def plan(
    config: Config, *, out: str | os.PathLike[str] | None, determinism: str, seed: int, device: str
) -> pd.DataFrame:
    """Return what a sweep would do; the body of `scalefit.trainers.plan`."""
    import pandas as pd

    from .probe import Probes, key_of

    resolve(device)
    store = Store(out) if out is not None else None
    folder, probes = Folder(store), Probes(store.out if store else None)
    rows: list[dict[str, Any]] = []
    costs: list[tuple[float, float]] = []  # operations and seconds of the shapes that were timed
    groups = list(grouped(expand(config, seed)).items())
    work = [operations(runs) for _, runs in groups]
    timed = set(sorted(range(len(groups)), key=lambda at: -work[at])[:PROBED])
    for at, (shape, runs) in enumerate(groups):
        one = simulation(runs[0].settings)
        name, size = best(shape, runs, device, determinism, probes)
        where, side_by_side = resolve(name), min(size, len(runs))
        state = folder.state(runs, determinism)
        settings = [run.settings.coordinates() for run in runs]
        cost = one.cost(runs[0].settings)
        each = math.nan
        if state.left:
            key = key_of(shape, side_by_side, where, determinism)
            found = probes.known(key)
            if found is None and at in timed:
                found = probes.each(key, one, runs[:side_by_side], where, determinism)
            if found is not None:
                each = found
                costs.append((cost.operations, found))
        rows.append(
            {
                "family": config.family,
                "runs": len(runs),
                "finished": len(runs) - len(state.left),
                **{name: _range([told[name] for told in settings]) for name in settings[0]},
                "core_seconds": each * len(state.left) if state.left else 0.0,
                "megabytes": (side_by_side * cost.memory + cost.shared) / 1e6,
                "state": state.word,
            }
        )
    rate = sum(one for one, _ in costs) / (sum(time for _, time in costs) or 1.0) or RATE
    for row, (_, runs) in zip(rows, groups, strict=True):
        if math.isnan(row["core_seconds"]):
            row["core_seconds"] = (row["runs"] - row["finished"]) * operations(runs[:1]) / rate
    return pd.DataFrame(rows)


def sweeps(out: str | os.PathLike[str]) -> pd.DataFrame:
    """Return how far the sweeps of a folder are; the body of `scalefit.trainers.sweeps`."""
    import pandas as pd

    store = Store(out)
    paths = sorted((store.out / "sweeps").glob("[!.]*.json"), key=lambda one: one.stat().st_mtime)
    if not paths:
        raise InvalidData(f"{inline(out)}: no sweep there; scalefit train --out {inline(out)}")
    folder = Folder(store)
    ended = [one for one in STATUS if one != "interrupted"]
    rows = []
    for path in paths:
        config, determinism, seed = _noted(path)
        runs = expand(config, seed)
        state = folder.state(runs, determinism)
        told = [one.coordinates() for one in config.points]
        known = kinds(type(config.points[0]))
        columns = {name: [one[name] for one in told] for name in told[0] if name in known}
        swept = [
            f"{name} {_range(values)}"
            for name, values in columns.items()
            if len(_different(values)) > 1
        ]
        rows.append(
            {
                "family": config.family,
                "protocol": str(_range(columns["protocol"])),
                "swept": ", ".join(swept),
                "runs": len(runs),
                **{word: state.ended.get(word, 0) for word in ended},
                "under_way": state.under_way,
                "begun": state.begun,
                "to_do": len(state.left) - state.under_way - state.begun,
                "seconds_left": _seconds_left(runs, state, folder, determinism),
                "determinism": determinism,
                "seed": seed,
            }
        )
    return pd.DataFrame(rows)


def _noted(path: Path) -> tuple[Config, str, int]:
    """Return the sweep that a file notes.

    Raises
    ------
    InvalidData
        If the file is damaged, or its family is not known here.
    """
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        settings = json.loads(note["config"])
        return (
            make(find(settings.pop("family")).settings, settings),
            str(note["determinism"]),
            int(note["seed"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise InvalidData(f"{inline(path)}: no sweep that is known here: {said(error)}") from None


def _seconds_left(runs: Sequence[Run], state: State, folder: Folder, determinism: str) -> float:
    """Return how long the living processes need for what is left; NaN if none has said."""
    if not state.left:
        return 0.0
    work = {run.key(determinism): operations([run]) for run in runs}
    rate = done = 0.0
    for claim in folder.claimed:
        own = sum(work.get(key, 0.0) for key in claim.keys)
        through = own * claim.done / max(len(claim.keys), 1)
        done += through
        rate += through / claim.seconds if claim.seconds > 0 else 0.0
    left = sum(work[run.key(determinism)] for run in state.left) - done
    return max(left, 0.0) / rate if rate > 0 else math.nan


def _different(values: list[Any]) -> list[Any]:
    """Return the values that differ, in the order in which they occur; every NaN is the same."""
    return list(dict.fromkeys("nan" if one != one else one for one in values))


def _range(values: list[Any]) -> Any:
    """Return the one value, or in words all texts, or the lowest and the highest number."""
    different = _different(values)
    if len(different) == 1:
        return values[0]
    if any(isinstance(one, str) for one in different):
        return ", ".join(map(str, different))
    return f"{min(values):g} to {max(values):g}"
