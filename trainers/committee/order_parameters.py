"""Order parameters: the committee machine's overlaps under SGD on isotropic inputs, drawn exactly.

What an example does depends on its fields and its length. In an orthonormal frame whose first axes
span all weights, its entries along them are independent standard normal numbers, and what is left
of it points anywhere; so make that rest the direction of a new axis. After some examples the
weights, now with an entry on each new axis, are rotated into the fewest axes again. The overlaps so
drawn are those of SGD at this N, in law, at a cost that does not depend on N.

The first M axes are those of the teacher, the next K those of the student beside it: in these,
`data` holds `teacher`, shape (run, M, M), and `state` holds `student`, shape (run, K, M + K). Only
the first weights are drawn in N dimensions; they are those of `sgd`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from scalefit.trainers.protocol import Context, Cost, Run

from . import draws
from .settings import Committee
from .several_steps import several_steps
from .sgd import DTYPE, SGD, activation_of, stacked

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

NEW_AXES = 24


class OrderParameters(SGD):
    """The Markov chain of the overlaps."""

    source: ClassVar[str] = "committee machine, one-pass SGD, its overlaps as a Markov chain"
    block: ClassVar[int] = 1024

    def cost(self, settings: Committee) -> Cost:
        """Return the cost of one run; calling the operations costs most, and many go together."""
        units = settings.K + settings.M
        return Cost(
            operations=(3e3 + 200 * units) * settings.steps,
            memory=8.0 * self.block * (units + NEW_AXES),
            width=64,
        )

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return what `sgd` starts from, in the frame."""
        device = context.device
        data, state = super().init(replace(context, device=torch.device("cpu")), runs)
        weights = torch.cat([data["teacher"], state["student"]], dim=1)
        M = data["teacher"].shape[1]
        frame = triangle(weights)
        data |= {"teacher": frame[:, :M, :M], "spread": data["spread"][..., :1]}
        data = {name: one.to(device) for name, one in data.items()}
        return data, {"student": frame[:, M:].to(device)}

    def feed(self, context: Context, runs: Sequence[Run], block: int) -> Tensors:
        """Return each input's entries on old and new axes, and the square of what is left of it."""
        settings, device = context.settings, context.device
        old = settings.K + settings.M
        new = min(NEW_AXES, settings.N - old)
        axes = torch.empty(len(runs), self.block, old + new, dtype=torch.float32, device=device)
        rest = []
        for run, out in zip(runs, axes, strict=True):
            stream = draws.stream(run, "axes", block)
            draws.normals(stream, out)
            # twice a gamma number of half the dimension; none left is fine with it
            rest.append(2 * stream.standard_gamma((settings.N - old - new) / 2, self.block))
        return {"axes": axes, "rest": stacked(rest, device)}

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the weights in the frame after some steps."""
        del context
        student, activation = state["student"], activation_of(data)
        M, old = data["teacher"].shape[1], student.shape[-1]
        new = fresh["axes"].shape[-1] - old
        for first in range(0, len(steps), new):
            axes = fresh["axes"][:, first : first + new].to(DTYPE)
            rest = fresh["rest"][:, first : first + new]
            inputs = axes.tril(old - 1)  # an example knows nothing of the axes that come after it
            rest = rest + (axes - inputs).square().sum(-1)
            inputs.diagonal(old, 1, 2).copy_(rest.sqrt())
            inputs = (inputs * data["spread"])[:, :, None]
            student = pad(student, (0, new))
            student = several_steps(student, data["teacher"], inputs, data[activation], activation)
            student = torch.cat([student[..., :M], triangle(student[..., M:])], dim=-1)
        return {"student": student}


def triangle(weights: Tensor) -> Tensor:
    """Return weights in as many axes as there are rows, with the same products: (run, K, K)."""
    found: Tensor = torch.linalg.qr(weights.mT, mode="r")[1].mT
    return found
