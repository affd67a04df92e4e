"""Overview: a fit as the few lines that `print` shows of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scalefit.record import Record
from scalefit.wording import inline, rounded, shortened, state

from .summary import summary
from .words import chances, headline_shares, labelled, models_of

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 80
ROWS = 15
"""Runs that are shown; with three verdicts a fit of many runs is told in 25 lines."""
VERDICTS = 3
LONGEST = 20
"""Letters of a run's name beside its verdict."""
SHORTEST = 12
"""Letters of a run's name in the table, whatever the room."""
TAILS = (0.05, 0.95)


def overview(record: Record, rows: int = ROWS) -> tuple[list[str], list[list[str]]]:
    """Return heading and cells of a table of the first runs.

    Run, verdict, number of regimes with its probability, and median with 90% interval of end
    exponent and floor; of a law without regimes, of its first two parameters.
    """
    shown = record.only(record.runs[:rows])
    table = summary(shown, TAILS)
    kept = [name for name in ("end_exponent", "floor") if name in set(table["parameter"])]
    if "end_exponent" not in kept:
        kept = list(dict.fromkeys(table["parameter"]))[:2]
    weighed = "end_exponent" in kept
    names = [] if record.runs == ["curve"] else ["run"]
    heading = [
        *names,
        "verdict",
        *(["regimes"] if weighed else []),
        *(name.replace("_", " ") for name in kept),
    ]
    shares = headline_shares(shown)
    by_run = dict(tuple(table.groupby("run", sort=False)))
    cells = [
        [
            *(inline(run) for _ in names),
            state(record.verdict[run]),
            *([_headline(shown, run, shares)] if weighed else []),
            *(_estimate(by_run[run], name) for name in kept),
        ]
        for run in shown.runs
    ]
    return heading, cells


def _headline(record: Record, run: str, shares: Mapping[str, float]) -> str:
    """Return the number of regimes of a run, with its probability where several were weighed."""
    if run not in record.fitted:
        return "-"
    count = str(record.regimes(run))
    return f"{count} (P {shares[run]:.2f})".replace("P 0.", "P .") if run in shares else count


def title(record: Record) -> str:
    """Return what was fitted, in one line."""
    attrs = record.tree.attrs
    curves = "1 curve" if len(record.runs) == 1 else f"{len(record.runs)} curves"
    return inline(f"Fit of {curves}, {attrs['y_label']} against {attrs['x_label']}: ") + models_of(
        record
    )


def verdicts(record: Record, most: int = VERDICTS) -> list[str]:
    """Return the first verdicts that are not ok, and how many more there are."""
    bad = {run: words for run, words in record.verdict.items() if words != "ok"}
    if len(record.runs) == 1:
        return [f"verdict: {inline(words)}" for words in record.verdict.values()]
    said = [inline(f"{shortened(run, LONGEST)}: {bad[run]}") for run in list(bad)[:most]]
    more = len(bad) - len(said)
    return [*said, *([f"and {more} more with a verdict that is not ok"] if more > 0 else [])]


def text(record: Record) -> str:
    """Return title, verdicts that are not ok, and the table, at most 25 lines of 80 columns."""
    heading, cells = overview(record)
    if len(record.runs) == 1:
        return _fitting(title(record), *verdicts(record), *_one(record))
    more = len(record.runs) - len(cells)
    ending = [f"and {more} more: fit.sel(...) or fit[[...]] picks some"] if more > 0 else []
    told = "intervals hold 90%; fit.summary() has every parameter"
    return _fitting(title(record), *verdicts(record), *_aligned([heading, *cells]), *ending, told)


def _one(record: Record) -> list[str]:
    """Return every parameter of the only run, and the probabilities of its models."""
    rows: Any = summary(record, TAILS).to_dict("records")
    cells = [["", "median", "90%", ""]]
    for row in rows:
        median, low, high = rounded(row["median"], row["low"], row["high"])
        cells.append([labelled(row), median, f"[{low}, {high}]", inline(row["unit"])])
    room = 25 - 5
    if len(cells) > room:
        cells = [*cells[:room], [f"and {len(cells) - room} more", "", "", ""]]
    return [*_aligned(cells), *filter(None, [chances(record, record.runs[0])])]


def _estimate(rows: pd.DataFrame, name: str) -> str:
    """Return the last value of a parameter, which is the one at the end of the curve."""
    found: Any = rows[rows["parameter"] == name]
    if not len(found):
        return ""
    row = found.iloc[-1]
    if not math.isfinite(row["median"]):
        return "-"
    median, low, high = rounded(row["median"], row["low"], row["high"])
    return f"{median} [{low}, {high}]"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines, the first cells cut where they are long."""
    from rich.cells import cell_len, set_cell_size

    rest = sum(
        max(map(cell_len, column)) + 2 for column in zip(*(row[1:] for row in rows), strict=True)
    )
    cut = [[shortened(row[0], max(SHORTEST, WIDTH - rest)), *row[1:]] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cut, strict=True)]
    return [
        "  ".join(set_cell_size(*cell) for cell in zip(row, widths, strict=True)).rstrip()
        for row in cut
    ]


def _fitting(*lines: str) -> str:
    from rich.cells import cell_len, set_cell_size

    return "\n".join(
        line if cell_len(line) <= WIDTH else f"{set_cell_size(line, WIDTH - 1)}…" for line in lines
    )
