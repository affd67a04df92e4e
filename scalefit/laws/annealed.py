"""Annealed law: loss along a learning-rate schedule, from the rate's area and what was annealed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array

from .base import Law, Parameter
from .broken import BrokenPowerLaw
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior

_NOTHING = 1e-300
"""In place of what annealing leaves below zero."""


@dataclass(frozen=True)
class Annealed(Law):
    """A power of the area under the learning rate, less what annealing has gained.

        y = E + A S1^(-a) - C S2

    where S1 is the area under the learning rate and S2 the annealed area, both added to data by
    `scalefit.schedule`. `exponent` is a, `log_amplitude` log A, `floor` E and `gain` C. With
    several regimes the power is the broken power law of S1, with its crossovers and widths.

    Parameters
    ----------
    regimes
        Number of exponents in S1, 1 to 6.
    floor
        Whether there is a floor E, or the value of a known one.
    full
        Annealed area at which the prior says what is gained; 0 takes the largest of the data.

    Raises
    ------
    ConfigError
        As for `BrokenPowerLaw`.

    Source
    ------
    Tissue, Wang, Wang (2024), "Scaling law with learning rate annealing", equation 1
    (arXiv:2408.11029).
    """

    regimes: int = 1
    floor: bool | float = True
    full: float = 0.0
    predictors = ("s1", "s2")
    linear = ("s2",)

    def __post_init__(self) -> None:
        self.power  # noqa: B018  (refuses what it does not take)

    @property
    def power(self) -> BrokenPowerLaw:
        """The law of S1 without annealing."""
        return BrokenPowerLaw(self.regimes, self.floor)

    @property
    def known_floor(self) -> float | None:
        """The floor where its value is known, in the unit of y."""
        return self.power.known_floor

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        return f"annealed law, {self.power.name}"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        gain = Parameter("gain", 1, "law", 0.0, math.inf, "y/x[1]", "of annealed area, negative")
        return (*self.power.parameters, gain)

    @property
    def minimum_points(self) -> int:
        """One more than the power alone needs."""
        return self.power.minimum_points + 1

    def with_regimes(self, regimes: int, floor: bool | float | None = None) -> Self:
        """Return the law with another number of regimes; the floor stays unless it is given."""
        return type(self)(regimes, self.floor if floor is None else floor, self.full)

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        power = xp.exp(self.power.log_mean(params, x[:, 0], xp))
        return xp.log(xp.maximum(power - params["gain"][..., None] * x[:, 1], _NOTHING))

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors: those of the power, and the gain of all annealed area.

        The gain is measured in the typical y, at the annealed area `full`. Where none of the data
        are annealed the prior says all that is known of it.
        """
        from .priors import LogNormal

        gained = LogNormal(0.05, 1.0, unit="of y, annealed in full")
        return {**self.power.priors(window), "gained": gained}

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters of the power, and the gain per annealed area."""
        gain = sampled["gained"] * self._unit(window)
        return {**self.power.natural(sampled, window, xp), "gain": gain}

    def align(
        self, sampled: Mapping[str, Array], x: NDArray[Any], y: NDArray[Any]
    ) -> dict[str, Array]:
        """Return starts whose power is moved to the data, as if the gain were the usual one."""
        order = np.argsort(x[:, 0], kind="stable")
        window = self.window(x, y)
        gain = np.median(sampled["gained"]) * self._unit(window)
        bare = (y + gain * x[:, 1])[order]
        return {**sampled, **self.power.align(sampled, x[order, 0], bare)}

    def _unit(self, window: Window) -> float:
        """Return what a gain of 1 is per annealed area."""
        return window.y_typical / (self.full or window.centre[1])
