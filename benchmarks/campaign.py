"""A long run over many curves: resumable, one JSON line per finished curve, then one result."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from scalefit.arrays import Array
from scalefit.storage import replacing

Row = dict[str, Any]

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("scalefit", "numpy", "scipy", "numba")


def options(description: str | None, out: str) -> argparse.ArgumentParser:
    """Return the option that every benchmark has: where its result goes."""
    commit()  # the one that is run, however long it takes until the result is kept
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULTS / out)
    return parser


def arguments(description: str | None, out: str, curves: int) -> argparse.ArgumentParser:
    """Return the options that every campaign has."""
    parser = options(description, out)
    parser.add_argument("--curves", type=int, default=curves, help="how many in all")
    parser.add_argument("--workers", type=int, default=2)
    return parser


def one_thread() -> None:
    """Keep what is loaded from now on, here and in processes started from here, to one thread."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def run(
    one: Callable[[Any], Row], wanted: Sequence[int | str], out: Path, workers: int
) -> list[Row]:
    """Return one(index) for every wanted index, from the partial file where it is there already.

    An index is a number or a name. The partial file lies beside `out`, with the suffix `.jsonl`;
    an interrupted run goes on there.
    """
    one_thread()
    partial = out.with_suffix(".jsonl")
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = partial.read_text().splitlines() if partial.exists() else []
    rows = {row["index"]: row for row in map(json.loads, lines)}
    todo = [index for index in wanted if index not in rows]
    with ProcessPoolExecutor(workers) as pool, partial.open("a") as kept:
        waiting = [pool.submit(one, index) for index in todo]
        for done in as_completed(waiting):
            row = done.result()
            rows[row["index"]] = row
            kept.write(json.dumps(row) + "\n")
            kept.flush()
            print(f"{len(rows)}/{len(wanted)}", end="\r", flush=True)
    return [rows[index] for index in wanted]


@cache
def warm() -> None:
    """Fit once by the default method, so that no curve of this process is charged for compiling."""
    import scalefit as sf

    x = np.geomspace(1.0, 1e3, 6)
    sf.fit(x, x**-0.5 + 0.1, progress=False)


def model(regimes: int, floor: bool) -> str:
    """Return what a model is called in a result."""
    return f"{regimes} regimes, {'floor' if floor else 'no floor'}"


def tables(
    table: Callable[[list[Row]], Any], rows: Sequence[Row], key: str, groups: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the table of every group that has rows: those whose `key` is the group's value."""
    chosen = {name: [row for row in rows if row[key] == value] for name, value in groups.items()}
    return {name: table(group) for name, group in chosen.items() if group}


def by_model(
    table: Callable[[list[Row]], Any],
    rows: Sequence[Row],
    key: str,
    models: Sequence[tuple[int, bool]],
) -> dict[str, Any]:
    """Return the table of every model that has rows, each a number of regimes and a floor."""
    return tables(table, rows, key, {model(*one): list(one) for one in models})


def ratio(mine: Sequence[float], other: Sequence[float]) -> list[float]:
    """Return the ratio of two means over the same curves, and its standard error."""
    ours, theirs = np.array(mine), np.array(other)
    found = ours.mean() / theirs.mean()
    error = np.std(ours - found * theirs) / theirs.mean() / np.sqrt(ours.size)
    return [round(float(found), 3), round(float(error), 3)]


def student(values: Array) -> list[float]:
    """Return the mean and the ends of its 90% interval, by Student's distribution."""
    from scipy.stats import t

    mean, spread = float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))
    reach = float(t.ppf(0.95, values.size - 1)) * spread
    return [round(one, 4) for one in (mean, mean - reach, mean + reach)]


def correlated(white: Array, rho: float, starts: Sequence[int] = (0,)) -> Array:
    """Return white noise made AR(1) of the same variance, in place, each run by itself."""
    for i in range(white.size):
        if i not in starts:
            white[i] = rho * white[i - 1] + math.sqrt(1.0 - rho**2) * white[i]
    return white


def coverage(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Return how often 90% intervals hold, with its standard error, of all that has a rank."""
    found = {}
    for name in rows[0]["ranks"]:
        p = float(np.mean([0.05 <= row["ranks"][name] <= 0.95 for row in rows]))
        found[name] = [round(p, 3), round(float(np.sqrt(p * (1.0 - p) / len(rows))), 3)]
    return found


def seconds(rows: Sequence[Row]) -> list[float]:
    """Return mean, median and 95% point of the rows' CPU seconds."""
    spent = [row["cpu_s"] for row in rows]
    found = (np.mean(spent), np.median(spent), np.quantile(spent, 0.95))
    return [round(float(value), 3) for value in found]


@cache
def commit(root: Path = RESULTS.parents[1], part: str = ".") -> str:
    """Return the commit of a clone, `-dirty` behind it if anything but results has changed.

    Of a part of the clone, such as `scalefit`, it is the last that changed this part.
    """

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
        return done.stdout.strip()

    last = ("rev-parse", "HEAD") if part == "." else ("log", "-1", "--format=%H", "--", part)
    head = git(*last)
    changed = git("status", "--porcelain", "--", part, ":!benchmarks/results")
    return (head or "unknown") + ("-dirty" if changed else "")


def environment(packages: Sequence[str] = PACKAGES) -> Row:
    """Return commit, versions and machine, on which results depend."""
    return {
        "commit": commit(),
        "versions": {name: version(name) for name in packages},
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
    }


def keep(result: Row, out: Path, packages: Sequence[str] = PACKAGES) -> None:
    """Write a result with commit, versions and machine, all or nothing."""
    result = {**environment(packages), **result}
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(result, indent=1), encoding="utf-8")


def show(groups: Mapping[str, Any]) -> None:
    """Print a line for every group."""
    for name, group in groups.items():
        print(name, group)
