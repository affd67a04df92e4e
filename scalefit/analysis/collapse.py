"""Collapse: its elbow, its regimes, and whether it is exact, and the same for all P before it.

A ceiling breaks a collapse: curves that start at the level of chance are flat there whatever their
P, while a flat regime of a collapse falls as P^(-gamma). `below` leaves such points out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from scalefit.arguments import positive, real
from scalefit.arrays import Array, quantiles
from scalefit.errors import ConfigError
from scalefit.inference import Problem
from scalefit.inference.certified import solve
from scalefit.inference.full import target_of
from scalefit.inference.scaled import Scaled
from scalefit.laws.collapse import Collapse, Frame, before_elbow
from scalefit.laws.priors import Normal
from scalefit.wording import counted

if TYPE_CHECKING:
    import pandas as pd

TAILS = (0.05, 0.95)
HALF = 0.5
FAR = 8.0
"""Nats beyond which a density at 0 hangs on a few draws, and two evidences are compared."""
UNSURE = 0.1
"""Standard error of that density's logarithm beyond which they are compared as well."""
PRIOR_DRAWS = 20_000
SHARE = 0.6
"""Share of a ceiling from which the approach to it bends a power law."""


def elbows(draws: Mapping[str, Array], sizes: ArrayLike) -> Array:
    """Return where the elbow of every draw lies at each P, shape (draws, m), in the unit of x.

    Parameters
    ----------
    draws
        Natural parameters of a `Collapse` by name; NaN where a draw has one regime only.
    sizes : shape (m,)
        Values of P.
    """
    if "elbow" not in draws:
        raise ConfigError("a collapse of 1 regime has no elbow; fit regimes=2 or more")
    at = np.atleast_1d(positive(sizes, "P"))
    log_p = np.log(at) - np.log(draws["middle"])[:, None]
    return np.asarray(draws["elbow"][:, None] * np.exp(draws["gamma_2"][:, None] * log_p))


def elbow(
    draws: Mapping[str, Array], sizes: ArrayLike, x: Array, tails: tuple[float, float] = TAILS
) -> pd.DataFrame:
    """Return the elbow at each P with its interval, and whether the data reach it.

    Where the law changes its exponent is what is meant, not where a curve is least.

    Parameters
    ----------
    draws
        Natural parameters of a `Collapse` by name.
    sizes : shape (m,)
        Values of P.
    x : shape (n, 2)
        The points of the fit, x and P.
    tails
        Ends of the interval, as probabilities.

    Returns
    -------
    One row per P: `P, median, low, high`; `first, last`, the ends of x among the points of that P;
    `inside`, the probability that the elbow lies between these; and a `note` where it does not.
    Where no point has that P the ends are NaN and the note says so.
    """
    import pandas as pd

    at = np.atleast_1d(positive(sizes, "P"))
    rows = []
    for size, value in zip(at, elbows(draws, at).T, strict=True):
        value = value[np.isfinite(value)]
        there = x[np.isclose(x[:, 1], size, rtol=1e-9), 0]
        first, last = (there.min(), there.max()) if there.size else (np.nan, np.nan)
        inside = float(np.mean((value > first) & (value < last))) if there.size else np.nan
        note = ""
        if not there.size:
            outside = size < x[:, 1].min() or size > x[:, 1].max()
            note = "P beyond the data" if outside else "no curve of this P"
        elif inside < HALF:
            note = "beyond the last x" if np.median(value) > last else "before the first x"
            note += ": known from other P only"
        ends = quantiles(value, tails)
        rows.append(
            {"P": size, **ends, "first": first, "last": last, "inside": inside, "note": note}
        )
    return pd.DataFrame(rows)


