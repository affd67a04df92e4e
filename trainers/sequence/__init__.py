"""Emergence without images: sparse parities, induction heads, modular addition."""

from scalefit.trainers.protocol import Family

from .settings import Sequence

FAMILY = Family(
    Sequence, simulations=f"{__name__}.simulate:SIMULATIONS", theory=f"{__name__}.theory:curves"
)
