"""Choice of runs: by name, or by the settings that tell them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches as matches
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scalefit.errors import ConfigError
from scalefit.wording import inline, listed, quoted, suggest


class Curves(Protocol):
    """What holds curves by name, with the settings that tell them apart."""

    @property
    def runs(self) -> list[str]:
        """Their names."""
        ...

    @property
    def coordinates(self) -> dict[str, NDArray[Any]]:
        """The value of each setting at every run, by its name."""
        ...


def by_name(record: Curves, key: object) -> list[str]:
    """Return the runs that `fit[key]` asks for: one name, or several in a list."""
    keys = [key] if isinstance(key, str) or not isinstance(key, Iterable) else list(key)
    known = dict.fromkeys(record.runs)
    for one in keys:
        if str(one) not in known:
            raise ConfigError(f"fit[{quoted(one)}]: no run is named so; {_hint(one, known)}")
    if not keys:
        raise ConfigError("fit[[]]: name one run or several")
    return list(dict.fromkeys(map(str, keys)))


def by_setting(record: Curves, wanted: Mapping[str, Any]) -> list[str]:
    """Return the runs that `fit.sel(setting=value)` asks for; a list allows any of its values."""
    settings = {"run": np.array(record.runs, dtype=object), **record.coordinates}
    kept = np.ones(len(record.runs), dtype=bool)
    for name, value in wanted.items():
        if name not in settings:
            raise ConfigError(
                f"sel({name}=): no setting of this fit, which keeps those named in by=; "
                f"{suggest(name, settings)}"
            )
        kept &= _matching(settings[name], name, value)
    if not kept.any():
        asked = ", ".join(f"{name}={quoted(value)}" for name, value in wanted.items())
        raise ConfigError(f"sel({asked}): each is there, but no run has all of them")
    return [run for run, keep in zip(record.runs, kept, strict=True) if keep]


def _matching(values: Any, name: str, wanted: object) -> Any:
    """Return which runs have one of the values; a number may be given as text."""
    several = isinstance(wanted, Iterable) and not isinstance(wanted, str)
    found = np.zeros(len(values), dtype=bool)
    for one in wanted if several else [wanted]:  # type: ignore[attr-defined]
        same = np.array([str(value) == str(one) or value == one for value in values.tolist()])
        if not same.any():
            known = list(dict.fromkeys(values.tolist()))
            raise ConfigError(
                f"sel({name}={quoted(one)}): no run has this value; {_hint(one, known)}"
            )
        found |= same
    return found


def _hint(given: object, known: Iterable[object]) -> str:
    """Return the value nearest to the one given, or a few, quoted, for names hold commas."""
    words = [inline(one) for one in known]
    close = [] if isinstance(given, int | float | np.number) else matches(inline(given), words)
    return f"did you mean {quoted(close[0])}?" if close else f"known: {listed(words)}"
