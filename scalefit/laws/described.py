"""Descriptions of laws and priors in a file: which ones are believed, and which are refused.

Only the package's own classes are made from a file, and only with numbers within bounds.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from scalefit.errors import InvalidData
from scalefit.wording import quoted

from . import priors
from .base import Law
from .broken import MAX_REGIMES
from .stored import OPTIONED, PLAIN, SEGMENTED, named

KINDS = {
    name: kind
    for name, kind in vars(priors).items()
    if dataclasses.is_dataclass(kind) and getattr(kind, "__module__", "") == priors.__name__
}
"""Classes of priors that a file may name."""
ABOVE_0 = ("sd", "median", "concentration", "slope", "a", "b")
"""Fields of priors that must be positive."""
LONGEST = 64
"""Elements of a vector of parameters, at most."""


def damaged(what: str) -> InvalidData:
    """Return the error of a file that holds no whole fit."""
    return InvalidData(f"no whole fit: {what}; save it again with fit.save or `scalefit fit`")


def described_law(description: Any) -> dict[str, Any]:
    """Return the description of a law, of this package or of a class of one's own."""
    said = quoted(json.dumps(description))
    if not isinstance(description, dict) or not isinstance(description.get("class"), str):
        raise damaged(f"attribute 'law' names no law: {said}")
    if description["class"] in {kind.__name__ for kind in SEGMENTED}:
        regimes, floor = description.get("regimes"), description.get("floor")
        known = isinstance(floor, bool) or (
            isinstance(floor, int | float) and math.isfinite(floor) and floor > 0
        )
        if type(regimes) is not int or not 1 <= regimes <= MAX_REGIMES or not known:
            raise damaged(f"attribute 'law' is out of bounds: {said}")
        wanted = {"class", "regimes", "floor"}
    elif description["class"] in {kind.__name__ for kind in OPTIONED}:
        wanted = {"class", "options"}
        if named(description) is None:
            raise damaged(f"attribute 'law' names no law: {said}")
    else:
        wanted = {"class", "name"}
        if not isinstance(description.get("name"), str):
            raise damaged(f"attribute 'law' names no law: {said}")
        plain = {kind.__name__ for kind in PLAIN}
        if not description["class"].isidentifier() or (
            description["class"] in plain and named(description) is None
        ):
            raise damaged(f"attribute 'law' names no law: {said}")
    if set(description) != wanted:
        raise damaged(f"attribute 'law' says too much or too little: {said}")
    return description


def described_priors(stored: Any, law: Law | None) -> None:
    """Refuse priors that are none of this package."""
    if not isinstance(stored, dict) or not isinstance(stored.get("overrides"), dict):
        raise damaged("attribute 'priors' has no 'set' and 'overrides'")
    chosen = stored.get("set")
    if chosen not in (("default", "narrow", "anchored") if law is None else law.prior_sets):
        raise damaged(f"attribute 'priors' names the set {quoted(chosen)}")
    for name, one in stored["overrides"].items():
        pair = isinstance(one, list) and len(one) == 2 and isinstance(one[1], dict)
        kind: Any = KINDS.get(one[0]) if pair and isinstance(one[0], str) else None
        names = {field.name for field in dataclasses.fields(kind)} if kind else set()
        if not kind or set(one[1]) - names or not all(_field(*item) for item in one[1].items()):
            raise damaged(f"attribute 'priors' has for {quoted(name)} {quoted(json.dumps(one))}")
        try:
            kind(**one[1])
        except TypeError:
            raise damaged(f"attribute 'priors' lacks a part for {quoted(name)}") from None


def _field(name: str, value: Any) -> bool:
    """Return whether a field of a prior holds what it may."""
    if name in ("unit", "scale"):
        return isinstance(value, str)
    if name == "size":
        return value is None or (type(value) is int and 1 <= value <= LONGEST)
    many = value if isinstance(value, list) and name == "value" else [value]
    return 0 < len(many) <= LONGEST and all(
        isinstance(one, int | float)
        and not isinstance(one, bool)
        and math.isfinite(one)
        and (one > 0 or name not in ABOVE_0)
        for one in many
    )
