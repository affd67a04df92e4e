"""Kaplan's law: what model size and data limit, added up under one power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .limited import LimitedLaw


@dataclass(frozen=True)
class Kaplan(LimitedLaw):
    """Loss that model size and data limit under one power, above a floor or none.

        y = [(N_c / N)^(a / b) + D_c / D]^b + E

    `exponent` holds a and b, `scale` N_c and D_c, `floor` is E.

    Source
    ------
    Kaplan et al. (2020), "Scaling laws for neural language models", equation 1.5
    (arXiv:2001.08361); the floor is ours.
    """

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        return "Kaplan's law" if self.floor else "Kaplan's law without floor"

    def log_limited(self, log_p: Any, log_d: Any, exponent: Any, xp: Any = np) -> Any:
        """Return log of (1 / P + 1 / D')^b."""
        return exponent * xp.logaddexp(-log_p, -log_d)
