"""Theory of many subtasks of falling frequency: when each is learned, and the loss of the rest.

The picture of quanta. Subtask k of K occurs with frequency p_k, in proportion to k^-(1 + alpha).
It is assumed that each is learned at once, after the same number of its own examples, and does not
help others. Then k is learned at p_1 / p_k = k^(1 + alpha) times the step of the first, and the
loss is that of guessing, ln 2, weighted by the frequencies of what is not yet learned. For K to
infinity this falls as step^-(alpha / (1 + alpha)). How many examples a subtask takes the picture
does not say; steps are therefore in units of the first one's.

Source
------
Michaud, Liu, Girit and Tegmark (2023), arXiv:2303.13506, section 2, of which this is the staircase
at finite K. It is a hypothesis that explains what they measure, not a theorem on networks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.trainers.protocol import Variable
from scalefit.trainers.trajectories import Curve, theoretical

from .settings import PARITY, Sequence

if TYPE_CHECKING:
    import xarray as xr

    from scalefit.trainers.config import Config

VARIABLES = {
    "step": Variable("step, in units of the one at which the first subtask is learned"),
    "loss": Variable("mean cross-entropy on new examples", "nats"),
}
BEFORE, BEHIND = 0.1, 2.0
"""Where curves begin, and how far they go on after the last subtask is learned."""


class Exponents(NamedTuple):
    """Exponents of the loss for infinitely many subtasks.

    Attributes
    ----------
    n_params
        In the number of parameters, if each subtask takes the same number of them.
    steps
        In steps, and in examples, if each subtask takes the same number of its own examples.
    """

    n_params: float
    steps: float


def frequencies(tasks: int, alpha: float) -> Array:
    """Return the frequency of every subtask, shape (tasks,), the largest first.

    Examples
    --------
    >>> frequencies(2, 0.0).round(4).tolist()
    [0.6667, 0.3333]
    """
    found = np.arange(1.0, tasks + 1.0) ** -(1.0 + alpha)
    return np.asarray(found / found.sum())


def exponents(alpha: float) -> Exponents:
    """Return the exponents of the loss for infinitely many subtasks, alpha > 0.

    Examples
    --------
    >>> exponents(1.0)
    Exponents(n_params=1.0, steps=0.5)
    """
    if not alpha > 0:
        raise ConfigError(
            f"alpha is {alpha:g}: with infinitely many subtasks frequencies have a sum for "
            "alpha > 0 only"
        )
    return Exponents(alpha, alpha / (1.0 + alpha))


def staircase(step: Array, tasks: int, alpha: float) -> Array:
    """Return the loss at some steps, in units of the one at which the first subtask is learned."""
    found = frequencies(tasks, alpha)
    left = np.append(np.cumsum(found[::-1])[::-1], 0.0)
    learned = np.searchsorted(np.arange(1.0, tasks + 1.0) ** (1.0 + alpha), step, side="right")
    return np.asarray(math.log(2.0) * left[learned])


def curves(config: Config) -> xr.Dataset:
    """Return the staircase of every point of the sweep.

    Raises
    ------
    ConfigError
        For a protocol other than parity.
    """
    found = []
    for point in config.points:
        assert isinstance(point, Sequence)
        if point.protocol != PARITY:
            raise ConfigError(
                f"protocol '{point.protocol}' has no theory: train it, scalefit.trainers.run("
                f"config), or take protocol='{PARITY}'"
            )
        last = BEHIND * float(point.tasks) ** (1.0 + point.alpha)
        step = np.geomspace(BEFORE, last, point.points)
        loss = staircase(step, point.tasks, point.alpha)
        exponent = exponents(point.alpha).steps if point.alpha > 0 else math.nan
        found.append(Curve(point, {"step": step, "loss": loss}, {"exponent": exponent}))
    used = ("protocol", "tasks", "alpha", "points")
    without = [name for name in found[0].settings.coordinates() if name not in used]
    return theoretical(
        VARIABLES, found, source="subtasks learned one by one", config=config, without=without
    )
