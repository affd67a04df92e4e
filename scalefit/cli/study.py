"""Command `scalefit study`: exponents of trained families against the classes of theory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalefit.wording import inline

from .options import Interval, Json, Seed, folder, plain_number
from .output import emit, say, show, table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from rich.table import Table


def command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Trajectories (.nc) of trainers, or folders of them or of sweeps; the bundled "
            "ones unless given.",
        ),
    ] = None,
    rope: Annotated[
        float,
        typer.Option(
            metavar="D", parser=plain_number, help="Difference up to which exponents agree."
        ),
    ] = 0.05,
    interval: Interval = 0.9,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to write study.html, study.csv and forest.png."),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Say which exponents of trained families agree with theory's classes, and how surely."""
    import pandas as pd

    from scalefit.errors import ConfigError, InvalidData
    from scalefit.study import page
    from scalefit.study.rows import COLUMNS, rows

    folder(out)
    if not 0.0 < rope < 10.0:
        raise ConfigError(f"--rope {rope:g}: give a difference of exponents > 0, such as 0.05")
    made, used = [], []
    for name, dataset in _trajectories(paths or []):
        found = rows(dataset, rope=rope, interval=interval, seed=seed)
        if found:
            used.append(f"{name}: {dataset.attrs.get('command') or dataset.attrs['source']}")
        else:
            say(f"note: {inline(name)}: no class of theory has these axes; left out")
        made += found
    if not made:
        raise InvalidData(
            "no trajectory belongs to a class of theory: give what `scalefit train` wrote, or "
            "nothing for the bundled ones"
        )
    frame = pd.DataFrame(made, columns=list(COLUMNS))
    written = [] if out is None else _written(frame, out, rope, interval, seed, used)
    if json:
        emit(
            "study",
            rope=rope,
            interval=interval,
            seed=seed,
            rows=frame.to_dict("records"),
            files=list(map(str, written)),
        )
    else:
        for (family, held), part in frame.groupby(["family", "class"], sort=False):
            show(f"{family}: {held}", _table(part, f"{100 * interval:g}%"))
        show(f"P: within {rope:g} of theory, in the same window where it has such curves")
        show(*(f"wrote {one}" for one in written), f"(seed {seed})")
    doubted = frame[frame["verdict"] != "ok"].drop_duplicates(["family", "curves", "verdict"])
    for one in map(page.shown, doubted.to_dict("records")):
        say(": ".join(filter(None, (one["family"], one["curves"], one["verdict"]))))
    return 4 if len(doubted) else 0


def _table(part: pd.DataFrame, interval: str) -> Table:
    from scalefit.study import page

    numbers = ("median", interval, "theory", "P")
    made = table(
        "curves", "exponent", *numbers, "", right=numbers, whole=("curves", "exponent", "")
    )
    for row in map(page.shown, part.to_dict("records")):
        theory = row["claimed"] if row["window"] == "-" else row["window"]
        name = row["parameter"].removeprefix("exponent ")
        cells = (row["median"], row["interval"], theory, row["p"])
        made.add_row(row["curves"], name, *cells, row["says"])
    return made


def _trajectories(paths: list[Path]) -> list[tuple[str, xr.Dataset]]:
    """Return trajectories by name: of files, of folders, or the bundled ones."""
    from scalefit import datasets, trainers
    from scalefit.errors import InvalidData
    from scalefit.io import read

    if not paths:
        names = [one for one in datasets.names() if datasets.info(one).kind == "bundled"]
        return [(name, datasets.load(name)) for name in names]
    found = []
    for path in paths:
        if (path / "bundles").is_dir():
            found.append((path.name, trainers.merged(path)))
        elif path.is_dir():
            files = sorted(path.glob("*.nc"))
            if not files:
                raise InvalidData(f"{inline(path)}: no trajectory (.nc) is in this folder")
            found += [(one.stem, read(one)) for one in files]
        else:
            found.append((path.stem, read(path)))
    return found


def _written(
    frame: pd.DataFrame, out: Path, rope: float, interval: float, seed: int, used: list[str]
) -> list[Path]:
    import matplotlib as mpl

    from scalefit import spreadsheet
    from scalefit.study import page

    from .output import save_figure

    mpl.use("Agg")
    paths = [out / name for name in ("study.html", "study.csv", "forest.png")]
    save_figure(page.forest(frame, rope=rope).figure, paths[2])
    picture = paths[2].read_bytes()
    page.write(
        frame, paths[0], picture=picture, rope=rope, interval=interval, seed=seed, made_of=used
    )
    spreadsheet.write(frame, paths[1])
    return paths
