"""Model of a network under weight decay: what its parameters mean, and what data ask of them.

A network is a regression in effective weights theta that are quadratic in its parameters p,
`theta = B(p, p)` with B symmetric and bilinear. Training minimises

    1/2 |y - A theta|^2 + mu / 2 |p|^2,

and its least value is that of a convex problem, `1/2 |y - A theta|^2 + share mu norm(theta)`. A
dual point bounds the distance from it, whatever the parameters: see `Trained.gap`.

`data` holds what `apply` needs, and `pull = A^T y`, shape (run, E), `square = |y|^2`, `count`, the
number of examples, `decay`, mu, and `tolerance`, each of shape (run, 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from scalefit.trainers.protocol import Context, Run, Tensors, Variable

DTYPE = torch.float64


class Model(Protocol):
    """Pure functions over a leading run axis; parameters are flat, (run, M), theta is (run, E).

    Attributes
    ----------
    words
        What trains, in words.
    share
        Of mu in the price of a unit of `norm`.
    """

    words: ClassVar[str]
    share: ClassVar[float]

    def shape(self, settings: Any) -> tuple[Any, ...]:
        """Return what runs must have in common."""
        ...

    def variables(self, settings: Any) -> Mapping[str, Variable]:
        """Return what `measure` returns."""
        ...

    def labels(self, settings: Any) -> Mapping[str, Sequence[Any]]:
        """Return coordinate values of further dimensions."""
        ...

    def size(self, settings: Any) -> int:
        """Return the number of parameters, M."""
        ...

    def product(self, settings: Any) -> tuple[float, float]:
        """Return operations and bytes of `apply` for one run."""
        ...

    def draw(self, context: Context, runs: Sequence[Run]) -> Tensors:
        """Return the data."""
        ...

    def start(self, context: Context, runs: Sequence[Run]) -> Tensor:
        """Return the parameters before the first step."""
        ...

    def rate(self, settings: Any) -> float:
        """Return the factor of a step of gradient descent beside `learning_rate`."""
        ...

    def mixed(self, data: Tensors, p: Tensor, q: Tensor) -> Tensor:
        """Return B(p, q)."""
        ...

    def back(self, data: Tensors, p: Tensor, g: Tensor) -> Tensor:
        """Return the gradient by p of `g . B(p, p)`."""
        ...

    def metric(self, data: Tensors, p: Tensor, slope: Tensor) -> Tensors:
        """Return what `scaled` needs at p, where half the sum of squares has the gradient slope."""
        ...

    def scaled(self, metric: Tensors, g: Tensor) -> Tensor:
        """Return g times the inverse Hessian that data without correlations have, made positive."""
        ...

    def apply(self, data: Tensors, theta: Tensor) -> Tensor:
        """Return `A^T A theta` for theta of shape (run, columns, E)."""
        ...

    def norm(self, theta: Tensor) -> Tensor:
        """Return the convex norm of theta, shape (run,)."""
        ...

    def dual(self, data: Tensors, force: Tensor) -> Tensor:
        """Return the dual norm of a force, shape (run,)."""
        ...

    def proximal(self, data: Tensors, theta: Tensor, cut: Tensor) -> Tensor:
        """Return the proximal map of `cut norm`."""
        ...

    def measure(self, context: Context, data: Tensors, theta: Tensor) -> Tensors:
        """Return what the effective weights are worth."""
        ...
