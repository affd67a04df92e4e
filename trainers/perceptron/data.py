"""Data of the teacher-student perceptron, and what a student is worth on them.

Inputs x are standard Gaussian or signs, labels y the signs of the teacher's field. The loss of a
student u is `mean log(1 + exp(-2 y u.x / sqrt(N)))`, so that the norm `|u| / sqrt(N)` multiplies
twice the stability `y u.x / |u|` in the logistic.

`data` holds the unit vectors `teacher`, shape (run, N), and `rate`, shape (run, 1). Examples are
`examples`, label times input over sqrt(N), shape (run, example, N); or, where runs share their
inputs, `inputs` over sqrt(N), shape (example, N), and `labels`, shape (run, example).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from scalefit.arrays import Array
from scalefit.trainers.protocol import Run
from scalefit.trainers.seeds import generator

from .settings import Perceptron

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

# float32 loses late steps: after 1e5 of them (load 5, N = 100) its norm was off by 3e-4 and its
# training loss by 2e-3, while the cost of a step, memory traffic, is at most halved.
DTYPE = torch.float64

IN_CACHE = 2**20
"""Bytes of examples that a CPU core keeps close at hand between two products."""


def draw(
    N: int, n_train: int, *, run_seed: int, seed: int, law: str = "gaussian"
) -> tuple[Array, Array]:
    """Return the examples (n_train, N), as at the top, and the unit teacher (N,) of one run.

    They depend on the arguments alone. Data sets of different size are independent, not nested.
    """
    key = ("perceptron", seed, N, n_train, run_seed)
    teacher = generator(*key, "teacher").standard_normal(N)
    inputs = _inputs(law, (n_train, N), *key)
    labels = np.where(inputs @ teacher >= 0, 1.0, -1.0)
    return labels[:, None] * inputs / math.sqrt(N), teacher / np.linalg.norm(teacher)


def draw_shared(
    N: int, n_train: int, *, run_seeds: Sequence[int], seed: int, law: str = "gaussian"
) -> tuple[Array, Array, Array]:
    """Return inputs over sqrt(N) that runs share, and the labels and unit teacher of each run."""
    key = ("perceptron", seed, N, n_train)
    inputs = _inputs(law, (n_train, N), *key, "shared") / math.sqrt(N)
    teachers = [generator(*key, one, "teacher").standard_normal(N) for one in run_seeds]
    labels = [np.where(inputs @ teacher >= 0, 1.0, -1.0) for teacher in teachers]
    units = [teacher / np.linalg.norm(teacher) for teacher in teachers]
    return inputs, np.array(labels), np.array(units)


def _inputs(law: str, shape: tuple[int, int], *key: int | str) -> Array:
    """Return unscaled inputs: standard normal, or 1 and -1."""
    if law == "rademacher":
        return generator(*key, "inputs", law).choice(np.array([-1.0, 1.0]), shape)
    return generator(*key, "inputs").standard_normal(shape)


def count(data: Tensors) -> int:
    """Return the number of examples of a run."""
    return data["labels" if "inputs" in data else "examples"].shape[1]


def fields(student: Tensor, data: Tensors) -> Tensor:
    """Return label times field, `y u.x / sqrt(N)`, shape (run, example)."""
    if "inputs" in data:
        return data["labels"] * (student @ data["inputs"].T)
    examples = data["examples"]
    if len(examples) == 1:  # on a CPU, the batched product of one run is slower
        return torch.mv(examples[0], student[0])[None]
    return torch.bmm(examples, student[:, :, None])[..., 0]


def force(data: Tensors) -> Callable[[Tensor], Tensor]:
    """Return the function from students to minus N times the gradient of their mean losses.

    It is `2 N mean sigmoid(-2 y u.x / sqrt(N)) y x / sqrt(N)`, shape (run, N).
    """
    if "inputs" in data:
        inputs, labels = data["inputs"], data["labels"]
        scale = 2 * inputs.shape[1] / len(inputs)
        before, after = -2 * labels, scale * labels

        def together(student: Tensor) -> Tensor:
            return torch.sigmoid_((student @ inputs.T).mul_(before)).mul_(after) @ inputs

        return together
    examples = data["examples"]
    runs, rows, N = examples.shape
    scale = 2 * N / rows
    if runs > 1:

        def batched(student: Tensor) -> Tensor:
            pull = torch.sigmoid(-2 * fields(student, data))
            return scale * torch.bmm(pull[:, None, :], examples)[:, 0]

        return batched
    # One run, on a CPU: some rows at a time, which are still in cache for the second product.
    close = max(IN_CACHE // (N * examples.itemsize), 1) if examples.device.type == "cpu" else rows
    blocks = [(block, block.T) for block in torch.split(examples[0], close)]

    def alone(student: Tensor) -> Tensor:
        total, against = student.new_zeros(N), -2 * student[0]
        for block, turned in blocks:
            total.addmv_(turned, torch.mv(block, against).sigmoid_(), alpha=scale)
        return total[None]

    return alone


def pulled(weight: Tensor, data: Tensors) -> Tensor:
    """Return the sum over examples of `weight * y x / sqrt(N)`, shape (run, N)."""
    if "inputs" in data:
        return (weight * data["labels"]) @ data["inputs"]
    return torch.bmm(weight[:, None, :], data["examples"])[:, 0]


def lengths(student: Tensor) -> Tensor:
    """Return the students' lengths, shape (run, 1)."""
    found: Tensor = torch.linalg.vector_norm(student, dim=1, keepdim=True)
    return found


