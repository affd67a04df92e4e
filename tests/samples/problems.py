"""A law with one crossover and a curve that follows it, as the engines take them."""

from __future__ import annotations

import numpy as np

from scalefit.arrays import Array
from scalefit.inference import Problem
from scalefit.inference.collapsed import Collapsed
from scalefit.laws import BrokenPowerLaw

ONE, TWO = BrokenPowerLaw(1, floor=False), BrokenPowerLaw(2, floor=False)
TRUTH = {"exponent": [0.2, 0.7], "crossover": [100.0], "width": [1.0], "log_amplitude": 1.0}
NOISE = 0.02
X = np.geomspace(1.0, 1e4, 40)


def noiseless(law: BrokenPowerLaw, x: Array) -> Array:
    return np.exp(law.log_mean({name: np.array(value) for name, value in TRUTH.items()}, x))


def noisy() -> Array:
    """Return the curve of two regimes with its noise."""
    scatter = np.random.default_rng(1).standard_normal(X.size)
    return np.asarray(noiseless(TWO, X) * np.exp(NOISE * scatter))


SHARP = {"exponent": [0.2, 0.8], "crossover": [100.0], "width": [0.5], "log_amplitude": 1.0}


def sharp(noise: float, seed: int, x: Array) -> Array:
    """Return y of a sharp crossover in the middle."""
    clean = TWO.log_mean({name: np.array(value) for name, value in SHARP.items()}, x)
    return np.exp(clean + noise * np.random.default_rng(seed).standard_normal(x.size))


def collapsed(problem: Problem) -> Collapsed:
    """Return the collapsed posterior of a problem that has one."""
    target = Collapsed.of(problem)
    assert target is not None
    return target
