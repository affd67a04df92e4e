"""Modular addition: its pairs, which are learned, and a plain step of a minibatch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scalefit import trainers
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.sequence.settings import Sequence

pytestmark = pytest.mark.train

SMALL: dict[str, Any] = {"protocol": "modular_addition", "modulus": 7, "units": 32, "points": 12}


def test_pairs_are_shown_once_and_their_sums_are_right() -> None:
    import torch

    from scalefit.trainers.sequence.modular_addition import ModularAddition

    one: Any = Sequence(**SMALL)
    context = Context(one, torch.device("cpu"))
    data, _ = ModularAddition().init(context, [Run(one, seed, 0) for seed in (0, 1)])
    first, second = data["pairs"].view(49, 2, 7).argmax(2).T
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == 49
    assert (data["pairs"].sum(1) == 2).all()
    assert torch.equal((first + second) % 7, data["sums"])
    assert all(sorted(row.tolist()) == list(range(49)) for row in data["order"])
    assert not torch.equal(*data["order"])
    assert ModularAddition().feed(context, [Run(one, 0, 0)], 0) == {}


def test_training_pairs_are_learned_by_heart_before_the_others() -> None:
    config = trainers.config("sequence", seeds=2, steps=200, learning_rate=1e-2, **SMALL)
    ds = trainers.run(config, device="cpu")
    assert "loss_task" not in ds
    assert (ds["train_error"].isel(point=-1) == 0).all()
    assert (ds["error"].isel(point=-1) > 0.1).all()
    assert (ds["train_loss"] <= ds["loss"]).isel(point=slice(4, None)).all()
    assert all(np.isfinite(ds[name]).all() for name in ds.data_vars)


def test_minibatches_go_through_all_training_pairs() -> None:
    import torch

    from scalefit.trainers.sequence.modular_addition import ModularAddition

    one: Any = Sequence(**SMALL, batch=8, steps=6)
    fresh = ModularAddition().feed(Context(one, torch.device("cpu")), [Run(one, 0, 0)], 0)
    assert fresh["places"].shape == (1, 6, 8)
    for epoch in fresh["places"][0].view(2, 24):
        assert sorted(epoch.tolist()) == list(range(24))
