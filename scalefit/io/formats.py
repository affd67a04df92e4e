"""Formats of files that can be read: how a file of each begins, and what reads it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import tables, tensorboard, trainer_state

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
        How the names of its files end, dot included: such a file must be of this format. Empty if
        there is no such rule.
    opens
        Whether a file that begins with these bytes is of the format.
    read
        Returns the table in a file, or the log; None where a file holds a trajectory already.
    largest
        Bytes of a file beyond which it would not fit in memory, once read, on an ordinary machine.
    """

    words: str
    suffix: str
    opens: Callable[[bytes], bool]
    read: Callable[[Path], pd.DataFrame | Log] | None
    largest: float = math.inf


def _begins(signature: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signature)


FORMATS = {
    "csv": Format("CSV text", ".csv", tables.opens_csv, tables.read_csv, 2e9),
    "jsonl": Format("JSON Lines", ".jsonl", tables.opens_jsonl, tables.read_jsonl, 2e9),
    "parquet": Format("Parquet", ".parquet", _begins(b"PAR1"), tables.read_parquet, 2e9),
    "netcdf": Format("netCDF (HDF5)", ".nc", _begins(b"\x89HDF\r\n\x1a\n"), None),
    "trainer": Format(
        "a trainer state of Hugging Face", ".json", trainer_state.opens, trainer_state.read, 2e8
    ),
    "events": Format("a TensorBoard event file", "", tensorboard.framed, tensorboard.read),
}
"""The formats by key. A file is taken to be of the last one whose `opens` agrees."""
