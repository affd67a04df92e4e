"""Committee machine: its simulation and its theory."""

from scalefit.trainers.protocol import Family

from .settings import Committee

FAMILY = Family(
    Committee, simulations=f"{__name__}.simulate:SIMULATIONS", theory=f"{__name__}.theory:curves"
)
