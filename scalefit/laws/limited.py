"""Limited law: what model size and data limit together, above a floor; two are of this kind."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .base import Law, Parameter
from .centred import exponents, level, offsets, plain
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior


@dataclass(frozen=True)
class LimitedLaw(Law):
    """A law that falls as N^(-a) where data abound and as D^(-b) where parameters do.

    With P = (N / N_c)^(a / b) and D' = D / D_c it is y = E + L(P, D'), where L falls to 1/k^b of
    its value if both arguments become k times as large. A subclass gives L.

    Parameters
    ----------
    floor
        Whether there is a floor E.
    """

    floor: bool | float = True
    predictors: tuple[str, ...] = ("n_params", "tokens")
    shared_powers: ClassVar[tuple[str, ...]] = ("exponent",)

    def __post_init__(self) -> None:
        plain(self)

    @abstractmethod
    def log_limited(self, log_p: Any, log_d: Any, exponent: Any, xp: Any = np) -> Any:
        """Return log L, given the logs of P and D' and the exponent b, which broadcast."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        inf = math.inf
        found = [
            Parameter(
                "exponent", 2, "predictor", 0.0, inf, "", "where the other abounds, negative"
            ),
            Parameter("scale", 2, "predictor", 0.0, inf, "x", "N_c and D_c"),
        ]
        if self.floor:
            found.append(Parameter("floor", 1, "law", 0.0, inf, "y", "what y falls to"))
        return tuple(found)

    @property
    def minimum_points(self) -> int:
        """Fewest distinct x at which a curve is worth fitting."""
        return 4 + bool(self.floor)

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        a, b = (params["exponent"][..., j, None] for j in range(2))
        log_p, log_d = (xp.log(x[:, j]) - xp.log(params["scale"][..., j, None]) for j in range(2))
        total = self.log_limited(a / b * log_p, log_d, b, xp)
        if self.floor:
            total = xp.logaddexp(total, xp.log(params["floor"])[..., None])
        return total

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors: y at the centre of the data, and what limits it there."""
        from .priors import Beta, Uniform

        found: dict[str, Prior] = {
            "exponent": exponents(2),
            "level": level(window),
            "share": Uniform(unit="of what N limits at the centre"),
        }
        if self.floor:
            found["floor_share"] = Beta(1.0, 2.0, unit="of y at the centre")
        return found

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters from exponents, level and shares at the centre."""
        a, b = (sampled["exponent"][..., j] for j in range(2))
        share, level = sampled["share"], sampled["level"]
        log_n, log_d = offsets(window)
        found = {"exponent": sampled["exponent"]}
        above = level
        if self.floor:
            found["floor"] = level * sampled["floor_share"]
            above = level * (1.0 - sampled["floor_share"])
        centre = self.log_limited(-xp.log(share), -xp.log1p(-share), b, xp)
        grown = (centre - xp.log(above)) / b  # of the log of P and D', so that L is what is above
        scale_n = log_n + b / a * (xp.log(share) - grown)
        scale_d = log_d + xp.log1p(-share) - grown
        found["scale"] = xp.exp(xp.stack([scale_n, scale_d], axis=-1))
        return found
