"""Log of a training: a table with what its format says of it, and which rows hold y."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scalefit.wording import counted, quoted

from .axes import counts_training

if TYPE_CHECKING:
    import pandas as pd

FEW = 0.5
"""Share of rows below which y is a metric logged now and then."""


@dataclass(frozen=True, eq=False)
class Log:
    """A table and what is known of its format.

    Attributes
    ----------
    frame
        The rows.
    steps
        Columns that count training, the one to prefer first; none in a plain table.
    by
        Columns that tell curves apart unless others are named.
    notes
        What should be said of the file, one sentence each.
    sparse
        Whether a row holds only some of the metrics, as in logs of training.
    """

    frame: pd.DataFrame
    steps: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sparse: bool = False


def measured(log: Log, y: str) -> Log:
    """Return a log without the rows that have no y, where those are rows of other metrics.

    So they are in formats that are known to be sparse. In any other table every row without y must
    hold a metric that the rows with y lack; or y must be missing from more than half of the rows,
    and these hold some other metric. Otherwise a missing y is left for the fit to judge.
    """
    blank = log.frame[y].isna()
    if not blank.any() or blank.all() or not (log.sparse or _mixed(log.frame, blank, y)):
        return log
    if log.sparse:  # a row that holds no other metric is a point without y
        others = [name for name in log.frame if name != y and not counts_training(str(name))]
        blank &= log.frame[others].notna().any(axis=1)
        if not blank.any():
            return log
    note = (
        f"{counted(int(blank.sum()), 'row')} without {quoted(y)} left out: they hold other metrics"
    )
    return replace(log, frame=log.frame[~blank], notes=(*log.notes, note))


def step_column(log: Log) -> str | None:
    """Return the first of the format's step columns that every row has."""
    known = [name for name in log.steps if name in log.frame.columns]
    whole = [name for name in known if log.frame[name].notna().all()]
    return next(iter((*whole, *known)), None)


def _mixed(frame: pd.DataFrame, blank: pd.Series[bool], y: str) -> bool:
    """Return whether every row without y plainly is a row of another metric."""
    metrics = [
        name
        for name in frame.columns
        if name != y and frame[name].dtype.kind in "iuf" and not counts_training(name)
    ]
    without: Any = frame.loc[blank, metrics].notna()
    elsewhere = frame.loc[~blank, metrics].isna().all()
    if without.loc[:, elsewhere].any(axis=1).all():
        return True
    varying = frame[metrics].nunique() > 1
    return bool(blank.mean() > FEW and without.loc[:, varying].any(axis=1).all())
