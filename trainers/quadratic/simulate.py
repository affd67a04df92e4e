"""Simulations of the quadratic network, by protocol."""

from __future__ import annotations

from scalefit.trainers.protocol import Simulation
from scalefit.trainers.weight_decay.lbfgs import Lbfgs
from scalefit.trainers.weight_decay.proximal import Proximal
from scalefit.trainers.weight_decay.training import Adam, GradientDescent

from .network import QuadraticModel

SIMULATIONS: dict[str, Simulation] = {
    "lbfgs": Lbfgs(QuadraticModel()),
    "gradient_descent": GradientDescent(QuadraticModel()),
    "adam": Adam(QuadraticModel()),
    "proximal": Proximal(QuadraticModel()),
}
