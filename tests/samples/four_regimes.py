"""Rows of `four_regimes_reference.csv`, and what the theory of random features gives for each."""

import csv
import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from scalefit.trainers.random_features import theory

Row = dict[str, str]

TOLERANCE = {  # by id: largest difference, relative, or absolute for exponents
    "amp": 3e-8, "reslim_inf": 3e-4, "reslim_1e6": 1e-6, "de": 1e-6, "optridge": 1e-6,
    "peak": 1e-5, "traj_test": 1e-5, "traj_train": 1e-4, "traj_inf": 0.01, "frontier": 0.01,
    "early": 0.03, "aniso": 0.01, "sgd": 1e-7, "earlystop": 0.005,
}  # fmt: skip
ABSOLUTE = ("traj_inf", "frontier", "early", "aniso")


def rows(path: Path) -> list[Row]:
    """Return all rows."""
    with path.open() as file:
        return list(csv.DictReader(file))


def kind(row: Row) -> str:
    """Return the id of what theory gives; that of a simulation, or what has none, is empty."""
    name = row["id"]
    if name.startswith("de_vs_sim"):
        return "de" if row["quantity"] == "DE prediction" else ""
    if "amplitude" in row["quantity"]:
        return "amp"
    return name if name in TOLERANCE else ""


def targets(path: Path) -> list[tuple[Row, float]]:
    """Return the rows that theory gives, with their values."""
    found = []
    for row in rows(path):
        if kind(row):
            values = [float(one) for one in row["value"].split(";")]
            sizes = [one.strip() for one in row["P"].split(";")]
            alone = len(values) == 1
            found += [
                ({**row, "P": row["P"] if alone else size}, value)
                for size, value in zip(sizes * (len(values) if alone else 1), values, strict=True)
            ]
    return found


def off(row: Row, found: float, wanted: float) -> float:
    """Return the difference in units of its tolerance."""
    name = kind(row)
    difference = found - wanted if name in ABSOLUTE else found / wanted - 1
    return abs(difference) / TOLERANCE[name]


def value(row: Row) -> float:
    """Return the theory's value of a row."""
    name = kind(row)
    alpha = float(row["alpha_K"] or "nan")
    if name == "amp":
        flow = row["id"] == "traj_inf"
        return theory.flow_amplitude(alpha) if flow else theory.amplitude(alpha)
    if name == "optridge":
        size = 100 * int(re.findall(r"M/m=(\d)", row["quantity"])[0])
        whole = theory.amplitude(alpha) * 100**-alpha
        return float(theory.optimal(alpha, 100, size).test_loss) / whole
    if name == "aniso":
        return _aniso(row)
    modes = theory.power_law(float(row["S"].replace("inf", "1e6")), alpha, head=300)
    if name == "traj_inf":
        times = np.geomspace(1e2, 1e4, 21)
        return slope(times, theory.population(modes, math.inf, times))
    if name == "frontier":
        return _frontier(modes)
    if name == "early":
        sizes, t = [256, 512], [float(row["t"])]
        gap = [
            theory.population(modes, P, t)[0] - theory.population(modes, math.inf, t)[0]
            for P in sizes
        ]
        return slope(sizes, gap)
    if name == "sgd":
        return float(theory.recursion(modes, [int(row["t"])], learning_rate=0.15, batch=4)[0])
    D, P = float(row["D"]), float(row["P"])
    if name == "earlystop":
        times = float(row["t"].split(";")[0 if P == D else 1]) * np.linspace(0.8, 1.2, 9)
        lowest = theory.gradient_flow(modes, D, P, times).test_loss.min()
        return float(lowest / theory.best_ridge(modes, D, P).test_loss)
    if name.startswith("traj"):
        noise = float(re.findall(r"var ([\d.]+)", row["quantity"])[0])
        flow = theory.gradient_flow(modes, D, P, float(row["t"]), noise)
        return float((flow.test_loss if name == "traj_test" else flow.train_loss)[0])
    other = "aniso" in row["id"]
    if other:
        modes = theory.power_law(float(row["S"]), alpha, 1.0)
    ridge, noise = float(row["ridge"]), 0.05 if other else 0.0
    return float(theory.equivalent(modes, D, P, ridge, noise).test_loss)


