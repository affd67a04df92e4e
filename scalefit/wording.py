"""Wording: names and values from a file, made fit to stand in a one-line message."""

from __future__ import annotations

import reprlib
from collections.abc import Hashable, Iterable

from scalefit.errors import nearest

_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that count as printable, and show nothing."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 70


def inline(text: object) -> str:
    """Return a text on one line in which all can be seen.

    Line breaks, control characters, those that turn the direction of writing and those that show
    nothing are written as escapes.
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(c if c.isprintable() and c not in _UNSEEN else _escape(c) for c in plain)


def _escape(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return f"\\u{code:04x}"
    return repr(character)[1:-1]


def compact(number: str) -> str:
    """Return a number without plus signs and leading zeros in its exponent, as in `1e-5`."""
    return number.replace("e+0", "e").replace("e-0", "e-").replace("e+", "e").replace(".e", "e")


def quoted(value: object) -> str:
    """Return a cell or a name as it would be typed in Python, cut when it is long."""
    import numpy as np  # here, because the command line starts without it

    if isinstance(value, np.generic):
        value = value.item()
    number = isinstance(value, bool | int | float)
    return _SHORT.repr(value if number else str(value))


def typed(value: object) -> str:
    """Return an argument as it would be typed in Python, on one line, cut when it is long."""
    said = inline(_SHORT.repr(value))
    return said if len(said) <= 100 else f"{said[:97]}..."


def listed(values: Iterable[object], limit: int = 5) -> str:
    """Return the first few values and how many more there are."""
    shown = [quoted(value) for value in values]
    more = len(shown) - limit
    return ", ".join(shown[:limit]) + (f" and {more} more" if more > 0 else "")


def suggest(name: object, known: Iterable[Hashable]) -> str:
    """Return the known name closest to a misspelt one, or the known names, on one line."""
    hint = nearest(inline(name), [inline(word) for word in known])
    return hint if len(hint) <= 200 else f"{hint[:197]}..."


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 row`, `3 rows`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
