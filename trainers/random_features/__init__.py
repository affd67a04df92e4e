"""Random features: regression on features of a kernel's spectrum, its simulation and theory."""

from scalefit.trainers.protocol import Family

from .settings import RandomFeatures

FAMILY = Family(
    RandomFeatures,
    simulations=f"{__name__}.simulate:SIMULATIONS",
    theory=f"{__name__}.theory:curves",
)
