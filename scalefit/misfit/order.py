"""Order of the rows: a restart, a cliff, a late fall and a decaying rate, before any fit.

All of these vanish once points are sorted, averaged and described by a flexible law, so they are
looked for in the rows of the file.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from scalefit.analysis.words import ASSUMED
from scalefit.arrays import Array
from scalefit.curves.passes import falls, way
from scalefit.curves.rows import Rows
from scalefit.io.warm_up import is_rate
from scalefit.wording import quoted

from .finding import Finding

JUMP = 3.0
"""Change of log y at one step, and its multiple of all other changes, that make a cliff."""
CUTS = (0.1, 0.15, 0.2)
"""Shares of the last x after which a late fall is looked for."""
LEAD = 0.35
"""Where the part before a late fall begins, as a share of where it ends."""
LATE, EARLY = 4, 8
"""Rows after and before a late fall, at least."""
FALL = 0.005
"""Least late fall of log y."""
SIGNIFICANT = 8.0
"""Standard errors of a late fall."""
DECAYED = 0.5
"""Share of its maximum below which a learning rate has decayed."""
UP = 0.98
"""Share of its maximum at which a learning rate still is at its maximum."""
BOUNDED = {"accuracy", "acc", "auc", "auroc", "f1", "bleu", "percent", "precision", "recall"}
"""Words of columns that are bounded by 1 or 100."""


def restart(rows: Rows) -> Finding | None:
    """Return whether x is a counter that restarted, or steps are there twice after a resume."""
    at = falls(rows.x) if rows.counter else np.zeros(0, dtype=np.intp)
    if not at.size or _changes_at(rows, at):
        return None
    found = way(rows.x, rows.y, at)
    i, name = int(at[0]), quoted(rows.x_name)
    if found == "restart":
        return Finding(
            "restart",
            True,
            f"{name} falls back from {rows.x[i - 1]:g} to {rows.x[i]:g} and "
            f"{quoted(rows.y_name)} goes on from there: a counter that restarted",
            "--resume (resume=True) adds what it had reached",
        )
    if found == "resume":
        return Finding(
            "resume",
            True,
            f"{name} {rows.x[i]:g} to {rows.x[:i].max():g} is there twice, as after a resume",
            "--resume (resume=True) keeps the later rows",
        )
    return None


def cliff(rows: Rows) -> Finding | None:
    """Return whether y changes at one step and hardly elsewhere."""
    x, log_y = _sorted(rows)
    steps = np.abs(np.diff(log_y))
    k = int(np.argmax(steps))
    if steps[k] <= JUMP or steps[k] <= JUMP * (steps.sum() - steps[k]):
        return None
    moves = "falls" if log_y[k + 1] < log_y[k] else "rises"
    return Finding(
        "cliff",
        True,
        f"{quoted(rows.y_name)} {moves} {_times(float(steps[k]))}-fold between "
        f"{quoted(rows.x_name)} {x[k]:g} and {x[k + 1]:g} and hardly changes elsewhere: a change "
        "of unit or column, or a jump",
        f"fit the sides apart: --to {x[k]:g}, --from {x[k + 1]:g}",
    )


def late_fall(rows: Rows) -> Finding | None:
    """Return whether the last part falls below what the part before it leads to.

    A quadratic in log x through the part before is carried on; the mean of what follows lies below
    it by many standard errors, inflated for serial correlation.
    """
    x, log_y = _sorted(rows)
    worst: tuple[float, float] | None = None
    for share in CUTS:
        cut = (1.0 - share) * x[-1]
        early, late = (x >= LEAD * cut) & (x <= cut), x > cut
        if early.sum() < EARLY or late.sum() < LATE:
            continue
        u, at = np.log(x[early] / cut), np.log(x[late] / cut)
        basis, ahead = np.vander(u, 3), np.vander(at, 3)
        fitted, *_ = np.linalg.lstsq(basis, log_y[early], rcond=None)
        left, gone = log_y[early] - basis @ fitted, log_y[late] - ahead @ fitted
        squares = float(left @ left)
        r = float(np.clip(left[1:] @ left[:-1] / max(squares, 1e-300), 0.0, 0.99))
        mean = ahead.mean(axis=0)
        spread = 1.0 / late.sum() + float(mean @ np.linalg.pinv(basis.T @ basis) @ mean)
        variance = squares / max(int(early.sum()) - 3, 1) * (1.0 + r) / (1.0 - r)
        t = float(gone.mean()) / float(np.sqrt(variance * spread) + 1e-300)
        if t < -SIGNIFICANT and gone.min() < -FALL and (worst is None or t < worst[0]):
            worst = (t, float(x[early][-1]))
    if worst is None:
        return None
    fallen = _decay(rows)
    cut = worst[1]
    because = ""
    if fallen is not None:
        name, since, end = fallen
        cut = min(cut, since) if since > 0.5 * x[-1] else cut
        because = f" while {quoted(name)} falls to {end:.2g} of its maximum"
    return Finding(
        "late fall",
        True,
        f"for forecasts: from {quoted(rows.x_name)} {cut:g} on {quoted(rows.y_name)} falls faster "
        f"than before{because}, as where a schedule decays",
        f"--to {cut:g} forecasts training that goes on as before",
    )


def learning_rate(rows: Rows) -> Finding | None:
    """Return how the learning rate falls, if there is a column of it that does."""
    fallen = _decay(rows)
    if fallen is None:
        return None
    name, since, end = fallen
    last = float(rows.x.max())
    to = f"to {end:.2g} of its maximum"
    if since > 0.6 * last:
        words = f"{quoted(name)} decays {to} from {quoted(rows.x_name)} {since:g} on"
        remedy = f"{ASSUMED}; --to {since:g} forecasts a rate that stays"
    else:
        words = f"{quoted(name)} falls {to}, from {quoted(rows.x_name)} {since:g} on"
        remedy = ASSUMED
    return Finding("learning rate", False, words, remedy)


def ceiling(rows: Rows) -> Finding | None:
    """Return whether y rises towards a bound that a power law does not know."""
    _, log_y = _sorted(rows)
    third = max(log_y.size // 3, 1)
    y = np.exp(log_y)
    if not log_y[-third:].mean() > log_y[:third].mean():
        return None
    named = bool(BOUNDED & set(re.split(r"[^a-z0-9]+", rows.y_name.lower())))
    if y.max() <= 1.0 and (y[-third:].mean() > 0.5 or named):
        bound = 1.0
    elif 1.0 < y.max() <= 100.0 and named:
        bound = 100.0
    else:
        return None
    return Finding(
        "ceiling",
        False,
        f"{quoted(rows.y_name)} rises towards a bound of {bound:g} that a power law does not know",
        f'--ceiling {bound:g}, or --y "{bound:g} - {rows.y_term}"',
    )


def _changes_at(rows: Rows, at: NDArray[np.intp]) -> bool:
    """Return whether a column changes where x falls back and nowhere else: a curve each."""
    part = np.searchsorted(at, rows.at, side="right")
    for column in rows.others.values():
        there = column.values[np.isfinite(column.values)]
        new = np.diff(column.values) != 0.0
        if there.size == part.size and new.any() and (new == (np.diff(part) > 0)).all():
            return True
    return False


def _sorted(rows: Rows) -> tuple[Array, Array]:
    """Return x, and log y, in order of x."""
    order = np.argsort(rows.x, kind="stable")
    return rows.x[order], np.log(rows.y[order])


def _times(log: float) -> str:
    """Return a factor in one digit."""
    power = log / np.log(10.0)
    return f"{10.0**power:.1g}" if power < 300.0 else f"1e{power:.0f}"


def _decay(rows: Rows) -> tuple[str, float, float] | None:
    """Return the column of a learning rate that falls, the x up to which it stays, and its end."""
    for name, column in rows.others.items():
        known = np.isfinite(column.values)
        if not is_rate(name) or column.words or known.sum() < LATE:
            continue
        x, value = rows.x[rows.at[known]], column.values[known]
        if (value < 0.0).any() or not value.max() > 0.0:
            continue
        order = np.argsort(x, kind="stable")
        x, value = x[order], value[order] / value.max()
        if value[-1] < DECAYED:
            return name, float(x[np.flatnonzero(value >= UP)[-1]]), float(value[-1])
    return None
