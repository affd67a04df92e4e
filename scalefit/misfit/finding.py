"""Finding: one thing that speaks against a fit, or that its reader should know.

`verdict` in `__init__.py` makes a fit's verdict of all findings, after what the engine says of its
own work (`inference/ensemble.py`, and `diagnostics.py` for NUTS).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was found, and what to try.

    Attributes
    ----------
    kind
        A word for it, such as `"restart"`.
    doubtful
        Whether it makes the verdict; else it is a note.
    words
        What does not fit, in one clause.
    remedy
        What to try; may be empty.
    """

    kind: str
    doubtful: bool
    words: str
    remedy: str = ""

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.words, self.remedy)))
