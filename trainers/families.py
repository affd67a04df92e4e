"""Families: which there are, those here and those that are defined elsewhere.

Nothing below imports this module, so that a family can use it all without a circle; and one from
elsewhere is treated like ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from scalefit.errors import ConfigError, nearest
from scalefit.importing import named

from . import (
    committee,
    deep,
    diagonal,
    manifold,
    perceptron,
    quadratic,
    random_features,
    sequence,
)
from .protocol import Family, Run, Simulation
from .settings import Settings, kinds

GROUP = "scalefit.families"
"""Entry points of installed packages that name a `Family` each."""
OURS = (
    perceptron.FAMILY,
    committee.FAMILY,
    diagonal.FAMILY,
    quadratic.FAMILY,
    random_features.FAMILY,
    manifold.FAMILY,
    deep.FAMILY,
    sequence.FAMILY,
)
FAMILIES: dict[str, Family] = {one.name: one for one in OURS}
"""What is known by its name: ours, and what was registered."""


def register(family: Family) -> Family:
    """Make a family known under its name, and return it.

    Raises
    ------
    ConfigError
        If it is no `Family`, its settings are none, or another family has the name.
    """
    if not isinstance(family, Family):
        raise ConfigError(
            f"argument 'family' is a {type(family).__name__}; give "
            "Family(Settings, simulations='module:NAME', theory='module:function')"
        )
    if not (isinstance(family.settings, type) and issubclass(family.settings, Settings)):
        raise ConfigError(f"settings of a family are {family.settings!r}; subclass Settings")
    for text in filter(None, (family.simulations, family.theory, family.phases)):
        if len(text.split(":")) != 2 or not all(text.split(":")):
            raise ConfigError(f"{text!r} names nothing in a module; write 'module:NAME'")
    known = FAMILIES.get(family.name)
    if known is not None and known != family:
        raise ConfigError(f"family {family.name!r} is there already; give the new one another name")
    FAMILIES[family.name] = family
    return family


def find(name: str) -> Family:
    """Return the family with this name, or the one that `module:NAME` names.

    Modules are looked for in the current folder, too. Families of installed packages are found
    by their entry points in the group `scalefit.families`.

    Raises
    ------
    ConfigError
        If there is no such family.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if ":" in str(name):
        return register(named(name, "family", "module:NAME, such as bowl:FAMILY"))
    for point in entry_points(group=GROUP):
        if point.name == name:
            return register(point.load())
    raise ConfigError(
        f"trainer family {name!r} is unknown; {nearest(str(name), known())}; one of your own is "
        "module:NAME"
    )


def known() -> dict[str, str]:
    """Return the names of all families, those of installed packages included, and what they are."""
    found = {name: one.settings.description for name, one in FAMILIES.items()}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, f"from {point.value}")
    return found


def diagram(name: str) -> Callable[[Any], Any]:
    """Return the function that computes the phase diagram of a configuration of a family.

    Raises
    ------
    ConfigError
        If the family has none.
    """
    family = find(name)
    if not family.phases:
        those = " and ".join(one.name for one in FAMILIES.values() if one.phases)
        raise ConfigError(f"family {name!r} has no phase diagram; {those} have one")
    found: Callable[[Any], Any] = named(family.phases, "phases", "module:NAME")
    return found


def simulation(settings: Settings) -> Simulation:
    """Return the simulation of a run's protocol.

    Raises
    ------
    ConfigError
        If the protocol has none.
    """
    known = find(settings.family).protocols()
    if settings.protocol not in known:
        raise ConfigError(
            f"protocol '{settings.protocol}' has a theory but no simulation: call "
            f"scalefit.trainers.theory(config), or take protocol='{next(iter(known))}'"
        )
    return known[settings.protocol]


def restored(text: str) -> Run:
    """Return the run whose identity a text is, as `Run.text` gives it.

    Raises
    ------
    ConfigError
        If its family is not known, or has other settings now.
    """
    known = json.loads(text)
    settings = find(known.pop("family")).settings
    schema, seed, root = (known.pop(name) for name in ("schema", "seed", "root"))
    known.pop("checksum", None)
    if schema != settings.schema or not known.keys() <= kinds(settings).keys():
        raise ConfigError(f"a run of {settings.family} is of another version of its settings")
    return Run(settings(**known), seed, root)
