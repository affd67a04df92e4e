"""Posterior of a tail: cut-off, exponent and shape, from one sum over cut-offs.

All shapes share the body and its joints, so that they and all cut-offs explain the same values. The
cut-off is integrated over cells of log x that are made finer where its posterior is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from scalefit.arrays import Array

from . import joints, steepness
from .body import Body
from .shapes import LOG_A, SHAPES, Shape, Tails

ROUNDS = ((48, 4.0), (64, 2.0), (80, 1.0))
"""Cells of the cut-off, round by round, and by which root of the probability the next are made:
so that broad peaks beside which the first cells lie are found. The last round is for all shapes,
the others are for those that take little time."""
SCANNED, BEST = 5000, 6
"""Values at which a tail may begin abruptly that are tried, and the best, which keep cells."""
BELOW = np.array([0.0, 0.2, 0.5, 1.0, 2.0, 5.0])
"""Edges of these cells, in distances of the tail's values."""
LEAST = 5
"""Values of a tail, at least."""
JOINTS = joints.every()
GRID = (float(LOG_A[0]), float(LOG_A[1] - LOG_A[0]))


@dataclass(frozen=True)
class Posterior:
    """Weights of cells of the cut-off under each shape.

    Attributes
    ----------
    u : shape (n,)
        Log values, ascending.
    edges : shape (cells + 1,)
        Of the cells.
    log_weight
        For each shape, log evidence by cell, ratio and joint.
    """

    u: Array
    edges: Array
    log_weight: tuple[Array, ...]

    @property
    def log_evidence(self) -> Array:
        """Log evidence of each shape."""
        return np.array([logsumexp(one) for one in self.log_weight])

    @property
    def probabilities(self) -> Array:
        """Probability of each shape; a priori they are equal."""
        log = self.log_evidence
        return np.asarray(np.exp(log - logsumexp(log)))

    def draw(self, place: int, draws: int, rng: np.random.Generator) -> dict[str, Array]:
        """Return draws under one shape: log cut-off, steepness, values in the tail, and ratio."""
        shape, log = SHAPES[place], self.log_weight[place]
        weight = np.exp(log - log.max()).ravel()
        chosen = rng.choice(weight.size, draws, p=weight / weight.sum())
        cell, which, joint = np.unravel_index(chosen, log.shape)
        width = self.edges[cell + 1] - self.edges[cell]
        tails = Tails(self.u, self.edges[cell] + rng.random(draws) * width)
        grid, _ = shape.ratios(tails)
        sums, row = shape.sums(tails, grid), np.arange(draws)
        s, p, q = (one[row, which] for one in (sums.s, sums.p, sums.q))
        _, more, far, _ = JOINTS.sums(self.u, tails.cutoffs)
        k, further = tails.k[:, 0], far[row, joint]
        d, w = (one[joint] for one in JOINTS.nodes())
        tables = np.ascontiguousarray(shape.table(grid[0]).swapaxes(0, 1))
        log_a = steepness.drawn(
            tables,
            *GRID,
            which,
            k + more[row, joint],
            s - p * further,
            p,
            q,
            d,
            w,
            rng.random(draws),
        )
        return {"cutoff": tails.cutoffs, "a": np.exp(log_a), "values": k, "ratio": grid[row, which]}


def posterior(u: Array) -> Posterior:
    """Return the posterior of a sample's tail.

    Parameters
    ----------
    u : shape (n,)
        Log values, ascending.
    """
    body = Body(u)
    plain = [one for one in SHAPES if not one.besides]
    kept = _likely(u, body, plain)
    edges = _first(u, body, ROUNDS[0][0])
    log_weight: list[Array] = []
    for place, (cells, _) in enumerate(ROUNDS):
        if place:
            edges = _refined(edges, log_weight, cells, ROUNDS[place - 1][1])
        edges = np.unique(np.concatenate([edges, kept]))
        shapes = SHAPES if place == len(ROUNDS) - 1 else plain
        log_weight = _weights(u, body, edges, shapes)
    return Posterior(u, edges, tuple(log_weight))


