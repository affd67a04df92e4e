"""Multitask sparse parity: its examples, a plain loop beside it, and what is recorded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scalefit import trainers
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.sequence.learned import learned
from scalefit.trainers.sequence.settings import Sequence
from scalefit.trainers.sequence.theory import frequencies

pytestmark = pytest.mark.train

EASY: dict[str, Any] = {
    "tasks": 3, "bits": 6, "subset": 2, "alpha": 1.0, "units": 32, "batch": 128, "steps": 400,
    "learning_rate": 1e-2, "points": 30,
}  # fmt: skip


def fed(**settings: Any) -> tuple[Any, Any, Any, Any]:
    """Return settings, run, fixed data and the first block of examples of a run."""
    import torch

    from scalefit.trainers.sequence.parity import Parity

    one: Any = Sequence(**settings)
    run, context = Run(one, 0, 0), Context(one, torch.device("cpu"))
    data, _ = Parity().init(context, [run])
    return one, run, data, Parity().feed(context, [run], 0)


def test_examples_have_their_frequencies_and_fair_bits() -> None:
    one, run, data, fresh = fed(tasks=5, bits=40, subset=4, alpha=0.5, batch=64, steps=256)
    from scalefit.trainers.sequence.parity import subsets

    members = subsets(run)
    assert members.shape == (5, 4)
    assert len({tuple(row) for row in members}) == 5
    assert all(len(set(row)) == 4 and 0 <= min(row) <= max(row) < 40 for row in members.tolist())
    np.testing.assert_array_equal(data["members"][0], members)
    task = fresh["task"].flatten().numpy()
    share = frequencies(5, one.alpha)
    error = np.sqrt(share * (1 - share) / task.size)
    assert np.all(np.abs(np.bincount(task, minlength=5) / task.size - share) < 4 * error)
    words = fresh["bits"].numpy()
    assert words.shape == (1, 256, 64, 2)
    bits = (words[..., None] >> np.arange(32) & 1).reshape(task.size, 64)
    means = bits.mean(0)
    assert np.all(np.abs(means - 0.5) < 4.5 * 0.5 / math.sqrt(task.size))


def test_a_plain_loop_gives_the_same_curves() -> None:
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

    from scalefit.trainers.deep.inits import weights
    from scalefit.trainers.deep.models import MLP
    from scalefit.trainers.sequence.models import draw, plan_of

    settings = {**EASY, "steps": 20, "points": 3, "weight_decay": 0.1}
    found = trainers.run(trainers.config("sequence", seeds=1, **settings), device="cpu")
    one, run, data, fresh = fed(**settings)
    model, plan = MLP(9, 32, 1, 1), plan_of(one)
    flat = weights(run, one, plan, draw)
    for part, value in zip(plan.parts, model.parameters(), strict=True):
        value.data.copy_(part.view(flat))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    members, test = data["members"][0], data["test"][0]
    losses = []
    for step in range(21):
        if step in found["step"].values:
            parts = []
            for k in range(3):
                shown = torch.cat([one_hot(torch.full((500,), k), 3).float(), test], 1)
                label = test[:, members[k]].sum(1) % 2
                with torch.no_grad():
                    parts.append(binary_cross_entropy_with_logits(model(shown)[:, 0], label).item())
            losses.append(parts)
        if step < 20:
            task = fresh["task"][0, step]
            bits = (fresh["bits"][0, step] >> torch.arange(6) & 1).float()
            label = torch.stack([b[members[k]].sum() % 2 for k, b in zip(task, bits, strict=True)])
            logits = model(torch.cat([one_hot(task, 3).float(), bits], 1))[:, 0]
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(logits, label).backward()
            optimizer.step()
    np.testing.assert_allclose(found["loss_task"].values[0], losses, rtol=1e-4)


def test_subtasks_are_learned_in_the_order_of_their_frequency() -> None:
    ds = trainers.run(trainers.config("sequence", seeds=2, **EASY), device="cpu")
    assert ds["task"].values.tolist() == ["1", "2", "3"]
    assert ds["layer"].values.tolist() == ["hidden.0", "classifier"]
    share = frequencies(3, 1.0)
    np.testing.assert_allclose(ds["loss"], ds["loss_task"].values @ share)
    np.testing.assert_allclose(ds["error"], ds["error_task"].values @ share)
    own = ds["examples"].values[..., None] * share
    np.testing.assert_allclose(ds["examples_task"].transpose("run", "point", "task"), own)
    assert ds["loss_task"].isel(point=0).values == pytest.approx(math.log(2), abs=0.1)
    losses = ds["loss_task"].transpose("run", "task", "point").values
    found = learned(ds["step"].values[0], losses, math.log(2) / 2)
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=1) > 0).all()
    assert all(np.isfinite(ds[name]).all() for name in ds.data_vars)
    assert (ds["norm_growth"].isel(point=-1) > 0).all()


def test_runs_that_differ_in_alpha_see_the_same_bits_and_train_together() -> None:
    import torch

    from scalefit.trainers.sequence.parity import Parity

    runs = [Run(Sequence(**{**EASY, "alpha": alpha}), 0, 0) for alpha in (0.2, 1.0)]
    one, context = Parity(), Context(runs[0].settings, torch.device("cpu"))
    assert one.shape(runs[0].settings) == one.shape(runs[1].settings)
    fresh = one.feed(context, runs, 0)
    assert torch.equal(*fresh["bits"])
    assert (fresh["task"][0] >= fresh["task"][1]).all()
    assert (fresh["task"][0] > fresh["task"][1]).any()
