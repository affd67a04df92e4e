"""`scalefit fit`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import emit, fit_tables, say, show

if TYPE_CHECKING:
    from scalefit.result import Fit


def command(
    path: Annotated[Path, typer.Argument(help="CSV, JSON Lines, Parquet, or a trajectory.")],
    x: Annotated[str, typer.Option(help="Column of x.")],
    y: Annotated[str, typer.Option(help="Column of y.")],
    regimes: Annotated[
        str, typer.Option(help="Number of regimes: 1 is one power law, 2 has one crossover.")
    ] = "auto",
    floor: Annotated[bool, typer.Option(help="Whether the law has a floor.")] = True,
    by: Annotated[
        list[str] | None, typer.Option(help="Column that tells curves apart; repeatable.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Keep only these rows; repeatable."),
    ] = None,
    low: Annotated[float | None, typer.Option("--from", help="Smallest x to use.")] = None,
    high: Annotated[float | None, typer.Option("--to", help="Largest x to use.")] = None,
    duplicates: Annotated[
        str, typer.Option(help="Equal x in a curve: replicate, last or error.")
    ] = "replicate",
    method: Annotated[str, typer.Option(help="nuts, or point: milliseconds, a preview.")] = "auto",
    draws: Annotated[int, typer.Option(help="Posterior draws kept per curve.")] = 1000,
    seed: Annotated[int, typer.Option(help="Makes the result repeatable.")] = 0,
    interval: Annotated[float, typer.Option(help="Probability of the intervals.")] = 0.9,
    out: Annotated[
        Path | None, typer.Option(help="Folder for fit.nc, summary.csv and plot.png.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Fit a multi-regime power law to every curve of a file."""
    import scalefit as sf
    from scalefit.errors import ConfigError

    if not regimes.isdigit() and regimes != "auto":
        raise ConfigError(f"--regimes {regimes}: give a number from 1 to 6")
    data = sf.read(path, x=x, y=y, by=by or (), where=conditions(where))
    result = sf.fit(
        data,
        x=x,
        y=y,
        by=by,
        x_range=(low or 0.0, high if high is not None else float("inf")),
        duplicates=duplicates,  # type: ignore[arg-type]  # checked there
        regimes=int(regimes) if regimes.isdigit() else "auto",
        floor=floor,
        method=method,
        draws=draws,
        seed=seed,
    )
    result.summary(interval)
    written = write(result, out, interval) if out is not None else []
    report(result, seed=seed, interval=interval, written=written, as_json=json)
    return 0 if result.ok else 4


def conditions(where: list[str] | None) -> dict[str, str]:
    """Return `COLUMN=VALUE` texts as a mapping."""
    from scalefit.errors import ConfigError

    pairs = {}
    for text in where or []:
        column, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--where {text}: give COLUMN=VALUE")
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
    with replacing(paths[2]) as temporary:
        figure.savefig(temporary)
    plt.close(figure)
    return paths


def report(fit: Fit, *, seed: int, interval: float, written: list[Path], as_json: bool) -> None:
    """Print the result, and on standard error what a reader of it should know."""
    for run, notes in fit.notes.items():
        for note in notes:
            say(note if run == "curve" else f"{run}: {note}")
    if as_json:
        rows = fit.summary(interval).to_dict("records")
        runs = [
            {
                "run": run,
                "verdict": fit.verdict[run],
                "notes": fit.notes[run],
                "parameters": [
                    {key: value for key, value in row.items() if key != "run"}
                    for row in rows
                    if row["run"] == run
                ],
            }
            for run in fit.runs
        ]
        emit(
            "fit",
            law=fit.law.name,
            method=fit.tree.attrs["method"],
            seed=seed,
            interval=interval,
            x=fit.tree.attrs["x_name"],
            y=fit.tree.attrs["y_name"],
            runs=runs,
            files=[str(path) for path in written],
        )
        return
    show(*fit_tables(fit, interval))
    if written:
        show("wrote " + ", ".join(str(path) for path in written) + f" (seed {seed})")
    else:
        show(f"seed {seed}; nothing written, --out FOLDER keeps the fit, the table and a figure")
