"""`scalefit train` and `scalefit theory`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import emit, number, show, table

if TYPE_CHECKING:
    import xarray as xr

Family = Annotated[str, typer.Argument(help="A trainer family, such as perceptron.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting; several values by commas."),
]


def train(
    family: Family,
    settings: Settings = None,
    out: Annotated[Path, typer.Option(help="Folder for the trajectory.")] = Path("runs"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:<index>.")] = "auto",
    seed: Annotated[int, typer.Option(help="Root of all random numbers.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Train every run of a configuration and write the trajectory."""
    from scalefit import trainers, trajectory

    config = trainers.config(family, **parse(settings))
    result = trainers.run(config, device=device, seed=seed, progress=True)
    path = out / f"{family}.nc"
    trajectory.write(result, path)
    if json:
        emit("train", family=family, seed=seed, **_contents(result), files=[str(path)])
    else:
        show(_overview(result), f"wrote {path} (seed {seed})")
    return 0


def theory(
    family: Family,
    settings: Settings = None,
    out: Annotated[Path | None, typer.Option(help="File for the trajectory (netCDF).")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print the curves as CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    seed: Annotated[int, typer.Option(help="Ignored: theory draws no random numbers.")] = 0,
) -> int:
    """Compute what theory predicts for a configuration."""
    from scalefit import trainers, trajectory

    config = trainers.config(family, **parse(settings))
    result = trainers.theory(config)
    if out is not None:
        trajectory.write(result, out)
    if csv:
        trajectory.to_frame(result).to_csv(sys.stdout, index=False)
    elif json:
        files = [str(out)] if out is not None else []
        emit("theory", family=family, seed=seed, **_contents(result), files=files)
    else:
        show(_overview(result), "--csv prints the curves, --out FILE keeps them")
    return 0


def parse(settings: list[str] | None) -> dict[str, Any]:
    """Return `NAME=VALUE` texts as settings; commas make lists, numbers become numbers."""
    from scalefit.errors import ConfigError

    parsed: dict[str, Any] = {}
    for text in settings or []:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise ConfigError(f"--set {text}: give NAME=VALUE, such as --set load=1,2,5")
        if name in parsed:
            raise ConfigError(f"--set {name} is given twice; several values go into one, by commas")
        parts = [_value(part) for part in value.split(",")]
        parsed[name] = parts if len(parts) > 1 else parts[0]
    return parsed


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _contents(result: xr.Dataset) -> dict[str, Any]:
    """Return shape, variables and run coordinates of a trajectory in plain types."""
    return {
        "runs": result.sizes["run"],
        "points": result.sizes["point"],
        "variables": [str(name) for name in result.data_vars],
        "coordinates": {
            str(name): coordinate.values.tolist()
            for name, coordinate in result.coords.items()
            if coordinate.dims == ("run",)
        },
    }


def _overview(result: xr.Dataset) -> Any:
    """Return a table with the range of every variable."""
    made = table("variable", "unit", "first", "last", "lowest", "highest")
    for name, variable in result.data_vars.items():
        if variable.ndim == 2:
            ends = (variable.isel(point=0), variable.isel(point=-1))
            shown = [number(float(end.median())) for end in ends]
            extremes = [number(float(variable.min())), number(float(variable.max()))]
            made.add_row(str(name), variable.attrs["units"], *shown, *extremes)
    made.title = f"{result.sizes['run']} runs x {result.sizes['point']} points (medians of runs)"
    made.title_justify = "left"
    return made
