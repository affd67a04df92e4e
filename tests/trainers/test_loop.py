"""What the training loop does when memory or time runs out, whatever the family."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from samples.trainings import PROTOCOLS, small

from scalefit.trainers.families import simulation, simulations
from scalefit.trainers.protocol import Run, Variable

pytestmark = pytest.mark.train


@pytest.mark.parametrize(("family", "protocol"), PROTOCOLS)
@pytest.mark.parametrize("width", [1, 2])
def test_a_training_resumes_from_its_state_bit_for_bit(
    family: str, protocol: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from scalefit.trainers import loop

    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    runs = small(family, protocol)
    one, cpu = simulation(runs[0].settings), torch.device("cpu")
    whole = loop.train(one, runs, cpu, width=width)
    slot = Slot()
    found = None
    while found is None:
        slot.patience = 2 + 3 * slot.interruptions
        with contextlib.suppress(TimeoutError):
            found = loop.train(one, runs, cpu, width=width, slot=slot)
    assert slot.interruptions >= 2
    assert list(found.values) == list(whole.values)
    for name, values in whole.values.items():
        np.testing.assert_array_equal(found.values[name], values)


class Slot:
    """Keeps a state in memory, and ends the training after so many writings."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] | None = None
        self.patience = self.interruptions = 0

    def read(self) -> dict[str, Any] | None:
        return None if self.kept is None else dict(self.kept)

    def write(self, arrays: Mapping[str, Any], /) -> None:
        self.kept = {name: array.copy() for name, array in arrays.items()}
        self.patience -= 1
        if not self.patience:
            self.interruptions += 1
            raise TimeoutError


class Walk:
    """Adds fresh normal numbers, in blocks of four steps; records each of three coordinates."""

    source = "random walk"
    variables: Mapping[str, Variable] = {
        "step": Variable("step"),
        "place": Variable("place", "m", ("unit",)),
    }
    block = 4

    @property
    def dtype(self) -> Any:
        import torch

        return torch.float64

    def checkpoints(self, settings: Any) -> list[int]:
        return [1, 3, 4, 9, 13]

    def along(self, settings: Any) -> Mapping[str, Any]:
        return {"step": np.array(self.checkpoints(settings), dtype=float)}

    def init(self, runs: Sequence[Run], device: Any) -> Any:
        import torch

        return {}, {"place": torch.zeros(len(runs), 3, dtype=self.dtype, device=device)}

    def feed(self, runs: Sequence[Run], block: int, device: Any) -> Any:
        import torch

        fresh = np.array([run.stream("walk", block).standard_normal((4, 3)) for run in runs])
        return {"move": torch.tensor(fresh, device=device)}

    def update(self, state: Any, data: Any, fresh: Any, steps: range) -> Any:
        assert fresh["move"].shape[1] == len(steps)
        place = state["place"]
        for step in range(len(steps)):
            place = place + fresh["move"][:, step]
        return {"place": place}

    def measure(self, state: Any, data: Any) -> Any:
        return {"place": state["place"]}


def test_fresh_data_reach_every_step_once_and_survive_interruptions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    from scalefit.trainers import loop, trajectories

    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    runs = small("perceptron", "gradient_descent")
    moves = [
        [run.stream("walk", block).standard_normal((4, 3)) for block in range(4)] for run in runs
    ]
    places = np.cumsum(np.array(moves).reshape(3, 16, 3), axis=1)[:, [0, 2, 3, 8, 12]]
    walk: Any = Walk()
    slot = Slot()
    found = None
    for _ in range(9):
        slot.patience = 5
        with contextlib.suppress(TimeoutError):
            found = loop.train(walk, runs, torch.device("cpu"), width=2, slot=slot)
            break
    assert found is not None
    assert slot.interruptions >= 2
    curves = trajectories.simulated(walk, runs, found, {})
    assert curves["place"].dims == ("run", "point", "unit")
    assert curves["place"].attrs["units"] == "m"
    np.testing.assert_allclose(curves["place"], places, rtol=1e-13)
    longer = curves.isel(point=slice(2)).assign_coords(run=["a", "b", "c"])
    both = trajectories.concat([longer, curves])
    np.testing.assert_array_equal(both["place"][3:], curves["place"])
    assert np.isnan(both["place"][:3, 2:]).all()


