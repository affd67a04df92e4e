"""Certified engine, the default: two independent searches, and what their agreement shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scalefit.arrays import Array

from . import importance, optimise
from .importance import Draws, Proposal, Sweep
from .target import Target
from .weights import Weights, equal_weight

SWEPT = 4096
RANKED = 256  # points of the sweep that count where a coarse posterior ranks them
LONG = 4  # times as many points as a coarse posterior has, from which on a climb starts there
ROUGH = 384  # draws that tell whether a model is worth a search
STARTS = 32
DRAWS = 3072  # per search
AGREE = 0.3  # nats between the evidences of two searches
SHAPE = 0.7
EFFECTIVE = 100.0
FEW = 500.0  # independent draws below which four times as many are drawn: rare ones weigh most
TINY = 2e-4  # noise of log y below which modes are too narrow for ordinary steps
POLISHED = 8


@dataclass(frozen=True)
class Certificate:
    """What stands behind a posterior.

    Attributes
    ----------
    log_evidence, error
        Log of the probability of the data under the model, and its standard error.
    searches
        The log evidence by each search alone; with effort 3, by all others and by the slower one.
    effective
        Effective number of independent draws.
    shape
        Pareto k-hat of the weights.
    settled
        Whether every search ended without tempering.
    effort
        0 for a rough estimate, 1 for the first try, 2 for a doubled one, 3 where the slower method
        was needed.
    """

    log_evidence: float
    error: float
    searches: tuple[float, ...]
    effective: float
    shape: float
    settled: bool
    effort: int

    @property
    def apart(self) -> float:
        """Nats between the two searches that differ most."""
        if len(self.searches) < 2:
            return math.nan
        with np.errstate(invalid="ignore"):
            return float(np.max(self.searches) - np.min(self.searches))

    @property
    def thin(self) -> bool:
        """Whether the searches agree and only few draws, or too uneven ones, are at fault."""
        agreed = self.settled and (len(self.searches) < 2 or self.apart <= AGREE)
        return agreed and not (self.shape < SHAPE and self.effective > FEW)

    @property
    def doubts(self) -> list[str]:
        """What fails, in words; empty if nothing does."""
        found = []
        if len(self.searches) > 1 and not self.apart <= AGREE:
            found.append(f"two searches differ by {self.apart:.2g} nats (limit {AGREE})")
        if not self.settled:
            found.append("the search did not settle")
        if not self.shape < SHAPE:
            found.append(f"weights have k-hat {self.shape:.2f} (limit {SHAPE})")
        if not self.effective > EFFECTIVE:
            found.append(f"{self.effective:.0f} independent draws (limit {EFFECTIVE:.0f})")
        return found


@dataclass(frozen=True)
class Solved:
    """A posterior as weighted draws.

    Attributes
    ----------
    target
    draws
        Fresh draws of all searches together.
    weights
    certificate
    """

    target: Target
    draws: Draws
    weights: Weights
    certificate: Certificate

    def resample(self, count: int, rng: np.random.Generator) -> dict[str, Array]:
        """Return sampled variables of `count` draws of equal weight."""
        at = equal_weight(self.weights.probability, count, rng)
        return self.target.sampled(self.draws.z[at], self.draws.inner[at])


class Search:
    """The searches of one posterior so far; more can be added until they agree."""

    def __init__(self, target: Target, rng: np.random.Generator) -> None:
        self.target = target
        self.rng = rng
        self._sweep = _swept(target)
        self._sources = dict(target.sources(rng))
        self._begun: optimise.Modes | None = None
        self._modes: list[optimise.Modes] = []
        self._proposals: list[Proposal] = []
        self._draws: list[Draws] = []
        self._earlier = math.nan
        self.effort = 1

    def rough(self) -> Solved:
        """Return a rough posterior: a few draws around the modes from which the first search goes.

        Its evidence is unbiased but for modes that were missed; its error says how rough it is.
        """
        proposal = Proposal(self._first_modes().mixture(), settled=False)
        draws = self._fresh(proposal, ROUGH)
        weights = draws.weights()
        log, error = weights.log_evidence, weights.error
        certificate = Certificate(log, error, (log,), weights.effective, weights.shape, False, 0)
        return Solved(self.target, draws, weights, certificate)

    def first(self, part: float = 1.0) -> None:
        """Search from the sweep, and from the model with one crossover fewer if it is known.

        `part` is that of the usual draws which a model deserves, if it is not the only one.
        """
        self._add(self._first_modes(), part)

    def _first_modes(self) -> optimise.Modes:
        if self._begun is not None:
            return self._begun
        starts = [self._spread(self._sweep.z, self._sweep.log_density)]
        if "split" in self._sources:
            z = self._sources["split"]
            starts.append(self._spread(z, self.target.log_density(z)))
        self._begun = self._climbed(np.concatenate(starts))
        return self._begun

    def second(self, part: float = 1.0) -> None:
        """Search from a source that has nothing in common with the first."""
        name = "hinge" if "hinge" in self._sources else next(iter(self._sources))
        z = self._sources[name]
        self._add(self._climbed(self._spread(z, self.target.log_density(z))), part)

    def again(self) -> None:
        """Start over from all modes found, with twice the effort, still in two searches."""
        self.effort = 2
        modes = [optimise.join(self._modes), self._modes[-1]]
        self._modes, self._proposals, self._draws = [], [], []
        for one in modes:
            self._add(one)

    def slower(self) -> None:
        """Add a tempered population that starts from the prior."""
        from . import smc

        self.effort = 3
        together = self._draws[0]
        if len(self._draws) > 1:
            together = importance.merge(self._draws, self._proposals)
        self._earlier = together.weights().log_evidence
        proposal = smc.explore(self.target, self.rng)
        self._proposals.append(proposal)
        self._draws.append(self._fresh(proposal, 2 * DRAWS))

    def more(self, *, careful: bool) -> None:
        """Draw four times as many points from what was found; careful ones cost more each."""
        if careful:
            self.effort = max(self.effort, 2)
        fresh = []
        for proposal, old in zip(self._proposals, self._draws, strict=True):
            new = self._fresh(proposal, 3 * len(old.z))
            fresh.append(importance.merge([old, new], [proposal, proposal]))
        self._draws = fresh

    def result(self) -> Solved:
        """Return the posterior from all searches together."""
        alone = tuple(one.weights().log_evidence for one in self._draws)
        settled = all(one.settled for one in self._proposals)
        if self.effort == 3:
            alone = (self._earlier, alone[-1])
            settled = self._proposals[-1].settled
        draws = self._draws[0]
        if len(self._draws) > 1:
            draws = importance.merge(self._draws, self._proposals)
        weights = draws.weights()
        certificate = Certificate(
            weights.log_evidence,
            weights.error,
            alone,
            weights.effective,
            weights.shape,
            settled,
            self.effort,
        )
        return Solved(self.target, draws, weights, certificate)

    def _spread(self, z: Array, value: Array) -> Array:
        return optimise.spread(z, value, STARTS, self.target.halved)

    def _climbed(self, starts: Array) -> optimise.Modes:
        """Return the modes above some starts, with finer steps where the noise is tiny.

        On long curves the way to them is one of a coarse posterior, but for its end.
        """
        coarse = self.target.coarse
        if coarse is not None and self.target.points >= LONG * coarse.points:
            starts = optimise.climb(coarse, starts).z[: optimise.MODES]
        modes = optimise.climb(self.target, starts)
        _, _, log_scale = self.target.residuals(modes.z[:1])
        if log_scale[0] > math.log(TINY):
            return modes
        fine = optimise.climb(self.target, modes.z[:POLISHED], fine=True)
        return optimise.join([fine, modes])

    def _add(self, modes: optimise.Modes, part: float = 1.0) -> None:
        proposal = importance.adapt(
            self.target, self._sweep, modes, self.rng, effort=self.effort, part=part
        )
        self._modes.append(modes)
        self._proposals.append(proposal)
        self._draws.append(self._fresh(proposal, int(part * DRAWS) * self.effort))

    def _fresh(self, proposal: Proposal, count: int) -> Draws:
        return importance.draw(self.target, proposal, count, self.rng, effort=self.effort)


def _swept(target: Target) -> Sweep:
    """Return points spread over the prior; density is known where it may be high, else -inf."""
    z = target.sweep(SWEPT)
    if target.coarse is None:
        return Sweep(z, target.log_prior(z), target.log_density(z))
    best = np.argsort(-target.coarse.log_density(z))[:RANKED]
    density = np.full(len(z), -np.inf)
    density[best] = target.log_density(z[best])
    return Sweep(z, target.log_prior(z), density)


def solve(target: Target, rng: np.random.Generator) -> Solved:
    """Return the posterior with its certificate, trying harder while it fails.

    First two searches; then four times the draws, where few are independent; then, where that may
    help, two searches of twice the effort from all modes found; then a tempered population beside
    them.
    """
    search = Search(target, rng)
    search.first()
    search.second()
    return settle(search)


def settle(search: Search) -> Solved:
    """Return the posterior of two searches, trying harder while its certificate fails."""
    again = (search.again,) if search.target.repeats else ()
    for harder in (*again, search.slower):
        solved = drawn(search)
        if not solved.certificate.doubts:
            return solved
        harder()
    return drawn(search)


def drawn(search: Search) -> Solved:
    """Return the posterior, with more draws where the searches agree and few are independent."""
    solved = search.result()
    if solved.certificate.thin:
        search.more(careful=bool(solved.certificate.doubts))
        solved = search.result()
    return solved
