"""Header of a table: the names of its columns, in one row or in several levels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from .tables import MISSING, number_like

LEVELS = 8
"""Most rows of names."""


def names(records: Iterator[list[str]]) -> tuple[list[str], int, list[list[str]]]:
    """Return the names of columns, the row at which data begin, and rows read ahead of that.

    Blank rows above the header are skipped. It has several rows where those below the first hold no
    number, as pandas writes columns of several levels, and either the first repeats a name or a row
    that names the index alone ends it.
    """
    row = 1
    first: list[str] = []
    for first in records:
        row += 1
        if not blank_record(first):
            break
    else:
        return [], row, []
    told = [name for name in first if name.strip()]
    repeated = len(set(told)) < len(told)
    levels, ahead, index = [first], [], []
    for record in islice(records, LEVELS if repeated else 2):
        ahead.append(record)
        if len(record) != len(first) or any(map(number_like, record)):
            break
        if record[0].strip() and blank_record(record[_indexed(levels) :]):
            index = record
            break
        if not repeated and any(cell.strip() in MISSING for cell in record[1:]):
            break
        levels.append(record)
    if len(levels) == 1 or not (index or repeated):
        return first, row, ahead
    taken = len(levels) - 1 + bool(index)
    joined = ["_".join(filter(None, map(str.strip, parts))) for parts in zip(*levels, strict=True)]
    if index:
        joined = [name.strip() or one for name, one in zip(index, joined, strict=True)]
    return joined, row + taken, ahead[taken:]


def blank_record(record: list[str]) -> bool:
    """Return whether a row holds nothing."""
    return not any(cell.strip() for cell in record)


def _indexed(levels: list[list[str]]) -> int:
    """Return how many columns stand before the first whose name is repeated."""
    first = levels[0]
    return next((i for i, name in enumerate(first) if name.strip() and first.count(name) > 1), 1)
