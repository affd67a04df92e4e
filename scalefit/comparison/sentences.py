"""Sentences that say what a comparison found, one a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scalefit.wording import rounded

if TYPE_CHECKING:
    import pandas as pd


def sentences(table: pd.DataFrame) -> list[str]:
    """Return each row of a table of `compare` as one line to quote."""
    rows: Any = table.to_dict("records")
    attrs: Any = table.attrs
    return [sentence(row, **attrs) for row in rows]


def sentence(
    row: Mapping[str, Any],
    *,
    parameter: str = "end_exponent",
    ratio: bool = False,
    interval: float = 0.9,
    rope: Sequence[float] | None = None,
    rising: bool = False,
    **_attrs: Any,
) -> str:
    """Return a row of a table of `compare`, with the table's `attrs`, as one line to quote.

    Examples
    --------
    >>> row = {"a": "small", "b": "base", "regime": None}
    >>> sentence(row | {"median": -0.2123, "low": -0.27, "high": -0.151, "p_greater": 0.001})
    'small vs base: end exponent 0.21 lower [0.15, 0.27] (90%), P(small < base) = 1.00'

    An exponent is positive where y falls, so of curves that rise the lower one grows faster:

    >>> row = {"a": "A", "b": "B", "regime": None, "p_greater": 0.001}
    >>> sentence(row | {"median": -0.2123, "low": -0.27, "high": -0.151}, rising=True)
    'A vs B: grows faster, end exponent 0.21 lower [0.15, 0.27] (90%), P(A < B) = 1.00'
    """
    a, b = row["a"], row["b"]
    what = parameter.replace("_", " ")
    if isinstance(row["regime"], int):
        what += f" {'of regime ' * (parameter == 'exponent')}{row['regime']}"
    if row.get("predictor"):
        what += f" of {row['predictor']}"
    median, low, high = (row[name] for name in ("median", "low", "high"))
    lower = median < (1.0 if ratio else 0.0)
    if not ratio and lower:
        median, low, high = -median, -high, -low
    change = "times" if ratio else "lower" if lower else "higher"
    size, *ends = rounded(median, low, high, least=2 if ratio else 0)
    (run, cut, one), (other, _, two) = (str(name).rpartition(", regime ") for name in (a, b))
    if cut and run == other:
        a, b = f"regime {one}", f"regime {two}"
        said = f"{run}, {a} vs {b}"
    else:
        said = f"{a} vs {b}"
    p = 1.0 - row["p_greater"] if lower else row["p_greater"]
    if rising:  # both are negative
        what = f"grows {'faster' if lower != ratio else 'slower'}, {what}"
    said += f": {what} {size} {change} [{', '.join(ends)}] ({100 * interval:g}%), "
    said += f"P({a} {'<' if lower else '>'} {b}) = {p:.2f}"
    if rope is not None:
        said += f", P({rope[0]:g} to {rope[1]:g}) = {row['p_rope']:.2f}"
    return said
