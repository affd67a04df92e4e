"""Deep networks on images, with the norms of their weights along training."""

from scalefit.trainers.protocol import Family

from .settings import Deep

FAMILY = Family(Deep, simulations=f"{__name__}.simulate:SIMULATIONS")
