"""How extrapolations are scored, kept and shown, whatever made them.

A method is `fit(x, y, rng) -> Prediction`. Each task is scored by three numbers over its test rows:
root mean squared log error of the median, mean log density on the scale of y, and the share of rows
inside the 90% band. Test rows are consecutive checkpoints of one run, so their errors are strongly
correlated: n in a table counts tasks, not rows.
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tasks import Task

from scalefit.arrays import Array

Row = dict[str, Any]

LEVEL = 0.9
GROUPS: dict[str, tuple[str, ...]] = {
    "IC": ("IC",),
    "NMT": ("NMT",),
    "LM": ("LM",),
    "BB": ("BB",),
    "language": ("NMT", "LM", "BB"),
    "all": ("IC", "NMT", "LM", "BB"),
}


class Prediction(Protocol):
    """What a fitted method says about points it has not seen; x and y have shape (m,)."""

    def median(self, x: Array) -> Array:
        """Return the predicted y at each x."""

    def log_density(self, x: Array, y: Array) -> Array:
        """Return the natural log of the predictive density of each y, on the scale of y."""

    def interval(self, x: Array, level: float) -> tuple[Array, Array]:
        """Return the lower and upper ends of the central band of that probability at each x."""


Method = Callable[[Array, Array, np.random.Generator], Prediction]


def rmsle(predicted: Array, y: Array) -> float:
    """Return sqrt(mean (log predicted - log y)^2), or 1 where that is larger or not a number.

    Natural logs, nothing added to y. Called RMSE or RMSLE in the papers; one and the same.
    """
    predicted = np.asarray(predicted, dtype=float)
    if not np.all(np.isfinite(predicted) & (predicted > 0)):
        return 1.0
    return min(1.0, float(np.sqrt(np.mean((np.log(predicted) - np.log(y)) ** 2))))


def coverage(low: Array, high: Array, y: Array) -> float:
    """Return the share of points inside the band, ends included."""
    return float(np.mean((low <= y) & (y <= high)))


def score(task: Task, name: str, method: Method) -> Row:
    """Return what one method scores on one task.

    A fit that raises, or predicts what is not a positive number, is a failure: its error counts as
    1, it has neither density nor coverage, and the row says why.
    """
    row: Row = {
        "split": task.split,
        "domain": task.domain,
        "task": task.name,
        "method": name,
        "n_train": task.x_train.size,
        "n_test": task.x_test.size,
        "reach": round(task.reach, 3),
        "rmsle": 1.0,
        "log_likelihood": None,
        "coverage": None,
        "width": None,
        "failure": None,
    }
    rng = np.random.default_rng([2026, zlib.crc32(f"{task.split}, {task.name}, {name}".encode())])
    started = spent(method)
    try:
        prediction = method(task.x_train, task.y_train, rng)
        median = prediction.median(task.x_test)
        density = prediction.log_density(task.x_test, task.y_test)
        low, high = prediction.interval(task.x_test, LEVEL)
    except Exception as error:  # whatever a method raises is its failure, not the benchmark's
        row["failure"] = f"{type(error).__name__}: {error}"
    else:
        row["rmsle"] = _rounded(rmsle(median, task.y_test))
        if not np.all(np.isfinite(median) & (np.asarray(median) > 0)):
            row["failure"] = "prediction is not a positive number"
        elif not np.all(np.isfinite([density, low, high])):
            row["failure"] = "density or band is not finite"
        else:
            row["log_likelihood"] = _rounded(np.mean(density))
            row["coverage"] = _rounded(coverage(low, high, task.y_test))
            row["width"] = _rounded(np.median((high - low) / median))
    row["cpu_s"] = round(spent(method) - started, 4)
    return row


def spent(method: Method) -> float:
    """Return the CPU seconds of this process and of those that a method says it keeps elsewhere."""
    return time.process_time() + float(getattr(method, "elsewhere_s", 0.0))


def run(methods: Mapping[str, Method], tasks: Sequence[Task], partial: Path) -> list[Row]:
    """Return one row per task and method, computing only those not yet in `partial`.

    Parameters
    ----------
    methods
        Methods by name.
    tasks
        Tasks of any number of splits.
    partial
        File of one JSON line per finished row. An interrupted run goes on where it stopped; delete
        the file, or the lines of a method, after the method has changed.
    """
    partial.parent.mkdir(parents=True, exist_ok=True)
    known = {_key(row): row for row in finished(partial)}
    wanted = [(task, name) for task in tasks for name in methods]
    rows = []
    with partial.open("a", encoding="utf-8") as kept:
        if kept.tell() and not partial.read_bytes().endswith(b"\n"):
            kept.write("\n")  # closes a line that an interruption cut short
        for count, (task, name) in enumerate(wanted, start=1):
            row = known.get((task.split, task.name, name))
            if row is None:
                row = score(task, name, methods[name])
                kept.write(json.dumps(row) + "\n")
                kept.flush()
            rows.append(row)
            if sys.stderr.isatty():
                print(f"{count}/{len(wanted)}", end="\r", file=sys.stderr, flush=True)
    return rows


def finished(partial: Path) -> list[Row]:
    """Return the complete rows of a partial file; none if there is no such file."""
    rows = []
    for line in partial.read_text(encoding="utf-8").splitlines() if partial.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # the line an interruption cut short
            continue
    return rows


def _key(row: Row) -> tuple[str, str, str]:
    return row["split"], row["task"], row["method"]


def summary(rows: Iterable[Row]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Return scores by split, method and group of domains; every mean is one over tasks.

    The standard error of the mean error treats tasks as independent, though many share a model.
    """
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["split"], row["method"]), []).append(row)
    result: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for (split, method), cell in cells.items():
        groups = {
            group: _scores(chosen)
            for group, domains in GROUPS.items()
            if (chosen := [row for row in cell if row["domain"] in domains])
        }
        result.setdefault(split, {})[method] = groups
    return result


