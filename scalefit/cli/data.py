"""Command `scalefit data`: list, describe and fetch data sets."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from .help import data_sets
from .options import Json, netcdf
from .output import emit, paragraph, say, show, table

app = typer.Typer(help="List, describe and fetch curves: bundled ones and public ones.")
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A name that `scalefit data list` shows.", autocompletion=data_sets
    ),
]


@app.callback(invoke_without_command=True)
def _data(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(2)


@app.command("list")
def list_sets(json: Json = False) -> int:
    """List the data sets, and whether each one is here already."""
    from scalefit import datasets

    known = [datasets.info(name) for name in datasets.names()]
    if json:
        emit("data list", datasets=[dataclasses.asdict(one) for one in known])
        return 0
    made = table("name", "curves", "x", "y", "where", right=("curves",), whole=("name", "where"))
    for one in known:
        where = one.where if one.where in ("bundled", "not here yet") else "here"
        made.add_row(one.name, str(one.curves), one.x, one.y, where)
    show(made)
    return 0


@app.command("info")
def info(name: Name, json: Json = False) -> int:
    """Say what a data set holds, where it comes from, and its licence."""
    from scalefit import datasets

    known = datasets.info(name)
    if json:
        emit("data info", **dataclasses.asdict(known))
    else:
        show(*(paragraph(line, indent=11) for line in str(known).splitlines()))
    return 0


@app.command("get")
def get(
    name: Name,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write, netCDF.  [default: NAME.nc]"),
    ] = None,
    json: Json = False,
) -> int:
    """Fetch and verify a data set, and write it for `scalefit fit`."""
    from scalefit import datasets, trajectory

    netcdf(out)
    loaded = datasets.load(name)
    known = datasets.info(name)
    path = out or Path(f"{name}.nc")
    trajectory.write(loaded, path)
    variables = [str(variable) for variable in loaded.data_vars]
    if json:
        emit(
            "data get",
            name=name,
            runs=loaded.sizes["run"],
            variables=variables,
            x=known.x,
            y=known.y,
            by=known.by,
            files=[str(path)],
        )
    else:
        show(
            f"wrote {path}: {loaded.sizes['run']} runs, variables {', '.join(variables)}",
            f"fit it with: scalefit fit {path} --x {known.x} --y {known.y} "
            f"--where {known.by[-1]}=...",
        )
    return 0
