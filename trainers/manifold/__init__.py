"""Manifold: interpolation of a smooth function on it, its simulation and its theory."""

from scalefit.trainers.protocol import Family

from .settings import Manifold

FAMILY = Family(
    Manifold, simulations=f"{__name__}.simulate:SIMULATIONS", theory=f"{__name__}.theory:curves"
)
