"""Named numbers in a line of text, such as `iter 100: loss 3.21, time 45.6ms`."""

from __future__ import annotations

import re
from functools import lru_cache

from .axes import ALSO, counts_training

Numbers = dict[str, float | str]
_DIGIT = re.compile(r"\d")
_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_])")
_TIMES = re.compile(
    r"(?<![\w.:])(?:\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"
    r"(?:Z|[+-]\d\d:?\d\d)?)?|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?)(?![\w.])"
)
_BAR = re.compile(r"\|\s*(\d+)/(?:\d+|\?)\s*\[")
_DECIMALS = re.compile(r"\d+(?:\.(\d*))?")
_LEADING = re.compile(r"\s*(\d+)\s+[A-Za-z_]\S*\s+[-+.\w]+\s*")
_PAIR = re.compile(
    r"""(?<![\w.])
    (?P<key>[a-z_][\w./@-]{0,60}(?:[ ][a-z_(][\w./@()-]{0,60}){0,5}?)
    (?P<joint>["'\]]?\s{0,20}[:=]\s{0,20}["']?|\s{1,20})
    [\[(]?\s{0,20}
    (?P<value>[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf(?:inity)?)\b
        |tensor\((?:[^()]|\([^()]*\)){0,200}\))
    (?P<of>\s{0,20}/\s{0,20}\d+)?
    (?P<rest>(?:[^\s|;,)\]}"':]|,(?=\d))*)""",
    re.VERBOSE | re.IGNORECASE,
)
_COUNT = re.compile(r"\d+\.?\d*(?:,\d{3})*[kKMBGT]?")
_BEFORE = {
    *("with", "and", "at", "the", "a", "is", "has", "got", "after", "for", "in", "of", "to"),
    "current",
}
_OTHER = {"skipped", "nan", "max", "maximum", "per", "warmup", "last", "remaining", "every"}
"""Words before a noun of counting that make it another number than how far a training is."""
_AFTER = {"is", "was", "are", "at"}
_KINDS = {
    *("train", "training", "val", "valid", "validation", "test", "eval", "evaluation", "dev", "lm"),
    *("grad", "gradient", "learning", "mean", "avg", "average", "ema", "best", "smooth", "aux"),
    *("ce", "nll", "weight"),
}
"""Words that belong to the one after them where only a blank stands before the number."""
_SHORT = {"s", "it"}
"""Counts of steps as some write them."""


def named_numbers(line: str, counted: bool = False) -> tuple[Numbers, Numbers]:
    """Return the counts of training in a line, and its other numbers, by name.

    A number with a unit attached, or thousands separators, is text. Without a count in the line,
    numbers need `:` or `=` before them; if `counted`, there are none then.
    """
    if not _DIGIT.search(line):
        return {}, {}
    line = _TIMES.sub(" ", _CODES.sub("", line))
    counts: Numbers = {}
    values: Numbers = {}
    loose: set[str] = set()
    for found in _PAIR.finditer(line):
        joined = not found["joint"].isspace()
        name = _name(found["key"], joined)
        if not name or name in values or name in counts:
            continue
        if _counts(name) and _COUNT.fullmatch(found["value"] + found["rest"]):
            counts[name] = _number(found["value"] + found["rest"])
            continue
        text = f"{found['value']}{found['of'] or ''}{found['rest']}"
        values[name] = _number(text)
        if not joined:
            loose.add(name)
    place = None if any(map(_steps, counts)) else _BAR.search(line)
    place = place or (None if counts else _LEADING.fullmatch(line))
    if place:
        counts["step"] = float(place[1])
    if not counts:
        values = {} if counted else {k: v for k, v in values.items() if k not in loose}
    return counts, values


def decimals(line: str) -> int:
    """Return how many digits the last number of a line has behind its point."""
    found = _DECIMALS.findall(line)
    return len(found[-1]) if found else 0


@lru_cache(4096)
def _name(key: str, joined: bool) -> str:
    """Return the name that stands before a number, without the words of a sentence around it."""
    words = re.sub(r"\([^)]*\)?", "", key).split()
    while words and words[-1].lower() in _AFTER:
        words.pop()
    start = next((i for i in range(len(words), 0, -1) if words[i - 1].lower() in _BEFORE), 0)
    words = words[start:]
    if not words:
        return ""
    kinds = ALSO if _counts(words[-1]) and not _OTHER & {*map(str.lower, words)} else _KINDS
    if not joined or kinds is ALSO:
        first = len(words) - 1
        while first and words[first - 1].lower() in kinds:
            first -= 1
        words = words[first:]
    return "_".join(words).strip("./@-")


@lru_cache(4096)
def _counts(name: str) -> bool:
    return counts_training(name) is not None or name.lower() in _SHORT


def _steps(name: str) -> bool:
    return counts_training(name) != 3


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
