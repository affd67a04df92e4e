"""Broken power law, the law fitted by default: exponents joined at crossovers, above a floor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError

from .base import Parameter
from .segmented import SegmentedLaw
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior

DECADES = 2.0 * math.log(9.0) / math.log(10.0)
"""Width in decades (10-90% of the change of slope) of a softplus of unit scale in log x."""

MAX_REGIMES = 6


@dataclass(frozen=True)
class BrokenPowerLaw(SegmentedLaw):
    """Power law with `regimes` exponents, joined smoothly at crossovers, optionally with a floor.

    With u = log x, crossover positions c_i and softplus scales w_i = width_i / 1.909,

        log y = logaddexp(log A - a_0 u - sum_i (a_i - a_{i-1}) w_i softplus((u - log c_i) / w_i),
                          log E)

    so y falls as A x^(-a_0) at first, as x^(-a_i) after the i-th crossover, and tends to the floor
    E. Exponents a_i are positive where y falls.

    Attributes
    ----------
    regimes
        Number of exponents, 1 to 6: one more than there are crossovers.
    floor
        Whether an asymptote is added under the whole law; or the value of a known one, in the unit
        of y.

    Raises
    ------
    ConfigError
        If `regimes` is not an integer from 1 to 6, or a known floor is not positive.

    Source
    ------
    Smoothly broken power law; the same family as Caballero et al. (2023), "Broken Neural Scaling
    Laws" (arXiv:2210.14891), whose f_i is w_i here, with the exponents themselves as parameters.
    """

    regimes: int = 1
    floor: bool | float = True
    prior_sets: ClassVar[tuple[str, ...]] = ("default", "narrow", "anchored")

    def __post_init__(self) -> None:
        if isinstance(self.regimes, bool) or not isinstance(self.regimes, int | np.integer):
            raise ConfigError(f"regimes={self.regimes!r}: give a whole number from 1 to 6")
        if not 1 <= self.regimes <= MAX_REGIMES:
            raise ConfigError(f"regimes={self.regimes}: give a number from 1 to {MAX_REGIMES}")
        if self.known_floor is not None and not 0.0 < self.known_floor < math.inf:
            raise ConfigError(f"floor={self.floor}: a known floor must be positive")

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        count = f"{self.regimes} regime" + ("s" if self.regimes > 1 else "")
        if self.known_floor is not None:
            return f"{count}, floor at {self.known_floor:g}"
        return f"{count}, {'floor' if self.floor else 'no floor'}"

    @property
    def minimum_points(self) -> int:
        """Two distinct x per regime and one more."""
        return 2 * self.regimes + 1

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        n = self.regimes - 1
        inf = math.inf
        listed = (
            Parameter("exponent", n + 1, "regime", -inf, inf, "", "minus the slope in log-log"),
            Parameter("crossover", n, "crossover", 0.0, inf, "x", "where two regimes meet"),
            Parameter("width", n, "crossover", 0.0, inf, "decades", "10-90% of the slope's change"),
            Parameter("floor", 1, "law", 0.0, inf, "y", "asymptote under the whole law"),
            Parameter("log_amplitude", 1, "law", -inf, inf, "", "log A of the first regime"),
        )
        return tuple(p for p in listed if p.size and (p.name != "floor" or self.floor))

    def log_power(self, params: Mapping[str, Any], u: Any, xp: Any = np) -> Any:
        """Return log y without floor and noise at u = log x; shapes as in `Law.log_mean`."""
        return params["log_amplitude"][..., None] + self._log_shape(params, u, xp)

    def _log_shape(self, params: Mapping[str, Any], u: Any, xp: Any) -> Any:
        """Return the log of the law at amplitude 1 without floor, at u = log x."""
        exponent = params["exponent"]
        log_y = -exponent[..., 0, None] * u
        for i in range(self.regimes - 1):
            scale, past = self._past(params, i, u, xp)
            change = exponent[..., i + 1, None] - exponent[..., i, None]
            log_y = log_y - change * scale * xp.logaddexp(0.0, past)
        return log_y

    @staticmethod
    def _past(params: Mapping[str, Any], i: int, u: Any, xp: Any) -> tuple[Any, Any]:
        """Return the softplus scale of a crossover, and how many of it u = log x lies beyond."""
        scale = params["width"][..., i, None] / DECADES
        return scale, (u - xp.log(params["crossover"])[..., i, None]) / scale

    def local_exponent(
        self, params: Mapping[str, Array], x: ArrayLike, *, floor: bool = True
    ) -> Array:
        """Return minus d log y / d log x; shapes as in `SegmentedLaw.local_exponent`."""
        law, params = self.of_draws(params)
        u = np.log(np.asarray(x, dtype=float))
        exponent = params["exponent"]
        local = np.broadcast_to(exponent[..., 0, None], (*exponent.shape[:-1], u.shape[-1])).copy()
        for i in range(law.regimes - 1):
            _, past = law._past(params, i, u, np)
            change = exponent[..., i + 1, None] - exponent[..., i, None]
            local += change * np.exp(-np.logaddexp(0.0, -past))
        if floor and law.floor:
            with np.errstate(divide="ignore", invalid="ignore"):  # floors of 0; runs that failed
                log_power = law.log_power(params, u)
                local *= np.exp(log_power - law.above_floor(log_power, params))
        return local

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors.

        Exponents share a scale, so that shallow and steep laws are both within reach; crossovers
        repel each other and the ends; the floor is a share of the level at the last x, stretched
        towards 1 because a steep law that has met its floor leaves next to nothing above it.
        """
        from .priors import Dirichlet, LogNormal, Relative, StretchedShare

        n = self.regimes - 1
        priors: dict[str, Prior] = {
            "steepness": LogNormal(0.4, 0.7),
            "exponent": Relative("steepness", centre=0.5, size=n + 1),
        }
        if n:
            priors["gap"] = Dirichlet(3.0, size=n + 1)
            priors["width"] = LogNormal(0.5 * DECADES, 1.0, unit="decades", size=n)
        known = self.known_floor
        if known is None:
            priors["level"] = LogNormal(window.y_typical, 2.0, unit="y")
            if self.floor:
                priors["floor_share"] = StretchedShare(1.6)
        else:  # the level is then that of what lies above the floor
            above = max(window.y_typical - known, 0.01 * window.y_typical)
            priors["level"] = LogNormal(above, 2.0, unit="y")
        return priors

    def prior_set(self, name: str, window: Window) -> dict[str, Prior]:
        """Return the priors of a set; of `"anchored"` the noise differs, and not the law."""
        return self.narrow_priors(window) if name == "narrow" else super().prior_set(name, window)

    def replaced(
        self, priors: dict[str, Prior], overrides: Mapping[str, Prior]
    ) -> dict[str, Prior]:
        """Return the priors with that of the floor, in the unit of y, in place of its share's.

        Raises
        ------
        ConfigError
            If the prior of a floor is not log-normal.
        """
        from .priors import LogNormal

        limit = overrides.get("floor")
        if limit is None or "floor_share" not in priors:
            return priors
        if not isinstance(limit, LogNormal):
            raise ConfigError(
                f"the prior of 'floor' is {limit.words()}: give LogNormal(value, error / value), "
                "or a known floor=value"
            )
        named = {"floor" if name == "floor_share" else name: one for name, one in priors.items()}
        return {**named, "floor": replace(limit, unit="y")}

    def narrow_priors(self, window: Window) -> dict[str, Prior]:
        """Return the alternative priors, to see what the answers owe to the default ones.

        Exponents are Normal(0.3, 0.3), widths scale with the range of x, and the floor's share is
        uniform: a steep law that has met its floor is nearly excluded.
        """
        from .priors import LogNormal, Normal, Uniform

        priors = self.priors(window)
        decades = math.log10(window.x_high / window.x_low)
        changed: dict[str, Prior] = {
            "exponent": Normal(0.3, 0.3, size=self.regimes),
            "width": LogNormal(
                0.03 * decades * DECADES * math.log(10.0),
                0.6,
                unit="decades",
                size=self.regimes - 1,
            ),
            "floor_share": Uniform(unit="share of the level"),
        }
        return {
            name: changed.get(name, prior) for name, prior in priors.items() if name != "steepness"
        }

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters from level and floor share at the last x, and log gaps in x.

        A floor that is known, or has a prior of its own, is under the level, not a share of it.
        """
        start, stop = math.log(window.x_low), math.log(window.x_high)
        params: dict[str, Any] = {"exponent": sampled["exponent"]}
        if self.regimes > 1:
            passed = xp.cumsum(sampled["gap"][..., :-1], axis=-1)
            params["crossover"] = xp.exp(start + (stop - start) * passed)
            params["width"] = sampled["width"]
        log_power = xp.log(sampled["level"])
        if self.known_floor is not None:
            params["floor"] = xp.zeros_like(sampled["level"]) + self.known_floor
        elif "floor" in sampled:
            params["floor"] = sampled["floor"]
        elif self.floor:
            params["floor"] = sampled["level"] * sampled["floor_share"]
            log_power = log_power + xp.log1p(-sampled["floor_share"])
        last = self._log_shape(params, np.array([stop]), xp)[..., 0]
        params["log_amplitude"] = log_power - last
        return params

    def align(
        self, sampled: Mapping[str, Array], x: NDArray[Any], y: NDArray[Any]
    ) -> dict[str, Array]:
        """Return starts whose exponents and level come from a regression on each one's crossovers.

        Given crossovers, widths and the floor's share, log(y - floor) is linear in the exponents
        and the level.
        """
        moved = dict(sampled)
        m = len(sampled["level"])
        log_y, u = np.log(y), np.log(x)
        end = np.exp(np.mean(log_y[-4:]))
        share = sampled["floor_share"] if "floor_share" in sampled else np.zeros(m)
        under = sampled.get("floor", self.known_floor)
        if under is not None:
            share = np.full(m, np.minimum(under / end, 0.99))
        above = np.maximum(y / end - share[:, None], 0.02 * y / end)
        target = np.log(above / (1.0 - share[:, None]))
        weight = above * end / y
        basis = [np.ones((m, u.size))]
        unit = {"gap": sampled["gap"], "width": sampled["width"]} if self.regimes > 1 else {}
        window = Window(float(x.min()), float(x.max()), 1.0)
        for j in range(self.regimes):
            exponent = np.zeros((m, self.regimes))
            exponent[:, j] = 1.0
            bare = BrokenPowerLaw(self.regimes, floor=False)
            params = bare.natural({**unit, "exponent": exponent, "level": np.ones(m)}, window)
            basis.append(bare.log_mean(params, x))
        design = np.stack(basis, axis=-1) * weight[..., None]
        ridge = 0.05**2 * np.eye(self.regimes + 1)
        ridge[0, 0] = 1e-8
        gram = np.swapaxes(design, 1, 2) @ design + ridge
        right = np.swapaxes(design, 1, 2) @ (weight * target)[..., None]
        solved = np.linalg.solve(gram, right)[..., 0]
        moved["level"] = end * np.exp(solved[:, 0])
        if under is not None:
            moved["level"] = np.maximum(moved["level"] - under, 0.01 * end)
        moved["exponent"] = solved[:, 1:]
        if "steepness" in sampled:
            size = np.sqrt(np.mean(solved[:, 1:] ** 2, axis=1))
            moved["steepness"] = np.clip(size, 0.05, 4.0)
        return moved


def PowerLaw(floor: bool | float = True) -> BrokenPowerLaw:
    """Return the law of one regime, y = A x^(-a) + E.

    Parameters
    ----------
    floor
        As of `BrokenPowerLaw`: whether there is an E, or its value where it is known.

    Raises
    ------
    ConfigError
        If a known floor is not positive.
    """
    return BrokenPowerLaw(1, floor)
