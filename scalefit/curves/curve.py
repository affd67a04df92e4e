"""Curve: y against x, positive and in order, as a law takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalefit.arrays import Array

from .rows import Rows


@dataclass(frozen=True, eq=False)
class Curve:
    """y against x, as a law takes them.

    Attributes
    ----------
    run
        Its id: that of the run, or the values that the runs of the curve share.
    x : shape (n,), in the unit of x, > 0, non-decreasing; or (n, k), > 0
        Where y was measured; of k predictors run by run, ordered by what varies along them.
    y : shape (n,), in the unit of y, > 0
        What was measured.
    labels
        The coordinates that tell it apart from other curves.
    notes
        What was handled on the way, one sentence each.
    error : shape (n,), or None
        Known standard errors of log y.
    ordered
        Whether the points are one run in order, no x repeated, so that neighbours may be
        correlated.
    scatter : shape (n,), or None
        Where points are means: standard deviation on log y of single ones around them.
    rows
        The rows that it was made of, in the order of the file; None where they are not known.
    grain : in the unit of y
        What y is rounded to where that matters, so that each is known to half of it either way, and
        one below half of it stands for 0; else 0.
    fault
        What keeps it from being fitted; empty if nothing does.
    start
        Where each run begins among the points of several.
    predictors
        The columns of x where there are several.
    """

    run: str
    x: Array
    y: Array
    labels: Mapping[str, Any]
    notes: tuple[str, ...]
    error: Array | None = None
    ordered: bool = False
    scatter: Array | None = None
    rows: Rows | None = None
    grain: float = 0.0
    fault: str = ""
    start: tuple[int, ...] = (0,)
    predictors: tuple[str, ...] = ()

    @property
    def distinct(self) -> int:
        """How many different x it has."""
        return len(np.unique(self.x, axis=0))

    @property
    def constant(self) -> bool:
        """Whether y is the same everywhere, so that it has no exponent."""
        return bool((self.y == self.y[:1]).all())
