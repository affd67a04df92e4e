"""Induction: its examples, its scores on attention that is known, and causality."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scalefit import trainers
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.sequence.settings import Sequence

pytestmark = pytest.mark.train


def drawn(count: int) -> tuple[Any, Any]:
    """Return examples of a run, shape (example, token), and their periods."""
    import torch

    from scalefit.trainers.sequence.induction import _drawn

    one = Sequence(protocol="induction", vocabulary=5, tokens=16)
    found = _drawn(Context(one, torch.device("cpu")), [Run(one, 0, 0)], "", count, 0)
    return found[0][0], found[1][0]


def test_tokens_repeat_after_their_period() -> None:
    tokens, period = (one.numpy() for one in drawn(2000))
    assert set(period.tolist()) == {4, 5, 6, 7, 8}
    for row, after in zip(tokens, period, strict=True):
        np.testing.assert_array_equal(row[after:], row[:-after])
    share = np.bincount(tokens[:, :4].flatten()) / 8000
    assert np.all(np.abs(share - 0.2) < 4 * np.sqrt(0.16 / 8000))


def test_scores_are_those_of_a_head_that_looks_back_one_period() -> None:
    import torch
    from torch import nn
    from torch.nn.functional import one_hot

    from scalefit.trainers.sequence.induction import _tested

    tokens, period = drawn(40)

    class Copying(nn.Module):
        """Looks at what came after the last occurrence, and at the token before."""

        def forward(self, seen: Any) -> tuple[Any, Any]:
            place = torch.arange(15)
            after = (place - period[:, None] + 1).clamp(min=0)
            before = (place - 1).clamp(min=0).expand(40, 15)
            attended = torch.stack([one_hot(one, 15) for one in (after, before)], 1).float()
            return 50.0 * one_hot(seen.gather(1, after), 5).float(), attended[:, None]

    found = _tested(Copying(), tokens, period)
    assert found["prefix_matching"].tolist() == [pytest.approx(1), 0]
    assert found["previous_token"][1].item() == pytest.approx(1)
    assert found["loss_task"][0].item() < 1e-9
    assert found["error_task"][0].item() == 0
    assert 0.5 < found["error_task"][1].item() < 0.95


def test_no_token_sees_a_later_one() -> None:
    import torch

    from scalefit.trainers.sequence.models import Transformer

    model = Transformer(6, 9, 8, 2, 2)
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    tokens = torch.randint(6, (3, 9))
    other = tokens.clone()
    other[:, 5:] = (other[:, 5:] + 1) % 6
    (one, seen), (two, _) = model(tokens), model(other)
    torch.testing.assert_close(one[:, :5], two[:, :5])
    assert not torch.allclose(one[:, 5:], two[:, 5:])
    assert seen.shape == (3, 2, 2, 9, 9)
    torch.testing.assert_close(seen.sum(-1), torch.ones(3, 2, 2, 9))
    assert (seen.triu(1) == 0).all()


def test_what_repeats_is_learned_and_what_does_not_is_not() -> None:
    settings = {
        "protocol": "induction", "vocabulary": 4, "tokens": 8, "dimensions": 16, "heads": 2,
        "batch": 32, "steps": 200, "learning_rate": 1e-2, "points": 4, "eval_test": 100,
    }  # fmt: skip
    ds = trainers.run(trainers.config("sequence", seeds=1, **settings), device="cpu").isel(run=0)
    assert ds["task"].values.tolist() == ["repeated", "first"]
    assert ds["head"].values.tolist() == ["1.1", "1.2", "2.1", "2.2"]
    assert {"blocks.0.query", "blocks.1.out", "classifier"} <= set(ds["layer"].values.tolist())
    repeated, first = (ds["loss_task"].sel(task=one).values for one in ("repeated", "first"))
    assert repeated[-1] < 0.75 * np.log(4)
    assert (first > 0.97 * np.log(4)).all()
    assert (ds["prefix_matching"] <= 1).all()
