"""What a file is, told by its content; its suffix only has to agree."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

from scalefit.errors import InvalidData

from .tensorboard import event_files, framed
from .wording import inline

FORMATS = {
    "csv": "CSV text",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
    "netcdf": "netCDF (HDF5)",
    "trainer": "a trainer state of Hugging Face",
    "events": "a TensorBoard event file",
}
SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
    ".nc": "netcdf",
    ".json": "trainer",
}
LARGEST = {"csv": 2e9, "jsonl": 2e9, "parquet": 2e9, "trainer": 2e8}
"""Bytes of a file beyond which it would not fit in memory, once read, on an ordinary machine."""

_HEAD = 1 << 16
_SIGNATURES = (
    (b"PAR1", "parquet"),
    (b"\x89HDF\r\n\x1a\n", "netcdf"),
    (b"CDF", "an old netCDF 3 file"),
    (b"\x1f\x8b", "gzip-compressed"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_ADVICE = {
    "a JSON array": "Write one JSON object per line, without the enclosing brackets.",
    "one JSON document": "Write one JSON object per line, in a file named .jsonl.",
    "an old netCDF 3 file": "Open it with xarray, and save it with scalefit.trajectory.write.",
    "gzip-compressed": "Unpack it first.",
    "UTF-16 text": "Save it as UTF-8.",
    "an old Excel workbook": "Export the sheet as CSV.",
    "a zip archive or an Excel workbook": "Unpack it, or export the sheet as CSV.",
}


def sniff(path: Path) -> str:
    """Return which of the known formats a file is in.

    A known suffix and the content must agree. A file with any other suffix is taken for what its
    content plainly is.

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
        with path.open("rb") as handle:
            head = handle.read(_HEAD)
        size = path.stat().st_size
    except OSError as error:
        raise InvalidData(f"{name}: cannot be read ({error.strerror})") from error
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise InvalidData(f"{name}: the file is empty")

    found = _content(head)
    expected = SUFFIXES.get(path.suffix.lower())
    if size > LARGEST.get(found, math.inf):
        raise InvalidData(
            f"{name}: {size / 1e9:.3g} GB; {FORMATS[found]} may have {LARGEST[found] / 1e9:g} GB.\n"
            "Keep the columns and rows that the fit needs, and write them to a smaller file."
        )
    if found == "events":
        return found
    if found == expected or (expected == "csv" and found == "text"):
        return expected or found
    if expected is None and found in FORMATS:
        return found
    said = (
        f"the suffix '{inline(path.suffix)}' says {FORMATS[expected]}"
        if expected
        else f"the suffix '{inline(path.suffix)}' is not one of {', '.join(SUFFIXES)}"
    )
    if found in FORMATS:
        suffix = next(key for key, value in SUFFIXES.items() if value == found)
        advice = f"Rename it to end in {suffix}, or name another file."
    else:
        advice = _ADVICE.get(found, "Export the table as CSV, JSON Lines or Parquet.")
    link = "but" if expected else "and"
    what = FORMATS.get(found, found)
    raise InvalidData(f"{name}: {said}, {link} the content is {what}.\n{advice}")


def _content(head: bytes) -> str:
    """Return the key of a known format, or words for what else the first bytes look like."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if framed(head):
        return "events"
    if re.search(rb"[\x00-\x08\x0e-\x1a]", head):
        return "binary"
    # The cut after _HEAD bytes may split a character; the readers complain about bad ones.
    text = head.decode("utf-8-sig", errors="ignore").lstrip()
    if re.match(r"\[\s*[\[{]", text):
        return "a JSON array"
    if text.startswith("{") and re.search(r'"log_history"\s*:\s*\[', text):
        return "trainer"
    if re.match(r'\{\s*("|\}|$)', text):
        return _json(text)
    lines = list(csv.reader(text.splitlines()[:2]))
    if len(lines) == 2 and len(lines[0]) == len(lines[1]) > 1:
        return "csv"
    return "text"


def _json(text: str) -> str:
    """Return whether text that opens with an object is one per line or a single document."""
    first, _, rest = text.partition("\n")
    try:
        json.loads(first)
    except ValueError:
        # A broken first line is for the reader to name, unless the object plainly goes on below.
        opens = first.rstrip().endswith(("{", "[", ","))
        return "one JSON document" if opens and not rest.lstrip().startswith("{") else "jsonl"
    return "jsonl"
