"""Stored laws: what a file says of the law that was fitted, and the law that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import Law
from .broken import BrokenPowerLaw
from .cutoff import PowerLawWithCutoff
from .segmented import SegmentedLaw

SEGMENTED: tuple[type[SegmentedLaw], ...] = (BrokenPowerLaw,)
"""Laws that a stored fit gives with their number of regimes and their floor."""
PLAIN: tuple[type[Law], ...] = (PowerLawWithCutoff,)
"""Laws that are made without arguments, of which a stored fit gives the name alone."""


def described(law: Law) -> dict[str, Any]:
    """Return what a file says of a law, as JSON takes it."""
    if type(law) in SEGMENTED:
        floor = law.known_floor if law.known_floor is not None else bool(law.floor)
        return {"class": type(law).__name__, "regimes": int(law.regimes), "floor": floor}
    return {"class": type(law).__name__, "name": law.name}


def named(description: Mapping[str, Any]) -> Law | None:
    """Return the law that a file describes, or None if it is none of this package."""
    for kind in SEGMENTED:
        if description["class"] == kind.__name__:
            return kind().with_regimes(description["regimes"], description["floor"])
    known = [plain() for plain in PLAIN]
    return next((law for law in known if described(law) == description), None)
