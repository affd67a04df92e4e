"""How a fit is laid out in memory and on disk: one DataTree, one netCDF file."""

from __future__ import annotations

import dataclasses
import errno
import importlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from . import __version__
from .curves import Curve
from .errors import ConfigError, InvalidData
from .inference import Posterior, Problem
from .inference.problem import ABSENT, MODEL_NUMBERS, log_prior, model_row
from .io.wording import inline
from .laws import BrokenPowerLaw, Law, PowerLawWithCutoff, Window, priors
from .laws.broken import MAX_REGIMES
from .laws.noise import Noise
from .laws.priors import Prior
from .plan import NOISES, REGIMES, Plan, all_priors
from .storage import replacing
from .trajectory import escaped

Array = NDArray[np.float64]

SCHEMA = "scalefit-fit/1"
AXES = {"regime": "regime", "crossover": "boundary"}


class Store:
    """Gathers posteriors curve by curve into arrays that are allocated once.

    Variables have the leading dimensions `(chain, draw, run)`. Curves whose posterior has fewer
    regimes than the widest, or which failed, are padded with NaN.
    """

    def __init__(
        self,
        plan: Plan,
        curves: Sequence[Curve],
        *,
        x: Mapping[str, str],
        y: Mapping[str, str],
        seed: int,
    ) -> None:
        self._plan = plan
        self._curves = curves
        self._axes = {
            **{f"x_{key}": value for key, value in x.items()},
            **{f"y_{key}": value for key, value in y.items()},
        }
        self._seed = seed
        self._groups: dict[str, dict[str, Array]] = {}
        self._models: list[tuple[int, Mapping[str, Any]]] = []
        self._shared: dict[str, Mapping[str, Array]] = {}
        self._verdicts = [""] * len(curves)
        self._notes = ["\n".join(curve.notes) for curve in curves]

    def put(self, index: int, posterior: Posterior) -> None:
        """Take in the posterior of one curve."""
        posterior = self._widened(index, posterior)
        self._fill("posterior", index, posterior.draws, lead=2)
        for name, draws in posterior.groups.items():
            self._fill(name, index, draws, lead=2)
        self._fill("sample_stats", index, posterior.stats, lead=2)
        measured = {f"rhat_{name}": np.asarray(v) for name, v in posterior.rhat.items()}
        measured |= {f"ess_{name}": np.asarray(v) for name, v in posterior.ess.items()}
        self._fill("diagnostics", index, measured, lead=0)
        self._models += [(index, row) for row in posterior.models]
        self._verdicts[index] = posterior.verdict
        notes = (*self._curves[index].notes, *posterior.notes, *self._limits(posterior))
        self._notes[index] = "\n".join(notes)

    def share(self, group: str, draws: Mapping[str, Array]) -> None:
        """Take in what one group of curves shares."""
        self._shared[group] = draws

    def fail(self, index: int, words: str) -> None:
        """Leave one curve empty and say why."""
        self._verdicts[index] = inline(words)

    def _limits(self, posterior: Posterior) -> tuple[str, ...]:
        """Return a note if the usual numbers of regimes seem too few."""
        counts = self._plan.counts
        shares = [float(r["probability"]) for r in posterior.models if r["regimes"] == counts[-1]]  # type: ignore[arg-type]
        if counts != list(REGIMES) or not sum(shares) > 0.5:
            return ()
        return (
            f"{counts[-1]} regimes, the most that were tried, are the most probable: ask for up to "
            f"{MAX_REGIMES}",
        )

    def _widened(self, index: int, posterior: Posterior) -> Posterior:
        """Return a posterior with all that those of other curves have.

        A short curve may be left with a single model, or a single number of regimes.
        """
        plan = self._plan
        if plan.single:
            return posterior
        (only, *more) = plan.problems(self._curves[index])
        draws, groups, models = posterior.draws, dict(posterior.groups), posterior.models
        if not more:
            from .inference.ensemble import stack

            chains = next(iter(draws.values())).shape[0]
            parts = [stack([{k: v[c] for k, v in draws.items()}]) for c in range(chains)]
            draws = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
            models = models or (model_row(only, "preview", probability=1.0),)
        if len(plan.counts) > 1 and "averaged" not in groups:
            groups["averaged"] = draws
            groups[f"regimes_{getattr(only.law, 'regimes', 1)}"] = draws
        return replace(posterior, draws=draws, groups=groups, models=models)

    def tree(self) -> xr.DataTree:
        """Return everything taken in as one tree."""
        curves = self._curves
        runs = {"run": np.array([curve.run for curve in curves], dtype=object)}
        said = {
            "verdict": ("run", np.array(self._verdicts, dtype=object)),
            "notes": ("run", np.array(self._notes, dtype=object)),
        }
        labels = {
            _label(name): (
                "run",
                _column([curve.labels[name] for curve in curves]),
                {"long_name": name},
            )
            for name in curves[0].labels
            if name != "run"
        }
        constant = {"x": _padded([curve.x for curve in curves])}
        if any(curve.error is not None for curve in curves):
            known = [np.zeros(c.x.size) if c.error is None else c.error for c in curves]
            constant["error"] = _padded(known)
        if any(curve.scatter is not None for curve in curves):
            known = [np.zeros(c.x.size) if c.scatter is None else c.scatter for c in curves]
            constant["scatter"] = _padded(known)
        for arrays in self._groups.values():
            for name, value in ABSENT.items():
                if name in arrays and arrays[name].shape == arrays["noise"].shape:
                    there = np.isfinite(arrays["noise"]) & np.isnan(arrays[name])
                    arrays[name][there] = value
        groups = {
            name: self._dataset(values, () if name == "diagnostics" else ("chain", "draw"), runs)
            for name, values in self._groups.items()
            if values
        }
        groups["diagnostics"] = groups["diagnostics"].assign(said)
        groups["observed_data"] = xr.Dataset({"y": _padded([c.y for c in curves])}, runs)
        groups["constant_data"] = xr.Dataset(constant, {**runs, **labels})
        if self._models:
            rows = sorted(self._models, key=lambda row: row[0])  # in whatever order they came
            groups["models"] = _model_table(rows, len(curves), runs)
        if self._shared:
            groups["shared"] = self._shared_dataset()
        first = ("posterior", "observed_data", "constant_data", "diagnostics", "sample_stats")
        order = [name for name in first if name in groups]
        order += [name for name in groups if name not in first]
        tree = xr.DataTree.from_dict({name: groups[name] for name in order})
        tree.attrs = {
            "schema": SCHEMA,
            "law": json.dumps(_describe(self._plan.widest)),
            "noise": self._plan.noise,
            "priors": _described_priors(self._plan),
            "pool": json.dumps(self._plan.pool),
            "pools": json.dumps(self._pools()),
            "method": self._plan.method,
            "seed": self._seed,
            "scalefit": __version__,
            **self._axes,
        }
        return tree

    def _pools(self) -> list[str]:
        """Return the group that each curve is pooled in; none without pooling."""
        if not self._plan.pool:
            return []
        groups = self._plan.groups(self._curves)
        named = {i: label for label, members in groups for i in members}
        return [named[i] for i in range(len(self._curves))]

    def _shared_dataset(self) -> xr.Dataset:
        dims = {p.name: AXES.get(p.per, p.name) for p in self._plan.widest.parameters}
        labels = [one for one in dict.fromkeys(self._pools()) if one in self._shared]
        variables: dict[str, Any] = {}
        for name in self._shared[labels[0]]:
            value = np.stack([self._shared[one][name] for one in labels], axis=2)
            extra = (dims[name],) if value.ndim > 3 else ()
            variables[name] = (("chain", "draw", "group", *extra), value)
        return xr.Dataset(variables, {"group": np.array(labels, dtype=object)})

    def _fill(self, group: str, index: int, values: Mapping[str, Array], lead: int) -> None:
        """Copy arrays (chain, draw, ...) of one curve to their places."""
        arrays = self._groups.setdefault(group, {})
        for name, value in values.items():
            value = np.asarray(value)
            shape = (*value.shape[:lead], len(self._curves), *value.shape[lead:])
            if name not in arrays:
                flags = value.dtype.kind == "b"
                arrays[name] = np.full(shape, False) if flags else np.full(shape, np.nan)
            kept = arrays[name]
            if kept.ndim > lead + 1 and kept.shape[-1] < value.shape[-1]:
                wider = np.full(shape, np.nan)
                wider[..., : kept.shape[-1]] = kept
                arrays[name] = kept = wider
            at: tuple[slice | int, ...] = (*(slice(None),) * lead, index)
            if kept.ndim > lead + 1:
                kept[(*at, slice(0, value.shape[-1]))] = value
            else:
                kept[at] = value

    def _dataset(
        self, values: Mapping[str, Array], lead: tuple[str, ...], runs: Mapping[str, Any]
    ) -> xr.Dataset:
        dims = {p.name: AXES.get(p.per, f"{p.name}_index") for p in self._plan.widest.parameters}
        variables: dict[str, Any] = {}
        numbered: dict[str, Any] = {}
        for name, value in values.items():
            plain = name.removeprefix("rhat_").removeprefix("ess_")
            extra = (dims.get(plain, f"{plain}_index"),) if value.ndim > len(lead) + 1 else ()
            variables[name] = ((*lead, "run", *extra), value)
            sizes = zip((*lead, "run", *extra), value.shape, strict=True)
            numbered |= {dim: np.arange(size) for dim, size in sizes}
        return xr.Dataset(variables, {**numbered, **runs})


