"""Progress on standard error: a bar at a terminal, now and then a line elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

WIDTH = 32  # of a label, so that bar, rate and time left fit a terminal of 80 columns
EVERY = 30.0
"""Seconds between two lines where standard error is no terminal; short work has none."""


class Advance(Protocol):
    """Says that work has been done, and optionally what comes next."""

    def __call__(self, amount: float = 1, /, *, label: str | None = None) -> None:
        """Add `amount` to the work done."""


@contextmanager
def bar(label: str, total: float, *, unit: str, show: bool = True) -> Iterator[Advance]:
    """Yield a function that advances the bar.

    Parameters
    ----------
    label
        What is going on.
    total : in `unit`
        Amount of work; 0 shows nothing.
    unit
        What the rate counts, per second.
    show
        Without it nothing is shown. Where standard error is no terminal, there is a line every 30
        seconds, `done 120 of 1000 curves, 3 min left`.
    """

    def silent(amount: float = 1, /, *, label: str | None = None) -> None:
        del amount, label

    if not show or not total:
        yield silent
        return

    from rich.console import Console

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield _Lines(total, unit)
        return

    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.3g} {unit}/s" if speed else "")

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), Rate(), TimeLeft())
    with Progress(
        *columns,
        console=console,
        transient=True,
        speed_estimate_period=math.inf,  # a model may take minutes, and its rate is still wanted
    ) as progress:
        task = progress.add_task(label, total=total)

        def advance(amount: float = 1, /, *, label: str | None = None) -> None:
            if label is not None:
                label = label if len(label) <= WIDTH else f"{label[: WIDTH - 1]}…"
                label = " ".join(label.split())
            progress.update(task, advance=amount, description=label)

        yield advance


class _Lines:
    """Says on standard error how far the work is, in a line now and then."""

    def __init__(self, total: float, unit: str) -> None:
        self._total = total
        self._unit = unit
        self._done = 0.0
        self._started = self._told = time.monotonic()

    def __call__(self, amount: float = 1, /, *, label: str | None = None) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._told < EVERY or not 0.0 < self._done < self._total:
            return
        self._told = now
        left = (now - self._started) * (self._total / self._done - 1.0)
        done = f"{self._done:.0f} of {self._total:.0f} {self._unit}"
        print(f"done {done}, {span(left)} left", file=sys.stderr, flush=True)


def span(seconds: float) -> str:
    """Return a time in words: `40 s`, `3 min`, `2.5 h`.

    Examples
    --------
    >>> span(40.2), span(200.0), span(9000.0)
    ('40 s', '3 min', '2.5 h')
    """
    if seconds < 100.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"
