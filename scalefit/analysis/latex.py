"""LaTeX: a summary as a table for a paper, with the rules of the package booktabs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scalefit.wording import inline, rounded

from .words import labelled

if TYPE_CHECKING:
    import pandas as pd

SPECIAL = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def latex(table: pd.DataFrame, interval: float) -> str:
    """Return a table of `Fit.summary` as the text of a `tabular`, one row per parameter.

    The estimate is the median with the distances to the ends of the interval.
    """
    lines = [
        f"% median and {100 * interval:g}% interval",
        r"\begin{tabular}{lllll}",
        r"\toprule",
        r"run & regimes & parameter & estimate & unit \\",
        r"\midrule",
    ]
    last = None
    rows: Any = table.to_dict("records")
    for row in rows:
        named = (escaped(row["run"]), str(row["regimes"])) if row["run"] != last else ("", "")
        last = row["run"]
        cells = (*named, escaped(labelled(row)), estimate(row), escaped(row["unit"]))
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def estimate(row: Mapping[str, Any]) -> str:
    r"""Return a median with its interval in mathematics, such as `$0.40^{+0.02}_{-0.01}$`.

    Examples
    --------
    >>> print(estimate({"median": 0.4012, "low": 0.391, "high": 0.4188}))
    $0.401^{+0.018}_{-0.010}$
    >>> print(estimate({"median": 3.047e8, "low": 2.854e8, "high": 3.27e8}))
    $3.05^{+0.22}_{-0.19} \times 10^{8}$
    """
    median, low, high = (float(row[name]) for name in ("median", "low", "high"))
    if not all(map(math.isfinite, (median, low, high))):
        return "--"
    texts = rounded(median, low, high)
    if not low < high:
        return f"${_powers(*texts[0].partition('e')[::2])}$"
    large = "e" in "".join(texts) or ("." not in texts[0] and abs(median) >= 1000.0)
    power = math.floor(math.log10(abs(median))) if large and median else 0
    middle, down, up = (one / 10.0**power for one in (median, median - low, high - median))
    text = rounded(middle, middle - down, middle + up)[0]
    places = 2 if "e" in text else len(text.partition(".")[2])
    text = f"{middle:.2f}" if "e" in text else text
    text += f"^{{+{up:.{places}f}}}_{{-{down:.{places}f}}}"
    return f"${_powers(text, str(power or ''))}$"


def escaped(name: object) -> str:
    """Return a name that LaTeX prints as it is."""
    return "".join(SPECIAL.get(letter, letter) for letter in inline(name))


def _powers(text: str, power: str) -> str:
    return rf"{text} \times 10^{{{power}}}" if power else text
