"""Several steps of SGD at once, exactly, for the committee machine.

Fields change from step to step, but only along the inputs already seen: after some steps that gave
`J + rate / sqrt(N) sum delta_s xi_s`, the field of the next input is that of J plus
`rate sum delta_s (xi_s.xi) / N`. The fields at the start and the products of all pairs of inputs
take three matrix products; what is left to do one step after the other has nothing to do with N.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

# g(x) = erf(x / sqrt(2)) has the slope sqrt(2 / pi) exp(-(x / sqrt(2))^2)
WIDTH = {"erf": math.sqrt(0.5), "linear": 1.0}
SLOPE = {"erf": math.sqrt(2 / math.pi), "linear": 1.0}


def several_steps(
    student: Tensor, teacher: Tensor, inputs: Tensor, rate: Tensor, activation: str
) -> Tensor:
    """Return the student's weights after some steps.

    Parameters
    ----------
    student : shape (run, K, at most N)
        Weights on the leading entries of the input; the others are not trained.
    teacher : shape (run, M, at most N)
        Likewise.
    inputs : shape (run, step, example, N)
        Over sqrt(N); the gradients of the examples of a step are added up.
    rate : shape (run, 1, 1)
        Learning rate times the square of the student's output scale, sqrt(M) / K.
    activation
        `"erf"` or `"linear"`.
    """
    batch, width = inputs.shape[2], WIDTH[activation]
    examples = inputs.flatten(1, 2)
    seen = examples[..., : student.shape[-1]]
    taught = torch.bmm(teacher, examples[..., : teacher.shape[-1]].mT).mul_(width)
    wanted = respond(taught, activation).sum(1)
    wanted = wanted * (student.shape[1] / teacher.shape[1])
    fields = torch.bmm(student, seen.mT).mul_(width)
    scale = rate * SLOPE[activation]
    products = torch.bmm(seen, seen.mT).mul_(scale * width)
    on_host = fields.device.type == "cpu"
    answers = (with_numba if on_host else with_torch)(fields, wanted, products, batch, activation)
    return torch.baddbmm(student, answers.mul_(scale), seen)


def respond(fields: Tensor, activation: str) -> Tensor:
    """Return g of fields that are divided by its width."""
    return torch.erf(fields) if activation == "erf" else fields


def with_torch(
    fields: Tensor, wanted: Tensor, products: Tensor, batch: int, activation: str
) -> Tensor:
    """Return what each example adds, up to scales, to each unit, shape (run, K, example).

    Parameters
    ----------
    fields : shape (run, K, example), overwritten
        Of the weights at the start.
    wanted : shape (run, example)
        The teacher's output, as the sum over student units that would be right.
    products : shape (run, example, example)
        How much what one example adds changes the field of another.
    batch
        Examples per step.
    activation
        `"erf"` or `"linear"`.
    """
    answers = torch.empty_like(fields)
    examples = fields.shape[2]
    for first in range(0, examples, batch):
        last = min(first + batch, examples)
        field = fields[..., first:last]
        error = wanted[:, None, first:last] - respond(field, activation).sum(1, keepdim=True)
        slope = torch.exp(-(field**2)) if activation == "erf" else torch.ones_like(field)
        answers[..., first:last] = slope * error
        fields[..., last:] += torch.bmm(answers[..., first:last], products[:, first:last, last:])
    return answers


def with_numba(
    fields: Tensor, wanted: Tensor, products: Tensor, batch: int, activation: str
) -> Tensor:
    """Return what `with_torch` does, on a CPU alone, where calling torch costs most of the time."""
    answers = torch.empty_like(fields)
    given = fields.numpy(), wanted.numpy(), products.numpy()
    _answer(*given, answers.numpy(), batch, activation == "erf")
    return answers


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _answer(fields: Any, wanted: Any, products: Any, answers: Any, batch: int, erf: bool) -> None:
    runs, units, examples = fields.shape
    for run in range(runs):
        for first in range(0, examples, batch):
            last = min(first + batch, examples)
            for now in range(first, last):
                error = wanted[run, now]
                for unit in range(units):
                    field = fields[run, unit, now]
                    error -= math.erf(field) if erf else field
                for unit in range(units):
                    field = fields[run, unit, now]
                    answer = error * np.exp(-(field**2)) if erf else error
                    answers[run, unit, now] = answer
                    for later in range(last, examples):
                        fields[run, unit, later] += answer * products[run, now, later]
