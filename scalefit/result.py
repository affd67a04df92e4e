"""`Fit`: what a fit found, and everything that can be asked of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from . import record
from .errors import ConfigError, InvalidData
from .inference import Problem
from .laws import BrokenPowerLaw, Law
from .laws.priors import unpack

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

REPORTED = ("exponent", "crossover", "width", "floor", "amplitude", "noise")
PRIOR_DRIVEN = 0.8
"""An interval this share of the prior's, or wider, says that the data did not decide."""


@dataclass(frozen=True, eq=False)
class Fit:
    """The posterior of one law for one or more curves. Made by `scalefit.fit`; never changes.

    Attributes
    ----------
    law
        The law that was fitted.
    tree
        Everything else, in ArviZ's group names: `posterior` (chain, draw, run, ...),
        `sample_stats`, `observed_data` and `constant_data` (run, point; shorter curves are padded
        with NaN), and `diagnostics` (verdict, notes, R-hat and effective sample size per run).
    """

    law: Law
    tree: xr.DataTree

    @property
    def runs(self) -> list[str]:
        """Names of the curves."""
        return [str(run) for run in self._group("posterior")["run"].values]

    @property
    def verdict(self) -> dict[str, str]:
        """Per curve `"ok"`, or what is wrong with its posterior and what to try."""
        words = self._group("diagnostics")["verdict"].values
        return dict(zip(self.runs, map(str, words), strict=True))

    @property
    def notes(self) -> dict[str, list[str]]:
        """Per curve, what was handled on the way and what its numbers rest on."""
        texts = self._group("diagnostics")["notes"].values
        return {run: str(text).splitlines() for run, text in zip(self.runs, texts, strict=True)}

    @property
    def ok(self) -> bool:
        """Whether every verdict is `"ok"`."""
        return all(word == "ok" for word in self.verdict.values())

    @property
    def exponents(self) -> xr.DataArray:
        """Posterior of the exponents, dims (run, chain, draw, regime), positive where y falls."""
        if not isinstance(self.law, BrokenPowerLaw):
            raise ConfigError(f"the law '{self.law.name}' has no regimes; see summary()")
        return self._group("posterior")["exponent"].transpose("run", "chain", "draw", "regime")

    @property
    def end_exponent(self) -> xr.DataArray:
        """Posterior of the local exponent at each run's last x, floor removed.

        Dims (run, chain, draw). The last regime's own exponent is an asymptote that a broad
        crossover can put far from it.
        """
        last = self._per_run(lambda run, p: self._local(p, self.curve(run)[0][-1:], False))
        return last.isel(x=0)

    def local_exponent(self, x: ArrayLike, *, floor: bool = True) -> xr.DataArray:
        """Return the posterior of minus d log y / d log x.

        Parameters
        ----------
        x : shape (n,), in the unit of x, all > 0
            Where.
        floor
            False removes the floor, so the value does not fade where the floor dominates.

        Returns
        -------
        dims (run, chain, draw, x)
        """
        at = _positive(x, "x")
        return self._per_run(lambda run, p: self._local(p, at, floor), at)

    def curve(self, run: str) -> tuple[Array, Array]:
        """Return x and y of one curve as fitted, both of shape (n,), ordered by x."""
        x = self._group("constant_data")["x"].sel(run=run).values
        y = self._group("observed_data")["y"].sel(run=run).values
        there = np.isfinite(x)
        return x[there], y[there]

    def parameters(self, run: str) -> dict[str, Array]:
        """Return every posterior variable of one run, shape (n,) or (n, k) for n draws."""
        chosen = self._group("posterior").sel(run=run)
        return {
            str(name): variable.values.reshape(-1, *variable.shape[2:])
            for name, variable in chosen.data_vars.items()
        }

    def sample(
        self, x: ArrayLike, *, kind: Literal["observation", "curve"] = "observation", seed: int = 0
    ) -> xr.DataArray:
        """Return predictive draws of y.

        Parameters
        ----------
        x : shape (n,), in the unit of x, all > 0
            Where.
        kind
            `"curve"` is the law itself, `"observation"` a new point with its noise.
        seed
            Of the noise.

        Returns
        -------
        dims (run, chain, draw, x), in the unit of y

        Raises
        ------
        ConfigError
            If `kind` is unknown.
        InvalidData
            If an x is not finite and positive.
        """
        if kind not in ("observation", "curve"):
            raise ConfigError(f"kind='{kind}' is unknown; give 'observation' or 'curve'")
        at = _positive(x, "x")
        rng = np.random.default_rng(seed)

        def draw(run: str, params: dict[str, Array]) -> Array:
            log_y = np.asarray(self.law.log_mean(params, at))
            if kind == "observation":
                log_y = log_y + params["noise"][:, None] * rng.standard_normal(log_y.shape)
            return np.asarray(np.exp(log_y))

        return self._per_run(draw, at)

    def predict(
        self,
        x: ArrayLike,
        *,
        interval: float = 0.9,
        kind: Literal["observation", "curve"] = "observation",
        seed: int = 0,
    ) -> xr.Dataset:
        """Return the prediction of y with an equal-tailed interval.

        The law's regimes are taken to go on beyond the data: the band does not allow for a
        further crossover there.

        Parameters
        ----------
        x : shape (n,), in the unit of x, all > 0
            Where.
        interval
            Probability between `low` and `high`.
        kind
            `"curve"` is the law itself, `"observation"` a new point with its noise.
        seed
            Of the noise.

        Returns
        -------
        Dataset with dims (run, x)
            `median`, `mean`, `low`, `high` in the unit of y, and `extrapolated`, True outside the
            x that were fitted.
        """
        drawn = self.sample(x, kind=kind, seed=seed).stack(sample=("chain", "draw"))
        low, high = _tails(interval)
        unit = {"units": self.tree.attrs["y_unit"]}
        columns = {
            "median": drawn.median("sample"),
            "mean": drawn.mean("sample"),
            "low": drawn.quantile(low, "sample").drop_vars("quantile"),
            "high": drawn.quantile(high, "sample").drop_vars("quantile"),
        }
        result = xr.Dataset({name: column.assign_attrs(unit) for name, column in columns.items()})
        fitted = self._group("constant_data")["x"]
        outside = (result["x"] < fitted.min("point")) | (result["x"] > fitted.max("point"))
        result["extrapolated"] = outside.transpose("run", "x")
        result.attrs = {"interval": interval, "kind": kind}
        return result

    def summary(self, interval: float = 0.9) -> pd.DataFrame:
        """Return one row per run, parameter and regime.

        Parameters
        ----------
        interval
            Probability between `low` and `high`, equal-tailed.

        Returns
        -------
        DataFrame
            Columns `run, regimes, regime, parameter, mean, median, low, high, unit, ess, rhat,
            note`. A crossover belongs to the regime it ends. `end_exponent` is the local exponent
            at the last x with the floor removed.
        """
        import pandas as pd

        tails = _tails(interval)
        units = {"x": self.tree.attrs["x_unit"], "y": self.tree.attrs["y_unit"], "": ""}
        rows: list[dict[str, Any]] = []
        for run in self.runs:
            params = self._reported(run)
            prior = self._prior_widths(run, interval)
            doubt = "" if self.verdict[run] == "ok" else "unreliable: see the verdict"
            regimes = getattr(self.law, "regimes", 1)
            for name, (values, unit) in params.items():
                for regime in range(values.shape[1]):
                    one = values[:, regime]
                    low, median, high = np.quantile(one, [tails[0], 0.5, tails[1]])
                    width = np.log(high / low) if low > 0 else np.inf
                    driven = name in prior and width > PRIOR_DRIVEN * prior[name]
                    rows.append(
                        {
                            "run": run,
                            "regimes": regimes,
                            "regime": regime,
                            "parameter": name,
                            "mean": float(np.mean(one)),
                            "median": float(median),
                            "low": float(low),
                            "high": float(high),
                            "unit": units.get(unit, unit),
                            "ess": self._diagnostic("ess", name, run, regime),
                            "rhat": self._diagnostic("rhat", name, run, regime),
                            "note": doubt or ("follows the prior" if driven else ""),
                        }
                    )
        return pd.DataFrame(rows)

    @property
    def priors(self) -> pd.DataFrame:
        """The priors in the units of the data: distribution in words and its 5, 50, 95% points."""
        import pandas as pd

        rows = []
        for run in self.runs:
            problem = Problem(self.law, *self.curve(run))
            drawn = self._prior_draws(problem)
            units = {"x": self.tree.attrs["x_unit"], "y": self.tree.attrs["y_unit"]}
            for name, prior in problem.priors.items():
                low, median, high = np.quantile(drawn[name], [0.05, 0.5, 0.95])
                rows.append(
                    {
                        "run": run,
                        "parameter": name,
                        "prior": prior.words(),
                        "median": median,
                        "low": low,
                        "high": high,
                        "unit": units.get(prior.unit, prior.unit),
                    }
                )
        return pd.DataFrame(rows)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit as one netCDF file, all or nothing.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        record.write(self.tree, path)

    def plot(self, ax: Axes | None = None) -> Axes | NDArray[Any]:
        """Draw data, median, 90% band, crossovers and each regime's exponent.

        Parameters
        ----------
        ax
            Where to draw a fit of one run; by default a new figure with one panel per run.

        Returns
        -------
        The axes, or an array of them if there are several runs.

        Raises
        ------
        ConfigError
            If `ax` is given and there are several runs.
        """
        from .plot import draw_fit

        return draw_fit(self, ax)

    def _group(self, name: str) -> xr.Dataset:
        return self.tree.children[name].to_dataset()

    def _per_run(
        self, value: Callable[[str, dict[str, Array]], Array], x: Array | None = None
    ) -> xr.DataArray:
        """Return value(run, parameters), shape (chain * draw, n), of every run, refolded."""
        sizes = self._group("posterior").sizes
        stacked = np.stack([value(run, self.parameters(run)) for run in self.runs])
        shape = (len(self.runs), sizes["chain"], sizes["draw"], stacked.shape[-1])
        coords: dict[str, Any] = {"run": self.runs}
        if x is not None:
            coords["x"] = ("x", x, {"units": self.tree.attrs["x_unit"]})
        return xr.DataArray(stacked.reshape(shape), coords, ("run", "chain", "draw", "x"))

    def _local(self, params: dict[str, Array], x: Array, floor: bool) -> Array:
        if not isinstance(self.law, BrokenPowerLaw):
            raise ConfigError(f"the law '{self.law.name}' has no local exponent")
        return self.law.local_exponent(params, x, floor=floor)

    def _reported(self, run: str) -> dict[str, tuple[Array, str]]:
        """Return what a summary shows of one run: draws (n, k) and their unit."""
        params = self.parameters(run)
        known = {p.name: p.unit for p in self.law.parameters} | {"noise": ""}
        shown = {name: (params[name], unit) for name, unit in known.items()}
        if "log_amplitude" in shown:
            with np.errstate(over="ignore"):
                shown["amplitude"] = (np.exp(shown.pop("log_amplitude")[0]), "y")
        if isinstance(self.law, BrokenPowerLaw):
            shown = {name: shown[name] for name in REPORTED if name in shown}
            shown["end_exponent"] = (self._local(params, self.curve(run)[0][-1:], False), "")
        return {
            name: (values.reshape(len(values), -1), unit) for name, (values, unit) in shown.items()
        }

    def _diagnostic(self, kind: str, name: str, run: str, regime: int) -> float:
        group = self._group("diagnostics")
        key = f"{kind}_{'log_amplitude' if name == 'amplitude' else name}"
        if key not in group:
            return float("nan")
        return float(np.atleast_1d(group[key].sel(run=run).values)[regime])

    def _prior_draws(self, problem: Problem) -> dict[str, Array]:
        v = np.random.default_rng(0).standard_normal((4000, problem.dimension))
        sampled = unpack(problem.priors, v)
        return {**sampled, **self.law.natural(sampled, problem.window)}

    def _prior_widths(self, run: str, interval: float) -> dict[str, float]:
        """Return how wide, in logs, the prior of crossovers, widths and floor is."""
        drawn = self._prior_draws(Problem(self.law, *self.curve(run)))
        widths: dict[str, float] = {}
        for name in ("crossover", "width", "floor"):
            if name in drawn:
                first = drawn[name].reshape(len(drawn[name]), -1)[:, 0]
                low, high = np.quantile(np.log(first), _tails(interval))
                widths[name] = float(high - low)
        return widths


def load(path: str | os.PathLike[str], *, law: Law | None = None) -> Fit:
    """Return a fit from the file that `Fit.save` wrote.

    Parameters
    ----------
    path
        A netCDF file.
    law
        The law object, where it is not one of `scalefit.laws`.

    Raises
    ------
    InvalidData
        If the file is missing or holds no fit of this version.
    ConfigError
        If the law is not known and not given.
    """
    return Fit(*record.read(path, law))


def _positive(x: ArrayLike, name: str) -> Array:
    at = np.atleast_1d(np.asarray(x, dtype=float))
    if at.ndim != 1 or not (np.isfinite(at).all() and (at > 0).all()):
        raise InvalidData(f"{name} must be one-dimensional, finite and > 0")
    return at


def _tails(interval: float) -> tuple[float, float]:
    if not 0.0 < interval < 1.0:
        raise ConfigError(f"interval={interval}: give a probability between 0 and 1, such as 0.9")
    return 0.5 * (1.0 - interval), 0.5 * (1.0 + interval)
