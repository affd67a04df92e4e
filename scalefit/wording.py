"""Wording: names, values and estimates, as messages, tables and pages show them."""

from __future__ import annotations

import math
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


def said(error: BaseException) -> str:
    """Return what an error says in one line, of 200 letters at most."""
    return inline(" ".join(str(error).split()))[:200]


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


def state(verdict: str) -> str:
    """Return a verdict in one word: `ok`, `doubtful` or `unreliable`."""
    word = verdict.partition(":")[0]
    return word if word in ("ok", "doubtful") else "unreliable"


def shortened(name: str, longest: int) -> str:
    """Return a name that so many letters have room for, its middle left out if need be."""
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f"{name[:head]}…{name[head + 1 - longest :]}"


def rounded(median: float, low: float, high: float, least: int = 0) -> tuple[str, str, str]:
    """Return a median and its interval, all to the digit that the interval supports.

    That is the second digit of the interval's width. Where the interval spans more than two
    decades, each has two digits of its own.

    Parameters
    ----------
    median, low, high
        NaN is shown as `-`.
    least
        Decimals that are shown in any case.

    Examples
    --------
    >>> rounded(0.39654, 0.37911, 0.41312)
    ('0.397', '0.379', '0.413')
    >>> rounded(9.8123e8, 9.14e8, 1.0613e9)
    ('9.8e8', '9.1e8', '1.06e9')
    """
    values = (median, low, high)
    finite = [abs(one) for one in values if math.isfinite(one)]
    width = high - low
    if not math.isfinite(width) or not width > 0.0:
        return _each(values, "{:.4g}" if width == 0.0 else "{:.3g}")
    if low > 0.0 and high > 100.0 * low:
        return _each(values, "{:#.2g}")
    place = math.floor(math.log10(width)) - 1
    plain = 1e-3 <= max(finite) < 1e5 and place >= -12
    spelled = [_plain(one, place, least) if plain else _powers(one, place) for one in values]
    return spelled[0], spelled[1], spelled[2]


def _each(values: tuple[float, float, float], form: str) -> tuple[str, str, str]:
    one, two, three = (
        compact(form.format(value).rstrip(".")) if value == value else "-" for value in values
    )
    return one, two, three


def _plain(value: float, place: int, least: int) -> str:
    """Return a number to a power of ten, without an exponent."""
    if not math.isfinite(value):
        return compact(f"{value:g}") if value == value else "-"
    decimals = max(-place, least, 0)
    return _unsigned(f"{value if decimals else round(value, -place):.{decimals}f}")


def _powers(value: float, place: int) -> str:
    """Return a number to a power of ten, with an exponent of its own."""
    if not math.isfinite(value) or not value:
        return compact(f"{value:g}") if value == value else "-"
    size = math.floor(math.log10(abs(value)))
    text = f"{value:.{max(size - place, 0)}e}" if size >= place - 1 else "0"
    return _unsigned(compact(text))


def _unsigned(text: str) -> str:
    """Return a number without the sign of a zero."""
    return text if text.strip("-0.") else text.removeprefix("-")
