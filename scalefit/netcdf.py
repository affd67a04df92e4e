"""NetCDF files: surveyed before they are read, for they may be damaged; written through memory."""

from __future__ import annotations

import importlib
import io
import math
import mmap
import os
import struct
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InvalidData, ScalefitError
from .storage import replacing, room
from .wording import inline, quoted

if TYPE_CHECKING:
    import xarray as xr

SQUEEZED = 1100
"""Times that a compressed file can grow as it is read; deflate reaches 1032."""
SPARE = 2**24
"""Bytes that a file may declare beyond that."""
HEAP = b"GCOL\1\0\0\0"
"""How a heap of texts begins in a file."""
OBJECTS = 20_000
"""Variables and groups of a file, at most."""
ENTRIES = 2**20
"""Elements of an attribute, at most."""
IN_MEMORY = 2**30
"""Bytes up to which a file is put together in memory."""


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[str | None]:
    """Yield the schema that a netCDF file names; what a damaged file raises becomes one line.

    Before that the file is surveyed without reading it: what it declares must be no larger than it
    can be, lie in the file itself, and in groups of one level.

    Parameters
    ----------
    path
        The file, to be read within the block.

    Raises
    ------
    InvalidData
        If the file, or what the block reads of it, is missing or damaged.
    """
    h5py = importlib.import_module("h5py")
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None  # h5netcdf complains once more where it gives up
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            size = os.stat(path).st_size
            _heaps(path)
            with h5py.File(path, "r") as file:
                _survey(h5py, file, SQUEEZED * size + SPARE)
                schema = file.attrs.get("schema")
            yield str(schema) if isinstance(schema, str) else None
    except ScalefitError:
        raise
    except _Refused as error:
        raise InvalidData(
            f"{inline(path)}: not a readable netCDF file: {error}; write it again"
        ) from None
    except Exception as error:
        raise InvalidData(
            f"{inline(path)}: not a readable netCDF file ({type(error).__name__}); is it complete?"
        ) from error
    finally:
        sys.unraisablehook = hook


def schema(path: str | os.PathLike[str]) -> str:
    """Return what a netCDF file of scalefit's own says that it holds; "" for any other file."""
    try:
        with reading(path) as found:
            return found or ""
    except InvalidData:
        return ""


class _Refused(Exception):
    """What is wrong with a file, in words."""


def _heaps(path: str | os.PathLike[str]) -> None:
    """Refuse a file whose texts do not lie one after the other, for HDF5 then reads for ever.

    Source
    ------
    HDF5 File Format Specification 4.0, III.E, "Disk Format: Level 1E - Global Heap".
    """
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = content.find(HEAP)
            while start >= 0:
                stop = start + int.from_bytes(content[start + 8 : start + 16], "little")
                _heap(content, start + 16, stop)
                start = content.find(HEAP, stop)


def _heap(content: mmap.mmap, at: int, stop: int) -> None:
    """Refuse a heap that overlaps itself, has a number twice, or goes on beyond its end."""
    known: set[int] = set()
    if stop < at or stop > len(content):
        raise _Refused("its texts end too early")
    while at + 16 <= stop:
        index, _, _, size = struct.unpack("<HHLQ", content[at : at + 16])
        if index == 0:  # what is left, this included
            if size != stop - at:
                raise _Refused("its texts are out of order")
            return
        at += 16 + -(-size // 8) * 8
        if index in known or at > stop:
            raise _Refused("its texts are out of order")
        known.add(index)


def _survey(h5py: Any, file: Any, most: int) -> None:
    """Refuse a file whose content would not fit, or lies elsewhere."""
    declared = seen = 0
    waiting: list[tuple[Any, int]] = [(file, 0)]
    while waiting:
        group, depth = waiting.pop()
        _attributes(group)
        for name in group:
            seen += 1
            if seen > OBJECTS:
                raise _Refused(f"it holds more than {OBJECTS} variables")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _Refused(f"{quoted(name)} is a link to another place")
            found = group[name]
            if isinstance(found, h5py.Group) and depth == 0:
                waiting.append((found, depth + 1))
                continue
            if not isinstance(found, h5py.Dataset):
                raise _Refused(f"{quoted(name)} is no variable")
            if found.is_virtual or found.external:
                raise _Refused(f"the values of {quoted(name)} lie in another file")
            _attributes(found)
            each = max(found.dtype.itemsize, 1)
            declared += math.prod(found.shape or ()) * each
            if declared > most or math.prod(found.chunks or ()) * each > most:
                raise _Refused(f"{quoted(name)} would be larger than a file of this size can hold")


def _attributes(found: Any) -> None:
    """Refuse attributes that are too large to be any."""
    for name in found.attrs:
        if math.prod(found.attrs.get_id(name).shape or ()) > ENTRIES:
            raise _Refused(f"attribute {quoted(name)} has more than {ENTRIES} elements")


def write(groups: Mapping[str, xr.Dataset], path: str | os.PathLike[str]) -> None:
    """Write Datasets as the groups of one netCDF file, `""` the root; all or nothing.

    Text that netCDF cannot hold, with a NUL or half a character, is written as its escapes.

    Raises
    ------
    OSError
        If the folder cannot be written, or is too full.
    """
    size = sum(one.nbytes for group in groups.values() for one in group.variables.values())
    with replacing(path) as temporary:
        room(temporary.parent, size, path)
        # By way of memory, for where a file cannot grow HDF5 crashes as it closes.
        content = io.BytesIO() if size < IN_MEMORY else None
        _dump(groups, content or temporary)
        if content is not None:
            temporary.write_bytes(content.getbuffer())


def _dump(groups: Mapping[str, xr.Dataset], target: Any) -> None:
    """Write Datasets to a file, without to_netcdf, which in a worker of dask wants a lock."""
    from xarray.backends import H5NetCDFStore

    with importlib.import_module("h5netcdf").File(target, "w") as file:
        for name, group in groups.items():
            place = file.create_group(name) if name else file
            storable(group).dump_to_store(H5NetCDFStore(place))


def storable(dataset: xr.Dataset) -> xr.Dataset:
    """Return a Dataset whose texts netCDF can hold."""
    changed = {
        name: variable.copy(data=_texts(variable.values))
        for name, variable in dataset.variables.items()
        if variable.dtype.kind in "UTO"
    }
    for name, variable in dataset.variables.items():
        attrs = _plain(variable.attrs)
        if attrs != variable.attrs:
            changed[name] = changed.get(name, variable).copy(deep=False)
            changed[name].attrs = attrs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dataset.assign({k: v for k, v in changed.items() if k in dataset.data_vars})
        dataset = dataset.assign_coords({k: v for k, v in changed.items() if k in dataset.coords})
    dataset.attrs = _plain(dataset.attrs)
    return dataset


def _plain(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: text(one) if isinstance(one, str) else one for name, one in attrs.items()}


def _texts(values: Any) -> Any:
    import numpy as np

    flat = [text(one) if isinstance(one, str) else one for one in values.reshape(-1).tolist()]
    made = np.empty(len(flat), dtype=object)
    made[:] = flat
    return made.reshape(values.shape)


def text(value: str) -> str:
    """Return a text without NUL and halves of characters, which are shown as escapes."""
    if "\0" in value:
        value = value.replace("\0", "\\x00")
    return value.encode("utf-8", errors="backslashreplace").decode("utf-8")


def exists(path: str | os.PathLike[str]) -> bool:
    """Return whether a path names a file; False also where it can be no path."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False
