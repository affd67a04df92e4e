"""Loss curves as a user would hand them in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scalefit.arrays import Array

X = np.geomspace(1.0, 1e4, 30)


def curve(seed: int = 0, x: Array = X) -> Array:
    """Return a loss with exponents 0.2 and 0.7, a crossover at 100 and 2% noise."""
    scatter = np.random.default_rng(seed).standard_normal(x.size)
    return np.asarray(3.0 * x**-0.2 * (1 + x / 100) ** -0.5 * np.exp(0.02 * scatter))


def straight(seed: int = 0, noise: float = 0.02, x: Array = X) -> Array:
    """Return a power law with exponent 0.5."""
    scatter = np.random.default_rng(seed).standard_normal(x.size)
    return np.asarray(x**-0.5 * np.exp(noise * scatter))


def table(runs: int = 3, lengths: Mapping[int, int] | None = None) -> pd.DataFrame:
    """Return runs a, b, ... with different noise, the i-th cut at lengths[i] points."""
    parts = []
    for i in range(runs):
        frame = pd.DataFrame({"step": X, "loss": curve(i), "arch": "abcdefgh"[i], "seed": i})
        parts.append(frame.head((lengths or {}).get(i, X.size)))
    return pd.concat(parts, ignore_index=True)


def cut(*lengths: int) -> pd.DataFrame:
    """Return runs a, b, ... cut at so many points, with standard errors in column `sd`."""
    parts = [
        pd.DataFrame({"step": X, "loss": curve(i), "arch": "abcd"[i]}).head(n)
        for i, n in enumerate(lengths)
    ]
    return pd.concat(parts, ignore_index=True).assign(sd=lambda frame: 0.02 * frame["loss"])
