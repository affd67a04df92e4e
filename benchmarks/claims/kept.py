"""Kept results, and how their numbers are written: shares, standard errors, tables, claims."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HERE = Path(__file__).parents[1]


class Claim(NamedTuple):
    """One row of the tables of `benchmarks/README.md`.

    Attributes
    ----------
    says
        What is claimed or asked.
    measured
        The numbers.
    script, kept
        What made them, relative to this folder, and the result without its suffix.
    """

    says: str
    measured: str
    script: str
    kept: str


@cache
def kept(name: str) -> Any:
    """Return a kept result."""
    return json.loads((HERE / "results" / f"{name}.json").read_text())


def commit(name: str) -> str:
    """Return the commit whose code made a result."""
    return str(kept(name)["commit"])[:7]


def share(value: float, digits: int = 3) -> str:
    """Return a share without its leading zero."""
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0") else text


def least(values: float | Sequence[float]) -> float:
    """Return the lowest of several ratios."""
    return values if isinstance(values, float) else min(values)


def held(pair: Sequence[float], digits: int = 3) -> str:
    """Return a share with its standard error."""
    return f"{share(pair[0], digits)} ({share(pair[1], digits)})"


def of(pair: Sequence[float], n: int) -> str:
    """Return a share with its standard error, and all or nothing in whole numbers."""
    return f"{n * pair[0]:.0f} of {n}" if pair[0] in (0.0, 1.0) else held(pair, 2)


def counted(key: str) -> str:
    """Return the name of a cell with its noun in the right number."""
    return key.replace("1 crossovers", "1 crossover").replace("1 regimes", "1 regime")


def binomial(count: float, n: int) -> list[float]:
    """Return a share of n with its standard error."""
    p = count / n
    return [p, float(np.sqrt(p * (1 - p) / n))]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def claims(rows: Sequence[Claim]) -> str:
    """Return the claims, each with its script, its result and the commit of that."""
    shown = []
    for row in rows:
        script = f"[{Path(row.script).name}]({row.script})"
        result = f"[{row.kept}](results/{row.kept}.json)"
        shown.append([row.says, row.measured, script, result, commit(row.kept)])
    return table(["claim", "measured", "script", "kept", "commit"], shown)