def describe(student: Tensor, data: Tensors) -> Tensors:
    """Return the variables in `STATIC`, shape (run,)."""
    stability = fields(student, data)
    length = torch.linalg.vector_norm(student, dim=1)
    direction = student / length[:, None]
    apart = torch.linalg.vector_norm(direction - data["teacher"], dim=1)
    across = torch.linalg.vector_norm(direction + data["teacher"], dim=1)
    root = math.sqrt(student.shape[1])
    return {
        "norm": length / root,
        # arccos(overlap) / pi, from the chords, which keep their digits at small angles
        "test_error": 2 / math.pi * torch.atan2(apart, across),
        "overlap": (direction * data["teacher"]).sum(1),
        "train_loss": -torch.nn.functional.logsigmoid(2 * stability).mean(1),
        "train_error": (stability <= 0).mean(1, dtype=student.dtype),
        "margin": stability.amin(1) * root / length,
    }


def training_data(runs: Sequence[Run], device: torch.device) -> Tensors:
    """Return the teachers, examples and learning rates of runs, as at the top."""
    first = settings_of(runs[0])
    size = (first.N, first.n_train)
    source: dict[str, Any] = {"seed": runs[0].root, "law": first.inputs}
    rates = torch.tensor(
        [[settings_of(run).learning_rate] for run in runs], dtype=DTYPE, device=device
    )
    if first.shared_inputs:
        arrays = draw_shared(*size, **source, run_seeds=[run.seed for run in runs])
        shared = [torch.tensor(array, dtype=DTYPE, device=device) for array in arrays]
        return dict(zip(("inputs", "labels", "teacher"), shared, strict=True)) | {"rate": rates}
    data = {
        "examples": zeros(len(runs), first.n_train, first.N, device=device),
        "teacher": zeros(len(runs), first.N, device=device),
        "rate": rates,
    }
    for index, run in enumerate(runs):  # the host holds the data of one run at a time
        examples, teacher = draw(*size, **source, run_seed=run.seed)
        data["examples"][index] = torch.tensor(examples, device=device)
        data["teacher"][index] = torch.tensor(teacher, device=device)
    return data


def common(settings: Perceptron) -> tuple[Any, ...]:
    """Return what runs must have in common for `training_data`."""
    return settings.N, settings.n_train, settings.inputs, settings.shared_inputs


def settings_of(run: Run) -> Perceptron:
    """Return the settings of a run."""
    assert isinstance(run.settings, Perceptron)
    return run.settings


def zeros(*shape: int, device: torch.device) -> Tensor:
    """Return zeros of the simulation's precision."""
    return torch.zeros(*shape, dtype=DTYPE, device=device)
