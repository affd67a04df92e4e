"""Protocols of random features without iteration: minimiser, gradient flow, gradient descent.

Everything is solved before the first step; a step goes on to the next point. Sizes, ridges and
noise may differ among the runs of a call, and runs of one seed share their draws: a grid over
examples and parameters costs one product over the modes, and a small matrix for each cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from scalefit.arrays import Array
from scalefit.trainers.protocol import Context, Cost, Facts, Run, Simulation, Variable

from . import grids
from .draws import settings_of
from .moments import DTYPE, Cell, cells
from .settings import RandomFeatures
from .solutions import Solved, factored, solved
from .variables import FLOW, STATIC, STEPS

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Tensors

REGULAR = 1e10
"""Largest eigenvalue over the smallest, about, up to which Cholesky's factor is used."""
WIDEST, TOGETHER = 1024, 2e10
"""Runs of a call on a CPU core, at most, and about their operations."""


class ClosedForm(Simulation):
    """What is known at every point of a run once its Gram matrix is decomposed."""

    variables: ClassVar[Mapping[str, Variable]]

    def shape(self, settings: RandomFeatures) -> tuple[Any, ...]:
        """Return the spectrum, the kind of features and the points."""
        kernel = settings.spectrum, settings.eigenvalues, settings.exponent, settings.modes
        used = settings.used()
        points = [used.get(name) for name in ("duration", "learning_rate", "steps", "points")]
        return *kernel, settings.teacher, settings.features, settings.averaged, *points

    def facts(self, settings: RandomFeatures) -> Facts:
        """Return one checkpoint a point, counted from 0."""
        return Facts(self.variables, range(self.points(settings)))

    def points(self, settings: RandomFeatures) -> int:
        """Return the number of points."""
        return len(grids.along(settings)["time"])

    def along(self, settings: RandomFeatures) -> Mapping[str, Array]:
        """Return steps and times."""
        return grids.along(settings)

    def cost(self, settings: RandomFeatures) -> Cost:
        """Return the cost of the products, a share of the draws, and the decomposition."""
        D, P, S = settings.n_train, settings.n_params, settings.size
        small, large = sorted((D, P))
        small = small or large
        operations = 40.0 * small**3 + 4.0 * small * small * large + 2.0 * small * S + 1e6
        together = min(max(int(TOGETHER / operations), 8), WIDEST)
        entries = 3 * D * D + 2 * D * P + 2 * P * P + 4 * small * small
        return Cost(operations, memory=8.0 * (entries + 2048 * (D + P)), width=together)

    def init(self, context: Context, runs: Sequence[Run]) -> tuple[Tensors, Tensors]:
        """Return all values of every run, shape (run, point), and the point 0."""
        found: dict[int, Tensors] = {}
        with torch.no_grad():
            for places in _by_seed(runs):
                for at, cell in cells([runs[place] for place in places], context.device):
                    place = places[at]
                    found[place] = self.solve(cell, settings_of(runs[place]))
        data = {
            name: torch.stack([found[at][name] for at in range(len(runs))]) for name in found[0]
        }
        return data, {"point": torch.zeros(len(runs), 1, dtype=torch.int64, device=context.device)}

    def solve(self, cell: Cell, settings: RandomFeatures) -> Tensors:
        """Return the values of a run, shape (point,)."""
        one = solved(cell)
        grid = torch.tensor(self.places(settings), dtype=DTYPE, device=cell.start.device)
        test, train = one.losses(self.function(one, settings, grid[:, None]))
        return {"test_loss": test, "train_loss": train}

    def places(self, settings: RandomFeatures) -> Array:
        """Return what the points are in `function`: times, or steps."""
        return grids.along(settings)["time"]

    def function(self, one: Solved, settings: RandomFeatures, places: Tensor) -> Tensor:
        """Return the function of the eigenvalues, shape (point, r)."""
        raise NotImplementedError

    def update(
        self, context: Context, state: Tensors, data: Tensors, fresh: Tensors, steps: range
    ) -> Tensors:
        """Return the point after some more of them."""
        del context, data, fresh
        return {"point": state["point"] + len(steps)}

    def measure(self, context: Context, state: Tensors, data: Tensors) -> Tensors:
        """Return the values at the point."""
        del context
        return {name: one.gather(1, state["point"])[:, 0] for name, one in data.items()}


class Minimiser(ClosedForm):
    """The minimiser of the mean squared residual plus the ridge."""

    source: ClassVar[str] = "random features, minimiser"
    variables: ClassVar[Mapping[str, Variable]] = STATIC

    def points(self, settings: RandomFeatures) -> int:
        """Return one."""
        del settings
        return 1

    def solve(self, cell: Cell, settings: RandomFeatures) -> Tensors:
        """Return the losses, at the given ridge or at the best one."""
        if not settings.tuned and regular(settings):
            test, train = factored(cell, settings.ridge)
            ridge = torch.full_like(test, settings.ridge)
            return {"test_loss": test[None], "train_loss": train[None], "penalty": ridge[None]}
        one = solved(cell)
        ridge = one.best() if settings.tuned else torch.full_like(one.cross[:1], settings.ridge)
        test, train = one.losses(one.minimiser(ridge[:, None]))
        return {"test_loss": test, "train_loss": train, "penalty": ridge}


class GradientFlow(ClosedForm):
    """Gradient flow of half the mean squared residual, from zero."""

    source: ClassVar[str] = "random features, gradient flow"
    variables: ClassVar[Mapping[str, Variable]] = FLOW

    def function(self, one: Solved, settings: RandomFeatures, places: Tensor) -> Tensor:
        """Return that of the flow."""
        del settings
        return one.flow(places)


class GradientDescent(ClosedForm):
    """Gradient descent with full batches, from zero."""

    source: ClassVar[str] = "random features, gradient descent"
    variables: ClassVar[Mapping[str, Variable]] = STEPS

    def places(self, settings: RandomFeatures) -> Array:
        """Return steps."""
        return grids.along(settings)["step"]

    def function(self, one: Solved, settings: RandomFeatures, places: Tensor) -> Tensor:
        """Return that of descent."""
        return one.descent(settings.learning_rate, places)


def regular(settings: RandomFeatures) -> bool:
    """Return whether the Gram matrix is far enough from singular for Cholesky's factor.

    Its smallest eigenvalue is about that of the kernel times (1 - sqrt(m/M))^2, or 1/m^2.
    """
    finite = [one for one in (settings.n_train, settings.n_params) if one]
    if not finite:
        return False
    m, M = min(finite), max(finite) if len(finite) == 2 else float("inf")
    if m >= settings.size:
        return False
    edge = max(1 - (m / M) ** 0.5, 1 / m) ** 2
    spread, top = settings.spread(m)
    return bool(spread < REGULAR * max(edge, settings.ridge / top * spread))


def _by_seed(runs: Sequence[Run]) -> Iterator[list[int]]:
    """Return the places of the runs of every seed."""

    def seed(at: int) -> tuple[int, int]:
        return runs[at].root, runs[at].seed

    for _, places in groupby(sorted(range(len(runs)), key=seed), key=seed):
        yield list(places)
