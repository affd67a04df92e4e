"""Areas of a learning rate: what lies under it, and what was annealed of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalefit.arrays import Array

DECAY = 0.999
"""Share of the momentum of annealing that is left after a step."""


@dataclass(frozen=True)
class Areas:
    """What a law of annealing takes of a learning rate, at each of n steps.

    Attributes
    ----------
    s1 : shape (n,)
        Area under the learning rate up to the step.
    s2 : shape (n,)
        Annealed area: the sum over steps of the momentum of what the rate fell by.
    """

    s1: Array
    s2: Array


@dataclass(frozen=True)
class State:
    """Where a run stands: what its areas go on from.

    Attributes
    ----------
    step, rate
        The last step, and its learning rate.
    s1, s2
        Both areas there.
    momentum
        Of annealing.
    fallen
        Whether the rate has fallen, so that the warm-up is over.
    """

    step: float
    rate: float
    s1: float
    s2: float = 0.0
    momentum: float = 0.0
    fallen: bool = False


def continued(
    state: State, step: ArrayLike, rate: ArrayLike, decay: float = DECAY
) -> tuple[Areas, State]:
    """Return the areas at later steps of a run, and where it then stands; see `areas`."""
    steps, rates = np.append(state.step, step), np.append(state.rate, rate)
    count, fall = np.diff(steps), -np.diff(rates)
    s1 = state.s1 + np.cumsum(count * rates[:-1] - fall * (count + 1.0) / 2.0)
    falling = np.cumsum(fall > 0.0) > 0 if not state.fallen else np.full(fall.size, True)
    each = np.where(falling, fall, 0.0) / count
    kept = decay**count
    lost = 1.0 - decay
    carried = decay * (1.0 - kept) / lost
    s2, momentum, total = np.zeros(count.size), state.momentum, state.s2
    for i in range(count.size):
        total += momentum * carried[i] + each[i] * (count[i] - carried[i]) / lost
        momentum = momentum * kept[i] + each[i] * (1.0 - kept[i]) / lost
        s2[i] = total
    if not count.size:
        return Areas(s1, s2), state
    fallen = state.fallen or bool(falling[-1])
    last, high = float(steps[-1]), float(rates[-1])
    return Areas(s1, s2), State(last, high, float(s1[-1]), float(total), float(momentum), fallen)


def areas(
    step: ArrayLike, rate: ArrayLike, decay: float = DECAY, warm_up: float | None = None
) -> Areas:
    """Return the areas of a learning rate that is known at some steps.

    Between them the rate goes along a straight line, so steps left out count. What it rises by
    before it first falls is warm-up, and no annealing.

    Parameters
    ----------
    step : shape (n,)
        Ascending.
    rate : shape (n,), >= 0
        Learning rate at each of them.
    decay
        Share of the momentum that is left after a step, below 1.
    warm_up
        Area up to the first of them; None is that of a rate that rose in a straight line from 0.

    Source
    ------
    Tissue, Wang, Wang (2024), "Scaling law with learning rate annealing", equation 2
    (arXiv:2408.11029): S1 is the sum of the rates, S2 the sum over steps i and k <= i of
    (rate_(k-1) - rate_k) decay^(i-k), here summed in closed form over steps left out.
    """
    return whole(step, rate, decay, warm_up)[0]


def whole(
    step: ArrayLike, rate: ArrayLike, decay: float, warm_up: float | None
) -> tuple[Areas, State]:
    """Return the areas of a run, and where it stands at its end."""
    step, rate = np.asarray(step, dtype=float), np.asarray(rate, dtype=float)
    first = 0.5 * rate[0] * step[0] if warm_up is None else warm_up
    begin = State(float(step[0]), float(rate[0]), float(first))
    rest, state = continued(begin, step[1:], rate[1:], decay)
    return Areas(np.append(first, rest.s1), np.append(0.0, rest.s2)), state
