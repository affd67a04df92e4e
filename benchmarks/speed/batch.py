"""Time and peak memory of `scalefit.fit` against the number of curves.

Curves have 60 points over five decades; their truths are drawn from the eight models that are
fitted (1 to 4 regimes, with and without floor; each with both kinds of noise, by default). Every
number of curves is fitted in a fresh process, by the default method and by the preview, with a
process pool of `--workers` as executor. Reported: wall time, CPU time of all processes, and the
peak resident memory of the calling process and of the largest worker; all after the imports and a
first fit of one curve, whose own cost and memory stand beside them.

    python benchmarks/speed/batch.py --curves 1000 --workers 2
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calibration"))
import campaign
import sbc
from engine import MODELS, clock

if TYPE_CHECKING:
    import pandas as pd

SIZES = (10, 100, 1000)
METHODS = ("auto", "point")
SEED = 2032


def table(curves: int) -> pd.DataFrame:
    """Return that many curves as one table with the columns run, x and y."""
    import pandas as pd

    parts = []
    for curve in range(curves):
        regimes, floor = MODELS[curve % len(MODELS)]
        rng = np.random.default_rng([SEED, curve])
        problem = sbc.simulate(regimes - 1, floor, "normal", rng)[0]
        parts.append(pd.DataFrame({"run": f"{curve:04d}", "x": problem.x, "y": problem.y}))
    return pd.concat(parts, ignore_index=True)


def peak(who: int) -> float:
    """Return the largest resident memory so far, in MiB."""
    return resource.getrusage(who).ru_maxrss / 1024.0  # KiB on Linux


def child(curves: int, method: str, workers: int) -> None:
    """Print what one fit of that many curves takes in this process and its workers."""
    import scalefit as sf

    frame = table(curves)
    started = clock()
    sf.fit(frame[frame["run"] == "0000"], x="x", y="y", by="run", method=method, progress=False)
    result: dict[str, Any] = {"first_cpu_s": clock() - started}
    result["first_peak_mib"] = peak(resource.RUSAGE_SELF)
    started, at = clock(), time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        fit = sf.fit(frame, x="x", y="y", by="run", method=method, executor=pool, progress=False)
    result["wall_s"] = time.perf_counter() - at
    result["cpu_s"] = clock() - started
    result["peak_mib"] = peak(resource.RUSAGE_SELF)
    result["worker_peak_mib"] = peak(resource.RUSAGE_CHILDREN)
    result["ok"] = float(np.mean([verdict == "ok" for verdict in fit.verdict.values()]))
    print(json.dumps(result))


def one_size(index: int, workers: int) -> dict[str, Any]:
    """Return what one number of curves takes by one method, in a process of its own."""
    size, method = SIZES[index // len(METHODS)], METHODS[index % len(METHODS)]
    code = f"import batch; batch.child({size}, {method!r}, {workers})"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    row = json.loads(done.stdout.splitlines()[-1])
    return {"index": index, "curves": size, "method": method, "workers": workers, **row}


def main() -> None:
    parser = campaign.arguments(__doc__, "speed_batch.json", SIZES[-1])
    chosen = parser.parse_args()
    wanted = [
        len(METHODS) * i + j
        for i, size in enumerate(SIZES)
        if size <= chosen.curves
        for j in range(len(METHODS))
    ]
    # the workers belong to the fit: one fit at a time
    rows = campaign.run(partial(one_size, workers=chosen.workers), wanted, chosen.out, 1)
    growth = {}
    for method in METHODS:
        sizes = [row for row in rows if row["method"] == method]
        if len(sizes) > 1:
            few, many = sizes[0], sizes[-1]
            more = many["curves"] - few["curves"]
            growth[method] = {
                "mib_per_curve": round((many["peak_mib"] - few["peak_mib"]) / more, 4),
                "cpu_s_per_curve": round((many["cpu_s"] - few["cpu_s"]) / more, 4),
            }
    result = {
        "question": "time and peak memory of a fit against the number of curves",
        "points": sbc.POINTS,
        "seed": SEED,
        "growth": growth,
        "rows": rows,
    }
    campaign.keep(result, chosen.out)
    for row in rows:
        shown = {name: round(v, 2) for name, v in row.items() if isinstance(v, float)}
        print(f"{row['curves']:5d} curves, {row['method']:6s} {shown}")
    print(growth)


if __name__ == "__main__":
    main()
