"""Command `scalefit fit`: from a file to tables, figure, page and stored fit.

Of its more than 400 lines two thirds are options, with the words of `--help`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from . import compare, many
from .document import document
from .help import one_of
from .options import Interval, Json, Seed, Workers, folder, held, plain_number, schema, stretch
from .options import law as chosen
from .output import emit, fit_tables, save_figure, say_doubts, say_notes, shared_table, show

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scalefit.arrays import Array
    from scalefit.result import Fit


def command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV, JSON or Parquet, one row per point; lines of a log such as 'step 100: loss "
            "3.21'; trainer_state.json of Hugging Face; event files of TensorBoard, or a folder of "
            "them; an export of W&B; metrics.csv of Lightning; or a trajectory. Text may be .gz.",
        ),
    ],
    y: Annotated[str, typer.Option(metavar="COLUMN", help="Column of y.")],
    x: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of x; repeat for a law of several, in its order.  [default: the one that "
            "counts tokens, samples, steps or epochs]",
        ),
    ] = None,
    ceiling: Annotated[
        float | None,
        typer.Option(
            metavar="VALUE",
            help="What a rising y stays below, such as 1 or 100 for an accuracy: the law is of "
            "what y lacks of it, and everything is given in y.",
        ),
    ] = None,
    law: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="broken, of several regimes; power, of one; cutoff, with an exponential end and "
            "an offset of either sign; of several columns of x: additive, kaplan, four_regime, "
            "monomial, data_constrained, farseer; or MODULE:CLASS, a law of your own.",
        ),
    ] = "broken",
    fixed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Hold a parameter at a value, such as floor=1.69 or noise=0.01; repeat.",
        ),
    ] = None,
    aggregate: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="mean: equal x within a curve become their mean, with its standard error.",
        ),
    ] = None,
    regimes: Annotated[
        str,
        typer.Option(
            metavar="N",
            help="Number of regimes, 1 to 6: 1 is one power law, 2 has one crossover. Several, "
            "such as 1,2,3, are weighed by their posterior probability; auto is 1,2,3,4.",
        ),
    ] = "auto",
    floor: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Whether the law levels off: yes, no, auto to weigh both, or the value of a known "
            "floor in the unit of y.",
        ),
    ] = "auto",
    noise: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            autocompletion=one_of("auto", "normal", "ar1", "changing", "student", "outlier"),
            help="normal, ar1 (each point remembers the one before), changing (its size is a power "
            "of x), student (heavy tails), outlier, or auto to weigh the first three.",
        ),
    ] = "auto",
    y_err: Annotated[
        str | None,
        typer.Option("--y-err", metavar="COLUMN", help="Column of known standard errors of y."),
    ] = None,
    test_size: Annotated[
        int | None,
        typer.Option(
            "--test-size",
            metavar="N",
            help="Test points that each y, an error rate, is a share of: their binomial variance "
            "is added to the known errors.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column that tells curves apart; repeat for several."),
    ] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="With several --x: column that tells apart the runs of one surface, whose points "
            "are correlated; repeat for several.",
        ),
    ] = None,
    lr: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of the learning rate: the law is of the area under it and of what was "
            "annealed, and `predict --schedule` forecasts under a plan.",
        ),
    ] = None,
    pool: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of --by, such as seed, over which curves are partially pooled; takes one "
            "--regimes and --floor yes or no.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="Keep only these rows, or these runs of a trajectory; repeat to narrow further.",
        ),
    ] = None,
    skip_run: Annotated[
        list[str] | None,
        typer.Option("--skip-run", metavar="NAME", help="Leave this run out; repeat for several."),
    ] = None,
    low: Annotated[
        float | None,
        typer.Option("--from", metavar="X", parser=plain_number, help="Smallest x to use."),
    ] = None,
    high: Annotated[
        float | None,
        typer.Option("--to", metavar="X", parser=plain_number, help="Largest x to use."),
    ] = None,
    duplicates: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Equal x within a curve: replicate keeps every row, last the last one, error "
            "refuses them.  [default: last for the steps of a log, else replicate]",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Join up runs in which x falls back: a counter that restarted goes on from what "
            "it had reached, rows after a resume replace earlier ones.",
        ),
    ] = False,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            autocompletion=one_of("auto", "certified", "nuts", "point"),
            help="certified has two searches that must agree, and auto is this; nuts samples one "
            "model with PyMC; point takes a tenth of the time and is a preview.",
        ),
    ] = "auto",
    priors: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="default; narrow: the alternative that shows what answers owe to the priors; or "
            "anchored: the noise is looked for around the curve's own roughness.",
        ),
    ] = "default",
    between: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Compare end exponents between the values of this column of --by, such as arch.",
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(metavar="N", help="Posterior draws kept per curve, 100 or more.")
    ] = 1000,
    interval: Interval = 0.9,
    seed: Seed = 0,
    workers: Workers = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for fit.nc, summary.csv, plot.png, report.html; with --between also "
            "compare.csv and forest.png. Of more than 1000 curves the folder fit in it is written "
            "part by part, and the same command goes on after a stop.",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Fit a multi-regime power law to every curve of a file."""
    import scalefit as sf
    from scalefit.errors import InvalidData, ScalefitError
    from scalefit.io import from_file
    from scalefit.workers import processes

    counts, level, formula = _regimes(regimes), _floor(floor), chosen(law)
    x_range = stretch(low, high)
    axes: Any = x[0] if x and len(x) == 1 else x
    folder(out)
    if schema(path).startswith("scalefit-fit/"):
        raise InvalidData(f"{path}: this is a fit already; read it with scalefit predict --at X")
    data = sf.read(
        path,
        x=axes if lr is None else [*(x or ()), lr],
        y=y,
        y_err=y_err,
        by=(*(by or ()), *(runs or ())),
        where=conditions(where),
        skip_run=skip_run or (),
    )
    data = from_file(data, path)
    _comparable(data, between, by)
    arguments: dict[str, Any] = {
        "x": axes,
        "y": y,
        "by": by,
        "runs": runs,
        "lr": lr,
        "x_range": x_range,
        "duplicates": duplicates,
        "resume": resume,
        "ceiling": ceiling,
        "aggregate": aggregate,
        "law": formula,
        "fixed": held(fixed),
        "regimes": counts,
        "floor": level,
        "noise": noise,
        "y_err": y_err,
        "test_size": test_size,
        "pool": pool,
        "priors": priors,
        "method": method,
        "draws": draws,
        "seed": seed,
    }
    single = lr is None and not isinstance(axes, list) and axes not in data.coords
    alone = single and not (pool or between or json)
    with processes(min(workers, data.sizes["run"])) as executor:
        if out is not None and alone and data.sizes["run"] > many.FROM:
            return many.fitted(data, out, interval, executor=executor, **arguments)
        result = sf.fit(data, executor=executor, **arguments)
    compared = None
    try:
        compared = None if between is None else _compared(result, between, interval, seed)
    except ScalefitError:
        if out is not None:  # the fit itself is good
            write(result, out, interval, seed=seed)
        raise
    written: list[Path] = []
    if out is not None:
        written = write(result, out, interval, compared=compared, seed=seed)
    if out is not None and compared is not None:
        written += compare.write(compared, out)
    say_notes(result)
    if compared is not None:
        compare.say_caveats(compared)
    if json:
        more = {} if compared is None else {"comparison": compare.document(compared)}
        told = document(result, seed=seed, interval=interval)
        emit("fit", **told, **more, files=list(map(str, written)))
    else:
        show(*fit_tables(result, interval))
        if pool:
            show(shared_table(result, interval))
        if compared is not None:
            show(*compare.tables(compared, [result]))
        kept = f"wrote {', '.join(map(str, written))}" if written else "--out FOLDER keeps this"
        show(f"{kept} (seed {seed})")
    say_doubts(result)
    return 0 if result.ok else 4


