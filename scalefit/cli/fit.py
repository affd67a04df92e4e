"""`scalefit fit`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Interval, Json, Seed, folder, schema
from .output import emit, fit_tables, say_doubts, say_notes, show

if TYPE_CHECKING:
    from scalefit.result import Fit


def command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV, JSON Lines or Parquet, one row per point; or a trajectory."
        ),
    ],
    x: Annotated[str, typer.Option(metavar="COLUMN", help="Column of x.")],
    y: Annotated[str, typer.Option(metavar="COLUMN", help="Column of y.")],
    regimes: Annotated[
        str,
        typer.Option(
            metavar="N",
            show_default=False,
            help="Number of regimes, 1 to 6: 1 is one power law, 2 has one crossover. To be given: "
            "this version does not choose it.",
        ),
    ] = "auto",
    floor: Annotated[bool, typer.Option(help="Whether the law levels off at a floor.")] = True,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column that tells curves apart; repeat for several."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="Keep only these rows, or these runs of a trajectory; repeat to narrow further.",
        ),
    ] = None,
    low: Annotated[
        float | None, typer.Option("--from", metavar="X", help="Smallest x to use.")
    ] = None,
    high: Annotated[
        float | None, typer.Option("--to", metavar="X", help="Largest x to use.")
    ] = None,
    duplicates: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Equal x within a curve: replicate keeps every row, last the last one, error "
            "refuses them.",
        ),
    ] = "replicate",
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="nuts samples the posterior; point takes milliseconds and is a preview; auto is "
            "nuts.",
        ),
    ] = "auto",
    draws: Annotated[
        int, typer.Option(metavar="N", help="Posterior draws kept per curve, 100 or more.")
    ] = 1000,
    interval: Interval = 0.9,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for fit.nc, summary.csv and plot.png."),
    ] = None,
    json: Json = False,
) -> int:
    """Fit a multi-regime power law to every curve of a file."""
    import scalefit as sf
    from scalefit.errors import ConfigError, InvalidData

    if not regimes.isdecimal() and regimes != "auto":
        raise ConfigError(f"--regimes {regimes}: give a whole number from 1 to 6")
    x_range = _range(low, high)
    folder(out)
    if schema(path).startswith("scalefit-fit/"):
        raise InvalidData(f"{path}: this is a fit already; read it with scalefit predict --at X")
    data = sf.read(path, x=x, y=y, by=by or (), where=conditions(where))
    result = sf.fit(
        data,
        x=x,
        y=y,
        by=by,
        x_range=x_range,
        duplicates=duplicates,  # type: ignore[arg-type]  # checked there
        regimes=int(regimes) if regimes != "auto" else "auto",
        floor=floor,
        method=method,
        draws=draws,
        seed=seed,
    )
    written = write(result, out, interval) if out is not None else []
    say_notes(result)
    if json:
        emit("fit", **document(result, seed=seed, interval=interval), files=list(map(str, written)))
    else:
        show(*fit_tables(result, interval))
        kept = f"wrote {', '.join(map(str, written))}" if written else "--out FOLDER keeps this"
        show(f"{kept} (seed {seed})")
    say_doubts(result)
    return 0 if result.ok else 4


def _range(low: float | None, high: float | None) -> tuple[float, float] | None:
    """Return the part of x that `--from` and `--to` leave; None for all of it."""
    from scalefit.errors import ConfigError

    if low is None and high is None:
        return None
    ends = (0.0 if low is None else low, math.inf if high is None else high)
    if not ends[0] < ends[1]:
        raise ConfigError(f"--from {ends[0]:g} --to {ends[1]:g}: nothing lies between them")
    return ends


def conditions(where: list[str] | None) -> dict[str, str]:
    """Return `COLUMN=VALUE` texts as a mapping."""
    from scalefit.errors import ConfigError

    pairs: dict[str, str] = {}
    for text in where or []:
        column, equals, value = text.partition("=")
        if not equals or not column:
            raise ConfigError(f"--where {text}: give COLUMN=VALUE, such as --where model=base")
        if column in pairs:
            raise ConfigError(f"--where {column}= is given twice, and no row has both values")
        pairs[column] = value
    return pairs


def write(
    fit: Fit, out: Path, interval: float, decorate: Callable[[Any], None] | None = None
) -> list[Path]:
    """Write netCDF, table and figure into a folder, each all or nothing; return the paths.

    `decorate` may add to the axes before the figure is saved.
    """
    import matplotlib as mpl
    import numpy as np

    from scalefit.storage import replacing

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    paths = [out / "fit.nc", out / "summary.csv", out / "plot.png"]
    fit.save(paths[0])
    with replacing(paths[1]) as temporary:
        fit.summary(interval).to_csv(temporary, index=False)
    axes: Any = np.atleast_1d(np.asarray(fit.plot(), dtype=object))
    if decorate is not None:
        decorate(axes)
    figure = axes[0].figure
    with replacing(paths[2]) as temporary, warnings.catch_warnings():
        # Names of runs may hold letters that the font lacks; they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        figure.savefig(temporary)
    plt.close(figure)
    return paths


def document(fit: Fit, *, seed: int, interval: float) -> dict[str, Any]:
    """Return a fit as it goes into the JSON document."""
    rows = fit.summary(interval).to_dict("records")
    return {
        "law": fit.law.name,
        "method": fit.tree.attrs["method"],
        "seed": seed,
        "interval": interval,
        "x": fit.tree.attrs["x_name"],
        "y": fit.tree.attrs["y_name"],
        "runs": [
            {
                "run": run,
                "points": fit.curve(run)[0].size,
                "verdict": fit.verdict[run],
                "notes": fit.notes[run],
                "parameters": [
                    {key: value for key, value in row.items() if key != "run"}
                    for row in rows
                    if row["run"] == run
                ],
            }
            for run in fit.runs
        ],
    }
