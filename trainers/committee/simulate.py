"""Simulations of the committee machine, by protocol."""

from __future__ import annotations

from scalefit.trainers.protocol import Simulation

from .order_parameters import OrderParameters
from .sgd import SGD

SIMULATIONS: dict[str, Simulation] = {"sgd": SGD(), "order_parameters": OrderParameters()}