def _padded(values: Sequence[Array]) -> tuple[tuple[str, str], Array]:
    table = np.full((len(values), max(one.size for one in values)), np.nan)
    for row, one in zip(table, values, strict=True):
        row[: one.size] = one
    return ("run", "point"), table


def _model_table(
    rows: Sequence[tuple[int, Mapping[str, Any]]], count: int, runs: Mapping[str, Any]
) -> xr.Dataset:
    """Return the rows of all curves as one Dataset, dims (run, model)."""
    keys = list(dict.fromkeys((r["regimes"], r["floor"], r["noise"]) for _, r in rows))
    coords = {
        "regimes": ("model", [key[0] for key in keys]),
        "floor": ("model", [key[1] for key in keys]),
        "noise": ("model", np.array([key[2] for key in keys], dtype=object)),
    }
    variables: dict[str, Any] = {}
    for name in MODEL_NUMBERS:
        table = np.full((count, len(keys)), np.nan)
        for index, row in rows:
            table[index, keys.index((row["regimes"], row["floor"], row["noise"]))] = row[name]
        variables[name] = (("run", "model"), table)
    states = np.full((count, len(keys)), "", dtype=object)
    for index, row in rows:
        states[index, keys.index((row["regimes"], row["floor"], row["noise"]))] = row["state"]
    variables["state"] = (("run", "model"), states)
    return xr.Dataset(variables, {**coords, **runs})


