"""Registry of data sets, and how their files are found, fetched and verified."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from scalefit.errors import ChecksumMismatch, ConfigError, InvalidData, nearest
from scalefit.storage import data_cache, own_data


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a data set, as it was when it was registered.

    Attributes
    ----------
    path
        Relative to the folder of the data set; of a bundled one, to `scalefit.datasets`.
    sha256
        Hexadecimal digest of the content.
    bytes
        Size of the content.
    url
        Where it can be downloaded; empty for a bundled file.
    """

    path: str
    sha256: str
    bytes: int
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Info:
    """What is known about a data set without opening it.

    Attributes
    ----------
    name, title, source, url, licence, commit
        What it is called, where it comes from, and under which terms.
    kind
        `bundled` files come with scalefit, `registered` ones are fetched when first asked for.
    curves, points
        How many runs it holds, and how many rows over all of them.
    x, y, by, units
        Variables to fit, coordinates that tell runs apart, and units of the variables.
    notes
        What to look out for, one sentence each.
    reader, columns
        How the files are read, and which of their columns become which variable or coordinate.
    files
        Every file with size and digest.
    where
        `bundled`, the folder that holds the files now, or `not here yet`; empty if not looked up.
    """

    name: str
    kind: Literal["bundled", "registered"]
    title: str
    source: str
    url: str
    licence: str
    reader: Literal["table", "step-log", "netcdf"]
    curves: int
    points: int
    x: str
    y: str
    by: tuple[str, ...]
    units: Mapping[str, str]
    files: tuple[File, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    commit: str = ""
    where: str = ""

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)

    def __str__(self) -> str:
        rows = {
            "kind": self.kind,
            "source": self.source,
            "licence": self.licence,
            "curves": f"{self.curves:,}",
            "points": f"{self.points:,}",
            "x": _with_unit(self.x, self.units),
            "y": _with_unit(self.y, self.units),
            "by": ", ".join(self.by),
            "bytes": f"{self.bytes:,}",
            "where": self.where,
        }
        lines = [f"{self.name}: {self.title}"]
        lines += [f"  {label:<8} {value}" for label, value in rows.items()]
        return "\n".join([*lines, *(f"  note     {note}" for note in self.notes)])


def _with_unit(variable: str, units: Mapping[str, str]) -> str:
    unit = units.get(variable, "")
    return f"{variable} ({unit})" if unit else variable


@cache
def index() -> Mapping[str, Info]:
    """Return every data set of the index, by name."""
    text = files("scalefit.datasets").joinpath("index.json").read_text(encoding="utf-8")
    entries = {}
    for name, stored in json.loads(text).items():
        sequences = {key: tuple(stored.get(key, ())) for key in ("by", "notes")}
        parts = tuple(File(**file) for file in stored["files"])
        entries[name] = Info(**{**stored, **sequences, "name": name, "files": parts})
    return entries


def entry(name: str) -> Info:
    """Return the index entry of a data set.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    known = index()
    if name not in known:
        raise ConfigError(f"no data set '{name}'; {nearest(name, known)}")
    return known[name]


def names() -> list[str]:
    """Return the names of all data sets, in alphabetical order."""
    return sorted(index())


def info(name: str) -> Info:
    """Return what a data set holds, its source and licence, and where its files are now.

    Nothing is fetched or verified. Print the result to read it.

    Raises
    ------
    ConfigError
        If there is no data set of that name.
    """
    found = entry(name)
    if found.kind == "bundled":
        return replace(found, where="bundled")
    roots = [_holder(found, file) for file in found.files]
    where = "not here yet" if None in roots else ", ".join(dict.fromkeys(map(str, roots)))
    return replace(found, where=where)


def path(name: str) -> dict[str, Path]:
    """Return the local, verified files of a data set, fetching those that are missing.

    A registered file is looked for in the folder `<name>` inside the one that the environment
    variable SCALEFIT_DATA names, then in the user's cache (`$XDG_CACHE_HOME/scalefit`, or
    `~/.cache/scalefit` on Linux), and is downloaded into the latter if it is in neither, or if
    the one there is not the registered one.

    Parameters
    ----------
    name
        One of `names()`.

    Returns
    -------
    Path of each file, by its path inside the data set.

    Raises
    ------
    ConfigError
        If there is no data set of that name, or the cache cannot be written.
    ChecksumMismatch
        If a file, wherever it was found, is not the registered one.
    InvalidData
        If a file can be neither found nor fetched, or cannot be read.
    """
    found = entry(name)
    return {file.path: _obtain(found, file) for file in found.files}


def _obtain(data: Info, file: File) -> Path:
    """Return the verified local path of one file."""
    if data.kind == "bundled":
        target = Path(str(files("scalefit.datasets").joinpath(file.path)))
        _verify(target, file, advice="Install scalefit again.")
        return target
    own = own_data()
    if own is None or not (own / data.name / file.path).is_file():
        return _fetch(data, file, data_cache() / data.name)
    target = own / data.name / file.path
    advice = f"Delete it to have it fetched, or replace it by {file.url} as it is."
    _verify(target, file, advice=advice)
    return target


def _holder(data: Info, file: File) -> Path | None:
    """Return the folder of the data set in which a registered file lies, if any does."""
    roots = [root / data.name for root in (own_data(), data_cache()) if root]
    return next((root for root in roots if (root / file.path).is_file()), None)


def _fetch(data: Info, file: File, folder: Path) -> Path:
    """Return a file of the cache, downloaded unless it is there and the registered one."""
    from pooch import retrieve
    from requests import RequestException

    try:
        found = retrieve(file.url, f"sha256:{file.sha256}", fname=file.path, path=folder)
    except RequestException as error:
        answer = error.response
        why = type(error).__name__ if answer is None else f"{answer.status_code} {answer.reason}"
        raise InvalidData(
            f"{file.path} of data set '{data.name}' could not be fetched from {file.url} "
            f"({why}). Check the network, or download it by hand, save it as "
            f"{data.name}/{file.path} in a folder of your choice and set SCALEFIT_DATA to that "
            f"folder (now: {os.environ.get('SCALEFIT_DATA') or 'not set'})"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"the cache cannot be written: {folder} ({error.strerror or error}). Set "
            "XDG_CACHE_HOME to a folder that can, or SCALEFIT_DATA to one that holds the data"
        ) from error
    except ValueError as error:
        raise ChecksumMismatch(
            f"{file.url} is not the registered file ({error}). It was not kept. Try again; if it "
            "stays so, the file has changed at its source."
        ) from error
    return Path(found)


def _verify(location: Path, file: File, *, advice: str) -> None:
    """Raise unless the file at a location has the registered content."""
    try:
        with location.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
    except OSError as error:
        raise InvalidData(f"{location} cannot be read ({error.strerror}). {advice}") from error
    if digest != file.sha256:
        raise ChecksumMismatch(
            f"{location} is not the registered file: expected sha256 {file.sha256} "
            f"({file.bytes} bytes), found {digest} ({size} bytes). {advice}"
        )
