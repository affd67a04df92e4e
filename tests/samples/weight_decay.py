"""Rows of `quadratic_diagonal_reference.csv`, and what theory gives for those that it can give."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from scalefit.arrays import Array
from scalefit.trainers.diagonal import theory as diagonal
from scalefit.trainers.quadratic import theory as quadratic

Row = dict[str, str]

FIXED = {
    "excess_risk_SE": "excess_risk",
    "half_excess_risk_SE (=|S-S*|_F^2/d)": "excess_risk",
    "tau_unit": "tau",
    "threshold_unit": "threshold",
    "support_size_SE": "support",
    "delta": "delta",
    "cutoff_c": "cutoff",
    "rank_fraction": "support",
}
"""Field of a solution that a quantity is."""


def rows(path: Path) -> list[Row]:
    """Return the rows that are verified or published."""
    with path.open() as file:
        return list(csv.DictReader(file))


def simulated(row: Row) -> bool:
    """Return whether a row can be reproduced by training alone."""
    told = ("excess_risk_simulation", "half_excess_risk_experiment")
    return row["quantity"] in told or "L-BFGS" in row["quantity"]


def inside(row: Row, value: float) -> bool:
    """Return whether a value is within a row's tolerance of its value."""
    expected = float(row["value"])
    relative, absolute = float(row["rel_tol"] or 0), float(row["abs_tol"] or 0)
    return abs(value - expected) <= max(relative * abs(expected), absolute)


def values(rows: list[Row]) -> dict[str, float]:
    """Return theory's value of every row that it has one for, by id."""
    found = {}
    teachers: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["quantity"] in FIXED or row["quantity"].startswith("spike_"):
            kind = row["teacher"] if row["model"] == "diagonal" else str("sum" in row["teacher"])
            key = (row["model"], row["d"], row["gamma"], kind)
            teachers.setdefault(key, []).append(row)
        elif row["quantity"].startswith("universal"):
            share = float(row["n"].partition("=")[2])
            found[row["id"]] = float(quadratic.interpolation(share))
        elif row["id"] in EXPONENTS:
            found[row["id"]] = EXPONENTS[row["id"]]()
    for group in teachers.values():
        found |= _solved(group)
    return found


def _solved(rows: list[Row]) -> dict[str, float]:
    """Return the values of rows of one teacher, solved together."""
    first = rows[0]
    d, gamma = int(first["d"]), float(first["gamma"])
    teacher: diagonal.StateEvolution | quadratic.StateEvolution
    if first["model"] == "quadratic":
        teacher = quadratic.StateEvolution(d, gamma, unit="sum" in first["teacher"])
    else:
        kind = "gaussian" if first["teacher"] == "gauss" else "fixed"
        teacher = diagonal.StateEvolution(d, gamma, kind)
    n, decay, noise = (np.array([float(row[k]) for row in rows]) for k in ("n", "lambda", "Delta"))
    fixed = teacher.minimiser(n, decay, noise)
    found = {}
    for at, row in enumerate(rows):
        if row["quantity"].startswith("spike_"):
            alone = type(fixed)(*(one[at] for one in fixed))
            rank = int(row["quantity"].split("_")[1])
            found[row["id"]] = float(teacher.learned(alone)[rank - 1])  # type: ignore[arg-type]
            continue
        value = float(getattr(fixed, FIXED[row["quantity"]])[at])
        half, share = row["quantity"].startswith("half"), row["quantity"] == "rank_fraction"
        found[row["id"]] = value / (2 if half else d if share else 1)
    return found


