"""Simulations of the teacher-student perceptron, by protocol."""

from __future__ import annotations

from scalefit.trainers.protocol import Simulation

from .classical_rules import Adatron, Hebb, RelativeStability, Rosenblatt
from .data import draw
from .fixed_norm import FixedNorm
from .gradient_descent import GradientDescent

__all__ = ["SIMULATIONS", "draw"]

SIMULATIONS: dict[str, Simulation] = {
    "gradient_descent": GradientDescent(),
    "fixed_norm": FixedNorm(),
    "hebb": Hebb(),
    "rosenblatt": Rosenblatt(),
    "relative_stability": RelativeStability(),
    "adatron": Adatron(),
}
