"""Time and memory of `scalefit fit --out` on many curves of five points.

Curves are y = 3 (x / 100)^-a + E with a from .1 to .6, E from 0 to .5 and noise of 1%. Each size is
fitted by the preview: 1,000 curves with all models, as the command does by itself, beside the same
fits alone in a process; 10,000 with one model, in parts; and 100,000 with one model for `--limit`
seconds, after which the command is stopped. Reported: CPU and wall time, what was written, and the
largest resident memory of the command, looked at twice a second.

    python benchmarks/speed/many.py --workers 1 --limit 300
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

if TYPE_CHECKING:
    import pandas as pd

SEED, POINTS = 2041, 5
PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY = 0.5
"""Seconds between two looks at the memory."""
ONE_MODEL = ("--regimes", "1", "--floor", "no", "--noise", "normal")
ALONE = """
import sys, time
import pandas as pd
import scalefit as sf
frame = pd.read_csv(sys.argv[1], dtype={"run": str})
options = {"x": "x", "y": "y", "by": "run", "method": "point", "progress": False}
sf.fit(frame[:50], **options)
started = time.process_time()
sf.fit(frame, **options)
print(time.process_time() - started)
"""


def table(curves: int) -> pd.DataFrame:
    """Return that many curves as one table with the columns run, x and y."""
    import pandas as pd

    rng = np.random.default_rng(SEED)
    x = np.geomspace(1e2, 1e6, POINTS)
    exponent, floor = rng.uniform(0.1, 0.6, curves), rng.uniform(0.0, 0.5, curves)
    y = 3.0 * (x / 100.0) ** -exponent[:, None] + floor[:, None]
    y *= np.exp(0.01 * rng.standard_normal(y.shape))
    names = [f"c{i:06d}" for i in range(curves)]
    return pd.DataFrame(
        {"run": np.repeat(names, POINTS), "x": np.tile(x, curves), "y": y.reshape(-1)}
    )


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB, 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20
    except (OSError, IndexError):
        return 0.0


def measured(command: list[str], limit: float) -> dict[str, Any]:
    """Return what a command took, and its memory while it ran; it is stopped after a while."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    seen, stopped = [], False
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            seen.append(resident(process.pid))
            time.sleep(EVERY)
            if time.perf_counter() - started > limit and not stopped:
                stopped = True
                process.terminate()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return {
        "exit_code": process.returncode,
        "stopped": stopped,
        "wall_s": round(time.perf_counter() - started, 1),
        "cpu_s": round(cpu, 1),
        "peak_mib": round(max(seen)),
        "mib_by_tenth": [round(float(part.max())) for part in np.array_split(seen, 10)],
    }


def one(curves: int, workers: int, limit: float, *options: str) -> dict[str, Any]:
    """Return what the command takes on that many curves."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "curves.csv"), Path(folder, "results")
        table(curves).to_csv(path, index=False)
        named = ["--x", "x", "--y", "y", "--by", "run", "--method", "point"]
        command = [sys.executable, "-m", "scalefit.cli", "fit", str(path), *named, *options]
        row = measured([*command, "--workers", str(workers), "--out", str(out)], limit)
        sizes = {
            str(file.relative_to(out)): file.stat().st_size
            for file in sorted(out.rglob("*"))
            if file.is_file()
        }
        alone = {}
        if not options:
            found = subprocess.run(
                [sys.executable, "-c", ALONE, str(path)], check=True, stdout=subprocess.PIPE
            )
            alone = {"fits_cpu_s": round(float(found.stdout), 1)}
    return {
        "curves": curves,
        "options": " ".join(options),
        **row,
        **alone,
        "parts": sum(name.startswith("fit/") for name in sizes),
        "mb": {
            "fit": megabytes(sizes, "fit.nc") + megabytes(sizes, "fit/"),
            "report.html": megabytes(sizes, "report.html"),
        },
    }


def megabytes(sizes: dict[str, int], start: str) -> float:
    """Return the size of the files whose names start so."""
    return round(sum(size for name, size in sizes.items() if name.startswith(start)) / 1e6, 1)


def main() -> None:
    parser = campaign.options(__doc__, "speed_many.json")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=float, default=300.0)
    chosen = parser.parse_args()
    campaign.one_thread()
    never = float("inf")
    rows = [
        one(1_000, chosen.workers, never),
        one(10_000, chosen.workers, never, *ONE_MODEL),
        one(100_000, chosen.workers, chosen.limit, *ONE_MODEL),
    ]
    result = {
        "question": "time and memory of one command that fits many curves of five points",
        "seed": SEED,
        "points": POINTS,
        "workers": chosen.workers,
        "rows": rows,
    }
    campaign.keep(result, chosen.out)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
