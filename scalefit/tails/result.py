"""Tail: the posterior of a power-law tail of a sample, and what else its tail may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit import arguments
from scalefit.arrays import Array, quantiles
from scalefit.wording import rounded

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WIDTH = 80
ASKED = "power law"
MEANINGS = {
    "exponent": "of the density, p(x) ~ x^-exponent",
    "cutoff": "where the tail begins",
    "values": "in the tail",
    "shift": "to add to x",
    "end": "p(x) ~ x^-exponent exp(-x / end)",
    "width": "of the normal, in log x",
    "scale": "p(x) ~ exp(-x / scale)",
}


@dataclass(frozen=True, eq=False, repr=False)
class Tail:
    """Posterior of the tail of a sample. Made by `scalefit.tail`; prints as a table.

    Attributes
    ----------
    values : shape (n,)
        The values used, ascending, the known shift added.
    draws
        A row for each draw: `tail`, the shape that it is of; `exponent` of the density, one more
        than that of the complementary distribution; `cutoff`, where the tail begins, on the scale
        of `values`; `values`, how many are in the tail; and what a shape has besides: `shift`,
        `end`, `width` or `scale`. NaN where a shape has no such parameter.
    probabilities
        Of each shape, which are equally probable a priori.
    log_evidence
        Of each shape: log density of all log values in units of their median, body included.
    verdict
        `ok`, or `doubtful: ...; ...` if the tail is no power law, or few values are in it.
    shift
        What was added to the values.
    notes
        What was left out, one sentence each.
    seed
        Of the draws.
    """

    values: Array
    draws: pd.DataFrame
    probabilities: pd.Series[float]
    log_evidence: pd.Series[float]
    verdict: str
    shift: float
    notes: tuple[str, ...]
    seed: int

    def summary(self, interval: float = 0.9) -> pd.DataFrame:
        """Return mean, median and equal-tailed interval of every parameter of every shape.

        Parameters
        ----------
        interval
            Probability that intervals hold.

        Returns
        -------
        DataFrame
            With columns `tail, probability, parameter, mean, median, low, high, meaning`.
        """
        import pandas as pd

        tails = arguments.tails(interval)
        rows: list[dict[str, Any]] = []
        for name, drawn in self.draws.groupby("tail", sort=False):
            for parameter, meaning in MEANINGS.items():
                draws = drawn[parameter].to_numpy(dtype=float)
                if np.isfinite(draws).all():
                    rows.append(
                        {
                            "tail": str(name),
                            "probability": float(self.probabilities.loc[str(name)]),
                            "parameter": parameter,
                            "mean": float(draws.mean()),
                            **quantiles(draws, tails),
                            "meaning": meaning,
                        }
                    )
        return pd.DataFrame(rows)

    @property
    def title(self) -> str:
        """What was looked at, in one line."""
        added = f", {self.shift:g} added" if self.shift else ""
        return f"Tail of {self.values.size:,} values{added}"

    def cells(self, interval: float = 0.9) -> list[list[str]]:
        """Return heading and cells of the table of the power law that is printed."""
        table: Any = self.summary(interval)
        rows = table[table["tail"] == ASKED].to_dict("records")
        cells = [["power law", "median", f"{100 * interval:g}% interval", ""]]
        for row in rows:
            median, low, high = rounded(row["median"], row["low"], row["high"])
            cells.append([row["parameter"], median, f"[{low}, {high}]", row["meaning"]])
        return cells

    @property
    def chances(self) -> str:
        """Probabilities of the shapes in one line."""
        return ", ".join(f"{name} {p:.2f}" for name, p in self.probabilities.items())

    def __repr__(self) -> str:
        """Return verdict, parameters and probabilities in 80 columns."""
        import textwrap

        lines = [
            line
            for text in (f"{self.title}: {self.verdict}", *self.notes)
            for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ")
        ]
        cells = self.cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for name, *numbers, meaning in cells:
            right = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=False))
            lines.append("  ".join((name.ljust(widths[0]), *right, meaning)).rstrip())
        told = f"probabilities: {self.chances}"
        return "\n".join(lines + textwrap.wrap(told, WIDTH, subsequent_indent="  "))

    def _repr_html_(self) -> str:
        from html import escape

        heading, *rows = self.cells()
        head = "".join(f"<th>{escape(one)}</th>" for one in heading)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(one)}</td>' for one in row)}</tr>" for row in rows
        )
        said = "".join(f"<br>{escape(one)}" for one in (*self.notes, self.chances))
        title = escape(f"{self.title}: {self.verdict}")
        return f"<div><b>{title}</b><table><tr>{head}</tr>{body}</table>{said}</div>"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of values at or above x, with the bands of power law and cut-off.

        Parameters
        ----------
        ax
            Where to draw; by default a new figure.
        """
        from scalefit.plot.tail import tail

        return tail(self, ax)
