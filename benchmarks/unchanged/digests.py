"""Whether a change of the sources changes a number: fingerprints of fits, sweeps and commands.

Some sixty fits of every kind, sweeps of every protocol, curves of the theories, and commands as
they are typed, all through the public interface. Every bit of what they find and every word of what
they say goes into fingerprints, which are compared with those in `results/unchanged.json`; one line
a case says what differs. They hold for one machine and one set of libraries, which are kept beside:
a line says so where they are others, and then differences mean nothing. So, on one machine,

    python benchmarks/unchanged/digests.py --keep     # at the commit before
    python benchmarks/unchanged/digests.py            # at the commit after

`--store FOLDER` writes fits and finished sweeps as files. `--reload FOLDER`, at a later commit,
tells whether they still say the same, and whether the sweeps go on without training anything again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign
import commands
import fits
import stored
import training
from fingerprint import fingerprint

PACKAGES = ("numpy", "scipy", "numba", "pandas", "xarray", "matplotlib", "pymc", "torch")
KINDS: dict[str, tuple[Any, Any]] = {
    "fit": (fits.CASES, fits.digests),
    "sweep": (training.SWEEPS, training.digests),
    "theory": (training.THEORIES, training.theory),
    "command": (commands.CASES, commands.digests),
}
CASES = {f"{kind}: {name}": (kind, name) for kind, (names, _) in KINDS.items() for name in names}


def digests(case: str) -> dict[str, Any]:
    """Return the fingerprints of one case."""
    kind, name = CASES[case]
    started = time.perf_counter()
    found: dict[str, Any] = KINDS[kind][1](name)
    print(f"{case}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    return found


def difference(found: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    """Return which parts of which groups differ, empty if none does."""
    said = []
    for group in dict.fromkeys((*kept, *found)):
        one, other = (
            part if isinstance(part, dict) else {"": part}
            for part in (found.get(group), kept.get(group))
        )
        parts = [
            name
            for name in dict.fromkeys((*other, *one))
            if fingerprint(one.get(name)) != fingerprint(other.get(name))
        ]
        said += [f"{group} ({', '.join(parts)})"] if parts else []
    return ", ".join(said)


def source() -> dict[str, Any]:
    """Return the last commit that changed what is installed, and the machine's instructions."""
    outside = [f":(top,exclude){folder}" for folder in ("benchmarks", "tests")]
    command = ["git", "log", "-1", "--format=%H", "--", ":/", *outside]
    told = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, check=True)
    found: Any = np.show_config(mode="dicts")
    return {
        "commit": told.stdout.decode().strip(),
        "instructions": found["SIMD Extensions"]["found"],
    }


def answered(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is asked for, case by case, from a fresh process with one thread."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # read by a process as it starts
    folder = options.store or options.reload
    wanted = [case for case in CASES if options.only in case]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        if options.store:
            pool.submit(stored.store, folder).result()
        if folder:
            yield from pool.submit(stored.said, folder).result().items()
        else:
            yield from zip(wanted, pool.map(digests, wanted), strict=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--keep", action="store_true", help="write the fingerprints")
    chosen.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds it")
    chosen.add_argument("--store", type=Path, metavar="FOLDER", help="write fits and sweeps")
    chosen.add_argument("--reload", type=Path, metavar="FOLDER", help="compare with those")
    options = parser.parse_args()
    folder, found = options.store or options.reload, answered(options)
    path = folder / stored.SAID if folder else campaign.RESULTS / "unchanged.json"
    if options.keep or options.store:
        question = "does a change of the sources change a number"
        result = {"question": question, **source(), "digests": dict(found)}
        campaign.keep(result, path, PACKAGES)
        return
    kept, here = json.loads(path.read_text()), {**campaign.environment(PACKAGES), **source()}
    for what in here:
        if kept[what] != here[what]:
            print(f"{what}: {here[what]}; kept with {kept[what]}")
    different = 0
    for case, one in found:
        words = difference(one, kept["digests"].get(case, {}))
        print(f"{case}: {f'differs in {words}' if words else 'same'}", flush=True)
        different += bool(words)
    sys.exit(min(different, 1))


if __name__ == "__main__":
    main()
