"""Segmented law: what every law of several regimes has, whatever its formula.

The formula that is fitted unless told otherwise stands in `broken.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array

from .base import Law

PER_REGIME = ("exponent", "crossover", "width")
"""Parameters with one value for each regime or crossover."""


class SegmentedLaw(Law):
    """A law whose exponent changes at crossovers, above a floor or none.

    Its natural parameters are `exponent`, one for each regime, `crossover` and `width`, one fewer,
    and `floor`. A subclass is a frozen dataclass with the fields `regimes` and `floor`; its formula
    is `log_power`, the law without floor.
    """

    auto_noises: ClassVar[tuple[str, ...]] = ("normal", "ar1", "changing")

    @property
    def known_floor(self) -> float | None:
        """The floor where its value is known, in the unit of y."""
        return None if isinstance(self.floor, bool | np.bool_) else float(self.floor)

    @abstractmethod
    def log_power(self, params: Mapping[str, Any], u: Any, xp: Any = np) -> Any:
        """Return log y without floor and noise at u = log x; shapes as in `Law.log_mean`."""

    @abstractmethod
    def local_exponent(
        self, params: Mapping[str, Array], x: ArrayLike, *, floor: bool = True
    ) -> Array:
        """Return minus d log y / d log x.

        Parameters
        ----------
        params
            Natural parameters by name, shape (...) or (..., size), or draws of a fit.
        x : shape (n,) or (..., n), in the unit of x, all > 0
            Where to evaluate.
        floor
            With the floor the value falls to zero once the floor dominates; False removes it.

        Returns
        -------
        shape (..., n), no unit
        """

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        return self.above_floor(self.log_power(params, xp.log(x), xp), params, xp)

    def above_floor(self, log_power: Any, params: Mapping[str, Any], xp: Any = np) -> Any:
        """Return log y of the whole law, given that of its power, both of shape (..., n)."""
        if not self.floor:
            return log_power
        return xp.logaddexp(log_power, xp.log(params["floor"])[..., None])

    def with_regimes(self, regimes: int, floor: bool | float | None = None) -> Self:
        """Return the law with another number of regimes; the floor stays unless it is given."""
        floor = self.floor if floor is None else floor
        return replace(self, regimes=regimes, floor=floor)  # type: ignore[type-var]

    def of_draws(self, params: Mapping[str, Array]) -> tuple[Self, dict[str, Array]]:
        """Return the law with most regimes of all draws of a fit, and the draws without gaps.

        Regimes that a draw lacks (NaN) repeat the last one that is there: a crossover between two
        equal exponents changes nothing, so draws with different numbers of regimes go through one
        formula. Draws without a floor have one at 0.
        """
        whole = dict(params)
        exponent = np.array(whole["exponent"])
        for j in range(1, exponent.shape[-1]):
            missing = np.isnan(exponent[..., j])
            exponent[..., j] = np.where(missing, exponent[..., j - 1], exponent[..., j])
        whole["exponent"] = exponent
        for name in ("crossover", "width"):
            if name in whole:
                whole[name] = np.nan_to_num(whole[name], nan=1.0)
        return self.with_regimes(exponent.shape[-1], floor="floor" in whole), whole

    def log_curve(self, params: Mapping[str, Array], x: Array, bend: Array | None = None) -> Array:
        """Return log y without noise for the draws of a fit; shapes as in `Law.log_curve`."""
        law, params = self.of_draws(params)
        power = np.asarray(law.log_power(params, np.log(x)))
        if bend is not None:
            power = power - bend
        with np.errstate(divide="ignore", invalid="ignore"):  # floors of 0; runs that failed
            return np.asarray(law.above_floor(power, params))

    def plateaus(
        self, params: Mapping[str, Array], first: float, last: float, threshold: float
    ) -> tuple[Array, Array]:
        """Return where plateaus begin and stop in log x, shape (draws, regimes); equal where none.

        A plateau is a regime with |exponent| below the threshold, flat also at its middle with the
        crossovers beside it. Flat regimes in a row are one plateau, which stands at the first of
        them. A draw whose regimes are all flat has none.

        Parameters
        ----------
        params
            Draws of a fit.
        first, last
            Log of the first and the last x of the data.
        threshold
            |exponent| below which a regime is flat.
        """
        law, params = self.of_draws(params)
        exponent = params["exponent"]
        draws, regimes = exponent.shape
        edges = np.empty((draws, regimes + 1))
        edges[:, 0], edges[:, -1] = first, last
        if regimes > 1:  # missing regimes repeat the last one, from the end of the data on
            given = np.log(params["crossover"])
            missing = np.diff(exponent, axis=1) == 0.0
            edges[:, 1:-1] = np.clip(np.where(missing, last, given), first, last)
        begin, stop = edges[:, :-1].copy(), edges[:, 1:].copy()
        middle = law.local_exponent(params, np.exp(0.5 * (begin + stop)), floor=False)
        level = np.abs(exponent) < threshold
        level &= (np.abs(middle) < threshold) | (stop <= begin)
        level &= ~level.all(axis=1, keepdims=True)
        stop = np.where(level, stop, begin)
        for j in range(regimes - 1, 0, -1):
            joined = level[:, j] & level[:, j - 1]
            stop[:, j - 1] = np.where(joined, stop[:, j], stop[:, j - 1])
            stop[:, j] = np.where(joined, begin[:, j], stop[:, j])
        return begin, stop
