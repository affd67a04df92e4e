"""Additive law: a power of each predictor, added up above a floor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .base import Law, Parameter
from .centred import exponents, level, log_sum, offsets, several
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior


@dataclass(frozen=True)
class Additive(Law):
    """Loss that model size and data limit one beside the other.

        y = E + A N^(-a) + B D^(-b)        (+ C N^(-a) D^(-b) with `product`)

    `exponent` holds a and b, `amplitude` A and B, `floor` is E and `product` C.

    Parameters
    ----------
    floor
        Whether there is a floor.
    product
        Whether the product of the powers is a term of its own.
    predictors
        Names of what is raised to a power, two or more.

    Source
    ------
    Rosenfeld, Rosenfeld, Belinkov, Shavit (2020), "A constructive prediction of the generalization
    error across scales", equation 3 (arXiv:1909.12673); Hoffmann et al. (2022), "Training
    compute-optimal large language models", equation 2 (arXiv:2203.15556).
    """

    floor: bool | float = True
    product: bool = False
    predictors: tuple[str, ...] = ("n_params", "tokens")
    shared_powers: ClassVar[tuple[str, ...]] = ("exponent",)

    def __post_init__(self) -> None:
        several(self)

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        extra = " with product" * self.product + " without floor" * (not self.floor)
        return f"additive law{extra}"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        k = len(self.predictors)
        found = [
            Parameter("exponent", k, "predictor", 0.0, math.inf, "", "of each power, negative"),
            Parameter("amplitude", k, "predictor", 0.0, math.inf, "", "of each power"),
        ]
        if self.product:
            found.append(
                Parameter("product", 1, "law", 0.0, math.inf, "", "amplitude of all at once")
            )
        if self.floor:
            found.append(Parameter("floor", 1, "law", 0.0, math.inf, "y", "what y falls to"))
        return tuple(found)

    @property
    def minimum_points(self) -> int:
        """Fewest distinct x at which a curve is worth fitting."""
        return 2 * len(self.predictors) + bool(self.floor) + self.product

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        k = len(self.predictors)
        powers = [params["exponent"][..., j, None] * xp.log(x[:, j]) for j in range(k)]
        terms = [xp.log(params["amplitude"][..., j, None]) - powers[j] for j in range(k)]
        if self.product:
            terms.append(xp.log(params["product"])[..., None] - sum(powers))
        if self.floor:
            terms.append(xp.log(params["floor"])[..., None])
        return log_sum(terms, xp)

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors: y at the centre of the data, and what it is made of there."""
        from .priors import Dirichlet

        parts = len(self.predictors) + self.product + bool(self.floor)
        return {
            "exponent": exponents(len(self.predictors)),
            "level": level(window),
            "share": Dirichlet(1.0, parts, unit="of y at the centre"),
        }

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters from exponents, and the parts of y at the centre."""
        k = len(self.predictors)
        parts = sampled["level"][..., None] * sampled["share"]
        powers = xp.exp(sampled["exponent"] * offsets(window))
        found = {"exponent": sampled["exponent"], "amplitude": parts[..., :k] * powers}
        if self.product:
            found["product"] = parts[..., k] * xp.prod(powers, axis=-1)
        if self.floor:
            found["floor"] = parts[..., -1]
        return found