def curve_of(tree: xr.DataTree, run: str) -> tuple[Array, Array, Array | None]:
    """Return x, y and the known errors of log y, if there are any, of one run, shape (n,) each."""
    constant = tree.children["constant_data"].to_dataset().sel(run=run)
    there = np.isfinite(constant["x"].values)
    y = tree.children["observed_data"].to_dataset()["y"].sel(run=run).values[there]
    return constant["x"].values[there], y, beside(tree, run, "error")


def beside(tree: xr.DataTree, run: str, name: str) -> Array | None:
    """Return what is kept beside the points of one run under a name, shape (n,), if it is."""
    constant = tree.children["constant_data"].to_dataset().sel(run=run)
    if name not in constant.data_vars:
        return None
    return np.asarray(constant[name].values[np.isfinite(constant["x"].values)])


def problems_of(tree: xr.DataTree, run: str, law: Law) -> dict[int, Problem]:
    """Return every model that one run was fitted with, by its place in the `models` group."""
    models = tree.children["models"].to_dataset()
    x, y, error = curve_of(tree, run)
    spacing = noise_of(tree).spacing
    found = {}
    for i in np.flatnonzero(models["state"].sel(run=run).values != ""):
        regimes, floor, kind = (models[key].values[i] for key in ("regimes", "floor", "noise"))
        one = law
        if isinstance(law, BrokenPowerLaw):
            known = law.known_floor
            one = BrokenPowerLaw(int(regimes), floor=bool(floor) if known is None else known)
        noise = Noise(str(kind), spacing)  # type: ignore[arg-type]
        given = priors_of(tree, one, Window.of(x, y), noise)
        found[int(i)] = Problem(one, x, y, noise, error, given)
    return found


