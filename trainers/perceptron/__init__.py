"""Teacher-student perceptron: its simulation and its theory."""

from scalefit.trainers.protocol import Family

from .settings import Perceptron

FAMILY = Family(
    Perceptron, simulations=f"{__name__}.simulate:SIMULATIONS", theory=f"{__name__}.theory:curves"
)
