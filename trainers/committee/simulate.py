"""Committee machine: the simulation of each protocol."""

from __future__ import annotations

from scalefit.trainers.family import Simulation

from .chain import OrderParameters
from .sgd import SGD

SIMULATIONS: dict[str, Simulation] = {"sgd": SGD(), "order_parameters": OrderParameters()}
