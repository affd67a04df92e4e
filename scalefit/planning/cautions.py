"""Cautions: where the interval that a design predicts does not hold what it says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalefit.arrays import Array
from scalefit.wording import compact, counted

from .opinions import DISTINCT, Opinion, shares

FAR = 1.0
"""Decades between the target and all that can be run beyond which that is said."""
NEAREST = 3
"""Runs nearest to the target, at least, whose residuals are looked at."""
OFF = 3.0
"""Standard errors by which their mean may be off."""


def of_opinions(opinions: Sequence[Opinion]) -> list[str]:
    """Return what speaks against the draws."""
    found = [one.doubt for one in opinions if one.doubt]
    known = np.isfinite([one.log_evidence for one in opinions])
    if known.any() and not known.all():
        found.append("laws without certified evidence were left out")
    few = min(one.distinct for one in opinions)
    if few < DISTINCT:
        found.append(f"{few} different draws: gains of many runs are invented; fit with draws=1000")
    return found


def of_distance(target: Array, reach: Array) -> list[str]:
    """Return whether the target, shape (T, k), is far from all that is or can be run, (n, k)."""
    logs, near = np.log10(target), np.log10(reach)
    beyond = np.maximum(logs - near.max(axis=0), near.min(axis=0) - logs).max(axis=1)
    farthest = float(beyond.max())
    if not farthest > FAR:
        return []
    return [
        f"the target lies {farthest:.1f} decades beyond every run that can be bought: its interval "
        "is the law's word"
    ]


def of_residuals(
    opinions: Sequence[Opinion], x: Array, log_y: Array, target: Array, noise: float
) -> list[str]:
    """Return whether the laws miss the runs that are nearest to the target.

    Parameters
    ----------
    opinions
        Of the laws.
    x : shape (m, k)
        The runs so far.
    log_y : shape (m,)
        What they gave.
    target : shape (T, k)
    noise
        Variance of a run around the law.
    """
    if len(x) < 2 * NEAREST:
        return []
    mean = np.zeros(len(x))
    for opinion, share in zip(opinions, shares(opinions), strict=True):
        mean += share * np.median(opinion.at(x), axis=0) if share else 0.0
    apart = np.linalg.norm(np.log(x)[:, None] - np.log(target)[None], axis=2).min(axis=1)
    nearest = np.argsort(apart)[: max(NEAREST, len(x) // 8)]
    missed = (log_y - mean)[nearest]
    error = float(np.mean(missed))
    if not abs(error) > OFF * np.sqrt(noise / nearest.size):
        return []
    return [
        f"the {counted(nearest.size, 'run')} nearest to the target lie {100 * error:+.1f}% off the "
        "law: the interval is too narrow, try laws="
    ]


def of_nothing(cost: Array, budget: float, bought: int) -> list[str]:
    """Return why nothing was bought."""
    if bought:
        return []
    if not cost.size:
        return ["no candidates"]
    cheapest = compact(f"{cost.min():.4g}")
    return [f"nothing can be bought: the cheapest costs {cheapest}, the budget is {budget:.4g}"]