def test_an_interrupted_training_goes_on_from_the_step_that_was_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    from scalefit.trainers import loop

    trained: list[int] = []

    class Noted(Walk):
        def update(self, state: Any, data: Any, fresh: Any, steps: range) -> Any:
            trained.extend(steps)
            return super().update(state, data, fresh, steps)

    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    noted: Any = Noted()
    runs, cpu = small("perceptron", "gradient_descent"), torch.device("cpu")
    slot = Slot()
    told: list[float] = []
    found = None
    for attempt in range(9):
        slot.patience = 5
        told.clear()
        with contextlib.suppress(TimeoutError):
            # another device may take another number side by side, but not of those already begun
            width = 2 + attempt % 2
            found = loop.train(noted, runs, cpu, width=width, slot=slot, advance=told.append)
            break
    assert found is not None
    assert slot.interruptions >= 2
    assert sorted(trained) == sorted(2 * list(range(13)))  # two runs side by side, then the third
    assert sum(told) == pytest.approx(3)  # the last attempt hears of what the others did, too
    whole = loop.train(noted, runs, cpu, width=3)
    np.testing.assert_array_equal(found.values["place"], whole.values["place"])


def test_the_state_is_saved_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from scalefit.trainers import loop

    class Second(Walk):
        now = 0.0

        def update(self, state: Any, data: Any, fresh: Any, steps: range) -> Any:
            Second.now += len(steps)
            return super().update(state, data, fresh, steps)

    class Times(Slot):
        written: ClassVar[list[float]] = []

        def write(self, arrays: Mapping[str, Any], /) -> None:
            self.written.append(Second.now)

    second: Any = Second()
    monkeypatch.setattr(loop, "SAVE_EVERY", 3.5)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: Second.now))
    runs = small("perceptron", "gradient_descent")
    loop.train(second, runs, torch.device("cpu"), width=3, slot=Times())
    assert Times.written == [4, 8, 12]


def test_want_of_memory_halves_the_runs_side_by_side_then_gives_one_up() -> None:
    import torch

    from scalefit.trainers import loop, trajectories
    from scalefit.trainers.perceptron.simulate import SIMULATIONS

    calls: list[list[int]] = []

    class Large(type(SIMULATIONS["gradient_descent"])):  # type: ignore[misc]
        def update(self, state: Any, data: Any, fresh: Any, steps: range) -> Any:
            if steps.start == 2 and (len(calls[-1]) > 2 or 4 in calls[-1]):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().update(state, data, fresh, steps)

        def init(self, runs: Sequence[Run], device: Any) -> Any:
            calls.append([run.seed for run in runs])
            return super().init(runs, device)

    runs = small("perceptron", "gradient_descent", seeds=6)
    told: list[float] = []
    found = loop.train(Large(), runs, torch.device("cpu"), width=6, advance=told.append)
    assert calls == [[0, 1, 2, 3, 4, 5], [0, 1, 2], [0], [1], [2], [3], [4], [5]]
    assert found.out_of_memory.tolist() == [False] * 4 + [True, False]
    assert sum(told) == pytest.approx(6)
    curves = trajectories.simulated(Large(), runs, found, {})
    assert curves["status"].values.tolist() == ["ok"] * 4 + ["oom", "ok"]
    expected = loop.train(SIMULATIONS["gradient_descent"], runs, torch.device("cpu"), width=1)
    for name, values in expected.values.items():
        np.testing.assert_array_equal(np.delete(curves[name], 4, 0), np.delete(values, 4, 0))
        assert np.isnan(curves[name][4]).all()


def test_want_of_memory_in_every_run_is_recorded() -> None:
    import torch

    from scalefit.trainers import loop, trajectories

    class Endless(type(simulations("perceptron")["gradient_descent"])):  # type: ignore[misc]
        def init(self, runs: Sequence[Run], device: Any) -> Any:
            raise MemoryError

    runs = small("perceptron", "gradient_descent")
    found = loop.train(Endless(), runs, torch.device("cpu"), width=3)
    curves = trajectories.simulated(Endless(), runs, found, {})
    assert set(curves["status"].values) == {"oom"}
    assert np.isnan(curves["test_error"]).all()


def test_other_errors_are_not_taken_for_want_of_memory() -> None:
    import torch

    from scalefit.trainers import loop

    class Broken(type(simulations("perceptron")["gradient_descent"])):  # type: ignore[misc]
        def init(self, runs: Sequence[Run], device: Any) -> Any:
            raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        loop.train(Broken(), small("perceptron", "gradient_descent"), torch.device("cpu"), width=1)
