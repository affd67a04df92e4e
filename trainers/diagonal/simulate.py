"""Simulations of the diagonal network, by protocol."""

from __future__ import annotations

from scalefit.trainers.protocol import Simulation
from scalefit.trainers.weight_decay.lbfgs import Lbfgs
from scalefit.trainers.weight_decay.proximal import Proximal
from scalefit.trainers.weight_decay.training import Adam, GradientDescent

from .coordinate_descent import CoordinateDescent
from .network import DiagonalModel

SIMULATIONS: dict[str, Simulation] = {
    "lbfgs": Lbfgs(DiagonalModel()),
    "gradient_descent": GradientDescent(DiagonalModel()),
    "adam": Adam(DiagonalModel()),
    "coordinate_descent": CoordinateDescent(DiagonalModel()),
    "proximal": Proximal(DiagonalModel()),
}
