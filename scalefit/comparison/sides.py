"""Sides of a comparison: runs, groups of runs, regimes and fits, each with its draws."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from scalefit.analysis.summary import reported
from scalefit.arrays import Array
from scalefit.errors import ConfigError, FitFailed, nearest
from scalefit.forecast.exponents import end_exponent
from scalefit.laws import SegmentedLaw
from scalefit.laws.segmented import PER_REGIME
from scalefit.record import Record
from scalefit.wording import listed, typed

from .group_mean import means

ON_LOGS = ("crossover", "width", "amplitude", "noise")
"""Positive scales, of which a group's mean is that of the logarithms."""
PAIRWISE = 12
"""Runs or groups above which each is compared with all the others instead of each with each."""
OTHERS = "the others"


@dataclass(frozen=True)
class Side:
    """What stands on one side of a comparison.

    Attributes
    ----------
    name
        A run, a group, one of them in one fit, or a number.
    draws : shape (n,)
        Of its posterior.
    runs
        It is made of.
    joint
        Sides with the same text share their draws, one by one; others are independent.
    mean
        Whether the distribution has a mean.
    """

    name: str
    draws: Array
    runs: tuple[str, ...] = ()
    joint: str = ""
    mean: bool = True


def regimes(
    fits: Sequence[Record],
    parameter: str,
    regime: int | tuple[int, int] | None,
    *,
    with_number: bool = False,
) -> list[int | tuple[int, int] | None]:
    """Return the regimes to compare, and refuse those that not every run has.

    A regime of runs that have different numbers of them is no common one, so it is compared with a
    number only.
    """
    if parameter not in PER_REGIME:
        return [None]
    counts = {
        run + named_of(fits, i): fit.regimes(run) - (parameter != "exponent")
        for i, fit in enumerate(fits)
        if isinstance(fit.law, SegmentedLaw)
        for run in fit.fitted
    }
    if not counts:
        if regime is not None:
            raise ConfigError(f"regime={regime}: the law '{fits[0].law.name}' has no regimes")
        return [None]
    run, fewest = min(counts.items(), key=lambda item: item[1])
    most = max(counts.values())
    if regime is None:
        if fewest != most:
            raise ConfigError(
                f"runs have {fewest} to {most} {parameter}s: name regime=, or compare "
                "fit.with_regimes(n)"
            )
        if not fewest:
            raise ConfigError(f"one regime has no {parameter}; compare fit.with_regimes(2)")
        return list(range(fewest))
    needed = max(regime) if isinstance(regime, tuple) else regime
    if needed >= fewest:
        most = needed + 1 + (parameter != "exponent")
        has = f"{fewest} {parameter}{'s' * (fewest != 1)}"
        raise ConfigError(
            f"regime={regime}: the headline of run '{run}' has {has}, counted from 0; "
            f"compare fit.with_regimes({most}), on the command line --regimes {most}"
        )
    if isinstance(regime, int) and fewest != most and not with_number:
        most += parameter != "exponent"
        raise ConfigError(
            f"regime={regime}: runs have {fewest} to {most} {parameter}s, and {regime} of one is "
            f"not {regime} of another; compare fit.with_regimes({most}), on the command line "
            f"--regimes {most}"
        )
    return [regime]


def predictors(
    fits: Sequence[Record], parameter: str, predictor: str | None
) -> tuple[str, dict[int, str]]:
    """Return the parameter, and the predictors to compare it of; none if it has one value.

    Of a law in several variables the exponents stand for the local exponent at the end.
    """
    law, names = fits[0].law, fits[0].predictors
    if parameter == "end_exponent" and len(names) > 1:
        parameter = "exponent"
    of = {one.name: one.per for one in law.parameters}
    known = dict(enumerate(names)) if of.get(parameter) == "predictor" else {}
    for fit in fits:
        if fit.predictors != names and len(fit.predictors) + len(names) > 2:
            raise ConfigError(
                f"one fit is along {listed(names)}, the other along {listed(fit.predictors)}"
            )
    if predictor is None:
        return parameter, known
    if predictor not in known.values():
        if not known:
            raise ConfigError(
                f"predictor={typed(predictor)}: parameter='{parameter}' has no value per predictor"
            )
        raise ConfigError(
            f"predictor={typed(predictor)} is unknown; {nearest(str(predictor), names)}"
        )
    return parameter, {i: name for i, name in known.items() if name == predictor}


