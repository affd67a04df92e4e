"""Solutions on a draw: losses of minimisers, gradient flow and descent, from one decomposition.

With the eigenvalues g of the Gram matrix and the other moments in its eigenbasis, a solution is a
function f of g, and the losses are quadratic in it:

    test  = start - 2 sum_j f_j W_jj + sum_jk f_j f_k N_jk Y_kj
    train = rest + sum_j (1 - g_j f_j)^2 y_j

where y_j is the mean squared label along the j-th direction, and rest what no solution fits. A
minimiser with a ridge is f = 1 / (g + ridge), gradient flow (1 - exp(-g t)) / g, k steps of descent
(1 - (1 - eta g)^k) / g. Without a ridge, directions whose eigenvalue is rounding are left out.

The terms of the test loss cancel. With weights a, a single target's loss is start - 2 a W + a N a,
and rounding of N alone, spread over its r^2 entries, makes it uncertain by some eps |N| |a|^2 / r.
A loss below that is not known.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .moments import Cell

ROUNDING = 1e-15
"""Eigenvalue over the largest one and the size, below which it is rounding."""
SPREAD = 4.0
"""Rounding of a loss over eps |N| |a|^2 / r, at most; seen were up to 3."""
SOUND = 0.01
"""Rounding over a loss up to which it does not count."""
GRID, ZOOMS = 33, 9
"""Ridges that are tried at once, and how often around the best of them."""
REACH = 1e4
"""Factor by which ridges are looked for beyond the eigenvalues, on both sides."""


class Solved(NamedTuple):
    """A cell in the eigenbasis of its Gram matrix, of size r.

    Attributes
    ----------
    eigenvalue, cross, labels : shape (r,)
        g, the diagonal of W, and y.
    pairs : shape (r, r), or (r,) where only the diagonal counts
        Products of N and Y.
    start, rest : shape ()
        As above.
    population
        Whether the training loss is the test loss plus `rest`.
    rounding : shape (r,)
        What rounding makes of the test loss, for each f_j^2.
    """

    eigenvalue: Tensor
    cross: Tensor
    labels: Tensor
    pairs: Tensor
    start: Tensor
    rest: Tensor
    population: bool
    rounding: Tensor

    def losses(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """Return test and training losses of functions of the eigenvalues, shape (..., r).

        The test loss is NaN where it is less than what rounding makes of it.
        """
        onto = f @ self.pairs if self.pairs.ndim == 2 else f * self.pairs
        test = (self.start - 2 * (f @ self.cross) + (onto * f).sum(-1)).clamp(min=0)
        test = _known(test, f**2 @ self.rounding)
        if self.population:
            return test, test + self.rest
        return test, self.rest + (1 - self.eigenvalue * f) ** 2 @ self.labels

    @property
    def rank(self) -> Tensor:
        """Return which eigenvalues are more than rounding."""
        size = self.eigenvalue.shape[0]
        return self.eigenvalue > size * ROUNDING * self.eigenvalue.amax()

    def minimiser(self, ridge: Tensor) -> Tensor:
        """Return f of ridges, shape (..., 1)."""
        below = self.eigenvalue + ridge
        f: Tensor = torch.where(self.rank | (ridge > 0), 1 / below, torch.zeros_like(below))
        return f

    def flow(self, times: Tensor) -> Tensor:
        """Return f of gradient flow at times, shape (..., 1)."""
        g = torch.where(self.rank, self.eigenvalue, torch.ones_like(self.eigenvalue))
        return torch.where(self.rank, -torch.expm1(-g * times) / g, times)

    def descent(self, rate: float, steps: Tensor) -> Tensor:
        """Return f of gradient descent after some steps, shape (..., 1)."""
        g = torch.where(self.rank, self.eigenvalue, torch.ones_like(self.eigenvalue))
        factor = 1 - rate * g
        odd = torch.where((factor < 0) & (steps % 2 == 1), -1.0, 1.0)
        shrunk = odd * torch.exp(steps * torch.log(factor.abs()))
        return torch.where(self.rank, (1 - shrunk) / g, rate * steps)

    def best(self) -> Tensor:
        """Return the ridge of the least test loss, shape (1,); 0 where none is better.

        Where rounding counts at any of the ridges that are tried first, the first minimum from
        above is taken in place of the least.
        """
        top = self.eigenvalue.amax()
        least = torch.where(self.rank, self.eigenvalue, top).amin()
        low, high = torch.log(least / REACH), torch.log(top * REACH)
        share = torch.linspace(0, 1, GRID, dtype=low.dtype, device=low.device)
        tried = low + share * (high - low)
        loss = self._at(tried)
        sound = (self.minimiser(tried.exp()[:, None]) ** 2 @ self.rounding < SOUND * loss).all()
        place = torch.arange(1, GRID, device=low.device)
        first = torch.where(loss[1:] <= loss[:-1], place, 0).amax()
        at = torch.where(sound, _least(loss), first)
        for _ in range(ZOOMS - 1):
            step = (high - low) / (GRID - 1)
            middle = tried.gather(0, at[None])[0]
            low, high = middle - step, middle + step
            tried = low + share * (high - low)
            at = _least(self._at(tried))
        found = tried.gather(0, at[None])[0]
        both = torch.stack([torch.where(sound, -torch.inf, found), found])
        return both.gather(0, _least(self._at(both))[None]).exp()

    def _at(self, logs: Tensor) -> Tensor:
        """Return test losses at ridges, given their logs, shape (ridge,)."""
        return self.losses(self.minimiser(logs.exp()[:, None]))[0]


def _least(loss: Tensor) -> Tensor:
    """Return where the least of the losses is, of those that are known."""
    return loss.nan_to_num(nan=torch.inf).argmin()


def solved(cell: Cell) -> Solved:
    """Return a cell in the eigenbasis of its Gram matrix."""
    start, rest = cell.start, cell.squares - cell.start
    exact = torch.zeros(len(cell.gram)).to(cell.gram)
    if cell.gram.ndim == 1:
        pairs = cell.gram * cell.cross
        return Solved(cell.gram, cell.cross, cell.cross, pairs, start, rest, True, exact)
    g, U = torch.linalg.eigh(cell.gram)
    g = g.clamp(min=0)
    cross = _turned(cell, U)
    if cell.side == "population":
        return Solved(g, cross, cross, g * cross, start, rest, True, exact)
    if cell.cross.ndim == 1:
        u = U.T @ cell.target
        target, labels = u * u[:, None], u**2
    else:
        target = U.T @ cell.target @ U
        labels = target.diagonal()
    pairs = (U.T @ cell.inner @ U) * target.T
    found = Solved(g, cross, labels, pairs, start, rest, False, _rounding(cell) * labels.abs())
    if cell.side == "features":
        known = torch.where(found.rank, g, torch.ones_like(g)) * cell.examples
        labels = torch.where(found.rank, labels / known, torch.zeros_like(g))
        return found._replace(labels=labels, rest=cell.squares - labels.sum())
    return found._replace(labels=labels, rest=torch.zeros_like(start))


def _rounding(cell: Cell) -> Tensor:
    """Return what rounding makes of a loss, over |a|^2."""
    size: Tensor = torch.linalg.matrix_norm(cell.inner) / len(cell.inner)
    return size * (SPREAD * torch.finfo(cell.inner.dtype).eps)


def _known(test: Tensor, rounding: Tensor) -> Tensor:
    """Return test losses, NaN where they are less than rounding."""
    return torch.where(test < rounding, torch.nan, test)


def _turned(cell: Cell, U: Tensor) -> Tensor:
    """Return what target and labels have in common, in the eigenbasis, shape (r,)."""
    if cell.cross.ndim == 1:
        return (U.T @ cell.target) * (U.T @ cell.cross)
    return ((U.T @ cell.cross) * U.T).sum(1)


def factored(cell: Cell, ridge: float) -> tuple[Tensor, Tensor]:
    """Return test and training loss of a minimiser, by Cholesky's factor of the Gram matrix.

    It takes a quarter of the time of a decomposition, and is for Gram matrices that are regular.
    """
    factor, _ = torch.linalg.cholesky_ex(
        cell.gram + ridge * torch.eye(len(cell.gram)).to(cell.gram)
    )
    if cell.cross.ndim == 1:
        return _single(cell, factor, ridge)
    half = torch.linalg.solve_triangular(factor, torch.eye(len(factor)).to(factor), upper=False)
    F = half.T @ half
    onto = F @ cell.target
    again = (F * onto.T).sum()  # of f^2
    population = cell.side == "population"
    shared = onto.diagonal().sum() if population else (F * cell.cross.T).sum()
    test = cell.start - 2 * shared + ((F @ cell.inner) * onto.T).sum()
    test = _known(test, _rounding(cell) * again)
    if population:
        return test, test + cell.squares - cell.start
    if cell.side == "examples":
        return test, ridge**2 * again
    return test, cell.squares - (onto.diagonal().sum() + ridge * again) / cell.examples


def _single(cell: Cell, factor: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Return test and training loss of a single target, of Cholesky's factor."""
    a = torch.cholesky_solve(cell.target[:, None], factor)[:, 0]
    test = cell.start - 2 * a @ cell.cross + a @ (cell.inner @ a)
    test = _known(test, _rounding(cell) * (a @ a))
    if cell.side == "population":
        return test, test + cell.squares - cell.start
    if cell.side == "examples":
        return test, ridge**2 * a @ a
    return test, cell.squares - (a @ cell.target + ridge * a @ a) / cell.examples
