"""Teacher-student perceptron: full-batch gradient descent on the logistic loss.

Inputs x are standard Gaussian, labels y the signs of the teacher's field, and the student u starts
from zero. The loss is `mean log(1 + exp(-2 y u.x / sqrt(N)))`, so that the norm `|u| / sqrt(N)`
multiplies twice the stability `y u.x / |u|` in the logistic.

The functions work on a batch of independent runs, along the leading axis. Runs of different load
share a batch: shorter data sets are filled up with zero rows, which carry no weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from scalefit import trajectory
from scalefit.errors import ConfigError
from scalefit.progress import bar
from scalefit.trainers.config import PerceptronConfig
from scalefit.trainers.device import describe, one_thread
from scalefit.trainers.provenance import provenance
from scalefit.trainers.schedule import checkpoints
from scalefit.trainers.seeds import generator

# float32 loses late steps: after 1e5 of them (load 5, N = 100) its norm was off by 3e-4 and its
# training loss by 2e-3, while the cost of a step, memory traffic, is at most halved.
DTYPE = torch.float64

VARIABLES = {
    "norm": "norm of the weights over sqrt(N)",
    "test_error": "exact test classification error",
    "overlap": "cosine of the angle between student and teacher",
    "train_loss": "mean logistic loss on the training examples",
    "train_error": "fraction of training examples on the wrong side",
    "margin": "smallest stability of a training example",
}


@dataclass(frozen=True)
class Run:
    """What tells a run from the others of its configuration."""

    load: float
    n_train: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """What stays fixed while a batch of runs trains.

    Attributes
    ----------
    examples : shape (run, example, N)
        Label times input over sqrt(N); zero rows after a run's last example.
    weight : shape (run, example)
        One over the number of examples of the run; zero on the rows that fill up.
    teacher : shape (run, N)
        Unit vectors.
    learning_rate : shape (run, 1), in units of time
        Step size over N.
    """

    examples: Tensor
    weight: Tensor
    teacher: Tensor
    learning_rate: Tensor


def draw(
    N: int, n_train: int, *, run_seed: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the examples (n_train, N), as in `Batch`, and the unit teacher (N,) of one run.

    They depend on the arguments alone. Data sets of different size are independent, not nested.
    """
    key = ("perceptron", seed, N, n_train, run_seed)
    teacher = generator(*key, "teacher").standard_normal(N)
    inputs = generator(*key, "inputs").standard_normal((n_train, N))
    labels = np.where(inputs @ teacher >= 0, 1.0, -1.0)
    return labels[:, None] * inputs / math.sqrt(N), teacher / np.linalg.norm(teacher)


def init(
    config: PerceptronConfig, runs: Sequence[Run], *, device: torch.device, seed: int
) -> tuple[Batch, Tensor]:
    """Return the batch, and the students' weights at the start, shape (run, N)."""
    rows = max(run.n_train for run in runs)

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(len(runs), *shape, dtype=DTYPE, device=device)

    batch = Batch(zeros(rows, config.N), zeros(rows), zeros(config.N), zeros(1))
    batch.learning_rate.fill_(config.learning_rate)
    for index, run in enumerate(runs):  # the host holds the data of one run at a time
        examples, teacher = draw(config.N, run.n_train, run_seed=run.seed, seed=seed)
        batch.examples[index, : run.n_train] = torch.from_numpy(examples).to(device)
        batch.weight[index, : run.n_train] = 1 / run.n_train
        batch.teacher[index] = torch.from_numpy(teacher).to(device)
    return batch, zeros(config.N)


def update(student: Tensor, batch: Batch, steps: int) -> Tensor:
    """Return the weights after some steps of gradient descent; nothing is read from the device.

    The gradient of the mean loss is `-2 mean sigmoid(-2 y u.x / sqrt(N)) y x / sqrt(N)`.
    """
    pull = 2 * student.shape[1] * batch.learning_rate * batch.weight
    for _ in range(steps):
        force = pull * torch.sigmoid(-2 * _fields(student, batch))
        student = student + torch.bmm(force[:, None, :], batch.examples)[:, 0]
    return student


