"""`Fit`: everything that can be asked of a fit.

One file of more than 400 lines, nearly all of them docstrings: this is the page that users read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from . import arguments, fit_file
from .analysis import choice
from .arguments import positive, root, tails
from .errors import ConfigError, InvalidData
from .forecast import exponents as local
from .forecast import places, predictions
from .forecast.reach import reach
from .laws import Law, SegmentedLaw
from .record import Record
from .wording import quoted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .curves.schedule import Plan


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Record):
    """The posterior of one or more curves. Made by `scalefit.fit`; never changes.

    What can be read from it, such as `runs`, `verdict`, `notes`, `probabilities` and `tree`, is
    described at `scalefit.record.Record`. Of several curves it is a mapping by name as well:
    `len(fit)`, `for run in fit`, `fit["base"]` and `fit[["base", "large"]]` are fits again.
    """

    def __repr__(self) -> str:
        """Return a table of the first runs, at most 25 lines of 80 columns."""
        from .analysis.overview import text

        return text(self)

    def _repr_html_(self) -> str:
        from .report.notebook import page

        return page(self)

    def __len__(self) -> int:
        """Return the number of curves."""
        return len(self.tree.children["posterior"].variables["run"])

    def __iter__(self) -> Iterator[str]:
        """Return the names of the curves one by one, as a mapping does."""
        return iter(self.runs)

    def __getitem__(self, name: str | Sequence[str]) -> Fit:
        """Return the fit of one curve, `fit["base"]`, or of several, `fit[["base", "large"]]`.

        Raises
        ------
        ConfigError
            If no curve is named so.
        """
        return self.only(choice.by_name(self, name))

    def _ipython_key_completions_(self) -> list[str]:
        return self.runs

    def sel(self, **settings: Any) -> Fit:
        """Return the fit of the curves that have these settings, such as `fit.sel(lr=0.1)`.

        Parameters
        ----------
        **settings
            Value of a column of `by` or of a run coordinate, or a list of values to keep; `run`
            is the name of a curve.

        Raises
        ------
        ConfigError
            If a setting or a value is unknown, or no curve has all of them.
        """
        return self.only(choice.by_setting(self, settings))

    @property
    def exponents(self) -> xr.DataArray:
        """Posterior of the exponents, dims (run, chain, draw, regime), positive where y falls.

        Of the number of regimes that `summary` shows of each run, NaN beyond it; see
        `with_regimes`.
        """
        self.law.require(SegmentedLaw, "regimes; see summary()")
        return self.group("posterior")["exponent"].transpose("run", "chain", "draw", "regime")

    @property
    def end_exponent(self) -> xr.DataArray:
        """Posterior of the local exponent at each run's last x, floor removed, over all models.

        Dims (run, chain, draw). The last regime's own exponent is what the curve tends to; where
        the data end within a broad crossover, the curve is still far from it.
        """
        places.one_predictor(self, "an end exponent")
        return local.end_exponent(self)

    def local_exponent(
        self,
        x: ArrayLike,
        *,
        floor: bool = True,
        along: str | None = None,
        at: Mapping[str, float] | None = None,
    ) -> xr.DataArray:
        """Return the posterior of minus d log y / d log x, over all models.

        Parameters
        ----------
        x : shape (n,), in the unit of x, all > 0
            Where.
        floor
            False removes the floor, so the value does not fade where the floor dominates.
        along, at
            Of several predictors, the one that x is, and the values of the others.

        Returns
        -------
        dims (run, chain, draw, x)
        """
        one = self._along("a local exponent", along, at)
        return local.local_exponent(one, positive(x, "x"), floor=floor)

    def _along(self, what: str, along: str | None, at: Mapping[str, float] | None) -> Self:
        """Return the fit itself, or along one of its predictors."""
        if along is not None:
            return places.sliced(self, along, at)
        places.one_predictor(self, what)
        return self

    def stacking(self, seed: int = 0) -> pd.DataFrame:
        """Return weights of the models by how well they predict, laid out as `probabilities`.

        All models of a run are scored in one way: by leaving out one point after another, or, if
        the noise of any of them is `"ar1"`, by leaving out the later points after a cut. The models
        are fitted again for this, which takes a few times as long as the fit. A model that a run
        has too few points for has the weight 0, models of a run too short to be cut have equal
        ones, and a run whose fit failed is NaN.
        """
        from .analysis.stacking import stacking

        return stacking(self, seed)

    def sample(
        self,
        x: ArrayLike,
        *,
        kind: Literal["observation", "curve"] = "observation",
        hazard: float = 1.0,
        seed: int = 0,
    ) -> xr.DataArray:
        """Return predictive draws of y, averaged over all models, each by its probability.

        Parameters
        ----------
        x : shape (n,), in the unit of x, all > 0
            Where.
        kind
            `"curve"` is the law itself, `"observation"` a new point of the run with its noise;
            correlated noise remembers the residuals nearest to it.
        hazard
            Prior rate of further crossovers per decade beyond the last x of a broken power law;
            0 takes the last regime to go on for ever.
        seed
            Of futures and noise.

        Returns
        -------
        dims (run, chain, draw, x), in the unit of y

        Raises
        ------
        ConfigError
            If `kind` is unknown, `hazard` negative or above 30, or `seed` no whole number >= 0.
        InvalidData
            If an x is not finite and positive.
        """
        return predictions.sample(self, places.where(self, x), kind, hazard, seed)

    def predict(
        self,
        x: ArrayLike,
        *,
        schedule: Plan | None = None,
        of: str | None = None,
        interval: float = 0.9,
        kind: Literal["observation", "curve"] = "observation",
        hazard: float = 1.0,
        seed: int = 0,
    ) -> xr.Dataset:
        """Return the prediction of y with an equal-tailed interval.

        Parameters
        ----------
        x, kind, hazard, seed
            As for `sample`; with a schedule, steps from the last one of a run on.
        schedule
            Of a fit with a learning rate (`lr=` of `scalefit.fit`), how that goes on: a
            `scalefit.Schedule`, or steps and their rates.
        of
            The run that goes on, where the fit has several. Its points tell from where; its band is
            that of a new run, for what displaced it need not stay when the rate changes.
        interval
            Probability between `low` and `high`.

        Returns
        -------
        Dataset with dims (run, x)
            `median`, `mean`, `low`, `high` in the unit of y (far beyond the data the mean is ruled
            by the most extreme futures, the median is not); `low_inside`, `high_inside`, the same
            interval if the last regime goes on for ever; and `extrapolated`, True outside the x
            that were fitted.

        Raises
        ------
        ConfigError, InvalidData
            As `sample`, and if the interval is no probability.
        """
        ends, steps = tails(interval), dict[str, Any]()
        if schedule is not None or of is not None:
            x, steps = places.planned(self, schedule, x, of)
        at = places.where(self, x)
        found = predictions.predict(self, at, ends, kind, hazard, seed)
        return found.assign_coords(steps).assign_attrs(interval=interval)

    def reach(
        self,
        target: ArrayLike,
        *,
        interval: float = 0.9,
        within: float | None = None,
        hazard: float = 1.0,
        seed: int = 0,
        along: str | None = None,
        at: Mapping[str, float] | None = None,
    ) -> pd.DataFrame:
        """Return whether the curve ever reaches a target, and at which x.

        To reach it is to be at it or past it in the direction in which the curve has gone from its
        first to its last x: below it for a loss, above it for an accuracy. The curve is the law
        itself, without noise, over the same models and futures as in `predict`.

        Parameters
        ----------
        target : one value or several, in the unit of y, > 0 unless the fit has a ceiling
            What to reach; a ceiling itself is never reached.
        interval
            Probability between `low` and `high`.
        within : in the unit of x
            Where to stop looking; None is 1000 times the last x of each run.
        hazard, seed
            As for `sample`.
        along, at
            Of several predictors, the one that is to reach it, such as `"tokens"`, and the values
            of the others, such as `{"n_params": 7e9}`.

        Returns
        -------
        DataFrame
            One row per run and target: `run, target, direction, probability, reached, median, low,
            high, unit, within`. `reached` is the part of `probability` that lies within the data.
            `median`, `low` and `high` are quantiles of x over all draws, those that never reach the
            target counted as `inf`: with `high` infinite, the target may well never be reached.

        Raises
        ------
        ConfigError
            If `within` does not lie beyond the first x of a run or lies more than 30 decades beyond
            it, `hazard` is negative or above 30, the interval no probability, or `seed` no whole
            number >= 0.
        InvalidData
            If a target is not finite, or not positive without a ceiling.
        """
        one = self._along("what is reached", along, at)
        targets = self.values(target, "target")
        return reach(one, targets, tails(interval), within, hazard, seed)

    def savings(
        self,
        target: ArrayLike,
        baseline: str | None = None,
        *,
        between: str | None = None,
        interval: float = 0.9,
        within: float | None = None,
        hazard: float = 1.0,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return by which factor of x a run reaches a target before another does.

        With x in tokens and a ratio of 1.5, the baseline takes 1.5 times as many tokens. What it
        is to reach a target is said at `reach`; the direction is that of the baseline.

        Parameters
        ----------
        target : one value or several, in the unit of y, > 0 unless the fit has a ceiling
            What to reach.
        baseline
            The run that the others are compared with; by default the first. With `between`, a
            value of that setting.
        between
            Run coordinate, such as `"optimizer"`, whose values are compared in place of runs. Every
            draw of a value is one of a run picked at random among those that have it; so the ratio
            is that of any run with one value to any run with the other, not of their means.
        interval, within, hazard, seed
            As for `reach`; the seed is also that of the pairing. Draws of two runs are
            independent, those of pooled runs stay together.

        Returns
        -------
        DataFrame
            One row per target and run other than the baseline: `run, baseline, target, median, low,
            high, first, behind, both, neither`. With `between`, `run` and `baseline` hold values of
            that setting. The quantiles are those of x of the baseline over x of the run: `inf`
            where the baseline never gets there, 0 where the run never does, over the draws in which
            either does. `first` is the probability that the run is there first or alone, `behind`
            that the baseline is, `both` that both ever get there, and `neither` that neither does.

        Raises
        ------
        ConfigError
            If there are no two runs, `baseline` or `between` is unknown, or as `reach`.
        InvalidData
            As `reach`.
        """
        from .forecast.savings import savings

        places.one_predictor(self, "a saving")
        root(seed)
        targets = self.values(target, "target")
        ends = tails(interval)
        return savings(self, targets, baseline, between, ends, within, hazard, seed)

    def frontier(
        self,
        budget: ArrayLike,
        cost: float | Callable[[Any, Any], Any] = 6.0,
        *,
        at: Mapping[str, float] | None = None,
        interval: float = 0.9,
    ) -> pd.DataFrame:
        """Return the split of a budget between two predictors at which the law is lowest.

        Parameters
        ----------
        budget : one value or several, > 0
            Such as FLOP, in the unit of the cost.
        cost
            A factor: a run costs this times the product of both predictors. Or a function of both,
            given as arrays that broadcast, which grows with each of them.
        at
            Values of the predictors that are not split, by name.
        interval
            Probability between `low` and `high`.

        Returns
        -------
        DataFrame
            One row per run, budget and quantity: `run, budget, quantity, median, low, high,
            inside`. Quantities are both predictors, y without noise, and their exponents
            d log / d log budget, `exponent <name>`, that of y positive where it falls. `inside` is
            the share of draws that have a best split within seven decades of an even one; the
            interval is that of these. `sf.plot.frontier` draws the table, `sf.plot.isoflop` slices
            of equal cost.

        Raises
        ------
        ConfigError
            If the law has not two predictors that are free, or an argument is out of range.
        InvalidData
            If a budget is not finite and positive.
        """
        from .forecast.frontier import of_record

        return of_record(self, budget, cost, at, interval)

    def variance_shares(
        self,
        x: ArrayLike,
        *,
        kind: Literal["observation", "curve"] = "observation",
        hazard: float = 1.0,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return what the variance of predicted log y comes from.

        The law of total variance in a fixed order: what knowing the number of regimes would remove;
        then the floor (whether there is one, and its value); then the other parameters; then
        further crossovers; the rest is noise. The variance of heavy-tailed noise may be infinite;
        half the width of its central 68% is taken for its standard deviation.

        Parameters
        ----------
        x, kind, hazard, seed
            As for `sample`.

        Returns
        -------
        DataFrame
            One row per run and x: `run, x`, the standard deviation `sd` of log y, and the shares
            `regimes, floor, parameters, further_crossovers, noise`, which add up to 1.

        Raises
        ------
        ConfigError, InvalidData
            As `sample`.
        """
        from .forecast.variance import variance_shares

        return variance_shares(self, places.where(self, x), kind, hazard, seed)

    def log_predictive(
        self, x: ArrayLike, y: ArrayLike, *, hazard: float = 1.0, seed: int = 0
    ) -> xr.DataArray:
        """Return the log density of new observations, point by point, on the scale of y.

        Parameters
        ----------
        x, y : shape (n,), all > 0; y of any sign if the fit has a ceiling
            New points, the same for every run; the density at a ceiling and above is 0.
        hazard, seed
            As for `sample`.

        Returns
        -------
        dims (run, x)

        Raises
        ------
        ConfigError
            As `sample`.
        InvalidData
            If x and y differ in length or hold values without a logarithm.
        """
        at, value = places.where(self, x), self.values(y, "y")
        if len(at) != value.size:
            raise InvalidData(f"x has {len(at)} values and y {value.size}; give as many of each")
        return predictions.log_predictive(self, at, value, hazard, seed)

    @overload
    def summary(
        self, interval: float = 0.9, *, style: Literal["table"] = "table"
    ) -> pd.DataFrame: ...

    @overload
    def summary(self, interval: float = 0.9, *, style: Literal["latex"]) -> str: ...

    def summary(
        self, interval: float = 0.9, *, style: Literal["table", "latex"] = "table"
    ) -> pd.DataFrame | str:
        r"""Return one row per run, parameter and regime.

        Where several numbers of regimes are weighed, the rows are those of one: the smallest that
        is at least half as probable as the most probable. Its probability stands in `note`;
        `end_exponent` is averaged over all models.

        Parameters
        ----------
        interval
            Probability between `low` and `high`, equal-tailed.
        style
            `"latex"` returns the text of a table for the package booktabs, with estimates such as
            `$0.40^{+0.02}_{-0.01}$`, whose digits are those that the interval supports.

        Returns
        -------
        DataFrame
            Columns `run, regimes, regime, parameter, median, low, high, mean, sd, unit, ess, rhat,
            note`. `regime` counts from 0; a crossover belongs to the regime it ends. `end_exponent`
            is the local exponent at the last x with the floor removed. With a ceiling, exponents
            and amplitude are those of the gap to it, and `limit` is what y tends to: the ceiling
            less the floor of the gap.

        Raises
        ------
        ConfigError
            If the interval is no probability, or the style unknown.
        """
        from .analysis.summary import summary

        if style not in ("table", "latex"):
            raise ConfigError(f"style={quoted(style)}: give 'table' or 'latex'")
        table = summary(self, tails(interval))
        if style == "table":
            return table
        from .analysis.latex import latex

        return latex(table, interval)

    def plateaus(self, threshold: float = 0.05, *, interval: float = 0.9) -> pd.DataFrame:
        """Return the stretches over which a curve hardly falls, averaged over models.

        In each draw a plateau is a regime with |exponent| below the threshold (flat regimes in a
        row are one), from a crossover or the first x to the next crossover or the last x. The curve
        itself must be as flat at its middle, which broad crossovers beside it may prevent. The
        floor is no plateau, and a curve that is flat throughout has none.

        Parameters
        ----------
        threshold
            |exponent| below which a regime is flat.
        interval
            Probability between `_low` and `_high`, equal-tailed.

        Returns
        -------
        DataFrame
            `run, plateau, probability, start, start_low, start_high, end, ..., length, ..., height,
            ...`: one row for every plateau with a probability of 0.05 or more, in order of x, which
            `plateau` numbers from 0. A run without any has one row: the probability that there is
            one anywhere, the rest missing; of a run whose fit failed that is missing, too. `start`,
            `end` and `length` are in the unit of x; `height`, the curve at the plateau's middle, is
            in the unit of y.

        Raises
        ------
        ConfigError
            If the threshold is not positive, or the law has no regimes.
        """
        from .analysis.plateaus import plateaus

        return plateaus(self, threshold, tails(interval))

    def check(self, *, seed: int = 0) -> pd.DataFrame:
        """Return posterior predictive checks of the residuals, and in words what they mean.

        Parameters
        ----------
        seed
            Of the replicated noise.

        Returns
        -------
        DataFrame
            One row per run and check: `run, check, observed, expected, low, high, p, words`. `low`
            to `high` holds 90% of replicates. `words` is `"ok"`; or, where p < 0.01, what is wrong
            and what to try: of fits to data that follow the law, about one in twenty has such a
            row; or `"not checked: ..."`, where points are too few or the fit failed, and then the
            numbers are missing. The checks are `noise` (scale of the residuals in units of that of
            the fit), `autocorrelation` (of neighbours), `outlier` (largest residual in units of the
            scale of the middle ones), `head` and `tail` (slope of the residuals over the first and
            last third of log x, per decade, in units of their size), and `spread` (how the size of
            residuals changes along the curve).
        """
        from .analysis.checks import check

        return check(self, seed)

    def elbow(self, size: ArrayLike, *, interval: float = 0.9) -> pd.DataFrame:
        """Return where the curves of a collapse have their elbow, at some P.

        Parameters
        ----------
        size : one value or several, in the unit of P
            Such as numbers of examples.
        interval
            Probability between `low` and `high`.

        Returns
        -------
        DataFrame
            One row per run and P: `run, P, median, low, high` in the unit of x; `first, last`, the
            ends of x among the points of that P; `inside`, the probability that the elbow lies
            between these; and a `note` where it does not.

        Raises
        ------
        ConfigError
            If the law is no collapse, or one of 1 regime.
        """
        from .analysis.collapse import elbow
        from .laws import Collapse

        self.law.require(Collapse, "elbow")
        ends = tails(interval)
        found = {
            run: elbow(self.parameters(run), size, self.curve(run)[0], ends) for run in self.fitted
        }
        return _by_run(found)

    @property
    def nested(self) -> pd.DataFrame:
        """How probable it is that a collapse is exact, and that curves of all P begin alike.

        Columns `run, hypothesis`, its `probability` where it and its contrary are equally probable
        a priori, `log_bayes` with its standard `error`, and `method`. Where the density at 0 hangs
        on few draws the law is fitted again without the parameter.

        Raises
        ------
        ConfigError
            If the law is no collapse, or both hypotheses are held already.
        """
        from .analysis.collapse import nested
        from .laws import Collapse

        self.law.require(Collapse, "gamma_0 and drift")
        found = {}
        for run in self.fitted:
            (problem,) = self.problems(run).values()
            rng = np.random.default_rng(0)
            found[run] = nested(problem, self.parameters(run), rng)
        return _by_run(found)

    @property
    def outliers(self) -> pd.DataFrame:
        """The points that are more probably outliers than not, under `noise="outlier"`.

        Columns `run`, x or each predictor, `y`, `law` (the median of the law there) and
        `probability`, the largest first.

        Raises
        ------
        ConfigError
            If the fit was made with another noise.
        """
        from .analysis.outliers import outliers

        return outliers(self)

    @property
    def shared(self) -> pd.DataFrame:
        """What pooled curves share: one row per group, parameter and regime, 90% intervals.

        `spread_exponent` is the standard deviation of curves around the shared exponents,
        `spread_crossover` and `spread_width` those of the natural logarithms. Of a law in several
        variables there is a column `predictor`, and `spread_exponent` is that of the logarithms.

        Raises
        ------
        ConfigError
            If the fit was made without `pool`.
        """
        from .analysis.summary import shared

        if "shared" not in self.tree.children:
            raise ConfigError("nothing is shared: fit with pool=, such as pool='seed'")
        return shared(self, tails(0.9))

    @property
    def priors(self) -> pd.DataFrame:
        """The priors in the units of the data: distribution in words and its 5, 50, 95% points."""
        from .analysis.summary import priors

        return priors(self)

    def save(self, path: str | os.PathLike[str], *, exact: bool | None = None) -> None:
        """Write the fit as one netCDF file, all or nothing.

        Parameters
        ----------
        path
            Such as `"fit.nc"`.
        exact
            Whether draws are kept to the last bit. Otherwise each is rounded to 1/48 of the
            standard deviation of its kind, and stored in a tenth of the room; data, probabilities,
            verdicts and diagnostics are exact all the same. None packs fits of more than 50 curves.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        fit_file.write(self, path, exact)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        beyond: float = 1.0,
        panels: bool = False,
        most: int | None = None,
        along: str | None = None,
        at: Mapping[str, ArrayLike] | None = None,
    ) -> Axes | NDArray[Any]:
        """Draw data, median, 90% bands, crossovers and each regime's exponent.

        Several curves are drawn on one axes: up to three with their bands, up to eight with their
        names beside them. The bands are averaged over all models, as predictions are; crossovers
        and exponents are those of the number of regimes that `summary` shows.

        Parameters
        ----------
        ax
            Where to draw; by default a new figure.
        beyond
            How far to go on beyond the data, as a multiple of the last x; there a second band
            allows for further crossovers.
        panels
            Whether each curve has axes of its own, with exponents and crossover bands. A collapse
            has four: its curves with their elbows, the master curve, and where the elbow and the
            level lie at each P, beside the least point of every run.
        most
            Curves to draw at most, the first; 20 on one axes, 100 with `panels`. A figure that
            leaves some out says so.
        along, at
            Of several predictors, the one to draw y against, and values of the others, one or
            several; without `at`, at three that the points have. Without either, contours are drawn
            over two predictors, with residuals at the points.

        Returns
        -------
        The axes, or an array of them with `panels` or several surfaces.

        Raises
        ------
        ConfigError
            If `ax` is given with `panels`, `beyond` is below 1 or `most` below 1.
        """
        from .plot.curve import curve

        many = {"panels": panels, "most": most}
        return curve(self, None, ax, beyond=beyond, along=along, at=at, **many)  # type: ignore[arg-type]

    def report(
        self,
        path: str | os.PathLike[str],
        *,
        interval: float = 0.9,
        between: str | None = None,
        theory: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
        seed: int = 0,
    ) -> None:
        """Write one HTML page that holds everything: it opens anywhere and asks no network.

        First the curves on one axes, if there are several. Per curve the figure, with log or linear
        axes, its local exponent, the probabilities of the models, residuals and their
        autocorrelation, parameters, posterior predictive checks, certificates and priors; then the
        end exponents of all curves, and where the numbers come from. Of more than 200 curves 200
        are shown one by one, those whose verdict is not ok first.

        Parameters
        ----------
        path
            Such as `"report.html"`; all or nothing.
        interval
            Probability of the intervals in tables and forest; bands in figures hold 90%.
        between
            Run coordinate between whose values end exponents are compared, as `sf.compare` does;
            by default all pairs of up to 12 runs are.
        theory
            x and y of the curve that a theory foretells, by run; drawn beside the data.
        seed
            Of the replicates that checks compare with, and of means of groups.

        Raises
        ------
        ConfigError
            If `between` is no run coordinate or has one value.
        OSError
            If the folder cannot be written.
        """
        from . import report

        tails(interval)
        root(seed)
        foretold = {
            run: (positive(x, "theory"), positive(y, "theory"))
            for run, (x, y) in (theory or {}).items()
        }
        report.write(self, arguments.path(path), interval, between, seed=seed, theory=foretold)


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
    return Fit(*fit_file.read(path, law))


def _by_run(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return tables of several runs as one, which of them a row is of in its first column."""
    import pandas as pd

    return pd.concat(tables, names=["run", None]).reset_index("run").reset_index(drop=True)
