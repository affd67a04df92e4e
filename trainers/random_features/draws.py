"""Draws of a run of random features: its latent features, projections, target and label noise.

They depend on the root and the run's seed alone, so that runs that differ in anything else draw the
same numbers: fewer examples and fewer features are the first ones of more, and ridges and spectra
can be compared in pairs. Modes come in blocks, each with a stream of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scalefit.arrays import Array

from .settings import RandomFeatures

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Run

BLOCK = 1024
"""Modes that are drawn together."""


def settings_of(run: Run) -> RandomFeatures:
    """Return the settings of a run."""
    assert isinstance(run.settings, RandomFeatures)
    return run.settings


def blocks(modes: int) -> list[slice]:
    """Return the modes of every block."""
    return [slice(at, min(at + BLOCK, modes)) for at in range(0, modes, BLOCK)]


def normals(run: Run, role: str, rows: int, part: slice) -> Array:
    """Return standard normal numbers, shape (rows, modes of the block); more rows go on below."""
    drawn = run.stream(role, part.start).standard_normal((rows, BLOCK))
    return drawn[:, : part.stop - part.start]


def signs(run: Run, modes: int) -> Array:
    """Return the signs of the target's weights, shape (mode,)."""
    found: Array = run.stream("target").choice(np.array([-1.0, 1.0]), modes)
    return found


def label_noise(run: Run, n_train: int) -> Array:
    """Return standard normal numbers for the labels, shape (example,)."""
    return run.stream("label noise").standard_normal(n_train)
