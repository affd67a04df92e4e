"""Quadratic network: its data, its parameters and what they are worth.

Effective weights are the d x d matrix S, flat; the decay is lambda d, and half the objective in the
settings is minimised. Inputs are rotationally symmetric, so that the teacher is diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from scalefit.arrays import Array
from scalefit.trainers.protocol import Context, Run, Variable
from scalefit.trainers.weight_decay.instances import chunks, instances, shared, slots
from scalefit.trainers.weight_decay.model import DTYPE, Model

from .settings import Quadratic
from .state_evolution import StateEvolution
from .variables import PRUNED, WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.protocol import Tensors

SUPPORT = 1e-6
"""Eigenvalues below this share of the largest count as zero."""
LEAST = 1e-8
"""Eigenvalue of the Hessian over the decay, at least, as L-BFGS begins."""


class QuadraticModel(Model):
    """One layer W with squares behind it; see `scalefit.trainers.weight_decay.model`."""

    words: ClassVar[str] = "quadratic network under weight decay"
    share: ClassVar[float] = 0.5

    def shape(self, settings: Quadratic) -> tuple[Any, ...]:
        """Return what runs must have in common."""
        return settings.d, settings.n_train, settings.columns, settings.kept, settings.prune

    def variables(self, settings: Quadratic) -> Mapping[str, Variable]:
        """Return what a trained network is."""
        return WEIGHTS | (PRUNED if settings.prune else {})

    def labels(self, settings: Quadratic) -> Mapping[str, Sequence[Any]]:
        """Return ranks, counted from 1."""
        return {"rank": list(range(1, settings.kept + 1))}

    def size(self, settings: Quadratic) -> int:
        """Return the number of parameters."""
        return settings.d * settings.columns

    def product(self, settings: Quadratic) -> tuple[float, float]:
        """Return operations and bytes of the product with the Gram matrix, or with the examples."""
        n, d = settings.n_train, settings.d
        entries = d * (d + 1) / 2
        if gram(settings):
            return 2 * entries**2, 8 * entries**2
        return 4.0 * n * d**2, 24.0 * n * d

    def draw(self, context: Context, runs: Sequence[Run]) -> Tensors:
        """Return the examples, or their Gram matrix where there are more of them than entries."""
        first, places = instances(runs)
        settings: Quadratic = context.settings
        each: list[Any] = [run.settings for run in runs]
        d = settings.d
        teachers = np.array([eigenvalues(one) for one in each])
        pull, square = np.zeros((len(runs), d, d)), np.zeros((len(runs), 1))
        kept = []
        for one, members in zip(first, places, strict=True):
            inputs, noise = one.stream("examples"), one.stream("noise")
            whole = np.zeros((d * (d + 1) // 2,) * 2) if gram(settings) else None
            parts = []
            for count in chunks(settings.n_train, d * (d + 1) // 2):
                x = inputs.standard_normal((count, d))
                labels = noise.standard_normal(count)
                for at in members:
                    y = (x**2 - 1) @ teachers[at] / math.sqrt(d)
                    y += math.sqrt(each[at].noise) * labels
                    square[at] += y @ y
                    pull[at] += ((x.T * y) @ x - y.sum() * np.eye(d)) / math.sqrt(d)
                if whole is None:
                    parts.append(x)
                else:
                    table = _entries(x)
                    whole += table.T @ table
            kept.append(np.concatenate(parts) if whole is None else whole)
        found = {
            "inputs" if not gram(settings) else "gram": np.array(kept),
            "pull": pull.reshape(len(runs), -1),
            "square": square,
            "teacher": teachers,
            "count": np.full((len(runs), 1), float(settings.n_train)),
            "decay": np.array([[one.decay * d] for one in each]),
        }
        if settings.prune:
            found["edge"] = np.array([[bulk_edge(one)] for one in each])
        data = {name: torch.tensor(one, device=context.device) for name, one in found.items()}
        return data | {"slots": slots(places, context.device)}

    def start(self, context: Context, runs: Sequence[Run]) -> Tensor:
        """Return a normal W."""
        settings: Quadratic = context.settings
        size = self.size(settings)
        scale = settings.d**0.25 / math.sqrt(settings.columns)
        drawn = np.array([one.stream("start").standard_normal(size) for one in runs])
        each: list[Any] = [run.settings for run in runs]
        drawn *= scale * np.array([[one.init_scale] for one in each])
        return torch.tensor(drawn, dtype=DTYPE, device=context.device)

    def rate(self, settings: Quadratic) -> float:
        """Return sqrt(d) / n."""
        return math.sqrt(settings.d) / settings.n_train

    def mixed(self, data: Tensors, p: Tensor, q: Tensor) -> Tensor:
        """Return half of `P Q^T + Q P^T`."""
        d = data["teacher"].shape[1]
        left, right = _rows(p, d), _rows(q, d)
        if p is q:
            return (left @ left.mT).flatten(1)
        half = left @ right.mT
        return ((half + half.mT) / 2).flatten(1)

    def back(self, data: Tensors, p: Tensor, g: Tensor) -> Tensor:
        """Return `2 g W`."""
        d = data["teacher"].shape[1]
        return (2 * _rows(g, d) @ _rows(p, d)).flatten(1)

    def metric(self, data: Tensors, p: Tensor, slope: Tensor) -> Tensors:
        """Return bases in which the Hessian is nearly diagonal, and its inverse there.

        At the minimum S and the slope commute; there it would be exact for data whose product is
        2 n / d times the identity, but for the rotations of W, which change nothing.
        """
        d = data["teacher"].shape[1]
        layer, force = _rows(p, d), _sound(_rows(slope, d))
        stiff = (2 * data["count"] / d)[:, :, None]
        square = _sound(layer @ layer.mT)
        left = torch.linalg.eigh(square - force / stiff).eigenvectors
        sizes, right = torch.linalg.eigh(_sound(layer.mT @ layer))
        own = (left * (force @ left)).sum(1)
        lifted = torch.maximum((2 * own + data["decay"]).abs(), LEAST * data["decay"])
        known = (left * (square @ left)).sum(1)
        over = 2 * stiff * (known[:, :, None] + sizes[:, None]) + lifted[:, :, None]
        return {"left": left, "right": right, "over": over}

    def scaled(self, metric: Tensors, g: Tensor) -> Tensor:
        """Return g, divided in the bases."""
        left, right = metric["left"], metric["right"]
        inside = left.mT @ _rows(g, left.shape[1]) @ right / metric["over"]
        return (left @ inside @ right.mT).flatten(1)

    def apply(self, data: Tensors, theta: Tensor) -> Tensor:
        """Return the adjoint of the fields of theta, shape (run, columns, d * d)."""
        d = math.isqrt(theta.shape[2])
        if "gram" in data:
            row, column, weight = _triangle(d, theta.device)
            packed = _rows(theta, d)[..., row, column] * weight

            def product(columns: Tensor) -> Tensor:
                found: Tensor = columns.flatten(1, 2) @ data["gram"]
                return found.reshape(columns.shape)

            found = shared(data["slots"], packed, product) / weight
            full = theta.new_zeros(*theta.shape[:2], d, d)
            full[..., row, column] = found
            full[..., column, row] = found
            return full.flatten(2)

        inputs = data["inputs"][:, None]

        def through(columns: Tensor) -> Tensor:
            matrices = _rows(columns, d).flatten(1, 2)
            fields = ((inputs @ matrices) * inputs).sum(-1)
            trace = matrices.diagonal(dim1=-2, dim2=-1).sum(-1)
            fields = (fields - trace[..., None]) / d
            back = (inputs * fields[..., None]).mT @ inputs
            back.diagonal(dim1=-2, dim2=-1).sub_(fields.sum(-1, keepdim=True))
            return back.flatten(-2).reshape(columns.shape)

        return shared(data["slots"], theta, through)

    def norm(self, theta: Tensor) -> Tensor:
        """Return the trace; matrices are positive."""
        return self._matrix(theta).diagonal(dim1=1, dim2=2).sum(1)

    def dual(self, data: Tensors, force: Tensor) -> Tensor:
        """Return the largest eigenvalue."""
        del data
        largest: Tensor = torch.linalg.eigvalsh(_sound(self._matrix(force)))[:, -1]
        return largest

    def proximal(self, data: Tensors, theta: Tensor, cut: Tensor) -> Tensor:
        """Return the matrix whose eigenvalues are less by the cut, or zero."""
        del data
        values, vectors = torch.linalg.eigh(_sound(self._matrix(theta)))
        left = (values - cut).clamp(min=0.0)
        found: Tensor = (vectors * left[:, None]) @ vectors.mT
        return found.flatten(1)

    def measure(self, context: Context, data: Tensors, theta: Tensor) -> Tensors:
        """Return risk, overlap, eigenvalues and what is learned of the teacher's."""
        d, kept = context.settings.d, context.settings.kept
        matrix, truth = self._matrix(theta), data["teacher"]
        values = torch.linalg.eigvalsh(_sound(matrix)).flip(1).clamp(min=0.0)
        diagonal = matrix.diagonal(dim1=1, dim2=2)
        apart = matrix - torch.diag_embed(truth)
        length = (theta.norm(dim=1) * truth.norm(dim=1)).clamp(min=1e-300)
        found = {
            "excess_risk": 2 * (apart**2).sum((1, 2)) / d,
            "overlap": (diagonal * truth).sum(1) / length,
            "support": (values > SUPPORT * values[:, :1].clamp(min=1e-300)).sum(1).to(DTYPE),
            "spectrum": values[:, :kept],
            "singular_values": values[:, :kept].sqrt(),
            "learned": diagonal[:, :kept],
        }
        if "edge" in data:
            cut = self._matrix(self.proximal(data, theta, data["edge"]))
            found["pruned_risk"] = 2 * ((cut - torch.diag_embed(truth)) ** 2).sum((1, 2)) / d
        return found

    def _matrix(self, theta: Tensor) -> Tensor:
        return _rows(theta, math.isqrt(theta.shape[1]))