def pairs(
    fits: Sequence[Record],
    parameter: str,
    regime: int | tuple[int, int] | None,
    between: str | None,
    value: float | None,
    rng: np.random.Generator,
    notes: list[str],
) -> list[tuple[Side, Side]]:
    """Return the pairs of sides to compare."""
    if isinstance(regime, tuple):
        first, second = (
            [
                Side(f"{side.name}, regime {one}", side.draws, side.runs, side.name)
                for side in _runs(fits[0], parameter, one, notes)
            ]
            for one in regime
        )
        return list(zip(first, second, strict=True))
    if len(fits) > 1:
        return _two_fits(fits, parameter, regime, notes)
    units, members = _groups(fits[0], parameter, regime, between, notes)
    logs = parameter in ON_LOGS
    if value is not None:
        number = Side(f"{value:g}", np.array([float(value)]))
        return [(_mean(name, units, who, logs, rng), number) for name, who in members.items()]
    if len(members) < 2:
        raise ConfigError(f"{between or 'run'}: all runs are '{next(iter(members))}'")
    if len(members) <= PAIRWISE:
        sides = [_mean(name, units, who, logs, rng) for name, who in members.items()]
        return list(combinations(sides, 2))
    notes.append(
        f"more than {PAIRWISE} {'values of ' + between if between else 'runs'}: each is compared "
        "with the mean of all the others"
    )
    return _against_others(units, members, logs, rng)


def _groups(
    fit: Record, parameter: str, regime: int | None, between: str | None, notes: list[str]
) -> tuple[list[Side], dict[str, list[int]]]:
    """Return the runs, or what pooled runs share, and which of them make up each group."""
    if between is None:
        units = _runs(fit, parameter, regime, notes)
        return units, {unit.name: [i] for i, unit in enumerate(units)}
    labels = _labels(fit, between)
    units = _pools(fit, parameter, regime, labels) or _runs(fit, parameter, regime, notes)
    members: dict[str, list[int]] = {}
    for i, unit in enumerate(units):
        members.setdefault(labels[unit.runs[0]], []).append(i)
    alone = [name for name, who in members.items() if len(units[who[0]].runs) == len(who) == 1]
    if alone:
        notes.append(f"one run only, so how much such runs differ is unknown: {some(alone)}")
    return units, members


def _labels(fit: Record, between: str) -> dict[str, str]:
    """Return the value of a run coordinate of each run."""
    known = fit.coordinates
    if between not in known:
        raise ConfigError(
            f"between='{between}' is no run coordinate of this fit, which keeps those named in "
            f"by=; {nearest(between, known)}"
        )
    values = known[between].tolist()
    if known[between].dtype.kind in "if":
        values = [f"{between}={value:.12g}" for value in values]
    return dict(zip(fit.runs, map(str, values), strict=True))


def _pools(
    fit: Record, parameter: str, regime: int | None, labels: Mapping[str, str]
) -> list[Side] | None:
    """Return what each group of pooled runs shares; None where it is not shared, or groups cross.

    The end exponent is that of the shared law at the last x of each run, and their mean.
    """
    if "shared" not in fit.tree.children:
        return None
    shared = fit.group("shared")
    if parameter != "end_exponent" and parameter not in shared:
        return None
    of_run = dict(zip(fit.runs, json.loads(fit.tree.attrs["pools"]), strict=True))
    found = []
    for pool in map(str, shared["group"].values):
        runs = tuple(run for run in fit.runs if of_run[run] == pool)
        if len({labels[run] for run in runs}) > 1:
            return None
        params = {
            str(name): one.values.reshape(one.sizes["chain"] * one.sizes["draw"], -1)
            for name, one in shared.sel(group=pool).data_vars.items()
        }
        if parameter == "end_exponent":
            law = fit.law.require(SegmentedLaw, "end exponent")
            lasts = np.array([fit.curve(run)[0][-1] for run in runs])
            draws = law.local_exponent(params, lasts, floor=False).mean(axis=1)
        else:
            draws = params[parameter][:, regime or 0]
        found.append(Side(pool, draws, runs))
    return found


