"""Opinions: what each law says of y anywhere, by its draws; several weighed by their evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.forecast.futures import law_at
from scalefit.inference.problem import Problem, mean_evidence
from scalefit.laws import Law, SegmentedLaw, Window
from scalefit.laws.noise import NORMAL
from scalefit.laws.priors import unpack
from scalefit.record import Record
from scalefit.wording import listed, suggest

DISTINCT = 200
"""Different draws below which covariances invent gains."""


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one law says, and how far it can be trusted.

    Attributes
    ----------
    law
        The law.
    params
        Draws of its parameters and of the noise by name, shape (S,) or (S, size).
    log_y
        Log y at points of shape (n,) or (n, k), for every draw, shape (S, n).
    log_evidence
        Of the law; NaN where it is unknown or not certified.
    doubt
        What speaks against its draws; empty if nothing does.
    """

    law: Law
    params: Mapping[str, Array]
    log_y: Callable[[Array], Array]
    log_evidence: float = math.nan
    doubt: str = ""

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.params["noise"])

    def at(self, x: Array) -> Array:
        """Return log y of every draw at points of shape (n, k), shape (S, n)."""
        return self.log_y(x if len(self.law.predictors) > 1 else x[:, 0])

    @property
    def distinct(self) -> int:
        """Number of different draws."""
        return int(np.unique(self.params["noise"]).size)

    def parameter(self, name: str, last: Array | None) -> Array:
        """Return the draws of a parameter of the law, shape (S, size).

        `end_exponent` is the local exponent at the last x of the data, where the law has one.
        """
        if name == "end_exponent" and isinstance(self.law, SegmentedLaw) and last is not None:
            return self.law.local_exponent(self.params, last, floor=False)
        known = [one.name for one in self.law.parameters if one.name in self.params]
        known += ["end_exponent"] * (isinstance(self.law, SegmentedLaw) and last is not None)
        if name not in known:
            raise ConfigError(
                f"target='{name}' is no parameter of the law '{self.law.name}'; "
                f"{suggest(name, known)}"
            )
        found = self.params[name].reshape(self.draws, -1)
        if not np.isfinite(found).all():
            raise ConfigError(
                f"target='{name}': draws with fewer regimes have no value; take 'end_exponent', or "
                "fit.with_regimes(n)"
            )
        return found


def of_law(law: Law, centre: Window, draws: int, rng: np.random.Generator) -> Opinion:
    """Return what a law says before there are data: draws of its priors in a window of x."""
    priors = {**law.priors(centre), **NORMAL.priors()}
    size = sum(prior.coordinates for prior in priors.values())
    sampled = unpack(priors, rng.standard_normal((draws, size)))
    params = {**sampled, **law.natural(sampled, centre)}
    return Opinion(law, params, _curve(law, params))


def of_fit(record: Record, hazard: float, rng: np.random.Generator) -> Opinion:
    """Return what the fit of one curve says, with further crossovers beyond its data."""
    run = only(record)
    params = record.parameters(run, "averaged")

    def log_y(x: Array) -> Array:
        return law_at(record, run, params, x, hazard, rng)

    verdict = record.verdict[run]
    doubt = "" if verdict == "ok" else verdict
    return Opinion(record.law, params, log_y, _evidence(record), doubt)


def of_problem(problem: Problem, draws: int, rng: np.random.Generator) -> Opinion:
    """Return what a law says of points that are fitted here."""
    from scalefit.inference import infer

    found = infer([problem], draws=draws, rng=rng)
    params = {name: one.reshape(-1, *one.shape[2:]) for name, one in found.draws.items()}
    certified = found.verdict == "ok"
    evidence = float(str(found.models[0]["log_evidence"])) if certified else math.nan
    doubt = "" if certified else f"{problem.law.name}: {found.verdict}"
    return Opinion(problem.law, params, _curve(problem.law, params), evidence, doubt)


def only(record: Record) -> str:
    """Return the name of the only curve of a fit; refuse several."""
    if len(record.runs) > 1:
        raise ConfigError(
            f"fit has {len(record.runs)} curves, each with a budget of its own: give one, such as "
            f"fit[{listed(record.runs[:1])}]"
        )
    if not record.fitted:
        raise ConfigError("fit: the only curve has no posterior; see fit.verdict")
    return record.runs[0]


def shares(opinions: Sequence[Opinion]) -> Array:
    """Return the probability of each law, shape (m,): equal ones before the data.

    Laws whose evidence is not certified have none where any other's is.
    """
    logs = np.array([one.log_evidence for one in opinions])
    if not np.isfinite(logs).any():
        return np.full(len(opinions), 1.0 / len(opinions))
    weight = np.exp(logs - np.nanmax(logs))
    return np.asarray(np.nan_to_num(weight) / np.nansum(weight))


def counts(probability: Array, draws: int) -> list[int]:
    """Return how many draws each law gives, in proportion, `draws` in all."""
    ends = np.round(draws * np.cumsum(probability)).astype(int)
    return [int(one) for one in np.diff(ends, prepend=0)]


def noise_of(params: Mapping[str, Array]) -> Array:
    """Return the log of the variance of a run around the law, for each draw, shape (S,).

    It is the variance whose inverse is what a run tells about the law, Fisher's information; of
    Student's t of scale s that is (nu + 1) / (nu + 3) / s^2, of the ordinary points among outliers
    their share over their variance.
    """
    found = 2.0 * np.log(params["noise"])
    if "run_noise" in params:
        found = np.logaddexp(found, 2.0 * np.log(params["run_noise"]))
    if "degrees_of_freedom" in params:
        nu = params["degrees_of_freedom"]
        with np.errstate(invalid="ignore"):
            lost = np.log((nu + 3.0) / (nu + 1.0))
        found = found + np.where(np.isfinite(nu), lost, 0.0)
    if "outlier_share" in params:
        found = found - np.log1p(-params["outlier_share"])
    return np.asarray(found)


def _curve(law: Law, params: Mapping[str, Array]) -> Callable[[Array], Array]:
    def log_y(x: Array) -> Array:
        with np.errstate(all="ignore"):
            return law.log_curve(params, x)

    return log_y


def _evidence(record: Record) -> float:
    """Return the log evidence of the fit of one curve, over its models; NaN if not certified."""
    if not record.weighed or record.state(record.runs[0]) == "unreliable":
        return math.nan
    models = record.group("models")
    logs = models["log_evidence"].values[0]
    there = np.isfinite(logs)
    return mean_evidence(logs[there], models["floor"].values[there]) if there.any() else math.nan
