"""Tables in files, one row per point: CSV, JSON Lines and Parquet as data frames."""

from __future__ import annotations

import csv
import importlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from scalefit.errors import InvalidData, MissingExtra
from scalefit.wording import counted, inline, quoted

if TYPE_CHECKING:
    import pandas as pd

ROW = "row in the source file"
CELLS = 2 * 10**8
"""Cells of a table, at most: more would not fit in the memory of an ordinary machine."""

# What stands for a missing number; in a column of text these are words like any other.
_MISSING = ("", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "n/a", "null", "NULL", "None", "#N/A")


def text_of(head: bytes) -> str | None:
    """Return the text that a file begins with, None if it is no text."""
    if re.search(rb"[\x00-\x08\x0e-\x1a]", head):
        return None
    # The cut after the first bytes may split a character; the readers complain about bad ones.
    return head.decode("utf-8-sig", errors="ignore").lstrip()


def json_object(text: str) -> bool:
    """Return whether text opens with a JSON object."""
    return bool(re.match(r'\{\s*("|\}|$)', text))


def opens_csv(head: bytes) -> bool:
    """Return whether a file begins as CSV: two lines of as many cells, two or more."""
    text = text_of(head)
    if text is None or json_object(text) or re.match(r"\[\s*[\[{]", text):
        return False
    lines = list(csv.reader(text.splitlines()[:2]))
    return len(lines) == 2 and len(lines[0]) == len(lines[1]) > 1


def opens_jsonl(head: bytes) -> bool:
    """Return whether a file begins with a JSON object that ends on its line."""
    text = text_of(head)
    if text is None or not json_object(text):
        return False
    first, _, rest = text.partition("\n")
    try:
        json.loads(first)
    except RecursionError:
        return True
    except ValueError:
        # A broken first line is for the reader to name, unless the object plainly goes on below.
        goes_on = first.rstrip().endswith(("{", "[", ","))
        return not goes_on or rest.lstrip().startswith("{")
    return True


