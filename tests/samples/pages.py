"""Pages of the project: their sections, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Block:
    """A fenced block: its tag, its text, and the path that stands above it, if one does."""

    tag: str
    text: str
    path: str
    before: str
    line: int


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page; a change right below another has the same path."""
    found: list[Block] = []
    end = 0
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        between = text[end : match.start()].strip()
        named = re.search(r"^`([\w./-]+)`$", between.splitlines()[-1]) if between else None
        again = match[1] == "diff" and found and not between
        path = named[1] if named else found[-1].path if again else ""
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match[1], match[2], path, between, line))
        end = match.end()
    return found


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return the part of a page below a heading."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
