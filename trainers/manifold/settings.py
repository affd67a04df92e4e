"""Settings of interpolation on a manifold, and of networks that learn on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from scalefit.errors import ConfigError
from scalefit.trainers.settings import Settings, choice, number, whole

HIGHEST = 4
"""Dimension up to which space is cut into simplices."""
_EXACT, _NETWORK = ("nearest", "linear"), ("network",)


@dataclass(frozen=True, kw_only=True)
class Manifold(Settings):
    """Settings of what learns a function on a torus of some dimension.

    Attributes
    ----------
    protocol
        What a new point is given: `"nearest"`, the value of the nearest example; `"linear"`, the
        linear interpolation in the simplex of examples around it, as a network of rectified units
        does between its kinks; `"network"`, what such a network says that was trained on them, the
        student of another one, the teacher.
    dimension : 1 to 32, to 4 for `"linear"`
        d of the torus, whose sides are of length 1.
    n_train : >= 2, >= 10^dimension for `"linear"`, 0 for `"network"`
        Examples, uniform on the torus, without noise. Smaller sets of a seed are part of larger
        ones. A network takes 0 for new ones at every step, so that its size is all that limits it.
    frequency : >= 1
        Largest wave number of the function, a sum of `waves` random ones along each axis.
    waves : >= 1
        Number of waves; the function has variance 1.
    n_test : >= 1
        New points on which the loss is measured.
    width : >= 1
        Units in each of the student's two hidden layers.
    teacher_width : >= 1
        Units in each of the teacher's.
    learning_rate : > 0
        Of Adam, at its largest.
    batch : >= 1
        Examples per step.
    steps : >= 1
        Length of a training.
    points : >= 2
        Largest number of checkpoints, log-spaced.
    """

    family: ClassVar[str] = "manifold"
    description: ClassVar[str] = (
        "functions on a d-dimensional torus, learned by nearest neighbour (2/d), piecewise linear "
        "(4/d) and by networks"
    )
    always: ClassVar[tuple[str, ...]] = ("dimension", "n_train")
    streams: ClassVar[tuple[str, ...]] = (
        "dimension", "frequency", "waves", "n_test", "teacher_width",
    )  # fmt: skip

    protocol: str = choice(*_EXACT, "network")
    dimension: int = whole(2, low=1, high=32)
    n_train: int = whole(1000, low=0, high=10**7, unit="examples")
    frequency: int = whole(1, low=1, high=100, only=_EXACT)
    waves: int = whole(8, low=1, high=10_000, only=_EXACT)
    n_test: int = whole(4000, low=2, high=10**7)
    width: int = whole(64, low=1, high=10**5, only=_NETWORK)
    teacher_width: int = whole(16, low=1, high=10**5, only=_NETWORK)
    learning_rate: float = number(0.003, low=0, above=True, only=_NETWORK)
    batch: int = whole(64, low=1, only=_NETWORK)
    steps: int = whole(5000, low=1, only=_NETWORK)
    points: int = whole(20, low=2, only=_NETWORK)

    def check(self) -> None:
        """Raise ConfigError where examples are too few, or dimensions too many for simplices."""
        if self.n_train < 2 and (self.n_train or self.protocol != "network"):
            raise ConfigError(
                f"setting 'n_train' is {self.n_train}: give 2 or more; 0, new examples at every "
                "step, is for protocol='network'"
            )
        if self.protocol != "linear":
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

    @property
    def n_params(self) -> int:
        """Return the number of the student's parameters."""
        return self.width * (2 * self.dimension + self.width + 3) + 1

    def derived(self) -> dict[str, float]:
        """Return the student's parameters, and `inf` for new examples at every step."""
        if self.protocol != "network":
            return {"n_params": math.nan}
        return {"n_params": self.n_params, "n_train": self.n_train or math.inf}
