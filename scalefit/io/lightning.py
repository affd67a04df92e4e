"""Lightning: `metrics.csv` of its CSVLogger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .log import Log

if TYPE_CHECKING:
    import pandas as pd


def recognised(frame: pd.DataFrame) -> Log | None:
    """Return the log in a table that Lightning wrote, None for any other table.

    It has the columns `step` and `epoch`; training and validation metrics stand in rows of their
    own, so that no metric is in every row and no row has every metric.
    """
    metrics = [name for name in frame.columns if name not in ("step", "epoch")]
    if len(metrics) < 2 or len(metrics) + 2 != frame.shape[1] or frame["step"].isna().any():
        return None
    blank = frame[metrics].isna()
    if not blank.any(axis=0).all() or not blank.any(axis=1).all():
        return None
    return Log(frame, ("step",), sparse=True)
