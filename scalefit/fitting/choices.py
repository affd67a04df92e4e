"""Choices of a fit: what its arguments say of laws and priors, checked one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from scalefit.arguments import numbers
from scalefit.errors import ConfigError, InvalidData, nearest
from scalefit.laws import (
    Additive,
    Annealed,
    BrokenPowerLaw,
    Collapse,
    DataConstrained,
    Farseer,
    FourRegime,
    Kaplan,
    Law,
    Monomial,
    PowerLawWithCutoff,
    SegmentedLaw,
)
from scalefit.laws import priors as kinds
from scalefit.laws.priors import Fixed, Prior
from scalefit.wording import quoted

LAWS: dict[str, type[Law]] = {
    "cutoff": PowerLawWithCutoff,
    "additive": Additive,
    "kaplan": Kaplan,
    "four_regime": FourRegime,
    "monomial": Monomial,
    "data_constrained": DataConstrained,
    "farseer": Farseer,
    "annealed": Annealed,
    "collapse": Collapse,
}
"""Laws by the name that `law` may give, beside `"broken"` and `"power"`, one regime of it."""
REGIMES = (1, 2, 3, 4)
"""Numbers of regimes that are weighed unless told otherwise."""


def fixed_priors(held: Mapping[str, Any]) -> dict[str, Prior]:
    """Return the priors of what is held at a value."""
    found: dict[str, Prior] = {}
    for name, value in held.items():
        try:
            values = numbers(value, f"fixed {name}")
        except InvalidData as error:
            raise ConfigError(str(error)) from None
        if values.ndim > 1 or not np.isfinite(values).all():
            raise ConfigError(f"fixed {name}={value!r}: give a finite number, or one per element")
        found[name] = Fixed(tuple(values.tolist()) if values.ndim else float(values))
    return found


def chosen_priors(priors: Any) -> tuple[str, dict[str, Prior]]:
    """Return the name of a set of priors, and those that replace some of it."""
    if priors is None:
        return "default", {}
    if isinstance(priors, str):
        sets = BrokenPowerLaw.prior_sets
        if priors not in sets:
            raise ConfigError(f"priors='{priors}' is unknown; {nearest(priors, sets)}")
        return priors, {}
    if not isinstance(priors, Mapping):
        raise ConfigError("priors must be 'default', 'narrow', 'anchored', or priors by name")
    for name, prior in priors.items():
        if type(prior).__module__ != kinds.__name__:
            raise ConfigError(
                f"the prior of '{name}' is no object of scalefit.laws.priors, such as "
                "LogNormal(median, sd)"
            )
    return "default", dict(priors)


def chosen_laws(law: Any, regimes: Any, floor: Any, held: dict[str, Any]) -> tuple[Law, ...]:
    """Return the laws that the arguments name, taking a known floor out of what is held."""
    law, regimes = _named(law, regimes)
    if isinstance(law, Law) and "floor" in _options(law) and isinstance(floor, bool | np.bool_):
        law, floor = replace(law, floor=bool(floor)), "auto"  # type: ignore[type-var]
    if "floor" in held and (not isinstance(law, Law) or isinstance(law, SegmentedLaw)):
        known = held.pop("floor")
        if not isinstance(known, int | float | np.number) or isinstance(known, bool):
            raise ConfigError(f"fixed floor={known!r}: give a number")
        if isinstance(floor, bool | np.bool_) and not floor:
            raise ConfigError(f"floor=False contradicts fixed floor={known}")
        floor = float(known)
        law = law.with_regimes(law.regimes, floor) if isinstance(law, Law) else law
    elif isinstance(law, Law) and not (isinstance(floor, str) and floor == "auto"):
        raise ConfigError("floor belongs to law='broken'; a law object has its own")
    if not isinstance(law, Law):
        return _broken(law, regimes, floor)
    if not (isinstance(regimes, str) and regimes == "auto"):
        raise ConfigError("regimes belongs to law='broken'; a law object has its own")
    return (law,)


def _options(law: Law) -> set[str]:
    """Return what a law of several predictors can be made with."""
    several = is_dataclass(law) and len(law.predictors) > 1
    return {one.name for one in fields(law)} if several else set()  # type: ignore[arg-type]


def _named(law: Any, regimes: Any) -> tuple[Any, Any]:
    """Return the law that a name stands for, and the regimes that it may have."""
    if isinstance(law, str) and law in LAWS:
        return LAWS[law](), regimes
    if law != "power":
        return law, regimes
    if not (isinstance(regimes, str) and regimes == "auto") and regimes != 1:
        raise ConfigError(f"law='power' has one regime; regimes={regimes!r} belongs to 'broken'")
    return "broken", 1


def _broken(law: Any, regimes: Any, floor: Any) -> tuple[Law, ...]:
    if law != "broken":
        known = ["broken", "power", *LAWS]
        name = law if isinstance(law, str) else type(law).__name__
        raise ConfigError(
            f"law={quoted(name)} is unknown; {nearest(name, known)}; or give an object of "
            "scalefit.laws"
        )
    if isinstance(regimes, str):
        if regimes != "auto":
            raise ConfigError(f"regimes='{regimes}': give a number from 1 to 6, several, or 'auto'")
        counts: Sequence[Any] = REGIMES
    elif isinstance(regimes, Sequence | range | np.ndarray):
        counts = list(dict.fromkeys(regimes))
        if not counts:
            raise ConfigError(f"regimes={regimes!r}: give at least one number from 1 to 6")
    else:
        counts = [regimes]
    if isinstance(floor, str):
        if floor != "auto":
            raise ConfigError(f"floor='{floor}': give True, False, a known floor or 'auto'")
        floors: list[bool | float] = [False, True]
    elif isinstance(floor, bool | np.bool_):
        floors = [bool(floor)]
    elif isinstance(floor, int | float | np.number):
        floors = [float(floor)]
    else:
        raise ConfigError(f"floor={floor!r}: give True, False, a known floor or 'auto'")
    return tuple(BrokenPowerLaw(_count(n), floor=one) for one in floors for n in counts)


def _count(regimes: Any) -> Any:
    """Return a number of regimes as Python's own; what is none is left for the law to refuse."""
    return int(regimes) if isinstance(regimes, np.integer) else regimes
