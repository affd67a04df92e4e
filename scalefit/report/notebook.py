"""Notebook: what a fit shows of itself where the last line of a cell is shown."""

from __future__ import annotations

import base64
import html
import io

from scalefit.analysis.overview import overview, title, verdicts
from scalefit.plot import curve
from scalefit.record import Record

SIZE = (6.4, 4.0)
DPI = 80


def page(fit: Record) -> str:
    """Return the overview of a fit as a table, with its figure, in HTML."""
    heading, cells = overview(fit)
    more = len(fit.runs) - len(cells)
    return "".join(
        [
            f"<div><b>{html.escape(title(fit))}</b>",
            *(f"<br>{html.escape(line)}" for line in verdicts(fit)),
            "<table><thead>",
            _row(heading, "th"),
            "</thead><tbody>",
            *(_row(row, "td") for row in cells),
            "</tbody></table>",
            f"and {more} more: fit.sel(...) or fit[[...]] picks some<br>" if more > 0 else "",
            "intervals hold 90%; fit.summary() has every parameter<br>",
            f'<img alt="curves and fits" src="data:image/png;base64,{_figure(fit)}"></div>',
        ]
    )


def _row(cells: list[str], tag: str) -> str:
    texts = "".join(f'<{tag} style="text-align:left">{html.escape(c)}</{tag}>' for c in cells)
    return f"<tr>{texts}</tr>"


def _figure(fit: Record) -> str:
    """Return the figure as a PNG in base64; no window and no other figure is touched."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    curve(fit, ax=figure.subplots())
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return base64.b64encode(written.getvalue()).decode()
