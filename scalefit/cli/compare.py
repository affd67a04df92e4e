"""Command `scalefit compare`: do runs, groups, regimes or fits differ."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalefit.wording import inline, rounded

from . import savings
from .options import Interval, Json, LawName, Seed, folder, own_law
from .output import emit, names, paragraph, percent, save_figure, say, say_unreliable, show, table
from .predict import check

if TYPE_CHECKING:
    import pandas as pd

    from scalefit.result import Fit

QUOTED = 12
"""Rows up to which each is also said in a sentence."""


def command(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The fit.nc that `scalefit fit --out` wrote.")
    ],
    other: Annotated[
        Path | None,
        typer.Argument(metavar="OTHER", help="A second fit, of which runs of the same name are b."),
    ] = None,
    between: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Compare the values of this column, such as arch."),
    ] = None,
    parameter: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="end_exponent, the local exponent at the last x with the floor removed; or a "
            "parameter of the summary. With --regime it is exponent.",
        ),
    ] = None,
    regime: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Which regime, from 0; given twice, these two of each run."),
    ] = None,
    predictor: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Of a law in several variables: whose exponent.  [default: all]"
        ),
    ] = None,
    regimes: Annotated[
        int | None,
        typer.Option(metavar="N", help="Take each fit given that there are so many regimes."),
    ] = None,
    value: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Compare with a number, as of a theory.")
    ] = None,
    ratio: Annotated[bool, typer.Option("--ratio", help="Give a / b in place of a - b.")] = False,
    rope: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Differences that do not matter: the largest, or LOW,HIGH; their probability is "
            "printed.",
        ),
    ] = None,
    reach: Annotated[
        list[float] | None,
        typer.Option(
            metavar="Y",
            help="By which factor of x a run reaches this y before the baseline does; repeat for "
            "several.",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Of --reach: the run, or with --between the value, that the others are compared "
            "with.  [default: the first]",
        ),
    ] = None,
    interval: Interval = 0.9,
    law: LawName = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder for compare.csv and, without --reach, forest.png."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Compare exponents between runs, groups, regimes or fits, or with a number."""
    import scalefit as sf
    from scalefit.errors import ConfigError

    if len(regime or ()) > 2:
        raise ConfigError(f"--regime was given {len(regime or ())} times; once or twice will do")
    which: Any = None if not regime else regime[0] if len(regime) == 1 else tuple(regime)
    within = _rope(rope)
    folder(out)
    given = {
        "OTHER": other,
        "--parameter": parameter,
        "--regime": regime,
        "--predictor": predictor,
        "--value": value,
        "--rope": rope,
    }
    if reach:
        refused = next((name for name, one in given.items() if one not in (None, [])), None)
        if refused:
            raise ConfigError(f"--reach compares x at which y is reached; leave out {refused}")
    elif baseline is not None:
        raise ConfigError("--baseline goes with --reach Y")
    fits = []
    for one in filter(None, (path, other)):
        check(one)
        fit = sf.load(one, law=own_law(law))
        fits.append(fit if regimes is None else fit.with_regimes(regimes))
    if reach:
        return savings.told(fits[0], reach, baseline, between, interval, seed, out, json)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # said below
        found = sf.compare(
            *fits,
            parameter=parameter or ("end_exponent" if which is None else "exponent"),
            regime=which,
            predictor=predictor,
            between=between,
            value=value,
            ratio=ratio,
            rope=within,
            interval=interval,
            seed=seed,
        )
    written = write(found, out) if out is not None else []
    say_caveats(found)
    if json:
        emit("compare", **document(found), seed=seed, files=list(map(str, written)))
    else:
        if other is not None:
            show(f"a: {path}", f"b: {other}", "")
        show(*tables(found, fits))
        kept = f"wrote {', '.join(map(str, written))}" if written else "--out FOLDER keeps this"
        show(f"{kept} (seed {seed})")
    return say_unreliable(found.attrs["unreliable"])