def regimes(draws: Mapping[str, Array], tails: tuple[float, float] = TAILS) -> pd.DataFrame:
    """Return exponents in x and in P of every regime, and how each stands to the elbow.

    Every regime tells these two by itself; the elbow, or two regimes together, tell gamma_2.

    Returns
    -------
    One row per regime: `regime`, counted from 0; `steepest`, the probability that gamma_0 and
    gamma_1 are its, and `ends_at_elbow`; `exponent` and `P_exponent` with their intervals in
    `..._low` and `..._high`.
    """
    import pandas as pd

    steepest, last = _places(draws["exponent"])
    rows = []
    for j in range(draws["exponent"].shape[-1]):
        row: dict[str, object] = {
            "regime": j,
            "steepest": float(np.mean(steepest == j)),
            "ends_at_elbow": float(np.mean(last == j)),
        }
        for name in ("exponent", "P_exponent"):
            value = draws[name][:, j]
            ends = quantiles(value[np.isfinite(value)], tails)
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), ends.values(), strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def _places(exponent: Array) -> NDArray[np.intp]:
    """Return the steepest regime and the last before the elbow, (2, draws); -1 where none is."""
    found = np.full((2, len(exponent)), -1, dtype=np.intp)
    have = np.sum(np.isfinite(exponent), axis=1)
    for n in range(2, exponent.shape[1] + 1):
        rows = have == n
        found[:, rows] = np.argmax(before_elbow(exponent[rows, :n], n - 1), axis=-1)
    return found


@dataclass(frozen=True)
class Odds:
    """How the data weigh a hypothesis against the law in which it is free.

    Attributes
    ----------
    log_bayes
        Log of the evidence of the hypothesis over that of the law.
    error
        Its standard error.
    method
        `"density at 0"` (Savage and Dickey) or `"two evidences"`.
    """

    log_bayes: float
    error: float
    method: str

    @property
    def probability(self) -> float:
        """Posterior probability, where both are equally probable a priori."""
        return float(special.expit(self.log_bayes))


def nested(problem: Problem, draws: Mapping[str, Array], rng: np.random.Generator) -> pd.DataFrame:
    """Return the probabilities that gamma_0 is 0 and that the collapse is exact.

    The posterior density of a linear parameter at 0 over that of its prior is the Bayes factor of
    holding it there. Given everything else in a draw that density is a normal's, whose mean over
    the draws it is. Where that hangs on few draws the law is fitted without the parameter, and the
    evidences are compared.

    Parameters
    ----------
    problem
        Points, law and noise of the fit.
    draws
        Natural parameters of the law and those of the noise, of one number of regimes, by name.
    rng
        Source of random numbers.

    Returns
    -------
    One row per hypothesis: `hypothesis`, its `probability` where it and its contrary are equally
    probable a priori, `log_bayes` with its standard `error`, and `method`.

    Raises
    ------
    ConfigError
        If the law is no collapse, or both are held already.

    Source
    ------
    Dickey (1971), "The weighted likelihood ratio, linear hypotheses on normal location parameters".
    """
    import pandas as pd

    law = problem.law.require(Collapse, "gamma_0 and drift")
    tests = {}
    if law.gamma_0 is None:
        tests["gamma_0 = 0"] = _gamma_0
    if law.drifts:
        tests["drift = 0"] = _drift
    if not tests:
        raise ConfigError(f"the law '{law.name}' has no free gamma_0 and no drift to test")
    found = {name: test(problem, law, draws, rng) for name, test in tests.items()}
    return pd.DataFrame(
        {
            "hypothesis": name,
            "probability": one.probability,
            "log_bayes": one.log_bayes,
            "error": one.error,
            "method": one.method,
        }
        for name, one in found.items()
    )


def _gamma_0(
    problem: Problem, law: Collapse, draws: Mapping[str, Array], rng: np.random.Generator
) -> Odds:
    """Return the odds of gamma_0 = 0 in the regime that is steepest in most draws.

    Of a later regime than the first it is gamma_0 of the first and gamma_2 times the difference of
    two exponents, all of them linear parameters.
    """
    at = int(np.bincount(_places(draws["exponent"])[0]).argmax()) if law.regimes > 1 else 0
    held = replace(law, gamma_0=0.0) if at == 0 else None
    target = Scaled.of(problem)
    start = problem.priors["start_gamma_0"]
    if target is None or not isinstance(start, Normal):
        return _two_evidences(problem, held or replace(law, gamma_0=0.0), rng)
    stretch = Frame.of(problem.window).stretch
    weight = np.zeros((len(draws["gamma"]), law.regimes + 2 + law.drifts))
    weight[:, law.regimes + 1] = 1.0
    weight[:, 1] += stretch * draws["gamma_2"]
    weight[:, 1 + at] -= stretch * draws["gamma_2"]
    prior = problem.natural(rng.standard_normal((PRIOR_DRAWS, problem.dimension)))
    spread = math.sqrt(2.0) * (at > 0) * stretch * prior["gamma_2"] * prior["steepness"]
    before = _log_mean_density(start.mean, np.hypot(start.sd, spread))
    return _odds(problem, target, draws, weight, before[0], held, rng)


