"""Solver of stiff equations, for many blocks that see each other through a few means only.

The state has the block axis first. A block's derivative depends on the block itself and on some
coefficients, in which it is linear, and which depend on a few weighted means over all blocks. The
Jacobian is then a small matrix per block plus a product of two thin ones, and a linear system with
it costs as much as a few evaluations (Woodbury). Steps are those of Rodas4: implicit, of order 4
with an error estimate of order 3, and stable for rates however large.

Source
------
Hairer and Wanner (1996), Solving Ordinary Differential Equations II, section VI.4; Rodas4 with the
coefficients in the form of the KPP library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from scalefit.arrays import Array

# Rodas4: where a stage looks, as factors of the stages before it, and what it adds of them
DIAGONAL, ORDER = 0.25, 4
_LAST = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950)
STAGE = (
    (),
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    _LAST,
    (*_LAST, 1.0),
)
DAMPING = (
    (),
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
     -6.058818238834054),
)  # fmt: skip

DIFFERENCE = 1e-6
FIRST_STEP, TINY = 1e-4, 1e-300
SAFETY, SHRINK, GROW = 0.9, 0.2, 4.0


class Blocks(Protocol):
    """Equations of many blocks, coupled through means of their states."""

    def means(self, state: Array) -> Array:
        """Return the means that the coefficients depend on, from shape (..., L, *) to (..., p)."""
        ...

    def coefficients(self, means: Array) -> tuple[Array, ...]:
        """Return the coefficients, each with the leading axes of `means`."""
        ...

    def rate(self, state: Array, coefficients: tuple[Array, ...]) -> Array:
        """Return the time derivative, linear in the coefficients, with their leading axes."""
        ...

    def alone(self, coefficients: tuple[Array, ...], shift: float) -> Callable[[Array], Array]:
        """Return the function from b to the solution of `shift x - J x = b`.

        J is the Jacobian at fixed coefficients; b is shaped like the state, with any leading axes.
        """
        ...


def integrate(
    blocks: Blocks,
    state: Array,
    times: Sequence[float] | Array,
    *,
    rtol: float,
    atol: float,
) -> list[Array]:
    """Return the state's means at increasing times; the start is time 0.

    They are NaN from where no step is small enough.

    Parameters
    ----------
    blocks
        The equations.
    state : shape (L, ...)
        At time 0.
    times : >= 0, increasing
        When to report.
    rtol, atol
        Largest error of a step in any component, relative to it and absolute.
    """
    means, found, now = blocks.means(state), list[Array](), 0.0
    slope = np.abs(blocks.rate(state, blocks.coefficients(means))).max()
    step = FIRST_STEP / max(slope, TINY)
    for time in times:
        while now < time:
            if now + step == now:
                means, now = np.full_like(means, np.nan), np.inf
                break
            # two equal steps towards a near end, so that none is tiny
            left = time - now
            taken = left if step >= left else min(step, left / 2)
            # too long a step may leave where coefficients exist, and is then taken again, shorter
            with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
                new, error = advance(blocks, state, means, taken)
                size = np.maximum(np.abs(state), np.abs(new))
                worst = np.max(np.abs(error) / (atol + rtol * size))
            factor = min(max(SAFETY * worst ** (-1 / ORDER), SHRINK), GROW) if worst > 0 else GROW
            if worst <= 1:
                state, now = new, time if taken == left else now + taken
                means = blocks.means(state)
                # a step cut short to end at a time does not shorten the following ones
                step = max(taken * factor, step if taken < step else 0.0)
            else:
                step = taken * (factor if np.isfinite(worst) else SHRINK)
        found.append(means)
    return found


def advance(blocks: Blocks, state: Array, means: Array, h: float) -> tuple[Array, Array]:
    """Return the state after a step, and its error."""
    p = len(means)
    moved = means + DIFFERENCE * np.concatenate([np.zeros((1, p)), np.eye(p), -np.eye(p)])
    every = blocks.coefficients(moved)
    here = tuple(one[0] for one in every)
    slopes = tuple((one[1 : p + 1] - one[p + 1 :]) / (2 * DIFFERENCE) for one in every)
    alone = blocks.alone(here, 1 / (DIAGONAL * h))
    thin = alone(blocks.rate(state, slopes))
    small = np.eye(p) - blocks.means(thin).T

    def solve(right: Array) -> Array:
        first = alone(right)
        weights = np.linalg.solve(small, blocks.means(first))
        return first + np.tensordot(weights, thin, 1)

    def rate(at: Array) -> Array:
        return blocks.rate(at, blocks.coefficients(blocks.means(at)))

    stages, at = list[Array](), state
    for before, damping in zip(STAGE, DAMPING, strict=True):
        at = _sum(state, before, stages)
        right = rate(at) if stages else blocks.rate(state, here)
        stages.append(solve(_sum(right, [c / h for c in damping], stages)))
    return at + stages[-1], stages[-1]


def _sum(start: Array, factors: Sequence[float], stages: Sequence[Array]) -> Array:
    """Return start plus the stages times their factors."""
    for factor, stage in zip(factors, stages, strict=True):
        start = start + factor * stage
    return start