def _rope(text: str | None) -> float | tuple[float, float] | None:
    """Return what `--rope` asks for: a half-width, or both ends."""
    from scalefit.errors import ConfigError

    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    raise ConfigError(f"--rope {text}: give one number, or LOW,HIGH, such as --rope 0.02")


def tables(found: pd.DataFrame, fits: Sequence[Fit]) -> list[Any]:
    """Return what a person reads of a comparison: sentences to quote, if few, and the table."""
    from scalefit.comparison.sentences import sentences

    called: dict[Any, str] = {}
    for fit in fits:
        called |= names(fit)
    shown = {name: found[name].map(lambda run: called.get(run) or run) for name in ("a", "b")}
    marked = [called.get(run) or run for run in found.attrs["marked"]]
    found = found.assign(**shown)
    found.attrs = {**found.attrs, "marked": marked}

    said = sentences(found)
    return [*([*map(_quoted, said), ""] if len(said) <= QUOTED else []), _table(found)]


def say_caveats(found: pd.DataFrame) -> None:
    """Say what to keep in mind of a comparison."""
    for note in found.attrs["notes"]:
        say(paragraph(f"note: {note}", 2))


def document(found: pd.DataFrame) -> dict[str, Any]:
    """Return a comparison as it goes into the JSON document."""
    from scalefit.comparison.sentences import sentences

    settings = {str(key): one for key, one in found.attrs.items() if key != "marked"}
    rows: Any = found.astype({"regime": object}).to_dict("records")
    for row, line in zip(rows, sentences(found), strict=True):
        row["regime"] = row["regime"] if isinstance(row["regime"], int) else None
        row["sentence"] = line
    return {**settings, "comparisons": rows}


def _quoted(line: str) -> str:
    """Return a sentence broken for the terminal, but within no probability."""
    joined = re.sub(
        r"P\(.*?\) = [\d.]+", lambda found: found[0].replace(" ", "\u00a0"), inline(line)
    )
    return paragraph(joined, 2).replace("\u00a0", " ")


def _table(found: pd.DataFrame) -> Any:
    """Return the comparisons as a table; columns that say nothing are left out."""
    attrs = found.attrs
    rows: Any = found.to_dict("records")
    ratio = attrs["ratio"]
    same = len(rows) > 1 and found["b"].nunique() == 1
    b = rows[0]["b"] if same else "b"
    named = ["a"] if same else ["a", "b"]
    numbered = ["regime"] if found["regime"].notna().any() else []
    if "predictor" in found:
        numbered = ["predictor"]
    roped = ["P(rope)"] if attrs["rope"] else []
    marked = [""] if attrs["marked"] else []
    numbers = (f"a {'/' if ratio else '-'} {b}", percent(attrs["interval"]), f"P(a > {b})", *roped)
    made = table(*named, *numbered, *numbers, *marked, right=(*numbered, *numbers), whole=marked)
    for row in rows:
        size, low, high = rounded(row["median"], row["low"], row["high"], least=2 if ratio else 0)
        doubtful = {row["a"], row["b"]} & set(attrs["marked"])
        made.add_row(
            *(inline(row[name]) for name in named),
            *(inline(str(row[name])) for name in numbered),
            size,
            f"[{low}, {high}]",
            f"{row['p_greater']:.3f}",
            *([f"{row['p_rope']:.3f}"] if roped else []),
            *(["unreliable" if doubtful else ""] if marked else []),
        )
    return made


def write(found: pd.DataFrame, out: Path) -> list[Path]:
    """Write table and figure into a folder, each all or nothing; return the paths."""
    import matplotlib as mpl

    mpl.use("Agg")

    from scalefit import plot, spreadsheet

    paths = [out / "compare.csv", out / "forest.png"]
    spreadsheet.write(found, paths[0])
    save_figure(plot.forest(found).figure, paths[1])
    return paths
