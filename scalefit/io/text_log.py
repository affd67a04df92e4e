"""Text log: lines such as `step 100: loss 3.21, lr 1e-4`, however name and number are joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from scalefit.errors import InvalidData
from scalefit.wording import inline

from .axes import counts_training
from .json_table import opens as opens_json
from .log import Log
from .named_numbers import Numbers, decimals, named_numbers
from .opening import HEAD, SMALLER, as_text, text_of, unfinished
from .tables import ROW, json_object

SUFFIXES = ("", ".txt", ".log", ".out", ".err")
"""Ends of names of text that may be a log even where its first lines do not show it."""
MOST = 2000
"""Names of numbers beyond which a text is no log."""
_EPOCH = 3
_PREFERRED = (2, 0, 1, _EPOCH)
"""Ranks of `counts_training`, steps first."""


@dataclass(frozen=True)
class _Row:
    """A line with numbers, its place, and how many decimals its last number has."""

    number: int
    counts: Numbers
    values: Numbers
    decimals: int

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.counts, *self.values)


def opens(head: bytes) -> bool:
    """Return whether the first lines hold a step and a value, twice if there are several."""
    text = text_of(head)
    if text is None or json_object(text) or opens_json(head):
        return False
    whole = text if len(head) < HEAD else text.rpartition("\n")[0]
    found = 0
    for line in whole.splitlines():
        counts, values = named_numbers(line)
        found += bool(counts and values)
        if found == 2:
            return True
    return found == 1 and whole.strip().count("\n") < 3


def read(path: Path) -> Log:
    """Return the log in a text; rows are lines.

    A row is a line with numbers that have a name: `key: 1`, `key=1` or `key 1`. The first line that
    counts training (`step`, `iter`, `epoch`, `tokens`) opens the log, and a line below that does
    not count belongs to the count above it. `250/1750` counts 250. Blanks in a name become `_`. A
    number that has a unit, such as `45ms` or `1.4B`, stays text. Colours and times of day are
    passed over; of what a progress bar overwrites, the last of each count is kept. A last line that
    breaks off is left out.

    Raises
    ------
    InvalidData
        If no line holds a count and a value.
    """
    import pandas as pd

    with as_text(path, SMALLER) as handle:
        rows = list(_rows(path, handle))
    notes: tuple[str, ...] = ()
    if len(rows) > 1 and unfinished(path) and _breaks_off(rows):
        notes = (f"the last line, {rows[-1].number}, left out: it breaks off, so the run goes on",)
        rows.pop()
    if not rows:
        raise InvalidData(
            f"{inline(path)}: no line of this text holds a step and a value, such as "
            "'step 100: loss 3.21'.\nExport the table as CSV, JSON Lines or Parquet."
        )
    places = pd.Index([row.number for row in rows], name=ROW)
    frame = pd.DataFrame([{**row.counts, **row.values} for row in rows], index=places)
    seen = Counter(name for row in rows for name in row.counts)
    steps = sorted(seen, key=lambda name: (_PREFERRED.index(_rank(name)), -seen[name]))
    return Log(frame, tuple(steps), notes=notes, sparse=True)


def _rows(path: Path, handle: TextIO) -> Iterator[_Row]:
    """Yield the lines that hold values, each with its counts."""
    spelled: dict[str, str] = {}
    outer: Numbers = {}
    current: Numbers = {}
    waiting: _Row | None = None
    for number, line, overwrites in _lines(handle):
        counts, values = (
            {spelled.setdefault(name.casefold(), name): value for name, value in found.items()}
            for found in named_numbers(line, counted=not current)
        )
        if len(spelled) > MOST:
            raise InvalidData(f"{inline(path)}: more than {MOST} names of numbers; this is no log")
        if counts:
            if not values and all(_rank(name) == _EPOCH for name in counts):
                outer = {}
            current = {**outer, **counts}
            outer = outer if values or outer else current
        if not current or not values:
            continue
        row = _Row(number, current, values, decimals(line))
        if waiting and not (overwrites and waiting.number == number and waiting.counts == current):
            yield waiting
        waiting = row
    if waiting:
        yield waiting


def _lines(handle: TextIO) -> Iterator[tuple[int, str, bool]]:
    """Yield the number of each line, what a carriage return parts, and whether it overwrites."""
    number, overwrites = 1, False
    for piece in handle:
        yield number, piece, overwrites
        overwrites = not piece.endswith("\n")
        number += not overwrites


def _breaks_off(rows: Sequence[_Row]) -> bool:
    """Return whether the last row has other names than any before, or too few decimals."""
    *before, last = rows
    alike = [row.decimals for row in before if row.names == last.names]
    return not alike or last.decimals < min(alike)


def _rank(name: str) -> int:
    found = counts_training(name)
    return 2 if found is None else found
