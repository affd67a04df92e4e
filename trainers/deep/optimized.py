"""Settings of an optimizer, for every family whose networks train by minibatches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scalefit.trainers.settings import Settings, choice, number, whole


@dataclass(frozen=True, kw_only=True)
class Optimized(Settings):
    """Settings of networks that an optimizer trains.

    Attributes
    ----------
    optimizer
        `"adam"`, `"adamw"` or `"sgd"`, with the decay rates 0.9 and 0.999.
    learning_rate : > 0
        At its highest.
    schedule
        `"constant"`, `"cosine"` or `"linear"`, the latter two down to zero at the last step.
    warm_up : >= 0, <= 1
        Share of the steps over which the learning rate rises in proportion.
    momentum : >= 0, < 1
        Of SGD.
    weight_decay : >= 0
        As in PyTorch: added to the gradient, but with AdamW taken from the weights.
    spectra : >= 0
        How many of the largest singular values of every layer are recorded, at every checkpoint.
        Those below 1e-7 of the largest are rounding.
    """

    optimizer: str = choice("adam", "adamw", "sgd")
    learning_rate: float = number(1e-3, low=0, above=True)
    schedule: str = choice("constant", "cosine", "linear")
    warm_up: float = number(0.0, low=0, high=1)
    momentum: float = number(0.0, low=0, high=0.9999)
    weight_decay: float = number(0.0, low=0)
    spectra: int = whole(0, low=0)

    @property
    def length(self) -> int:
        """Return the steps of a run."""
        raise NotImplementedError

    def used(self) -> dict[str, Any]:
        """Return the settings that the protocol uses; runs without spectra know nothing of them."""
        found = super().used()
        return found if self.spectra else {k: v for k, v in found.items() if k != "spectra"}
