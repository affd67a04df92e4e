"""Families: which there are, and where the simulations of each are found.

Everything else takes a family's settings and simulations as arguments, so that a family can use it
all without a circle.
"""

from __future__ import annotations

from importlib import import_module

from scalefit.errors import ConfigError, nearest

from .committee.settings import Committee
from .perceptron.settings import Perceptron
from .protocol import Simulation
from .settings import Settings

FAMILIES: dict[str, type[Settings]] = {kind.family: kind for kind in (Perceptron, Committee)}


def find(family: str) -> type[Settings]:
    """Return the settings of the family with this name, or say which there are."""
    if family not in FAMILIES:
        raise ConfigError(f"trainer family {family!r} is unknown; {nearest(str(family), FAMILIES)}")
    return FAMILIES[family]


def simulation(settings: Settings) -> Simulation:
    """Return the simulation of a run's protocol.

    Raises
    ------
    ConfigError
        If the protocol has none.
    """
    known = simulations(settings.family)
    if settings.protocol not in known:
        raise ConfigError(
            f"protocol '{settings.protocol}' has a theory but no simulation: call "
            f"scalefit.trainers.theory(config), or take protocol='{next(iter(known))}'"
        )
    return known[settings.protocol]


def simulations(family: str) -> dict[str, Simulation]:
    """Return the simulations of a family by protocol."""
    module = import_module(f"scalefit.trainers.{family}.simulate")
    return dict(module.SIMULATIONS)
