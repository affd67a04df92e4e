"""What the training loop does when time runs out or runs arrive, whatever the family."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from samples.trainings import PROTOCOLS, small

from scalefit.trainers.families import simulation
from scalefit.trainers.protocol import Context, Facts, Run, Simulation, Variable

pytestmark = pytest.mark.train


@pytest.mark.parametrize(("family", "protocol"), PROTOCOLS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_training_resumes_from_its_state_bit_for_bit(
    family: str, protocol: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from scalefit.trainers import loop

    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(loop, "SHARE", 1e9)
    runs = small(family, protocol)[:count]
    one, cpu = simulation(runs[0].settings), torch.device("cpu")
    whole = loop.train(one, runs, cpu)
    slot = Slot()
    found = None
    while found is None:
        slot.patience = 2 + 3 * slot.interruptions
        with contextlib.suppress(TimeoutError):
            found = loop.train(one, runs, cpu, slot=slot)
    several = len(one.facts(runs[0].settings).checkpoints) > 2  # there is something to interrupt
    assert slot.interruptions >= several
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


class Walk(Simulation):
    """Adds fresh normal numbers, in blocks of four steps; records each of three coordinates."""

    source = "random walk"
    fixed: ClassVar[Facts] = Facts(
        {"step": Variable("step"), "place": Variable("place", "m", ("unit",))},
        [1, 3, 4, 9, 13],
        block=4,
    )

    def facts(self, settings: Any) -> Facts:
        return self.fixed

    def along(self, settings: Any) -> Mapping[str, Any]:
        return {"step": np.array(self.fixed.checkpoints, dtype=float)}

    def init(self, context: Context, runs: Sequence[Run]) -> Any:
        import torch

        return {}, {"place": torch.zeros(len(runs), 3, dtype=torch.float64, device=context.device)}

    def feed(self, context: Context, runs: Sequence[Run], block: int) -> Any:
        import torch

        fresh = np.array([run.stream("walk", block).standard_normal((4, 3)) for run in runs])
        return {"move": torch.tensor(fresh, device=context.device)}

    def step(self, context: Context, state: Any, data: Any, fresh: Any, k: Any) -> Any:
        return {"place": state["place"] + fresh["move"]}

    def measure(self, context: Context, state: Any, data: Any) -> Any:
        return {"place": state["place"]}


def walks(runs: Sequence[Run], first: int = 1) -> Any:
    """Return where walks are at the checkpoints, by NumPy."""
    moves = [
        [run.stream("walk", block).standard_normal((4, 3)) for block in range(4)] for run in runs
    ]
    places = np.cumsum(np.array(moves).reshape(len(runs), 16, 3), axis=1)
    places = np.concatenate([np.zeros((len(runs), 1, 3)), places], axis=1)
    return places[:, [0, 1, 3, 4, 9, 13][first:]]


def test_fresh_data_reach_every_step_once_and_survive_interruptions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    from scalefit.trainers import loop, trajectories

    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(loop, "SHARE", 1e9)
    runs = small("perceptron", "gradient_descent")
    walk = Walk()
    slot = Slot()
    found = None
    trained: list[int] = []
    told: list[float] = []
    step = Walk.step

    def noted(self: Any, context: Any, state: Any, data: Any, fresh: Any, k: Any) -> Any:
        trained.append(int(k))
        return step(self, context, state, data, fresh, k)

    monkeypatch.setattr(Walk, "step", noted)
    for _ in range(9):
        slot.patience = 5
        told.clear()
        with contextlib.suppress(TimeoutError):
            found = loop.train(walk, runs, torch.device("cpu"), slot=slot, advance=told.append)
            break
    assert found is not None
    assert slot.interruptions >= 2
    assert trained == list(range(13))  # none twice: it goes on from the step that was saved
    assert sum(told) == pytest.approx(3)  # the last attempt hears of what the others did, too
    curves = trajectories.simulated([trajectories.piece(walk, runs, found)], {})
    assert curves["place"].dims == ("run", "point", "unit")
    assert curves["place"].attrs["units"] == "m"
    np.testing.assert_allclose(curves["place"], walks(runs), rtol=1e-13)
    longer = curves.isel(point=slice(2)).assign_coords(run=["a", "b", "c"])
    both = trajectories.concat([longer, curves])
    np.testing.assert_array_equal(both["place"][3:], curves["place"])
    assert np.isnan(both["place"][:3, 2:]).all()


def test_step_0_can_be_measured() -> None:
    import torch

    from scalefit.trainers import loop

    class FromTheStart(Walk):
        fixed = Facts(Walk.fixed.variables, [0, *Walk.fixed.checkpoints], block=4)

    runs = small("perceptron", "gradient_descent")
    found = loop.train(FromTheStart(), runs, torch.device("cpu"))
    np.testing.assert_allclose(found.values["place"], walks(runs, first=0), rtol=1e-13)


def test_the_state_is_saved_every_so_often_but_less_where_that_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    from scalefit.trainers import loop

    class Second(Walk):
        now = 0.0

        def step(self, context: Context, state: Any, data: Any, fresh: Any, k: Any) -> Any:
            Second.now += 1
            return super().step(context, state, data, fresh, k)

    class Times(Slot):
        written: ClassVar[list[float]] = []
        takes = 0.0

        def write(self, arrays: Mapping[str, Any], /) -> None:
            self.written.append(Second.now)
            Second.now += self.takes

    monkeypatch.setattr(loop, "SAVE_EVERY", 3.5)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: Second.now))
    runs = small("perceptron", "gradient_descent")
    loop.train(Second(), runs, torch.device("cpu"), slot=Times())
    assert Times.written == [4, 8, 12]
    Times.written.clear()
    Second.now, Times.takes = 0.0, 0.1
    loop.train(Second(), runs, torch.device("cpu"), slot=Times())
    assert Times.written == [4, 9.1]  # after 5 seconds, of which a fiftieth is a tenth


class Fall(Walk):
    """Halves a number every step until it is below a bound, each run from its own start."""

    source = "halving"
    early: ClassVar[bool] = True

    def facts(self, settings: Any) -> Facts:
        told = {"left": Variable("what is left"), "odd": Variable("odd", decides=False)}
        return Facts(told, [1, 50, 200], early=self.early)

    def along(self, settings: Any) -> Mapping[str, Any]:
        return {}

    def init(self, context: Context, runs: Sequence[Run]) -> Any:
        import torch

        start = torch.tensor([2.0 ** (10 * run.seed) for run in runs])
        return {}, {"left": start, "steps": torch.zeros(len(runs))}

    def feed(self, context: Context, runs: Sequence[Run], block: int) -> Any:
        return {}

    def step(self, context: Context, state: Any, data: Any, fresh: Any, k: Any) -> Any:
        return {"left": state["left"] / 2, "steps": state["steps"] + 1}

    def measure(self, context: Context, state: Any, data: Any) -> Any:
        return {"left": state["left"], "odd": state["left"] * float("nan")}

    def done(self, context: Context, state: Any, data: Any) -> Any:
        return state["left"] < 1e-3

    def outcome(self, context: Context, state: Any, data: Any) -> Any:
        return {"taken": state["steps"], "kind": ["a", "b", "c"][: len(state["left"])]}


def test_runs_that_have_arrived_end_the_training() -> None:
    import torch

    from scalefit.trainers import loop, trajectories

    runs = small("perceptron", "gradient_descent")
    told: list[float] = []
    found = loop.train(Fall(), runs, torch.device("cpu"), advance=told.append)
    assert sum(told) == pytest.approx(3)
    assert set(found.coordinates["taken"]) == {30.0}  # 2^20 needs as many; looked at every second
    curves = trajectories.simulated([trajectories.piece(Fall(), runs, found)], {})
    assert (
        curves["status"].values.tolist() == ["ok"] * 3
    )  # a variable that may be NaN decides nothing
    assert curves["kind"].values.tolist() == ["a", "b", "c"]
    assert np.isnan(curves["odd"]).all()
    np.testing.assert_array_equal(curves["left"][:, 2], [2.0**-30, 2.0**-20, 2.0**-10])


def test_runs_that_have_not_arrived_are_not_converged() -> None:
    import torch

    from scalefit.trainers import loop, trajectories

    class Short(Fall):
        early = False

        def facts(self, settings: Any) -> Facts:
            told = {"left": Variable("what is left"), "odd": Variable("odd", decides=False)}
            return Facts(told, [1, 15])

    runs = small("perceptron", "gradient_descent")
    found = loop.train(Short(), runs, torch.device("cpu"))
    piece = trajectories.piece(Short(), runs, found)
    assert piece.status == ["ok", "not converged", "not converged"]
    assert np.isfinite(piece.values["left"]).all()


def test_adatron_says_whether_it_has_arrived() -> None:
    from scalefit import trainers

    sizes: dict[str, Any] = {"protocol": "adatron", "N": 10, "load": 2, "learning_rate": 1.0}
    config = trainers.config("perceptron", steps=[100, 40000], points=5, seeds=2, **sizes)
    found = trainers.run(config, seed=1)
    assert found["status"].values.tolist() == ["not converged"] * 2 + ["ok"] * 2


def test_a_simulation_may_differentiate() -> None:
    import torch

    from scalefit.trainers import loop

    class Gradient(Fall):
        def facts(self, settings: Any) -> Facts:
            return Facts({"left": Variable("what is left")}, [1, 5], gradients=True)

        def step(self, context: Context, state: Any, data: Any, fresh: Any, k: Any) -> Any:
            place = state["left"].detach().requires_grad_()
            (slope,) = torch.autograd.grad((place**2).sum() / 2, place)
            return {**state, "left": state["left"] - 0.5 * slope}

    runs = small("perceptron", "gradient_descent")
    found = loop.train(Gradient(), runs, torch.device("cpu"))
    np.testing.assert_allclose(found.values["left"][0], [0.5, 2.0**-5])


def test_a_state_keeps_dtype_and_memory_format() -> None:
    import torch

    from scalefit.trainers.tensors import packed, unpacked

    image = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    state = {
        "half|brain": torch.randn(3, 2).to(torch.bfloat16),
        "image": image,
        "brain image": image.to(torch.bfloat16),
        "count": torch.arange(3),
        "flag": torch.tensor([True, False]),
        "single": torch.randn(2, dtype=torch.float32),
    }
    again = unpacked(packed(state), torch.device("cpu"))
    assert list(again) == list(state)
    for name, tensor in state.items():
        assert again[name].dtype == tensor.dtype
        assert again[name].stride() == tensor.stride()
        assert torch.equal(again[name], tensor)
