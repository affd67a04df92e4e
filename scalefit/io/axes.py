"""Axes: which column is x where none is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import xarray as xr

from scalefit.errors import ConfigError, InvalidData
from scalefit.wording import inline, listed, quoted

COUNTED = (
    ("token",),
    ("sample", "example", "image", "sequence"),
    ("step", "iteration", "iter", "update"),
    ("epoch",),
)
"""What training is counted in, the finest first: a name says one of these, and at most `ALSO`."""
SIZES = ("flop", "flo", "compute", "param", "parameter", "width")
"""What else a curve may run along: compute, or the size of a model or of its data."""
LETTERS = ("N", "D")
ALSO = {"n", "num", "number", "of", "total", "input", "seen", "consumed", "processed"} | {
    "global", "train", "training", "trainer"
}  # fmt: skip


@lru_cache(4096)
def counts_training(name: str) -> int | None:
    """Return the rank of a column that counts training, such as `tokens_seen`; None for others."""
    left = _nouns(name)
    found = [rank for rank, nouns in enumerate(COUNTED) if len(left) == 1 and left <= {*nouns}]
    return found[0] if found else None


def default_x(dataset: xr.Dataset, y: str) -> str:
    """Return the variable that y is fitted against where none is named.

    It is the step column that the format of the file has; or else the only one of its kind among
    those that count tokens, then samples, then steps, then epochs, then among `SIZES` and
    `LETTERS`, such as `flops`, `n_params` and `N`, and that have a number wherever y has one.

    Raises
    ------
    InvalidData
        If the only such column has cells that are not numbers.
    ConfigError
        If there is none, or several are as good. The message lists what could be named.
    """
    values = dataset[y].values if y in dataset.data_vars else None
    variables = {str(name): dataset.variables[name] for name in dataset.data_vars}
    plain = [
        name
        for name, one in variables.items()
        if one.ndim == 2 and name != y and "categories" not in one.attrs
    ]
    usable = []
    for name in plain:
        x = dataset.variables[name].values
        known = np.isfinite(x) if values is None or values.ndim != 2 else np.isfinite(values)
        if known.any() and np.isfinite(x[known]).all() and (x[known] > 0).any():
            usable.append(name)
    recorded = dataset.attrs.get("x")
    if recorded in usable:
        return str(recorded)
    best = _best(usable, _rank)
    if len(best) == 1:
        return best[0]
    source = inline(dataset.attrs["source"])
    if best:
        raise ConfigError(f"{source}: x could be {listed(best)}; name the one to use as x")
    spoilt = _best([name for name in plain if name not in usable], _rank)
    if len(spoilt) == 1 and np.isinf(dataset.variables[spoilt[0]].values).any():
        raise InvalidData(
            f"{source}: column {quoted(spoilt[0])}, which counts training, is infinite at a point; "
            "correct the value, or name another column as x"
        )
    numeric = [name for name in plain if name != "row"]
    if "unusable" in dataset.attrs:
        raise InvalidData(str(dataset.attrs["unusable"]))
    settings = [one for one in dataset.coords if dataset.variables[one].dtype.kind in "iuf"]
    if not numeric and not settings:
        raise ConfigError(
            f"{source}: {quoted(y)} is the only column of numbers that changes, and a curve has "
            "two: add a column of x"
        )
    raise ConfigError(
        f"{source}: no column plainly counts training; name one as x: "
        f"{listed(numeric, 8) or 'there is none with numbers'}"
    )


def only_count(names: Iterable[str]) -> str | None:
    """Return the one column that best counts training, None where there is none or several."""
    best = _best(names, counts_training)
    return best[0] if len(best) == 1 else None


def only_axis(names: Iterable[str]) -> str | None:
    """Return the one column that `default_x` could take, None where there is none or several."""
    best = _best(names, _rank)
    return best[0] if len(best) == 1 else None


def _best(names: Iterable[str], ranks: Callable[[str], int | None]) -> list[str]:
    ranked = {name: rank for name in names if (rank := ranks(name)) is not None}
    return [name for name, rank in ranked.items() if rank == min(ranked.values())]


def _rank(name: str) -> int | None:
    """Return how soon a column is taken for x, those of sizes last; None for one that is not."""
    counted = counts_training(name)
    size = len(_nouns(name)) == 1 and _nouns(name) <= {*SIZES}
    return len(COUNTED) if counted is None and (size or name in LETTERS) else counted


def _nouns(name: str) -> set[str]:
    """Return the words of a name without its unit in brackets, plurals and words of `ALSO`."""
    plain = re.sub(r"[\[(][^\[\]()]*[\])]\s*$", "", name)
    if re.search(r"\d", plain):
        return set()
    words = [word.removesuffix("s") for word in re.findall(r"[a-z]+", plain.lower())]
    return {word for word in words if word not in ALSO and word != "model"}


def note(x: str) -> str:
    """Return what is said of an x that was not named."""
    return f"x is {quoted(x)}: none was named"
