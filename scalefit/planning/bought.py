"""Design: the runs to buy, in order, with what is expected of the target after each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scalefit.plot.design import Z
from scalefit.wording import compact, counted, inline, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WIDTH = 80
ROWS = 20
WORD = "law alone"


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """Runs to buy next. Made by `scalefit.design`; prints as a table.

    Attributes
    ----------
    table
        One row per purchase, in order: `row`, the candidate's label; its predictors; `cost`, and
        `spent` so far; `gain`, the share of the target's variance that it takes; `sd_before` and
        `sd`, the standard deviation of the target before and after it if the law holds, and
        `sd_misfit` with what it may miss; `power`, that of the cost. Of points to predict it is the
        standard deviation of log y, weighted over the target; of a parameter its own.
    warnings
        Where the predicted interval lies, one sentence each.
    budget, spent
        What could be and what is spent.
    before, before_misfit
        Standard deviations of the target before any purchase.
    power
        Power of the cost.
    target
        What is to be known, in words.
    relative
        Whether standard deviations are those of log y.
    probabilities
        Of each law.
    seed
        Of the draws.
    """

    table: pd.DataFrame
    warnings: tuple[str, ...]
    budget: float
    before: float
    before_misfit: float
    power: float
    target: str
    relative: bool
    probabilities: dict[str, float] = field(default_factory=dict)
    seed: int = 0

    @property
    def spent(self) -> float:
        """What the runs cost together."""
        return float(self.table["cost"].sum())

    @property
    def predictors(self) -> list[str]:
        """Names of the predictors."""
        names = list(self.table.columns)
        return [str(name) for name in names[1 : names.index("cost")]]

    def __len__(self) -> int:
        """Return the number of runs to buy."""
        return len(self.table)

    def __repr__(self) -> str:
        """Return the table in 80 columns, with its warnings."""
        from rich.cells import cell_len

        lines = [inline(self.title)]
        if len(self):
            lines += _aligned(self.cells())
        if len(self) > ROWS:
            lines.append(f"and {len(self) - ROWS} more in .table")
        lines += [f"! {inline(one)}" for one in self.warnings]
        return "\n".join(
            part for line in lines for part in (_folded(line) if cell_len(line) > WIDTH else [line])
        )

    def _repr_html_(self) -> str:
        from html import escape

        heading, *rows = self.cells()
        cells = "".join(f"<th>{escape(one)}</th>" for one in heading)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(one)}</td>' for one in row)}</tr>" for row in rows
        )
        said = "".join(f"<br>! {escape(one)}" for one in self.warnings)
        return f"<div><b>{escape(self.title)}</b><table><tr>{cells}</tr>{body}</table>{said}</div>"

    @property
    def title(self) -> str:
        """What was bought and for what, in one line."""
        spent = f"{_number(self.spent)} of {_number(self.budget)} spent"
        return (
            f"{counted(len(self), 'run')} to buy, {spent}; {self.target}"
            + f", 90% now within {self.interval(self.before)}" * bool(len(self))
        )

    def cells(self) -> list[list[str]]:
        """Return heading and cells of the table that is printed."""
        names = self.predictors
        heading = ["row", *(shortened(inline(name), 14) for name in names)]
        heading += ["cost", "spent", "gain", WORD, "with misfit"]
        rows: Any = self.table.head(ROWS).to_dict("records")
        cells = [
            [
                shortened(inline(row["row"]), 14),
                *(_number(row[name]) for name in names),
                _number(row["cost"]),
                _number(row["spent"]),
                f"{100 * row['gain']:.1f}%",
                self.interval(row["sd"]),
                self.interval(row["sd_misfit"]),
            ]
            for row in rows
        ]
        return [heading, *cells]

    def interval(self, sd: float) -> str:
        """Return half of the 90% interval of the target, in percent of y if that is relative."""
        if not self.relative:
            return f"±{_number(Z * sd, 2)}"
        grown = math.expm1(Z * sd)
        return f"±{100 * grown:.2g}%" if grown < 1.0 else f"x{1.0 + grown:.2g}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the expected interval of the target after each purchase against what was spent.

        Parameters
        ----------
        ax
            Where to draw; by default a new figure.
        """
        from scalefit.plot.design import design

        return design(self, ax)


def _number(value: float, digits: int = 4) -> str:
    return compact(f"{value:.{digits}g}")


def _aligned(rows: list[list[str]]) -> list[str]:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            " " * (width - cell_len(cell)) + cell for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    ]


def _folded(line: str) -> list[str]:
    import textwrap

    if line.startswith(" "):
        return [line]
    return textwrap.wrap(line, WIDTH, subsequent_indent="  ")
