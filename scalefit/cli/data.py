"""`scalefit data list | info | get`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from .output import emit, show, table

app = typer.Typer(help="Bundled trajectories and verified public curves.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("list")
def list_sets(json: Json = False) -> int:
    """List the data sets, and where each one is now."""
    from scalefit import datasets

    known = [datasets.info(name) for name in datasets.names()]
    if json:
        emit("data list", datasets=[dataclasses.asdict(one) for one in known])
        return 0
    made = table("name", "curves", "points", "x", "y", "where", right=("curves", "points"))
    for one in known:
        where = one.where if one.where in ("bundled", "not here yet") else "here"
        made.add_row(one.name, str(one.curves), str(one.points), one.x, one.y, where)
    show(made)
    return 0


@app.command("info")
def info(
    name: Annotated[str, typer.Argument(help="As in `scalefit data list`.")], json: Json = False
) -> int:
    """Say what a data set holds and where it comes from."""
    from scalefit import datasets

    known = datasets.info(name)
    if json:
        emit("data info", **dataclasses.asdict(known))
    else:
        show(str(known))
    return 0


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(help="As in `scalefit data list`.")],
    out: Annotated[
        Path | None, typer.Option(help="netCDF file to write; by default NAME.nc here.")
    ] = None,
    json: Json = False,
) -> int:
    """Fetch and verify a data set, and write it as a trajectory that `scalefit fit` reads."""
    from scalefit import datasets, trajectory

    path = out or Path(f"{name}.nc")
    loaded = datasets.load(name)
    trajectory.write(loaded, path)
    if json:
        emit("data get", name=name, runs=loaded.sizes["run"], files=[str(path)])
    else:
        show(f"wrote {path}: {loaded.sizes['run']} runs, {', '.join(map(str, loaded.data_vars))}")
    return 0
