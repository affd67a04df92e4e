"""States: runs under way on disk, as arrays by name, and what is done about damaged files."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.errors import ScalefitError
from scalefit.storage import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Saved:
    """A state on disk: which runs it holds, after how many steps, and which settings they have."""

    path: Path
    keys: tuple[str, ...]
    step: int
    identities: tuple[str, ...]


@dataclass
class State:
    """Where the state of a call is kept: arrays by name, without pickle.

    Attributes
    ----------
    path
        The file that is written.
    keys
        Of the call's runs, along the first axis of all arrays.
    identities
        What they are, as canonical JSON.
    source
        The file that is read, if another; it may hold more runs.
    """

    path: Path
    keys: tuple[str, ...]
    identities: tuple[str, ...] = ()
    source: Path | None = None

    def read(self) -> dict[str, NDArray[Any]] | None:
        """Return what was written last of these runs; None if there is nothing whole."""
        path = self.source or self.path
        arrays = arrays_in(path)
        if arrays is None:
            return None
        held = arrays.pop("keys").tolist()
        arrays.pop("identities", None)
        if not set(held).issuperset(self.keys):
            return None
        step = arrays.pop("step")
        rows = [held.index(key) for key in self.keys]
        return {"step": step, **{name: array[rows] for name, array in arrays.items()}}

    def write(self, arrays: Mapping[str, NDArray[Any]], /) -> None:
        """Replace what was written before, all or nothing."""
        named: dict[str, Any] = dict(arrays)
        named |= {"keys": np.array(self.keys), "identities": np.array(self.identities)}
        with writing(self.path.parent), replacing(self.path) as temporary:
            np.savez(temporary, **named)

    def drop(self) -> None:
        """Forget the state of runs that are finished."""
        self.path.unlink(missing_ok=True)


def saved(path: Path) -> Saved | None:
    """Return which runs a state holds, without reading it all; None if it does not say."""
    held = arrays_in(path, ("keys", "identities", "step"))
    if not held:
        return None  # gone, damaged, or of an earlier version
    keys, identities = held["keys"].tolist(), held["identities"].tolist()
    return Saved(path, tuple(keys), int(held["step"]), tuple(identities))


def arrays_in(path: Path, names: Collection[str] = ()) -> dict[str, NDArray[Any]] | None:
    """Return the arrays in a state; None if there is none, or none that is whole.

    With names those only, and nothing where the file is of an earlier version, without keys.
    """
    try:
        with path.open("rb") as file:
            held = np.load(file, allow_pickle=False)
            if names and "keys" not in held:
                return {}
            return {name: held[name] for name in names or held}
    except FileNotFoundError:  # another process may have finished the runs
        return None
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        set_aside(path, f"{path}: {error}")
        return None


def hashed(keys: Iterable[str]) -> str:
    """Return the hash of keys, in which their order does not count."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:24]


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses inside the block into one clear error."""
    try:
        yield
    except OSError as error:
        raise ScalefitError(
            f"out '{folder.parent}': {error.strerror or error}; what was finished is kept in "
            f"{folder}: make room or mend the permissions, then run the same again"
        ) from error


def set_aside(path: Path, reason: str) -> None:
    """Give a file that cannot be believed another name, and say so."""
    path.replace(path.with_name(f"{path.name}.damaged"))
    warnings.warn(f"{reason}; set aside as {path.name}.damaged, and computed again", stacklevel=2)
