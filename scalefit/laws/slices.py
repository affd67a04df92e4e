"""Slice of a law: it changes along one predictor, and the others are held at a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .base import Law, Parameter
from .priors import Prior
from .window import Window


@dataclass(frozen=True)
class Slice(Law):
    """A law of several predictors along one of them.

    Attributes
    ----------
    whole
        The law.
    along
        Which of its predictors changes.
    held
        The values of all, in their units; that of the one which changes is not used.
    """

    whole: Law
    along: int
    held: tuple[float, ...]

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        return f"{self.whole.name}, along {self.whole.predictors[self.along]}"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters of the whole law."""
        return self.whole.parameters

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`."""
        columns = [value + 0.0 * x for value in self.held]
        columns[self.along] = x
        return self.whole.log_mean(params, xp.stack(columns, axis=-1), xp)

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return nothing: a slice is of a fit, and not fitted itself."""
        del window
        return {}