def slope(x: Array, y: Array) -> float:
    """Return the slope of log y against log x."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _grid(low: float, high: float) -> Array:
    return np.geomspace(low, high, 9)


def _decay(gamma: float, d: int, decay: float, low: float, high: float) -> float:
    n = _grid(low, high)
    return slope(n, diagonal.StateEvolution(d, gamma).minimiser(n, decay, 0.5).excess_risk)


def _clean(gamma: float) -> float:
    n, d = _grid(1e3, 1e5), 10**8
    risk = diagonal.StateEvolution(d, gamma).minimiser(n, 1e-9, 0.0).excess_risk
    return slope(n / np.log(d / n), risk)


def _bayes(gamma: float) -> float:
    n = _grid(1e3, 1e5)
    return slope(n, diagonal.StateEvolution(10**6, gamma).bayes(n, 0.5))


def _tuned(gamma: float) -> float:
    n = _grid(1e3, 1e5)
    return slope(n, diagonal.StateEvolution(10**6, gamma).best(n, 0.5).excess_risk)


def _peak() -> float:
    decay = _grid(1e-6, 1e-2)
    return slope(decay, diagonal.StateEvolution(1000, 1.0).minimiser(1000, decay, 0.5).excess_risk)


def _many(gamma: float, d: int, decay: float, low: float, high: float, how: str = "auto") -> float:
    n = _grid(low, high)
    teacher = quadratic.StateEvolution(d, gamma, spectrum=how)
    return slope(n, teacher.minimiser(n * d, decay, 0.5).excess_risk)


def _times(gamma: float, d: int, n_eff: float, decay: float) -> float:
    teacher = quadratic.StateEvolution(d, gamma, spectrum="full")
    return float(teacher.minimiser(n_eff * d, decay, 0.5).excess_risk) * n_eff / d


def _overfitting() -> float:
    share = _grid(1e-8, 1e-7)
    return slope(share, quadratic.interpolation(share))


def _edge(gamma: float, noise: float) -> float:
    """Return the exponent where the cut-off is the bulk's edge, at every n_eff."""
    n, d = _grid(1e5, 1e7) if noise else _grid(1e3, 1e5), 10**9
    teacher = quadratic.StateEvolution(d, gamma, spectrum="sharp")

    def risk(delta: float) -> float:
        return 2 * float(teacher.cut(delta).at(2 * delta)[0])

    def excess(log_delta: float, n_eff: float) -> float:
        return math.log((noise + risk(math.exp(log_delta))) * d / (4 * n_eff)) - 2 * log_delta

    found = [brentq(excess, -20.0, 25.0, (float(one),), xtol=1e-6) for one in n]
    return slope(n, np.array([risk(math.exp(one)) for one in found]))


EXPONENTS: dict[str, Callable[[], float]] = {
    "r595": lambda: _decay(0.75, 10**6, 1e3, 1e7, 1e8),
    "r596": lambda: _decay(1.0, 10**6, 1e3, 1e7, 1e8),
    "r597": lambda: _decay(1.5, 10**6, 1e3, 1e7, 1e8),
    "r598": lambda: _decay(1.0, 100, 3e3, 3e7, 3e8),
    "r599": lambda: _decay(1.0, 2000, 1e-3, 2e4, 2e5),
    "r600": lambda: _decay(1.0, 50, 1e-3, 1e5, 1e6),
    "r601": _peak,
    "r602": lambda: float(diagonal.peak(0.5)),
    "r603": lambda: _clean(0.75),
    "r604": lambda: _clean(1.0),
    "r605": lambda: _clean(1.5),
    "r606": lambda: _bayes(1.0),
    "r607": lambda: _bayes(1.5),
    "r608": lambda: _tuned(1.0),
    "r609": lambda: _tuned(1.5),
    "r610": lambda: _many(0.75, 10**5, 10.0, 1e4, 1e5),
    "r611": lambda: _many(1.0, 10**5, 10.0, 3e4, 3e5),
    "r612": lambda: _many(1.5, 10**5, 10.0, 3e4, 3e5),
    "r613": lambda: _many(1.0, 60, 3e4, 1e8, 1e9),
    "r614": lambda: _many(2.0, 3000, 1e-2, 3e4, 3e5, "full"),
    "r615": lambda: _times(2.0, 3000, 9e4, 1e-2),
    "r616": lambda: _many(1.0, 60, 1e-2, 1e5, 1e6),
    "r617": lambda: _times(1.0, 60, 1e6, 1e-2),
    "r618": lambda: float(quadratic.peak(0.5)),
    "r619": _overfitting,
    "r620": lambda: _edge(0.75, 0.5),
    "r621": lambda: _edge(1.0, 0.5),
    "r622": lambda: _edge(1.5, 0.5),
    "r623": lambda: _edge(0.75, 0.0),
    "r624": lambda: _edge(1.0, 0.0),
    "r625": lambda: _edge(1.5, 0.0),
}
"""Exponents and constants: each in a window inside its region."""