def renormalised(models: xr.Dataset) -> xr.Dataset:
    """Return some of the `models` of a fit with the probabilities that they have among themselves.

    From their evidence, because all of them may be too improbable for a number.
    """
    prior = [log_prior(BrokenPowerLaw(floor=bool(floor))) for floor in models["floor"].values]
    log = models["log_evidence"] + xr.DataArray(prior, dims="model")
    log = log.where(models["state"] != "dropped", -np.inf)
    weight: xr.DataArray = np.exp(log - log.max("model", skipna=True))  # type: ignore[assignment]
    return models.assign(probability=weight / weight.sum("model", skipna=True))


def noise_of(tree: xr.DataTree) -> Noise:
    """Return the noise that a stored fit was made with; of several the one with most parameters."""
    return NOISES.get(tree.attrs.get("noise", "normal"), NOISES["ar1"])


def priors_of(
    tree: xr.DataTree, law: Law, window: Window, noise: Noise | None = None
) -> dict[str, Prior]:
    """Return the priors that a stored fit was made with, under one of its laws and noises."""
    stored = json.loads(tree.attrs.get("priors", '{"set": "default", "overrides": {}}'))
    noise = noise or noise_of(tree)
    overrides: dict[str, Prior] = {}
    for name, (kind, fields) in stored["overrides"].items():
        known = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
        overrides[name] = getattr(priors, kind)(**known)
    return all_priors(law, noise, window, stored["set"], overrides)


def _described_priors(plan: Plan) -> str:
    """Return the set of priors and the overrides of the package's own kinds as JSON."""
    known = {
        name: (type(prior).__name__, dataclasses.asdict(prior))  # type: ignore[call-overload]
        for name, prior in plan.overrides.items()
        if type(prior).__module__ == priors.__name__
    }
    return json.dumps({"set": plan.priors, "overrides": known})


def write(tree: xr.DataTree, path: str | os.PathLike[str]) -> None:
    """Write a fit's tree as netCDF, all or nothing."""
    size = sum(one.nbytes for node in tree.subtree for one in node.variables.values())
    with replacing(path) as temporary:
        # Before it is full, for on a full disk HDF5 crashes as it closes.
        if shutil.disk_usage(temporary.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        tree.to_netcdf(temporary, engine="h5netcdf")


def read(path: str | os.PathLike[str], law: Law | None) -> tuple[Law, xr.DataTree]:
    """Return the law and the tree of a stored fit; see `scalefit.load`."""
    if not Path(path).is_file():
        raise InvalidData(f"{path}: no such file; a fit is written by fit.save or `scalefit fit`")
    h5py = importlib.import_module("h5py")
    try:
        # A damaged file fails here quietly; h5netcdf would print a traceback as it gives up.
        with h5py.File(path, "r") as file:
            schema = file.attrs.get("schema")
        if schema != SCHEMA:
            raise InvalidData(f"{path}: holds no fit of this version ('{SCHEMA}' expected)")
        with xr.open_datatree(path, engine="h5netcdf", decode_times=False) as stored:
            tree = stored.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InvalidData(
            f"{path}: not a readable netCDF file ({type(error).__name__}); is it complete?"
        ) from error
    described = json.loads(tree.attrs["law"])
    if law is None:
        if described["class"] == "BrokenPowerLaw":
            law = BrokenPowerLaw(described["regimes"], floor=described["floor"])
        elif described == _describe(PowerLawWithCutoff()):
            law = PowerLawWithCutoff()
        else:
            raise ConfigError(f"{path}: fitted with {described['name']}; pass that law as law=")
    elif _describe(law) != described:
        raise ConfigError(f"{path}: fitted with {described}, not with the law given")
    return law, tree


def _describe(law: Law) -> dict[str, Any]:
    if type(law) is BrokenPowerLaw:
        floor = law.known_floor if law.known_floor is not None else bool(law.floor)
        return {"class": "BrokenPowerLaw", "regimes": int(law.regimes), "floor": floor}
    return {"class": type(law).__name__, "name": law.name}


def _label(name: str) -> str:
    """Return what a label is called beside x and its dimensions; `long_name` keeps its name."""
    return f"{name}_" if name in ("x", "point", "error", "scatter") else escaped(name)


def _column(values: Sequence[Any]) -> NDArray[Any]:
    """Return numbers as numbers and everything else as text."""
    array = np.array(values)
    return array if array.dtype.kind in "if" else np.array([str(v) for v in values], dtype=object)
