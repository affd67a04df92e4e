"""Claims: which process trains which runs of a folder, as long as it lives.

    bundles/3f09...a2.claim         the keys of the runs, and how far they are
    bundles/3f09...a2.claim.lock    locked by the process that trains them

The operating system holds the lock, and lets go of it however the process ends; no clock and no
heartbeat are needed, and what a killed process had claimed is free at once. A file system without
locks cannot tell: there, sweeps do not know of each other.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import socket
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filelock import BaseFileLock

TURN = ".turn.lock"
"""File that is locked by the process that looks and claims; it stays."""
TELL_EVERY = 5.0
"""Seconds between two notes of how far claimed runs are."""


class Claim:
    """Runs that this process trains, until the claim is dropped."""

    def __init__(self, path: Path, keys: Sequence[str], lock: BaseFileLock | None) -> None:
        self.path = path
        self.keys = tuple(keys)
        self._lock = lock
        self._began = time.time()
        self._told = -math.inf
        self.tell(0.0)

    def tell(self, done: float) -> None:
        """Note how many runs' worth of work is done; now and then only."""
        if self._lock is None or time.monotonic() - self._told < TELL_EVERY:
            return
        self._told = time.monotonic()
        note = {
            "runs": list(self.keys),
            "done": done,
            "seconds": max(time.time() - self._began, 0.0),
            "host": socket.gethostname(),
            "process": os.getpid(),
        }
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with suppress(OSError):  # a full disk is told by what has to be written
            temporary.write_text(json.dumps(note), encoding="utf-8")
            temporary.replace(self.path)

    def drop(self) -> None:
        """Let go of the runs."""
        self.path.unlink(missing_ok=True)
        _let_go(self._lock)


@dataclass(frozen=True)
class Claimed:
    """What another process trains, or this one.

    Attributes
    ----------
    keys
        Of the runs.
    done
        How many runs' worth of work was done when it last said so.
    seconds
        That it took.
    where
        Host and process.
    """

    keys: tuple[str, ...]
    done: float
    seconds: float
    where: str


class Claims:
    """The claims in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one process at a time look at the folder and claim."""
        lock = _lock(self.folder / TURN, wait=True)
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def make(self, keys: Sequence[str]) -> Claim:
        """Return a claim on runs; to be called in one's turn."""
        path = self.folder / f"{secrets.token_hex(12)}.claim"
        return Claim(path, keys, _lock(_beside(path), wait=False))

    def living(self) -> list[Claimed]:
        """Return the claims of living processes, and clear away those of dead ones."""
        found = []
        for path in sorted(self.folder.glob("[!.]*.claim")):
            lock = _lock(_beside(path), wait=False)
            if lock is not None:  # nobody holds it
                path.unlink(missing_ok=True)
                _let_go(lock)
                continue
            note = _note(path)
            if note:
                where = f"{note.get('host', '?')}, process {note.get('process', '?')}"
                found.append(
                    Claimed(tuple(note["runs"]), float(note["done"]), float(note["seconds"]), where)
                )
        return found


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _note(path: Path) -> dict[str, Any]:
    """Return what a claim says; nothing if it is gone or is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if {"runs", "done", "seconds"} <= found.keys() else {}
    except (OSError, ValueError, AttributeError):
        return {}


def _lock(path: Path, *, wait: bool) -> BaseFileLock | None:
    """Return the lock, held; None if another holds it, or the file system has none."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False, is_singleton=False)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        return None
    except (NotImplementedError, OSError) as error:
        warnings.warn(
            f"{path.parent}: no locks there ({error}): two sweeps at a time would train the same "
            "runs; give each its share, shard='1/2' and shard='2/2'",
            stacklevel=2,
        )
        return None
    return lock


def _let_go(lock: BaseFileLock | None) -> None:
    if lock is not None:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