def _runs(fit: Record, parameter: str, regime: int | None, notes: list[str]) -> list[Side]:
    """Return every run that has a posterior; those of one pool keep their draws together."""
    pools = json.loads(fit.tree.attrs.get("pools", "[]")) or [""] * len(fit.runs)
    fitted = fit.fitted
    if len(fitted) < len(fit.runs):
        lost = [run for run in fit.runs if run not in fitted]
        notes.append(f"failed, and left out: {some(lost)}")
    if not fitted:
        raise FitFailed("no run has a posterior; see fit.verdict")
    if parameter == "end_exponent" and isinstance(fit.law, SegmentedLaw):
        ends = end_exponent(fit).values.reshape(len(fit.runs), -1)
        drawn = dict(zip(fit.runs, ends, strict=True))
    else:
        drawn = {run: _of_run(fit, run, parameter, regime) for run in fitted}
    together = dict(zip(fit.runs, pools, strict=True))
    return [Side(run, drawn[run], (run,), together[run]) for run in fitted]


def _of_run(fit: Record, run: str, parameter: str, regime: int | None) -> Array:
    """Return draws of one parameter of one run."""
    params = fit.parameters(run)
    known = reported(params, fit.law.with_regimes(fit.regimes(run)), fit)
    if parameter not in known:
        names = [*known, *(["end_exponent"] if isinstance(fit.law, SegmentedLaw) else [])]
        raise ConfigError(f"parameter='{parameter}' is unknown: {nearest(parameter, names)}")
    values = known[parameter][0]
    if regime is None and values.shape[1] > 1:
        raise ConfigError(f"parameter='{parameter}' has several values per run; compare draws")
    return np.asarray(values[:, regime or 0])


def _two_fits(
    fits: Sequence[Record], parameter: str, regime: int | None, notes: list[str]
) -> list[tuple[Side, Side]]:
    """Return runs of the same name of two fits, or the only run of one against all of the other."""
    first, second = (
        {
            side.name: Side(
                side.name + named_of(fits, i), side.draws, (side.name + named_of(fits, i),)
            )
            for side in _runs(fit, parameter, regime, notes)
        }
        for i, fit in enumerate(fits)
    )
    common = [name for name in first if name in second]
    if not common and min(len(first), len(second)) > 1:
        raise ConfigError(
            f"no run has the same name in both fits ('{next(iter(first))}' and "
            f"'{next(iter(second))}' are the first): compare fits of the same runs, or one run "
            "with many"
        )
    left = [name for one in (first, second) for name in one if name not in common]
    if common and left:
        notes.append(f"in one of the fits only, and left out: {some(left)}")
    same = [
        name
        for name in common
        if all(map(np.array_equal, fits[0].curve(name), fits[1].curve(name)))
    ]
    if same:
        notes.append(
            "both fits are of the same data: their intervals are not independent, as they are "
            f"taken to be here: {some(same)}"
        )
    if common:
        return [(first[name], second[name]) for name in common]
    return [(one, other) for one in first.values() for other in second.values()]


def _mean(
    name: str, units: Sequence[Side], who: Sequence[int], logs: bool, rng: np.random.Generator
) -> Side:
    """Return the mean of a group; a group of one run is that run."""
    runs = tuple(run for i in who for run in units[i].runs)
    if len(who) == 1:
        only = units[who[0]]
        return Side(name, only.draws, runs, only.joint)
    estimate, error = _estimates([units[i] for i in who], logs)
    draws = means(estimate, error, np.ones((1, len(who)), dtype=bool), rng)[0]
    return Side(name, np.exp(draws) if logs else draws, runs, mean=len(who) > 2)


def _against_others(
    units: Sequence[Side],
    members: Mapping[str, Sequence[int]],
    logs: bool,
    rng: np.random.Generator,
) -> list[tuple[Side, Side]]:
    """Return each group and the mean of all runs outside it."""
    outside = np.ones((len(members), len(units)), dtype=bool)
    for g, who in enumerate(members.values()):
        outside[g, list(who)] = False
    others = means(*_estimates(units, logs), outside, rng, draws=1000)
    if logs:
        others = np.exp(others)
    runs = tuple(run for unit in units for run in unit.runs)
    found = []
    for (name, who), draws in zip(members.items(), others, strict=True):
        one = _mean(name, units, who, logs, rng)
        own = Side(one.name, one.draws, one.runs, mean=one.mean)
        found.append((own, Side(OTHERS, draws, runs)))
    return found


def _estimates(units: Sequence[Side], logs: bool) -> tuple[Array, Array]:
    """Return posterior mean and standard deviation of each."""
    drawn = [np.log(unit.draws) if logs else unit.draws for unit in units]
    return np.array([one.mean() for one in drawn]), np.array([one.std() for one in drawn])


def named_of(fits: Sequence[Record], index: int) -> str:
    """Return what is put behind a run's name to tell the fit that it is of."""
    return f" ({'ab'[index]})" if len(fits) > 1 else ""


def some(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