def gram(settings: Quadratic) -> bool:
    """Return whether the Gram matrix is kept in place of the examples."""
    return settings.n_train > settings.d * (settings.d + 1) // 2


def bulk_edge(settings: Quadratic) -> float:
    """Return where state evolution says that the bulk of noise ends in the spectrum."""
    solver = StateEvolution(settings.d, settings.gamma, settings.unit)
    fixed = solver.minimiser(float(settings.n_train), settings.decay, settings.noise)
    return float(solver.edge(fixed))


def eigenvalues(settings: Quadratic) -> Array:
    """Return the teacher's eigenvalues, falling, shape (d,)."""
    d = settings.d
    size = np.arange(1.0, d + 1) ** -settings.gamma
    return size * math.sqrt(d / (float(size @ size) if settings.unit else 1.0))


def _entries(x: Array) -> Array:
    """Return the upper triangles of `(x x^T - 1) / sqrt(d)`, off-diagonals times sqrt(2)."""
    d = x.shape[1]
    row, column = np.triu_indices(d)
    table = x[:, row] * x[:, column]
    table[:, row == column] -= 1.0
    table *= np.where(row == column, 1.0, math.sqrt(2.0)) / math.sqrt(d)
    return table


def _sound(matrix: Tensor) -> Tensor:
    """Return the matrix with zeros for what has diverged, which decompositions would refuse."""
    return torch.where(matrix.abs() < 1e100, matrix, 0.0)


def _rows(flat: Tensor, d: int) -> Tensor:
    """Return matrices with d rows."""
    return flat.reshape(*flat.shape[:-1], d, -1)


def _triangle(d: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows, columns and weights of the entries of a packed matrix."""
    row, column = torch.triu_indices(d, d, device=device)
    weight = torch.where(row == column, 1.0, 2.0).to(DTYPE).sqrt()
    return row, column, weight
