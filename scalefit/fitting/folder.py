"""`fit_to`: fits of very many curves, written to a folder part by part as they come."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from scalefit import arguments, fit_file
from scalefit.errors import ConfigError, InvalidData
from scalefit.fits import Fits, parts, stated
from scalefit.laws.stored import described
from scalefit.record import Record
from scalefit.result import load
from scalefit.storage import unwritable
from scalefit.version import __version__
from scalefit.wording import inline

from .fit import fit
from .gathering import Gathering
from .jobs import Work
from .prepared import Prepared, prepared

PART = 250
"""Curves in memory at a time, and in a file."""
MOST = 99_999 * PART
"""Curves of a folder, at most."""


def fit_to(
    folder: str | os.PathLike[str], data: Any = None, values: Any = None, /, **options: Any
) -> Fits:
    """Return the fits of very many curves, which are written to a folder as they come.

    Of draws those of 250 curves are in memory at a time, packed on disk as `Fit.save` packs them.
    The same call goes on where an earlier one stopped: parts of the same fit that are there are
    kept, parts of another one are deleted first.

    Parameters
    ----------
    folder
        Where the parts go, `00000.nc` and so on; made if it is missing.
    data, values, **options
        As for `scalefit.fit`, all but `pool`.

    Raises
    ------
    InvalidData
        If the data cannot be read, or no curve can be fitted.
    ConfigError
        If an argument is unknown or out of range, or the folder cannot be written.
    """
    given = inspect.signature(fit).bind(data, values, **options)
    given.apply_defaults()
    place = Path(arguments.path(folder, "folder"))
    why = unwritable(place, folder=True)
    if why:
        raise ConfigError(f"folder={inline(place)}: {inline(why)}; name another folder")
    if given.arguments["pool"]:
        raise ConfigError(
            "pool: curves that are pooled are fitted together, and kept in one file; use sf.fit"
        )
    ready = prepared(given.arguments)
    if len(ready.curves) > MOST:
        raise InvalidData(f"{len(ready.curves)} curves: a folder holds at most {MOST}")
    chosen = given.arguments
    _keep(ready, place, chosen["seed"], chosen["executor"], chosen["progress"])
    law = None if type(ready.plan.widest).__module__.startswith("scalefit.") else ready.plan.widest
    return Fits(place, law=law)


def _keep(
    ready: Prepared, folder: Path, seed: int, executor: Executor | None, progress: bool
) -> None:
    """Write what is not there yet, part by part."""
    name, total = _name(ready, seed), len(ready.curves)
    ranges = [slice(start, min(start + PART, total)) for start in range(0, total, PART)]
    work = Work(ready.plan, ready.curves, seed)
    kept = _kept(folder, name, len(ranges))
    failed: dict[int, Gathering] = {}
    failures: list[Exception] = []

    def write(place: int, record: Record) -> None:
        record.tree.attrs.update(fit=name, part=place, parts=len(ranges))
        fit_file.write(record, folder / f"{place:05d}.nc", exact=False)
        kept.add(place)

    with work.bar(executor, progress) as advance:
        for place, part in enumerate(ranges):
            if place in kept:
                work.skip(part, executor, advance)
                continue
            found, wrong = work.part(part, executor, advance, x=ready.x, y=ready.y)
            failures += wrong[:1]
            if found.empty:  # laid out like a part that is not, at the end
                failed[place] = found
            else:
                write(place, found.record())
    if not kept:
        raise failures[0]
    law = ready.plan.widest
    for place, found in failed.items():
        found.like(load(folder / f"{min(kept - set(failed)):05d}.nc", law=law))
        write(place, found.record())


def _name(ready: Prepared, seed: int) -> str:
    """Return what is the same of two fits whose posteriors are."""
    plan = ready.plan
    told = {
        "scalefit": __version__,
        "laws": [described(law) for law in plan.laws],
        "rest": [plan.noise, plan.priors, repr(plan.overrides), plan.method, plan.draws, seed],
        "axes": [ready.x, ready.y],
    }
    found = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    for one in ready.curves:
        found.update(repr((one.run, dict(one.labels), one.notes, one.grain, one.fault)).encode())
        for values in (one.x, one.y, one.error, one.scatter):
            found.update(b"|" if values is None else np.ascontiguousarray(values).tobytes() + b"|")
    return found.hexdigest()


def _kept(folder: Path, name: str, count: int) -> set[int]:
    """Return the parts of a fit that are in a folder; those of another one are deleted."""
    found = set()
    for path in parts(folder):
        try:
            stands = stated(path)
        except InvalidData:
            stands = ("", -1, -1)
        place = int(path.stem)
        if stands == (name, place, count):
            found.add(place)
        else:
            path.unlink()
    return found
