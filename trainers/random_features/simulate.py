"""Simulations of random features, by protocol."""

from __future__ import annotations

from scalefit.trainers.protocol import Simulation

from .sgd import SGD
from .without_iteration import GradientDescent, GradientFlow, Minimiser

SIMULATIONS: dict[str, Simulation] = {
    "minimiser": Minimiser(),
    "gradient_flow": GradientFlow(),
    "gradient_descent": GradientDescent(),
    "sgd": SGD(),
}
