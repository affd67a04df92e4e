"""Many curves: none is lost to another's fault, and an executor changes nothing but the time."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from samples.deadly import fit_all_but_m1, kill

import scalefit as sf
from scalefit.errors import ConfigError, InvalidData
from scalefit.fitting import jobs
from scalefit.inference import Posterior, infer
from scalefit.inference.collapsed import kernel
from scalefit.workers import processes

X = np.geomspace(1.0, 1e4, 20)
POINT: dict[str, Any] = {"method": "point", "progress": False}
FASTEST: dict[str, Any] = {**POINT, "regimes": 1, "floor": False, "noise": "normal"}
NAMES: dict[str, Any] = {"x": "step", "y": "loss", "by": "model"}


def table(runs: int) -> pd.DataFrame:
    """Return power laws m0, m1, ... with exponents 0.3, 0.4, ..."""
    rng = np.random.default_rng(0)
    return pd.concat(
        pd.DataFrame(
            {
                "step": X,
                "loss": X ** -(0.3 + 0.1 * i) * np.exp(0.02 * rng.standard_normal(20)),
                "model": f"m{i}",
            }
        )
        for i in range(runs)
    )


def failing(monkeypatch: pytest.MonkeyPatch, *which: int) -> None:
    """Let the fits of some curves fail, counted from 0."""
    counted = iter(range(1000))

    def fragile(*arguments: Any, **options: Any) -> Posterior:
        if next(counted) in which:
            raise FloatingPointError("a pole\nat 0")
        return infer(*arguments, **options)

    monkeypatch.setattr(jobs, "infer", fragile)


@pytest.mark.parametrize(
    ("position", "models"),
    [(0, {}), (2, {}), (1, {"regimes": (1, 2), "noise": "auto", "floor": "auto"})],
)
def test_a_curve_that_fails_is_marked_and_leaves_the_others(
    position: int, models: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    data = table(3)
    whole = sf.fit(data, **NAMES, **{**FASTEST, **models})
    failing(monkeypatch, position)
    fit = sf.fit(data, **NAMES, **{**FASTEST, **models})
    bad, good = f"m{position}", [f"m{i}" for i in range(3) if i != position]
    assert fit.verdict[bad] == r"unreliable: not fitted: FloatingPointError: a pole\nat 0"
    assert [fit.verdict[run] for run in good] == ["ok", "ok"]
    assert not fit.ok
    for run in good:
        for name, values in whole.parameters(run).items():
            found = fit.parameters(run)[name]
            np.testing.assert_array_equal(found, values[..., : found.shape[-1]])
    summary = fit.summary()
    rows = summary[summary["run"] == bad]
    assert len(rows)
    assert rows[["mean", "median", "low", "high"]].isna().all(axis=None)
    assert (rows["note"] == "unreliable: see the verdict").all()
    assert summary[summary["run"] != bad][["median", "low", "high"]].notna().all(axis=None)
    predicted = fit.predict([10.0, 1e6])
    for name in ("median", "low", "high", "low_inside", "high_inside"):
        assert predicted[name].sel(run=bad).isnull().all()
        assert predicted[name].sel(run=good).notnull().all()
    assert np.isnan(fit.log_predictive([10.0], [0.3]).sel(run=bad)).all()
    assert np.isnan(fit.end_exponent.sel(run=bad)).all()
    pd.testing.assert_frame_equal(fit.priors, whole.priors)
    if models:
        assert fit.probabilities.loc[bad].isna().all()
        np.testing.assert_allclose(fit.probabilities.loc[good].sum(axis=1), 1.0)
        assert bad not in set(fit.certificate["run"])
        assert fit.with_regimes(1).verdict[bad].startswith("unreliable: not fitted: ")
    titles = [ax.get_title() for ax in fit.plot(panels=True)]
    assert [("unreliable" in title) for title in titles] == [i == position for i in range(3)]
    plt.gcf().canvas.draw()
    plt.close("all")
    fit.save(tmp_path / "fit.nc")
    again = sf.load(tmp_path / "fit.nc")
    assert again.tree.identical(fit.tree)
    pd.testing.assert_frame_equal(again.summary(), summary)


def test_heavy_tails_of_a_failed_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, 0)
    fit = sf.fit(table(2), **NAMES, **{**FASTEST, "noise": "student"})
    assert fit.predict(10.0)["median"].isnull().values.ravel().tolist() == [True, False]


def test_if_all_fail_the_first_reason_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, 0, 1)
    with pytest.raises(FloatingPointError, match="a pole"):
        sf.fit(table(2), **NAMES, **FASTEST)


def test_a_wrong_argument_is_wrong_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConfigError("no such thing")

    monkeypatch.setattr(jobs, "infer", refuse)
    with pytest.raises(ConfigError, match="no such thing"):
        sf.fit(table(2), **NAMES, **FASTEST)
    with ThreadPoolExecutor(1) as pool, pytest.raises(ConfigError, match="no such thing"):
        sf.fit(table(2), **NAMES, **FASTEST, executor=pool)


def spawned(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.parametrize(
    "pool",
    [lambda: ThreadPoolExecutor(2), pytest.param(lambda: spawned(2), marks=pytest.mark.slow)],
)
def test_an_executor_changes_no_bit(pool: Any) -> None:
    data = table(4)
    options = {**POINT, "regimes": (1, 2), "floor": False}
    expected = sf.fit(data, **NAMES, **options)
    executor: Executor
    with pool() as executor:
        fit = sf.fit(data, **NAMES, **options, executor=executor)
        again = sf.fit(data, **NAMES, **options, executor=executor)
    assert fit.tree.identical(expected.tree)
    assert again.tree.identical(expected.tree)


def test_more_curves_than_jobs_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "WAITING", 2)
    data = table(5)
    expected = sf.fit(data, **NAMES, **FASTEST)
    with ThreadPoolExecutor(2) as pool:
        assert sf.fit(data, **NAMES, **FASTEST, executor=pool).tree.identical(expected.tree)


def test_that_kernels_are_compiled_once_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = SimpleNamespace(stats=SimpleNamespace(cache_path=str(tmp_path)))
    monkeypatch.setattr(kernel, "evaluate", cached)
    assert jobs._first() == "compiling, once"
    (tmp_path / "kernel.evaluate-500.py311.nbi").touch()
    assert jobs._first() == "fitting"


@pytest.mark.slow
def test_workers_that_die_leave_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker killed for memory takes its pool with it; curves that were done stay."""

    class Mortal(ThreadPoolExecutor):
        """Does one job; then its workers are gone."""

        jobs = 0

        def submit(self, *arguments: Any, **options: Any) -> Any:
            self.jobs += 1
            if self.jobs > 1:
                with spawned(1) as doomed:
                    future = doomed.submit(kill)
                    future.exception()
                    return doomed.submit(kill) if self.jobs > 2 else future
            return super().submit(*arguments, **options)

    with Mortal(1) as pool:
        fit = sf.fit(table(3), **NAMES, **FASTEST, executor=pool)
    assert fit.verdict["m0"] == "ok"
    for run in ("m1", "m2"):
        assert fit.verdict[run].startswith("unreliable: not fitted: BrokenProcessPool")


