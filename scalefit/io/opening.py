"""Opening of a file: its first bytes and its text, unpacked, decoded and of bounded size."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from scalefit.errors import InvalidData
from scalefit.wording import inline

HEAD = 1 << 16
LARGEST = 2e9
"""Bytes of text, once unpacked, beyond which a file would not fit in memory."""
SMALLER = 2e8
"""The same for a document or a log, which takes more memory for each of its bytes."""
_GZIP = b"\x1f\x8b"
_BOMS = (b"\xff\xfe", b"\xfe\xff")


def packed(path: Path) -> bool:
    """Return whether a file is gzip-compressed."""
    with path.open("rb") as handle:
        return handle.read(2) == _GZIP


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked; those of UTF-16 text with its mark as UTF-8.

    Raises
    ------
    InvalidData
        If the file is packed and damaged.
    """
    with _binary(path) as handle:
        head = handle.read(HEAD)
    if head.startswith(_BOMS) and head[2:4] != b"\0\0":
        return head.decode("utf-16", errors="ignore").encode("utf-8", errors="ignore")
    return head


@contextmanager
def as_text(path: Path, largest: float = LARGEST) -> Iterator[TextIO]:
    """Open a file as text, and name the line where it is none.

    It is unpacked if it is gzip-compressed, and UTF-8 unless it begins with the byte-order mark of
    UTF-16.

    Raises
    ------
    InvalidData
        If the file is damaged, not of the encoding, or unpacks to more than `largest` bytes.
    """
    with _binary(path) as handle:
        encoding = "utf-16" if handle.read(2) in _BOMS else "utf-8-sig"
    try:
        with _binary(path, largest) as raw, io.TextIOWrapper(raw, encoding, newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise InvalidData(
                f"{inline(path)}: not whole UTF-16 text; is the file complete? Save it as UTF-8"
            ) from error
        with _binary(path) as raw:
            line = next(n for n, one in enumerate(raw, 1) if not _decodes(one))
        raise InvalidData(
            f"{inline(path)}: line {line} is not UTF-8 text; save the file as UTF-8"
        ) from error


def unfinished(path: Path) -> bool:
    """Return whether the last line of a text has no end, as where a run goes on."""
    last = ""
    with as_text(path) as text:
        while piece := text.read(1 << 20):
            last = piece[-1]
    return last not in ("\n", "\r", "")


def text_of(head: bytes) -> str | None:
    """Return the text that a file begins with, None if it is no text."""
    if re.search(rb"[\x00-\x08\x0e-\x1a]", head):
        return None
    # The cut after the first bytes may split a character; the readers complain about bad ones.
    return head.decode("utf-8-sig", errors="ignore").lstrip()


class _Unpacked(gzip.GzipFile):
    """A gzip-compressed file, refused once it has unpacked to too much."""

    largest = LARGEST

    def read1(self, size: int = -1) -> bytes:
        data = super().read1(size)
        if self.tell() > self.largest:
            raise InvalidData(
                f"{inline(self.name)}: unpacks to more than {self.largest / 1e9:g} GB.\n"
                "Keep the columns and rows that the fit needs, and write them to a smaller file."
            )
        return data

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size >= 0:
            return super().read(size)
        return b"".join(iter(partial(self.read1, 1 << 20), b""))


@contextmanager
def _binary(path: Path, largest: float = LARGEST) -> Iterator[BinaryIO]:
    """Open a file, unpacked if it is gzip-compressed."""
    if not packed(path):
        with path.open("rb") as handle:
            yield handle
        return
    try:
        with _Unpacked(path) as unpacked:
            unpacked.largest = largest
            yield cast(BinaryIO, unpacked)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InvalidData(
            f"{inline(path)}: a damaged gzip file ({inline(error)}); is it complete?\n"
            "Compress the data again, or name the file that is not compressed."
        ) from error


def _decodes(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
