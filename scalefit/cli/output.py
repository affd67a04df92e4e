"""Results on standard output, everything else on standard error, and one JSON form for all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from scalefit.result import Fit

SCHEMA = "scalefit-cli/1"


def say(text: str) -> None:
    """Print a message, warning or error on standard error, as it is."""
    typer.echo(text, err=True)


def emit(command: str, **content: Any) -> None:
    """Print one JSON document with the schema's version; not-a-number becomes null."""
    document = {"schema": SCHEMA, "command": command, **content}
    typer.echo(json.dumps(_plain(document), indent=2, allow_nan=False))


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return an empty table that fits a terminal of 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def show(*things: Any) -> None:
    """Print tables and text on standard output, in colour only on a terminal."""
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=max(console.width, 80))
    for thing in things:
        console.print(thing)


def number(value: float) -> str:
    """Return a number with four significant digits, short."""
    if not math.isfinite(value):
        return "-"
    text = f"{value:.4g}"
    return text.replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def fit_tables(fit: Fit, interval: float) -> list[Any]:
    """Return what a person reads of a fit: per run its verdict and its parameters."""
    summary = fit.summary(interval)
    shown: list[Any] = []
    for run, rows in summary.groupby("run", sort=False):
        verdict = fit.verdict[str(run)]
        head = "" if run == "curve" else f"{run}: "
        shown.append(f"{head}{fit.law.name}; verdict: {verdict}")
        made = table(
            "parameter",
            "median",
            f"{interval:.0%} interval",
            "unit",
            "note",
            right=("median", f"{interval:.0%} interval"),
        )
        for row in rows.to_dict("records"):
            name = row["parameter"]
            if name in ("exponent", "crossover", "width"):
                name = f"{name} {row['regime']}"
            between = f"[{number(row['low'])}, {number(row['high'])}]"
            made.add_row(name, number(row["median"]), between, row["unit"], row["note"])
        shown.append(made)
    return shown


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
