"""Selection of curves from a trajectory, with every defect refused or noted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

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
from .grain import as_rounded
from .passes import joined
from .points import Mask, Points, gathered, original, renamed
from .refusals import check_y
from .rows import Rows, columns_beside
from .settings import chosen, defining

Duplicates = Literal["replicate", "last", "error"]


def curves(
    trajectory: xr.Dataset,
    *,
    x: str,
    y: str,
    y_err: str | None = None,
    by: str | Sequence[str] | None = None,
    x_range: tuple[float, float] | None = None,
    duplicates: Duplicates | None = None,
    at: Literal["last", "min"] | int = "last",
    resume: bool = False,
    ceiling: float | None = None,
    aggregate: bool = False,
    test_size: int | None = None,
    minimum: int = 3,
    every: bool = True,
) -> list[Curve]:
    """Return the curves of a trajectory, in the order in which they first occur.

    What is ordinary in logs is handled, with one note each in `Curve.notes`: rows out of order are
    sorted; points at x = 0 that open a run, and points without y, are dropped; of runs that did not
    end well the finite part is kept; repeated x follow `duplicates`. A row that has neither x nor y
    is no point. What the reader of the file noted comes first.

    Parameters
    ----------
    trajectory
        As `scalefit.read` or a trainer returns it.
    x
        A variable on `(run, point)`; or a numeric coordinate on `run`, and then a curve is all
        runs equal in `by`, one point each.
    y
        A variable on `(run, point)`.
    y_err
        A variable on `(run, point)`: known standard errors of y, in the unit of y.
    by
        Run coordinates; runs equal in all of them are one curve. None makes every run a curve;
        where x is a run coordinate, it is every setting that varies, but for x, the seed, and what
        follows from them. With an empty list all runs are one curve.
    x_range : in the unit of x
        Part of x to use, both ends included; `inf` leaves an end open. None uses all.
    duplicates
        Equal x within a curve: `"replicate"` keeps every row, `"last"` the last one, `"error"`
        refuses them. None is `"last"` for the steps of a log of training, which a resumed run
        writes again, and else `"replicate"`.
    at
        Which point of a run to take where x is a run coordinate: the last with a finite y, the one
        with the smallest y, or the one at a position, counted from 0.
    resume
        Whether runs in which x falls back are joined up: what a counter had reached before it
        restarted is added; where it falls back over part of what came before, later rows take the
        place of earlier ones.
    ceiling : in the unit of y
        The curves are of what y lacks of it; None takes y itself.
    aggregate
        Whether equal x will become their mean, so that runs of one curve are one in order.
    test_size
        Test points that each y, an error rate, is a share of; their binomial variance is added to
        the known errors. None adds nothing.
    minimum
        Fewest distinct x that the law can be fitted to.
    every
        Whether one curve that has too few, or a constant y, is refused for all; else only where
        every curve has.

    Raises
    ------
    InvalidData
        If a column is unknown, x is negative, infinite, missing beside a y, or 0 after a positive
        x, y is infinite, not positive, constant, or no rate where there is a `test_size`, or too
        few distinct x are left. The message names column, run, row, value and remedy.
    ConfigError
        If an argument is none of its choices.
    """
    dataset = validate(trajectory)
    low, high = ends(x_range)
    if duplicates is None:
        duplicates = "last" if dataset.attrs.get("x") == x else "replicate"
    if duplicates not in get_args(Duplicates):
        raise ConfigError(f"duplicates={duplicates!r}: {suggest(duplicates, get_args(Duplicates))}")
    points = gathered(dataset, x, y, at, y_err, ceiling)
    points.check()
    rejoined: dict[int, str] = {}
    if resume:
        points, rejoined = _joined(points)

    used = (points.x > 0) & (points.x >= low) & (points.x <= high)
    zero = (points.x == 0) & (low <= 0) & (high >= 0)
    parts = groups(dataset, x, by, points.single)
    check_y(points, used, [members for _, _, members in parts])
    unknown = used & ~np.isnan(points.y) & ~((points.error >= 0) & np.isfinite(points.error))
    points.refuse(unknown, "y_err", "is no standard error", "Give a finite number >= 0.")
    if test_size is not None:
        points = counted_on(points, used, test_size)
    # In order of x, so that "head" and "trailing" mean the same for sorted and unsorted rows.
    order = np.argsort(np.where(used, points.x, np.nan), axis=1, kind="stable")
    known = np.take_along_axis(used & ~np.isnan(points.y), order, axis=1)
    missing = np.take_along_axis(used & np.isnan(points.y), order, axis=1)
    begun = np.logical_or.accumulate(known, axis=1)
    ahead = np.logical_or.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    inside = np.zeros_like(used)
    np.put_along_axis(inside, order, missing & begun & ahead, axis=1)
    sizes = used.sum(axis=1, keepdims=True)
    back = (order[:, 1:] < order[:, :-1]) & (np.arange(1, order.shape[1]) < sizes)
    dropped = (
        (zero, "point", "at x = 0 dropped: 0 has no logarithm"),
        (missing & ~begun, "run" if points.single else "leading point", "without y dropped"),
        (inside, "point", "without y between others left out"),
        (missing & begun & ~ahead, "trailing point", "without y dropped"),
    )

    told = str(dataset.attrs.get("reading", "")).splitlines()
    found: list[Curve] = []
    repeated = np.zeros_like(used)
    beside = list(points.names.values())
    for run, labels, members in parts:
        place = np.concatenate([order[i, known[i]] + i * order.shape[1] for i in members])
        place = place[np.argsort(points.x.flat[place], kind="stable")]
        same = np.diff(points.x.flat[place]) == 0
        repeated.flat[place[1:][same]] = True
        notes = (*told, *_status_note(dataset, members))
        notes += tuple(f"{points.names['x']}: {rejoined[i]}" for i in members if i in rejoined)
        if back[members].any():
            notes += ("rows were not in order of x and have been sorted",)
        for which, noun, rest in dropped:
            if which[members].any():
                notes += (f"{counted(int(which[members].sum()), noun)} {rest}",)
        if same.any():
            kept = "all rows are kept as replicates"
            if duplicates == "last":
                place = place[np.append(~same, True)]
                kept = "the last row of each is kept"
            notes += (f"x is repeated in {counted(int(same.sum()), 'row')}: {kept}",)
        if points.single and not isinstance(by, str) and not by:
            notes += _apart_note(dataset, x, list(labels))
        if dataset.attrs.get("warm_up_x") == x:
            until = float(dataset.attrs["warm_up_until"])
            if (points.x.flat[place] < until).any():
                notes += (str(dataset.attrs["warm_up"]),)
        value, unit, said = as_rounded(points.x.flat[place], points.y.flat[place])
        notes += said
        error, said = known_errors(points.error.flat[place] / value, y_err is not None, test_size)
        notes += said
        found.append(
            Curve(
                run,
                points.x.flat[place],
                value,
                labels,
                notes,
                error=error,
                ordered=not points.single
                and (aggregate or len(members) == 1)
                and (aggregate or duplicates == "last" or not same.any()),
                grain=unit,
                rows=_rows(dataset, points, place, value, zero, members, [*beside, *labels]),
            )
        )
    if duplicates == "error":
        points.refuse(
            repeated,
            "x",
            "repeats an earlier x of its curve",
            'Name in by what tells the curves apart, or use duplicates="last" or "replicate".',
        )
    _check(found, points, x_range, minimum, every)
    return found


def _rows(
    dataset: xr.Dataset,
    points: Points,
    place: NDArray[np.intp],
    value: Array,
    zero: Mask,
    members: list[int],
    beside: Sequence[str],
) -> Rows:
    """Return the rows at some places, ordered by x, as they stand in the file."""
    order = np.argsort(place, kind="stable")
    rows = place[order]
    beside = [*beside, *(renamed(dataset, name) for name in beside)]
    which, others = columns_beside(dataset, rows, points.x.shape[1], beside)
    return Rows(
        points.x.flat[rows],
        value[order],
        points.names["x"],
        points.names["y"],
        points.term("x"),
        points.term("y"),
        counter=not points.single and len(members) == 1,
        zero=int((zero[members] & np.isfinite(points.y[members])).sum()),
        at=which,
        others=others,
    )


def _joined(points: Points) -> tuple[Points, dict[int, str]]:
    """Return the points with runs that were resumed joined up, and what was done to each."""
    x, y = points.x.copy(), points.y.copy()
    told: dict[int, str] = {}
    for i in range(0 if points.single else len(x)):
        known = np.flatnonzero((x[i] > 0) & (y[i] > 0) & np.isfinite(x[i] + y[i]))
        whole, kept, words = joined(x[i, known], y[i, known])
        if words:
            x[i, known], told[i] = whole, words
            y[i, known[~kept]] = np.nan
            x[i, known[~kept]] = np.nan
    return replace(points, x=x, y=y), told


def groups(
    dataset: xr.Dataset, x: str, by: str | Sequence[str] | None, single: bool
) -> list[tuple[str, dict[str, Any], list[int]]]:
    """Return the id, the labels and the runs of each curve."""
    on_run = [str(name) for name, values in dataset.coords.items() if values.dims == ("run",)]
    if by is None and not single:
        names = [name for name in on_run if name not in ("run", "status")]
        return [
            (str(run), {original(name): _scalar(dataset[name].values[i]) for name in names}, [i])
            for i, run in enumerate(dataset["run"].values)
        ]
    if by is None:
        by = defining(dataset, renamed(dataset, x))
    names = [by] if isinstance(by, str) else list(by)
    source = inline(dataset.attrs["source"])
    columns = []
    for name in names:
        column = renamed(dataset, name)
        if column not in on_run:
            reason = (
                f"by={quoted(name)} changes along a run; name it in by when reading the file"
                if column in dataset.data_vars
                else f"no run coordinate by={quoted(name)}; {suggest(name, on_run)}"
            )
            raise InvalidData(f"{source}: {reason}")
        values = [_scalar(value) for value in dataset[column].values]
        for run, value in zip(dataset["run"].values, values, strict=True):
            if value != value:
                raise InvalidData(
                    f"{source}: column {quoted(name)} is missing at run {quoted(run)}, but it "
                    "tells curves apart.\nFill it in, or leave the column out of by."
                )
        columns.append(values)
    groups: dict[tuple[Any, ...], list[int]] = {}
    keys = zip(*columns, strict=True) if columns else [()] * dataset.sizes["run"]
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    ids = [", ".join(map(str, key)) or "all" for key in groups]
    if len(set(ids)) < len(ids):  # "a, b" and "c" against "a" and "b, c", or 1 against "1"
        ids = [", ".join(map(repr, key)) for key in groups]
    return [
        (run, dict(zip(names, key, strict=True)), members)
        for run, (key, members) in zip(ids, groups.items(), strict=True)
    ]


def _status_note(dataset: xr.Dataset, members: list[int]) -> tuple[str, ...]:
    states = [str(state) for state in dataset["status"].values[members]]
    ended = sorted({state for state in states if state != "ok"})
    if not ended:
        return ()
    some = sum(state != "ok" for state in states)
    which = "the run" if len(members) == 1 else f"{some} of {len(members)} runs"
    return (f"{which} ended as {' or '.join(ended)}: the finite part is used",)


def _apart_note(dataset: xr.Dataset, x: str, by: list[str]) -> tuple[str, ...]:
    """Return a note on what tells curves apart, and on what else their runs differ in."""
    differing = [
        name
        for name in chosen(dataset, x, *by)
        if len({one if one == one else None for one in dataset[name].values.tolist()}) > 1
    ]
    one = (
        f"curves are told apart by {', '.join(map(inline, by))}" if by else "all runs are one curve"
    )
    if not by and not differing:
        return ()
    left = ", ".join(map(inline, differing))
    told = "; runs of one differ in" if by else ", though they differ in"
    return (f"{one}{told} {left}" if differing else one,)


def _check(
    found: list[Curve],
    points: Points,
    x_range: tuple[float, float] | None,
    minimum: int,
    every: bool,
) -> None:
    """Refuse curves that have too little in them, naming the first and how many there are."""
    x, y = (quoted(points.names[axis]) for axis in "xy")

    def refuse(bad: list[Curve], fault: str, remedy: str) -> None:
        more = f" (the first of {len(bad)} such curves)" if len(bad) > 1 else ""
        raise InvalidData(f"{points.source}: {fault}{more}.\n{remedy}")

    within = f" within x_range={x_range}" if x_range else ""
    empty = [curve for curve in found if not curve.x.size]
    if empty:
        reach = points.x[np.isfinite(points.x)]
        span = f"; x goes from {reach.min():g} to {reach.max():g}" if reach.size else ""
        refuse(
            empty,
            f"curve {quoted(empty[0].run)} has no point with {x} > 0 and a {y}{within}{span}",
            "Widen x_range, or delete the curve's rows." if x_range else "Add points.",
        )
    few = [curve for curve in found if curve.distinct < minimum]
    flat = [curve for curve in found if curve.constant]
    if not every and len({curve.run for curve in (*few, *flat)}) < len(found):
        return
    if few:
        have = counted(few[0].distinct, "distinct value")
        refuse(
            few,
            f"curve {quoted(few[0].run)} has {have} of {x}{within}; the law needs {minimum}",
            "Add points, ask for fewer regimes, widen x_range, or delete the curve's rows.",
        )
    if flat:
        value = quoted(flat[0].y[0])
        refuse(
            flat,
            f"column {y} is {value} at all {len(flat[0].y)} points of curve {quoted(flat[0].run)}",
            "A constant has no exponent: check the column, or delete the curve's rows.",
        )


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