def _aniso(row: Row) -> float:
    """Return the slope in D or P, from 64 to 1024."""
    b, a = map(float, re.findall(r"i\^-([\d.]+)", row["quantity"]))
    modes, m = theory.power_law(float(row["S"]), b - 1, a - b), 2.0 ** np.arange(6, 11)
    sizes = (math.inf, m) if row["quantity"].startswith("P") else (m, math.inf)
    return slope(m, theory.equivalent(modes, *sizes).test_loss)


def _frontier(modes: theory.Modes) -> float:
    """Return the exponent of the least loss in compute, features times time."""
    found, compute = [], [1e5, 1e7]
    for C in compute:
        best = optimize.minimize_scalar(
            lambda log, C=C: float(theory.population(modes, math.exp(log), C / math.exp(log))[0]),
            bounds=(2.0, 9.0),
            method="bounded",
        )
        found.append(best.fun)
    return slope(compute, found)


def slope(x: ArrayLike, y: ArrayLike) -> float:
    """Return the exponent of a power law through points."""
    return -float(np.polyfit(np.log(np.asarray(x)), np.log(np.asarray(y)), 1)[0])


def simulated(row: Row) -> tuple[str, str, float]:
    """Return of a simulated row its kind, its name among what was drawn, and what theory says.

    Kind and name are those of `benchmarks/reproduction/four_regimes/reproduce.py`; the kind of
    another row is empty.
    """
    name, sim = row["id"], "simulated" in row["quantity"] or row["id"].startswith("traj_t")
    if name not in ("reslim_sim", "varlim_sim", "sgd") and not sim:
        return "", "", math.nan
    if name == "sgd":
        return "sgd", row["t"], float(row["value"])
    if "fresh draws" in row["quantity"]:
        return "", "", math.nan
    alpha, D, P = float(row["alpha_K"]), float(row["D"]), float(row["P"])
    if name == "varlim_sim":
        return "varlim", _key(alpha, D, P), float(theory.excess(min(D, P), max(D, P)))
    if name.startswith("traj"):
        noise = float(re.findall(r"var ([\d.]+)", row["quantity"])[0])
        loss = name.replace("traj_", "") + "_loss"
        return "traj", f"{loss} {_key(alpha, D, P, noise, float(row['t']))}", float(row["value"])
    modes = theory.power_law(float(row["S"]), alpha, 1.0 if "aniso" in name else 0.0)
    ridge, noise = float(row["ridge"]), 0.05 if "aniso" in name else 0.0
    known = float(theory.equivalent(modes, D, P, ridge, noise).test_loss)
    if name == "reslim_sim":
        return "reslim", _key(alpha, D, P), known
    return "cells", _key(alpha, D, P, ridge, noise), known


def _key(*numbers: float) -> str:
    return " ".join(f"{one:g}" for one in numbers)


def inside(row: Row, mean: float, error: float, expected: float) -> bool:
    """Return whether a simulated mean is where the reference's tolerance wants it."""
    name, off = row["id"], abs(mean - expected)
    if name == "varlim_sim":
        return off <= 4 * error
    if name == "sgd":
        return off <= max(0.06 * expected, 3 * error)
    if name.startswith("traj"):
        early = float(row["t"]) <= 1
        small = name == "traj_train" and expected < 1e-3
        return off <= max((0.1 if early else 0.08 if small else 0.05) * expected, 3 * error)
    m = min(float(row["D"]), float(row["P"]))
    share = (0.04 if m <= 16 else 0.015) if name == "reslim_sim" else 0.06 if m <= 16 else 0.05
    return off <= max(share * expected, 3 * error)
