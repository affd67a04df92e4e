"""Random numbers by counting: the published vectors, and what streams depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from scalefit.trainers.perceptron.settings import Perceptron
from scalefit.trainers.protocol import Run

pytestmark = pytest.mark.train

# Random123, kat_vectors, philox4x32 10: counter, key, words.
VECTORS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def words(text: str) -> Any:
    import torch

    return torch.tensor([int(word, 16) for word in text.split()])


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_the_published_vectors(counter: str, key: str, expected: str) -> None:
    from scalefit.trainers.random import philox

    assert philox(words(counter), words(key)).tolist() == words(expected).tolist()


def streams(role: str = "noise", seeds: int = 2, **settings: Any) -> Any:
    import torch

    from scalefit.trainers.random import Streams

    runs = [Run(Perceptron(**settings), seed, 0) for seed in range(seeds)]
    return Streams(runs, role, torch.device("cpu"))


def test_any_part_of_a_stream_can_be_drawn_by_itself() -> None:
    import torch

    whole = streams().bits(103)
    assert whole.shape == (2, 103)
    assert torch.equal(streams().bits(19, first=84), whole[:, 84:])
    assert torch.equal(streams(seeds=1).bits(103), whole[:1])  # whoever else is in the call
    assert torch.equal(streams(learning_rate=0.1).bits(103), whole)
    for other in (streams("other").bits(103), streams().bits(103, block=1)):
        assert (other == whole).sum() < 3
    with pytest.raises(ValueError, match="in fours"):
        streams().bits(4, first=3)


def test_numbers_have_their_laws() -> None:
    many = streams(seeds=4)
    assert stats.kstest(many.uniform(20000).ravel(), "uniform").pvalue > 1e-3
    normal = many.normal(20001).numpy()
    assert stats.kstest(normal.ravel(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(normal) - np.eye(4)).max() < 0.03
    assert abs(np.corrcoef(normal[:, :-1].ravel(), normal[:, 1:].ravel())[0, 1]) < 0.015
    counts = np.bincount(many.integers(7000, below=7).numpy().ravel(), minlength=7)
    assert counts.size == 7
    assert stats.chisquare(counts).pvalue > 1e-3


def test_numbers_are_drawn_on_the_device() -> None:
    import torch

    from scalefit.trainers.random import Streams

    made = Streams([Run(Perceptron(), 0, 0)], "noise", torch.device("meta"))
    assert made.normal(5).device.type == "meta"
