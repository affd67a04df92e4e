"""Theory of interpolation on a manifold: exponents from its dimension, and what is known beyond.

The nearest of n examples is at a distance of the order of n^(-1/d). A predictor that is constant
there errs in proportion to it, one that is linear in proportion to its square, so that squared
errors fall as n^(-2/d) and n^(-4/d). For uniform examples the former is, at large n,

    E |grad f|^2 / d  Gamma(1 + 2/d) (n V_d)^(-2/d)

with V_d the volume of the unit ball, and in one dimension the latter is E f''^2 / n^4.

Source
------
Bahri, Dyer, Kaplan, Lee, Sharma (2024), arXiv:2102.06701, and Sharma and Kaplan (2020),
arXiv:2004.10802, for the exponents; the constants are averages over a Poisson process.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scalefit.errors import ConfigError
from scalefit.trainers.protocol import Variable
from scalefit.trainers.trajectories import Curve, theoretical

from .settings import Manifold

if TYPE_CHECKING:
    import xarray as xr

    from scalefit.trainers.config import Config

VARIABLES = {"test_loss": Variable("mean squared error on new points")}
NETWORK = {
    "step": Variable("step of Adam"),
    **VARIABLES,
    "train_loss": Variable("mean squared error on the examples"),
}
LADDERS: list[tuple[str, int, list[int]]] = [
    ("nearest", 1, [256, 512, 1024, 2048, 4096]),
    ("nearest", 2, [512, 1024, 2048, 4096, 8192, 16384]),
    ("nearest", 3, [2048, 4096, 8192, 16384, 32768, 65536]),
    ("linear", 1, [64, 128, 256, 512, 1024]),
    ("linear", 2, [1024, 2048, 4096, 8192, 16384]),
]
"""Protocols, dimensions and sizes at which exponents are those of large n."""


def exponent(protocol: str, dimension: int) -> float:
    """Return the exponent of the test loss in the number of examples.

    Examples
    --------
    >>> exponent("nearest", 4), exponent("linear", 4)
    (0.5, 1.0)
    """
    return (2 if protocol == "nearest" else 4) / dimension


def test_loss(settings: Manifold) -> float:
    """Return the mean test loss at large n, over functions and examples.

    Raises
    ------
    ConfigError
        For networks, and for linear interpolation in more than one dimension, whose constant is
        not known.
    """
    d, n = settings.dimension, settings.n_train
    if settings.protocol == "network":
        raise ConfigError(
            f"setting 'protocol' is network: of networks only an exponent, {4 / d:g} or more, is "
            "expected; train it, scalefit.trainers.run(config)"
        )
    if settings.protocol == "nearest":
        volume = math.pi ** (d / 2) / math.gamma(d / 2 + 1)
        spread = math.gamma(1 + 2 / d) * (n * volume) ** (-2 / d)
        return float((2 * math.pi) ** 2 * _moment(settings, 2) / d * spread)
    if d > 1:
        raise ConfigError(
            f"setting 'dimension' is {d}: of protocol='linear' only the exponent, {4 / d:g}, is "
            "known there; train it, scalefit.trainers.run(config)"
        )
    return (2 * math.pi) ** 4 * _moment(settings, 4) / n**4


def curves(config: Config) -> xr.Dataset:
    """Return the mean test loss of every point of the sweep, for large n.

    Raises
    ------
    ConfigError
        For networks, and for linear interpolation in more than one dimension, whose constant is
        not known.
    """
    found = []
    for point in config.points:
        assert isinstance(point, Manifold)
        known = {"exponent": exponent(point.protocol, point.dimension)}
        found.append(Curve(point, {"test_loss": np.array([test_loss(point)])}, known))
    return theoretical(
        VARIABLES, found, source="interpolation on a torus", config=config, without=["n_test"]
    )


def _moment(settings: Manifold, power: int) -> float:
    """Return the mean of |k|^power over the wave vectors, for powers 2, and 4 in one dimension."""
    top, d = settings.frequency, settings.dimension
    one = np.arange(-top, top + 1.0)
    vectors = (2 * top + 1.0) ** d
    return float(d * np.mean(one**power) * vectors / (vectors - 1))
