"""Spreadsheets: tables as CSV whose texts no spreadsheet takes for formulas."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .storage import replacing

if TYPE_CHECKING:
    import pandas as pd

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How texts begin that a spreadsheet would calculate."""


def write(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table as CSV, all or nothing, texts as `guarded` leaves them, numbers as they are."""
    write_parts([table], path)


def write_parts(tables: Iterable[pd.DataFrame], path: str | os.PathLike[str]) -> None:
    """Write tables of the same columns, of which one is in memory at a time, as one CSV."""
    with replacing(path) as temporary, temporary.open("a", encoding="utf-8", newline="") as file:
        for place, table in enumerate(tables):
            shown = table.rename(columns=guarded)
            for name in shown.columns:
                if shown[name].dtype.kind not in "biufmM":
                    shown[name] = shown[name].map(guarded)
            text = shown.to_csv(None, index=False, header=place == 0, lineterminator="\n")
            file.write(text.encode("utf-8", errors="backslashreplace").decode("utf-8"))


def guarded(cell: Any) -> Any:
    """Return a text with an apostrophe before it where a spreadsheet would calculate it.

    Texts that are numbers stay, and so does everything else that is no text. `plain` takes the
    apostrophe away.

    Examples
    --------
    >>> guarded("=1+2"), guarded("-0.5"), guarded("base")
    ("'=1+2", '-0.5', 'base')
    """
    if not isinstance(cell, str) or _number(cell):
        return cell
    return f"'{cell}" if cell.lstrip("'").startswith(STARTS) else cell


def plain(cell: Any) -> Any:
    """Return a text as it was before `guarded`."""
    if isinstance(cell, str) and cell.startswith("'") and cell.lstrip("'").startswith(STARTS):
        return cell[1:]
    return cell


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text[:1] not in "\t\r\n"
