"""Trainer state: `trainer_state.json`, which Hugging Face transformers writes."""

from __future__ import annotations

import re
from pathlib import Path

from scalefit.errors import InvalidData
from scalefit.wording import inline, quoted

from .json_table import loaded
from .log import Log
from .opening import text_of
from .tables import ROW, fitting


def opens(head: bytes) -> bool:
    """Return whether a file begins as a trainer state: an object that has a `log_history`."""
    text = text_of(head)
    if text is None or not text.startswith("{"):
        return False
    return bool(re.search(r'"log_history"\s*:\s*\[', text))


def read(path: Path) -> Log:
    """Return the log in a trainer state: the entries of `log_history`, counted from 1.

    Entries of training and of evaluation alternate and hold different keys, so that a metric is
    missing from most of them.

    Raises
    ------
    InvalidData
        If the file is no JSON, has no `log_history`, or an entry of it is no object.
    """
    import pandas as pd

    state = loaded(path)
    entries = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(entries, list):
        raise InvalidData(
            f"{inline(path)}: one JSON document, but no trainer state: it has no list "
            "'log_history'.\nWrite other data as one JSON object per line, in a file named .jsonl."
        )
    for place, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise InvalidData(
                f"{inline(path)}: entry {place} of log_history is no object: {quoted(entry)}"
            )
    fitting(path, len(entries), len(set().union(*entries)))
    frame = pd.DataFrame(entries, index=pd.RangeIndex(1, len(entries) + 1, name=ROW))
    if frame.empty:
        raise InvalidData(f"{inline(path)}: log_history is empty; nothing was logged")
    return Log(frame, ("step",), sparse=True)
