"""Comparison of exponents and other parameters: do they differ, by how much, how surely."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arguments import real, root, tails
from scalefit.arrays import Array, quantiles
from scalefit.errors import ConfigError
from scalefit.laws.segmented import PER_REGIME
from scalefit.record import Record
from scalefit.wording import typed

from .sides import OTHERS, Side, named_of, pairs, predictors, regimes, some

if TYPE_CHECKING:
    import pandas as pd


SHUFFLES = 8000
COLUMNS = ["a", "b", "regime", "mean", "median", "low", "high", "p_greater", "p_rope"]


def compare(
    a: Record,
    b: Record | None = None,
    *,
    parameter: str = "end_exponent",
    regime: int | tuple[int, int] | None = None,
    predictor: str | None = None,
    between: str | None = None,
    value: float | None = None,
    ratio: bool = False,
    rope: float | tuple[float, float] | None = None,
    interval: float = 0.9,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how a parameter differs between runs, groups, regimes or fits, or from a number.

    Without further arguments every run of `a` is compared with every other. Of more than twelve
    runs (or groups) each is compared with the mean of all the others. Draws of different runs are
    independent; those of one run, and of pooled runs, stay together.

    Parameters
    ----------
    a
        A fit.
    b
        A second fit. Runs of the same name are compared; where no name is in both, one of the fits
        must have a single run, which is compared with all of the other.
    parameter
        `"end_exponent"`, the local exponent at the last x with the floor removed, averaged over
        models; or a parameter of `Fit.summary`, of the headline's number of regimes. Of a law in
        several variables the default is its `exponent`.
    regime
        Of an exponent, crossover or width: which one. A pair compares two regimes of each run. None
        compares all.
    predictor
        Of a parameter that has one value per predictor: which one. None compares all.
    between
        A run coordinate, such as `"arch"`: its values are compared, each the mean of its runs. The
        uncertainty of that mean includes how much runs differ, which is learned from them (see
        Source); crossovers, widths, amplitudes and noises are averaged on the log scale. A group
        of one run is that run alone. Of a fit with `pool=`, shared values are compared.
    value
        A number to compare with, such as the exponent of a theory.
    ratio
        Return a / b in place of a - b.
    rope
        Range of differences (or ratios) that do not matter: `(low, high)`, or how far from 0 (from
        1) on either side.
    interval
        Probability between `low` and `high`, equal-tailed.
    seed
        Of the random pairing of draws that are independent, and of group means.

    Returns
    -------
    DataFrame
        Columns `a, b, regime, mean, median, low, high, p_greater, p_rope`: of a - b or a / b, with
        the probabilities that a > b and that the difference is within the rope (NaN without one).
        `regime` is missing where there is only one value per run; with one value per predictor
        there is a column `predictor` behind it. `mean` is NaN where the distribution has none, as
        for groups of two runs and for ratios whose denominator may be 0.
        `attrs` holds
        `parameter`, `ratio`, `interval`, `rope`, `rising` (whether all are exponents of curves that
        rise), `notes`, `unreliable` (runs whose verdict is not ok), and `marked`, the names in `a`
        and `b` that stand for such runs.

    Warns
    -----
    UserWarning
        Naming the runs whose verdict is not ok; they are compared all the same.

    Raises
    ------
    ConfigError
        If there is nothing to compare, or an argument is unknown or does not fit the others.
    FitFailed
        If runs to compare have no posterior.

    Source
    ------
    Groups: a normal random-effects model with the non-informative prior of Bodnar et al. (2017),
    "Bayesian estimation in random effects meta-analysis using a non-informative prior", Statistics
    in Medicine 36. Simulated 90% intervals of groups of 3 to 10 runs hold the truth in 89% to 92%
    of cases where runs differ by more than their own errors, and in more where they do not.
    """
    for name, fit in (("a", a), ("b", b)):
        if not isinstance(fit, Record) and (name == "a" or fit is not None):
            raise ConfigError(f"{name}={typed(fit)}: give a fit, as sf.fit and sf.load return it")
    ends = tails(interval)
    root(seed)
    limits = _rope(rope, ratio)
    fits = [a] if b is None else [a, b]
    parameter, each = predictors(fits, parameter, predictor)
    if each and regime is not None:
        raise ConfigError(f"regime={regime}: '{parameter}' has one value per predictor; name one")
    _check(a, b, parameter, regime, between, value, ratio)
    notes: list[str] = []
    rows = []
    sides: dict[str, tuple[str, ...]] = {}
    rng = np.random.default_rng(seed)
    rising = parameter.endswith("exponent")
    places = each or regimes(fits, parameter, regime, with_number=value is not None)
    for which in places:
        for left, right in pairs(fits, parameter, which, between, value, rng, notes):
            row = _row(left, right, ratio, limits, ends, rng)
            number = which if isinstance(which, int) else None
            named: dict[str, Any] = {"regime": number}
            if each and number is not None:
                named = {"regime": None, "predictor": each[number]}
            rows.append({"a": left.name, "b": right.name, **named, **row})
            sides |= {side.name: side.runs for side in (left, right)}
            rising &= bool(max(np.median(side.draws) for side in (left, right)) < 0.0)
    involved = {run for runs in sides.values() for run in runs}
    doubtful = [
        run + named_of(fits, i)
        for i, fit in enumerate(fits)
        for run, verdict in fit.verdict.items()
        if verdict != "ok" and run + named_of(fits, i) in involved
    ]
    if doubtful:
        warnings.warn(f"doubtful or unreliable, see their verdict: {some(doubtful)}", stacklevel=2)
    if ratio and value is None and any(math.isnan(row["mean"]) for row in rows):
        notes.append("a ratio by what may be 0 has no mean; its interval says little")
    import pandas as pd

    columns = [*COLUMNS[:3], *(["predictor"] if each else []), *COLUMNS[3:]]
    table = pd.DataFrame(rows, columns=columns).astype({"regime": "Int64"})
    table.attrs = {
        "parameter": parameter,
        "ratio": ratio,
        "interval": interval,
        "rope": None if limits is None else list(limits),
        "rising": bool(rising),
        "unreliable": doubtful,
        "marked": [
            name for name, runs in sides.items() if name != OTHERS and {*runs} & {*doubtful}
        ],
        "notes": list(dict.fromkeys(notes)),
    }
    return table


