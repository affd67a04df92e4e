"""Record of a fit: how it is laid out in memory and on disk, and what can be read from it.

One file of more than 400 lines: one class, a quarter of it docstrings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .arguments import finite, positive
from .arrays import Array
from .errors import ConfigError
from .inference.problem import MODEL_NUMBERS, Problem, log_prior, rough_margin
from .laws import Law, priors
from .laws.noise import NOISES, Noise
from .laws.overrides import all_priors
from .laws.priors import Prior
from .laws.rounding import spread
from .wording import state, suggest, typed

if TYPE_CHECKING:
    import pandas as pd


A = TypeVar("A", float, Array)

SCHEMA = "scalefit-fit/1"


@dataclass(frozen=True, eq=False)
class Record:
    """The posterior of one or more curves, to be read; it never changes.

    Attributes
    ----------
    law
        The law that was fitted; of several numbers of regimes the one with most.
    tree
        Everything else, in ArviZ's group names: `posterior` (chain, draw, run, ...), of the number
        of regimes of each run that `regimes` returns; `sample_stats`, `observed_data` and
        `constant_data` (run, point; shorter curves are padded with NaN); `diagnostics` (verdict,
        notes, R-hat and effective sample size per run). With several models also `models` (run,
        model), which holds their evidence; and draws like those of `posterior` over all models
        (`averaged`), which predictions are made of, and of each number of regimes (`regimes_1` and
        so on).
    """

    law: Law
    tree: xr.DataTree

    def __post_init__(self) -> None:
        """Make the arrays read-only, so that a fit says the same whenever it is asked."""
        for node in self.tree.subtree:
            for name, variable in node.variables.items():
                if name not in node.xindexes:
                    variable.values.flags.writeable = False

    @property
    def runs(self) -> list[str]:
        """Names of the curves."""
        return [str(run) for run in self.tree.children["posterior"].variables["run"].values]

    @property
    def fitted(self) -> list[str]:
        """Names of the curves that have a posterior: all but those whose fit failed."""
        noise = self.group("posterior")["noise"].transpose("run", ...).values
        there = np.isfinite(noise).all(axis=tuple(range(1, noise.ndim)))
        runs = self.runs
        return [runs[i] for i in np.flatnonzero(there)]

    @property
    def verdict(self) -> dict[str, str]:
        """Per curve `"ok"`, or what is wrong and what to try.

        `"doubtful: ...; ..."` where the law does not describe the points, or they are no single
        curve; `"unreliable: ...; ..."` where the posterior could not be computed.
        """
        words = self.group("diagnostics")["verdict"].values
        return dict(zip(self.runs, map(str, words), strict=True))

    def state(self, run: str) -> str:
        """Return the first word of a verdict: `"ok"`, `"doubtful"` or `"unreliable"`."""
        return state(self.verdict[run])

    @property
    def notes(self) -> dict[str, list[str]]:
        """Per curve, what was done to its points, and which models were left out and why."""
        texts = self.group("diagnostics")["notes"].values
        return {run: str(text).splitlines() for run, text in zip(self.runs, texts, strict=True)}

    @property
    def ok(self) -> bool:
        """Whether every verdict is `"ok"`."""
        return all(word == "ok" for word in self.verdict.values())

    @property
    def averaged(self) -> bool:
        """Whether several numbers of regimes were weighed."""
        return "averaged" in self.tree.children

    @property
    def weighed(self) -> bool:
        """Whether the models of the curves have evidence, and so probabilities."""
        return "models" in self.tree.children

    @property
    def probabilities(self) -> pd.DataFrame:
        """Posterior probability of each model: one row per run, columns (regimes, floor, noise).

        A row adds up to 1, or is NaN where the fit failed; what a run has too few points for has 0.
        A priori a floor has probability 0.9, and numbers of regimes and kinds of noise are equally
        probable. A floor and a last flat regime are nearly the same curve, which is why the two are
        weighed jointly.
        """
        import pandas as pd

        models = self._models()
        keys = ("regimes", "floor", "noise")
        columns = pd.MultiIndex.from_arrays([models[key].values for key in keys], names=keys)
        values = models["probability"].values
        fitted = np.isfinite(values).any(axis=1, keepdims=True)
        values = np.where(fitted, np.nan_to_num(values), np.nan)
        return pd.DataFrame(values, index=pd.Index(self.runs, name="run"), columns=columns)

    @property
    def certificate(self) -> pd.DataFrame:
        """What stands behind each model of each run: one row per run and model.

        Columns: `log_evidence` with its standard `error`; `apart`, nats between the two searches;
        `effective`, independent draws; `k_hat` of the importance weights; `effort`, 1 to 3, and 0
        for a rough estimate of a model that is left out; and `state`: certified, negligible (too
        improbable for a second search), dropped (superfluous and not certified) or doubtful.
        """
        frame = self._models().to_dataframe().reset_index()
        keys = ["run", "regimes", "floor", "noise"]
        return frame[frame["state"] != ""][[*keys, *MODEL_NUMBERS, "state"]].reset_index(drop=True)

    @property
    def left_out(self) -> dict[str, float]:
        """Per curve, a bound of the probability of all models that no search was made for.

        Each counts with its rough evidence plus three standard errors and a nat. Models are
        searched until it is below .001; 0 if all were, NaN for a preview, where none was.
        """
        table = self.certificate
        rough = table[table["effort"] == 0]
        found = dict.fromkeys(self.runs, 0.0)
        for run, p, error in zip(rough["run"], rough["probability"], rough["error"], strict=True):
            found[run] += float(p * np.exp(rough_margin(error)))
        return found

    @property
    def coordinates(self) -> dict[str, NDArray[Any]]:
        """What tells the curves apart: the value of each setting at every run, by its name."""
        constant = self.group("constant_data")
        return {
            str(one.attrs.get("long_name", name)): one.values
            for name, one in constant.coords.items()
            if one.dims == ("run",) and name != "run"
        }

    def only(self, runs: Sequence[str]) -> Self:
        """Return the fit of some of the curves, in the order of `runs`."""
        at = [self._at(run) for run in runs]
        groups = {
            str(name): dataset.isel(run=at) if "run" in dataset.dims else dataset
            for name, dataset in ((name, self.group(name)) for name in self.tree.children)
        }
        tree = xr.DataTree.from_dict(groups)
        tree.attrs = dict(self.tree.attrs)
        pools = json.loads(tree.attrs.get("pools", "[]"))
        if pools:
            tree.attrs["pools"] = json.dumps([pools[i] for i in at])
            shared = groups["shared"]
            kept = np.isin(shared["group"].values, [pools[i] for i in at])
            tree["shared"] = xr.DataTree(shared.isel(group=np.flatnonzero(kept)))
        return replace(self, tree=tree)

    def with_regimes(self, regimes: int) -> Self:
        """Return the fit given that there are so many regimes.

        Raises
        ------
        ConfigError
            If that number was not fitted.
        """
        name = f"regimes_{regimes}"
        if name not in self.tree.children:
            if self.law.regimes == regimes and not self.averaged:
                return self
            raise ConfigError(f"{regimes} regimes were not among the models of this fit")
        kept = ("observed_data", "constant_data", "diagnostics")
        groups = {"posterior": self.group(name), **{key: self.group(key) for key in kept}}
        if self.weighed:
            models = self.group("models")
            models = models.isel(model=np.flatnonzero(models["regimes"].values == regimes))
            groups["models"] = self._renormalised(models)
        said = groups["diagnostics"]["verdict"].values.copy()
        lacking = np.isnan(groups["posterior"]["noise"].values).any(axis=(0, 1))
        computed = np.array([self.state(run) != "unreliable" for run in self.runs])
        said[lacking & computed] = f"unreliable: not fitted: too few points for {regimes} regimes"
        groups["diagnostics"] = groups["diagnostics"].assign(verdict=("run", said))
        tree = xr.DataTree.from_dict(groups)
        tree.attrs = dict(self.tree.attrs)
        return replace(self, law=self.law.with_regimes(regimes), tree=tree)

    @property
    def ceiling(self) -> float | None:
        """What y stays below, where the fit was made with one: the law is then of ceiling - y."""
        text = self.tree.attrs.get("y_ceiling")
        return None if text is None else float(text)

    @property
    def test_size(self) -> int | None:
        """Test points that each y is a share of, where the fit was told (`test_size=`)."""
        text = self.tree.attrs.get("y_test_size")
        return None if text is None else int(text)

    def shown(self, value: A) -> A:
        """Return y, given values of the law: with a ceiling, what they leave of it."""
        return value if self.ceiling is None else self.ceiling - value

    def gap(self, y: A) -> A:
        """Return what the law is of, given y: with a ceiling, how far y stays below it."""
        return self.shown(y)  # its own inverse

    def values(self, y: ArrayLike, name: str) -> Array:
        """Return values of y as an array; refuse those of no sense, but for ones past a ceiling."""
        return positive(y, name) if self.ceiling is None else finite(y, name)

    @property
    def gap_label(self) -> str:
        """Name of what the law is of, which exponents and shares of a variance refer to."""
        name = str(self.tree.attrs["y_name"])
        return name if self.ceiling is None else f"{self.ceiling:g} - {name}"

    @property
    def predictors(self) -> list[str]:
        """The columns that y was fitted against, in the order of the law's predictors."""
        known = self.tree.attrs.get("predictors")
        if known is None:
            return [str(self.tree.attrs["x_name"])]
        return [str(one["name"]) for one in json.loads(known)]

    def axis(self, name: str) -> dict[str, str]:
        """Return name, label and unit of one of the predictors."""
        known = self.tree.attrs.get("predictors")
        if known is None:
            return {key: str(self.tree.attrs[f"x_{key}"]) for key in ("name", "label", "unit")}
        return next(one for one in json.loads(known) if one["name"] == name)

    def curve(self, run: str) -> tuple[Array, Array]:
        """Return x, shape (n,) or (n, k), and y, shape (n,), of one curve, ordered by x.

        Of several predictors the points come run by run.
        """
        at = self._at(run)
        x, y = (
            self.tree.children[group].variables[name].values[at]
            for group, name in (("constant_data", "x"), ("observed_data", "y"))
        )
        there = _there(x)
        return x[there], y[there]

    def start(self, run: str) -> tuple[int, ...]:
        """Return where each run of a surface begins among its points."""
        series = self._beside(run, "series")
        if series is None:
            return (0,)
        return (0, *(np.flatnonzero(np.diff(series)) + 1).tolist())

    def law_curve(self, run: str) -> tuple[Array, Array]:
        """Return x and y of one curve as the law takes them: with a ceiling, the gap to it."""
        x, y = self.curve(run)
        return x, self.gap(y)

    def errors(self, run: str) -> Array:
        """Return the standard errors of log y of one curve, shape (n,); 0 where none is known.

        What rounding adds is among them where y is known to an interval only.
        """
        found = self._beside(run, "error")
        known = np.zeros(self.curve(run)[1].size) if found is None else found
        grain = self.grain(run)
        return np.hypot(known, spread(self.law_curve(run)[1], grain)) if grain else known

    def grain(self, run: str) -> float:
        """Return what y of one curve is rounded to where that matters, else 0."""
        constant = self.group("constant_data")
        return float(constant["grain"].sel(run=run)) if "grain" in constant else 0.0

    def scatter(self, run: str) -> Array:
        """Return how single measurements scatter around the points of one curve, shape (n,).

        Points of a long curve are means over bins; this is the standard deviation of log y within
        each. It is 0 where a point is a single measurement.
        """
        found = self._beside(run, "scatter")
        return np.zeros(self.curve(run)[1].size) if found is None else found

    def parameters(self, run: str, group: str = "posterior") -> dict[str, Array]:
        """Return the draws of every parameter of one run, shape (n,) or (n, k) for n draws.

        `group` is `"posterior"`, the headline's number of regimes, or `"averaged"`, all models;
        where there is one number of regimes they are the same.
        """
        name = group if group in self.tree.children else "posterior"
        node, at = self.tree.children[name], self._at(run)
        found = {
            str(key): node.variables[key].transpose("chain", "draw", "run", ...)
            for key in node.data_vars
        }
        return {key: one.values[:, :, at].reshape(-1, *one.shape[3:]) for key, one in found.items()}

    def regimes(self, run: str) -> int:
        """Return the number of regimes of a run's headline, of which its draws are.

        It is the smallest number that is at least half as probable as the most probable one.
        Of a run whose fit failed it is the largest number that was asked for.
        """
        counts = self.tree.children["posterior"].variables.get("regimes")
        count = np.nan if counts is None else float(counts.values[0, 0, self._at(run)])
        return int(count) if np.isfinite(count) else self.law.regimes

    @property
    def noise(self) -> Noise:
        """The noise that was fitted; of several the one with most parameters."""
        return NOISES.get(self.tree.attrs.get("noise", "normal"), NOISES["ar1"])

    def priors_of(
        self, run: str, law: Law | None = None, noise: Noise | None = None
    ) -> dict[str, Prior]:
        """Return the priors of a run, those of the noise last.

        They are those under one of the laws, and one of the noises or all that were weighed.
        """
        stored = json.loads(self.tree.attrs.get("priors", '{"set": "default", "overrides": {}}'))
        overrides: dict[str, Prior] = {}
        for name, (kind, fields) in stored["overrides"].items():
            known = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
            overrides[name] = getattr(priors, kind)(**known)
        law = law or self.law
        curve = self.law_curve(run)
        window = law.window(*curve)
        kinds = [self.noise] if noise is None else [noise]
        if noise is None and self.weighed:
            kinds += [NOISES[str(kind)] for kind in self.group("models")["noise"].values]
        found: dict[str, Prior] = {}
        for one in dict.fromkeys(kinds):
            found |= all_priors(law, one, window, stored["set"], overrides, curve)
        return found

    def problems(self, run: str) -> dict[int, Problem]:
        """Return every model that a run was fitted with, by its place in the `models` group."""
        models = self.group("models")
        x, y = self.law_curve(run)
        error = self._beside(run, "error")
        found = {}
        for i in np.flatnonzero(models["state"].sel(run=run).values != ""):
            regimes, floor, kind = (models[key].values[i] for key in ("regimes", "floor", "noise"))
            noise = replace(NOISES[str(kind)], spacing=self.noise.spacing)
            law = self._law(int(regimes), bool(floor))
            given = self.priors_of(run, law, noise)
            known = self.grain(run), self.start(run)
            found[int(i)] = Problem(law, x, y, noise, error, given, *known)
        return found

    def group(self, name: str) -> xr.Dataset:
        """Return one group of the tree."""
        return self.tree.children[name].to_dataset()

    def _law(self, regimes: int, floor: bool) -> Law:
        """Return one of the laws that were weighed."""
        known = self.law.known_floor
        return self.law.with_regimes(regimes, floor if known is None else known)

    def _beside(self, run: str, name: str) -> Array | None:
        """Return a variable that is stored along the points of one run, None if there is none."""
        constant, at = self.tree.children["constant_data"].variables, self._at(run)
        if name not in constant:
            return None
        return np.asarray(constant[name].values[at][_there(constant["x"].values[at])])

    def _at(self, run: str) -> int:
        """Return the place of a run among the runs."""
        try:
            return self._places[run]
        except (KeyError, TypeError):
            raise ConfigError(
                f"run={typed(run)} is not in this fit; {suggest(run, self.runs)}"
            ) from None

    @cached_property
    def _places(self) -> dict[str, int]:
        return {run: i for i, run in enumerate(self.runs)}

    def _models(self) -> xr.Dataset:
        if "shared" in self.tree.children:
            raise ConfigError("pooled curves have one model; see fit.shared and fit.verdict")
        if not self.weighed:
            raise ConfigError(
                f"method='{self.tree.attrs['method']}' gives one model no evidence; fit with "
                "method='auto'"
            )
        return self.group("models")

    def _renormalised(self, models: xr.Dataset) -> xr.Dataset:
        """Return some of the models with the probabilities that they have among themselves.

        From their evidence, because all of them may be too improbable for a number.
        """
        prior = [log_prior(self._law(1, bool(floor))) for floor in models["floor"].values]
        log = models["log_evidence"] + xr.DataArray(prior, dims="model")
        log = log.where(models["state"] != "dropped", -np.inf)
        weight: xr.DataArray = np.exp(log - log.max("model", skipna=True))  # type: ignore[assignment]
        return models.assign(probability=weight / weight.sum("model", skipna=True))


def _there(x: Array) -> NDArray[np.bool_]:
    """Return which points of a padded run are there, of x of shape (n,) or (n, k)."""
    return np.asarray(np.isfinite(x if x.ndim == 1 else x[:, 0]))
