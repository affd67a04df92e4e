"""Progress bar: on standard error, for a person at a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

WIDTH = 32  # of a label, so that bar, rate and time left fit a terminal of 80 columns


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
        Without it, or where standard error is no terminal, nothing is shown.
    """

    def silent(amount: float = 1, /, *, label: str | None = None) -> None:
        del amount, label

    if not show or not total:
        yield silent
        return

    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.3g} {unit}/s" if speed else "")

    console = Console(stderr=True)
    visible = console.is_terminal or console.is_jupyter
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), Rate(), TimeLeft())
    with Progress(
        *columns,
        console=console,
        disable=not visible,
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
