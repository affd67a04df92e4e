"""Verdict of a tail: whether a power law is what it is, and rests on enough values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

TIMES = 10.0
"""Ratio of probabilities from which a rival speaks against the power law."""
FEW = 10
"""Values in the tail, below which it is doubtful."""
RARE = 0.01
"""Probability of so large a distance below which the power law does not fit."""
TIED = 0.1
"""Share of the tail's values that equal another from which they are rounded."""
LOOKED_AT = 100


def verdict(values: Array, draws: pd.DataFrame, probabilities: pd.Series[float], seed: int) -> str:
    """Return `ok`, or `doubtful:` with all that speaks against a power-law tail.

    Parameters
    ----------
    values : shape (n,)
        Ascending.
    draws, probabilities
        As in `Tail`.
    seed
        Of the choice of draws that are looked at.
    """
    name = str(probabilities.index[0])
    own: Any = draws[draws["tail"] == name]
    doubts = [
        *_rival(probabilities),
        *_few(own["values"].to_numpy(dtype=float)),
        *_misfit(values, own, seed),
        *_ties(values, float(np.median(own["cutoff"]))),
    ]
    return f"doubtful: {'; '.join(doubts)}" if doubts else "ok"


def _rival(probabilities: pd.Series[float]) -> list[str]:
    best = str(probabilities.idxmax())
    asked, other = float(probabilities.iloc[0]), float(probabilities.loc[best])
    if other < TIMES * asked:
        return []
    times = f"{other / asked:.2g} times" if asked > 1e-3 * other else "over 1,000 times"
    return [f"a tail of another shape, {best}, is {times} as probable as a power law"]


def _few(count: Array) -> list[str]:
    middle = float(np.median(count))
    return [f"only {middle:.0f} values in the tail; give more values"] if middle < FEW else []


def _misfit(values: Array, own: Any, seed: int) -> list[str]:
    """Compare the tail's values with the power law of each draw, by Kolmogorov's distance."""
    from scipy.stats import kstwo

    some = own.sample(min(LOOKED_AT, len(own)), random_state=np.random.default_rng(seed))
    chances = []
    for exponent, cutoff in zip(some["exponent"], some["cutoff"], strict=True):
        tail = values[np.searchsorted(values, cutoff) :]
        below = 1.0 - (tail / cutoff) ** (1.0 - exponent)
        steps = np.arange(tail.size + 1) / tail.size
        distance = max((steps[1:] - below).max(), (below - steps[:-1]).max())
        chances.append(float(kstwo.sf(distance, tail.size)))
    if np.mean(chances) >= RARE:
        return []
    return ["the tail's values do not lie as a power law would have them; see .plot()"]


def _ties(values: Array, cutoff: float) -> list[str]:
    tail = values[values >= cutoff]
    tied = 1.0 - np.unique(tail).size / max(tail.size, 1)
    if tied <= TIED:
        return []
    return [f"{100 * tied:.0f}% of the tail's values equal another: rounded values or counts"]
