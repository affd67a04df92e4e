"""Delimited text: CSV and its kin as data frames, one row per point."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from scalefit.errors import InvalidData
from scalefit.wording import counted, inline, quoted

from . import header, wandb
from .header import blank_record
from .log import Log
from .opening import as_text, head_of, text_of, unfinished
from .tables import ROW, json_object, number_like, numbers, unique_columns

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = (",", "\t", ";")
BLANKS = " "
"""What stands for any number of blanks and tabs, where no other delimiter is there."""
DECLARED = re.compile(r"\s*\"?sep=([,;\t])\"?\s*")
"""A first line by which a spreadsheet is told what stands between cells."""


@dataclass(frozen=True)
class Dialect:
    """How a file separates cells, and the sample of lines that says so.

    Attributes
    ----------
    delimiter
        What stands between cells.
    width
        How many cells the first line that is no comment has.
    named
        The line of comment that holds the names of columns, counted from 0; -1 for none.
    """

    delimiter: str
    width: int
    named: int = -1

    def comment(self, line: str) -> bool:
        """Return whether a line is a comment: `#` and a blank, or `#` and no row of the table."""
        text = line.strip()
        if not text.startswith("#"):
            return False
        return text[1:2] in ("", " ", "\t", "#", "!") or self.width != len(self.cells(text))

    def cells(self, line: str) -> list[str]:
        """Return the cells of one line."""
        if self.delimiter == BLANKS:
            return line.split()
        return next(csv.reader([line], delimiter=self.delimiter), [])


def opens(head: bytes) -> bool:
    """Return whether a file begins as a table: two lines of as many cells, two or more."""
    text = text_of(head)
    if text is None or json_object(text) or re.match(r"\[\s*[\[{]", text):
        return False
    lines = _rows_of(_lines(text))[:2]
    return any(_agree(lines, delimiter) for delimiter in DELIMITERS) or _aligned(lines)


def read(path: Path, by: Sequence[str] = ()) -> Log:
    """Return the table in a text with a header; the header is row 1, as in a spreadsheet.

    Cells are separated by commas, tabs or semicolons, whichever the first two lines agree on. Lines
    that begin with `#` are comments. Blanks around the names are no part of them, nor around cells
    below such names. Several rows of names, as pandas writes columns of several levels, are joined
    by `_`. A last row that breaks off is left out.

    Raises
    ------
    InvalidData
        If the file is no text, a row has more or fewer cells than the header, a column name
        occurs twice, there are no rows, or a column of `by` spells one number in two ways.
    """
    import pandas as pd

    # What pandas 3 always does, and refuses to be asked for: numbers to their last bit.
    exact: Any = {"float_precision": "round_trip"} if pd.__version__.startswith("2.") else {}
    found = _dialect(path)
    with _plain_text(path, found) as handle:
        survey = _survey(path, csv.reader(handle, delimiter=found.delimiter), by, found.delimiter)
    with _plain_text(path, found) as handle:
        for _ in islice(csv.reader(handle, delimiter=found.delimiter), survey.start - 1):
            pass
        try:
            frame = pd.read_csv(
                handle,
                sep=found.delimiter,
                header=None,
                names=survey.columns,
                index_col=False,
                skip_blank_lines=False,
                skipinitialspace=survey.padded,
                keep_default_na=False,
                na_values=[""],
                low_memory=False,
                **exact,
            )
        except pd.errors.ParserError as error:
            raise InvalidData(
                f"{inline(path)}: row {survey.stop - 1} has no end: a quote is opened and never "
                "closed.\nClose it, or write a quote inside a quoted cell twice."
            ) from error
        except pd.errors.EmptyDataError:
            frame = pd.DataFrame(columns=survey.columns)
    if len(frame) != survey.stop - survey.start:
        raise InvalidData(
            f"{inline(path)}: where rows end is unclear, for a quote stands inside a cell.\n"
            "Write a quote inside a quoted cell twice."
        )
    frame.index = pd.RangeIndex(survey.start, survey.stop, name=ROW)
    frame = frame.copy().drop(index=survey.blank).dropna(how="all")  # a copy is of one piece
    if frame.empty:
        raise InvalidData(f"{inline(path)}: a header but no rows below it")
    return Log(_numeric(frame, survey.padded), notes=survey.notes)


def _numeric(frame: pd.DataFrame, padded: bool) -> pd.DataFrame:
    """Return the frame with columns as numbers that have no other cells than numbers."""
    changed: dict[str, Any] = {}
    for name, kind in zip(frame.columns, frame.dtypes, strict=True):
        if kind.kind in "biuf":
            continue
        column = frame[name]
        values, wrong = numbers(column)
        if not wrong.any() and values.notna().any():
            changed[name] = values
        elif padded:
            changed[name] = column.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return frame.assign(**changed) if changed else frame


@dataclass(frozen=True)
class _Survey:
    """What a first pass over the rows finds; `start` and `stop` are those of rows of data."""

    columns: list[str]
    padded: bool
    start: int
    stop: int
    blank: list[int]
    notes: tuple[str, ...]


def _survey(path: Path, records: Iterator[list[str]], by: Sequence[str], delimiter: str) -> _Survey:
    """Return the column names, which rows are blank, and where rows of data begin and end.

    Columns of `by` must not spell one number in two ways.
    """
    ragged: list[tuple[int, list[str]]] = []
    blank: list[int] = []
    spelled: dict[tuple[int, float], str] = {}
    clash = ""
    row = 0
    try:
        written, start, ahead = header.names(records)
        row = start - 1
        columns = [name.strip() for name in written]
        padded = columns != written
        notes, columns = wandb.told_apart(columns)
        unique_columns(path, columns, "row 1")
        columns = [name or f"column {i}" for i, name in enumerate(columns, 1)]
        places = [columns.index(name) for name in by if name in columns]
        for row, record in enumerate(chain(ahead, records), start):
            if len(record) != len(columns):
                if blank_record(record):
                    blank.append(row)
                else:
                    ragged.append((row, record))
                continue
            for place in places:
                clash = clash or _clash(spelled, columns, row, place, record[place].strip())
    except csv.Error as error:
        raise InvalidData(f"{inline(path)}: not CSV below row {row}: {inline(error)}") from error
    if not columns:
        raise InvalidData(f"{inline(path)}: row 1 is blank; start the file with its column names")
    cut = len(ragged) == 1 and ragged[0][0] == row and len(ragged[0][1]) < len(columns)
    if cut and unfinished(path):
        blank.append(row)
        notes += (f"the last row, {row}, left out: it breaks off, so the run goes on",)
    elif ragged:
        raise InvalidData(f"{inline(path)}: {_ragged(ragged, len(columns), delimiter)}")
    if clash:
        raise InvalidData(f"{inline(path)}: {clash}")
    return _Survey(columns, padded, start, row + 1, blank, notes)


def _ragged(ragged: list[tuple[int, list[str]]], width: int, delimiter: str) -> str:
    """Return what is wrong with rows of another length than the header."""
    row, record = ragged[0]
    also = f" ({counted(len(ragged), 'such row')})" if len(ragged) > 1 else ""
    holds = {"\t": "a tab", ",": "a comma", BLANKS: "a blank"}.get(delimiter, repr(delimiter))
    advice = (
        f"Complete the row; a cell that holds {holds} or a line break must be in double quotes."
    )
    if any("tensor(" in cell for cell in record):
        advice = "Cells such as 'tensor(3.2, device=...)' are printed tensors: write loss.item()."
    elif delimiter == "," and len(record) == 2 * width and all(map(number_like, record)):
        advice = "If these are decimal commas, write decimal points: 5.27, not 5,27."
    return f"row {row} has {counted(len(record), 'cell')}, the header has {width}{also}.\n{advice}"


def _clash(
    spelled: dict[tuple[int, float], str], columns: list[str], row: int, place: int, text: str
) -> str:
    """Return what is wrong with an id such as 1.10 after 1.1, which as numbers would be one."""
    try:
        known = spelled.setdefault((place, float(text)), text)
    except ValueError:  # a word is itself
        return ""
    if known == text:
        return ""
    return (
        f"column {quoted(columns[place])} tells curves apart, and row {row} has {quoted(text)} "
        f"where an earlier one has {quoted(known)}: one number in two spellings.\nSpell them "
        "alike if they are one curve; else make them words, such as v1.10."
    )


def _dialect(path: Path) -> Dialect:
    """Return how the first lines of a file separate cells."""
    lines = _lines(head_of(path).decode("utf-8-sig", errors="ignore"))
    rows = _rows_of(lines)[:2]
    order: tuple[str, ...] = DELIMITERS
    if path.name.lower().removesuffix(".gz").endswith((".tsv", ".tab")):
        order = ("\t", ",", ";")
    declared = DECLARED.fullmatch(lines[0])
    if declared is not None:
        order = (declared[1],)
    delimiter = next((one for one in order if _agree(rows, one)), None)
    if delimiter is None and _aligned(rows):
        delimiter = BLANKS
    if delimiter is None:
        delimiter = max(order, key=rows[0].count) if rows else ","
    first = Dialect(delimiter, 0).cells(rows[0]) if rows else []
    found = Dialect(delimiter, len(first))
    above = lines.index(rows[0]) - 1 if rows else -1
    if above < 0 or not re.match(r"\s*#+\s", lines[above]) or not any(map(number_like, first)):
        return found
    names = found.cells(lines[above].lstrip().lstrip("#"))
    is_header = len(names) == len(first) > 1 and not any(map(number_like, names))
    return replace(found, named=above) if is_header else found


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", text)


def _rows_of(lines: Sequence[str]) -> list[str]:
    """Return the lines that are neither blank nor begin with `#`, nor name the delimiter."""
    lines = lines[1:] if lines and DECLARED.fullmatch(lines[0]) else lines
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _aligned(lines: Sequence[str]) -> bool:
    """Return whether two lines are names and as many numbers, two or more, with blanks between."""
    if len(lines) < 2:
        return False
    names, values = (line.split() for line in lines[:2])
    plain = not any(map(number_like, names)) and all(map(number_like, values))
    return plain and len(names) == len(values) > 1 and not re.search(r"[:=,;\"]", "".join(names))


def _agree(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether two lines have as many cells, two or more."""
    counts = [len(record) for record in csv.reader(lines, delimiter=delimiter)]
    return len(counts) == 2 and counts[0] == counts[1] > 1


