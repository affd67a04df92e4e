"""Quadratic network under weight decay: its simulation and its theory."""

from scalefit.trainers.protocol import Family

from .settings import Quadratic

FAMILY = Family(
    Quadratic,
    simulations=f"{__name__}.simulate:SIMULATIONS",
    theory=f"{__name__}.theory:curves",
    phases=f"{__name__}.theory:phases",
)
