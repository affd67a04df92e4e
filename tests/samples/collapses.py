"""Curves of several sizes that collapse, with the design of the calibration."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalefit.arrays import Array
from scalefit.inference import Problem
from scalefit.laws import Collapse
from scalefit.laws.noise import NOISES


def design(
    rng: np.random.Generator, curves: int = 10, points: int = 40
) -> tuple[Array, tuple[int, ...]]:
    """Return (x, P) of curves over 1.5 decades of P and random ranges of x, and their starts."""
    rows = []
    for p in np.geomspace(1e3, 1e3 * 10**1.5, curves):
        low = rng.uniform(0.0, 1.5)
        x = np.logspace(low, low + rng.uniform(2.0, 4.0), points)
        rows.append(np.stack([x, np.full(points, p)], axis=1))
    return np.concatenate(rows), tuple(range(0, curves * points, points))


def log_mean(x: Array, **given: Any) -> Array:
    """Return log y of two regimes; what is not given is gamma_0 = 0 and exponents 1/2, 0."""
    logs = np.log(x[:, 1])
    values = {
        "gamma_0": 0.0,
        "gamma_2": 1.0,
        "exponent": [0.5, 0.0],
        "crossover": [300.0],
        "width": [0.6],
        "drift": 0.0,
        "log_amplitude": 0.0,
        "middle": np.exp(0.5 * (logs.min() + logs.max())),
        **given,
    }
    params = {name: np.array([value]) for name, value in values.items()}
    params["gamma"] = params["gamma_0"] + params["exponent"][:, 0] * params["gamma_2"]
    return np.asarray(Collapse(len(values["exponent"])).log_mean(params, x))[0]


def correlated(start: tuple[int, ...], rho: float, rng: np.random.Generator, n: int) -> Array:
    """Return AR(1) numbers of unit variance that begin anew at every start."""
    found = rng.standard_normal(n)
    for i in range(n):
        if i not in start:
            found[i] = rho * found[i - 1] + np.sqrt(1.0 - rho**2) * found[i]
    return found


def problem(
    seed: int,
    law: Collapse | None = None,
    noise: str = "normal",
    sd: float = 0.04,
    kept: Any = None,
    **given: Any,
) -> Problem:
    """Return curves with independent noise, of which `kept(x)` tells the points to keep."""
    rng = np.random.default_rng(seed)
    x, start = design(rng)
    log_y = log_mean(x, **given) + sd * rng.standard_normal(len(x))
    if kept is not None:
        there = kept(x)
        x, log_y = x[there], log_y[there]
        start = tuple(np.flatnonzero(np.diff(x[:, 1], prepend=0.0)).tolist())
    return Problem(law or Collapse(2), x, np.exp(log_y), NOISES[noise], start=start)
