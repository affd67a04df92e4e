"""Batches: which examples a step sees, their labels with noise, and how images are moved.

The examples of a run come in passes over its subset, each in an order of its own, one after the
other; step t takes the examples t B to (t + 1) B of them, whatever block it lies in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Run, Tensors

    from .images import Images
    from .settings import Deep

SHIFT = 8
"""Images are moved by up to a side over this."""


def subset(run: Run, data: Images) -> NDArray[np.int64]:
    """Return the training images of a run, nested for the same seed, shape (n_train,)."""
    settings: Any = run.settings
    return run.stream("subset").permutation(len(data.train))[: settings.n_train]


def labels(run: Run, data: Images, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the labels of a run's images, some of them of another class, shape (n_train,)."""
    settings: Any = run.settings
    found = data.train_labels[chosen]
    if settings.label_noise and data.classes > 1:
        stream = run.stream("label_noise")
        count = len(data.train)  # drawn for all, so that smaller subsets have the same noise
        wrong = stream.random(count)[: len(chosen)] < settings.label_noise
        moved = stream.integers(1, data.classes, count)[: len(chosen)]
        found = np.where(wrong, (found + moved) % data.classes, found)
    return found


def order(run: Run, first: int, count: int) -> NDArray[np.int64]:
    """Return the examples at some places of a run's order, as places in its subset.

    Parameters
    ----------
    first, count
        The first place, and how many.
    """
    settings: Any = run.settings
    size = settings.n_train
    begin, end = first // size, -(-(first + count) // size)
    passes = [run.stream("order", epoch).permutation(size) for epoch in range(begin, end)]
    whole = np.concatenate(passes)
    return whole[first - begin * size :][:count]


def block_of(runs: Sequence[Run], block: int, steps: int, shape: tuple[int, int, int]) -> Tensors:
    """Return what the steps of a block need, shape (run, step, example) or with a move behind."""
    settings: Any = runs[0].settings
    rows = settings.rows
    size = steps * rows
    chosen = [order(run, block * size, size).reshape(steps, rows) for run in runs]
    found = {"examples": torch.from_numpy(np.stack(chosen))}
    if settings.augment != "none":
        moves = [_moves(run, settings, block, steps, shape) for run in runs]
        found["moves"] = torch.from_numpy(np.stack(moves))
    return found


def _moves(
    run: Run, settings: Deep, block: int, steps: int, shape: tuple[int, int, int]
) -> NDArray[np.int64]:
    """Return down, right and whether mirrored, for every example of a block."""
    stream = run.stream("augment", block)
    size = (steps, settings.rows)
    moves = [stream.integers(-(side // SHIFT), side // SHIFT + 1, size) for side in shape[:2]]
    mirrored = stream.integers(0, 2, size)
    if settings.augment == "shift":
        mirrored[...] = 0
    return np.stack([*moves, mirrored], axis=-1)


def gathered(images: Tensor, chosen: Tensor, moves: Tensor | None = None) -> Tensor:
    """Return images by their number, moved, black where there was nothing.

    Parameters
    ----------
    images : shape (image, row, column, channel)
        All of them.
    chosen : shape (example,)
        Which.
    moves : shape (example, 3)
        Down, right, and 1 for mirrored.
    """
    if moves is None:
        return images[chosen]
    rows, columns = images.shape[1:3]
    down, right, mirrored = moves[:, :, None].unbind(1)
    at_row = torch.arange(rows, device=images.device) - down
    at_column = torch.arange(columns, device=images.device) - right
    inside = ((at_row >= 0) & (at_row < rows))[:, :, None] & (
        (at_column >= 0) & (at_column < columns)
    )[:, None, :]
    at_row = at_row.clamp(0, rows - 1)
    at_column = at_column.clamp(0, columns - 1)
    at_column = torch.where(mirrored > 0, columns - 1 - at_column, at_column)
    found = images[chosen[:, None, None], at_row[:, :, None], at_column[:, None, :]]
    return found * inside[..., None]