def _first(u: Array, body: Body, cells: int) -> Array:
    """Return edges of cells, half by the values and half by log x, and some below all values."""
    top = u[u.size - LEAST]
    below = u[0] - 40.0 / u.size * body.span * np.geomspace(1.0, 1e-3, 12)
    even = np.linspace(u[0], top, 4 * cells)
    left = np.log(u.size - np.interp(even, u, np.arange(u.size, dtype=float)))
    share = (left[0] - left) / (left[0] - left[-1]) + (even - u[0]) / (top - u[0])
    even = np.interp(np.linspace(0.0, 2.0, cells + 1), share, even)
    return np.concatenate([below, even])


def _likely(u: Array, body: Body, shapes: Sequence[Shape]) -> Array:
    """Return edges of narrow cells below the values at which a tail most likely begins abruptly.

    The likelihood has a peak below every value, as wide as the distance of the tail's values there;
    the cells are there to be found, however narrow. Shoulders that begin there have theirs too.
    """
    k = np.arange(LEAST, u.size)
    if k.size > SCANNED:
        k = np.unique(np.geomspace(LEAST, u.size - 1, SCANNED).astype(int))
    tails = Tails(u, u[u.size - k])
    width = np.minimum(1.0 / k, u[u.size - k] - u[u.size - k - 1])
    with np.errstate(divide="ignore"):
        shared = body.log_evidence(tails.cutoffs) + np.log(width)
    none, best, no_shoulder = np.zeros((k.size, 1)), [], (np.zeros((1, 1)), np.zeros((1, 1)))
    for shape in shapes:
        log = _steepness(shape, tails, none, none, none, no_shoulder)
        best.append(np.argsort(log[:, 0, 0] + shared)[::-1][:BEST])
    near = [np.unique(np.concatenate(best)), np.unique([one[0] for one in best])]
    at, top = (u[u.size - k[one]] for one in near)
    edges = [(at[:, None] - BELOW / k[near[0], None]).ravel()]
    edges += [(top + length)[:, None] - BELOW[:4] / k[near[1], None] for length in joints.LENGTHS]
    found: Array = np.concatenate([one.ravel() for one in edges])
    return np.asarray(found[found < u[u.size - LEAST]])


def _steepness(
    shape: Shape, tails: Tails, more: Array, far: Array, bent: Array, nodes: Sequence[Array]
) -> Array:
    """Return log evidence of tails by ratio and joint, without body and prior of joints."""
    ratios, prior = shape.ratios(tails)
    sums = shape.sums(tails, ratios)
    tables = np.ascontiguousarray(shape.table(ratios[0]).swapaxes(0, 1))
    log = steepness.integrals(
        tables, *GRID, tails.k[:, 0], sums.s, sums.extra, sums.p, sums.q, more, far, bent, *nodes
    )
    return np.asarray(log + prior[:, :, None])


def _weights(u: Array, body: Body, edges: Array, shapes: Sequence[Shape]) -> list[Array]:
    """Return log evidence by cell, ratio and joint, for each shape."""
    tails = Tails(u, 0.5 * (edges[1:] + edges[:-1]))
    low, more, far, bent = JOINTS.sums(u, tails.cutoffs)
    places, back = np.unique(low, return_inverse=True)
    shared = body.log_evidence(places)[back.reshape(low.shape)] + JOINTS.log_prior
    shared += np.log(np.diff(edges))[:, None]
    # The least value is where the body begins, or else the tail: neither is charged for it.
    shared[:, 0] += np.where(tails.cutoffs <= u[0], np.log(u.size * body.span), 0.0)
    parts = more, far, bent, JOINTS.nodes()
    return [_steepness(shape, tails, *parts) + shared[:, None, :] for shape in shapes]


def _refined(edges: Array, log_weight: list[Array], cells: int, heat: float) -> Array:
    """Return edges of cells of about equal probability under the shapes, none too wide."""
    density = np.zeros(edges.size - 1)
    for log in log_weight:
        by_cell = logsumexp(log, axis=(1, 2)) / heat
        mass = np.exp(by_cell - logsumexp(by_cell))
        spread = np.convolve(mass, [0.25, 0.5, 0.25], mode="same")
        density += spread / spread.sum()
    density = 0.75 * density / density.sum() + 0.25 / density.size
    mass = np.concatenate([[0.0], np.cumsum(density)])
    return np.interp(np.linspace(0.0, mass[-1], cells + 1), mass, edges)
