"""Isolation of runs that cannot be used, so that they do not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from scalefit.arrays import Array
from scalefit.errors import InvalidData
from scalefit.trajectory import validate
from scalefit.wording import inline

from .curve import Curve
from .points import gathered, renamed
from .selection import curves, groups
from .settings import defining


def sound_curves(
    trajectory: xr.Dataset, *, x: str, by: str | Sequence[str] | None, every: bool, **options: Any
) -> list[Curve]:
    """Return the curves of a trajectory, those that would be refused marked with their fault.

    Such a curve keeps the points that could be used, or if there is none, its x without y.

    Parameters
    ----------
    trajectory, x, by, every, options
        As for `curves`; with `every` one that is refused is refused for all.

    Raises
    ------
    InvalidData
        If every curve would be refused.
    """

    def isolated(parts: Sequence[tuple[str, dict[str, Any], list[int]]]) -> list[Curve]:
        """Return the curves of some groups of runs, halved until those at fault are alone."""
        members = sorted(i for _, _, some in parts for i in some)
        try:
            return curves(dataset.isel(run=members), x=x, by=by, every=every, **options)
        except InvalidData as error:
            if len(parts) == 1:
                run, labels, _ = parts[0]
                at, value = _usable(dataset.isel(run=members), x, **options)
                return [Curve(run, at, value, labels, (), fault=_fault(error))]
        middle = len(parts) // 2
        return [*isolated(parts[:middle]), *isolated(parts[middle:])]

    try:
        return curves(trajectory, x=x, by=by, every=every, **options)
    except InvalidData:
        dataset = validate(trajectory)
        single = renamed(dataset, x) in dataset.coords
        if by is None and single:
            by = defining(dataset, renamed(dataset, x))
        parts = groups(dataset, x, by, single)
        if every or len(parts) < 2:
            raise
        found = isolated(parts)
        if all(curve.fault for curve in found):
            raise
        return found


def _usable(
    part: xr.Dataset,
    x: str,
    *,
    y: str,
    at: Any = "last",
    ceiling: float | None = None,
    **_: Any,
) -> tuple[Array, Array]:
    """Return the points of some runs that have logarithms, in order of x; y is NaN if none has."""
    points = gathered(part, x, y, at, None, ceiling)
    across, value = points.x.ravel(), points.y.ravel()
    positive = np.isfinite(across) & (across > 0)
    good = positive & np.isfinite(value) & (value > 0)
    if not good.any():
        across = across[positive] if positive.any() else np.ones(1)
        return np.unique(across), np.full(np.unique(across).shape, np.nan)
    order = np.argsort(across[good], kind="stable")
    return across[good][order], value[good][order]


def _fault(error: InvalidData) -> str:
    """Return what is wrong, on one line and without the file, which the others come from too."""
    fault, *_ = str(error).split("\n")
    return f"{inline(fault.partition(': ')[2] or fault).rstrip('.')}; --skip-run leaves it out"
