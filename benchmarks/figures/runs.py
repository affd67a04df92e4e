"""Table `runs.csv`, which stands for a user's file in the pages: two curves of a known law.

Columns `model, tokens, loss`, 30 rows for each of two models. The loss is a broken power law of two
regimes above a floor of 1.7, with independent noise of half a per cent; `TRUTH` holds the
exponents.

    python benchmarks/figures/runs.py runs.csv
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from scalefit.laws import BrokenPowerLaw

TRUTH = {"base": (0.10, 0.40), "large": (0.10, 0.55)}
"""Exponents before and after the crossover."""
CROSSOVER, WIDTH, FLOOR, START = 3e8, 0.4, 1.7, 6.0
"""In tokens, decades, loss, and loss at the first point, floor included."""


NOISE = 0.005


def table() -> pd.DataFrame:
    """Return the table."""
    rng = np.random.default_rng(4)
    law = BrokenPowerLaw(regimes=2, floor=True)
    x = np.geomspace(1e7, 1e11, 30)
    parts = []
    for model, exponents in TRUTH.items():
        params = {
            "exponent": np.array(exponents),
            "crossover": np.array([CROSSOVER]),
            "width": np.array([WIDTH]),
            "floor": np.array(FLOOR),
            "log_amplitude": np.array(np.log(START - FLOOR) + exponents[0] * np.log(x[0])),
        }
        loss = np.exp(law.log_mean(params, x) + NOISE * rng.standard_normal(x.size))
        parts.append(pd.DataFrame({"model": model, "tokens": x, "loss": loss}))
    return pd.concat(parts).round({"tokens": 0, "loss": 4})


if __name__ == "__main__":
    table().to_csv(Path(sys.argv[1] if len(sys.argv) > 1 else "runs.csv"), index=False)
