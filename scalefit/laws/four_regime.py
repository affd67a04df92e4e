"""Four-regime law: the joint law of the solvable random-feature model at its best ridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .limited import LimitedLaw


@dataclass(frozen=True)
class FourRegime(LimitedLaw):
    """Variance-limited and resolution-limited scaling in model size and data, in one law.

    Random features of a target whose spectrum falls as a power, with the ridge that is best at each
    size: where one of the two abounds the loss falls with the other one's exponent, and approaches
    that plateau with exponent 1. With P = (N / N_c)^(a / b) and D' = D / D_c

        L(P, D') = n^(-b) / [(1 + b) - b (n/P + n/D') + (b - 1) n^2/(P D')]

    at the n that minimises it, and y = E + L. `exponent` holds a and b, `scale` N_c and D_c. For
    a = b it is the law of the model itself.

    Source
    ------
    Bahri, Dyer, Kaplan, Lee, Sharma (2024), "Explaining neural scaling laws" (arXiv:2102.06701),
    for the four regimes; Maloney, Roberts, Sully (2022) (arXiv:2210.16859) for the model. The law
    at the best ridge is the deterministic equivalent minimised in closed form.
    """

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        return "four-regime law" if self.floor else "four-regime law without floor"

    def log_limited(self, log_p: Any, log_d: Any, exponent: Any, xp: Any = np) -> Any:
        """Return log L at the best ridge.

        With s = 1/P + 1/D' and q = 1/(P D' s^2), n is v/s, where (b-1)(b+2) q v^2 - b(1+b) v +
        b(1+b) = 0; the smaller root, in the form that is regular at b = 1.
        """
        log_s = xp.logaddexp(-log_p, -log_d)
        product = xp.exp(-log_p - log_d - 2.0 * log_s)
        ratio = (exponent - 1.0) * (exponent + 2.0) / (exponent * (exponent + 1.0))
        modes = 2.0 / (1.0 + xp.sqrt(1.0 - 4.0 * ratio * product))
        below = (1.0 + exponent) - exponent * modes + (exponent - 1.0) * modes**2 * product
        return exponent * (log_s - xp.log(modes)) - xp.log(below)
