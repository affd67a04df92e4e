"""Simulations of the tasks."""

from __future__ import annotations

from scalefit.trainers.protocol import Simulation

from .induction import Induction
from .modular_addition import ModularAddition
from .parity import Parity
from .settings import ADDITION, INDUCTION, PARITY

SIMULATIONS: dict[str, Simulation] = {
    PARITY: Parity(),
    INDUCTION: Induction(),
    ADDITION: ModularAddition(),
}
