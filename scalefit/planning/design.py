"""Design: which runs to buy next, so that a target is known best for what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from scalefit import arguments
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.inference.problem import Problem
from scalefit.laws import Law, Window
from scalefit.record import Record
from scalefit.wording import counted, typed

from . import cautions, opinions, tables
from .bought import Design
from .choice import Choice, Question, choose
from .opinions import Opinion

if TYPE_CHECKING:
    import pandas as pd

    from scalefit.result import Fit

DRAWS = 1000
GROWTH = 8
"""A batch is this part of the runs so far."""
NO_DATA = "no run so far: the interval is that of the priors"
MISFIT = (
    "the intervals take the law for granted; 'with misfit' allows for what it may miss by the "
    "size of the noise, and neither is a reason to stop"
)


def design(
    fit: Fit | Law | Sequence[Fit] | Sequence[Law],
    candidates: Any,
    *,
    cost: str | Sequence[float] | Array | Callable[[Mapping[str, Any]], float],
    budget: float,
    target: Any,
    batch: int | Literal["all"] | None = None,
    cost_power: float | Literal["plan"] = 0.4,
    discrepancy: float = 1.0,
    laws: Sequence[Law] | None = None,
    hazard: float = 1.0,
    seed: int = 0,
) -> Design:
    """Return which runs to buy next, in order, with the expected interval of a target after each.

    A run's gain is what it takes from the variance of the target, by conditioning the draws of the
    posterior on it as if they were normal; that needs no outcome, so a batch spreads by itself.
    Bought is, one after the other, the affordable run with the largest gain / cost^power. Run the
    batch, fit again, and ask again. No runs to start with are needed: of a law without data the
    draws are those of its priors, in the window of the candidates.

    Parameters
    ----------
    fit
        A fit of one curve; several fits of the same points, weighted by their evidence, so that
        runs that tell laws apart are bought as well; or a law, or several, without data.
    candidates
        Table with a column for every predictor, one row for each run that could be bought; for one
        predictor also its values. A run made before is bought again only if it is listed.
    cost
        Column of `candidates`, a value for each row, or a function of the row, which it is given as
        a mapping; all > 0.
    budget
        What this call may spend, in the unit of cost.
    target
        What is to be known: points to predict, as a table like `candidates` with an optional column
        `weight`; or the name of a parameter of the law, such as `"floor"` or `"end_exponent"`.
    batch
        Runs to buy; None for an eighth of the runs so far, at least 1; `"all"` for as many as the
        budget allows.
    cost_power
        Power of the cost, from 0 to 1. `"plan"` spends the whole budget with five of them, and
        takes the one that would leave least variance.
    discrepancy
        Standard deviation of what the law may miss, in units of the noise; 0 takes the law for
        true. It is known to the design alone, which then buys fewer cheap runs far from the target.
    laws
        Further laws for the points of `fit`, which are fitted here and weighed with it.
    hazard
        Prior rate of further crossovers per decade beyond the data of a broken power law, as in
        `Fit.predict`.
    seed
        Of the draws.

    Returns
    -------
    Design
        `print` shows it, `.table` has its numbers, `.warnings` says where the predicted interval
        lies, `.plot()` draws it. Empty where nothing can be afforded.

    Raises
    ------
    ConfigError
        If an argument is out of range, a fit has several curves, or fits have other points.
    InvalidData
        If a column is missing, or a predictor or cost is not finite and positive.

    Source
    ------
    Expected reduction of the variance of predictions: Cohn, Ghahramani, Jordan (1996), "Active
    learning with statistical models"; Li et al. (2026), "Spend less, fit better"
    (arXiv:2604.22753), for gain over a power of the cost.

    Examples
    --------
    >>> import scalefit as sf
    >>> law = sf.laws.PowerLaw()
    >>> first = sf.design(
    ...     law,
    ...     {"x": [1e3, 1e4, 1e5, 1e6]},
    ...     cost=lambda row: row["x"],
    ...     budget=2e6,
    ...     target={"x": [1e8]},
    ...     batch="all",
    ... )
    >>> len(first), first.spent <= 2e6
    (4, True)
    """
    _powers(cost_power, discrepancy)
    arguments.rate(hazard)
    arguments.root(seed)
    rng = np.random.default_rng(seed)
    given = _given(fit)
    names = tuple(given[0].predictors)
    frame = tables.table(candidates, names, "candidates")
    x = tables.points(frame, names, "candidates")
    price, spend = tables.costs(cost, frame), tables.budget_of(budget)
    wanted, count, label = _target(target, names)
    runs, log_y = _runs(given, len(names))
    most = _most(batch, len(runs))
    said = _opinions(given, laws or (), x, wanted, hazard, rng)
    question = Question(x, price, runs, wanted, count)
    if len(x) and price.min() <= spend:
        chosen = choose(
            said,
            question,
            spend,
            most=most,
            power=cost_power,
            discrepancy=discrepancy,
            draws=DRAWS,
            rng=rng,
        )
    else:
        power = 0.4 if isinstance(cost_power, str) else cost_power
        chosen = Choice([], np.full(1, np.nan), np.full(1, np.nan), np.nan, power)
    warned = cautions.of_nothing(price, spend, len(chosen.bought))
    if chosen.bought:
        warned = [*_warned(said, question, log_y, chosen.noise), MISFIT]
    spread = np.sqrt(chosen.variance), np.sqrt(chosen.misfit)
    laws_said = zip(said, opinions.shares(said), strict=True)
    return Design(
        _table(frame, names, price, chosen),
        tuple(warned),
        spend,
        float(spread[0][0]),
        float(spread[1][0]),
        float(chosen.power),
        label,
        not isinstance(wanted, str),
        {one.law.name: float(share) for one, share in laws_said},
        seed,
    )


def _given(fit: Any) -> list[Record] | list[Law]:
    """Return fits, or laws, as a list of one kind."""
    listed = [fit] if isinstance(fit, Record | Law) else fit
    listed = list(listed.values()) if isinstance(listed, Mapping) else listed
    if isinstance(listed, Sequence) and len(listed):
        for kind in (Record, Law):
            if all(isinstance(one, kind) for one in listed):
                return list(listed)
    raise ConfigError(
        f"fit={typed(fit)}: give a fit, several fits of the same points, or laws without data"
    )


def _target(target: Any, names: Sequence[str]) -> tuple[Array | str, Array, str]:
    """Return the target, the weight of each of its points, and what it is, in words."""
    if isinstance(target, str):
        return target, np.ones(1), target
    frame = tables.table(target, names, "target")
    count = tables.weights(frame)
    return tables.points(frame, names, "target"), count, f"y at {counted(len(frame), 'point')}"


def _runs(given: Sequence[Record] | Sequence[Law], k: int) -> tuple[Array, Array]:
    """Return predictors, shape (m, k), and log y of the runs so far; refuse fits that differ."""
    first = given[0]
    if isinstance(first, Law):
        return np.empty((0, k)), np.empty(0)
    found = []
    for one in given:
        assert isinstance(one, Record)
        found.append(one.law_curve(opinions.only(one)))
    x, y = found[0]
    for other in found[1:]:
        if other[0].shape != x.shape or not (
            np.array_equal(other[0], x) and np.array_equal(other[1], y)
        ):
            raise ConfigError("fit: the fits are not of the same points, so none can be weighed")
    return x.reshape(len(y), k), np.log(y)


def _opinions(
    given: Sequence[Record] | Sequence[Law],
    laws: Sequence[Law],
    x: Array,
    target: Array | str,
    hazard: float,
    rng: np.random.Generator,
) -> list[Opinion]:
    """Return what every law says: those that were fitted, and those to be fitted beside them."""
    first = given[0]
    for law in laws:
        if not isinstance(law, Law) or len(law.predictors) != x.shape[1]:
            raise ConfigError(f"laws: {typed(law)} is no law of {counted(x.shape[1], 'predictor')}")
    if isinstance(first, Law):
        every = x if len(x) or isinstance(target, str) else target
        window = Window.of(every, np.ones(len(every))) if len(every) else Window.trial(x.shape[1])
        both = [one for one in (*given, *laws) if isinstance(one, Law)]
        return [opinions.of_law(law, window, DRAWS, rng) for law in both]
    found = [opinions.of_fit(one, hazard, rng) for one in given if isinstance(one, Record)]
    for law in laws:
        run = first.runs[0]
        at, y = first.law_curve(run)
        problem = Problem(law, at, y, first.noise, first.errors(run), start=first.start(run))
        found.append(opinions.of_problem(problem, DRAWS, rng))
    return found


def _most(batch: int | str | None, runs: int) -> int | None:
    if batch is None:
        return max(1, runs // GROWTH)
    if batch == "all":
        return None
    if not arguments.whole(batch) or int(batch) < 1:
        raise ConfigError(f"batch={typed(batch)}: give a whole number >= 1, 'all' or None")
    return int(batch)


def _powers(cost_power: float | str, discrepancy: float) -> None:
    advice = "give a number from 0 to 1, or 'plan'"
    if cost_power != "plan" and not 0.0 <= arguments.real(cost_power, "cost_power", advice) <= 1.0:
        raise ConfigError(f"cost_power={typed(cost_power)}: {advice}")
    advice = "give a number of standard deviations of the noise, 0 or more"
    if not 0.0 <= arguments.real(discrepancy, "discrepancy", advice) < np.inf:
        raise ConfigError(f"discrepancy={typed(discrepancy)}: {advice}")


def _warned(said: list[Opinion], question: Question, log_y: Array, noise: float) -> list[str]:
    found = cautions.of_opinions(said)
    if not len(question.runs):
        found.append(NO_DATA)
    if not isinstance(question.target, str):
        reach = np.concatenate([question.candidates, question.runs])
        found += cautions.of_distance(question.target, reach)
        found += cautions.of_residuals(said, question.runs, log_y, question.target, noise)
    return found


def _table(frame: pd.DataFrame, names: Sequence[str], price: Array, chosen: Choice) -> pd.DataFrame:
    """Return the purchases as the table of a design."""
    import pandas as pd

    at = [one.index for one in chosen.bought]
    plain, misfit = np.sqrt(chosen.variance), np.sqrt(chosen.misfit)
    with np.errstate(invalid="ignore"):
        gain = np.array([one.gain for one in chosen.bought]) / chosen.misfit[0]
    columns: dict[str, Any] = {"row": frame.index[at]}
    columns |= {name: frame[name].iloc[at].to_numpy(dtype=float) for name in names}
    columns |= {"cost": price[at], "spent": np.cumsum(price[at]), "gain": gain}
    columns |= {"sd_before": plain[:-1], "sd": plain[1:], "sd_misfit": misfit[1:]}
    columns["power"] = chosen.power
    return pd.DataFrame(columns)
