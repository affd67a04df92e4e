"""Storage: files that are written whole or not at all, and netCDF that may be damaged."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InvalidData


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path that takes the place of `path` if the block succeeds.

    The file is written beside its destination, flushed to disk, then renamed over it; if the
    block raises, or the process is killed, whatever stood at `path` before is untouched.

    Parameters
    ----------
    path
        Where the finished file goes. Missing parent folders are made.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def reading_netcdf(path: str | os.PathLike[str]) -> Iterator[str | None]:
    """Yield the schema that a netCDF file names; what a damaged file raises becomes one line.

    Parameters
    ----------
    path
        The file, to be read within the block.

    Raises
    ------
    InvalidData
        If the file, or what the block reads of it, is missing or damaged.
    """
    h5py = importlib.import_module("h5py")
    try:
        # A damaged file fails here quietly; h5netcdf would print a traceback as it gives up.
        with h5py.File(path, "r") as file:
            schema = file.attrs.get("schema")
        yield schema
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InvalidData(
            f"{path}: not a readable netCDF file ({type(error).__name__}); is it complete?"
        ) from error