def measure(student: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return each variable as a device tensor, shape (run,)."""
    fields = _fields(student, batch)
    length = torch.linalg.vector_norm(student, dim=1)
    direction = student / length[:, None]
    apart = torch.linalg.vector_norm(direction - batch.teacher, dim=1)
    across = torch.linalg.vector_norm(direction + batch.teacher, dim=1)
    root = math.sqrt(student.shape[1])
    smallest = torch.where(batch.weight > 0, fields, math.inf).amin(1)
    return {
        "norm": length / root,
        # arccos(overlap) / pi, from the chords, which keep their digits at small angles
        "test_error": 2 / math.pi * torch.atan2(apart, across),
        "overlap": (direction * batch.teacher).sum(1),
        "train_loss": -(batch.weight * torch.nn.functional.logsigmoid(2 * fields)).sum(1),
        "train_error": (batch.weight * (fields <= 0)).sum(1),
        "margin": smallest * root / length,
    }


def _fields(student: Tensor, batch: Batch) -> Tensor:
    """Return label times field, `y u.x / sqrt(N)`, shape (run, example)."""
    return torch.bmm(batch.examples, student[:, :, None])[..., 0]


def run(config: PerceptronConfig, device: torch.device, *, progress: bool, seed: int) -> xr.Dataset:
    """Return the trajectory of every load and seed.

    Returns
    -------
    trajectory
        Runs are loads times seeds. Variables, without units: `norm`, `test_error` (exact, from the
        overlap), `overlap`, `train_loss`, `train_error` and `margin` (smallest stability), with
        `step` and `time` (learning rate times steps). The first point is the first step: at zero
        weights there is no direction yet.

    Raises
    ------
    ConfigError
        If the protocol has no simulation.
    """
    if config.protocol != "gradient_descent":
        raise ConfigError(
            f"protocol '{config.protocol}' has a theory but no simulation: call "
            "scalefit.trainers.theory(config), or take protocol='gradient_descent'"
        )
    runs = [
        Run(load, config.n_train(load), number)
        for load in config.load
        for number in range(config.seeds)
    ]
    steps = checkpoints(config.steps, config.points)
    values = np.empty((len(runs), len(steps), len(VARIABLES)))
    groups = _groups(runs, config.N, device)
    rows = sum(len(group) * max(runs[index].n_train for index in group) for group in groups)
    work = config.steps * rows
    with one_thread(), bar("perceptron", work, unit="examples", show=progress) as advance:
        for group in groups:
            members = [runs[index] for index in group]
            batch, student = init(config, members, device=device, seed=seed)
            values[group] = _train(student, batch, steps, advance)

    alive = np.logical_and.accumulate(np.isfinite(values).all(axis=2), axis=1)
    values[~alive] = np.nan
    shape = (len(runs), 1)
    step = np.tile(np.array(steps, dtype=float), shape)
    dims = ("run", "point")
    return trajectory.build(
        {
            "step": (dims, step, {"long_name": "step of gradient descent"}),
            "time": (dims, config.learning_rate * step, {"long_name": "learning rate times steps"}),
            **{
                name: (dims, values[..., index], {"long_name": text})
                for index, (name, text) in enumerate(VARIABLES.items())
            },
        },
        {
            "run": [f"load={item.load:.12g}, seed={item.seed}" for item in runs],
            "status": ("run", np.where(alive[:, -1], "ok", "diverged").astype(object)),
            "load": ("run", [item.load for item in runs]),
            "n_train": ("run", [item.n_train for item in runs]),
            "seed": ("run", [item.seed for item in runs]),
            "N": ("run", np.full(len(runs), config.N)),
            "protocol": ("run", np.full(len(runs), config.protocol, dtype=object)),
            "learning_rate": ("run", np.full(len(runs), config.learning_rate)),
            "steps": ("run", np.full(len(runs), config.steps)),
        },
        source="simulation: teacher-student perceptron, full-batch gradient descent",
        attrs={
            "seed": seed,
            "device": describe(device),
            "dtype": str(DTYPE).removeprefix("torch."),
            "determinism": "fast",
            **provenance(config, "numpy", "torch"),
        },
    )


def _train(
    student: Tensor, batch: Batch, steps: Sequence[int], advance: Callable[[int], None]
) -> NDArray[np.float64]:
    """Return the variables, shape (run, point, variable), copied from the device once.

    `advance` hears of the rows done a hundred times or more, so that a progress bar moves.
    """
    last = steps[-1]
    stops = sorted({*steps, *range(0, last, math.ceil(last / 100))})
    rows = []
    for done, stop in pairwise(stops):
        student = update(student, batch, stop - done)
        if stop in steps:
            rows.append(torch.stack(list(measure(student, batch).values()), dim=-1))
        advance((stop - done) * batch.weight.numel())
    return torch.stack(rows, dim=1).cpu().numpy()


def _groups(runs: Sequence[Run], N: int, device: torch.device) -> list[list[int]]:
    """Return the indices of the runs that train as one batch, similar sizes together.

    A GPU takes what fits into half its free memory. On a CPU a step is bound by memory traffic, and
    a batch that outgrows the cache is slower than its runs one by one.
    """
    limit = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else 2**20
    groups: list[list[int]] = [[]]
    for index in sorted(range(len(runs)), key=lambda index: runs[index].n_train):
        size = (len(groups[-1]) + 1) * runs[index].n_train * N * DTYPE.itemsize
        if groups[-1] and size > limit:
            groups.append([])
        groups[-1].append(index)
    return groups
