"""`fit`: the whole way from data to posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import ArrayLike

from scalefit.laws import Law
from scalefit.laws.priors import Prior
from scalefit.result import Fit

from .jobs import run
from .prepared import prepared

if TYPE_CHECKING:
    from .prepared import Data


def fit(
    data: Data | None = None,
    values: ArrayLike | None = None,
    /,
    *,
    x: str | Sequence[str] | ArrayLike | None = None,
    y: str | ArrayLike | None = None,
    by: str | Sequence[str] | None = None,
    runs: str | Sequence[str] | None = None,
    lr: str | None = None,
    skip_run: str | Sequence[str] = (),
    x_range: tuple[float | None, float | None] | Mapping[str, Any] | None = None,
    duplicates: Literal["replicate", "last", "error"] | None = None,
    at: Literal["last", "min"] | int = "last",
    resume: bool = False,
    ceiling: float | None = None,
    aggregate: Literal["mean"] | None = None,
    law: str | Law = "broken",
    regimes: int | Sequence[int] | Literal["auto"] = "auto",
    floor: bool | float | Literal["auto"] = "auto",
    noise: str = "auto",
    y_err: str | ArrayLike | None = None,
    test_size: int | None = None,
    pool: str | Sequence[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    priors: Mapping[str, Prior] | Literal["default", "narrow", "anchored"] | None = None,
    method: str = "auto",
    loss: str | None = None,
    delta: float = 1e-3,
    draws: int = 1000,
    seed: int = 0,
    executor: Executor | None = None,
    progress: bool = True,
) -> Fit:
    """Return the posterior of a law for every curve in the data.

    Parameters
    ----------
    data
        A trajectory, a DataFrame, or the path of a file that `scalefit.read` understands. Two
        arrays, `fit(x, y)`, are one curve.
    values
        The second array of `fit(x, y)`.
    x, y
        Names of variables (x may also be a numeric run coordinate, then every run gives one
        point), or arrays of shape (n,). Where data are given without x, it is the column that
        counts training: steps in a log, and in a table tokens, samples, steps or epochs, whichever
        comes first; a note says which. For a law of k predictors, k names in the order in which
        it takes them, `x=("n_params", "tokens")`, or an array of shape (n, k), a row for each
        point; runs that agree in `by` are then one surface.
    by
        Columns or run coordinates that tell curves apart; None makes every run a curve. Where x is
        a run coordinate, None stands for all settings that vary, but for x, the seed, and what
        follows from them; an empty list makes all runs one curve.
    runs
        For several predictors: columns of a table that tell apart the runs of one surface, whose
        points are correlated. The runs of a trajectory are known.
    lr
        Column of the learning rate at every `x`, which is the step: the law is then `"annealed"`,
        in the area under the rate and what was annealed of it (`scalefit.schedule`), and
        `Fit.predict` takes a planned schedule. Points up to 1.2 times the length of the warm-up are
        left out unless `x_range` is given.
    skip_run
        Runs to leave out, by their ids: the values of `by`, parted by a comma and a blank.
    x_range
        Part of x to use, `(low, high)`, in the unit of x; None leaves an end open. For several
        predictors such ranges by column.
    duplicates
        What equal x within a curve mean: `"replicate"` keeps all, `"last"` the last row,
        `"error"` refuses. None is `"last"` for the steps of a log of training, which a resumed run
        writes again, and else `"replicate"`.
    at
        Which point of each run is used when x is a run coordinate.
    resume
        Whether runs in which x falls back are joined up: what a counter had reached before it
        restarted is added; where x falls back over part of what came before, later rows take the
        place of earlier ones.
    ceiling
        What y stays below, such as 1 or 100 for an accuracy that rises: the law is then of what y
        lacks of it, and everything is given back in y.
    aggregate
        `"mean"` puts the mean in place of replicates, equal x within a curve, with its standard
        error as `y_err`.
    law
        `"broken"`, the multi-regime power law; `"power"`, one regime of it; `"cutoff"`, which ends
        in an exponential beside an offset of either sign; of several predictors `"additive"`,
        `"kaplan"`, `"four_regime"`, `"monomial"`, `"data_constrained"` and `"farseer"`; or a law
        object, with options of its own.
    regimes
        Number of regimes of the broken law: a number, several of them, or `"auto"`, 1 to 4. Several
        are weighed by their posterior probability; a curve with too few points for a number goes
        without it.
    floor
        Whether the law has a floor: `True`, `False`, the value of a known one in the unit of y, or
        `"auto"`, both, weighed jointly with the regimes. The exponent of a difference from a limit,
        L(D) - L(infinity), is that of L above a floor: the limit where theory gives it, True where
        it is a parameter, and True with a prior of the floor where a large run gives it with an
        error, `priors={"floor": LogNormal(limit, error / limit)}`.
    noise
        On the scale of log y: `"normal"`, `"ar1"` (serially correlated; gaps are measured in log x,
        or with `"ar1-x"` and `"ar1-index"` in x or in points), `"changing"` (its standard deviation
        is a power of x), `"student"` (heavy tails), or `"auto"`, which weighs the first three,
        AR(1) where 8 points or more of a curve are one run in order, and changing noise from 16
        points on; it is normal for laws of one's own, and for NUTS. `"outlier"`: a share
        of the points has noise several times as large (see `Fit.outliers`). With several
        predictors `"ar1-run"` is correlated along each run, which is displaced as a whole; `"run"`
        is displaced alone; and `"auto"` is the first of them along runs, `"student"` where each
        point is a run of its own.
    y_err
        Known standard errors of y: the name of a column or variable, or an array beside arrays.
        `(y_err / y)^2` is added to the fitted variance of log y.
    test_size
        Test points that each y, an error rate between 0 and 1, is a share of (with a ceiling, what
        y lacks of it). Its binomial variance, (1 - y) / (n y) of log y, is added to the known
        errors, and to new points that are predicted. Errors are taken to be independent from point
        to point: on one test set neighbours differ by less, and miss the truth together.
    pool
        Run coordinates, such as `"seed"`, over which curves are partially pooled: their exponents,
        crossovers and widths vary around shared values with a spread that is learned, while level,
        floor and noise are their own. Takes one number of regimes, and `floor` True or False; the
        noise is normal unless named. Of laws in several variables that are sums of powers, or have
        regimes limited by either, the exponents alone are shared. See `Fit.shared`.
    fixed
        Parameters held at a value, such as `{"floor": 1.69}` or `{"noise": 0.01}`: the floor, or
        any variable of the priors table.
    priors
        Overrides of the default priors by name (see `Fit.priors`), objects of
        `scalefit.laws.priors`; or the name of a set: `"default"`; `"narrow"`, the alternative that
        shows what an answer owes to the priors; or `"anchored"`, the default but for the scale of
        the noise, which is log-normal around the curve's own roughness, the median size of fourth
        differences of log y, with 1.5 as the standard deviation of the log.
    method
        `"certified"`, which `"auto"` stands for: importance sampling whose posterior and evidence
        two independent searches must agree on; `"nuts"`; or `"point"`, milliseconds, a preview.
    loss, delta
        `"huber"`, with `method="point"`, gives the optimum of Huber's loss of log y, which many
        papers quote, and no posterior: all draws are alike. `delta` is where the loss leaves the
        square.
    draws
        Posterior draws kept per curve.
    seed
        Makes the result repeatable; curve k uses the k-th stream spawned from it.
    executor
        Runs the curves: any `concurrent.futures.Executor`. None runs them one after the other.
    progress
        Show a bar on standard error while it takes long.

    Returns
    -------
    Fit
        With one verdict per curve: a poor fit is returned and marked, not hidden, and a curve that
        fails does not take the others with it.

    Raises
    ------
    InvalidData
        If the data cannot be read or no law can be fitted to them.
    ConfigError
        If an argument is unknown or out of range.
    """
    ready = prepared(locals())
    record = run(
        ready.plan,
        ready.curves,
        x=ready.x,
        y=ready.y,
        seed=seed,
        executor=executor,
        progress=progress,
    )
    return Fit(record.law, record.tree)
