"""Teacher-student perceptron: the simulation of each protocol."""

from __future__ import annotations

from scalefit.trainers.family import Simulation

from .data import draw
from .descent import GradientDescent
from .minimiser import FixedNorm
from .online import Adatron, Hebb, RelativeStability, Rosenblatt

__all__ = ["SIMULATIONS", "draw"]

SIMULATIONS: dict[str, Simulation] = {
    "gradient_descent": GradientDescent(),
    "fixed_norm": FixedNorm(),
    "hebb": Hebb(),
    "rosenblatt": Rosenblatt(),
    "relative_stability": RelativeStability(),
    "adatron": Adatron(),
}
