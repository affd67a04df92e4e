"""Options that several commands share, and checks that come before the work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def _probability(value: float) -> float:
    if not 0.0 < value < 1.0:
        raise typer.BadParameter(f"{value:g}; give a probability between 0 and 1, such as 0.9")
    return value


def _root(value: int) -> int:
    if value < 0:
        raise typer.BadParameter(f"{value}; give a whole number >= 0")
    return value


def _at_least_one(value: int) -> int:
    if value < 1:
        raise typer.BadParameter(f"{value}; give a whole number >= 1")
    return value


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

    if path is None:
        return
    place = next(one for one in (path, *path.absolute().parents) if one.exists())
    if not place.is_dir():
        raise ConfigError(f"--out {path}: {place} is a file; name a folder")
    if not os.access(place, os.W_OK):
        raise ConfigError(f"--out {path}: {place} cannot be written to; name another folder")


def netcdf(path: Path | None) -> None:
    """Refuse a file that a trajectory could not be written to, or read back from."""
    from scalefit.errors import ConfigError

    if path is None:
        return
    if path.suffix != ".nc" or path.is_dir():
        raise ConfigError(f"--out {path}: netCDF is written; name a file that ends in .nc")
    folder(path.parent)


def schema(path: Path) -> str:
    """Return what a netCDF file of scalefit's own says that it holds; "" for any other file."""
    import importlib

    h5py = importlib.import_module("h5py")
    try:
        with h5py.File(path, "r") as file:
            return str(file.attrs.get("schema", ""))
    except (OSError, RuntimeError):
        return ""
