"""A long run over many curves: resumable, one JSON line per finished curve, then one result."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("scalefit", "numpy", "scipy", "numba")


def arguments(description: str, out: str, curves: int) -> argparse.ArgumentParser:
    """Return the options that every campaign has."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--curves", type=int, default=curves, help="how many in all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS / out)
    return parser


def run(
    one: Callable[[int], dict[str, Any]], wanted: Sequence[int], out: Path, workers: int
) -> list[dict[str, Any]]:
    """Return one(index) for every wanted index, from the partial file where it is there already.

    The partial file lies beside `out`, with the suffix `.jsonl`; an interrupted run goes on there.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
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


def keep(result: dict[str, Any], out: Path, packages: Sequence[str] = PACKAGES) -> None:
    """Write a result with versions and machine, all or nothing."""
    result = {
        **result,
        "versions": {name: version(name) for name in packages},
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".tmp")
    temporary.write_text(json.dumps(result, indent=1))
    temporary.replace(out)