def _drift(
    problem: Problem, law: Collapse, draws: Mapping[str, Array], rng: np.random.Generator
) -> Odds:
    """Return the odds of no drift, whose ratio to the steepness has a normal prior."""
    target, share = Scaled.of(problem), problem.priors["drift_share"]
    held = replace(law, drift=False)
    if target is None or not isinstance(share, Normal):
        return _two_evidences(problem, held, rng)
    weight = np.zeros((len(draws["gamma"]), law.regimes + 2 + (law.gamma_0 is None)))
    weight[:, -1] = 1.0 / draws["steepness"]
    before = _log_mean_density(np.array([share.mean]), np.array([share.sd]))
    return _odds(problem, target, draws, weight, before[0], held, rng)


def _odds(
    problem: Problem,
    target: Scaled,
    draws: Mapping[str, Array],
    weight: Array,
    log_prior: float,
    held: Collapse | None,
    rng: np.random.Generator,
) -> Odds:
    """Return the odds that a linear parameter is 0: `weight` (m, q) times those of the target."""
    law = problem.law.require(Collapse, "linear parameters")
    noise = {name: draws[name] for name in problem.noise.priors()}
    mean, spread = target.linear({**law.sampled(draws, problem.window), **noise})
    centre = np.einsum("mi,mi->m", weight, mean)
    sd = np.sqrt(np.einsum("mi,mij,mj->m", weight, spread, weight))
    log_density, error = _log_mean_density(centre, sd)
    odds = Odds(log_density - log_prior, error, "density at 0")
    if held is None or (abs(odds.log_bayes) < FAR and error < UNSURE):
        return odds
    return _two_evidences(problem, held, rng)


def _log_mean_density(centre: Array | float, sd: Array) -> tuple[float, float]:
    """Return the log of the mean density of normals at 0, and its standard error."""
    logs = -0.5 * (centre / sd) ** 2 - np.log(sd) - 0.5 * math.log(2.0 * math.pi)
    mean = float(special.logsumexp(logs) - math.log(logs.size))
    return mean, float(np.std(np.exp(logs - mean)) / math.sqrt(logs.size))


def _two_evidences(problem: Problem, held: Collapse, rng: np.random.Generator) -> Odds:
    """Return the odds of a law in which a parameter is held, by fitting it and the other."""
    given = problem.given
    if given is not None:
        names = {**held.priors(problem.window), **problem.noise.priors()}
        given = {name: prior for name, prior in given.items() if name in names}
    other = replace(problem, law=held, given=given)
    one, two = (solve(target_of(each), rng).certificate for each in (other, problem))
    apart = one.log_evidence - two.log_evidence
    return Odds(apart, math.hypot(one.error, two.error), "two evidences")


def below(
    y: ArrayLike, ceiling: float, share: float = SHARE
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which points lie far enough below a ceiling, and what to say of the others.

    Nearer to it a curve bends towards the ceiling, and a collapse would take that for its own. No
    likelihood is known that keeps such points: what divides them out weighs by y itself.

    Parameters
    ----------
    y : shape (n,)
        What was measured.
    ceiling
        Level at which curves begin whatever they learn, such as the error of chance; in the unit
        of y.
    share
        Points up to this share of the ceiling are kept.

    Returns
    -------
    kept : shape (n,)
    notes
        One sentence where points are left out.

    Raises
    ------
    ConfigError
        If ceiling or share is not positive, or no point is left.
    """
    level = real(ceiling, "ceiling", "give the level at which curves begin, > 0")
    if not 0.0 < level < math.inf or not 0.0 < share <= 1.0:
        raise ConfigError(
            f"ceiling={ceiling}, share={share}: give a level > 0 and a share of 0 to 1"
        )
    kept = np.asarray(y, dtype=float) <= share * level
    lost = int(np.sum(~kept))
    if lost == kept.size:
        raise ConfigError(f"ceiling={ceiling:g}: no y lies below {share:g} times that")
    said = f"{counted(lost, 'point')} of {kept.size} above {share:g} of the ceiling left out"
    return kept, [said] if lost else []
