"""Draws of a committee machine's run: its teacher, first weights and inputs.

They depend on the root, the run's seed and what sets their shape, and on no other run. Runs that
differ in learning rate, spectrum or protocol share their weights, teachers and standard normal
numbers, and can be compared in pairs.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from scalefit.arrays import Array
from scalefit.trainers.protocol import Run
from scalefit.trainers.seeds import generator

from .settings import Committee
from .spectrum import eigenvalues

PIECE = 2**16
"""Normal numbers made at once: few enough to stay in a CPU core's cache."""


def settings_of(run: Run) -> Committee:
    """Return the settings of a run."""
    assert isinstance(run.settings, Committee)
    return run.settings


def stream(run: Run, role: str, *more: int | str) -> np.random.Generator:
    """Return the random stream of a role, shared by runs of equal seed, root and N."""
    return generator("committee", run.root, settings_of(run).N, run.seed, role, *more)


@lru_cache(maxsize=64)
def spread(N: int, L: int, beta: float) -> Tensor:
    """Return the standard deviation of each entry of the input over sqrt(N), falling."""
    return torch.from_numpy(np.sqrt(np.repeat(eigenvalues(L, beta), N // L) / N))


def teacher(run: Run) -> Array:
    """Return the teacher's weights, shape (M, N)."""
    settings = settings_of(run)
    M, N, L = settings.M, settings.N, settings.L
    if settings.teacher == "gaussian":
        return stream(run, "teacher").standard_normal((M, N))
    normal = stream(run, "teacher", L).standard_normal((L, N // L, M))
    basis, triangle = np.linalg.qr(normal)
    signs = np.sign(np.einsum("lmm->lm", triangle))  # so that every direction is as likely
    blocks = np.swapaxes(basis * signs[:, None], 1, 2) * math.sqrt(N // L)
    return np.concatenate(blocks, axis=1)


def student(run: Run) -> Array:
    """Return the student's first weights, in the directions that are trained."""
    settings = settings_of(run)
    weights = stream(run, "student").standard_normal((settings.K, settings.N))
    weights *= settings.init_scale
    return weights[:, : settings.trainable or settings.N]


def overlaps(run: Run) -> tuple[Array, Array, Array]:
    """Return overlaps q, r and t of the first weights per eigenvalue, where `flow` can start.

    They are those of a run that trains all directions.
    """
    settings = settings_of(run)
    size = settings.N // settings.L
    units = [one.reshape(len(one), settings.L, size) for one in (student(run), teacher(run))]
    pairs = (units[0], units[0]), (units[0], units[1]), (units[1], units[1])
    q, r, t = (np.einsum("iln,jln->lij", one, other) / size for one, other in pairs)
    return q, r, t


def normals(stream: np.random.Generator, out: Tensor) -> None:
    """Fill a tensor of single precision with standard normal numbers.

    NumPy's own method takes three times as long, PyTorch's has seeds of 32 bits only. The bits are
    drawn on the host, so that every device gets the same numbers but for rounding.

    Source
    ------
    Box and Muller (1958), Annals of Mathematical Statistics 29, 610.
    """
    for part in torch.split(out.view(-1), PIECE):
        half = -(-part.numel() // 2)
        bits = torch.from_numpy(stream.bit_generator.random_raw(half).view(np.int32))
        radius, angle = bits.to(part).view(2, half)
        # from log(|bits| / 2^31), with 1/2 in place of 0
        radius = radius.abs_().clamp_(min=0.5).log_().mul_(-2).add_(62 * math.log(2)).sqrt_()
        angle = angle.mul_(math.pi * 2**-31)
        torch.mul(radius, torch.cos(angle), out=part[:half])
        rest = part[half:]
        torch.mul(radius[: len(rest)], angle.sin_()[: len(rest)], out=rest)
