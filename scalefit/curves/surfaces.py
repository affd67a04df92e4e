"""Selection of surfaces: y against several predictors, with every defect refused or noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scalefit.arguments import ends
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.trajectory import validate
from scalefit.wording import counted, inline, quoted, suggest

from .curve import Curve
from .error_rates import counted_on, known_errors
from .points import CORRECT, Mask, Points, gathered, x_column
from .selection import groups
from .settings import chosen, codes, function, is_seed

MOST = 4000
"""Points of a surface; of longer runs a choice is used, spaced evenly along each."""
ALIKE = 1e-6
"""Part of the spread of log x within which one predictor follows from the others."""


class Several(NamedTuple):
    """What a law of several predictors takes.

    Attributes
    ----------
    names
        Columns, in the order of the law's predictors.
    zero
        Of each, whether it may be 0.
    """

    names: tuple[str, ...]
    zero: tuple[bool, ...]


def surfaces(
    trajectory: xr.Dataset,
    x: Several,
    *,
    y: str,
    y_err: str | None = None,
    by: str | Sequence[str] | None = None,
    x_range: Mapping[str, Any] | None = None,
    at: Literal["last", "min"] | int = "last",
    ceiling: float | None = None,
    test_size: int | None = None,
    minimum: int = 3,
) -> list[Curve]:
    """Return the surfaces of a trajectory, in the order in which they first occur.

    If a predictor changes along runs, all points of all runs of a surface are used, and what is the
    same along a run is repeated; if all are run coordinates, each run gives one point. A surface
    that cannot be fitted is marked with its fault.

    Parameters
    ----------
    trajectory
        As `scalefit.read` or a trainer returns it.
    x
        Variables on `(run, point)` or numeric run coordinates.
    y, y_err, at, ceiling, test_size
        As for `scalefit.curves.selection.curves`.
    by
        Run coordinates; runs equal in all of them are one surface. None stands for all settings
        that vary, but for the predictors, the seed, and what follows from them.
    x_range
        Part to use of some of the predictors, by column, ends in its unit.
    minimum
        Fewest different points that the law can be fitted to.

    Raises
    ------
    InvalidData
        If a column is unknown, a value has no logarithm, or no surface can be fitted: a predictor
        is the same everywhere or follows from the others, or too few points are left.
    ConfigError
        If an argument is none of its choices.
    """
    dataset = validate(trajectory)
    columns = [x_column(dataset, name) for name in x.names]
    along = [name for name in columns if name in dataset.data_vars]
    lead = gathered(dataset, along[0] if along else columns[0], y, at, y_err, ceiling)
    points = [_of(lead, name) for name in columns]
    used = _used(points, x, _limits(x.names, x_range))
    missing = used & np.isnan(lead.y)
    _check_y(lead, used & ~missing)
    if test_size is not None:
        lead = counted_on(lead, used & ~missing, test_size)
    if by is None:
        by = _defining(dataset, columns)
    across = np.stack([one.x for one in points], axis=-1)
    told = str(dataset.attrs.get("reading", "")).splitlines()
    found = []
    for run, labels, members in groups(dataset, x.names[0], by, single=True):
        notes = [*told]
        zeros, unknown = _heads(points, x, members), int(missing[members].sum())
        if zeros:
            notes.append(f"{counted(zeros, 'point')} at 0 dropped: 0 has no logarithm")
        if unknown:
            notes.append(f"{counted(unknown, 'point')} without y dropped")
        parts = [_sorted(across, (used & ~missing)[i], i, len(members)) for i in members]
        ordered = not lead.single and any(len(part) > 1 for part in parts)
        ordered &= all(_in_order(across[i][part]) for i, part in zip(members, parts, strict=True))
        total = sum(map(len, parts))
        if total > MOST:
            parts = [_thinned(part, MOST / total) for part in parts]
            notes.append(f"of {total} points {sum(map(len, parts))} are used, spaced evenly")
        where = np.concatenate(
            [i * across.shape[1] + part for i, part in zip(members, parts, strict=True)]
        ).astype(int)
        sizes = np.array([len(part) for part in parts if len(part)])
        start = tuple(np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int).tolist())
        if not ordered:
            where, start = where[np.lexsort(across.reshape(-1, len(columns))[where].T[::-1])], (0,)
        value = lead.y.flat[where]
        error, said = known_errors(lead.error.flat[where] / value, y_err is not None, test_size)
        notes += said
        curve = Curve(
            run,
            across.reshape(-1, len(columns))[where],
            value,
            labels,
            tuple(notes),
            error=error,
            ordered=ordered,
            start=start or (0,),
            predictors=x.names,
        )
        absent = [
            f"{quoted(x.names[j])} is 0 at all points" for j in np.flatnonzero(_absent(curve, x))
        ]
        notes += [f"{one}: what it does is known from the prior alone" for one in absent]
        found.append(replace(curve, notes=tuple(notes), fault=_fault(curve, x, minimum)))
    if all(curve.fault for curve in found):
        more = f" (the first of {len(found)} surfaces)" if len(found) > 1 else ""
        raise InvalidData(f"{inline(dataset.attrs['source'])}: {found[0].fault}{more}")
    return found


def _of(lead: Points, name: str) -> Points:
    """Return the points of another predictor; what a run has once is repeated along it."""
    values = lead.dataset[name].values.astype(float)
    values = np.broadcast_to(values if values.ndim == 2 else values[:, None], lead.x.shape)
    return replace(lead, x=values, names={**lead.names, "x": name})


def _limits(names: Sequence[str], x_range: Any) -> list[tuple[float, float]]:
    """Return the part of each predictor to use."""
    if x_range is None:
        return [ends(None)] * len(names)
    if not isinstance(x_range, Mapping):
        raise ConfigError(
            f"x_range={x_range!r}: x names {len(names)} columns; give ranges by column, such as "
            f"{{{names[0]!r}: (1e6, None)}}"
        )
    for name in x_range:
        if name not in names:
            raise ConfigError(f"x_range of {quoted(name)}: no predictor; {suggest(name, names)}")
    return [ends(x_range.get(name)) for name in names]


def _used(points: Sequence[Points], x: Several, limits: Sequence[tuple[float, float]]) -> Mask:
    """Return which points are used, after refusing what has no logarithm."""
    used = np.ones(points[0].x.shape, dtype=bool)
    for one, zero, (low, high) in zip(points, x.zero, limits, strict=True):
        there = ~np.isnan(one.y)
        one.check_x()
        varies = np.nanmax(one.x, axis=1) > np.nanmin(one.x, axis=1) if there.any() else there[:, 0]
        one.refuse((one.x == 0) & ~varies[:, None] & (not zero), "x", "is 0", CORRECT)
        used &= (one.x >= low) & (one.x <= high) & ((one.x > 0) | zero)
    return used


def _heads(points: Sequence[Points], x: Several, members: list[int]) -> int:
    """Return how many points are left out because a predictor is 0."""
    at = [(one.x[members] == 0) & (not zero) for one, zero in zip(points, x.zero, strict=True)]
    return int((np.logical_or.reduce(at) & ~np.isnan(points[0].y[members])).sum())


def _check_y(points: Points, used: Mask) -> None:
    """Refuse values of y that no law can be fitted to."""
    points.refuse(used & np.isinf(points.y), "y", "is infinite", "Delete the row.")
    fault = "is not positive"
    if points.ceiling is not None:
        fault = f"reaches the ceiling of {points.ceiling:g}"
    points.refuse(used & (points.y <= 0.0), "y", fault, "A law is fitted to log y.")
    wrong = used & ~((points.error >= 0) & np.isfinite(points.error))
    points.refuse(wrong, "y_err", "is no standard error", "Give a finite number >= 0.")


def _defining(dataset: xr.Dataset, columns: Sequence[str]) -> list[str]:
    """Return the settings that tell surfaces apart.

    They are all that vary, but for the predictors, the seed, what follows from these, and what
    names every run.
    """
    known = {name: codes(dataset[name].values) for name in chosen(dataset)}
    seeds = [name for name in known if is_seed(name)]
    own = [known[name] for name in columns if name in known]
    rows = np.stack(own, axis=1) if own else np.zeros((dataset.sizes["run"], 1), dtype=int)
    joint = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
    count = dataset.sizes["run"]
    return [
        name
        for name, one in known.items()
        if name not in columns
        and name not in seeds
        and 0 < one.max(initial=0) < count - 1
        and not function(one, joint)
        and not any(known[seed].max(initial=0) > 0 and function(one, known[seed]) for seed in seeds)
    ]


def _sorted(across: Array, used: NDArray[np.bool_], run: int, runs: int) -> NDArray[np.intp]:
    """Return the places of a run's points, in the order of the predictor that varies most.

    A single run stays as it is: rows of a table need not be points of one run.
    """
    part = np.flatnonzero(used)
    if runs == 1 or not part.size:
        return part
    columns = across[run][part]
    most = max(range(columns.shape[1]), key=lambda j: len(np.unique(columns[:, j])))
    return part[np.argsort(columns[:, most], kind="stable")]


def _in_order(columns: Array) -> bool:
    """Return whether a predictor grows from point to point, as along one run."""
    return bool((np.diff(columns, axis=0) > 0.0).all(axis=0).any())


def _thinned(part: NDArray[np.intp], share: float) -> NDArray[np.intp]:
    """Return a share of places, evenly spaced, with both ends."""
    count = min(len(part), max(2, int(share * len(part))))
    chosen = np.unique(np.linspace(0, len(part) - 1, count).round().astype(int))
    return np.asarray(part[chosen], dtype=np.intp)


def _fault(curve: Curve, x: Several, minimum: int) -> str:
    """Return what keeps a surface from being fitted; "" if nothing does."""
    where = f"surface {quoted(curve.run)}"
    if curve.distinct < minimum:
        return f"{where} has {counted(curve.distinct, 'different point')}; the law needs {minimum}"
    with np.errstate(divide="ignore"):
        logs = np.log(curve.x)
    logs = np.where(np.isfinite(logs), logs, curve.x)
    used = ~_absent(curve, x)
    names, logs = [name for name, one in zip(x.names, used, strict=True) if one], logs[:, used]
    about = logs - logs.mean(axis=0)
    spread = np.sqrt(np.mean(about**2, axis=0))
    for name, one, value in zip(names, spread, curve.x[0, used], strict=True):
        if one <= 1e-9:
            return (
                f"{quoted(name)} is {value:g} at all points of {where}: a law of it needs several "
                "values; leave it out of x, or add runs"
            )
    if np.linalg.svd(about / spread, compute_uv=False)[-1] < ALIKE * np.sqrt(len(about)):
        listed = ", ".join(map(quoted, names))
        return (
            f"{listed} follow from one another at all points of {where}: what each does cannot be "
            "told apart; leave one out of x, or add runs that change one alone"
        )
    return ""


def _absent(curve: Curve, x: Several) -> Mask:
    """Return which predictors that may be 0 are so at all points."""
    return np.asarray(np.array(x.zero) & (curve.x == 0.0).all(axis=0))
