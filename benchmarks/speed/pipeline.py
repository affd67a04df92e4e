"""Time and memory of one command that reads, fits, compares and reports many curves.

Writes a CSV of curves in four groups, 60 points each, and runs `scalefit fit` on it with
`--between` and `--out`. Reported: the command's wall and CPU time, its exit code, the size of what
it wrote, and the resident memory of its main process and of its workers over time: the peak, and
the mean over each tenth of the run.

    python benchmarks/speed/pipeline.py --curves 1000 --workers 2 --method point
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign
from batch import table

GROUPS = ("a", "b", "c", "d")
PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY = 0.5
"""Seconds between two looks at the memory."""


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB, 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20
    except (OSError, IndexError):
        return 0.0


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return []


def measured(command: list[str]) -> dict[str, Any]:
    """Return what a command took, and its memory while it ran."""
    started = time.perf_counter()
    main, workers = [], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            main.append(resident(process.pid))
            workers.append(sum(map(resident, children(process.pid))))
            try:
                process.communicate(timeout=EVERY)
            except subprocess.TimeoutExpired:
                continue
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "exit_code": process.returncode,
        "wall_s": time.perf_counter() - started,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": {"main": max(main), "workers": max(workers)},
        "main_mib_by_tenth": [round(float(part.mean())) for part in np.array_split(main, 10)],
        "workers_mib_by_tenth": [round(float(part.mean())) for part in np.array_split(workers, 10)],
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "speed_pipeline.json", 1000)
    parser.add_argument("--method", default="point")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        curves = table(chosen.curves)
        place = curves["run"].astype(int)
        curves.insert(0, "arch", np.array(GROUPS)[place % len(GROUPS)])
        path, out = Path(folder, "curves.csv"), Path(folder, "results")
        curves.to_csv(path, index=False)
        options = ["--x", "x", "--y", "y", "--by", "arch", "--by", "run", "--between", "arch"]
        options += ["--method", chosen.method, "--workers", str(chosen.workers), "--out", str(out)]
        command = [sys.executable, "-m", "scalefit.cli", "fit", str(path), *options]
        result = measured(command)
        wrote = {one.name: one.stat().st_size for one in sorted(out.iterdir())}
    result = {
        "question": "time and memory of one command that reads, fits, compares and reports",
        "curves": chosen.curves,
        "method": chosen.method,
        "workers": chosen.workers,
        **result,
        "bytes": wrote,
    }
    campaign.keep(result, chosen.out)
    print({name: value for name, value in result.items() if name != "question"})


if __name__ == "__main__":
    main()
