"""Outliers: how probable it is that each point is one, under noise that allows for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalefit.errors import ConfigError
from scalefit.record import Record

if TYPE_CHECKING:
    import pandas as pd

LIKELY = 0.5
"""Probability above which a point is listed."""


def outliers(record: Record) -> pd.DataFrame:
    """Return the table of `Fit.outliers`."""
    import pandas as pd

    if record.noise.kind != "outlier":
        raise ConfigError("outliers are told apart by noise='outlier'; fit with that")
    rows = []
    for run in record.fitted:
        (problem,) = record.problems(run).values()
        params = record.parameters(run)
        white = problem.standardised(params)[0]
        chance = problem.noise.outlying(white, params).mean(axis=0)
        x, y = record.curve(run)
        law = np.exp(np.median(record.law.log_curve(params, x), axis=0))
        for i in np.flatnonzero(chance > LIKELY):
            place = dict(zip(record.predictors, np.atleast_1d(x[i]).tolist(), strict=True))
            known = {"y": float(y[i]), "law": float(record.shown(law[i]))}
            rows.append({"run": run, **place, **known, "probability": float(chance[i])})
    columns = ["run", *record.predictors, "y", "law", "probability"]
    found = pd.DataFrame(rows, columns=columns)
    return found.sort_values("probability", ascending=False, ignore_index=True, kind="stable")
