"""Values: one sample from a file, such as the spectrum of a weight matrix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit import arguments
from scalefit.arrays import Array
from scalefit.errors import InvalidData
from scalefit.wording import inline, listed, quoted, suggest

if TYPE_CHECKING:
    import xarray as xr

SIGNATURE = b"\x93NUMPY"


def read_values(path: str | os.PathLike[str], column: str | None = None) -> Array:
    """Return the numbers of one column of a file, those that are missing as NaN.

    Parameters
    ----------
    path
        A table as `scalefit.io.read_table` reads it; text with one number on each line; an array of
        numpy's (.npy), which is taken as a whole; or a trajectory (.nc), of all runs together.
    column
        Its column or variable; not needed where there is only one.

    Raises
    ------
    InvalidData
        If the file cannot be read, lacks the column, or the column holds something else.
    """
    from . import read_table

    file = arguments.path(path)
    head = _head(file)
    if head.startswith(SIGNATURE):
        return _array(file, column)
    if head.startswith(b"\x89HDF"):
        return _variable(file, column)
    if column is None and _number(head):
        return _lines(file)
    frame = read_table(file)
    return arguments.numbers(
        frame[_picked(column, list(frame.columns), file)], _where(file, column)
    )


def _head(file: Path) -> bytes:
    """Return the first bytes of a file; none where it is missing, which its reader will tell."""
    from .opening import head_of

    return head_of(file) if file.is_file() else b""


def _number(head: bytes) -> bool:
    """Return whether a text begins with a line that is one number."""
    lines = [one.strip() for one in head.split(b"\n") if one.strip() and one.lstrip()[:1] != b"#"]
    try:
        return bool(lines) and float(lines[0]) is not None
    except ValueError:
        return False


def _lines(file: Path) -> Array:
    from .opening import as_text

    found: list[float] = []
    with as_text(file) as text:
        for number, line in enumerate(text, 1):
            cell = line.strip()
            if not cell or cell.startswith("#"):
                continue
            try:
                found.append(float(cell))
            except ValueError:
                raise InvalidData(
                    f"{inline(file)}: line {number} is no number: {quoted(cell)}; correct it"
                ) from None
    return np.array(found)


def _array(file: Path, column: str | None) -> Array:
    """Return an array of numpy's, with nothing in it run."""
    if column is not None:
        raise InvalidData(f"{inline(file)}: an array has no column {quoted(column)}; leave it out")
    try:
        found: Any = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InvalidData(
            f"{inline(file)}: not an array of numbers, or damaged ({type(error).__name__}); "
            "write it with numpy.save"
        ) from None
    return arguments.numbers(found, inline(file)).ravel()


def _variable(file: Path, column: str | None) -> Array:
    """Return a variable of a trajectory, of all its runs."""
    from scalefit.trajectory import open_netcdf

    dataset: xr.Dataset = open_netcdf(file)
    name = _picked(column, list(map(str, dataset.data_vars)), file)
    return arguments.numbers(dataset[name].values, _where(file, name)).ravel()


def _picked(column: str | None, known: list[str], file: Path) -> str:
    if column is None and len(known) == 1:
        return known[0]
    if column is None:
        raise InvalidData(f"{inline(file)}: name one of its columns: {listed(known)}")
    if column not in known:
        raise InvalidData(f"{inline(file)}: no column {quoted(column)}; {suggest(column, known)}")
    return column


def _where(file: Path, column: str | None) -> str:
    return f"{inline(file)}: column {quoted(column)}" if column else inline(file)
