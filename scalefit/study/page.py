"""Page of a study: one forest plot, the table below it, and what both mean, as one HTML file."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.errors import InvalidData
from scalefit.plot.style import FUTURE, INK, LINE, MARK, new_axes
from scalefit.version import __version__
from scalefit.wording import inline, rounded, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = {"agrees": LINE, "differs": MARK, "open": "white", "no fit": "white"}
LONGEST = 60


def forest(table: pd.DataFrame, ax: Axes | None = None, *, rope: float = 0.05) -> Axes:
    """Draw the exponents of a study with their intervals, beside those that theory claims.

    Filled points agree or, in another colour, differ; hollow ones are open. A grey bar is what
    theory has in the same window, as wide as the rope, a cross what it claims for large sizes. A
    star marks fits whose verdict is not ok.

    Parameters
    ----------
    table
        Rows of `scalefit.study.rows`.
    ax
        Where to draw; None makes a figure.
    rope
        Difference up to which exponents agree.

    Raises
    ------
    InvalidData
        If no row has an exponent.
    """
    drawn = table[table["median"].notna()]
    if drawn.empty:
        raise InvalidData("no exponent was found: there is nothing to draw")
    records: Any = drawn.to_dict("records")
    ax = new_axes(7.2, 1.4 + 0.27 * len(records)) if ax is None else ax
    for place, row in enumerate(records):
        beside = row["claimed"] if np.isnan(row["window"]) else row["window"]
        ax.barh(place, 2 * rope, left=beside - rope, height=0.7, color=FUTURE, lw=0, zorder=1)
        ax.hlines(place, row["low"], row["high"], color=LINE, lw=1.4, zorder=2)
        filled = COLOURS[row["says"]]
        ax.scatter(row["median"], place, s=26, c=filled, edgecolors=LINE, zorder=4)
        ax.scatter(row["claimed"], place, s=34, marker="x", c=INK, lw=1.0, zorder=3)
    ax.set_yticks(range(len(records)), _names(records), fontsize=8)
    ax.set_ylim(len(records) - 0.5, -0.5)
    ax.set_xlabel("exponent\nx: claimed; grey: theory in the same window\n*: fit in doubt", size=8)
    return ax


def _names(rows: list[dict[str, Any]]) -> list[str]:
    """Return what each row is called; the same exponent beside several claims tells which."""
    plain = [
        ": ".join(filter(None, (row["family"], row["curves"], row["parameter"]))) for row in rows
    ]
    return [
        shortened(name, LONGEST)
        + f" against {row['claimed']:g}" * (plain.count(name) > 1)
        + " *" * (row["verdict"] != "ok")
        for name, row in zip(plain, rows, strict=True)
    ]


def write(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    picture: bytes,
    rope: float,
    interval: float,
    seed: int,
    made_of: list[str],
) -> None:
    """Write the page of a study, all or nothing.

    Parameters
    ----------
    table
        Rows of `scalefit.study.rows`.
    path
        Where to write it.
    picture
        The forest plot, a PNG.
    rope, interval, seed
        As of the rows.
    made_of
        Trajectories behind it, a line each.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from scalefit.storage import replacing

    pages = Environment(
        loader=PackageLoader("scalefit.study", "."), autoescape=True, undefined=StrictUndefined
    )
    page = pages.get_template("page.html").render(
        rows=[shown(row) for row in table.to_dict("records")],
        counts={word: int((table["says"] == word).sum()) for word in COLOURS},
        figure=base64.b64encode(picture).decode(),
        sources=dict(zip(table["class"], table["source"], strict=True)),
        rope=f"{rope:g}",
        percent=f"{100 * interval:g}%",
        seed=seed,
        version=__version__,
        made_of=[inline(one) for one in made_of],
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def shown(row: Any) -> dict[str, str]:
    """Return the cells of a row, numbers to the digits that the interval supports."""
    if np.isnan(row["median"]):
        numbers: dict[str, str] = dict.fromkeys(
            ("median", "interval", "claimed", "window", "p"), "-"
        )
    else:
        median, low, high = rounded(row["median"], row["low"], row["high"])
        judged = row["p_claimed"] if np.isnan(row["p_window"]) else row["p_window"]
        numbers = {
            "median": median,
            "interval": f"[{low}, {high}]",
            "claimed": f"{row['claimed']:.3f}",
            "window": "-" if np.isnan(row["window"]) else f"{row['window']:.3f}",
            "p": f"{judged:.2f}",
        }
    words = ("family", "class", "curves", "parameter", "says", "verdict", "runs")
    return {**numbers, **{name: inline(str(row[name])) for name in words}}
