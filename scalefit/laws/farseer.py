"""Farseer's law: exponent and amplitude of the data term change with model size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Law

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Farseer(Law):
    """What model size limits, and a power of data whose exponent and amplitude change with size.

        y = E + exp[ e0 - e1 u - e2 u^2 ] + exp[ d0 - d1 u - d2 u^2 ] (D / D_0)^(-b exp(-g u))

    with u = log(N / N_0), and N_0, D_0 the centre of the data. `limit` holds the first bracket's
    coefficients, as powers of e and from the second on as exponents, `amplitude` those of the
    second, `exponent` is b and `drift` g.

    Parameters
    ----------
    floor
        Whether there is a floor E; without, large models have none.
    curved
        Whether the brackets are quadratic in u; without, linear.

    Source
    ------
    Li et al. (2025), "Farseer: a refined scaling law in large language models" (arXiv:2506.10972),
    for a data term that depends on N; brackets that are quadratic in log N are ours.
    """

    floor: bool = False
    curved: bool = True
    predictors: tuple[str, ...] = ("n_params", "tokens")

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        return (
            "Farseer's law" + " with floor" * self.floor + " of straight lines" * (not self.curved)
        )
