"""Command `scalefit runs`: how far the sweeps of a folder are; and what a sweep would do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json
from .output import emit, number, show, table

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 24
"""Rows of a table, at most."""


def command(
    out: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder that scalefit train --out named.")
    ] = Path("runs"),
    json: Json = False,
) -> int:
    """Tell what of a folder's sweeps is done, under way, failed and left."""
    from scalefit import trainers
    from scalefit.progress import span

    found = trainers.sweeps(out)
    if json:
        records = found.astype(object).where(found.notna(), None).to_dict("records")
        emit("runs", folder=str(out), sweeps=records)
        return 0
    words = ("diverged", "not converged", "oom", "under_way", "begun", "to_do")
    counts = ["runs", "ok", *(one for one in words if found[one].any())]
    heads = [one.replace("_", " ") for one in counts]
    left = ["left"] if found["to_do"].any() or found["under_way"].any() else []
    made = table("family", "swept", *heads, *left, right=(*heads, *left))
    for row in found.to_dict("records"):
        time = row["seconds_left"]
        wait = "" if time == 0 else "?" if math.isnan(time) else span(time)
        name = f"{row['family']} {row['protocol']}"
        made.add_row(
            name, row["swept"], *(str(row[one]) for one in counts), *([wait] if left else [])
        )
    show(made)
    return 0


def listed(family: str, plan: pd.DataFrame, seed: int, json: bool) -> int:
    """Show what would be trained."""
    from scalefit.wording import counted

    if json:
        emit("train", family=family, seed=seed, dry_run=True, shapes=plan.to_dict("records"))
        return 0
    fixed = ("family", "runs", "finished", "core_seconds", "megabytes", "state")
    swept = [one for one in map(str, plan) if one not in fixed and plan[one].nunique() > 1]
    needs = ("time", "memory")
    made = table(
        *swept, "runs", "finished", *needs, "state", right=(*swept, "runs", "finished", *needs)
    )
    for row in plan.head(SHOWN).to_dict("records"):
        settings = [row[name] for name in swept]
        words = [number(one) if isinstance(one, float) else str(one) for one in settings]
        time = lasting(row["core_seconds"]) if row["core_seconds"] else ""
        memory = f"{max(row['megabytes'], 0.01):.2f} MB"
        made.add_row(*words, str(row["runs"]), str(row["finished"]), time, memory, row["state"])
    more = [f"and {counted(len(plan) - SHOWN, 'shape')} more"] if len(plan) > SHOWN else []
    show(
        made,
        *more,
        f"{counted(int(plan['runs'].sum()), 'run')} of {counted(len(plan), 'shape')}, "
        f"{int(plan['finished'].sum())} finished; about {lasting(plan['core_seconds'].sum())} to "
        f"go on one core (seed {seed})",
    )
    return 0


def lasting(seconds: float) -> str:
    """Return a duration in its own unit."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s" if seconds < 100 else f"{seconds:.0f} s"
