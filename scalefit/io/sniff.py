"""Format of a file, told by its content; its suffix only has to agree."""

from __future__ import annotations

import re
from pathlib import Path

from scalefit.errors import InvalidData
from scalefit.wording import inline

from . import text_log
from .formats import FORMATS
from .opening import head_of, packed, text_of
from .tables import json_object
from .tensorboard import event_files

_FOREIGN = (
    (b"CDF", "an old netCDF 3 file"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ\x00", "compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"\xff\xfe\0\0", "UTF-32 text"),
    (b"\0\0\xfe\xff", "UTF-32 text"),
)
"""How files begin that cannot be read, and what they are."""
UNMARKED = "UTF-16 text without a byte-order mark"
_UNPACK = "Unpack it first, or compress it with gzip."
_ADVICE = {
    "a JSON array": "Write one JSON object for each point.",
    "one JSON document": "Write one JSON object per line, in a file named .jsonl.",
    "an old netCDF 3 file": "Open it with xarray, and save it with scalefit.trajectory.write.",
    "compressed by bzip2": _UNPACK,
    "compressed by xz": _UNPACK,
    "compressed by zstd": _UNPACK,
    "UTF-32 text": "Save it as UTF-8.",
    UNMARKED: "Save it as UTF-8.",
    "an old Excel workbook": "Export the sheet as CSV.",
    "a zip archive or an Excel workbook": "Unpack it, or export the sheet as CSV.",
}


def sniff(path: Path) -> str:
    """Return which of the known formats a file is in.

    A known suffix and the content must agree; `.gz` after it is no part of it. A file with any
    other suffix is taken for what its content plainly is.

    Raises
    ------
    InvalidData
        If the file is missing, a folder, unreadable, empty, of no known format, or not what its
        suffix says.
    """
    name = inline(path)
    if path.is_dir():
        if event_files(path):
            return "events"
        raise InvalidData(
            f"{name}: this is a folder without TensorBoard event files; name one file in it"
        )
    if not path.exists():
        raise InvalidData(f"{name}: no such file; check the name and the folder")
    if not path.is_file():
        raise InvalidData(f"{name}: not a regular file; save the data to a file first")
    try:
        gzipped = packed(path)
        head = head_of(path)
        size = path.stat().st_size
    except OSError as error:
        raise InvalidData(f"{name}: cannot be read ({error.strerror})") from error
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise InvalidData(f"{name}: the file is empty")

    suffix = Path(path.stem).suffix if path.suffix.lower() == ".gz" else path.suffix
    expected = [key for key, one in FORMATS.items() if suffix.lower() in one.suffix.split()]
    found = _content(head, expected)
    if found == "text" and (expected == ["csv"] or suffix.lower() in text_log.SUFFIXES):
        found = expected[0] if expected else "log"
    known = FORMATS.get(found)
    if known and gzipped and not known.text:
        raise InvalidData(f"{name}: {known.words}, gzip-compressed.\nUnpack it first.")
    if known and size > known.largest:
        raise InvalidData(
            f"{name}: {size / 1e9:.3g} GB; {known.words} may have {known.largest / 1e9:g} GB.\n"
            "Keep the columns and rows that the fit needs, and write them to a smaller file."
        )
    if known and (found in expected or not expected or not known.suffix):
        return found
    suffixes = dict.fromkeys(end for one in FORMATS.values() for end in one.suffix.split())
    said = (
        f"the suffix '{inline(suffix)}' says {' or '.join(FORMATS[one].words for one in expected)}"
        if expected
        else f"the suffix '{inline(suffix)}' is not one of {', '.join(suffixes)}"
    )
    if known:
        advice = f"Rename it to end in {known.suffix.split()[0]}, or name another file."
    else:
        advice = _ADVICE.get(found, "Export the table as CSV, JSON Lines or Parquet.")
    what = known.words if known else found
    raise InvalidData(
        f"{name}: {said}, {'but' if expected else 'and'} the content is {what}.\n{advice}"
    )


def _content(head: bytes, expected: list[str]) -> str:
    """Return the key of a known format, or words for what else the first bytes look like.

    Where they are of several formats, an expected one goes before others.
    """
    for signature, found in _FOREIGN:
        if head.startswith(signature):
            return found
    keys = [key for key in reversed(FORMATS) if FORMATS[key].opens(head)]
    if keys:
        return next((key for key in keys if key in expected), keys[0])
    text = text_of(head)
    if text is None:
        blank = [not any(head[start:200:2]) for start in (0, 1)]
        return UNMARKED if any(blank) and not all(blank) else "binary"
    if re.match(r"\[\s*[\[{]", text):
        return "a JSON array"
    return "one JSON document" if json_object(text) else "text"
