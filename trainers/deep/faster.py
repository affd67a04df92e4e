"""Faster of two ways: a probe within a training, by the first calls of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

TRIED = 8
"""Calls of each way that are timed, after one that is not."""


class Faster:
    """Calls whichever of some ways to the same takes less time.

    Their first calls go round, and are timed; then the one with the least time is left. Time is
    that of the thread, so that a busy machine does not decide.

    Parameters
    ----------
    ways
        Functions of the same arguments, of which each may stand for any other.
    """

    def __init__(self, *ways: Callable[..., None]) -> None:
        self._ways = ways
        self._spent: list[list[float]] = [[] for _ in ways]
        self.chosen: Callable[..., None] | None = ways[0] if len(ways) == 1 else None

    def __call__(self, *given: Any) -> None:
        """Do it."""
        if self.chosen is not None:
            self.chosen(*given)
            return
        at = min(range(len(self._ways)), key=lambda way: len(self._spent[way]))
        began = time.thread_time()
        self._ways[at](*given)
        self._spent[at].append(time.thread_time() - began)
        if all(len(spent) > TRIED for spent in self._spent):
            best = min(range(len(self._ways)), key=lambda way: min(self._spent[way][1:]))
            self.chosen = self._ways[best]
