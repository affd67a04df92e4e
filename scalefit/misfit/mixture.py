"""Mixture of curves: several that are taken for one, and the column that tells them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from scalefit.arrays import Array
from scalefit.curves.passes import passes
from scalefit.curves.rows import Rows
from scalefit.curves.settings import is_seed
from scalefit.wording import quoted

from .finding import Finding

OVERLAP = 1.5
"""Sum, over the values of a column, of the share of all rows that they stretch over."""
STRETCH = 0.3
"""Share of all rows that rows of one value stretch over, for a number that is a setting."""
SETTINGS = 12
"""Different numbers that a setting has, at most."""
EXPLAINED = 0.5
"""Share of the scatter that a column explains."""
CHANCE = 1e-4
"""Probability that a column explains as much by chance, over the number of columns."""
REPEATED = 4
"""Values of x that have several rows, at least, to compare these."""
BANDS = -5.0
"""Standard scores of the scatter that the rank among equal x leaves unexplained."""
REPLICATES = 200
REPEATS = ("rng", "replicate", "trial", "repeat", "run_id")
"""Names of columns that tell runs of one kind apart, beside those of seeds."""


def unused_column(rows: Rows, left: Array) -> Finding | None:
    """Return the column that explains most of what a law leaves of the rows, if any does.

    `left` is log y minus the law at the rows `rows.at`. Only columns whose values overlap along
    x count, for one that follows x explains nothing that x does not.

    Source
    ------
    One-way analysis of variance, Fisher (1925).
    """
    columns = {name: (one.values, one.words) for name, one in rows.others.items()}
    again = passes(rows.x) if rows.counter else np.zeros(rows.x.size)
    columns[""] = (again[rows.at], True)
    x = rows.x[rows.at]
    best: tuple[float, str, bool, int] | None = None
    for name, (values, words) in columns.items():
        known = np.isfinite(values)
        labels, group = np.unique(values[known], return_inverse=True)
        group = group.astype(np.intp)
        if not 2 <= labels.size <= known.sum() / 3 or not (words or labels.size <= SETTINGS):
            continue
        stretches = _stretches(x[known], group)
        if stretches.sum() <= OVERLAP or not (words or (stretches > STRETCH).all()):
            continue
        share, p = _explained(left[known], group, labels.size)
        sure = share > EXPLAINED and p < CHANCE / len(columns)
        if sure and (best is None or (share > best[0] and name)):
            best = (share, name, words, labels.size)
    if best is None:
        return None
    share, name, words, count = best
    if not name:
        return Finding(
            "several curves",
            True,
            f"{quoted(rows.x_name)} starts again {count - 1} times, and each pass has a "
            f"{quoted(rows.y_name)} of its own: several curves one after the other",
            "add a column that numbers them, and name it with --by",
        )
    if is_seed(name) or name.lower() in REPEATS:
        return Finding(
            "seeds",
            False,
            f"{quoted(name)} explains {share:.0%} of the scatter: runs are not independent rows",
            f"--by {name}, or --by {name} --pool {name}",
        )
    if words:
        said = f"several curves share each {quoted(rows.x_name)}: {quoted(name)} tells them apart"
    else:
        said = f"{quoted(name)} varies too and explains {share:.0%} of the scatter"
    return Finding("unused column", True, said, f"--by {_typed(name)}")


def bands(rows: Rows, left: Array, rng: np.random.Generator) -> Finding | None:
    """Return whether rows of equal x keep their rank along x, as those of several curves do."""
    x = rows.x[rows.at]
    order = np.argsort(x, kind="stable")
    _, start, count = np.unique(x[order], return_index=True, return_counts=True)
    size = int(np.median(count[count > 1])) if (count > 1).any() else 0
    at = start[count == size]
    if size < 2 or at.size < REPEATED:
        return None
    table = left[order][at[:, None] + np.arange(size)]

    def unexplained(values: Array) -> Array:
        ranked = np.sort(values, axis=-1)
        ranked = ranked - ranked.mean(axis=(-1, -2), keepdims=True)
        by_rank = ranked.mean(axis=-2, keepdims=True)
        return np.asarray(
            np.log(((ranked - by_rank) ** 2).sum(axis=(-1, -2)) / (ranked**2).sum(axis=(-1, -2)))
        )

    made = unexplained(rng.standard_normal((REPLICATES, *table.shape)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = float((unexplained(table) - made.mean()) / made.std())
    if not z < BANDS:
        return None
    return mixed(rows)


def mixed(rows: Rows) -> Finding:
    """Return what to say of points in bands."""
    return Finding(
        "bands",
        True,
        f"the points of {quoted(rows.y_name)} fall into bands: several curves are mixed",
        "name the column that tells them apart with --by",
    )


def _stretches(x: Array, group: NDArray[np.intp]) -> Array:
    """Return the share of all rows, ordered by x, that each group stretches over."""
    rank = np.searchsorted(np.sort(x), x).astype(float)
    low, high = np.full(group.max() + 1, np.inf), np.full(group.max() + 1, -np.inf)
    np.minimum.at(low, group, rank)
    np.maximum.at(high, group, rank)
    return np.asarray((high - low) / x.size)


def _explained(left: Array, group: NDArray[np.intp], count: int) -> tuple[float, float]:
    """Return the share of variance that groups explain, and its probability by chance."""
    centred = left - left.mean()
    total = float(centred @ centred)
    number = np.bincount(group, minlength=count)
    within = np.bincount(group, centred, count)
    between = float((within**2 / number).sum())
    if not total > 0.0:
        return 0.0, 1.0
    freedom = left.size - count
    f = between / (count - 1) / max((total - between) / freedom, 1e-300)
    return between / total, float(special.fdtrc(count - 1, freedom, f))


def _typed(name: str) -> str:
    """Return a name as one types it on a command line."""
    return name if name.replace("_", "").replace("-", "").isalnum() else f'"{name}"'
