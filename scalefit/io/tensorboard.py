"""TensorBoard: event files, one or all in a folder."""

from __future__ import annotations

import importlib
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scalefit.errors import InvalidData, MissingExtra
from scalefit.wording import counted, inline, quoted

from .log import Log
from .tables import fitting

NAME = "tfevents"
MOST = 100_000
"""Entries of a folder, sub-folders included, beyond which it is not searched."""
_FRAME = 16  # bytes of length and checksums around a record
LARGEST = 2**31
"""Numbers of a tensor, at most; what says that it has more is damaged."""


def framed(head: bytes) -> bool:
    """Return whether a file starts with a record: its length, and the checksum of that."""
    if len(head) < 12:
        return False
    crc = 0xFFFFFFFF
    for byte in head[:8]:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    return struct.pack("<I", masked) == head[8:12]


def event_files(folder: Path) -> list[Path]:
    """Return the event files in a folder and its sub-folders, in the order of their names.

    Raises
    ------
    InvalidData
        If the folder is too large to search.
    """
    found: list[Path] = []
    seen = 0
    for place, _, names in os.walk(folder):
        seen += len(names) + 1
        if seen > MOST:
            raise InvalidData(
                f"{inline(folder)}: this folder holds more than {MOST} files; name the folder of "
                "the runs, or one file"
            )
        found += [Path(place) / name for name in names if NAME in name]
    return sorted(path for path in found if path.is_file())


def read(path: Path) -> Log:
    """Return the scalars of an event file, or of all event files in a folder.

    Tags become columns, one row per step, beside `step` and `wall_time`. Every folder that holds
    event files is a run, named in the column `run` by its path below the given one; files of one
    folder continue each other. A value logged again at the same step replaces the earlier one.

    Raises
    ------
    InvalidData
        If a file is damaged from its start, or there are no scalars.
    MissingExtra
        If tensorboard is not installed.
    """
    import pandas as pd

    files = event_files(path) if path.is_dir() else [path]
    rows: dict[tuple[str, int], dict[str, float]] = {}
    notes: list[str] = []
    again = 0
    for file in files:
        run = file.parent.relative_to(path).as_posix() if path.is_dir() else "."
        used = 0
        for size, event in _events(file):
            used += size
            for tag, value in _scalars(event, file):
                row = rows.setdefault((run, event.step), {"wall_time": event.wall_time})
                name = f"{tag}_" if tag in ("run", "step", "wall_time") else tag
                again += name in row
                row[name] = value
        left = file.stat().st_size - used
        if left > 0:
            notes.append(
                f"the last {counted(left, 'byte')} of {inline(file.name)} left out: no whole "
                "record, so the run goes on or the file is damaged"
            )
    if not rows:
        raise InvalidData(f"{inline(path)}: no scalars in {counted(len(files), 'event file')}")
    if again:
        notes.append(f"{counted(again, 'value')} logged again at the same step: the last is kept")
    fitting(path, len(rows), len(set().union(*rows.values())))
    order = sorted(rows)
    frame = pd.DataFrame([rows[key] for key in order])
    frame.insert(0, "step", [step for _, step in order])
    several = len({run for run, _ in order}) > 1
    if several:
        frame.insert(0, "run", [run for run, _ in order])
    return Log(frame, ("step",), by=("run",) if several else (), notes=tuple(notes), sparse=True)


def _events(file: Path) -> Iterator[tuple[int, Any]]:
    """Yield every event of a file with the bytes it takes, up to the first that is not whole."""
    try:
        loader = importlib.import_module("tensorboard.backend.event_processing.event_file_loader")
        proto = importlib.import_module("tensorboard.compat.proto.event_pb2")
        message = importlib.import_module("google.protobuf.message")
    except ImportError as error:
        raise MissingExtra(
            f"{inline(file)}: reading event files needs TensorBoard: "
            "pip install 'scalefit[tensorboard]'"
        ) from error
    try:
        left = _whole(file)
        records = loader.RawEventFileLoader(str(file)).Load()
        while left > 0:
            record = next(records, None)
            if record is None:
                return
            try:
                event = proto.Event.FromString(record)
            except message.DecodeError:
                return
            left -= len(record) + _FRAME
            yield len(record) + _FRAME, event
    except OSError as error:
        raise InvalidData(f"{inline(file)}: cannot be read ({error.strerror})") from error


def _whole(file: Path) -> int:
    """Return the bytes of a file that hold whole records, by the lengths that these say."""
    size, at = file.stat().st_size, 0
    with file.open("rb") as content:
        while at + _FRAME <= size:
            content.seek(at)
            stop = at + int.from_bytes(content.read(8), "little") + _FRAME
            if stop > size:
                break
            at = stop
    return at


def _scalars(event: Any, file: Path) -> Iterator[tuple[str, float]]:
    """Yield tag and value of the scalars of an event, in the old and the new encoding."""
    for value in event.summary.value:
        if value.HasField("simple_value"):
            yield value.tag, float(value.simple_value)
        elif value.HasField("tensor") and value.metadata.plugin_data.plugin_name in ("", "scalars"):
            size = math.prod(dim.size for dim in value.tensor.tensor_shape.dim)
            if size > LARGEST:
                raise InvalidData(
                    f"{inline(file)}: {quoted(value.tag)} says that it has {size:.2g} numbers, "
                    "more than a file holds: is it damaged?"
                )
            if size != 1:
                continue
            tensor = importlib.import_module("tensorboard.util.tensor_util")
            try:
                array = tensor.make_ndarray(value.tensor)
            except (TypeError, ValueError):
                continue
            if array.size == 1 and array.dtype.kind in "iuf":
                yield value.tag, float(array.reshape(-1)[0])