def _check(
    a: Record,
    b: Record | None,
    parameter: str,
    regime: int | tuple[int, int] | None,
    between: str | None,
    value: float | None,
    ratio: bool,
) -> None:
    """Refuse arguments that do not go together."""
    given = {"b": b, "between": between, "value": value}
    many = isinstance(regime, tuple)
    taken = [name for name, one in given.items() if one is not None]
    if many and taken:
        raise ConfigError(f"regime={regime} compares regimes within each run; leave {taken[0]} out")
    if b is not None and len(taken) > 1:
        raise ConfigError(f"{taken[1]}= is for the runs of one fit; leave it or b out")
    for name, word in (("parameter", parameter), ("between", between)):
        if not isinstance(word, str) and (name == "parameter" or word is not None):
            raise ConfigError(f"{name}={typed(word)}: give a name")
    if value is not None and not math.isfinite(real(value, "value", "give a finite number")):
        raise ConfigError(f"value={value}: give a finite number")
    if value == 0.0 and ratio:
        raise ConfigError("value=0: nothing can be divided by it; leave ratio out")
    if regime is not None and parameter not in PER_REGIME:
        raise ConfigError(
            f"regime={regime}: parameter='{parameter}' has one value per run; "
            f"parameter may be {', '.join(PER_REGIME)}"
        )
    numbers = regime if isinstance(regime, tuple) else () if regime is None else (regime,)
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in numbers) or (
        many and (len(numbers) != 2 or numbers[0] == numbers[1])
    ):
        raise ConfigError(f"regime={regime}: give a number from 0, or a pair such as (0, 1)")
    if b is None and between is None and value is None and not many and len(a.runs) < 2:
        raise ConfigError(
            "this fit has one run: give a second fit, value=, or regime=(0, 1) with "
            "parameter='exponent'"
        )


def _rope(rope: float | tuple[float, float] | None, ratio: bool) -> tuple[float, float] | None:
    if rope is None:
        return None
    for one in rope if isinstance(rope, tuple | list) else [rope]:
        real(one, "rope", "give a half-width > 0, or (low, high) with low < high")
    if not isinstance(rope, tuple | list):
        around = 1.0 if ratio else 0.0
        rope = (around - rope, around + rope)
    if len(rope) != 2 or not rope[0] < rope[1]:
        raise ConfigError(f"rope={rope}: give a half-width > 0, or (low, high) with low < high")
    return float(rope[0]), float(rope[1])


def _row(
    left: Side,
    right: Side,
    ratio: bool,
    rope: tuple[float, float] | None,
    ends: tuple[float, float],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return the numbers of one row of the table."""
    one, other = left.draws, right.draws
    if not (left.joint and left.joint == right.joint):
        one, other = (_shuffled(side.draws, rng) for side in (left, right))
    with np.errstate(divide="ignore", invalid="ignore"):
        change = one / other if ratio else one - other
    change = change[~np.isnan(change)]  # 0 / 0
    known = left.mean and right.mean
    if ratio:
        known &= bool((other > 0.0).all() or (other < 0.0).all())
    return {
        "mean": float(change.mean()) if known else math.nan,
        **quantiles(change, ends),
        "p_greater": float(np.mean(one > other)),
        "p_rope": math.nan
        if rope is None
        else float(np.mean((change > rope[0]) & (change < rope[1]))),
    }


def _shuffled(draws: Array, rng: np.random.Generator) -> Array:
    """Return draws in random order, each as often as any other."""
    times = -(-SHUFFLES // draws.size)
    return np.concatenate([rng.permutation(draws) for _ in range(times)])[:SHUFFLES]
