"""Gathering of posteriors, curve by curve, into the one record of a fit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.curves.curve import Curve
from scalefit.inference import Posterior
from scalefit.inference.ensemble import stack
from scalefit.inference.problem import ABSENT, MODEL_NUMBERS, model_row
from scalefit.laws import priors
from scalefit.laws.broken import MAX_REGIMES
from scalefit.laws.stored import described
from scalefit.record import SCHEMA, Record
from scalefit.trajectory import escaped
from scalefit.version import __version__
from scalefit.wording import inline

from .choices import REGIMES
from .plan import Model, Plan

AXES = {
    "regime": "regime",
    "crossover": "boundary",
    "predictor": "predictor",
    "pair": "pair",
}
"""Dimensions of parameters with one value for each of these."""


class Gathering:
    """The posteriors of a fit so far, in arrays that are allocated once.

    Variables have the leading dimensions `(chain, draw, run)`. Curves whose posterior has fewer
    regimes than the widest, or which failed, are padded with NaN.
    """

    def __init__(
        self,
        plan: Plan,
        curves: Sequence[Curve],
        models: Sequence[tuple[Model, ...]],
        *,
        x: Sequence[Mapping[str, str]],
        y: Mapping[str, str],
        seed: int,
    ) -> None:
        self._plan = plan
        self._curves = curves
        self._each = models
        self._axes = {
            **{f"x_{key}": ", ".join(one[key] for one in x if one[key]) for key in x[0]},
            **{f"y_{key}": value for key, value in y.items()},
        }
        self._predictors = [one["name"] for one in x] if len(x) > 1 else []
        if self._predictors:
            self._axes["predictors"] = json.dumps([dict(one) for one in x])
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

    @property
    def empty(self) -> bool:
        """Whether no curve has a posterior."""
        return "posterior" not in self._groups

    def like(self, other: Record) -> None:
        """Lay out, where no curve has a posterior, what those of another part have."""
        count = len(self._curves)
        for name in other.tree.children:
            if name in ("observed_data", "constant_data", "shared"):
                continue
            first = other.group(str(name)).isel(run=[0] * count)
            if name == "models":
                states = ("regimes", "floor", "noise")
                for i in range(first.sizes["model"]):
                    row = {key: first[key].values[i] for key in states}
                    self._models.append(
                        (0, {**row, **dict.fromkeys(MODEL_NUMBERS, np.nan), "state": ""})
                    )
                continue
            self._groups[str(name)] = {
                str(key): np.full_like(one.values, False if one.dtype.kind == "b" else np.nan)
                for key, one in first.data_vars.items()
                if key not in ("verdict", "notes")
            }

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
        (only, *more) = self._each[index]
        draws, groups, models = posterior.draws, dict(posterior.groups), posterior.models
        if not more:
            chains = next(iter(draws.values())).shape[0]
            parts = [stack([{k: v[c] for k, v in draws.items()}]) for c in range(chains)]
            draws = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
            alone = plan.problem(self._curves[index], only)
            models = models or (model_row(alone, "preview", probability=1.0),)
        if len(plan.counts) > 1 and "averaged" not in groups:
            groups["averaged"] = draws
            groups[f"regimes_{only.law.regimes}"] = draws
        return replace(posterior, draws=draws, groups=groups, models=models)

    def record(self) -> Record:
        """Return everything taken in."""
        return Record(self._plan.widest, self._tree())

    def _tree(self) -> xr.DataTree:
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
        }
        constant: dict[str, Any] = {"x": _padded([curve.x for curve in curves])}
        if any(curve.error is not None for curve in curves):
            known = [np.zeros(c.y.size) if c.error is None else c.error for c in curves]
            constant["error"] = _padded(known)
        if any(curve.scatter is not None for curve in curves):
            known = [np.zeros(c.y.size) if c.scatter is None else c.scatter for c in curves]
            constant["scatter"] = _padded(known)
        if any(len(curve.start) > 1 for curve in curves):
            constant["series"] = _padded([_series(curve) for curve in curves])
        if any(curve.grain for curve in curves):
            constant["grain"] = ("run",), np.array([curve.grain for curve in curves])
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
        groups["observed_data"] = xr.Dataset(
            {"y": _padded([self._shown(c.y) for c in curves])}, runs
        )
        named = {"predictor": np.array(self._predictors, dtype=object)} if self._predictors else {}
        groups["constant_data"] = xr.Dataset(constant, {**runs, **labels, **named})
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
            "law": json.dumps(described(self._plan.widest)),
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

    def _shown(self, y: Array) -> Array:
        """Return y as the data have it, from what a law with a ceiling takes."""
        ceiling = self._axes.get("y_ceiling")
        return y if ceiling is None else float(ceiling) - y

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
        if "predictor" in numbered:
            numbered["predictor"] = np.array(self._predictors, dtype=object)
        return xr.Dataset(variables, {**numbered, **runs})


def _padded(values: Sequence[Array]) -> tuple[tuple[str, ...], Array]:
    table = np.full((len(values), max(map(len, values)), *values[0].shape[1:]), np.nan)
    for row, one in zip(table, values, strict=True):
        row[: len(one)] = one
    return ("run", "point", "predictor")[: table.ndim], table


def _series(curve: Curve) -> Array:
    """Return which run of its surface each point belongs to, as a number."""
    begins = np.zeros(curve.y.size)
    begins[list(curve.start)] = 1.0
    return np.cumsum(begins) - 1.0


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


def _described_priors(plan: Plan) -> str:
    """Return the set of priors and the overrides of the package's own kinds as JSON."""
    known = {
        name: (type(prior).__name__, dataclasses.asdict(prior))  # type: ignore[call-overload]
        for name, prior in plan.overrides.items()
        if type(prior).__module__ == priors.__name__
    }
    return json.dumps({"set": plan.priors, "overrides": known})


def _label(name: str) -> str:
    """Return what a label is called beside x and its dimensions; `long_name` keeps its name."""
    own = ("x", "run", "point", "error", "scatter", "grain", "series", "predictor")
    return f"{name}_" if name in own else escaped(name)


def _column(values: Sequence[Any]) -> NDArray[Any]:
    """Return numbers as numbers and everything else as text."""
    array = np.array(values)
    return array if array.dtype.kind in "if" else np.array([str(v) for v in values], dtype=object)
