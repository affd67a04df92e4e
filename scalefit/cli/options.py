"""Options that several commands share, and checks that come before the work."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from scalefit.wording import inline


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