def _regimes(text: str) -> list[int] | int | Literal["auto"]:
    """Return what `--regimes` asks for: one number, several, or all that are usual."""
    from scalefit.errors import ConfigError

    if text == "auto":
        return "auto"
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise ConfigError(f"--regimes {text}: give auto or whole numbers from 1 to 6, such as 1,2")
    numbers = [int(part) for part in parts]
    return numbers if len(numbers) > 1 else numbers[0]


def _floor(text: str) -> bool | float | Literal["auto"]:
    """Return what `--floor` asks for."""
    from scalefit.errors import ConfigError

    if text == "auto":
        return "auto"
    if text in ("yes", "no"):
        return text == "yes"
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"--floor {text}: give yes, no, auto, or the value of a known floor"
        ) from None


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


def _comparable(data: xr.Dataset, between: str | None, by: list[str] | None) -> None:
    """Refuse a column that cannot tell groups apart, before the fit and not after it."""
    import numpy as np

    from scalefit.curves.points import original
    from scalefit.errors import ConfigError, nearest

    if between is None:
        return
    on_run = {
        original(str(name)): name
        for name, one in data.coords.items()
        if one.dims == ("run",) and name not in ("run", "status")
    }
    columns = [one for one in by or on_run if one in on_run]
    if between not in columns:
        raise ConfigError(
            f"--between {between}: no column of --by is named so; {nearest(between, columns)}"
        )
    if len(np.unique(data[on_run[between]].values)) < 2:
        raise ConfigError(f"--between {between}: it has one value; there is nothing to compare")


def _compared(fit: Fit, between: str, interval: float, seed: int) -> pd.DataFrame:
    import scalefit as sf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # said as notes
        return sf.compare(fit, between=between, interval=interval, seed=seed)


def write(
    fit: Fit,
    out: Path,
    interval: float,
    *,
    compared: pd.DataFrame | None = None,
    seed: int = 0,
    theory: Mapping[str, tuple[Array, Array]] | None = None,
) -> list[Path]:
    """Write fit, table, figure and report into a folder, each all or nothing; return the paths.

    The report shows the comparison if there is one; `theory` is x and y of the curve that a theory
    foretells, by run, and is drawn beside the data.
    """
    import matplotlib as mpl

    from scalefit import plot, report, spreadsheet

    mpl.use("Agg")
    paths = [out / name for name in ("fit.nc", "summary.csv", "plot.png", "report.html")]
    fit.save(paths[0])
    table = fit.summary(interval)
    spreadsheet.write(table, paths[1])
    ax: Any = plot.curve(fit, theory=theory)
    save_figure(ax.figure, paths[2])
    report.write(
        fit, paths[3], interval, compared=compared, seed=seed, theory=theory, parameters=table
    )
    return paths
