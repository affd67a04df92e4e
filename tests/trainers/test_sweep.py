"""Sweeps that are killed, shared out or grouped otherwise end with the same numbers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from samples.trainings import config, made, same

from scalefit import trainers, trajectory
from scalefit.errors import ConfigError, InvalidData, ScalefitError
from scalefit.trainers import sweep
from scalefit.workers import processes

pytestmark = pytest.mark.train
loop = pytest.importorskip("scalefit.trainers.loop", exc_type=ImportError)
GradientDescent = pytest.importorskip(
    "scalefit.trainers.perceptron.gradient_descent", exc_type=ImportError
).GradientDescent


def test_exact_does_not_depend_on_grouping_order_or_workers(
    tmp_path: Path, expected: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with processes(2) as pool:
        same(trainers.run(config(), determinism="exact", seed=3, executor=pool), expected)
    monkeypatch.setattr(sweep, "KEEP_EVERY", 0.0)
    first = trainers.run(config(seeds=1), determinism="exact", seed=3, out=tmp_path)
    same(first, expected.sel(run=first["run"]))
    assert len(made(tmp_path)) == 4
    monkeypatch.undo()
    same(trainers.run(config(), determinism="exact", seed=3, out=tmp_path), expected)
    part = trainers.run(
        config(learning_rate=0.4, load=[3, 1], seeds=[5, 1]), determinism="exact", seed=3
    )
    assert part["seed"].values.tolist() == [1, 5, 1, 5]
    same(part, expected.sel(run=part["run"]))
    with ThreadPoolExecutor(1) as threads:
        again = trainers.run(config(), determinism="exact", seed=3, out=tmp_path, executor=threads)
    same(again, expected)


def test_fast_is_statistically_the_same_run(expected: xr.Dataset) -> None:
    fast = trainers.run(config(shared_inputs=[False, True]), seed=3)
    own = fast.isel(run=~fast["shared_inputs"].values)
    assert own["run"].values.tolist() == expected["run"].values.tolist()
    np.testing.assert_allclose(own["test_error"], expected["test_error"], rtol=1e-10)
    assert fast.attrs["determinism"] == "fast"


def test_what_the_folder_holds_is_not_trained_again(tmp_path: Path, trained: list[str]) -> None:
    first = trainers.run(config(seeds=2, load=1), out=tmp_path)
    assert sorted(trained) == sorted(first["run"].values)
    for changes, fresh in [
        ({"seeds": 3, "load": 1}, 2),  # more seeds
        ({"seeds": [2], "load": 1}, 0),  # fewer
        ({"seeds": 2, "load": 1, "learning_rate": [0.4, 0.1, 0.2]}, 2),  # another rate, and order
        ({"seeds": 2, "load": [3, 1], "learning_rate": [0.4]}, 2),  # another load
        ({"seeds": [1, 0], "load": [1, 3], "learning_rate": [0.4, 0.2]}, 2),
        ({"seeds": 2, "load": 1, "steps": [20, 40]}, 4),
    ]:
        trained.clear()
        found = trainers.run(config(**changes), out=tmp_path)
        assert len(trained) == fresh
        assert set(trained) <= set(found["run"].values)
        assert found.sizes["run"] == config(**changes).runs
    again = trainers.run(config(seeds=2, load=1), out=tmp_path)
    same(again, first)


def test_configurations_share_a_folder_without_mixing(tmp_path: Path) -> None:
    first = trainers.run(config(seeds=2), out=tmp_path)
    files = made(tmp_path)
    more = trainers.run(config(seeds=2, load=[0.5, 1], steps=[20, 40]), out=tmp_path)
    assert files.items() <= made(tmp_path).items()
    assert trainers.run(config(seeds=2), out=tmp_path)["run"].equals(first["run"])
    whole = trajectory.validate(trainers.merged(tmp_path))
    assert whole.sizes["run"] == len({*first["run"].values, *more["run"].values})
    assert whole["load"].values.tolist() == sorted(whole["load"].values)
    same(whole.sel(run=first["run"]), first)
    ends = more["step"].max("point")
    np.testing.assert_array_equal(ends, more["steps"])
    np.testing.assert_array_equal(more["norm"].isnull(), more["step"].isnull())
    short = trainers.run(config(seeds=2, steps=20, load=1), out=tmp_path)
    assert short.sizes["point"] == int(np.isfinite(short["step"]).sum("point").max())
    assert list(trainers.merged(tmp_path, variables=["norm"]).data_vars) == ["norm"]
    with pytest.raises(InvalidData, match="did you mean 'norm'"):
        trainers.merged(tmp_path, variables=["nrm"])
    with pytest.raises(InvalidData, match="no finished runs"):
        trainers.merged(tmp_path / "empty")


def test_families_and_protocols_share_a_folder(tmp_path: Path) -> None:
    trainers.run(config(seeds=1), out=tmp_path)
    committee = trainers.config("committee", N=12, duration=20, points=4, seeds=1)
    found = trainers.run(committee, out=tmp_path)
    same(trainers.run(committee, out=tmp_path), found)
    assert trainers.merged(tmp_path).sizes["run"] == 5


def test_any_whole_number_is_a_seed(tmp_path: Path) -> None:
    plan = trainers.plan(config(seeds=1), seed=np.int64(3))
    columns = ["runs", "finished", "load", "state"]
    assert plan[columns].equals(trainers.plan(config(seeds=1), seed=3)[columns])


def test_shards_are_the_whole_and_none_twice(tmp_path: Path, trained: list[str]) -> None:
    whole = [run.label for run in sweep.expand(config(), 0)]
    parts = [trainers.run(config(), out=tmp_path / part[0], shard=part) for part in ("1/3", "2/3")]
    parts.append(trainers.run(config(), shard=(3, 3)))
    assert sorted(trained) == sorted(whole)
    assert sorted(str(run) for part in parts for run in part["run"].values) == sorted(whole)
    for wrong in ("0/3", "4/3", "1", "1/2/3", "a/b", 3):
        with pytest.raises(ConfigError, match="argument 'shard' is"):
            trainers.run(config(), shard=wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_want_of_memory_halves_the_runs_side_by_side_then_gives_one_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    calls: list[list[int]] = []
    update, init = GradientDescent.update, GradientDescent.init

    def large(self: Any, context: Any, state: Any, data: Any, fresh: Any, steps: range) -> Any:
        if steps.start == 2 and (len(calls[-1]) > 2 or 4 in calls[-1]):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return update(self, context, state, data, fresh, steps)

    def noted(self: Any, context: Any, runs: Any) -> Any:
        calls.append([run.seed for run in runs])
        return init(self, context, runs)

    settings = config(load=1, learning_rate=0.2, shared_inputs=True)
    usual = trainers.run(settings)
    with monkeypatch.context() as patch:
        patch.setattr(GradientDescent, "update", large)
        patch.setattr(GradientDescent, "init", noted)
        found = trainers.run(settings, out=tmp_path)
    assert calls == [[0, 1, 2, 3, 4, 5], [0, 1, 2], [0], [1, 2], [3, 4, 5], [3], [4, 5], [4], [5]]
    assert found["status"].values.tolist() == ["ok"] * 4 + ["oom", "ok"]
    assert np.isnan(found["test_error"][4]).all()
    others = found.isel(run=[0, 1, 2, 3, 5])
    np.testing.assert_allclose(
        others["test_error"], usual.sel(run=others["run"])["test_error"], rtol=1e-10
    )
    assert set(trainers.run(settings, out=tmp_path)["status"].values) == {"ok"}


@pytest.mark.slow
def test_want_of_memory_in_every_run_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*arguments: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(GradientDescent, "init", none_left)
    found = trainers.run(config(seeds=1))
    assert set(found["status"].values) == {"oom"}
    assert np.isnan(found["test_error"]).all()


def test_other_errors_are_not_taken_for_want_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> Any:
        raise RuntimeError("a fault")

    monkeypatch.setattr(GradientDescent, "init", broken)
    with pytest.raises(RuntimeError, match="a fault"):
        trainers.run(config(seeds=1))


def test_an_operation_without_an_exact_form_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def inexact(*arguments: Any) -> Any:
        raise RuntimeError("put_ does not have a deterministic implementation, but you set")

    monkeypatch.setattr(GradientDescent, "init", inexact)
    with pytest.raises(ConfigError, match=r"put_, which perceptron needs.*determinism='fast'"):
        trainers.run(config(seeds=1), determinism="exact")


class Stopped(Exception):
    """Ends a training."""


@pytest.mark.parametrize("more", [{}, {"shared_inputs": True}], ids=["one by one", "together"])
def test_a_killed_sweep_goes_on_from_the_saved_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    trained, stop = 0, 30
    update = GradientDescent.update

    def stopped(self: Any, context: Any, state: Any, data: Any, fresh: Any, steps: range) -> Any:
        nonlocal trained
        if trained == stop:
            raise KeyboardInterrupt
        trained += len(steps)
        return update(self, context, state, data, fresh, steps)

    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(loop, "SHARE", 1e9)
    monkeypatch.setattr(GradientDescent, "update", stopped)
    three = config(load=1, learning_rate=0.2, seeds=3, **more)  # of 40 steps each
    bundles = tmp_path / "bundles"
    calls = 1 if more else 3
    for later in (35, -1):
        with pytest.raises(KeyboardInterrupt):
            trainers.run(three, out=tmp_path)
        assert [path.suffix for path in bundles.glob("[!.]*")] == [".npz"]
        partial = trainers.merged(tmp_path, partial=True)
        assert set(partial["status"].values) == {"interrupted"}
        known = np.isfinite(partial["test_error"].values).sum(axis=1)
        assert set(known) <= set(range(1, partial.sizes["point"]))
        np.testing.assert_array_equal(np.isfinite(partial["step"]).sum("point"), known)
        (row,) = trainers.sweeps(tmp_path).to_dict("records")
        begun = 3 if more else 1
        assert (row["begun"], row["to_do"], row["under_way"]) == (begun, 3 - begun, 0)
        stop = later
    if more:  # fewer runs go on from the state of all of them
        two = config(load=1, learning_rate=0.2, seeds=[0, 2], **more)
        found = trainers.run(two, out=tmp_path)
        assert found.sizes["run"] == 2
    found = trainers.run(three, out=tmp_path)
    assert trained <= calls * 40 + (5 if more else 0)
    assert [path.suffix for path in bundles.glob("[!.]*")] == [".nc"] * (2 if more else 1)
    monkeypatch.undo()
    usual = trainers.run(three)
    np.testing.assert_allclose(found["test_error"], usual["test_error"], rtol=1e-10)


def test_the_longest_jobs_are_trained_first() -> None:
    submitted: list[float] = []

    class Noting(ThreadPoolExecutor):
        def submit(self, call: Any, job: Any, /, *more: Any, **options: Any) -> Any:
            submitted.append(job.work)
            return super().submit(call, job, *more, **options)

    sizes: dict[str, Any] = {"steps": 20000, "seeds": 1}
    with Noting(1) as executor:
        trainers.run(config(load=[1, 5, 3], **sizes), executor=executor)
    assert len(submitted) > 2
    assert submitted == sorted(submitted, reverse=True)


def test_divergence_is_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    wild = config(learning_rate=[0.2, 3e307], load=2, N=6, steps=5, seeds=2)
    found = trainers.run(wild, out=tmp_path)
    assert found["status"].values.tolist() == ["ok"] * 2 + ["diverged"] * 2
    same(trainers.run(wild, out=tmp_path), found)


def test_plan_lists_shapes_and_what_is_left(tmp_path: Path) -> None:
    plan = trainers.plan(config(), out=tmp_path)
    assert plan["runs"].tolist() == [12] * 2
    assert plan["load"].tolist() == [1, 3]
    assert plan["learning_rate"].tolist() == ["0.2 to 0.4"] * 2
    assert (plan[["core_seconds", "megabytes"]] > 0).all(axis=None)
    assert set(plan["state"]) == {"to do"}
    assert list(tmp_path.iterdir()) == []
    trainers.run(config(load=1), out=tmp_path)
    trainers.run(config(load=3, seeds=2), out=tmp_path)
    after = trainers.plan(config(), out=tmp_path)
    assert after["state"].tolist() == ["finished", "begun"]
    assert after["finished"].tolist() == [12, 4]
    assert after["core_seconds"][0] == 0 < after["core_seconds"][1]
    timed = (tmp_path / "probes.json").read_text()
    assert trainers.plan(config(), out=tmp_path)["core_seconds"].equals(after["core_seconds"])
    assert (tmp_path / "probes.json").read_text() == timed


def test_a_probe_finds_the_time_that_training_takes() -> None:
    wanted = config(load=5, N=100, steps=4000, seeds=1, learning_rate=0.1)
    trainers.run(config(seeds=1))
    before = time.process_time()
    trainers.run(wanted)
    taken = time.process_time() - before
    (found,) = trainers.plan(wanted)["core_seconds"]
    assert taken / 3 < found < 3 * taken


def test_sweeps_say_what_has_ended_and_what_is_left(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="no sweep there"):
        trainers.sweeps(tmp_path)
    trainers.run(config(seeds=2), out=tmp_path)
    trainers.run(config(learning_rate=[0.2, 3e307], load=2, N=6, steps=5, seeds=2), out=tmp_path)
    found = trainers.sweeps(tmp_path)
    assert found["runs"].tolist() == [8, 4]
    assert found["ok"].tolist() == [8, 2]
    assert found["diverged"].tolist() == [0, 2]
    assert found[["under_way", "begun", "to_do", "seconds_left"]].to_numpy().sum() == 0
    assert found["swept"][0].startswith("load 1 to 3, learning_rate 0.2 to 0.4")
    (tmp_path / "sweeps" / "x.json").write_text("[]")
    with pytest.raises(InvalidData, match="no sweep that is known here"):
        trainers.sweeps(tmp_path)


def test_a_faulty_task_gives_its_own_error(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads, pytest.raises(ScalefitError, match="not available"):
        trainers.run(config(), out=tmp_path, executor=threads, device="cuda:99")
