"""Options that several commands share, and checks that come before the work."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from scalefit.wording import inline


def _probability(value: float) -> float:
    if not 0.0 < value < 1.0:
        raise typer.BadParameter(f"{value:g}; give a probability between 0 and 1, such as 0.9")
    return value


def _root(value: int) -> int:
    if not 0 <= value < 2**63:
        raise typer.BadParameter(f"{value}; give a whole number >= 0, below 2^63")
    return value


def _at_least_one(value: int) -> int:
    if not 1 <= value <= MOST_WORKERS:
        raise typer.BadParameter(f"{value}; give a whole number from 1 to {MOST_WORKERS}")
    return value


MOST_WORKERS = 1024
"""Processes of one command, at most."""
_POWERS = {"k": 3, "K": 3, "M": 6, "B": 9, "T": 12}


def plain_number(text: str) -> float:
    """Return the number that a text stands for, which may end in k, M, B or T: 10B is 1e10."""
    found = re.fullmatch(r"([+-]?(?:\d+\.?\d*|\.\d+))([kKMBT])", str(text))
    try:
        return float(f"{found[1]}e{_POWERS[found[2]]}" if found else text)
    except ValueError:
        raise typer.BadParameter(
            f"{inline(text)} is no number; give one such as 1e10 or 10B (k, M, B, T are 1e3, 1e6, "
            "1e9, 1e12)"
        ) from None


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N",
        callback=_root,
        help="Root of all random numbers: the same seed, the same result.",
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        metavar="N",
        callback=_at_least_one,
        help="Processes that share the work; changes nothing but the time.",
    ),
]
Interval = Annotated[
    float,
    typer.Option(metavar="P", callback=_probability, help="Probability that intervals hold."),
]


LawName = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:CLASS",
        help="The law of a fit that was made with one of your own, as given to fit.",
    ),
]


def held(texts: list[str] | None) -> dict[str, Any] | None:
    """Return `NAME=VALUE` texts as numbers by name; several values stand between commas."""
    from scalefit.errors import ConfigError

    found: dict[str, Any] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        name = name.strip()
        try:
            numbers = [float(part) for part in value.split(",")]
        except ValueError:
            numbers = []
        if not (name and equals and numbers):
            raise ConfigError(f"--fixed {text}: give NAME=VALUE, such as floor=1.69")
        if name in found:
            raise ConfigError(f"--fixed {name}= is given twice")
        found[name] = numbers if len(numbers) > 1 else numbers[0]
    return found or None


def law(name: str | None) -> Any:
    """Return the law that a name stands for: one of scalefit's names, or `module:Class`.

    Only a name with a colon is imported, from the installed modules or the current folder.
    """
    if name is None or ":" not in name:
        return name
    return _imported(name)


def own_law(name: str | None) -> Any:
    """Return the law of one's own that a stored fit was made with; None where none is named."""
    from scalefit.errors import ConfigError

    if name is not None and ":" not in name:
        raise ConfigError(f"--law {name}: a stored fit names scalefit's laws; give MODULE:CLASS")
    return law(name)


def _imported(name: str) -> Any:
    from scalefit.errors import ConfigError
    from scalefit.importing import named
    from scalefit.laws import Law
    from scalefit.wording import said

    found = named(name, "--law", "MODULE:CLASS, such as mylaws:ShiftedPowerLaw")
    where = f"--law {inline(name)}"
    try:
        made = found() if isinstance(found, type) else found
    except Exception as error:
        raise ConfigError(f"{where}: {type(error).__name__}: {said(error)}") from None
    if not isinstance(made, Law):
        raise ConfigError(f"{where}: this is no scalefit.laws.Law")
    return made


def folder(path: Path | None) -> None:
    """Refuse a folder that results could not be written to, before they are computed."""
    from scalefit.errors import ConfigError
    from scalefit.storage import unwritable

    if path is None:
        return
    why = unwritable(path, folder=True)
    if why:
        raise ConfigError(f"--out {inline(path)}: {inline(why)}; name another folder")


def netcdf(path: Path | None) -> None:
    """Refuse a file that a trajectory could not be written to, or read back from."""
    from scalefit.errors import ConfigError

    if path is None:
        return
    if path.suffix != ".nc" or path.is_dir():
        raise ConfigError(f"--out {inline(path)}: netCDF is written; name a file that ends in .nc")
    file(path)


def file(path: Path, option: str = "--out") -> None:
    """Refuse a file that could not be written, before what goes into it is computed."""
    from scalefit.errors import ConfigError
    from scalefit.storage import unwritable

    why = unwritable(path, folder=False)
    if why:
        raise ConfigError(f"{option} {inline(path)}: {inline(why)}; name another file")


def schema(path: Path) -> str:
    """Return what a netCDF file of scalefit's own says that it holds; "" for any other file."""
    from scalefit import netcdf

    return netcdf.schema(path) if netcdf.exists(path) else ""


def stretch(low: float | None, high: float | None) -> tuple[float, float] | None:
    """Return the part of x that `--from` and `--to` leave; None for all of it."""
    from scalefit.errors import ConfigError

    if low is None and high is None:
        return None
    ends = (0.0 if low is None else low, math.inf if high is None else high)
    if not ends[0] < ends[1]:
        raise ConfigError(f"--from {ends[0]:g} --to {ends[1]:g}: nothing lies between them")
    return ends
