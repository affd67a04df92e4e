"""Power law with cutoff: it ends in an exponential, beside an offset of either sign."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array

from .base import Law, Parameter
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior

_NOTHING = 1e-300
"""In place of what a negative offset leaves below zero."""


@dataclass(frozen=True)
class PowerLawWithCutoff(Law):
    """Power law with one exponent, an exponential end, and an offset that may be negative.

        y = A x^(-a) exp(-x / c) + E

    Where a sum of exponentials has a slowest one, as the learning curve of a linear model of finite
    dimension, the law that it follows before the end is a power minus a constant: a floor that must
    be positive, or none, then makes the exponent too large. Here E takes either sign. Where E is
    negative the law reaches zero at some x beyond the data, and is zero from there on.

    Source
    ------
    Bordelon and Pehlevan (2022), "Learning curves for SGD on structured features"
    (arXiv:2106.02713), for the sum of exponentials; the constant is its part that a finite number
    of eigenvalues lacks.
    """

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        return "power law with cutoff and offset"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        inf = math.inf
        return (
            Parameter("exponent", 1, "law", -inf, inf, "", "minus the slope in log-log at small x"),
            Parameter("cutoff", 1, "law", 0.0, inf, "x", "where the exponential takes over"),
            Parameter("offset", 1, "law", -inf, inf, "y", "constant beside the power, of any sign"),
            Parameter("log_amplitude", 1, "law", -inf, inf, "", "log A of the power law"),
        )

    @property
    def minimum_points(self) -> int:
        """One more than there are parameters."""
        return 5

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        log_power = (
            params["log_amplitude"][..., None]
            - params["exponent"][..., None] * xp.log(x)
            - x / params["cutoff"][..., None]
        )
        return xp.log(xp.maximum(xp.exp(log_power) + params["offset"][..., None], _NOTHING))

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors.

        The level is that of the power law alone, without its end and the offset, at the last x;
        with the offset it becomes `with_offset` times as large, which is below 1 where the offset
        is negative. Laws that reach zero among the data have no likelihood. The cutoff may lie
        among the data or decades beyond them, where it changes nothing.
        """
        from .priors import LogNormal, Normal

        return {
            "exponent": Normal(0.5, 0.5),
            "cutoff": LogNormal(10.0 * window.x_high, 3.0, unit="x"),
            "level": LogNormal(window.y_typical, 2.0, unit="y"),
            "with_offset": LogNormal(1.0, 2.0, unit="of the level"),
        }

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters from the power law at the last x, without and with offset."""
        level, last = sampled["level"], window.x_high
        return {
            "exponent": sampled["exponent"],
            "cutoff": sampled["cutoff"],
            "offset": level * (sampled["with_offset"] - 1.0),
            "log_amplitude": xp.log(level) + sampled["exponent"] * math.log(last),
        }

    def align(
        self, sampled: Mapping[str, Array], x: NDArray[Any], y: NDArray[Any]
    ) -> dict[str, Array]:
        """Return starts whose level and offset come from a regression on each one's shape.

        Given exponent and cutoff the law is linear in the power's amplitude and the offset.
        """
        rate, slope = 1.0 / sampled["cutoff"][:, None], sampled["exponent"][:, None]
        shape = np.exp(np.clip(slope * np.log(x[-1] / x) - rate * x, -300.0, 300.0))
        basis = np.stack([shape, np.ones_like(shape)], axis=-1) / y[:, None]
        size = np.abs(basis).max(axis=1, keepdims=True)
        scaled = basis / size
        gram = np.swapaxes(scaled, 1, 2) @ scaled + 1e-10 * np.eye(2)
        solved = np.linalg.solve(gram, scaled.sum(axis=1)[..., None])[..., 0] / size[:, 0]
        level, offset = solved[:, 0], solved[:, 1]
        sound = (level > 0.0) & (level + offset > 0.0)
        moved = dict(sampled)
        moved["level"] = np.where(sound, level, y[-1])
        moved["with_offset"] = np.where(sound, 1.0 + offset / np.where(sound, level, 1.0), 1.0)
        return moved
