"""`scalefit train` and `scalefit theory`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, Seed, folder, netcdf
from .output import emit, number, say, show, table

if TYPE_CHECKING:
    import xarray as xr

Family = Annotated[
    str, typer.Argument(metavar="FAMILY", help="What is trained; this version has: perceptron.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting of the family; values joined by commas are swept; repeat for more "
        "settings. Of perceptron: load (examples per input dimension), N (input dimension), "
        "seeds, protocol, learning_rate, steps, points, and for the theory norm.",
    ),
]


def train(
    family: Family,
    settings: Settings = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the trajectory, FAMILY.nc.")
    ] = Path("runs"),
    device: Annotated[
        str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:<index>.")
    ] = "auto",
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Train every run of a configuration, and write the trajectory."""
    from scalefit import trainers, trajectory

    config = trainers.config(family, **parse(settings))
    folder(out)
    result = trainers.run(config, device=device, seed=seed, progress=True)
    words = [f"--set {text}" for text in settings or ()]
    result.attrs["command"] = " ".join(["scalefit train", family, *words, f"--seed {seed}"])
    path = out / f"{family}.nc"
    trajectory.write(result, path)
    if json:
        emit("train", family=family, seed=seed, **_contents(result), files=[str(path)])
    else:
        show(*_overview(result), f"wrote {path} (seed {seed})")
    ended = result["status"].values.tolist()
    for status in sorted(set(ended) - {"ok"}):
        say(f"note: {ended.count(status)} of {len(ended)} runs: {status}")
    return 0


def theory(
    family: Family,
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the trajectory, netCDF.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print the curves as CSV instead.")] = False,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Changes nothing: theory draws no random numbers.")
    ] = 0,
    json: Json = False,
) -> int:
    """Compute what theory predicts for a configuration."""
    from scalefit import trainers, trajectory
    from scalefit.errors import ConfigError

    if csv and json:
        raise ConfigError("--csv --json: give one of them, for standard output holds one document")
    config = trainers.config(family, **parse(settings))
    netcdf(out)
    result = trainers.theory(config)
    if out is not None:
        trajectory.write(result, out)
    if csv:
        trajectory.to_frame(result).to_csv(sys.stdout, index=False)
    elif json:
        files = [str(out)] if out is not None else []
        emit("theory", family=family, seed=seed, **_contents(result), files=files)
    else:
        kept = f"wrote {out}" if out is not None else "--csv prints the curves, --out keeps them"
        show(*_overview(result), f"{kept} (no random numbers; seed {seed} not used)")
    return 0


def parse(settings: list[str] | None) -> dict[str, Any]:
    """Return `NAME=VALUE` texts as settings; commas make lists, numbers become numbers."""
    from scalefit.errors import ConfigError

    parsed: dict[str, Any] = {}
    for text in settings or []:
        name, _, value = text.partition("=")
        parts = value.split(",")
        if not name or not all(parts):
            raise ConfigError(f"--set {text}: give NAME=VALUE, such as --set load=1,2,5")
        if name in parsed:
            raise ConfigError(f"--set {name} is given twice; several values go into one, by commas")
        values = [_value(part) for part in parts]
        parsed[name] = values if len(values) > 1 else values[0]
    return parsed


def _value(text: str) -> int | float | str:
    """Return a number where the text is one, a whole one such as 1e4 as an integer."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


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


def _overview(result: xr.Dataset) -> tuple[Any, ...]:
    """Return how much there is, and a table with the range of every variable."""
    from scalefit.io.wording import counted

    columns = ("first", "last", "lowest", "highest")
    plain = {name: one for name, one in result.data_vars.items() if one.ndim == 2}
    unit = ["unit"] if any(one.attrs["units"] for one in plain.values()) else []
    made = table("variable", *unit, *columns, right=columns)
    for name, variable in plain.items():
        ends = (variable.isel(point=0).median(), variable.isel(point=-1).median())
        shown = [number(float(one)) for one in (*ends, variable.min(), variable.max())]
        made.add_row(str(name), *([variable.attrs["units"]] if unit else []), *shown)
    runs, points = (counted(result.sizes[dim], dim) for dim in ("run", "point"))
    return f"{runs} of {points} each; first and last are medians over runs", made
