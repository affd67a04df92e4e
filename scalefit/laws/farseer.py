"""Farseer's law: exponent and amplitude of the data term change with model size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .base import Law, Parameter
from .centred import level, offsets, plain
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior

CHANGING = ("limit", "amplitude", "exponent")
"""What changes with model size."""


@dataclass(frozen=True)
class Farseer(Law):
    """What model size limits, and a power of data whose exponent and amplitude change with size.

        y = E + M h_M(u) + A h_A(u) (D / D_0)^(-b h_b(u)),    u = log(N / N_0)
        h(u) = exp[ -s (e^(q u) - 1) / q ]

    with N_0, D_0 the centre of the data, kept as `centre`. `limit` is M, what stays at N_0 where D
    is large, `amplitude` A and `exponent` b. Each has a `..._slope` s, minus the slope of its log
    in log N at the centre, and where `curved` a `..._bend` q, at which rate that slope grows with
    log N. In terms of N itself h is the exponential of a power of N, as in the source.

    Parameters
    ----------
    floor
        Whether there is a floor E; without, the largest models have none.
    curved
        Whether slopes change with log N; without, M, A and b are powers of N.

    Source
    ------
    Li et al. (2025), "Farseer: a refined scaling law in large language models" (arXiv:2506.10972),
    L = e^(s N^q + S) + e^(B N^b + Q) D^(-e^(A N^a + E)), around the centre of the data; the floor
    is ours.
    """

    floor: bool | float = False
    curved: bool = True
    predictors: tuple[str, ...] = ("n_params", "tokens")

    def __post_init__(self) -> None:
        plain(self)

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        extra = " of powers" * (not self.curved) + " with floor" * bool(self.floor)
        return f"Farseer's law{extra}"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        inf = math.inf
        found = [
            Parameter("limit", 1, "law", 0.0, inf, "y", "what endless data leave at the centre"),
            Parameter("amplitude", 1, "law", 0.0, inf, "y", "what they take away at the centre"),
            Parameter("exponent", 1, "law", 0.0, inf, "", "of data at the centre, negative"),
        ]
        for one in CHANGING:
            words = f"of log {one} in log N at the centre, negative"
            low = 0.0 if one == "limit" else -inf
            found.append(Parameter(f"{one}_slope", 1, "law", low, inf, "", words))
        if self.curved:
            words = "rate at which the slope grows with log N"
            found += [Parameter(f"{one}_bend", 1, "law", -inf, inf, "", words) for one in CHANGING]
        found.append(Parameter("centre", 2, "predictor", 0.0, inf, "x", "where these values are"))
        if self.floor:
            found.append(Parameter("floor", 1, "law", 0.0, inf, "y", "what y falls to"))
        return tuple(found)

    @property
    def minimum_points(self) -> int:
        """Fewest distinct x at which a curve is worth fitting."""
        return 6 + 3 * self.curved + bool(self.floor)

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        size, data = (xp.log(x[:, j]) - xp.log(params["centre"][..., j, None]) for j in range(2))
        limit, amplitude, exponent = (
            xp.log(params[one])[..., None] - self._lost(params, one, size, xp) for one in CHANGING
        )
        total = xp.logaddexp(limit, amplitude - xp.exp(exponent) * data)
        if self.floor:
            total = xp.logaddexp(total, xp.log(params["floor"])[..., None])
        return total

    def _lost(self, params: Mapping[str, Any], name: str, size: Any, xp: Any) -> Any:
        """Return s (e^(q u) - 1) / q of one of `CHANGING`; s u where q u vanishes."""
        straight = params[f"{name}_slope"][..., None] * size
        if not self.curved:
            return straight
        bent = params[f"{name}_bend"][..., None] * size
        tiny = xp.abs(bent) < 1e-8
        return straight * xp.where(tiny, 1.0, xp.expm1(bent) / xp.where(tiny, 1.0, bent))

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors: y at the centre of the data, and what it is made of there."""
        from .priors import Dirichlet, LogNormal, Normal

        found: dict[str, Prior] = {
            "exponent": LogNormal(0.4, 0.7),
            "level": level(window),
            "share": Dirichlet(1.0, 2 + bool(self.floor), unit="of y at the centre"),
            "limit_slope": LogNormal(0.2, 1.0),
            "amplitude_slope": Normal(0.0, 0.5),
            "exponent_slope": Normal(0.0, 0.2),
        }
        if self.curved:
            found |= {f"{one}_bend": Normal(0.0, 0.2) for one in CHANGING}
        return found

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters, all at the centre of the data."""
        parts = sampled["level"][..., None] * sampled["share"]
        changing = [name for name in sampled if name.endswith(("_slope", "_bend"))]
        found = {name: sampled[name] for name in ("exponent", *changing)}
        found |= {"limit": parts[..., 0], "amplitude": parts[..., 1]}
        found["centre"] = xp.exp(0.0 * sampled["level"][..., None] + offsets(window))
        if self.floor:
            found["floor"] = parts[..., 2]
        return found
