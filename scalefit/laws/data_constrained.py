"""Data-constrained law: data that are repeated, and parameters beyond what they support."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .base import Law, Parameter
from .centred import level, offsets, plain
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior


@dataclass(frozen=True)
class DataConstrained(Law):
    """The additive law of data and parameters that count less the oftener data are repeated.

        y = E + A N'^(-a) + B D'^(-b)
        D' = U + U r_D [1 - exp(-(D/U - 1) / r_D)]
        N' = M + M r_N [1 - exp(-(N/M - 1) / r_N)]

    where U are the unique tokens, at most D, and M = min(N, N_opt(U)) the parameters that are best
    for U tokens seen once. `exponent` holds a and b, `amplitude` A and B, `repeats` r_D and
    `excess` r_N: how many epochs, and how many times the best size, count before they saturate.

    Parameters
    ----------
    floor
        Whether there is a floor E.
    saturating
        Whether parameters saturate too; without, N' = N.

    Source
    ------
    Muennighoff et al. (2023), "Scaling data-constrained language models", equations 5 and 6
    (arXiv:2305.16264); N_opt(U) by minimising the additive law at constant N D.
    """

    floor: bool | float = True
    saturating: bool = True
    predictors: tuple[str, ...] = ("n_params", "tokens", "unique_tokens")
    shared_powers: ClassVar[tuple[str, ...]] = ("exponent_n", "exponent_d")

    def __post_init__(self) -> None:
        plain(self)

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        extra = " of data alone" * (not self.saturating) + " without floor" * (not self.floor)
        return f"data-constrained law{extra}"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        inf = math.inf
        found = [
            Parameter("exponent_n", 1, "law", 0.0, inf, "", "of the power of N', negative"),
            Parameter("exponent_d", 1, "law", 0.0, inf, "", "of the power of D', negative"),
            Parameter("amplitude_n", 1, "law", 0.0, inf, "", "of the power of N'"),
            Parameter("amplitude_d", 1, "law", 0.0, inf, "", "of the power of D'"),
            Parameter("repeats", 1, "law", 0.0, inf, "", "epochs that count"),
        ]
        if self.saturating:
            found.append(Parameter("excess", 1, "law", 0.0, inf, "", "times N_opt that count"))
        if self.floor:
            found.append(Parameter("floor", 1, "law", 0.0, inf, "y", "what y falls to"))
        return tuple(found)

    @property
    def minimum_points(self) -> int:
        """Fewest distinct x at which a curve is worth fitting."""
        return 5 + self.saturating + bool(self.floor)

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        one = {name: value[..., None] for name, value in params.items() if name in self._scalars}
        size, tokens = xp.log(x[:, 0]), xp.log(x[:, 1])
        unique = xp.minimum(xp.log(x[:, 2]), tokens)
        a, b = one["exponent_n"], one["exponent_d"]
        log_a, log_b = xp.log(one["amplitude_n"]), xp.log(one["amplitude_d"])
        if self.saturating:
            # A a N^(-a) = B b D^(-b) where N D is constant
            best = (log_a + xp.log(a) - log_b - xp.log(b) + b * unique) / a
            size = _saturated(size, xp.minimum(size, best), one["excess"], xp)
        tokens = _saturated(tokens, unique, one["repeats"], xp)
        total = xp.logaddexp(log_a - a * size, log_b - b * tokens)
        if self.floor:
            total = xp.logaddexp(total, xp.log(one["floor"]))
        return total

    @property
    def _scalars(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.parameters)

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors: y at the centre of the data, as if all were seen once."""
        from .priors import Dirichlet, LogNormal

        found: dict[str, Prior] = {
            "exponent_n": LogNormal(0.4, 0.7),
            "exponent_d": LogNormal(0.4, 0.7),
            "level": level(window),
            "share": Dirichlet(1.0, 2 + bool(self.floor), unit="of y at the centre"),
            "repeats": LogNormal(10.0, 1.0),
        }
        if self.saturating:
            found["excess"] = LogNormal(10.0, 1.0)
        return found

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters from exponents, and the parts of y at the centre."""
        parts = sampled["level"][..., None] * sampled["share"]
        log_n, log_d, _ = offsets(window)
        found = {
            "exponent_n": sampled["exponent_n"],
            "exponent_d": sampled["exponent_d"],
            "amplitude_n": parts[..., 0] * xp.exp(sampled["exponent_n"] * log_n),
            "amplitude_d": parts[..., 1] * xp.exp(sampled["exponent_d"] * log_d),
            "repeats": sampled["repeats"],
        }
        if self.saturating:
            found["excess"] = sampled["excess"]
        if self.floor:
            found["floor"] = parts[..., -1]
        return found


def _saturated(log_x: Any, log_first: Any, times: Any, xp: Any) -> Any:
    """Return the log of x where what goes beyond the first part counts less and less."""
    beyond = xp.exp(log_x - log_first) - 1.0
    return log_first + xp.log1p(-times * xp.expm1(-beyond / times))
