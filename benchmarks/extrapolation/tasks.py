"""Curves of the public extrapolation benchmark, and where each is cut.

Source: I. Alabdulmohsin, B. Neyshabur, X. Zhai (2022), "Revisiting Neural Scaling Laws in Language
and Vision", arXiv:2209.06640: 72 curves of image classification (IC), 5 of translation (NMT), 5 of
language modelling (LM) and 10 of BIG-Bench (BB). The shipped split asks for a factor of about two
beyond the data; the others ask for more, or look at training rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scalefit.arrays import Array

if TYPE_CHECKING:
    import pandas as pd


DATA = "alabdulmohsin2022"
FEWEST = 5  # training points that a cut curve must keep


@dataclass(frozen=True, eq=False)
class Task:
    """One curve with the rows to fit and the rows to predict, both sorted by x.

    Attributes
    ----------
    domain, task, model
        What was trained on what.
    x_train, y_train : shape (n,), x without repeats
        Rows to fit.
    x_test, y_test : shape (m,)
        Rows to predict, all beyond the largest `x_train`.
    split
        How the rows were divided, one of `SPLITS`.
    """

    domain: str
    task: str
    model: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    split: str = "shipped"

    @property
    def name(self) -> str:
        """Domain, task and model in one string, the same for every split."""
        return f"{self.domain}, {self.task}, {self.model}"

    @property
    def reach(self) -> float:
        """Largest x to predict over the largest x to fit."""
        return float(self.x_test[-1] / self.x_train[-1])


def read() -> list[Task]:
    """Return the 92 curves with the shipped split, fetching the files where they are missing."""
    import pandas as pd

    from scalefit import datasets

    files = datasets.path(DATA).values()
    return from_table(pd.concat([pd.read_csv(file) for file in files], ignore_index=True))


def from_table(table: pd.DataFrame) -> list[Task]:
    """Return one task per domain, task and model, in the order of the table.

    Where training rows share an x, the last one wins, as in the authors' evaluation.
    """
    tasks = []
    for (domain, task, model), rows in table.groupby(["Domain", "Task", "Model"], sort=False):
        to_fit = rows[rows["Training"] == 1].drop_duplicates("Seen Examples", keep="last")
        to_predict = rows[rows["Training"] == 0]
        tasks.append(
            Task(str(domain), str(task), str(model), *_sorted(to_fit), *_sorted(to_predict))
        )
    return tasks


def _sorted(rows: pd.DataFrame) -> tuple[Array, Array]:
    """Return x and y in the order of x."""
    ordered = rows.sort_values("Seen Examples", kind="stable")
    return ordered["Seen Examples"].to_numpy(dtype=float), ordered["Loss"].to_numpy(dtype=float)


def cut(task: Task, factor: float) -> Task | None:
    """Return the task of predicting everything beyond its largest x divided by `factor`.

    Training rows up to there are fitted; later training rows and all test rows are predicted.

    Returns
    -------
    The harder task, or None if fewer than five training points are left.
    """
    x_max = max(task.x_train[-1], task.x_test[-1])
    kept = task.x_train <= x_max / factor
    if kept.sum() < FEWEST:
        return None
    x = np.concatenate([task.x_train[~kept], task.x_test])
    y = np.concatenate([task.y_train[~kept], task.y_test])
    order = np.argsort(x, kind="stable")
    return replace(
        task,
        x_train=task.x_train[kept],
        y_train=task.y_train[kept],
        x_test=x[order],
        y_test=y[order],
    )


def training_only(task: Task) -> Task | None:
    """Return the task of predicting the later half of the training range from the earlier one.

    No test row is looked at, so methods may be chosen by this split.

    Returns
    -------
    The task, or None if fewer than five points are left to fit or none to predict.
    """
    kept = task.x_train <= task.x_train[-1] / 2
    if kept.sum() < FEWEST or kept.all():
        return None
    return replace(
        task,
        x_train=task.x_train[kept],
        y_train=task.y_train[kept],
        x_test=task.x_train[~kept],
        y_test=task.y_train[~kept],
    )


SPLITS: dict[str, Callable[[Task], Task | None]] = {
    "shipped": lambda task: task,
    "quarter": lambda task: cut(task, 4),
    "eighth": lambda task: cut(task, 8),
    "training": training_only,
}


def divide(tasks: Iterable[Task], split: str) -> tuple[list[Task], list[str]]:
    """Return the tasks under one of `SPLITS`, and the names of those it leaves too short."""
    divided, skipped = [], []
    for task in tasks:
        harder = SPLITS[split](task)
        if harder is None:
            skipped.append(task.name)
        else:
            divided.append(replace(harder, split=split))
    return divided, skipped
