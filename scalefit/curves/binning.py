"""Binning of long curves in log x, with the standard error of each bin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalefit.arrays import Array

from .curve import Curve

LONG = 500
"""Points above which a curve is binned."""
BINS = 200
FULL = 10
"""Points for each bin, on average, before there are `BINS` of them."""
SEVERAL = 5
FEW = 30


def binned(curve: Curve) -> Curve:
    """Return a curve of at most `LONG` points, the same one if it is short enough.

    Bins are equally wide in log x. A bin of several points becomes their mean in log x and log y;
    its standard error is that of a mean of points scattered as those of the bin and its neighbours
    are around the trend through the bins; so is that of the few points of a bin that has fewer than
    `SEVERAL`. Where errors are known the larger of the two is taken. How far single points scatter
    is kept beside, for predictions of new ones. A curve whose points crowd into fewer bins than
    `FEW` stays as it is, unless it repeats each x. Rounded values as coarse as the noise are not
    averaged, because what rounding did to neighbours is alike; of more than `BINS` a choice by x is
    left.
    """
    if curve.grain:
        return _thinned(curve)
    if curve.x.size <= LONG:
        return curve
    u, v = np.log(curve.x), np.log(curve.y)
    bins = min(BINS, u.size // FULL)
    edges = np.linspace(u[0], u[-1], bins + 1)
    which = np.clip(np.searchsorted(edges, u, side="right") - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    used = np.flatnonzero(count)
    if used.size < min(FEW, np.unique(u).size):
        return curve
    number = count[used].astype(float)
    place = np.bincount(which, u, bins)[used] / number
    level = np.bincount(which, v, bins)[used] / number
    squares = np.bincount(which, (v - _trend(u, place, level)) ** 2, bins)[used]
    several = np.flatnonzero(number >= SEVERAL)
    variance = squares[several] / (number[several] - 1.0)
    spread = np.sqrt(np.convolve(np.pad(variance, 2, mode="edge"), np.full(5, 0.2), mode="valid"))
    scatter = np.interp(place, place[several], spread)
    error = scatter / np.sqrt(number)
    if curve.error is not None:
        known = np.sqrt(np.bincount(which, curve.error**2, bins)[used]) / number
        error = np.maximum(error, known)
    note = (
        f"{curve.x.size} points averaged in {used.size} bins of log x, with their standard errors"
    )
    return replace(
        curve,
        x=np.exp(place),
        y=np.exp(level),
        error=error,
        scatter=scatter,
        notes=(*curve.notes, note),
    )


def _thinned(curve: Curve) -> Curve:
    """Return the points of a curve that lie next to places evenly spaced in log x."""
    if curve.x.size <= BINS:
        return curve
    u = np.log(curve.x)
    places = np.linspace(u[0], u[-1], BINS)
    at = np.clip(np.searchsorted(u, places), 1, u.size - 1)
    at = np.unique(np.where(places - u[at - 1] < u[at] - places, at - 1, at))
    note = f"{at.size} of {curve.x.size} rounded points are used, evenly spaced in log x"
    error = None if curve.error is None else curve.error[at]
    notes = (*curve.notes, note)
    return replace(curve, x=curve.x[at], y=curve.y[at], error=error, notes=notes)


def _trend(u: Array, place: Array, level: Array) -> Array:
    """Return the line through the bins at each u, its ends going on straight."""
    segment = np.clip(np.searchsorted(place, u) - 1, 0, place.size - 2)
    slope = np.diff(level) / np.diff(place)
    return np.asarray(level[segment] + slope[segment] * (u - place[segment]))
