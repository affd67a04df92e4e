"""A law of a user's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from scalefit.laws import Law, Parameter, Window
from scalefit.laws.priors import LogNormal, Prior


@dataclasses.dataclass(frozen=True)
class Exponential(Law):
    """y = amplitude * exp(-x / length)."""

    @property
    def name(self) -> str:
        return "exponential"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("amplitude", 1, "law", 0.0, np.inf, "y", "y at x = 0"),
            Parameter("length", 1, "law", 0.0, np.inf, "x", "x over which y falls by e"),
        )

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        return xp.log(params["amplitude"])[..., None] - x / params["length"][..., None]

    def priors(self, window: Window) -> dict[str, Prior]:
        return {
            "amplitude": LogNormal(window.y_typical, 2.0, unit="y"),
            "length": LogNormal(window.x_high, 2.0, unit="x"),
        }
