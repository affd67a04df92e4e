"""Formats of files that can be read: how a file of each begins, and what reads it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import delimited, json_table, tables, tensorboard, text_log, trainer_state
from .opening import LARGEST, SMALLER

if TYPE_CHECKING:
    import pandas as pd

    from .log import Log


@dataclass(frozen=True)
class Format:
    """One format of files.

    Attributes
    ----------
    words
        What messages call it.
    suffix
        How the names of its files end, dot included, several parted by blanks: such a file must be
        of this format, or of another with the same suffix. Empty if there is no such rule.
    opens
        Whether a file that begins with these bytes is of the format.
    read
        Returns the table in a file, or the log; None where a file holds a trajectory already.
    largest
        Bytes of a file beyond which it would not fit in memory, once read, on an ordinary machine.
    text
        Whether it is text, which may be gzip-compressed.
    """

    words: str
    suffix: str
    opens: Callable[[bytes], bool]
    read: Callable[[Path], pd.DataFrame | Log] | None
    largest: float = math.inf
    text: bool = False


def _begins(signature: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signature)


FORMATS = {
    "csv": Format(
        "CSV text", ".csv .tsv .tab", delimited.opens, delimited.read, LARGEST, text=True
    ),
    "jsonl": Format(
        "JSON Lines", ".jsonl", tables.opens_jsonl, tables.read_jsonl, LARGEST, text=True
    ),
    "parquet": Format("Parquet", ".parquet", _begins(b"PAR1"), tables.read_parquet, LARGEST),
    "netcdf": Format("netCDF (HDF5)", ".nc", _begins(b"\x89HDF\r\n\x1a\n"), None),
    "log": Format("lines of a log", "", text_log.opens, text_log.read, SMALLER, text=True),
    "json": Format("a JSON table", ".json", json_table.opens, json_table.read, SMALLER, text=True),
    "trainer": Format(
        "a trainer state of Hugging Face",
        ".json",
        trainer_state.opens,
        trainer_state.read,
        SMALLER,
        text=True,
    ),
    "events": Format("a TensorBoard event file", "", tensorboard.framed, tensorboard.read),
}
"""The formats by key. A file is taken to be of the last one whose `opens` agrees."""
