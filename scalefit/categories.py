"""Categories: text that changes along a run, kept as codes with its words in an attribute."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

WORDS = 1000
"""Different words that a column of text may have to be kept where it changes along a run."""


def coded(values: pd.Series[Any]) -> tuple[np.ndarray[Any, Any], str] | None:
    """Return codes of a column of text, NaN where it is empty, and its words as they are kept.

    None for a column of too many words.
    """
    import pandas as pd

    codes, words = pd.factorize(values.astype(object))
    if not 1 < len(words) <= min(len(values) / 3, WORDS):
        return None
    return np.where(codes < 0, np.nan, codes), json.dumps([str(word) for word in words])


def worded(variable: xr.DataArray) -> np.ndarray[Any, Any]:
    """Return the values of a variable; of codes of text, the words."""
    values: np.ndarray[Any, Any] = variable.values
    if "categories" not in variable.attrs:
        return values
    words = np.array([*json.loads(variable.attrs["categories"]), None], dtype=object)
    found: np.ndarray[Any, Any] = words[
        np.where(np.isfinite(values), values, len(words) - 1).astype(int)
    ]
    return found


def fault(values: np.ndarray[Any, Any], kept: object) -> str:
    """Return what is wrong with codes and the words that are kept of them; empty if nothing is."""
    try:
        words = json.loads(kept) if isinstance(kept, str) else None
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return "no JSON list of texts"
    codes = values[~np.isnan(values)]
    if ((codes < 0) | (codes >= len(words)) | (codes != np.floor(codes))).any():
        return f"{len(words)} texts, which are not those that the values count"
    return ""
