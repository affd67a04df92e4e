"""Fingerprints of whatever an answer is made of: arrays, tables, datasets, words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr


def fingerprint(value: Any) -> str:
    """Return the head of the SHA-256 of a value: of names, dimensions, types, and every bit.

    Every not-a-number is the same, and so is text however it is held. Of the attributes of datasets
    those do not count that say by what and when they were made.
    """
    found = hashlib.sha256()
    for part in _parts(value):
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()[:16]


def lasting(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes without versions and times."""
    return {
        name: value
        for name, value in attrs.items()
        if name not in ("created", "scalefit") and not name.endswith("_version")
    }


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, xr.Dataset):
        yield from _parts([lasting(value.attrs), dict(value.variables)])
    elif isinstance(value, xr.DataArray):
        yield from _parts([value.variable, dict(value.coords.variables)])
    elif isinstance(value, xr.Variable):
        yield from _parts([value.dims, value.attrs, value.values])
    elif isinstance(value, pd.DataFrame):
        columns = [value.iloc[:, i].to_numpy() for i in range(value.shape[1])]
        yield from _parts([list(value.columns), value.index.to_numpy(), columns, value.attrs])
    elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        same = np.where(np.isnan(value), np.nan, value) if value.dtype.kind == "f" else value
        yield from (f"{value.dtype.str} {value.shape}".encode(), same.tobytes())
    elif isinstance(value, Mapping):
        yield from _parts([[name, value[name]] for name in sorted(value)])
    elif isinstance(value, np.ndarray | list | tuple):
        yield f"{len(value)} parts".encode()
        for one in value:
            yield from _parts(one)
    elif isinstance(value, Number | np.bool_):
        yield from _parts(np.asarray(value))
    else:
        yield str(value).encode()