@contextmanager
def _plain_text(path: Path, found: Dialect) -> Iterator[TextIO]:
    """Open a text with blank lines in place of its comments, so that rows keep their numbers."""
    with as_text(path) as handle:
        changed = found.delimiter == BLANKS or _commented(handle)
    with as_text(path) as handle:
        yield io.StringIO("".join(_uncommented(handle, found)), newline="") if changed else handle


def _commented(handle: TextIO) -> bool:
    """Return whether any line begins with `#`."""
    first = handle.readline(1 << 20)
    if DECLARED.fullmatch(first) or first.lstrip().startswith("#"):
        return True
    last = first[-80:] or "\n"
    while piece := handle.read(1 << 20):
        if "#" in piece and re.search(r"[\r\n][ \t]*#", last + piece):
            return True
        last = piece[-80:]
    return False


def _uncommented(handle: TextIO, found: Dialect) -> Iterator[str]:
    """Yield the lines of a text, empty ones in place of comments outside of quotes."""
    quoting = False
    for number, line in enumerate(handle):
        if not quoting and number == found.named:
            line = line.lstrip().lstrip("#").lstrip(" \t")
            yield BLANKS.join(line.split()) + "\n" if found.delimiter == BLANKS else line
        elif not quoting and (found.comment(line) or (number == 0 and DECLARED.fullmatch(line))):
            yield "\n"
        elif found.delimiter == BLANKS:
            yield BLANKS.join(line.split()) + "\n"
        else:
            quoting ^= line.count('"') % 2 == 1
            yield line
