"""Points that names of x, y and y_err stand for, and where in the file each comes from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.io.expressions import SLOPE, term
from scalefit.io.tables import ROW
from scalefit.wording import inline, quoted, suggest

Mask = NDArray[np.bool_]
CORRECT = "Correct the value, or delete the row."


@dataclass(frozen=True)
class Points:
    """x and y of every run, in the order of the file, and where each point comes from.

    `x`, `y` and `place`, the index along `point`, have shape (runs, places); there is a single
    place where x is a run coordinate. With a ceiling, `y` is the gap to it.
    """

    dataset: xr.Dataset
    names: Mapping[str, str]
    x: Array
    y: Array
    error: Array
    place: NDArray[np.intp]
    single: bool
    ceiling: float | None = None

    def check(self) -> None:
        """Refuse what no choice of x_range can mend."""
        self.check_x()
        begun = np.logical_or.accumulate(self.x > 0, axis=1)
        self.refuse(
            (self.x == 0) & begun,
            "x",
            "returns to zero within a run",
            "Only a run's first rows may be at 0. Delete the row, or sort the rows by x.",
        )

    def check_x(self) -> None:
        """Refuse an x that is no place: infinite, negative, or missing beside a y."""
        self.refuse(np.isinf(self.x), "x", "is infinite", CORRECT)
        self.refuse(self.x < 0, "x", "is negative", CORRECT)
        self.refuse(np.isnan(self.x) & ~np.isnan(self.y), "x", "is missing where y is not", CORRECT)

    def refuse(
        self, wrong: Mask, axis: Literal["x", "y", "y_err"], fault: str, remedy: str
    ) -> None:
        """Raise if any point is wrong, naming the first one and how many there are."""
        if not wrong.any():
            return
        run, place = np.argwhere(wrong)[0]
        y = self.y if self.ceiling is None else self.ceiling - self.y
        value = {"x": self.x, "y": y, "y_err": self.error}[axis][run, place]
        shown = "" if np.isnan(value) else f": {quoted(value)}"
        more = f" (the first of {int(wrong.sum())})" if wrong.sum() > 1 else ""
        raise InvalidData(
            f"{self.source}: column {quoted(self.names[axis])} {fault}{shown}, at run "
            f"{quoted(self.dataset['run'].values[run])}, {self._row(run, place)}{more}.\n{remedy}"
        )

    def term(self, axis: Literal["x", "y"]) -> str:
        """Return what stands for x or y in an expression."""
        name = self.names[axis]
        known = self.dataset.variables.get(name)
        return term(name, made=known is not None and SLOPE in known.attrs)

    @property
    def source(self) -> str:
        """What the data were read from, on one line."""
        return inline(self.dataset.attrs["source"])

    def _row(self, run: int, place: int) -> str:
        """Return where a point stands, in words; a run coordinate holds for the whole run."""
        point = int(self.place[run, place])
        if "row" in self.dataset and self.dataset["row"].attrs.get("long_name") == ROW:
            row = float(self.dataset["row"].values[run, point])
            if np.isfinite(row):
                return f"row {row:.0f}"
        return f"point {point}"


def gathered(
    dataset: xr.Dataset,
    x: str,
    y: str,
    at: Literal["last", "min"] | int,
    y_err: str | None,
    ceiling: float | None = None,
) -> Points:
    """Return the points that x and y name; with a ceiling, y is what it lacks of that."""
    points = _gathered(dataset, x, y, at, y_err)
    if ceiling is None:
        return points
    return replace(points, y=ceiling - points.y, ceiling=ceiling)


def _gathered(
    dataset: xr.Dataset, x: str, y: str, at: Literal["last", "min"] | int, y_err: str | None
) -> Points:
    plain = _plain(dataset)
    x_name = x_column(dataset, x)
    y_name = _resolve(dataset, y, "y", plain)
    value = dataset[y_name].values.astype(float)
    names = {"x": x_name, "y": y_name}
    error = np.zeros_like(value)
    if y_err is not None:
        names["y_err"] = _resolve(dataset, y_err, "y_err", plain)
        error = _errors(dataset, y_name, names["y_err"])
    across = dataset[x_name].values.astype(float)
    if x_name in plain:
        place = np.broadcast_to(np.arange(value.shape[1]), value.shape)
        return Points(dataset, names, across, value, error, place, single=False)

    finite = np.isfinite(value)
    if at == "last":
        picked = value.shape[1] - 1 - np.argmax(finite[:, ::-1], axis=1)
    elif at == "min":
        picked = np.argmin(np.where(finite, value, np.inf), axis=1)
    elif isinstance(at, int) and 0 <= at < value.shape[1]:
        picked = np.full(len(value), at)
    else:
        raise ConfigError(
            f'at={at!r}: use "last", "min" or a position from 0 to {value.shape[1] - 1}'
        )
    place = picked[:, None]
    single = np.take_along_axis(value, place, axis=1)
    if at in ("last", "min"):
        single = np.where(finite.any(axis=1, keepdims=True), single, np.nan)
    error = np.take_along_axis(error, place, axis=1)
    return Points(dataset, names, across[:, None], single, error, place, single=True)


def x_column(dataset: xr.Dataset, x: str) -> str:
    """Return the name that a column of x has in the trajectory, a variable or run coordinate."""
    numeric = [
        name
        for name in dataset.coords
        if dataset.variables[name].dims == ("run",) and dataset.variables[name].dtype.kind in "iuf"
    ]
    return _resolve(dataset, x, "x", [*_plain(dataset), *numeric])


def _plain(dataset: xr.Dataset) -> list[Hashable]:
    """Return the variables that have a number at each point."""
    return [
        name
        for name in dataset.data_vars
        if dataset.variables[name].ndim == 2 and "categories" not in dataset.variables[name].attrs
    ]


def _errors(dataset: xr.Dataset, y: str, y_err: str) -> Array:
    """Return standard errors of y; those of the column that y is arithmetic of are scaled with it.

    Errors that are arithmetic themselves are taken as they are.
    """
    error = dataset[y_err].values.astype(float)
    slope = dataset[y].attrs.get(SLOPE)
    if slope is None or SLOPE in dataset[y_err].attrs:
        return error
    if not np.isfinite(slope):
        raise ConfigError(
            f"y_err={quoted(y_err)}: errors of y={quoted(y)} do not follow, for it is no straight "
            f"line in one column; give errors of y itself, such as y_err='1 * {inline(y_err)}'"
        )
    return np.asarray(error * abs(float(slope)))


def _resolve(dataset: xr.Dataset, name: str, axis: str, known: Sequence[object]) -> str:
    """Return the name that a column has in the trajectory; refuse one that cannot be an axis."""
    name = renamed(dataset, name)
    if name in known:
        return name
    source = inline(dataset.attrs["source"])
    if name in dataset.data_vars and "categories" not in dataset[name].attrs:
        extra = dataset[name].dims[2:]
        raise InvalidData(
            f"{source}: {axis}={quoted(name)} has the further dimension{'s' * (len(extra) > 1)} "
            f"{', '.join(map(quoted, extra))}; select one element of it first"
        )
    if name not in dataset.variables:
        raise InvalidData(f"{source}: no column {axis}={quoted(name)}; {suggest(name, known)}")
    number = name in dataset.coords and dataset[name].dtype.kind in "iuf"
    kind = "does not change along a run" if number else "is text"
    raise InvalidData(f"{source}: {axis}={quoted(name)} {kind}; {suggest(name, known)}")


OURS = ("run", "point", "status")
"""Names that a trajectory has of its own."""


def renamed(dataset: xr.Dataset, name: str) -> str:
    """Return the name in a trajectory of a column that is called as one of ours."""
    other = f"{name}_"
    return other if name in OURS and other in dataset.variables else name


def original(name: str) -> str:
    """Return what a column was called before it had to give way to one of ours."""
    plain = name.removesuffix("_")
    return plain if plain in OURS else name
