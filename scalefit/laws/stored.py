"""Stored laws: what a file says of the law that was fitted, and the law that it names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from scalefit.errors import ConfigError

from .additive import Additive
from .annealed import Annealed
from .base import Law
from .broken import BrokenPowerLaw
from .collapse import Collapse
from .cutoff import PowerLawWithCutoff
from .data_constrained import DataConstrained
from .farseer import Farseer
from .four_regime import FourRegime
from .kaplan import Kaplan
from .monomial import Monomial
from .segmented import SegmentedLaw

SEGMENTED: tuple[type[SegmentedLaw], ...] = (BrokenPowerLaw,)
"""Laws that a stored fit gives with their number of regimes and their floor."""
PLAIN: tuple[type[Law], ...] = (PowerLawWithCutoff,)
"""Laws that are made without arguments, of which a stored fit gives the name alone."""
OPTIONED: tuple[type[Law], ...] = (
    Additive,
    Annealed,
    Collapse,
    DataConstrained,
    Farseer,
    FourRegime,
    Kaplan,
    Monomial,
)
"""Laws of several predictors, which a stored fit gives with what they were made with."""


def described(law: Law) -> dict[str, Any]:
    """Return what a file says of a law, as JSON takes it."""
    if type(law) in SEGMENTED:
        floor = law.known_floor if law.known_floor is not None else bool(law.floor)
        return {"class": type(law).__name__, "regimes": int(law.regimes), "floor": floor}
    if type(law) in OPTIONED:
        given = {one.name: getattr(law, one.name) for one in fields(law)}  # type: ignore[arg-type]
        options = {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}
        return {"class": type(law).__name__, "options": options}
    return {"class": type(law).__name__, "name": law.name}


def named(description: Mapping[str, Any]) -> Law | None:
    """Return the law that a file describes, or None if it is none of this package."""
    for kind in SEGMENTED:
        if description["class"] == kind.__name__:
            return kind().with_regimes(description["regimes"], description["floor"])
    for one in OPTIONED:
        if description["class"] == one.__name__:
            return optioned(one, description.get("options"))
    known = [plain() for plain in PLAIN]
    return next((law for law in known if described(law) == description), None)


def optioned(kind: type[Law], options: Any) -> Law | None:
    """Return a law made with the options of a file, None if they are not what it takes."""
    usual: dict[str, Any] = {one.name: one.default for one in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(options, dict) or set(options) != set(usual):
        return None
    given: dict[str, Any] = {}
    for name, value in options.items():
        if not _possible(value, usual[name]):
            return None
        given[name] = tuple(value) if isinstance(value, list) else value
    try:
        return kind(**given)
    except ConfigError:
        return None


def _possible(value: Any, usual: Any) -> bool:
    """Return whether an option may have a value, given what it usually is."""
    if isinstance(usual, tuple):
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return texts and len(usual) <= len(value) <= MOST
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if usual is None:
        return value is None or (number and math.isfinite(value))
    if isinstance(usual, bool):  # of a floor, the value of a known one as well
        return isinstance(value, bool) or (number and math.isfinite(value) and value > 0)
    return type(value) is type(usual)


MOST = 16
"""Predictors of a law that a file may name."""
