"""Settings that networks under weight decay have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scalefit.trainers.settings import Settings, choice, number, whole

NETWORKS = ("lbfgs", "gradient_descent", "adam")


@dataclass(frozen=True, kw_only=True)
class WeightDecay(Settings):
    """Settings of a network under weight decay.

    They are described where families inherit them.
    """

    always: ClassVar[tuple[str, ...]] = ("n_train", "weight_decay")
    peak: ClassVar[float]
    """Examples over d at the peak of interpolation, `n_eff` / d."""

    d: int = whole(100, low=2)
    n_train: int = whole(200, low=1)
    gamma: float = number(1.0, low=0.5, above=True)
    noise: float = number(0.5, unit="variance of the labels", low=0)
    weight_decay: float = number(1.0, low=0, above=True)
    convention: str = choice("sum", "mean")
    init_scale: float = number(0.5, low=0, above=True, only=NETWORKS)
    learning_rate: float = number(0.03, low=0, above=True, only=("gradient_descent", "adam"))
    steps: int = whole(3000, low=1)
    points: int = whole(12, low=2)
    tolerance: float = number(1e-8, low=0, above=True)
    ranks: int = whole(0, low=0)

    @property
    def n_eff(self) -> float:
        """Return the number of examples over what the capacity grows with, less one factor d."""
        raise NotImplementedError

    @property
    def decay(self) -> float:
        """Return lambda: the weight decay in the convention `sum`."""
        raise NotImplementedError

    @property
    def kept(self) -> int:
        """Return how many values of a spectrum are recorded."""
        return min(self.ranks or self.d, self.d)

    def derived(self) -> dict[str, float]:
        """Return the effective number of examples, and lambda."""
        return {"n_eff": self.n_eff, "lambda": self.decay}
