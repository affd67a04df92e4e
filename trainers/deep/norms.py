"""Norms of a network's weight matrices, and the complexities that are made of them.

Of each matrix A, shape (out, in), five numbers are taken in double precision: the largest singular
value s, the sum of its rows' lengths, the sum of its columns' lengths, the sum of squares and the
sum of sizes. Kernels of convolutions are reshaped to (out, in * rows * columns).

Source
------
Bartlett, Foster, Telgarsky (2017) (arXiv:1706.08498), equation 1.2, with the reference 0 or the
initial weights; D'Amico, Bocchi, Negri (2025) (arXiv:2505.13230) and its code for the variant of
its CNN and for that of its ResNet, which sees the classifier alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import pad

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

    from .layout import Matrix


def numbers(
    matrices: Sequence[Matrix], flat: Tensor, *, spectral: bool = True, ranks: int = 0
) -> Tensors:
    """Return `spectral`, `rows`, `columns`, `squares`, `sizes` of each matrix, shape (run, layer).

    The largest singular value is the root of the largest eigenvalue of the smaller Gram matrix,
    which agrees with a singular value decomposition to 1e-12 and takes a quarter of its time.

    Parameters
    ----------
    flat : shape (run, parameter)
        The parameters of each run, one after another.
    spectral
        Whether to take the largest singular values, which is most of the work.
    ranks
        If not 0, `spectrum` has that many of each matrix, shape (run, layer, rank), NaN beyond its
        last; they come along with the largest one.
    """
    rows = [[_numbers(matrix, one, spectral, ranks) for matrix in matrices] for one in flat]
    return {
        name: torch.stack([torch.stack([one[name] for one in row]) for row in rows])
        for name in rows[0][0]
    }


def _numbers(matrix: Matrix, flat: Tensor, spectral: bool, ranks: int) -> Tensors:
    weight = matrix.part.view(flat)[matrix.rows].flatten(1).double()
    found = {
        "rows": torch.linalg.vector_norm(weight, dim=1).sum(),
        "columns": torch.linalg.vector_norm(weight, dim=0).sum(),
        "squares": weight.square().sum(),
        "sizes": weight.abs().sum(),
    }
    if not spectral:
        return found
    wide = weight if weight.shape[0] <= weight.shape[1] else weight.T
    gram = wide @ wide.T
    lost = ~gram.isfinite().all()  # of a run that has diverged, which others are not to notice
    squares = torch.linalg.eigvalsh(gram.masked_fill(lost, 0.0))
    values = squares.clamp(min=0).sqrt().masked_fill(lost, math.nan)
    if ranks:
        largest = values.flip(0)[:ranks]
        found["spectrum"] = pad(largest, (0, ranks - len(largest)), value=math.nan)
    return {"spectral": values[-1], **found}


def spectral_product(now: Tensors) -> Tensor:
    """Return the logarithm of the product of the largest singular values, shape (run,)."""
    return now["spectral"].log().sum(1)


def bartlett(now: Tensors, since: Tensors) -> Tensor:
    """Return the logarithm of the spectral complexity, shape (run,).

    Parameters
    ----------
    since
        Numbers of the weights less the reference; those of the weights where that is 0.
    """
    return spectral_product(now) + _sum(since["rows"], now["spectral"])


def cnn_variant(now: Tensors, since: Tensors) -> Tensor:
    """Return the logarithm of the same with, for each layer, the columns of all later ones."""
    columns = since["columns"]
    later = columns.sum(1, keepdim=True) - columns.cumsum(1)
    later = later.clamp(min=0)
    later[:, -1] = 0.0
    return spectral_product(now) + _sum(later, now["spectral"])


def _sum(lengths: Tensor, spectral: Tensor) -> Tensor:
    """Return 3/2 of the logarithm of the sum of (length / s)^(2/3)."""
    terms = 2 / 3 * (lengths.log() - spectral.log())
    return 1.5 * torch.logsumexp(terms, dim=1)


def classifier(now: Tensors, since: Tensors) -> Tensor:
    """Return the logarithm of the last layer's s times its columns' lengths."""
    return now["spectral"][:, -1].log() + since["columns"][:, -1].log()


def frobenius(now: Tensors, since: Tensors) -> Tensor:
    """Return half the logarithm of the sum of all squares."""
    del now
    return 0.5 * since["squares"].sum(1).log()


def l1(now: Tensors, since: Tensors) -> Tensor:
    """Return the logarithm of the sum of all sizes."""
    del now
    return since["sizes"].sum(1).log()


COMPLEXITIES = {
    "bartlett": bartlett,
    "cnn_variant": cnn_variant,
    "classifier": classifier,
    "frobenius": frobenius,
    "l1": l1,
}
"""Complexities of weights, or of their distance from the initial ones, as logarithms."""


def complexities(now: Tensors, since: Tensors) -> Tensors:
    """Return every complexity, shape (run,), and how far each is from the start.

    Parameters
    ----------
    now, since
        Numbers of the weights, and of the weights less the initial ones.

    Returns
    -------
    `norm_bartlett` and so on, and `norm_bartlett_from_init`, none of them as logarithms
    """
    found = {f"norm_{name}": one(now, now).exp() for name, one in COMPLEXITIES.items()}
    found["norm_spectral_product"] = spectral_product(now).exp()
    for name, one in COMPLEXITIES.items():
        found[f"norm_{name}_from_init"] = one(now, since).exp()
    return found
