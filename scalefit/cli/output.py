"""Output: results to standard output, the rest to standard error, one JSON form for all."""

from __future__ import annotations

import json
import math
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from scalefit.wording import compact, inline, rounded, state

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from scalefit.fits import Fits
    from scalefit.result import Fit

SCHEMA = "scalefit-cli/1"
_NUMBER = re.compile(r"\d[\d.,e+-]*")
SHOWN, LISTED = 12, 40
"""Runs up to which all parameters are printed, and up to which there is a line for each."""
KEPT = "; --out FOLDER keeps all of them"
UNNAMED = ("curve", "all", "0")
"""What the only curve is called where nothing tells curves apart."""


def say(text: str) -> None:
    """Print a message, warning or error on standard error, control characters escaped."""
    typer.echo("\n".join(map(inline, text.split("\n"))), err=True)


def emit(command: str, **content: Any) -> None:
    """Print one JSON document with the schema's version; not-a-number becomes null."""
    document = {"schema": SCHEMA, "command": command, **content}
    typer.echo(json.dumps(_plain(document), indent=2, allow_nan=False))


def table(*columns: str, right: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """Return an empty table that fits a terminal of 80 columns.

    Columns named in `right` hold numbers, those in `whole` words, and neither are ever broken; the
    others fold.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        if column in right:
            heading = "\n".join(textwrap.wrap(inline(column), 14))
            made.add_column(heading, justify="right", no_wrap=True)
        else:
            made.add_column(inline(column), overflow="fold", no_wrap=column in whole)
    return made


def show(*things: Any) -> None:
    """Print tables and text on standard output, with escape codes only on a terminal.

    Text is not broken into lines, so that a path can be copied; a terminal does that by itself.
    """
    console = _console()
    for thing in things:
        console.print(thing, soft_wrap=isinstance(thing, str))


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure, all or nothing, and close it."""
    import warnings

    from matplotlib import pyplot as plt

    from scalefit.storage import replacing

    with replacing(path) as temporary, warnings.catch_warnings():
        # Names of runs may hold letters that the font lacks; they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        figure.savefig(temporary)
    plt.close(figure)


def number(value: float) -> str:
    """Return a number with up to four significant digits, short."""
    return compact(f"{value:.4g}") if math.isfinite(value) else "-"


def estimate(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Return median and interval of a row, to the digit that the interval supports."""
    median, low, high = rounded(row["median"], row["low"], row["high"])
    return median, f"[{low}, {high}]"


def percent(interval: float) -> str:
    """Return the heading of a column of intervals."""
    return f"{100 * interval:g}% interval"


def names(fit: Fit | Fits) -> dict[str, str]:
    """Return what each run is called, on one line; "" where one run has no name of its own."""
    from scalefit.analysis.words import labels

    alone = len(fit) == 1 and fit.runs[0] in UNNAMED
    return {run: "" if alone else inline(name) for run, name in labels(fit).items()}


def fit_tables(fit: Fit, interval: float) -> list[Any]:
    """Return what a person reads of a fit: per run its verdict, parameters and probabilities."""
    from scalefit.analysis.words import chances, labelled, models_of

    if len(fit.runs) > SHOWN:
        return overview(fit.only(fit.runs[:LISTED]), interval, len(fit))
    shown: list[Any] = []
    called = names(fit)
    for run, frame in fit.summary(interval).groupby("run", sort=False):
        rows = frame.to_dict("records")
        name = called[str(run)]
        head = f"{name}: " if name else ""
        verdict, models = fit.verdict[str(run)], models_of(fit, str(run))
        if verdict == "ok":
            shown.append(f"{head}ok; {models}")
        else:
            shown += [paragraph(f"{head}{verdict}", 2), f"  {models}"]
        for row in rows:
            row["note"] = _of_parameter(row["note"])
        # Beside a bad verdict every note says no more than that.
        kinds = ("unit",) if fit.state(str(run)) == "unreliable" else ("unit", "note")
        texts = [key for key in kinds if any(row[key] for row in rows)]
        numbers = ("median", percent(interval))
        made = table("parameter", *numbers, *texts, right=numbers, whole=["parameter"])
        for row in rows:
            made.add_row(
                labelled(row),
                *estimate(row),
                *(inline(row[key]) for key in texts),
            )
        shown.append(made)
        weighed = chances(fit, str(run))
        if weighed:
            shown.append(f"  {weighed}\n")
    return shown


def shared_table(fit: Fit, interval: float) -> Table:
    """Return what pooled curves share."""
    from scalefit.analysis.summary import shared
    from scalefit.analysis.words import labelled
    from scalefit.arguments import tails

    numbers = ("median", percent(interval))
    made = table("shared by", "parameter", *numbers, "unit", right=numbers, whole=["parameter"])
    last = None
    for row in shared(fit, tails(interval)).to_dict("records"):
        group = inline(row["group"]) if row["group"] != last else ""
        last = row["group"]
        made.add_row(group, labelled(row), *estimate(row), inline(row["unit"]))
    return made


def overview(fit: Fit, interval: float, every: int, kept: str = KEPT) -> list[Any]:
    """Return one row per run, of the first of so many runs; the files hold the rest."""
    from scalefit.analysis.words import models_of

    summary = fit.summary(interval)
    wanted = "end_exponent" if "end_exponent" in set(summary["parameter"]) else ""
    numbers = (wanted.replace("_", " "), percent(interval)) if wanted else ()
    made = table("run", "verdict", "model", *numbers, right=numbers)
    found = summary[summary["parameter"] == wanted].set_index("run")
    verdict, called = fit.verdict, names(fit)
    for run in fit.runs:
        cells = []
        if wanted:
            row: Any = found.loc[run]
            cells = [*estimate(row)]
        made.add_row(called[run], state(verdict[run]), models_of(fit, run), *cells)
    more = every - LISTED
    return [
        made,
        *([f"  and {more} more runs{kept}\n"] if more > 0 else []),
    ]


def _of_parameter(note: str) -> str:
    """Return a note without the probabilities of models, which stand below the table."""
    kept = [part for part in note.split("; ") if not part.startswith(("P(", "given ", "over all"))]
    return "; ".join(kept)


def say_notes(fit: Fit | Fits) -> None:
    """Print the notes of a fit on standard error, those that runs share once.

    Of more than three notes that differ in their numbers alone the first stands for all.
    """
    told: dict[str, dict[str, list[str]]] = {}
    called = names(fit)
    for run, notes in fit.notes.items():
        for note in notes:
            alike = told.setdefault(_NUMBER.sub("#", note), {})
            alike.setdefault(note, []).append(called[run])
    for alike in told.values():
        groups = list(alike.items())
        if len(groups) > 3:
            groups = [
                (f"{groups[0][0]} (numbers of the first)", [r for _, runs in groups for r in runs])
            ]
        for note, runs in groups:
            more = f" and {len(runs) - 3} more runs" if len(runs) > 3 else ""
            which = "; ".join(runs[:3]) + more
            everywhere = len(runs) == len(fit.runs)
            say(f"note: {note}" if everywhere or not which else f"note: {which}: {note}")


def say_doubts(fit: Fit | Fits) -> None:
    """Say on standard error which runs of a fit are doubtful or unreliable."""
    called = names(fit)
    for word in ("doubtful", "unreliable"):
        bad = [called[run] for run, verdict in fit.verdict.items() if state(verdict) == word]
        if bad and any(bad):
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            say(f"{word}: {len(bad)} of {len(fit)} runs: {'; '.join(bad[:3])}{more}")
        elif bad:
            say(f"{word}: see the verdict")


def say_unreliable(runs: Sequence[str]) -> int:
    """Say on standard error which runs cannot be relied on; return the exit code."""
    if runs:
        more = f" and {len(runs) - 3} more" if len(runs) > 3 else ""
        say(f"doubtful or unreliable: {'; '.join(runs[:3])}{more}: see their verdict")
    return 4 if runs else 0


def chance(probability: float) -> str:
    """Return a probability in two digits; draws are too few for more."""
    if 0.0 < probability < 0.005 or 0.995 < probability < 1.0:
        return "<0.01" if probability < 0.5 else ">0.99"
    return f"{probability:.2f}" if math.isfinite(probability) else "-"


def heading(fit: Fit, axis: str) -> str:
    """Return name and unit of an axis."""
    name, unit = (fit.tree.attrs[f"{axis}_{key}"] for key in ("name", "unit"))
    return f"{name} ({unit})" if unit else str(name)


def paragraph(text: str, indent: int) -> str:
    """Return a long line broken for the terminal, the later lines indented."""
    return textwrap.fill(
        text,
        min(_console().width, 100),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _console() -> Console:
    """Return where results go; rich keeps bold and italics under NO_COLOR, so it is told."""
    from rich.console import Console

    system: Any = None if os.environ.get("NO_COLOR") else "auto"
    options: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False}
    console = Console(color_system=system, **options)
    if not console.is_terminal and console.width < 80:
        console = Console(color_system=system, width=80, **options)
    return console


def _plain(value: Any) -> Any:
    """Return the value in the types that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
