"""Frontier: how to split a budget between two predictors, such as parameters and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arguments import positive, real, tails
from scalefit.arrays import Array, quantiles
from scalefit.errors import ConfigError
from scalefit.laws import Law
from scalefit.laws.additive import Additive
from scalefit.record import Record
from scalefit.wording import listed, quoted, suggest, typed

from .splits import Cost, Formula, Search, curve

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Frontier:
    """Draws of the best split of each budget.

    Attributes
    ----------
    budget : shape (B,)
        In the unit of the cost.
    best : shape (S, B, 2)
        Both predictors; NaN where the best split lies beyond any that was tried.
    log_y : shape (S, B)
        Log y there, without noise.
    exponent : shape (S, B, 3)
        d log / d log budget of both predictors, and minus that of y.
    """

    budget: Array
    best: Array
    log_y: Array
    exponent: Array


def frontier(
    law: Law,
    params: Mapping[str, Array],
    budget: Array,
    cost: Cost = 6.0,
    held: Mapping[int, float] | None = None,
    centre: tuple[float, float] | None = None,
) -> Frontier:
    """Return the split of each budget at which a law is lowest, for every draw.

    Parameters
    ----------
    law
        Of two predictors; of more, all but two are held.
    params
        Draws of its natural parameters by name, shape (S,) or (S, size).
    budget : shape (B,), > 0
        Budgets, in the unit of the cost.
    cost
        A factor: the cost of a run is this times the product of both predictors. Or a function of
        both, given as arrays that broadcast, which grows with each of them.
    held
        Values of the other predictors of a law of more than two, by their place.
    centre
        A split around which to search when the cost is a function; only its order of magnitude
        matters.

    Source
    ------
    Of the additive law in closed form: Hoffmann et al. (2022), "Training compute-optimal large
    language models", equation 4 (arXiv:2203.15556). Exponents of others from the derivatives of the
    law along the curve of equal cost, by the theorem on implicit functions.
    """
    two = isinstance(law, Additive) and not law.product and len(law.predictors) == 2
    if two and not callable(cost):
        return _additive(params, budget, float(cost), law.floor)
    on = Formula(law, params, held or {})
    best, log_y, exponent = Search(on, budget, cost, centre).found()
    return Frontier(budget, best, log_y, exponent)


def _additive(
    params: Mapping[str, Array], budget: Array, cost: float, floor: bool | float
) -> Frontier:
    """Return the best split of the additive law."""
    a, b = (params["exponent"][:, j, None] for j in range(2))
    log_a, log_b = (np.log(params["amplitude"][:, j, None]) for j in range(2))
    product = np.log(budget / cost)
    log_n = (np.log(a) + log_a - np.log(b) - log_b + b * product) / (a + b)
    log_d = product - log_n
    above = np.logaddexp(log_a - a * log_n, log_b - b * log_d)
    log_y = np.logaddexp(above, np.log(params["floor"])[:, None]) if floor else above
    slopes = [b / (a + b), a / (a + b), a * b / (a + b) * np.exp(above - log_y)]
    exponent = np.stack([np.broadcast_to(one, log_n.shape) for one in slopes], axis=-1)
    return Frontier(budget, np.exp(np.stack([log_n, log_d], axis=-1)), log_y, exponent)


def table(
    found: Frontier, names: tuple[str, str], y_name: str, ends: tuple[float, float], run: str
) -> pd.DataFrame:
    """Return one row per budget and quantity, with its interval.

    Parameters
    ----------
    found
        The draws.
    names, y_name
        Of both predictors, and of y.
    ends
        Probabilities below the ends of the interval.
    run
        Name of the curve.

    Returns
    -------
    DataFrame
        `run, budget, quantity, median, low, high, inside`. Quantities are the predictors, y, and
        the exponents with which they change with the budget, `exponent <name>`; that of y is
        positive where it falls. `inside` is the share of draws whose best split lies inside of what
        was tried; the interval is that of these.
    """
    import pandas as pd

    labels = (*names, y_name, *(f"exponent {one}" for one in (*names, y_name)))
    values = [found.best[..., 0], found.best[..., 1], np.exp(found.log_y)]
    values += [found.exponent[..., j] for j in range(3)]
    rows = []
    for i, budget in enumerate(found.budget):
        there = np.isfinite(found.log_y[:, i])
        for label, draws in zip(labels, values, strict=True):
            known: dict[str, float] = dict.fromkeys(("median", "low", "high"), np.nan)
            if there.any():
                known = quantiles(draws[there, i], ends)
            row = {"run": run, "budget": float(budget), "quantity": label, **known}
            rows.append({**row, "inside": float(there.mean())})
    return pd.DataFrame(rows)


def of_record(
    record: Record,
    budget: ArrayLike,
    cost: Cost = 6.0,
    at: Mapping[str, float] | None = None,
    interval: float = 0.9,
) -> pd.DataFrame:
    """Return the table of `Fit.frontier`, for every curve of a fit.

    Parameters
    ----------
    record
        A fit of a law of two predictors, or of more.
    budget
        One or several, in the unit of the cost.
    cost
        A factor of the product of both predictors, or a function of both.
    at
        Values of the predictors that are not split, by name.
    interval
        Probability between `low` and `high`.

    Raises
    ------
    ConfigError
        If the cost or a name is unknown, or not two predictors are free.
    InvalidData
        If a budget is not finite and positive.
    """
    import pandas as pd

    budgets, ends = positive(budget, "budget"), tails(interval)
    held, names = split_of(record.predictors, at or {})
    fitted = set(record.fitted)
    tables = []
    for run in record.runs:
        if run in fitted:
            found = frontier(
                record.law,
                record.parameters(run),
                budgets,
                _checked(cost),
                held,
                _centre(record.law_curve(run)[0], held),
            )
            tables.append(table(found, names, str(record.tree.attrs["y_name"]), ends, run))
    if not tables:
        raise ConfigError("no run has a posterior to split a budget by; see fit.verdict")
    return pd.concat(tables, ignore_index=True)


def _checked(cost: Cost) -> Cost:
    advice = "give a factor of the product of both predictors, > 0, or a function of both"
    if callable(cost):
        return cost
    if not 0.0 < real(cost, "cost", advice) < np.inf:
        raise ConfigError(f"cost={typed(cost)}: {advice}")
    return float(cost)


def split_of(
    predictors: Sequence[str], at: Mapping[str, float]
) -> tuple[dict[int, float], tuple[str, str]]:
    """Return the predictors that are held, by their place, and the names of the other two."""
    held = {}
    for name, value in at.items():
        if name not in predictors:
            raise ConfigError(f"at={quoted(name)} is no predictor; {suggest(name, predictors)}")
        held[predictors.index(name)] = float(positive(value, f"at[{quoted(name)}]")[0])
    free = [name for name in predictors if name not in at]
    if len(free) != 2:
        raise ConfigError(
            f"a budget is split between two predictors, and {listed(free) or 'none'} "
            f"{'is' if len(free) < 2 else 'are'} free; at= holds the others at a value"
        )
    return held, (free[0], free[1])


def _centre(x: Array, held: Mapping[int, float]) -> tuple[float, float]:
    """Return the geometric mean of both free predictors over the data."""
    middle = [float(np.exp(np.log(one).mean())) for j, one in enumerate(x.T) if j not in held]
    return middle[0], middle[1]


def isoflop(
    law: Law,
    params: Mapping[str, Array],
    budget: float,
    sizes: Array,
    cost: Cost = 6.0,
    held: Mapping[int, float] | None = None,
) -> tuple[Array, Array]:
    """Return the second predictor and draws of y where a budget is split in several ways.

    Parameters
    ----------
    law, params, cost, held
        As for `frontier`.
    budget
        In the unit of the cost.
    sizes : shape (n,), > 0
        Values of the first predictor.

    Returns
    -------
    shapes (n,) and (S, n)
    """
    log_budget = np.full(sizes.size, np.log(budget))
    log_n = np.log(sizes)
    log_d = curve(cost, log_budget, (float(np.exp(log_n.mean())), 1.0)).exact(log_n, log_budget)
    on = Formula(law, params, held or {})
    every = np.broadcast_to(log_n, (on.draws, sizes.size))
    return np.exp(log_d), np.exp(on(every, np.broadcast_to(log_d, every.shape)))
