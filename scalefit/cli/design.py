"""Command `scalefit design`: which runs to buy next, so that a target is known best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalefit.wording import inline, quoted

from .options import Json, Seed, folder, law, own_law, plain_number
from .output import emit, number, paragraph, save_figure, say, show, table
from .predict import check, opened

if TYPE_CHECKING:
    import pandas as pd

    from scalefit.arrays import Array
    from scalefit.laws import Law
    from scalefit.planning.bought import Design
    from scalefit.result import Fit


def command(
    candidates: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Table of the runs that could be bought, one a row, with a column for each x.",
        ),
    ],
    cost: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help='What a run costs: a column, or arithmetic of columns, "6 * n_params * tokens".',
        ),
    ],
    budget: Annotated[
        float,
        typer.Option(metavar="COST", parser=plain_number, help="What may be spent, all together."),
    ],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE...]",
            help="The fit.nc that `scalefit fit --out` wrote; several of the same points are "
            "weighed by their evidence; none with --law, before there are data.",
        ),
    ] = None,
    at: Annotated[
        list[float] | None,
        typer.Option(
            metavar="X", parser=plain_number, help="Where y is to be known; repeat for several."
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table of points where y is to be known, in place of --at; a column weight says "
            "how much each counts.",
        ),
    ] = None,
    know: Annotated[
        str | None,
        typer.Option(
            metavar="PARAMETER",
            help="A parameter of the law that is to be known in place of y, such as end_exponent.",
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Runs to buy; all spends the budget; an eighth of the runs so far by default.",
        ),
    ] = None,
    cost_power: Annotated[
        str,
        typer.Option(
            metavar="P",
            help="Power of the cost that a gain is divided by, 0 to 1; plan chooses one of five.",
        ),
    ] = "0.4",
    discrepancy: Annotated[
        float,
        typer.Option(
            metavar="SIZE", help="What the law may miss, in units of the noise; 0 for nothing."
        ),
    ] = 1.0,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:CLASS",
            help="A further law, fitted to the same points and weighed; repeat for several.",
        ),
    ] = None,
    hazard: Annotated[
        float,
        typer.Option(metavar="RATE", help="Crossovers to expect per decade beyond the data."),
    ] = 1.0,
    law_name: Annotated[
        str | None,
        typer.Option(
            "--law",
            metavar="LAW",
            help="Without FILE the law to design for before there are data, such as additive, or "
            "MODULE:CLASS; with it the law of your own that the fit was made with.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to write design.csv and design.png."),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> int:
    """Say which runs to buy next, and how well the target would be known after each."""
    import scalefit as sf
    from scalefit.io import read_table

    folder(out)
    frame = read_table(candidates)
    found = sf.design(
        _believed(paths or [], law_name),
        frame,
        cost=_costs(cost, frame, candidates),
        budget=budget,
        target=_target(at, target, know),
        batch=_batch(batch),
        cost_power=_power(cost_power),
        discrepancy=discrepancy,
        laws=[one for name in beside or [] for one in _laws(name)],
        hazard=hazard,
        seed=seed,
    )
    written = [] if out is None else _written(found, out)
    if json:
        emit(
            "design",
            target=found.target,
            budget=budget,
            spent=found.spent,
            cost_power=found.power,
            discrepancy=discrepancy,
            laws=found.probabilities,
            before={"sd": found.before, "sd_misfit": found.before_misfit},
            seed=seed,
            runs=found.table.to_dict("records"),
            warnings=list(found.warnings),
            files=list(map(str, written)),
        )
        return 0
    _show(found, seed)
    show(*(f"wrote {path}" for path in written))
    for one in found.warnings:
        say(f"warning: {one}")
    return 0


def _believed(paths: list[Path], name: str | None) -> Any:
    """Return the fits of some files, or the laws of a name where there is no file."""
    from scalefit.errors import ConfigError

    if paths:
        own = own_law(name)
        return [_fit(path, own) for path in paths]
    if name is None:
        raise ConfigError("nothing to design for: give the FILE of a fit, or --law before data")
    return _laws(name)


def _fit(path: Path, own: Law | None) -> Fit:
    import scalefit as sf

    check(path)
    found = opened(path, own)
    assert isinstance(found, sf.Fit)
    return found


def _laws(name: str) -> list[Law]:
    """Return what a name stands for; a name of several forms, such as power, is all of them."""
    from scalefit.fitting.choices import chosen_laws

    return list(chosen_laws(law(name), "auto", "auto", {}))


def _target(at: list[float] | None, target: Path | None, know: str | None) -> Any:
    """Return the only target that was given."""
    from scalefit.errors import ConfigError
    from scalefit.io import read_table

    given = [one for one in (at or None, target, know) if one is not None]
    if len(given) != 1:
        raise ConfigError("give one of --at X, --target FILE and --know PARAMETER")
    return at or know or read_table(Path(str(target)))


def _costs(cost: str, frame: pd.DataFrame, path: Path) -> str | Array:
    """Return the name of the column of costs, or costs from arithmetic of columns."""
    from scalefit.io.expressions import assigned, derived

    found = derived(cost, frame.columns, "--cost", str(path))
    if found is None:
        return cost
    return assigned(frame, {"--cost": found}, str(path))[found.text].to_numpy(dtype=float)


def _batch(batch: str | None) -> Any:
    return int(batch) if batch is not None and batch.isdecimal() else batch


def _power(text: str) -> Any:
    from scalefit.errors import ConfigError

    if text == "plan":
        return text
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"--cost-power {quoted(text)}: give a number from 0 to 1, or plan"
        ) from None


def _written(found: Design, out: Path) -> list[Path]:
    from scalefit import spreadsheet

    paths = [out / "design.csv"]
    spreadsheet.write(found.table, paths[0])
    if len(found):
        paths.append(out / "design.png")
        save_figure(found.plot().figure, paths[1])
    return paths


def _show(found: Design, seed: int) -> None:
    show(paragraph(f"{inline(found.title)} (seed {seed})", 2))
    if not len(found):
        return
    heading, *rows = found.cells()
    made = table(*heading, right=heading[1:])
    for row in rows:
        made.add_row(*row)
    show(made)
    if len(found) > len(rows):
        show(f"and {number(len(found) - len(rows))} more; --out FOLDER and --json have all of them")
    shares = {name: p for name, p in found.probabilities.items() if p >= 0.005}
    if len(found.probabilities) > 1:
        said = ", ".join(f"{inline(name)} {100 * p:.0f}%" for name, p in shares.items())
        show(paragraph(f"laws by their evidence: {said}", 2))
