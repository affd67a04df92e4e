"""Rows of `two_layer_reference.csv`, and what the committee machine's theory gives for each."""

import csv
import re
from pathlib import Path

import numpy as np

from scalefit.trainers.committee import last_phase, linear_units, theory
from scalefit.trainers.committee.spectrum import Array, eigenvalues, second_moment, window

Row = dict[str, str]

EXACT = 1e-6  # of the recursion, whose rows state it in words


def groups(path: Path) -> dict[str, list[Row]]:
    """Return the rows that are targets of the theory, by id."""
    found: dict[str, list[Row]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            wanted = row["status"].startswith("derived and verified")
            if wanted and not row["id"].startswith("SGDODE"):
                found.setdefault(row["id"], []).append(row)
    return found


def tolerance(row: Row) -> float:
    """Return the largest relative difference."""
    return float(row["rel_tol"] or EXACT)


def values(name: str, rows: list[Row]) -> list[float]:
    """Return the theory's value of every row of an id."""
    first = rows[0]
    kind, K = name.split("-")[0], int(first["K"])
    rate = float(first["eta"]) if first["eta"] not in ("", "->0") else 0.0
    if kind == "ETACERF":
        return [theory.critical_erf(K)]
    if kind in ("PLAT", "PLATETA", "ESC"):
        return [_plateau(row["quantity"], K, rate) for row in rows]
    L, beta = int(first["L"]), float(first["beta"])
    spectrum, start = eigenvalues(L, beta), 1 + float(first["sigma_J"]) ** 2
    at = [float(row["alpha"] or "nan") for row in rows]
    if kind == "LINODE":
        return list(theory.loss(spectrum, at, learning_rate=rate, start=start))
    if kind == "LINREC":
        N, batch = int(first["N"]), int(re.findall(r"batch (\d+)", first["setup"])[0])
        steps = np.rint(np.array(at) * N / batch)
        law = {"learning_rate": rate, "start": start}
        return list(theory.recursion(spectrum, N, steps, batch=batch, **law))
    if kind == "FLOOR":
        share = int(name.split("Nl")[1]) / L
        rates = [float(row["eta"]) for row in rows]
        return [theory.floor(spectrum, learning_rate=one, share=share) for one in rates]
    if kind == "LINEXP":
        low, high = window(spectrum, 1.0)
        times = np.geomspace(50 * low, 0.02 * high, 60)
        curve = linear_units.early(L, beta, times, learning_rate=1.0)
        return [slope(times, curve + linear_units.tail(L, beta)), slope(times, curve)]
    gap = float(re.findall(r"(?:r_a\(0\)=|r_k=)([\d.e-]+)", first["setup"])[0])
    if kind == "ODE":
        return list(_path(first, gap, at).test_loss)
    if kind == "PLEN":
        return _escape(first, gap)
    return _last_phase(rows, gap)


def slope(times: Array, losses: Array) -> float:
    """Return the exponent of a power law through a curve."""
    return -float(np.polyfit(np.log(times), np.log(losses), 1)[0])


def _plateau(quantity: str, K: int, rate: float) -> float:
    at = theory.plateau(K, K, rate)
    known = {"Q*=C*": at.Q, "R*": at.R, "eps_g*": at.test_loss, "A_anti*": at.drift}
    known |= {"b*": at.pull, "s/(eta T2) escape rate": at.pull}
    if quantity in known:
        return known[quantity]
    assert quantity == "s/eta for L=1"
    return theory.escape_rate(np.ones(1), K, K, rate) / rate


def _path(row: Row, gap: float, times: Array | list[float]) -> theory.Path:
    K = int(row["K"])
    start = float(row["sigma_J"]) ** 2 * np.eye(K), gap * (np.eye(K) - 1 / K), np.eye(K)
    spectrum = eigenvalues(int(row["L"]), float(row["beta"]))
    return theory.flow(spectrum, *start, times, learning_rate=float(row["eta"]))


def _escape(row: Row, gap: float) -> list[float]:
    """Return when the loss is half the plateau's, and the rate of escape over that of small steps.

    The rate is that between differences of 10 and 1000 times the first one.
    """
    K, rate = int(row["K"]), float(row["eta"])
    path = _path(row, gap, np.linspace(0.2, 1.2, 400) * float(row["value"]))
    half = theory.plateau(K, K, rate).test_loss / 2
    apart = path.R[:, 0, 0] - path.R[:, 0, 1]
    growing = (apart > 10 * gap) & (apart < 1000 * gap)
    s = np.polyfit(path.time[growing], np.log(apart[growing]), 1)[0]
    T2 = second_moment(eigenvalues(int(row["L"]), float(row["beta"])))
    return [
        float(np.interp(-half, -path.test_loss, path.time)),
        float(s / (rate * T2 * theory.plateau(K, K).pull)),
    ]


def _last_phase(rows: list[Row], gap: float) -> list[float]:
    """Return alpha_hi, both slopes on the grid of the reference, and losses."""
    row = rows[0]
    K, L, beta, rate = int(row["K"]), int(row["L"]), float(row["beta"]), float(row["eta"])
    spectrum = eigenvalues(L, beta)
    _, high = window(spectrum, rate * last_phase.slowest(K))
    grid = np.geomspace(0.01 / rate / spectrum[0], 20 * high, 300)[::3]
    ends = re.findall(r"window \[([\d.]+),([\d.]+)\]", rows[1]["setup"])[0]
    inside = grid[(grid > float(ends[0]) * high) & (grid < float(ends[1]) * high)]
    at = [float(one["alpha"]) for one in rows[3:]]
    path = _path(row, gap, np.union1d(inside, at))
    curve = path.test_loss[np.isin(path.time, inside)]
    return [
        high,
        slope(inside, curve + last_phase.tail(L, beta, K)),
        slope(inside, curve),
        *path.test_loss[np.isin(path.time, at)],
    ]
