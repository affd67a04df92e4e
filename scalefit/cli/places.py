"""Places: where a command is asked for y, in one predictor or in several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from scalefit.wording import inline

from .options import plain_number
from .output import number

if TYPE_CHECKING:
    import pandas as pd

    from scalefit.curves.schedule import Schedule
    from scalefit.result import Fit

Place = float | dict[str, float]
"""A number, or one for each predictor by its name."""


def place(text: str) -> Place:
    """Return what `--at` names: a number, or `n_params=7e9,tokens=1.4e12`."""
    if "=" not in str(text):
        return plain_number(text)
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = part.rpartition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{inline(text)}: give NAME=VALUE for each predictor")
        found[name.strip()] = plain_number(value.strip())
    return found


def checked(option: str, values: Sequence[Any]) -> None:
    """Refuse places that are not finite and positive."""
    from scalefit.errors import ConfigError

    for one in values:
        for name, value in one.items() if isinstance(one, Mapping) else [("x", one)]:
            good = 0 < value < math.inf or (value == 0 and isinstance(one, Mapping))
            if not good:
                raise ConfigError(f"{option} {value:g}: give a finite {name} > 0")


def columns(fit: Fit, places: Sequence[Place]) -> Any:
    """Return places as `Fit.predict` takes them.

    Raises
    ------
    ConfigError
        If they name other predictors than the fit has.
    """
    from scalefit.errors import ConfigError

    names = fit.predictors
    example = ",".join(f"{name}=..." for name in names)
    for one in places:
        if isinstance(one, Mapping) != (len(names) > 1):
            raise ConfigError(
                f"--at: this fit is against {', '.join(map(inline, names))}; give "
                + (f"--at {example}" if len(names) > 1 else "--at NUMBER")
            )
        if isinstance(one, Mapping) and set(one) != set(names):
            raise ConfigError(f"--at: name every predictor once: --at {example}")
    if len(names) == 1:
        return list(places)
    return {name: [one[name] for one in places] for name in names}  # type: ignore[index]


def told(one: Place) -> str:
    """Return a place in words."""
    if isinstance(one, Mapping):
        return ", ".join(f"{inline(name)} {number(value)}" for name, value in one.items())
    return number(one)


def scheduled(
    kind: str | None, end: float | None, start: float | None, low: float, of: str | None
) -> Schedule | None:
    """Return the schedule that options name, if any."""
    from scalefit.curves.schedule import Schedule
    from scalefit.errors import ConfigError

    if kind is not None:
        return Schedule(kind, end, start, low)  # type: ignore[arg-type]
    for name, value in (("--end", end), ("--start", start), ("--low", low), ("--of", of)):
        if value:
            raise ConfigError(f"{name} belongs to --schedule KIND")
    return None


def planned(fit: Fit, at: Sequence[Place], plan: Schedule, of: str | None) -> pd.DataFrame:
    """Return where the run will be at the steps of `--at` under a planned learning rate."""
    from scalefit.errors import ConfigError
    from scalefit.forecast import places

    if not at or any(isinstance(one, dict) for one in at):
        raise ConfigError("--schedule: give the steps as --at NUMBER")
    table: pd.DataFrame = places.planned(fit, plan, at, of)[0]  # type: ignore[arg-type]
    return table
