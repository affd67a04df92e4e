"""Options that several commands share, and checks that come before the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


def file(path: Path) -> None:
    """Refuse a file that could not be written, before what goes into it is computed."""
    from scalefit.errors import ConfigError
    from scalefit.storage import unwritable

    why = unwritable(path, folder=False)
    if why:
        raise ConfigError(f"--out {inline(path)}: {inline(why)}; name another file")


def schema(path: Path) -> str:
    """Return what a netCDF file of scalefit's own says that it holds; "" for any other file."""
    from scalefit import netcdf

    return netcdf.schema(path) if netcdf.exists(path) else ""
