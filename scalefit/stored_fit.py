"""Stored fits: the rules that a file must meet before anything of it is believed.

A file may be damaged, edited, or made to mislead; what passes here can be used without further
checks. The rules are the tables below; the functions only apply them. They stand in one file of
more than 400 lines, so that who changes what is stored sees all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .curves import learning_rate
from .errors import InvalidData
from .inference import METHODS
from .inference.problem import MODEL_NUMBERS
from .laws.broken import MAX_REGIMES
from .laws.described import damaged, described_law, described_priors
from .laws.noise import NOISES
from .laws.segmented import PER_REGIME
from .laws.stored import named
from .wording import counted, inline, quoted

if TYPE_CHECKING:
    import xarray as xr

    from .laws import Law


class Group(NamedTuple):
    """What one group of the file holds.

    Attributes
    ----------
    dims
        The first dimensions of every variable.
    numbers, texts
        Variables that must be there.
    further
        Dimensions that a variable may have beyond `dims`, at most.
    needed
        Whether every fit has the group.
    """

    dims: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    further: int = 0
    needed: bool = False


DRAWS = Group(("chain", "draw", "run"), ("noise",), further=1)
GROUPS = {
    "posterior": DRAWS._replace(needed=True),
    "averaged": DRAWS,
    **{f"regimes_{n}": DRAWS for n in range(1, MAX_REGIMES + 1)},
    "sample_stats": Group(("chain", "draw", "run"), further=1),
    "observed_data": Group(("run", "point"), ("y",), needed=True),
    "constant_data": Group(("run", "point"), ("x",), needed=True),
    "diagnostics": Group(("run",), texts=("verdict", "notes"), further=1, needed=True),
    "models": Group(("run", "model"), MODEL_NUMBERS, ("state",)),
    "shared": Group(("chain", "draw", "group"), further=1),
}
"""The groups of a file, by name; no others are read."""

ATTRIBUTES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("law", "noise", "priors", "pool", "pools", "method", "scalefit"), str),
    **{f"{axis}_{key}": str for axis in "xy" for key in ("name", "label", "unit")},
    "seed": (int, np.integer),
}
"""Attributes of every file, with their types."""

WORDS = {"noise": ("auto", *NOISES), "method": tuple(METHODS)}
"""Attributes that are one of some words."""
STATES = ("", "certified", "negligible", "dropped", "doubtful", "preview")
INFINITE = ("degrees_of_freedom",)
"""Draws that may be infinite: noise without heavy tails."""
PADDED = (*PER_REGIME, "gap")
"""Draws that are padded with NaN, for curves and draws with fewer regimes."""


def check(tree: xr.DataTree, law: Law | None = None) -> dict[str, Any]:
    """Return what a stored fit says of its law, if everything in the file is as it must be.

    Parameters
    ----------
    tree
        The content of the file.
    law
        The law that the reader has, where it is none of this package.

    Raises
    ------
    InvalidData
        Naming the first thing that is not.
    """
    for name, kind in ATTRIBUTES.items():
        value = tree.attrs.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise damaged(f"attribute '{name}' is missing, or of another kind")
    for name, words in WORDS.items():
        if tree.attrs[name] not in words:
            raise damaged(f"attribute '{name}' is {quoted(tree.attrs[name])}")
    description = described_law(_parsed(tree, "law"))
    law = named(description) if law is None else law
    groups = {str(name): node.to_dataset() for name, node in tree.children.items()}
    _layout(groups)
    _predictors(tree, law)
    _schedule(tree)
    _test_size(tree)
    described_priors(_parsed(tree, "priors"), law)
    _points(groups, _ceiling(tree))
    _models(groups, law)
    _draws(groups, law)
    _noise(str(tree.attrs["noise"]), groups)
    _pools(tree, groups)
    return description


def _predictors(tree: xr.DataTree, law: Law | None) -> None:
    """Refuse names of predictors that are not as many as the points and the law have."""
    x = tree.children["constant_data"].to_dataset().get("x") if tree.children else None
    several = x is not None and x.ndim == 3
    if ("predictors" in tree.attrs) != several:
        raise damaged("attribute 'predictors' and x do not belong together")
    if not several:
        if law is not None and len(law.predictors) > 1:
            raise damaged(f"x is one column, and the law '{law.name}' takes several")
        return
    known = _parsed(tree, "predictors")
    keys = {"name", "label", "unit"}
    fine = isinstance(known, list) and all(
        isinstance(one, dict) and set(one) == keys and all(isinstance(v, str) for v in one.values())
        for one in known
    )
    assert x is not None
    wanted = x.shape[2] if law is None else len(law.predictors)
    if not fine or not len(known) == wanted == x.shape[2]:
        raise damaged("attribute 'predictors' does not name the columns of x")


def _parsed(tree: xr.DataTree, name: str) -> Any:
    """Return the value of an attribute that is JSON."""
    try:
        return json.loads(tree.attrs[name])
    except (ValueError, RecursionError):
        raise damaged(f"attribute '{name}' is no JSON") from None


def _layout(groups: Mapping[str, xr.Dataset]) -> None:
    """Refuse groups and variables that are missing, unknown or of another shape."""
    for name in groups:
        if name not in GROUPS:
            raise damaged(f"group {quoted(name)} is unknown")
    for name, rule in GROUPS.items():
        if name not in groups:
            if rule.needed:
                raise damaged(f"group '{name}' is missing")
            continue
        group = groups[name]
        for wanted in (*rule.numbers, *rule.texts):
            if wanted not in group.data_vars:
                raise damaged(f"group '{name}' lacks '{wanted}'")
        for key, variable in group.data_vars.items():
            where = f"{quoted(key)} of group '{name}'"
            lead, more = variable.dims[: len(rule.dims)], variable.dims[len(rule.dims) :]
            of_run = (name, key, variable.dims) == ("constant_data", "grain", ("run",))
            of_run |= (name, key, more) == ("constant_data", "x", ("predictor",))
            if not of_run and (lead != rule.dims or len(more) > rule.further):
                raise damaged(f"{where} has the dimensions {variable.dims}")
            if not all(variable.shape) or any(group.sizes[dim] > 10**4 for dim in more):
                raise damaged(f"{where} has the shape {variable.shape}")
            if not (_texts(variable) if key in rule.texts else variable.dtype.kind in "fiub"):
                raise damaged(f"{where} holds no {'texts' if key in rule.texts else 'numbers'}")
    ids = _ids(groups["posterior"])
    if len(set(ids)) < len(ids):
        raise damaged("a run occurs twice")
    for name, rule in GROUPS.items():
        if name in groups and "run" in rule.dims and _ids(groups[name]) != ids:
            raise damaged(f"group '{name}' has other runs than 'posterior'")
    sizes = groups["posterior"].sizes
    for name, rule in GROUPS.items():
        if name in groups and rule is DRAWS and groups[name].sizes["draw"] != sizes["draw"]:
            raise damaged(f"group '{name}' has other draws than 'posterior'")


def _texts(variable: xr.DataArray) -> bool:
    return variable.dtype.kind in "UTO" and all(isinstance(v, str) for v in variable.values.flat)


def _ids(group: xr.Dataset) -> list[str]:
    if "run" not in group.coords or group["run"].dims != ("run",) or not _texts(group["run"]):
        raise damaged("the names of the runs are missing")
    return [str(run) for run in group["run"].values]


def _ceiling(tree: xr.DataTree) -> float | None:
    """Return what y stays below; None where the fit is of y itself."""
    text = tree.attrs.get("y_ceiling")
    if text is None:
        return None
    try:
        found = float(text)
    except (TypeError, ValueError):
        raise damaged(f"attribute 'y_ceiling' is {quoted(text)}") from None
    if not np.isfinite(found):
        raise damaged(f"attribute 'y_ceiling' is {quoted(text)}")
    return found


def _test_size(tree: xr.DataTree) -> None:
    """Refuse a number of test points that is none."""
    text = tree.attrs.get("y_test_size")
    if text is not None and not re.fullmatch(r"[1-9]\d{0,12}", str(text)):
        raise damaged(f"attribute 'y_test_size' is {quoted(text)}")


def _schedule(tree: xr.DataTree) -> None:
    """Refuse what does not say where runs stand along their learning rate."""
    text = tree.attrs.get("y_schedule")
    if text is None:
        return
    try:
        learning_rate.check(text)
    except InvalidData:
        raise damaged("attribute 'y_schedule' does not say where runs stand") from None


def _points(groups: Mapping[str, xr.Dataset], ceiling: float | None) -> None:
    """Refuse curves whose points no law was fitted to, and labels that are none."""
    constant = groups["constant_data"]
    across, y = constant["x"].values, groups["observed_data"]["y"].values
    several = across.ndim == 3
    x = across[..., 0] if several else across
    there = np.isfinite(x)
    if x.shape != y.shape or (several and (np.isfinite(across) != there[..., None]).any()):
        raise damaged("x and y are not both there at the points of each run")
    empty = np.isnan(y).all(axis=1, keepdims=True)  # a run at fault may have x alone
    whole = (there == np.isfinite(y) | empty & there).all() and there[:, 0].all()
    if not whole or not (there[:, 1:] <= there[:, :-1]).all() or np.isinf(x).any():
        raise damaged("x and y are not both there at the points of each run")
    gap = y if ceiling is None else ceiling - y
    if not (
        (across[there] >= 0).all()
        and ((x[there] > 0).all() or several)
        and (gap[there & ~empty] > 0).all()
        and (np.isnan(x) | np.isfinite(x)).all()
    ):
        raise damaged("x or y is not positive")
    if not several and not (np.diff(x, axis=1)[there[:, 1:]] >= 0).all():
        raise damaged("x is not in order")
    if "series" in constant and not (np.diff(constant["series"].values)[there[:, 1:]] >= 0).all():
        raise damaged("'series' of group 'constant_data' tells no runs apart")
    for name in ("error", "scatter"):
        if name in constant and not (constant[name].values[there] >= 0).all():
            raise damaged(f"'{name}' of group 'constant_data' is negative or missing")
    if "grain" in constant and not (constant["grain"].values >= 0).all():
        raise damaged("'grain' of group 'constant_data' is negative or missing")
    for key, label in constant.coords.items():
        if label.dims == ("run",) and not (label.dtype.kind in "fiub" or _texts(label)):
            raise damaged(f"{quoted(key)} of group 'constant_data' tells no runs apart")
        if not isinstance(label.attrs.get("long_name", ""), str):
            raise damaged(f"{quoted(key)} of group 'constant_data' has no name")


def _draws(groups: Mapping[str, xr.Dataset], law: Law | None) -> None:
    """Refuse draws that are missing, or no numbers where a curve was fitted."""
    runs, verdicts = _ids(groups["posterior"]), groups["diagnostics"]["verdict"].values
    if not all(str(verdict).strip() for verdict in verdicts):
        raise damaged("a verdict is missing")
    for name, rule in GROUPS.items():
        if name not in groups or rule.dims != DRAWS.dims or name == "sample_stats":
            continue
        group = groups[name]
        _named(name, group, law, least=1 if "models" in groups else _most(law))
        noise = np.isnan(group["noise"].values)
        failed: Any = noise.all(axis=(0, 1))
        for key, variable in group.data_vars.items():
            values = np.moveaxis(variable.values, 2, 0)
            good = np.isfinite(values)
            if key in INFINITE:
                good |= np.isposinf(values)
            if key in PADDED:
                good |= np.isnan(values) & _padding(group, str(key), variable)
            wrong = np.flatnonzero(~failed & ~good.reshape(len(runs), -1).all(axis=1))
            if wrong.size:
                raise damaged(f"{quoted(key)} of group '{name}' is no number in run "
                               f"{quoted(runs[wrong[0]])}")  # fmt: skip
        if name == "posterior":
            for run, lost, verdict in zip(runs, failed, verdicts, strict=True):
                if lost and str(verdict) == "ok":
                    raise damaged(f"run {quoted(run)} has no draws, and its verdict is 'ok'")


def _noise(kind: str, groups: Mapping[str, xr.Dataset]) -> None:
    """Refuse draws without the parameters of the noise; of several kinds they may be absent."""
    wanted = NOISES[kind].priors() if kind in NOISES else {}
    for name, group in groups.items():
        for key in wanted if GROUPS[name].dims == DRAWS.dims and name != "sample_stats" else ():
            if key not in group.data_vars:
                raise damaged(f"group '{name}' lacks '{key}' of the noise")


def _padding(group: xr.Dataset, key: str, variable: xr.DataArray) -> Any:
    """Return where draws of a run may be NaN: beyond the regimes of each draw; runs lead."""
    if variable.ndim < 4 or "exponent" not in group or group["exponent"].ndim < 4:
        return np.zeros(1, dtype=bool)
    missing = np.moveaxis(np.isnan(group["exponent"].values), 2, 0)
    holes = missing[..., 0] | (missing[..., 1:] < missing[..., :-1]).any(axis=-1)
    missing &= ~holes[..., None]
    if key == "gap":
        return np.isnan(np.moveaxis(variable.values, 2, 0))
    return missing if key == "exponent" else missing[..., 1:]


def _named(name: str, group: xr.Dataset, law: Law | None, least: int) -> None:
    """Refuse a group without the parameters of its law, or with other regimes than it has."""
    if law is None:
        return
    most = law.regimes
    for parameter in law.parameters:
        if parameter.per == "crossover" and "exponent" in group:
            needed = group["exponent"].ndim == 4 and group["exponent"].shape[-1] > 1
        else:
            needed = True
        if needed and parameter.name not in group:
            raise damaged(f"group '{name}' lacks '{parameter.name}'")
        if parameter.per == "law" or parameter.name not in group:
            continue
        shape = group[parameter.name].shape
        if parameter.per in ("predictor", "pair"):
            if len(shape) != 4 or shape[-1] != parameter.size:
                raise damaged(f"'{parameter.name}' of group '{name}' has the shape {shape}")
            continue
        width = group["exponent"].shape[-1] - (parameter.per == "crossover")
        if (
            len(shape) != 4
            or shape[-1] != width
            or not least <= width + (parameter.per == "crossover") <= most
        ):
            raise damaged(f"'{parameter.name}' of group '{name}' has the shape {shape}")
    if "regimes" in group:
        counts = group["regimes"].values
        counts = counts[np.isfinite(counts)]
        if not ((counts >= 1) & (counts <= most) & (counts == np.floor(counts))).all():
            raise damaged(f"'regimes' of group '{name}' counts no regimes")


def _models(groups: Mapping[str, xr.Dataset], law: Law | None) -> None:
    """Refuse models that were not weighed, and weights that are none."""
    averaged = [name for name in groups if re.fullmatch(r"averaged|regimes_\d", name)]
    if "models" not in groups:
        if averaged:
            raise damaged("group 'models' is missing")
        return
    models = groups["models"]
    rules: dict[str, Callable[[Any], bool]] = {
        "regimes": lambda one: one.dtype.kind in "iu" and ((one >= 1) & (one <= _most(law))).all(),
        "floor": lambda one: one.dtype.kind == "b",
        "noise": lambda one: all(str(kind) in NOISES for kind in one),
    }
    for name, fine in rules.items():
        if (
            name not in models.coords
            or models[name].dims != ("model",)
            or not fine(models[name].values)
        ):
            raise damaged(f"'{name}' of group 'models' names no models")
    for state in np.unique(models["state"].values.astype(str)):
        if state not in STATES:
            raise damaged(f"'state' of group 'models' is {quoted(state)}")
    share = models["probability"].values
    known = np.isfinite(share).any(axis=1)
    total = np.where(np.isfinite(share), share, 0.0).sum(axis=1)
    if (share < 0).any() or np.isinf(share).any() or (np.abs(total[known] - 1.0) > 1e-3).any():
        raise damaged("'probability' of group 'models' does not add up to 1")
    counts = set(models["regimes"].values.tolist())
    wanted = {f"regimes_{n}" for n in counts} | {"averaged"} if len(counts) > 1 else set()
    for name in sorted(wanted):
        if name not in groups:
            raise damaged(f"group '{name}' is missing")


def _most(law: Law | None) -> int:
    return MAX_REGIMES if law is None else law.regimes


def _pools(tree: xr.DataTree, groups: Mapping[str, xr.Dataset]) -> None:
    """Refuse pools that are not those of the runs."""
    pool, pools = _parsed(tree, "pool"), _parsed(tree, "pools")
    for name, value in (("pool", pool), ("pools", pools)):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise damaged(f"attribute '{name}' is no list of names")
    if bool(pool) != ("shared" in groups) or bool(pool) != bool(pools):
        raise damaged("what pooled runs share is missing, or shared by none")
    if not pool:
        return
    shared = groups["shared"]
    runs = _ids(groups["posterior"])
    if "group" not in shared.coords or not _texts(shared["group"]) or len(pools) != len(runs):
        raise damaged(f"attribute 'pools' does not say in which {counted(len(runs), 'run')} are")
    known = [str(one) for one in shared["group"].values]
    failed: Any = np.isnan(groups["posterior"]["noise"].values).all(axis=(0, 1))
    for run, one, lost in zip(runs, pools, failed, strict=True):
        if one not in known and not lost:
            raise damaged(f"run {quoted(run)} is pooled in {inline(one)}, which is not there")
    for key, variable in shared.data_vars.items():
        if not np.isfinite(variable.values).all():
            raise damaged(f"{quoted(key)} of group 'shared' is no number")
