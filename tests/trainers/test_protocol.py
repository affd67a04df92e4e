"""What a run is, and what the simulations of every family must keep to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from samples.trainings import PROTOCOLS, small

from scalefit import trainers
from scalefit.trainers.families import simulation
from scalefit.trainers.protocol import Run
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


def chunk(runs: Sequence[Run], device: str) -> Mapping[str, Any]:
    """Train from the start to the first checkpoint on a device, with data made on the CPU."""
    import torch

    one, cpu = simulation(runs[0].settings), torch.device("cpu")
    data, state = one.init(runs, cpu)
    first = one.checkpoints(runs[0].settings)[0]
    fresh = {name: value[:, :first] for name, value in one.feed(runs, 0, cpu).items()}
    there = [
        {name: value.to(device) for name, value in each.items()} for each in (data, state, fresh)
    ]
    data, state, fresh = there
    return one.measure(one.update(state, data, fresh, range(first)), data)


@pytest.mark.train
@pytest.mark.parametrize(("family", "protocol"), PROTOCOLS)
def test_training_never_leaves_the_device(family: str, protocol: str) -> None:
    # the meta device has shapes but no values: reading one, or mixing in the CPU, raises
    for count in (1, 3):
        runs = small(family, protocol)[:count]
        one = simulation(runs[0].settings)
        measured = chunk(runs, "meta")
        along = one.along(runs[0].settings)
        assert {*along, *measured} == set(one.variables)
        assert all(len(each) == len(one.checkpoints(runs[0].settings)) for each in along.values())
        for name, value in measured.items():
            assert value.device.type == "meta"
            assert value.shape[0] == count
            assert value.dim() == 1 + len(one.variables[name].dims)


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