@pytest.mark.slow
def test_a_curve_that_kills_its_worker_is_the_only_one_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = table(4)
    expected = sf.fit(data, **NAMES, **FASTEST)
    monkeypatch.setattr(jobs, "_guarded", fit_all_but_m1)
    with processes(2) as pool:
        fit = sf.fit(data, **NAMES, **FASTEST, executor=pool)
    assert fit.verdict["m1"].startswith("unreliable: not fitted: BrokenProcessPool")
    for run in ("m0", "m2", "m3"):
        assert fit.verdict[run] == "ok"
        np.testing.assert_array_equal(
            fit.exponents.sel(run=run).values, expected.exponents.sel(run=run).values
        )


class Backwards(ThreadPoolExecutor):
    """Ends its first job after its second."""

    def __init__(self) -> None:
        super().__init__(2)
        self._second = threading.Event()
        self._given = 0

    def submit(self, fn: Any, /, *arguments: Any, **named: Any) -> Any:
        self._given += 1
        if self._given == 2:
            future = super().submit(fn, *arguments, **named)
            future.add_done_callback(lambda _: self._second.set())
            return future

        def late() -> Any:
            assert self._second.wait(60)
            time.sleep(0.5)
            return fn(*arguments, **named)

        return super().submit(late)


def test_models_keep_their_order_whichever_curve_ends_first() -> None:
    """A curve of four points has fewer models than one of twenty."""
    data = table(2).iloc[: X.size + 4]
    options = {**POINT, "regimes": (1, 2), "floor": False}
    expected = sf.fit(data, **NAMES, **options)
    with Backwards() as pool:
        again = sf.fit(data, **NAMES, **options, executor=pool)
    pd.testing.assert_frame_equal(again.probabilities, expected.probabilities)
    pd.testing.assert_frame_equal(again.certificate, expected.certificate)


def test_columns_may_be_called_what_is_kept_beside_x() -> None:
    data = table(1).assign(error="none", scatter=1.0)
    named = {**NAMES, "by": ["model", "error", "scatter"], "y_err": "sd"}
    fit = sf.fit(data.assign(sd=0.01 * data["loss"]), **named, **FASTEST)
    assert fit.errors(fit.runs[0]).max() == pytest.approx(0.01)
    assert not fit.scatter(fit.runs[0]).any()


def test_curves_that_say_nothing_are_marked_and_leave_the_others(tmp_path: Path) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    data = table(5).reset_index(drop=True)
    short = data["model"].map({"m1": 1, "m2": 2}).fillna(X.size)
    data = data[data.groupby("model").cumcount() < short]
    data.loc[data["model"] == "m3", "loss"] = 0.5
    fit = sf.fit(data, **NAMES, **FASTEST)
    assert fit.verdict == {
        "m0": "ok",
        "m1": "unreliable: not fitted: 1 distinct value of x; the law needs 3",
        "m2": "unreliable: not fitted: 2 distinct values of x; the law needs 3",
        "m3": "unreliable: not fitted: y is 0.5 at every point; a constant has no exponent",
        "m4": "ok",
    }
    assert fit.summary().groupby("run")["median"].count().to_dict()["m1"] == 0
    medians = fit.predict([10.0, 1e6])["median"]
    assert medians.notnull().all("x").values.tolist() == [True, False, False, False, True]
    assert fit.reach(0.01)["probability"].notna().tolist() == [True, False, False, False, True]
    checked = fit.check().groupby("run")["words"].first()
    assert checked[["m1", "m2", "m3"]].tolist() == [
        f"not checked: {fit.verdict[run]}" for run in ("m1", "m2", "m3")
    ]
    assert not checked[["m0", "m4"]].str.startswith("not checked").any()
    assert len(fit.plot(panels=True)) == 5
    plt.gcf().canvas.draw()
    plt.close("all")
    fit.report(tmp_path / "report.html")
    with pytest.raises(InvalidData, match="the law needs 3"):
        sf.fit(data[data["model"].isin(["m1", "m2"])], **NAMES, **FASTEST)
    with pytest.raises(InvalidData, match="the law needs 3"):
        sf.fit(data[data["model"] != "m3"], **NAMES, **{**FASTEST, "method": "auto"}, pool="model")
