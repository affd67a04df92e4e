"""Storage: files written whole or not at all, whether they can be, and where public data lie."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scalefit.errors import ConfigError

LONGEST = 255
"""Bytes of a name in a folder, at most."""


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
        prefix=f".{target.stem[:40]}.", suffix=target.suffix[:40], dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:  # Windows flushes no file that is only read
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
        _flushed(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def own_data() -> Path | None:
    """Return the folder of public data that the variable SCALEFIT_DATA names, if it names one.

    Raises
    ------
    ConfigError
        If it begins with the name of a user that is not there.
    """
    given = os.environ.get("SCALEFIT_DATA")
    try:
        return Path(given).expanduser() if given else None
    except RuntimeError:
        raise ConfigError(f"SCALEFIT_DATA is {given!r}: no such user; name a folder") from None


def data_cache() -> Path:
    """Return the folder in which public data are kept once they were fetched."""
    from platformdirs import user_cache_path

    return user_cache_path("scalefit")


def _flushed(folder: Path) -> None:
    """Flush the entry of a folder to disk; Windows does so by itself, and opens no folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def room(folder: Path, size: int, path: str | os.PathLike[str]) -> None:
    """Refuse to write so many bytes where they do not fit.

    Raises
    ------
    OSError
        If the disk is too full, or files may not grow so large.
    """
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    if os.name == "posix":
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        if most != resource.RLIM_INFINITY and most < size:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))


def unwritable(path: str | os.PathLike[str], *, folder: bool) -> str:
    """Return why a file, or files in a folder, could not be written; empty where they could.

    Tried out with an empty file that is gone again; folders are not made.
    """
    try:
        target = Path(path).absolute()
        inner = [target, *target.parents] if folder else list(target.parents)
        if any(len(os.fsencode(part)) > LONGEST for part in target.parts):
            return f"a name has more than {LONGEST} bytes"
        if not folder and target.is_dir():
            return "this is a folder"
        for one in inner:
            if one.is_symlink() and not one.exists():
                return f"{one} is a link to what is not there"
            if one.exists():
                if not one.is_dir():
                    return f"{one} is a file"
                with tempfile.TemporaryFile(dir=one):
                    return ""
    except ValueError:
        return "a path has no NUL in it"
    except OSError as error:
        return f"it cannot be written to ({error.strerror or error})"
    return ""
