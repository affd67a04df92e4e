"""Public learning curves by which default priors and forecasts are chosen, and their cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalefit.arrays import Array

FEWEST = 5  # points to fit
MOST = 100  # points of a curve
CUTS = (2, 4, 8)


@dataclass(frozen=True, eq=False)
class Curve:
    """One learning curve.

    Attributes
    ----------
    corpus
        Data set that it is of.
    group
        What was held while x grew, such as `constant rate`.
    family
        What it has in common with other curves of the corpus, whose errors go with its own: the run
        or the model whose evaluations they are, or the setting whose seeds they are.
    name
        Its own within the corpus.
    x, y : shape (n,), at most `MOST` points, positive, x increasing
        Points.
    """

    corpus: str
    group: str
    family: str
    name: str
    x: Array
    y: Array


@dataclass(frozen=True, eq=False)
class Task:
    """Points to fit, x and y, and those beyond them, which are to be forecast."""

    x: Array
    y: Array
    x_ahead: Array
    y_ahead: Array


def cut(curve: Curve, factor: float) -> Task | None:
    """Return the task of forecasting what lies beyond the last x divided by a factor.

    Returns
    -------
    None if that leaves fewer than `FEWEST` points to fit or none to forecast.
    """
    known = curve.x <= curve.x[-1] / factor
    if known.sum() < FEWEST or known.all():
        return None
    return Task(curve.x[known], curve.y[known], curve.x[~known], curve.y[~known])


def made(
    corpus: str,
    group: str,
    family: str,
    name: str,
    x: Sequence[float] | Array,
    y: Sequence[float] | Array,
    *,
    head: float = 0.0,
    average: bool = False,
) -> Curve:
    """Return a curve of the rows that a file has, in any order.

    Rows without a positive x and y are left out, and of equal x the last row counts.

    Parameters
    ----------
    head
        What is left out at the beginning, such as the warm-up, as a share of the last x.
    average
        Whether a long curve is averaged in bins of log x; else some of its points stand for it.
    """
    at, value = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    there = np.isfinite(at) & np.isfinite(value) & (at > 0.0) & (value > 0.0)
    at, value = at[there], value[there]
    order = np.argsort(at, kind="stable")
    at, value = at[order], value[order]
    last = np.append(at[1:] > at[:-1], True) & (at > head * at[-1])
    thin = averaged if average else spread
    return Curve(corpus, group, family, name, *thin(at[last], value[last]))


def spread(x: Array, y: Array, most: int = MOST) -> tuple[Array, Array]:
    """Return the points next to places evenly spaced in log x, each with its own noise."""
    if x.size <= most:
        return x, y
    u = np.log(x)
    places = np.linspace(u[0], u[-1], most)
    after = np.clip(np.searchsorted(u, places), 1, u.size - 1)
    nearest = np.unique(np.where(places - u[after - 1] < u[after] - places, after - 1, after))
    return x[nearest], y[nearest]


def averaged(x: Array, y: Array, most: int = MOST) -> tuple[Array, Array]:
    """Return geometric means of x and y in bins equally wide in log x; empty ones are left out."""
    if x.size <= most:
        return x, y
    u, v = np.log(x), np.log(y)
    edges = np.linspace(u[0], u[-1], most + 1)
    which = np.clip(np.searchsorted(edges, u, side="right") - 1, 0, most - 1)
    count = np.bincount(which, minlength=most)
    used = count > 0
    means = [np.exp(np.bincount(which, each, most)[used] / count[used]) for each in (u, v)]
    return means[0], means[1]


def distinct(curves: Sequence[Curve]) -> list[Curve]:
    """Return the curves without those that repeat an earlier one point by point."""
    known: set[bytes] = set()
    kept = []
    for curve in curves:
        points = curve.x.tobytes() + curve.y.tobytes()
        if points not in known:
            known.add(points)
            kept.append(curve)
    return kept


def chosen(count: int, number: int) -> list[int]:
    """Return which of so many curves to take, spread evenly; a larger number keeps the smaller's.

    Those whose index times the golden ratio has the smallest remainder.
    """
    rest = np.arange(count) * ((np.sqrt(5.0) - 1.0) / 2.0) % 1.0
    return sorted(int(i) for i in np.argsort(rest, kind="stable")[:number])
