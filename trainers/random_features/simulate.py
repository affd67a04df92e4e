"""Simulations of random features, by protocol."""

from __future__ import annotations

from scalefit.trainers.protocol import Simulation

from .closed_form import GradientDescent, GradientFlow, Minimiser
from .sgd import SGD

SIMULATIONS: dict[str, Simulation] = {
    "minimiser": Minimiser(),
    "gradient_flow": GradientFlow(),
    "gradient_descent": GradientDescent(),
    "sgd": SGD(),
}
