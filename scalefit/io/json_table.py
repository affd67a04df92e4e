"""JSON table: one document that holds columns, or a list of rows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalefit.errors import InvalidData
from scalefit.wording import counted, inline, listed, quoted

from .opening import SMALLER, as_text, text_of
from .tables import ROW, decoded, json_object

if TYPE_CHECKING:
    import pandas as pd


def opens(head: bytes) -> bool:
    """Return whether a file begins as one document of lists or objects, not one object per line."""
    text = text_of(head)
    if text is None:
        return False
    if re.match(r"\[\s*\{", text):
        return True
    first, _, rest = text.partition("\n")
    if not json_object(text) or not re.search(r'"\s*:\s*[\[{]', text):
        return False
    return not (rest.lstrip().startswith("{") and _whole(first))


def read(path: Path) -> pd.DataFrame:
    """Return the table in a JSON document; rows count from 1.

    It is a list of objects, an object whose values are the columns (as lists, or as objects by
    row), `columns` and `data` as pandas splits them, or an object one of whose values is a list of
    objects. Beside columns, a value that is no list holds for every row.

    Raises
    ------
    InvalidData
        If the file is no JSON, or has no or several tables in it.
    """
    import pandas as pd

    document = loaded(path)
    rows = _rows(document)
    if rows is None and isinstance(document, dict):
        columns = _columns(path, document)
        count = max(map(len, columns.values()), default=0)
        frame = pd.DataFrame({str(key): pd.Series(value) for key, value in columns.items()})
        frame = frame.assign(
            **{key: one for key, one in document.items() if key not in columns and count}
        )
    elif rows is None:
        raise InvalidData(
            f"{inline(path)}: a JSON array whose entries are not all objects.\n"
            'Write each point as {"column": value, ...}.'
        )
    else:
        frame = pd.DataFrame(rows)
    if frame.empty:
        raise InvalidData(f"{inline(path)}: the JSON document holds no rows")
    frame.index = pd.RangeIndex(1, len(frame) + 1, name=ROW)
    return frame


def loaded(path: Path) -> Any:
    """Return the document in a JSON file.

    Raises
    ------
    InvalidData
        If it is none; the line is named.
    """
    with as_text(path, SMALLER) as handle:
        text = handle.read()
    try:
        return decoded(text)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", type(error).__name__)
        line = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidData(
            f"{inline(path)}: not JSON{line} ({reason}); is the file complete?"
        ) from error


def _rows(document: Any) -> list[dict[str, Any]] | None:
    """Return the rows of a document that lists them."""
    if isinstance(document, list):
        return document if document and all(isinstance(row, dict) for row in document) else None
    if not isinstance(document, dict):
        return None
    names, data = document.get("columns"), document.get("data")
    if isinstance(names, list) and isinstance(data, list):
        fits = all(isinstance(row, list) and len(row) == len(names) for row in data)
        return [dict(zip(map(str, names), row, strict=True)) for row in data] if fits else None
    lists = [
        found for value in document.values() if isinstance(value, list) and (found := _rows(value))
    ]
    return lists[0] if len(lists) == 1 else None


def _columns(path: Path, document: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the columns of a document; each as long as the others."""
    columns: dict[str, list[Any]] = {}
    keyed = [value for value in document.values() if isinstance(value, dict)]
    if (
        keyed
        and len(keyed) == len(document)
        and all(one.keys() == keyed[0].keys() for one in keyed)
    ):
        columns = {key: list(value.values()) for key, value in document.items()}
    else:
        columns = {key: value for key, value in document.items() if isinstance(value, list)}
    if not columns:
        raise InvalidData(
            f"{inline(path)}: one JSON document, but neither a list of rows nor columns: it holds "
            f"{listed(document)}.\nWrite one JSON object per line, in a file named .jsonl."
        )
    sizes = {key: len(value) for key, value in columns.items()}
    if len(set(sizes.values())) > 1:
        first, *others = sizes
        other = next(key for key in others if sizes[key] != sizes[first])
        raise InvalidData(
            f"{inline(path)}: column {quoted(first)} has {counted(sizes[first], 'value')}, "
            f"column {quoted(other)} has {sizes[other]}; they must be as long as each other"
        )
    return columns


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
