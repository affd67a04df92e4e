"""Command `scalefit tail`: the posterior of a power-law tail of one column of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalefit.wording import inline

from .options import Interval, Json, Seed, folder, plain_number
from .output import emit, paragraph, percent, save_figure, say, show, table

if TYPE_CHECKING:
    from scalefit.tails.result import Tail


def command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A table, lines of one number each, an array (.npy) or a trajectory (.nc).",
        ),
    ],
    y: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column; not needed where there is only one."),
    ] = None,
    shift: Annotated[
        float,
        typer.Option(
            metavar="C",
            parser=plain_number,
            help="Threshold that was taken from the values, to be added back.",
        ),
    ] = 0.0,
    draws: Annotated[int, typer.Option(metavar="N", help="Posterior draws of each shape.")] = 1000,
    interval: Interval = 0.9,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to write tail.csv and tail.png."),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Say where a sample's power-law tail begins and its exponent, each with an interval."""
    import scalefit as sf
    from scalefit.io.values import read_values

    folder(out)
    found = sf.tail(read_values(path, y), shift=shift, draws=draws, seed=seed)
    written = [] if out is None else _written(found, interval, out)
    if json:
        emit(
            "tail",
            column=y,
            values=found.values.size,
            shift=found.shift,
            interval=interval,
            seed=seed,
            verdict=found.verdict,
            probabilities=found.probabilities.to_dict(),
            log_evidence=found.log_evidence.to_dict(),
            parameters=found.summary(interval).drop(columns="meaning").to_dict("records"),
            notes=list(found.notes),
            files=list(map(str, written)),
        )
    else:
        _show(found, interval)
        show(*(f"wrote {one}" for one in written))
        for note in found.notes:
            say(f"note: {note}")
    if found.verdict == "ok":
        return 0
    say("doubtful: see the verdict")
    return 4


def _show(found: Tail, interval: float) -> None:
    show(paragraph(inline(f"{found.title}: {found.verdict} (seed {found.seed})"), 2))
    heading, *rows = found.cells(interval)
    numbers = ("median", percent(interval))
    made = table(heading[0], *numbers, "", right=numbers, whole=[heading[0]])
    for row in rows:
        made.add_row(*row)
    show(made, paragraph(f"probabilities: {found.chances}", 2))


def _written(found: Tail, interval: float, out: Path) -> list[Path]:
    from scalefit import spreadsheet

    paths = [out / "tail.csv", out / "tail.png"]
    spreadsheet.write(found.summary(interval), paths[0])
    save_figure(found.plot().figure, paths[1])
    return paths
