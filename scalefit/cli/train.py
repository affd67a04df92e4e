"""Commands `scalefit train` and `scalefit theory`: trajectories from the trainers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .help import families
from .options import Json, Seed, Workers, folder, netcdf
from .options import file as writable
from .output import emit, number, save_figure, say, show, table
from .runs import listed

if TYPE_CHECKING:
    import xarray as xr

Family = Annotated[
    str,
    typer.Argument(
        metavar="FAMILY",
        help="What is trained: a family below, or module:NAME of one of your own.",
        autocompletion=families,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting of the family; values joined by commas are swept, several settings as a "
        "product, those named zip:NAME together; repeat for more settings.",
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file of settings, lists swept, the table [zip] together; --set wins over it.",
    ),
]


Phases = Annotated[
    Path | None,
    typer.Option(
        "--phases",
        metavar="FILE",
        help="Figure (.png, .pdf, .svg) of the phase diagram, of families that have one: exponents "
        "and regions over n_train and weight_decay, and those of the runs, if any, on it.",
    ),
]


ADVICE = {
    "not converged": "; their values are those of the last step: take more steps",
    "diverged": "; a smaller learning rate may help",
    "stalled": "; their loss stayed that of guessing: try another learning rate or initial scale",
    "oom": "; the same command tries them again",
}
"""What follows a status in a note."""


def train(
    family: Family,
    settings: Settings = None,
    file: File = None,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Folder for the trajectory, FAMILY.nc, and for finished runs: killed at any "
            "moment, the same command goes on, and several at a time share the work. A name that "
            "ends in .nc is one file, written at the end.",
        ),
    ] = Path("runs"),
    workers: Workers = 1,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Train the I-th of N shares of the runs only."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List what there is to do, with time and memory; a probe."),
    ] = False,
    determinism: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="fast, or exact: the same bits however runs are grouped, shared out and resumed.",
        ),
    ] = "fast",
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="auto (a GPU where a probe finds it faster), cpu, cuda or cuda:<index>.",
        ),
    ] = "auto",
    seed: Seed = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Images of your own, for the family deep: an npz file, or a folder of IDX files, "
            "of CIFAR's batches, or of train and test with a folder for each class.",
        ),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print the curves as CSV as well.")] = False,
    tensorboard: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for TensorBoard's scalars of every run."),
    ] = None,
    phases: Phases = None,
    json: Json = False,
) -> int:
    """Train every run of a configuration, and write the trajectory."""
    from scalefit import trainers, trajectory
    from scalefit.errors import ConfigError

    if csv and json:
        raise ConfigError("--csv --json: give one of them, for standard output holds one document")
    config = trainers.config(family, **gathered(family, file, settings))
    family = config.family
    sweep = None if out.suffix == ".nc" else out
    if dry_run:
        options: Any = {"determinism": determinism, "seed": seed, "device": device, "data": data}
        return listed(family, trainers.plan(config, out=sweep, **options), seed, json)
    (netcdf if sweep is None else folder)(out)
    diagram = _diagram(config, phases, trained=True)
    if tensorboard is not None:
        folder(tensorboard)
    from scalefit.workers import processes

    try:
        with processes(workers) as executor:
            result = trainers.run(
                config,
                device=device,
                out=sweep,
                executor=executor,
                determinism=determinism,
                seed=seed,
                data=data,
                shard=shard,
                progress=True,
            )
    except KeyboardInterrupt:
        if sweep is not None:
            say(f"finished runs are kept in {sweep}: the same command goes on")
        raise
    words = [f"--config {file}"] if file else []
    words += [f"--set {text}" for text in settings or ()]
    words += [f"--shard {shard}"] if shard else []
    words += [f"--data {data}"] if data else []
    result.attrs["command"] = " ".join(["scalefit train", family, *words, f"--seed {seed}"])
    name = f"{family}-{shard.replace('/', '-of-')}.nc" if shard else f"{family}.nc"
    path = out if sweep is None else out / name
    trajectory.write(result, path)
    files = [str(path)]
    if tensorboard is not None:
        from scalefit.trainers import scalars

        files.append(str(scalars.write(result, tensorboard)))
    if phases is not None:
        _drawn(diagram, phases, result)
        files.append(str(phases))
    if csv:
        trajectory.to_frame(result).to_csv(sys.stdout, index=False)
    elif json:
        emit("train", family=family, seed=seed, **_contents(result), files=files)
    else:
        show(*_overview(result), f"wrote {', '.join(files)} (seed {seed})")
    ended = result["status"].values.tolist()
    for status in sorted(set(ended) - {"ok"}):
        say(f"note: {ended.count(status)} of {len(ended)} runs: {status}{ADVICE.get(status, '')}")
    return 0


def theory(
    family: Family,
    settings: Settings = None,
    file: File = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the trajectory, netCDF.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print the curves as CSV instead.")] = False,
    phases: Phases = None,
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
    config = trainers.config(family, **gathered(family, file, settings))
    family = config.family
    netcdf(out)
    diagram = _diagram(config, phases)
    result = trainers.theory(config)
    if out is not None:
        trajectory.write(result, out)
    if phases is not None:
        _drawn(diagram, phases)
    files = [str(one) for one in (out, phases) if one is not None]
    if csv:
        trajectory.to_frame(result).to_csv(sys.stdout, index=False)
    elif json:
        emit("theory", family=family, seed=seed, **_contents(result), files=files)
    else:
        kept = f"wrote {', '.join(files)}" if files else "--csv prints the curves, --out keeps them"
        show(*_overview(result), f"{kept} (no random numbers; seed {seed} not used)")
    return 0


def _diagram(config: Any, path: Path | None, *, trained: bool = False) -> Any:
    """Return the phase diagram of a configuration, None where no figure is asked for.

    Raises
    ------
    ConfigError
        If the family has none, the figure cannot be written, or no runs could stand on it.
    """
    from scalefit.errors import ConfigError
    from scalefit.trainers.families import diagram

    if path is None:
        return None
    if path.suffix not in (".png", ".pdf", ".svg"):
        raise ConfigError(f"--phases {path}: name a file that ends in .png, .pdf or .svg")
    writable(path, "--phases")
    found = diagram(config.family)
    if trained and len({one.n_eff for one in config.points}) < 2:
        raise ConfigError(
            "--phases: an exponent needs two values of n_train or more; "
            "give --set n_train=100,300,1000"
        )
    return found(config)


def _drawn(diagram: Any, path: Path, runs: xr.Dataset | None = None) -> None:
    """Draw a phase diagram into a file."""
    import matplotlib as mpl

    from scalefit.trainers.weight_decay.diagram import draw

    mpl.use("Agg")
    save_figure(draw(diagram, runs).figure, path)


def gathered(family: str, file: Path | None, settings: list[str] | None) -> dict[str, Any]:
    """Return the settings in a file, and those of the command line, which win."""
    from scalefit.errors import ConfigError

    given = parse(settings)
    if file is None:
        return given
    from scalefit.trainers.config import read
    from scalefit.trainers.families import find

    found = read(file)
    named = found.pop("family", family)
    if named not in (family, find(family).name):
        raise ConfigError(f"--config {file}: it is for family {named!r}, not {family!r}")
    paired = {**found.pop("zip", {}), **given.pop("zip", {})}
    paired = {name: value for name, value in paired.items() if name not in given}
    found = {name: value for name, value in found.items() if name not in paired}
    return {**found, **given, **({"zip": paired} if paired else {})}


def parse(settings: list[str] | None) -> dict[str, Any]:
    """Return `NAME=VALUE` texts as settings; commas make lists, numbers become numbers.

    Those whose name starts with `zip:` stand under `zip`.
    """
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
    paired = {name: parsed.pop(name) for name in list(parsed) if name.startswith("zip:")}
    if paired:
        parsed["zip"] = {name.removeprefix("zip:"): value for name, value in paired.items()}
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
    import numpy as np

    from scalefit.wording import counted

    columns = ("first", "last", "lowest", "highest")
    plain = {name: one for name, one in result.data_vars.items() if one.ndim == 2}
    unit = ["unit"] if any(one.attrs["units"] for one in plain.values()) else []
    made = table("variable", *unit, *columns, right=columns)
    ragged = False
    for name, variable in plain.items():
        known = np.isfinite(variable.values)  # shorter runs end in NaN
        ragged |= not known[:, -1].all()
        stop = np.where(known, np.arange(known.shape[1]), 0).max(axis=1)
        last = np.take_along_axis(variable.values, stop[:, None], axis=1)[:, 0]
        first = variable.isel(point=0)
        ends = (first.median(), first.copy(data=last).median())
        shown = [number(float(one)) for one in (*ends, variable.min(), variable.max())]
        made.add_row(str(name), *([variable.attrs["units"]] if unit else []), *shown)
    runs, points = (counted(result.sizes[dim], dim) for dim in ("run", "point"))
    each = f"up to {points}" if ragged else f"{points} each"
    return f"{runs} of {each}; first and last are medians over runs", made
