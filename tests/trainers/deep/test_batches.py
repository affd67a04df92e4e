"""Batches: order of examples, subsets, noise of labels, moved images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scalefit.trainers.deep.images import digits
from scalefit.trainers.deep.settings import Deep
from scalefit.trainers.protocol import Run

pytestmark = pytest.mark.train


def run(seed: int = 0, **settings: Any) -> Run:
    return Run(Deep(**settings), seed, 0)


@pytest.mark.parametrize(("n_train", "batch"), [(10, 4), (7, 7), (5, 8), (23, 6)])
def test_every_pass_sees_each_example_once_however_blocks_are_cut(n_train: int, batch: int) -> None:
    from scalefit.trainers.deep.batches import block_of, order

    one = run(n_train=n_train, batch=batch)
    rows = min(n_train, batch)
    blocks = [block_of([one], block, 6, (8, 8, 1))["examples"] for block in range(3)]
    found = np.concatenate([block[0].numpy().ravel() for block in blocks])
    assert found.tolist() == order(one, 0, 18 * rows).tolist()
    passes = [found[at : at + n_train] for at in range(0, len(found) - n_train + 1, n_train)]
    assert passes
    assert all(sorted(one) == list(range(n_train)) for one in passes)
    assert n_train < 2 or any(one.tolist() != sorted(one) for one in passes)


def test_smaller_subsets_lie_in_larger_ones_of_the_same_seed() -> None:
    from scalefit.trainers.deep.batches import labels, subset

    data = digits()
    small, large = run(n_train=40, label_noise=0.3), run(n_train=400, label_noise=0.3)
    chosen = subset(large, data)
    assert subset(small, data).tolist() == chosen[:40].tolist()
    assert len(set(chosen.tolist())) == 400
    noisy = labels(large, data, chosen)
    assert labels(small, data, chosen[:40]).tolist() == noisy[:40].tolist()
    assert subset(run(seed=1, n_train=40), data).tolist() != chosen[:40].tolist()


def test_noise_gives_a_share_of_labels_another_class() -> None:
    from scalefit.trainers.deep.batches import labels, subset

    data = digits()
    for share in (0.0, 0.3, 1.0):
        one = run(n_train=1297, label_noise=share)
        chosen = subset(one, data)
        found = labels(one, data, chosen)
        wrong = (found != data.train_labels[chosen]).mean()
        assert wrong == pytest.approx(share, abs=0.05 * (0 < share < 1))
        assert 0 <= found.min() <= found.max() < 10


def test_moved_images_are_black_where_nothing_was() -> None:
    import torch

    from scalefit.trainers.deep.batches import gathered

    images = torch.arange(1, 33, dtype=torch.uint8).reshape(2, 4, 4, 1)
    chosen = torch.tensor([1, 0, 0])
    moves = torch.tensor([[0, 0, 0], [1, -2, 0], [0, 1, 1]])
    plain, moved, mirrored = gathered(images, chosen, moves)[..., 0].numpy()
    first = images[0, :, :, 0].numpy()
    np.testing.assert_array_equal(plain, images[1, :, :, 0].numpy())
    expected = np.zeros((4, 4))
    expected[1:, :2] = first[:3, 2:]
    np.testing.assert_array_equal(moved, expected)
    expected = np.zeros((4, 4))
    expected[:, 1:] = first[:, ::-1][:, :3]
    np.testing.assert_array_equal(mirrored, expected)


def test_moves_differ_from_block_to_block_and_stay_small() -> None:
    from scalefit.trainers.deep.batches import block_of

    one = run(n_train=50, batch=10, augment="shift_flip")
    first, second = (block_of([one], at, 20, (32, 24, 3))["moves"][0].numpy() for at in (0, 1))
    assert first.shape == (20, 10, 3)
    assert not np.array_equal(first, second)
    assert set(first[..., 0].ravel()) == set(range(-4, 5))
    assert set(first[..., 1].ravel()) == set(range(-3, 4))
    assert set(first[..., 2].ravel()) == {0, 1}
    still = block_of([run(n_train=50, augment="shift")], 0, 20, (32, 24, 3))["moves"]
    assert not still[..., 2].any()
