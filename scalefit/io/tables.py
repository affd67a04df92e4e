"""Tables in files, one row per point: JSON Lines and Parquet as data frames; cells as numbers."""

from __future__ import annotations

import importlib
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.errors import InvalidData, MissingExtra
from scalefit.wording import inline, quoted

from .log import Log
from .opening import as_text, text_of

if TYPE_CHECKING:
    import pandas as pd

ROW = "row in the source file"
CELLS = 2 * 10**8
"""Cells of a table, at most: more would not fit in the memory of an ordinary machine."""

# What stands for a missing number; in a column of text these are words like any other.
MISSING = {
    *("", "-", "--", "nan", "NaN", "NAN", "-nan", "-NaN", "NA", "<NA>", "N/A", "n/a", "#N/A"),
    *("null", "NULL", "None", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
}


def json_object(text: str) -> bool:
    """Return whether text opens with a JSON object."""
    return bool(re.match(r'\{\s*("|\}|$)', text))


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


def read_jsonl(path: Path) -> Log:
    """Return the table in a file of JSON objects, one per line; rows are line numbers.

    A last line that breaks off is left out.

    Raises
    ------
    InvalidData
        If the file is not UTF-8, or a line is not one JSON object with distinct keys.
    """
    import pandas as pd

    records: list[dict[str, Any]] = []
    rows: list[int] = []
    notes: tuple[str, ...] = ()
    with as_text(path) as handle:
        for row, line in enumerate(handle, 1):
            if line.isspace():
                continue
            try:
                records.append(_object(path, row, line))
            except InvalidData:
                if not records or line.endswith(("\n", "\r")) or not _breaks_off(line):
                    raise
                notes = (f"the last line, {row}, left out: it breaks off, so the run goes on",)
                break
            rows.append(row)
    fitting(path, len(rows), len(set().union(*records)))
    frame = pd.DataFrame(records, index=pd.Index(rows, name=ROW))
    if not len(frame.columns):
        raise InvalidData(f"{inline(path)}: the objects hold no values")
    return Log(frame, notes=notes)


def _breaks_off(line: str) -> bool:
    """Return whether a line is the beginning of an object."""
    text = line.strip()
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return text.startswith("{") and (error.pos >= len(text) or not text.endswith("}"))
    except (ValueError, RecursionError):
        pass
    return False


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

    if column.dtype == object:
        column = column.map(_bare)
    text = column.where(~column.isin(MISSING))
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


def _bare(cell: Any) -> Any:
    """Return a cell without blanks around it; a complex number as text."""
    if isinstance(cell, complex):
        return str(cell)
    return cell.strip() if isinstance(cell, str) else cell


def number_like(cell: str) -> bool:
    """Return whether a cell is a number as it stands."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


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