def _scores(rows: Sequence[Row]) -> dict[str, Any]:
    """Return n, means and medians of rows of one method."""
    errors = np.array([row["rmsle"] for row in rows])
    seconds = np.array([row["cpu_s"] for row in rows])
    scores: dict[str, Any] = {
        "n": len(rows),
        "failures": sum(row["failure"] is not None for row in rows),
        "rmsle_mean": _rounded(errors.mean()),
        "rmsle_mean_se": _rounded(errors.std(ddof=1) / np.sqrt(errors.size))
        if errors.size > 1
        else None,
        "rmsle_median": _rounded(np.median(errors)),
    }
    for name in ("log_likelihood", "coverage", "width"):
        values = [row[name] for row in rows if row[name] is not None]
        scores[f"{name}_mean"] = _rounded(np.mean(values)) if values else None
        scores[f"{name}_median"] = _rounded(np.median(values)) if values else None
    scores["cpu_s_mean"] = _rounded(seconds.mean())
    scores["cpu_s_max"] = _rounded(seconds.max())
    return scores


SHOWN = {
    "rmsle_mean": ("RMSLE, mean", "{:.4f}"),
    "rmsle_median": ("RMSLE, median", "{:.4f}"),
    "log_likelihood_mean": ("log-likelihood per test point, mean", "{:.2f}"),
    "log_likelihood_median": ("log-likelihood per test point, median", "{:.2f}"),
    "coverage_mean": ("coverage of the 90% band, mean", "{:.2f}"),
}


def tables(scores: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]) -> str:
    """Return a summary as text of at most 80 columns, one table per split and score."""
    lines: list[str] = []
    for split, methods in scores.items():
        groups = list(dict.fromkeys(group for cell in methods.values() for group in cell))
        counts = {g: max(cell[g]["n"] for cell in methods.values() if g in cell) for g in groups}
        head = "".join(f"{f'{group} ({counts[group]})':>14}"[-14:] for group in groups[-2:])
        head = "".join(f"{f'{group} ({counts[group]})':>9}" for group in groups[:-2]) + head
        for name, (title, form) in SHOWN.items():
            lines += [f"{split}: {title}", f"{'method':<14}{head}"]
            for method, cell in methods.items():
                values = [cell.get(group, {}).get(name) for group in groups]
                texts = ["-" if value is None else form.format(value) for value in values]
                widths = [9] * (len(groups) - 2) + [14] * 2
                shown = "".join(f"{t:>{w}}" for t, w in zip(texts, widths, strict=False))
                lines.append(f"{method[:13]:<14}{shown}")
            lines.append("")
    return "\n".join(lines)


def _rounded(value: float | np.floating[Any]) -> float:
    """Return a number with six significant digits, so that kept results stay readable."""
    return float(f"{float(value):.6g}")