def read_csv(path: Path, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return the table in a CSV file with a header; the header is row 1, as in a spreadsheet.

    Raises
    ------
    InvalidData
        If the file is not UTF-8, a row has more or fewer cells than the header, a column name
        occurs twice, there are no rows, or a column of `by` spells one number in two ways.
    """
    import pandas as pd

    with as_text(path) as handle:
        columns, blank, rows = _survey(path, csv.reader(handle), by)
    with as_text(path) as handle:
        next(csv.reader(handle))
        try:
            frame = pd.read_csv(
                handle,
                header=None,
                names=columns,
                index_col=False,
                skip_blank_lines=False,
                keep_default_na=False,
                na_values=[""],
                low_memory=False,
            )
        except pd.errors.ParserError as error:
            raise InvalidData(
                f"{inline(path)}: row {rows + 1} has no end: a quote is opened and never closed.\n"
                "Close it, or write a quote inside a quoted cell twice."
            ) from error
    if len(frame) != rows:
        raise InvalidData(
            f"{inline(path)}: where rows end is unclear, for a quote stands inside a cell.\n"
            "Write a quote inside a quoted cell twice."
        )
    frame.index = pd.RangeIndex(2, rows + 2, name=ROW)
    frame = frame.drop(index=blank).dropna(how="all")
    if frame.empty:
        raise InvalidData(f"{inline(path)}: a header but no rows below it")
    for column in columns:
        if frame[column].dtype.kind not in "biuf":
            values, wrong = numbers(frame[column])
            if not wrong.any() and values.notna().any():
                frame[column] = values
    return frame


def _survey(
    path: Path, records: Iterator[list[str]], by: Sequence[str]
) -> tuple[list[str], list[int], int]:
    """Return the column names, which rows are blank, and how many there are below the header.

    Columns of `by` must not spell one number in two ways.
    """
    ragged: list[tuple[int, int]] = []
    blank: list[int] = []
    spelled: dict[tuple[int, float], str] = {}
    clash = ""
    row = 1
    try:
        columns = [name or f"column {i}" for i, name in enumerate(next(records), 1)]
        places = [columns.index(name) for name in by if name in columns]
        for row, record in enumerate(records, 2):
            if len(record) != len(columns):
                if len(record) > 1 or "".join(record).strip():
                    ragged.append((row, len(record)))
                else:
                    blank.append(row)
                continue
            for place in places:
                clash = clash or _clash(spelled, columns, row, place, record[place].strip())
    except csv.Error as error:
        raise InvalidData(f"{inline(path)}: not CSV below row {row}: {inline(error)}") from error
    if not columns:
        raise InvalidData(f"{inline(path)}: row 1 is blank; start the file with its column names")
    unique_columns(path, columns, "row 1")
    for separator in ";\t":
        if len(columns) == 1 and separator in columns[0]:
            raise InvalidData(
                f"{inline(path)}: cells are separated by {separator!r}; save the file with commas"
            )
    if ragged:
        first, cells = ragged[0]
        also = f" ({counted(len(ragged), 'such row')})" if len(ragged) > 1 else ""
        raise InvalidData(
            f"{inline(path)}: row {first} has {counted(cells, 'cell')}, "
            f"the header has {len(columns)}{also}.\n"
            "Complete the row; a cell that holds a comma or a line break must be in double quotes."
        )
    if clash:
        raise InvalidData(f"{inline(path)}: {clash}")
    return columns, blank, row - 1


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


def read_jsonl(path: Path) -> pd.DataFrame:
    """Return the table in a file of JSON objects, one per line; rows are line numbers.

    Raises
    ------
    InvalidData
        If the file is not UTF-8, or a line is not one JSON object with distinct keys.
    """
    import pandas as pd

    records: list[dict[str, Any]] = []
    rows: list[int] = []
    with as_text(path) as handle:
        for row, line in enumerate(handle, 1):
            if line.isspace():
                continue
            records.append(_object(path, row, line))
            rows.append(row)
    fitting(path, len(rows), len(set().union(*records)))
    frame = pd.DataFrame(records, index=pd.Index(rows, name=ROW))
    if not len(frame.columns):
        raise InvalidData(f"{inline(path)}: the objects hold no values")
    return frame


def _object(path: Path, row: int, line: str) -> dict[str, Any]:
    """Return the JSON object on a line."""

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        unique_columns(path, [key for key, _ in pairs], f"line {row}")
        return dict(pairs)

    try:
        record = decoded(line, distinct)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", type(error).__name__)
        raise InvalidData(
            f"{inline(path)}: line {row} is not JSON ({reason}): {quoted(line.strip())}.\n"
            "Every line must be one complete JSON object; mend or delete this one."
        ) from error
    if not isinstance(record, dict):
        raise InvalidData(
            f"{inline(path)}: line {row} is not a JSON object: {quoted(line.strip())}.\n"
            'Write each point as {"column": value, ...} on a line of its own.'
        )
    return record


def decoded(
    text: str, pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None
) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError, RecursionError
        If it is none, is nested too deep, or holds half a character of a pair, which cannot be
        stored as text.
    """
    value = json.loads(text, object_pairs_hook=pairs, parse_int=_integer)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _integer(digits: str) -> float:
    """Return an integer; as a float, perhaps infinite, where Python or pandas would refuse it."""
    return int(digits) if len(digits) < 300 else float(digits)


def read_parquet(path: Path) -> pd.DataFrame:
    """Return the table in a Parquet file; data rows are counted from 1.

    Raises
    ------
    InvalidData
        If the file is damaged, holds no rows or has a column name twice.
    MissingExtra
        If pyarrow is not installed.
    """
    import pandas as pd

    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtra(
            f"{inline(path)}: reading Parquet needs pyarrow: pip install 'scalefit[parquet]'"
        ) from error
    try:
        file = parquet.ParquetFile(path)
        fitting(path, file.metadata.num_rows, len(file.schema_arrow.names))
        table = file.read()
        table.validate(full=True)
        names: list[str] = table.column_names
        # pandas' own metadata would turn saved index columns into an index again, out of reach.
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise InvalidData(
            f"{inline(path)}: a damaged Parquet file ({type(error).__name__}); write it again"
        ) from error
    unique_columns(path, names, "the schema")
    if frame.empty:
        raise InvalidData(f"{inline(path)}: columns but no rows")
    frame.index = pd.RangeIndex(1, len(frame) + 1, name=ROW)
    return frame


def fitting(source: object, rows: int, columns: int) -> None:
    """Refuse a table that would not fit in memory, before it is made.

    Raises
    ------
    InvalidData
        Naming its size and the largest.
    """
    if rows * columns > CELLS:
        raise InvalidData(
            f"{inline(source)}: {rows:,} rows of {columns:,} columns; a table may have "
            f"{CELLS:,} cells. Keep the columns and rows that the fit needs"
        )


def numbers(column: pd.Series[Any]) -> tuple[pd.Series[float], pd.Series[bool]]:
    """Return a column as numbers, NaN where missing, and where its cells are not numbers."""
    import pandas as pd

    if isinstance(column.dtype, pd.ArrowDtype):
        column = _unboxed(column)
    if column.dtype == object:
        column = column.map(lambda cell: str(cell) if isinstance(cell, complex) else cell)
    text = column.where(~column.isin(_MISSING))
    if column.dtype.kind in "bmMc":
        return pd.Series(np.nan, column.index), text.notna()
    try:
        values = pd.to_numeric(text, errors="coerce").astype(float)
    except OverflowError:  # an integer beyond the largest float
        fits = text.map(lambda cell: not isinstance(cell, int) or abs(cell) < 2**1023)
        values = pd.to_numeric(text.where(fits), errors="coerce").astype(float)
    wrong = values.isna() & text.notna()
    if column.dtype == object:  # where True would pass for 1
        wrong |= column.map(lambda cell: isinstance(cell, bool))
    return values, wrong


def _unboxed(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of Arrow as one of numpy, or of objects."""
    if column.dtype.kind in "iuf":
        return column.astype(float)
    if column.dtype.kind in "bmM":
        return column
    return column.astype(object)


def unique_columns(source: object, columns: list[str], where: str) -> None:
    """Refuse a table that has two columns of one name.

    Raises
    ------
    InvalidData
        Naming the column and where the names stand.
    """
    name, count = Counter(columns).most_common(1)[0] if columns else ("", 0)
    if count > 1:
        raise InvalidData(
            f"{inline(source)}: column {quoted(name)} occurs {count} times in {where}; "
            "rename all but one"
        )


@contextmanager
def as_text(path: Path) -> Iterator[TextIO]:
    """Open a file as UTF-8, and name the line when it is not."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            yield handle
    except UnicodeDecodeError as error:
        with path.open("rb") as binary:
            line = next(n for n, raw in enumerate(binary, 1) if not _decodes(raw))
        raise InvalidData(
            f"{inline(path)}: line {line} is not UTF-8 text; save the file as UTF-8"
        ) from error


def _decodes(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
