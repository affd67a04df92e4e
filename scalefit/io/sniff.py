"""Format of a file, told by its content; its suffix only has to agree."""

from __future__ import annotations

import re
from pathlib import Path

from scalefit.errors import InvalidData
from scalefit.wording import inline

from .formats import FORMATS
from .tables import json_object, text_of
from .tensorboard import event_files

_HEAD = 1 << 16
_FOREIGN = (
    (b"CDF", "an old netCDF 3 file"),
    (b"\x1f\x8b", "gzip-compressed"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
"""How files begin that cannot be read, and what they are."""
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
    suffixes = {one.suffix: key for key, one in FORMATS.items() if one.suffix}
    expected = suffixes.get(path.suffix.lower())
    if found in FORMATS and size > FORMATS[found].largest:
        words, largest = FORMATS[found].words, FORMATS[found].largest
        raise InvalidData(
            f"{name}: {size / 1e9:.3g} GB; {words} may have {largest / 1e9:g} GB.\n"
            "Keep the columns and rows that the fit needs, and write them to a smaller file."
        )
    if found in FORMATS and not FORMATS[found].suffix:
        return found
    if found == expected or (expected == "csv" and found == "text"):
        return expected or found
    if expected is None and found in FORMATS:
        return found
    said = (
        f"the suffix '{inline(path.suffix)}' says {FORMATS[expected].words}"
        if expected
        else f"the suffix '{inline(path.suffix)}' is not one of {', '.join(suffixes)}"
    )
    if found in FORMATS:
        advice = f"Rename it to end in {FORMATS[found].suffix}, or name another file."
    else:
        advice = _ADVICE.get(found, "Export the table as CSV, JSON Lines or Parquet.")
    link = "but" if expected else "and"
    what = FORMATS[found].words if found in FORMATS else found
    raise InvalidData(f"{name}: {said}, {link} the content is {what}.\n{advice}")


def _content(head: bytes) -> str:
    """Return the key of a known format, or words for what else the first bytes look like."""
    for signature, found in _FOREIGN:
        if head.startswith(signature):
            return found
    for key, one in reversed(FORMATS.items()):
        if one.opens(head):
            return key
    text = text_of(head)
    if text is None:
        return "binary"
    if re.match(r"\[\s*[\[{]", text):
        return "a JSON array"
    return "one JSON document" if json_object(text) else "text"
