"""Weights & Biases: its exports, the history of a run and the table behind a chart."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scalefit.wording import counted, quoted

from .log import Log

if TYPE_CHECKING:
    import pandas as pd

STEPS = ("trainer/global_step", "train/global_step", "global_step", "_step")
SAMPLES = (500, 1500, 10_000)
"""Numbers of rows at which exports sample: the API's default, that of charts, and the most."""
ENOUGH = 100
_ENDS = ("__MIN", "__MAX")
_ADVICE = "for every row export run.scan_history()"


def recognised(frame: pd.DataFrame) -> Log | None:
    """Return the log in a table that is an export of W&B, None for any other table.

    The history of a run has `_step` beside `_runtime` or `_timestamp`, and blank cells where a
    metric was not logged. A chart has a column `<run> - <metric>` for each of its lines, with
    `__MIN` and `__MAX` of the same name; every run becomes a curve.

    A note says where the rows are only a sample: if their number is one of `SAMPLES` and steps are
    missing between them, if of `ENOUGH` rows half have no gap in common and gaps do not double from
    the first half to the second, or if in a chart `__MIN` and `__MAX` differ, so that one point
    stands for several.
    """
    columns = list(frame.columns)
    if "_step" in columns and ("_runtime" in columns or "_timestamp" in columns):
        notes: tuple[str, ...] = ()
        if frame["_step"].dtype.kind in "iuf" and sampled(frame["_step"].dropna().to_numpy()):
            notes = (f"these {len(frame)} rows look sampled from a longer history; {_ADVICE}",)
        return Log(frame, STEPS, notes=notes, sparse=True)
    names = set(columns)
    lines = [
        name
        for name in columns[1:]
        if " - " in name and all(f"{name}{end}" in names for end in _ENDS)
    ]
    return _chart(frame, columns[0], lines) if lines else None


def sampled(steps: NDArray[Any]) -> bool:
    """Return whether rows at these steps look like a sample of all rows of one run."""
    gaps = np.diff(steps.astype(float))
    if gaps.size == 0 or not (gaps >= 0).all():
        return False
    _, counts = np.unique(gaps, return_counts=True)
    if steps.size in SAMPLES and counts.size > 1:
        return True
    if steps.size < ENOUGH or counts.max() >= 0.5 * gaps.size:
        return False
    early, late = np.array_split(gaps, 2)
    return bool(np.median(late) < 2.0 * np.median(early))


def told_apart(columns: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return a note and the columns of a chart of which several runs have one name.

    The second run called `sweep` becomes `sweep (2)`, also where pandas has numbered its columns.
    Any other columns are returned as they are.
    """
    written = set(columns)
    if not any(name.endswith(_ENDS[0]) for name in columns):
        return (), columns
    counts: Counter[str] = Counter()
    told: list[str] = []
    again: dict[str, int] = {}
    for name in columns:
        plain = name
        numbered = re.fullmatch(r"(.* - .*?)(__MIN|__MAX|)\.(\d+)", name)
        if numbered and f"{numbered[1]}{_ENDS[0]}.{numbered[3]}" in written:
            plain = f"{numbered[1]}{numbered[2]}"
        line = plain.removesuffix(_ENDS[0]).removesuffix(_ENDS[1])
        counts[plain] += 1
        if counts[plain] > 1 and " - " in line and f"{line}{_ENDS[0]}" in written:
            run, metric = line.rsplit(" - ", 1)
            again[run] = max(again.get(run, 1), counts[plain])
            name = f"{run} ({counts[plain]}) - {metric}{plain.removeprefix(line)}"
        told.append(name)
    notes = (
        f"{count} runs are called {quoted(run)}: the later ones are numbered, as "
        f"{quoted(f'{run} (2)')}"
        for run, count in again.items()
    )
    return tuple(notes), told


def _chart(frame: pd.DataFrame, x: str, lines: list[str]) -> Log:
    """Return the lines of a chart below each other, the run named in a column."""
    import pandas as pd

    parts: dict[str, dict[str, str]] = {}
    averaged = 0
    for line in lines:
        run, metric = line.rsplit(" - ", 1)
        metric = f"{metric}_" if metric in ("run", x) else metric
        parts.setdefault(run, {})[metric] = line
        low, high = (pd.to_numeric(frame[f"{line}{end}"], errors="coerce") for end in _ENDS)
        averaged += int((low < high).sum())
    tables = []
    for run, metrics in parts.items():
        table = frame[[x, *metrics.values()]].set_axis([x, *metrics], axis=1)
        table = table[table[list(metrics)].notna().any(axis=1)]
        tables.append(table.assign(run=run))
    long = pd.concat(tables)
    notes: tuple[str, ...] = ()
    if averaged:
        points = counted(averaged, "point")
        notes = (f"{points} of this chart export stand for several rows each; {_ADVICE}",)
    elif any(len(table) in SAMPLES for table in tables):
        notes = (f"this chart export stops at a number of points that W&B samples; {_ADVICE}",)
    return Log(long, (x,), by=("run",), notes=notes, sparse=True)
