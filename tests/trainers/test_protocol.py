"""What a run is, and what the simulations of every family must keep to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from samples.trainings import PROTOCOLS, small

from scalefit import trainers
from scalefit.trainers.families import simulation
from scalefit.trainers.perceptron.settings import Perceptron
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.sweep import expand


def test_settings_that_a_protocol_does_not_use_do_not_make_another_run() -> None:
    norms = [trainers.config("perceptron", norm=norm, seeds=1) for norm in (1, 2)]
    one, other = (expand(config, 0)[0] for config in norms)
    assert one.identity == other.identity
    rates = trainers.config("perceptron", protocol="fixed_norm", learning_rate=[0.1, 0.2], seeds=2)
    assert [run.seed for run in expand(rates, 0)] == [0, 1]
    assert np.isnan(rates.points[0].coordinates()["learning_rate"])


def test_label_names_what_is_not_the_default() -> None:
    config = trainers.config("perceptron", load=5, N=[200, 300], seeds=[3])
    labels = [run.label for run in expand(config, 0)]
    assert labels == ["load=5, seed=3", "load=5, N=300, seed=3"]
    assert expand(config, 7)[0].label == "load=5, seed=3, root=7"


def test_runs_share_random_numbers_but_for_the_settings_that_a_family_names() -> None:
    class Named(Perceptron):
        streams = ("N",)

    def first(kind: type[Perceptron], **settings: Any) -> float:
        return float(Run(kind(**settings), 3, 0).stream("noise").standard_normal())

    usual = first(Named)
    assert first(Named, learning_rate=0.1, load=2) == usual
    assert first(Named, N=30) != usual
    assert first(Perceptron, N=30) == first(Perceptron, load=2)
    assert Run(Named(), 4, 0).stream("noise").standard_normal() != usual
    assert Run(Named(), 3, 1).stream("noise").standard_normal() != usual
    assert Run(Named(), 3, 0).stream("other").standard_normal() != usual


def test_a_checksum_of_data_enters_the_identity() -> None:
    class Read(Perceptron):
        def checksum(self) -> str:
            return "4f0c"

    plain, read = Run(Perceptron(), 0, 0), Run(Read(), 0, 0)
    assert read.identity == {**plain.identity, "checksum": "4f0c"}
    assert read.key("fast") != plain.key("fast") != plain.key("exact")


def chunk(runs: Sequence[Run], device: str) -> Mapping[str, Any]:
    """Train from the start to the first checkpoint on a device, with data made on the CPU."""
    import torch

    one, settings = simulation(runs[0].settings), runs[0].settings
    cpu, there = Context(settings, torch.device("cpu")), Context(settings, torch.device(device))
    data, state = one.init(cpu, runs)
    first = one.facts(settings).checkpoints[0]
    fresh = {name: value[:, :first] for name, value in one.feed(cpu, runs, 0).items()}
    data, state, fresh = (
        {name: value.to(device) for name, value in each.items()} for each in (data, state, fresh)
    )
    return one.measure(there, one.update(there, state, data, fresh, range(first)), data)


@pytest.mark.train
@pytest.mark.parametrize(("family", "protocol"), PROTOCOLS)
def test_training_never_leaves_the_device(family: str, protocol: str) -> None:
    # the meta device has shapes but no values: reading one, or mixing in the CPU, raises
    for count in (1, 3):
        runs = small(family, protocol)[:count]
        one = simulation(runs[0].settings)
        facts, along = one.facts(runs[0].settings), one.along(runs[0].settings)
        measured = chunk(runs, "meta")
        assert {*along, *measured} == set(facts.variables)
        assert all(len(each) == len(facts.checkpoints) for each in along.values())
        for name, value in measured.items():
            assert value.device.type == "meta"
            assert value.shape[0] == count
            assert value.dim() == 1 + len(facts.variables[name].dims)


KERNELS = {
    ("perceptron", "gradient_descent"): 6,
    ("perceptron", "fixed_norm"): 186,
    ("perceptron", "hebb"): 4,
    ("perceptron", "rosenblatt"): 6,
    ("perceptron", "relative_stability"): 9,
    ("perceptron", "adatron"): 9,
    ("committee", "sgd"): 11.625,
    ("committee", "order_parameters"): 14.25,
    ("diagonal", "lbfgs"): 463,
    ("diagonal", "gradient_descent"): 16,
    ("diagonal", "adam"): 35,
    ("diagonal", "coordinate_descent"): 90,
    ("diagonal", "proximal"): 34,
    ("quadratic", "lbfgs"): 469,
    ("quadratic", "gradient_descent"): 21,
    ("quadratic", "adam"): 40,
    ("quadratic", "proximal"): 47,
    ("random_features", "minimiser"): 0,
    ("random_features", "gradient_flow"): 0,
    ("random_features", "gradient_descent"): 0,
    ("random_features", "sgd"): 10,
    ("manifold", "nearest"): 0,
    ("manifold", "linear"): 0,
    ("manifold", "network"): 69,
    ("deep", "mlp"): 112,
    ("deep", "cnn"): 142,
    ("deep", "resnet"): 693,
    ("deep", "vit"): 683,
    ("sequence", "parity"): 113.125,
    ("sequence", "induction"): 281.875,
    ("sequence", "modular_addition"): 80.125,
}
"""Operations that a step of three runs may dispatch: on a GPU each is a launch."""
LARGE = (("deep", "resnet"), ("deep", "vit"))


@pytest.mark.train
@pytest.mark.parametrize(
    ("family", "protocol"),
    [pytest.param(*one, marks=pytest.mark.slow) if one in LARGE else one for one in PROTOCOLS],
)
def test_a_step_launches_no_more_kernels_than_before(family: str, protocol: str) -> None:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counting(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(
            self, call: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            found = call(*args, **(kwargs or {}))
            tensors = [
                one for one in torch.utils._pytree.tree_leaves(found) if torch.is_tensor(one)
            ]
            given = [one for one in torch.utils._pytree.tree_leaves(args) if torch.is_tensor(one)]
            viewed = {one.untyped_storage()._cdata for one in given}
            in_place = call._schema.is_mutable
            if in_place or any(one.untyped_storage()._cdata not in viewed for one in tensors):
                self.count += 1  # a view launches nothing
            return found

    networks = ("perceptron", "diagonal", "quadratic", "manifold", "deep", "sequence")
    longer = {"steps": 48} if family in networks else {}
    runs = small(family, protocol, **longer)
    one, settings = simulation(runs[0].settings), runs[0].settings
    context = Context(settings, torch.device("meta"))
    cpu = Context(settings, torch.device("cpu"))
    data, state = one.init(cpu, runs)
    fresh = one.feed(cpu, runs, 0)
    data, state, fresh = (
        {name: value.to("meta") for name, value in each.items()} for each in (data, state, fresh)
    )

    def counted(steps: int) -> int:
        now = {name: value[:, :steps] for name, value in fresh.items()}
        with Counting() as counting:
            one.update(context, dict(state), data, now, range(steps))
        return counting.count

    usual = (24, 48) if family in ("perceptron", "committee") else (4, 12)
    few, many = (1, 3) if protocol == "fixed_norm" else usual
    each = (counted(many) - counted(few)) / (many - few)
    assert each <= KERNELS[family, protocol]


@pytest.mark.train
@pytest.mark.gpu
@pytest.mark.parametrize(("family", "protocol"), PROTOCOLS)
def test_training_on_a_gpu_agrees_with_the_cpu(family: str, protocol: str) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    runs = small(family, protocol)
    here, there = chunk(runs, "cpu"), chunk(runs, "cuda")
    for name, value in there.items():
        assert value.device.type == "cuda"
        np.testing.assert_allclose(value.cpu(), here[name], rtol=1e-9, atol=1e-12)
