"""Settings of interpolation on a manifold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scalefit.errors import ConfigError
from scalefit.trainers.settings import Settings, choice, whole

HIGHEST = 4
"""Dimension up to which space is cut into simplices."""


@dataclass(frozen=True, kw_only=True)
class Manifold(Settings):
    """Settings of the interpolation of a smooth function on a torus of some dimension.

    Attributes
    ----------
    protocol
        What a new point is given: `"nearest"`, the value of the nearest example; `"linear"`, the
        linear interpolation in the simplex of examples around it, as a network of rectified units
        does between its kinks.
    dimension : 1 to 32, to 4 for `"linear"`
        d of the torus, whose sides are of length 1.
    n_train : >= 2, >= 10^dimension for `"linear"`
        Examples, uniform on the torus, without noise. Smaller sets of a seed are part of larger
        ones.
    frequency : >= 1
        Largest wave number of the function, a sum of `waves` random ones along each axis.
    waves : >= 1
        Number of waves; the function has variance 1.
    n_test : >= 1
        New points on which the loss is measured.
    """

    family: ClassVar[str] = "manifold"
    description: ClassVar[str] = (
        "interpolation of a smooth function on a d-dimensional torus, by nearest neighbour (2/d) "
        "and piecewise linear (4/d)"
    )
    always: ClassVar[tuple[str, ...]] = ("dimension", "n_train")
    streams: ClassVar[tuple[str, ...]] = ("dimension", "frequency", "waves", "n_test")

    protocol: str = choice("nearest", "linear")
    dimension: int = whole(2, low=1, high=32)
    n_train: int = whole(1000, low=2, high=10**7, unit="examples")
    frequency: int = whole(1, low=1, high=100)
    waves: int = whole(8, low=1, high=10_000)
    n_test: int = whole(4000, low=1, high=10**7)

    def check(self) -> None:
        """Raise ConfigError where examples are too few, or dimensions too many for simplices."""
        if self.protocol == "nearest":
            return
        if self.dimension > HIGHEST:
            raise ConfigError(
                f"setting 'dimension' is {self.dimension}: simplices are cut up to {HIGHEST}; take "
                "protocol='nearest'"
            )
        if self.n_train < 10**self.dimension:
            raise ConfigError(
                f"setting 'n_train' is {self.n_train}: simplices around the torus need "
                f"{10**self.dimension} examples in {self.dimension} dimensions"
            )
