"""Monomial law: a product of powers of all predictors, above a floor or none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from .base import Law, Parameter
from .centred import level, offsets, several
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior


@dataclass(frozen=True)
class Monomial(Law):
    """A product of powers, such as of parameters and experts, or of parallel streams.

        y = E + A prod_j x_j^(-a_j) exp( sum_(i<j) c_ij log(x_i/o_i) log(x_j/o_j) )

    with the last factor where `coupled`: the exponent of each predictor then changes with the
    others, as it does with the number of experts. `exponent` holds a_j at the centre o of the data,
    where `amplitude` is the part of y above the floor; exponents may be negative.

    Parameters
    ----------
    floor
        Whether there is a floor E.
    coupled
        Whether the products of the logs of two predictors are in the law.
    predictors
        Names of what is raised to a power, two or more.

    Source
    ------
    Clark et al. (2022), "Unified scaling laws for routed language models", equation 7
    (arXiv:2202.01169), for the product of the logs.
    """

    floor: bool | float = True
    coupled: bool = False
    predictors: tuple[str, ...] = ("n_params", "tokens")

    def __post_init__(self) -> None:
        several(self)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of predictors whose logs are multiplied."""
        return list(combinations(range(len(self.predictors)), 2)) if self.coupled else []

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        extra = " with products of logs" * self.coupled + " without floor" * (not self.floor)
        return f"monomial law{extra}"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        inf, k = math.inf, len(self.predictors)
        found = [
            Parameter("exponent", k, "predictor", -inf, inf, "", "of each power, negative"),
            Parameter("centre", k, "predictor", 0.0, inf, "x", "where exponents and amplitude are"),
            Parameter("amplitude", 1, "law", 0.0, inf, "y", "y above the floor at the centre"),
        ]
        if self.coupled:
            found.append(
                Parameter("coupling", len(self.pairs), "pair", -inf, inf, "", "of the logs of two")
            )
        if self.floor:
            found.append(Parameter("floor", 1, "law", 0.0, inf, "y", "what y falls to"))
        return tuple(found)

    @property
    def minimum_points(self) -> int:
        """Fewest distinct x at which a curve is worth fitting."""
        return 1 + len(self.predictors) + len(self.pairs) + bool(self.floor)

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        logs = [
            xp.log(x[:, j]) - xp.log(params["centre"][..., j, None])
            for j in range(len(self.predictors))
        ]
        total = xp.log(params["amplitude"])[..., None]
        for j, one in enumerate(logs):
            total = total - params["exponent"][..., j, None] * one
        for at, (i, j) in enumerate(self.pairs):
            total = total + params["coupling"][..., at, None] * logs[i] * logs[j]
        if self.floor:
            total = xp.logaddexp(total, xp.log(params["floor"])[..., None])
        return total

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors: y at the centre of the data, and the part of it that stays."""
        from .priors import Beta, Normal

        found: dict[str, Prior] = {
            "exponent": Normal(0.3, 0.5, size=len(self.predictors)),
            "level": level(window),
        }
        if self.coupled:
            found["coupling"] = Normal(0.0, 0.1, size=len(self.pairs))
        if self.floor:
            found["floor_share"] = Beta(1.0, 2.0, unit="of y at the centre")
        return found

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters, all at the centre of the data."""
        level = sampled["level"]
        found = {"exponent": sampled["exponent"], "amplitude": level}
        found["centre"] = xp.exp(0.0 * sampled["exponent"] + offsets(window))
        if self.coupled:
            found["coupling"] = sampled["coupling"]
        if self.floor:
            found["floor"] = level * sampled["floor_share"]
            found["amplitude"] = level * (1.0 - sampled["floor_share"])
        return found
