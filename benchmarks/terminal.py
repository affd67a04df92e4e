"""Tables for a terminal of 80 columns: cells are wrapped, widths fit what they hold."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

WIDTH = 80
LEAST = 6
"""Width below which no column is wrapped."""


def wrapped(text: str) -> str:
    """Return a paragraph, its further lines indented."""
    return textwrap.fill(text, WIDTH, subsequent_indent="  ")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int = WIDTH) -> str:
    """Return a table whose cells are wrapped so that no line is longer than the width."""
    every = [list(heads), *map(list, rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*every, strict=True)]
    room = width - 2 * (len(widths) - 1)
    while sum(widths) > room and max(widths) > LEAST:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for at, row in enumerate(every):
        cells = [textwrap.wrap(cell, size) or [""] for cell, size in zip(row, widths, strict=True)]
        for line in zip_longest(*cells, fillvalue=""):
            parts = (f"{part:{size}}" for part, size in zip(line, widths, strict=True))
            lines.append("  ".join(parts).rstrip())
        if at == 0:
            lines.append("  ".join("-" * size for size in widths))
    return "\n".join(lines)


def of_markdown(text: str, width: int = WIDTH) -> str:
    """Return a table of Markdown for a terminal; columns of links are left out."""
    lines = [
        [cell.strip() for cell in line.strip("| \n").split(" | ")] for line in text.splitlines()
    ]
    heads, rows = lines[0], lines[2:]
    links = [i for i, cell in enumerate(rows[0]) if re.match(r"\[[^]]+\]\([^)]+\)$", cell)]
    shown = [i for i in range(len(heads)) if i not in links and heads[i] != "commit"]
    plain = [[re.sub(r"[`*]|\[([^]]+)\]\([^)]+\)", r"\1", row[i]) for i in shown] for row in rows]
    return table([heads[i] for i in shown], plain, width)
