"""Diagonal network under weight decay: its simulation and its theory."""

from scalefit.trainers.protocol import Family

from .settings import Diagonal

FAMILY = Family(
    Diagonal,
    simulations=f"{__name__}.simulate:SIMULATIONS",
    theory=f"{__name__}.theory:curves",
    phases=f"{__name__}.theory:phases",
)
