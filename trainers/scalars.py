"""Scalars for TensorBoard: every run of a trajectory as event files, by its own writer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scalefit.errors import MissingExtra, ScalefitError

if TYPE_CHECKING:
    import os

    import xarray as xr

LONGEST = 120
"""Letters of a folder's name."""
COUNTS = ("step", "examples", "epoch", "point")
"""What TensorBoard's step is, the first of them that a trajectory has."""


def write(trajectory: xr.Dataset, out: str | os.PathLike[str]) -> Path:
    """Write each variable of each run as scalars, a folder a run, and return the folder of all.

    Parameters
    ----------
    trajectory
        Variables with further dimensions, such as layers, are left out.
    out
        Folder for `tensorboard --logdir`.

    Raises
    ------
    MissingExtra
        If tensorboard is not installed.
    ScalefitError
        If the folder cannot be written to.
    """
    try:
        event = import_module("tensorboard.compat.proto.event_pb2").Event
        summary = import_module("tensorboard.compat.proto.summary_pb2").Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ModuleNotFoundError:
        raise MissingExtra(
            "--tensorboard needs TensorBoard's writer: pip install 'scalefit[tensorboard]'"
        ) from None
    names = [str(name) for name, one in trajectory.data_vars.items() if one.ndim == 2]
    count = next((name for name in COUNTS if name in names), None)
    values = {name: trajectory[name].values for name in names}
    points = np.arange(trajectory.sizes["point"], dtype=float)
    steps = (
        values[count] if count else np.broadcast_to(points, (trajectory.sizes["run"], len(points)))
    )
    told = [name for name in names if name != count]
    try:
        for row, folder in enumerate(_folders(map(str, trajectory["run"].values))):
            writer = EventFileWriter(str(Path(out) / folder))
            for at in np.flatnonzero(np.isfinite(steps[row])):
                found = [
                    summary.Value(tag=name, simple_value=float(values[name][row, at]))
                    for name in told
                    if np.isfinite(values[name][row, at])
                ]
                scalars = summary(value=found)
                writer.add_event(event(wall_time=0.0, step=int(steps[row, at]), summary=scalars))
            writer.close()
    except OSError as error:
        raise ScalefitError(f"{out}: {error.strerror or error}; name another folder") from None
    return Path(out)


def _folders(labels: Iterable[str]) -> list[str]:
    """Return a folder's name for each run, different ones."""
    found: list[str] = []
    for at, label in enumerate(labels):
        name = re.sub(r"[^\w=.+-]+", "_", label)[:LONGEST]
        found.append(name if name not in found else f"{name}_{at}")
    return found
