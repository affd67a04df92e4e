"""Errors that a user can cause, each with the exit code of the command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ScalefitError(Exception):
    """Base of every error that scalefit raises on purpose.

    Attributes
    ----------
    exit_code
        What the command line exits with.
    """

    exit_code: int = 1


class ConfigError(ScalefitError):
    """An argument or setting is unknown, out of range or contradicts another."""

    exit_code = 2


class InvalidData(ScalefitError):
    """A file or table cannot be read, or holds values that no law can be fitted to."""

    exit_code = 3


class ChecksumMismatch(InvalidData):
    """A data file is not the one that was registered."""


class FitFailed(ScalefitError):
    """No fit could be produced at all; a poor fit is returned and marked instead."""

    exit_code = 4


class MissingExtra(ScalefitError):
    """An optional dependency is not installed."""

    exit_code = 5


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint naming the known word closest to a misspelt one, or all of them.

    Examples
    --------
    >>> nearest("lss", ["loss", "step"])
    "did you mean 'loss'?"
    >>> nearest("loss", ["loss_mean", "loss_std", "step"])
    "did you mean 'loss_mean' or 'loss_std'?"
    """
    words = list(known)
    longer = [word for word in words if len(name) > 2 and word.startswith(name)]
    if 1 < len(longer) < 4:
        return f"did you mean {' or '.join(map(repr, longer))}?"
    close = difflib.get_close_matches(name, words, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known: " + (", ".join(words) or "none")
