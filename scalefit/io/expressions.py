"""Expression: arithmetic of columns in place of a column's name, such as `1 - accuracy`.

Numbers and columns, `+ - * / **`, parentheses, and `log`, `log10`, `exp`, `sqrt` of them; nothing
else is understood, and nothing is run. A column whose name is no identifier stands in brackets or
backticks, `1 - [eval/accuracy]`. Where a column has no value the expression has none.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scalefit import arguments
from scalefit.arrays import Array
from scalefit.errors import InvalidData, nearest
from scalefit.wording import inline, quoted, suggest

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 300
"""Letters that an expression may have."""
DEEPEST = 40
"""Operations that may stand within one another."""
SLOPE = "slope"
"""Attribute of a variable made by an expression: how much it changes with its only column."""
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "log": np.log,
    "log10": np.log10,
    "exp": np.exp,
    "sqrt": np.sqrt,
}
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
GRAMMAR = "numbers, columns, + - * / **, parentheses, log, log10, exp and sqrt are understood"

_QUOTED = re.compile(r"`([^`]+)`|\[([^\[\]]+)\]")
_SIGN = re.compile(r"[-+*/()^`\[\]]")


class NoExpression(ValueError):
    """A text is no arithmetic of columns; the message says why."""


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes
    ----------
    text
        As it was typed.
    tree
        What Python's parser made of it, of allowed nodes only.
    names
        The column that each name of the tree stands for.
    """

    text: str
    tree: ast.expr
    names: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in it, each once."""
        return tuple(dict.fromkeys(self.names.values()))

    def values(self, columns: Mapping[str, Any]) -> Array:
        """Return its value from those of its columns; not-a-number where one of them is."""
        with np.errstate(all="ignore"):
            return np.asarray(self._value(self.tree, columns), dtype=float)

    @cached_property
    def slope(self) -> float:
        """Derivative by the only column where it is a straight line in one; else NaN."""
        line = self._line(self.tree)
        return line[1] if line is not None and len(self.columns) == 1 else math.nan

    def _constant(self, node: ast.expr) -> Any:
        with np.errstate(all="ignore"):
            return self._value(node, {})

    def _value(self, node: ast.expr, columns: Mapping[str, Any]) -> Any:
        if isinstance(node, ast.Constant):
            return np.float64(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return np.asarray(columns[self.names[node.id]], dtype=float)
        if isinstance(node, ast.UnaryOp):
            value = self._value(node.operand, columns)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp):
            sides = (self._value(one, columns) for one in (node.left, node.right))
            return OPERATORS[type(node.op)](*sides)
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        return FUNCTIONS[node.func.id](self._value(node.args[0], columns))

    def _line(self, node: ast.expr) -> tuple[float, float] | None:
        """Return intercept and slope, None where it is no straight line."""
        if isinstance(node, ast.Name):
            return 0.0, 1.0
        if isinstance(node, ast.UnaryOp):
            line = self._line(node.operand)
            sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
            return None if line is None else (sign * line[0], sign * line[1])
        if isinstance(node, ast.BinOp):
            left, right = self._line(node.left), self._line(node.right)
            if left is None or right is None:
                return None
            if isinstance(node.op, ast.Add | ast.Sub):
                sign = 1.0 if isinstance(node.op, ast.Add) else -1.0
                return left[0] + sign * right[0], left[1] + sign * right[1]
            if isinstance(node.op, ast.Mult) and 0.0 in (left[1], right[1]):
                return left[0] * right[0], left[0] * right[1] + left[1] * right[0]
            if isinstance(node.op, ast.Div) and right[1] == 0.0 and right[0] != 0.0:
                return left[0] / right[0], left[1] / right[0]
        if any(isinstance(one, ast.Name) and one.id in self.names for one in ast.walk(node)):
            return None
        return float(self._constant(node)), 0.0


def parse(text: str) -> Expression:
    """Return the expression that a text is.

    Raises
    ------
    NoExpression
        If it is none.
    """
    if len(text) > LONGEST:
        raise NoExpression(f"it has {len(text)} letters, and {LONGEST} may be used")
    prefix = "column"
    while prefix in text:
        prefix += "_"
    names: dict[str, str] = {}

    def stand_in(found: re.Match[str]) -> str:
        name = f"{prefix}{len(names)}"
        names[name] = found[1] or found[2]
        return f" {name} "

    plain = _QUOTED.sub(stand_in, text)
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NoExpression(GRAMMAR) from None
    _check(tree, names, 0)
    if not names:
        raise NoExpression("no column is named in it")
    return Expression(text, tree, names)


def _check(node: ast.expr, names: dict[str, str], depth: int) -> None:
    """Refuse whatever is not allowed, and take up the columns that are named plainly."""
    if depth > DEEPEST:
        raise NoExpression(f"it is more than {DEEPEST} operations deep")
    parts: list[ast.expr] = []
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        if not math.isfinite(float(node.value)):  # type: ignore[arg-type]
            raise NoExpression(f"a number in it is not finite; {GRAMMAR}")
    elif isinstance(node, ast.Name):
        names.setdefault(node.id, node.id)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        parts = [node.operand]
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        parts = [node.left, node.right]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        raise NoExpression("a power is written **")
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in FUNCTIONS or len(node.args) != 1:
            raise NoExpression(GRAMMAR)
        parts = [node.args[0]]
    else:
        raise NoExpression(f"{GRAMMAR}; other names stand in brackets, as [eval/loss] does")
    for part in parts:
        _check(part, names, depth + 1)


def derived(text: str | None, known: Iterable[object], axis: str, source: str) -> Expression | None:
    """Return the expression that stands in place of a column, None where the text is a name.

    Parameters
    ----------
    text
        What was given for x, y or y_err.
    known
        Names of the columns; one that equals the text goes before the expression.
    axis, source
        For messages.

    Raises
    ------
    InvalidData
        If the text is arithmetic, or meant as such, and cannot be worked out.
    """
    names = [str(name) for name in known]
    if text is None or text in names or not _SIGN.search(text):
        return None
    where = f"{inline(source)}: {axis}={quoted(text)}"
    try:
        found = parse(text)
    except NoExpression as error:
        if not re.search(r"[\s()`\[\]^]|\d", text):  # a name with a sign in it, misspelt
            return None
        raise InvalidData(
            f"{where} is no column and no arithmetic of columns: {error}; {suggest(text, names)}"
        ) from None
    missing = [name for name in found.columns if name not in names]
    if not missing:
        return found
    if len(missing) == len(found.columns) and not re.search(r"[\s()`\[\]]|\b\d", text):
        return None
    bare = [one for one in names if _lacks_only_brackets(text, one, names)]
    if bare:
        hint = f"write {quoted(bare[0])} as [{inline(bare[0])}]"
    else:
        hint = suggest(text if nearest(text, names).startswith("did") else missing[0], names)
    raise InvalidData(f"{where}: no column {quoted(missing[0])}; {hint}")


def _lacks_only_brackets(text: str, name: str, names: list[str]) -> bool:
    """Return whether a text would be arithmetic of columns if a name in it stood in brackets."""
    if name.isidentifier() or name not in text:
        return False
    try:
        return set(parse(text.replace(name, f"[{name}]")).columns) <= set(names)
    except NoExpression:
        return False


def undefined(values: Array, columns: Iterable[Any]) -> NDArray[np.bool_]:
    """Return where an expression has no value though all its columns have one."""
    there = np.ones(values.shape, dtype=bool)
    for column in columns:
        there &= ~np.isnan(np.asarray(column, dtype=float))
    return np.asarray(np.isnan(values) & there)


def term(name: str, made: bool = False) -> str:
    """Return what stands in an expression for a column, or for what another expression made."""
    if made:
        return f"({inline(name)})"
    return name if name.isidentifier() else f"[{inline(name)}]"


def described(expression: Expression, unit: str = "") -> dict[str, Any]:
    """Return the attributes of the variable that an expression makes.

    `unit` is that of its only column, which a shift or a change of sign keeps.
    """
    kept = unit if abs(expression.slope) == 1.0 else ""
    return {"long_name": expression.text, "units": kept, SLOPE: expression.slope}


def extended(
    dataset: xr.Dataset, *, x: str | Sequence[str] | None, **axes: str | None
) -> xr.Dataset:
    """Return a trajectory with one more variable for each axis that is arithmetic of others.

    An expression of run coordinates alone is a run coordinate.

    Raises
    ------
    InvalidData
        If one cannot be worked out; the message names axis, run, point and column.
    """
    plain = {str(name): one for name, one in dataset.data_vars.items() if one.ndim == 2}
    numeric = {
        str(name): one
        for name, one in dataset.coords.items()
        if one.dims == ("run",) and one.dtype.kind in "iuf"
    }
    known = {**numeric, **plain}
    known |= {name: known[f"{name}_"] for name in ("run", "point", "status") if f"{name}_" in known}
    source = str(dataset.attrs["source"])
    several = [("x", one) for one in arguments.names(x, "x")]
    for axis, text in (*several, *axes.items()):
        found = derived(text, [*dataset.variables, *known], axis, source)
        if found is None:
            continue
        for name in found.columns:
            if name not in known:
                raise InvalidData(
                    f"{inline(source)}: {axis}={quoted(text)}: {quoted(name)} is no column of "
                    "numbers, one for each point or run"
                )
        parts = xr.broadcast(*(known[name] for name in found.columns))
        dims = ("run", "point") if "point" in parts[0].dims else ("run",)
        columns = [one.transpose(*dims).values.astype(float) for one in parts]
        values = found.values(dict(zip(found.columns, columns, strict=True)))
        wrong = undefined(values, columns)
        if wrong.any():
            at = np.argwhere(wrong)[0]
            place = f", point {at[1]}" if len(at) > 1 else ""
            raise InvalidData(
                f"{inline(source)}: {axis}={quoted(text)} is not a number at run "
                f"{quoted(dataset['run'].values[at[0]])}{place}: "
                + _worked({n: c[tuple(at)] for n, c in zip(found.columns, columns, strict=True)})
            )
        unit = str(known[found.columns[0]].attrs.get("units", ""))
        made = (dims, values, described(found, unit))
        dataset = (
            dataset.assign({found.text: made})
            if len(dims) > 1
            else dataset.assign_coords({found.text: made})
        )
    return dataset


def _worked(at: Mapping[str, Any]) -> str:
    """Return the columns' values at one place, in words."""
    return ", ".join(f"{quoted(name)} is {float(value):g}" for name, value in at.items())


def assigned(frame: pd.DataFrame, made: Mapping[str, Expression], source: str) -> pd.DataFrame:
    """Return a table with a column more for each expression, by the axis that it stands for.

    Raises
    ------
    InvalidData
        If one is not a number in a row where all of its columns are.
    """
    for axis, one in made.items():
        columns = {name: frame[name].to_numpy(dtype=float) for name in one.columns}
        values = one.values(columns)
        wrong = undefined(values, columns.values())
        if wrong.any():
            first = int(np.argmax(wrong))
            raise InvalidData(
                f"{inline(source)}: {axis}={quoted(one.text)} is not a number in row "
                f"{frame.index[first]}: {_worked({n: c[first] for n, c in columns.items()})}"
            )
        frame = frame.assign(**{one.text: values})
    return frame
