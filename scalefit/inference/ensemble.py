"""Ensemble of models of one curve: their probabilities, and draws averaged over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from scalefit.arrays import Array

from .certified import Search, Solved, drawn, settle
from .collapsed import Collapsed
from .full import target_of
from .problem import ABSENT, Problem, log_prior, rough_margin
from .scaled import Scaled
from .weights import equal_weight

State = Literal["certified", "negligible", "dropped", "doubtful"]

LEFT_OUT = 1e-3  # probability that models known by a rough estimate only may have together
SMALL = 0.01  # probability below which one search is enough
MINOR = 0.05  # probability below which a failed certificate is not worth much effort
BETTER = 1.0  # nats by which a further crossover must improve on fewer to be needed
SEEDS = 1024
SEEDED = Collapsed | Scaled
"""Targets whose search is seeded by the posterior with one crossover fewer."""


@dataclass(frozen=True)
class Member:
    """One model of an ensemble.

    Attributes
    ----------
    problem, solved
    state
        `"certified"`; `"negligible"`, with a probability too small to need a second search, or, at
        effort 0, any;
        `"dropped"`, a superfluous crossover whose posterior could not be certified; or
        `"doubtful"`, uncertified and yet needed.
    """

    problem: Problem
    solved: Solved
    state: State

    @property
    def regimes(self) -> int:
        """Number of regimes; 1 for a law that has none."""
        return self.problem.law.regimes

    @property
    def floor(self) -> bool:
        """Whether the law has a floor."""
        return bool(self.problem.law.floor)

    @property
    def log_weight(self) -> float:
        """Log evidence plus log prior probability, but for a constant; -inf if dropped."""
        if self.state == "dropped":
            return -math.inf
        return self.solved.certificate.log_evidence + log_prior(self.problem.law)


@dataclass(frozen=True)
class Ensemble:
    """All models of one curve."""

    members: tuple[Member, ...]

    @property
    def probability(self) -> Array:
        """Posterior probability of each member; 0 for those dropped."""
        logs = np.array([one.log_weight for one in self.members])
        if not np.isfinite(logs).any():
            return np.full(len(logs), 1.0 / len(logs))
        weight = np.exp(logs - logs.max())
        return np.asarray(weight / weight.sum())

    @property
    def verdict(self) -> str:
        """`"ok"`, or what is wrong and what to try."""
        doubtful = [
            (p, one)
            for p, one in zip(self.probability, self.members, strict=True)
            if one.state == "doubtful" and p > SMALL
        ]
        if not doubtful:
            return "ok"
        p, worst = max(doubtful, key=lambda pair: pair[0])
        reasons = "; ".join(worst.solved.certificate.doubts)
        share = f" (probability {p:.2f})" if len(self.members) > 1 else ""
        return f"{worst.problem.law.name}{share}: {reasons}; try fewer regimes or method='nuts'"

    def draw(
        self, count: int, rng: np.random.Generator, keep: Callable[[int], bool] | None = None
    ) -> dict[str, Array]:
        """Return `count` draws of equal weight over the members kept, shape (count, ...).

        Draws of a broken power law are padded with NaN to the largest number of regimes among the
        members kept; `regimes` tells how many each has, and `floor` and `autocorrelation` are 0
        where a model has none. `keep` takes the index of a member.
        """

        def take(i: int, n: int) -> dict[str, Array]:
            return _natural(self.members[i], n, rng)

        return mixed(np.array([one.log_weight for one in self.members]), take, count, rng, keep)


def mixed(
    log_weight: Array,
    take: Callable[[int, int], dict[str, Array]],
    count: int,
    rng: np.random.Generator,
    keep: Callable[[int], bool] | None = None,
) -> dict[str, Array]:
    """Return `count` draws of equal weight over several models, in random order.

    `take(i, n)` gives n draws of model i; `keep(i)` says whether to use it at all, and those kept
    are weighed among themselves, however improbable they are.
    """
    kept = np.array([keep is None or keep(i) for i in range(len(log_weight))])
    logs = np.where(kept, log_weight, -np.inf)
    if not np.isfinite(logs).any():
        logs = np.where(kept, 0.0, -np.inf)
    share = np.exp(logs - logs.max())
    times = np.bincount(equal_weight(share / share.sum(), count, rng), minlength=len(share))
    parts = [take(i, int(n)) for i, n in enumerate(times) if n]
    if len(share) == 1:
        return parts[0]
    drawn = stack(parts)
    order = rng.permutation(count)
    return {name: value[order] for name, value in drawn.items()}


def explore(
    problems: Sequence[Problem],
    rng: np.random.Generator,
    tick: Callable[[], object] | None = None,
    *,
    every: bool = False,
) -> Ensemble:
    """Return the posterior of every model of a curve, certified where its probability counts.

    A rough estimate of the evidence of every model comes first, in order of their number of
    crossovers, because the posterior with fewer seeds the search with more. Models are then
    searched until those that are not have together a probability below `LEFT_OUT`, each at the
    upper end of its estimate; the best of each number of regimes is searched anyway, for its draws
    are asked for whatever their probability. A second, independent search follows for every model
    that has a share of the evidence; what fails its certificate is tried harder if it matters.

    Parameters
    ----------
    problems
        One curve under different laws or noises.
    rng
        Source of every random number.
    tick
        Called once per model.
    every
        Whether to search every model, however improbable.
    """
    every = every or len(problems) == 1
    order = sorted(range(len(problems)), key=lambda i: problems[i].law.regimes)
    searches: dict[int, Search] = {}
    solved: dict[int, Solved] = {}
    points: dict[tuple[object, ...], Array] = {}
    evidence = np.full(len(problems), -np.inf)
    prior = np.array([log_prior(problem.law) for problem in problems])
    for i in order:
        target = target_of(problems[i])
        key = _family(problems[i])
        if isinstance(target, SEEDED) and (*key, target.crossovers - 1) in points:
            target = target.after(points[*key, target.crossovers - 1])
        searches[i] = Search(target, rng)
        if every:
            searches[i].first()
        found = solved[i] = searches[i].result() if every else searches[i].rough()
        evidence[i] = found.certificate.log_evidence
        if isinstance(target, SEEDED) and math.isfinite(evidence[i]):
            at = equal_weight(found.weights.probability, SEEDS, rng)
            points[*key, target.crossovers] = found.draws.z[at]
    while (left := _unsearched(problems, solved)) is not None:
        searches[left].first(_part(_highest(problems, solved)[left]))
        solved[left] = searches[left].result()
        evidence[left] = solved[left].certificate.log_evidence
        if tick is not None:
            tick()
    for one in solved.values():
        if tick is not None and (every or not one.certificate.effort):
            tick()
    checked: set[int] = set()
    while True:
        share = np.exp(evidence + prior - np.max(evidence + prior))
        share /= share.sum()
        waiting = [i for i in order if share[i] > SMALL and i not in checked]
        if not waiting:
            break
        i = max(waiting, key=lambda i: float(share[i]))
        searches[i].second(_part(share[i]))
        solved[i] = searches[i].result()
        if solved[i].certificate.doubts and (share[i] > MINOR or len(problems) == 1):
            solved[i] = settle(searches[i])
        elif solved[i].certificate.doubts:
            solved[i] = drawn(searches[i])
        evidence[i] = solved[i].certificate.log_evidence
        checked.add(i)
    members = [
        Member(problems[i], solved[i], _state(i, checked, problems, solved))
        for i in range(len(problems))
    ]
    return Ensemble(tuple(members))


def _unsearched(problems: Sequence[Problem], solved: Mapping[int, Solved]) -> int | None:
    """Return the model to be searched next, None if those left may be left out."""
    rough = np.array([solved[i].certificate.effort == 0 for i in range(len(problems))])
    if not rough.any():
        return None
    share = np.where(rough, _highest(problems, solved), 0.0)
    if not share.sum() <= LEFT_OUT:
        return int(np.argmax(np.where(rough, share, -1.0)))
    regimes = np.array([problem.law.regimes for problem in problems])
    for group in (regimes == n for n in np.unique(regimes)):
        if rough[group].all():
            return int(np.argmax(np.where(group, _highest(problems, solved), -1.0)))
    return None


def _part(share: float) -> float:
    """Return the part of the usual draws that a model of some probability deserves."""
    return 1.0 if share > SMALL else 1.0 / 3.0


def _highest(problems: Sequence[Problem], solved: Mapping[int, Solved]) -> Array:
    """Return the probability of each model, of those not searched at the end of their estimates."""
    certificates = [solved[i].certificate for i in range(len(problems))]
    logs = np.array([one.log_evidence for one in certificates])
    logs += [log_prior(problem.law) for problem in problems]
    margin = np.array([0.0 if one.effort else rough_margin(one.error) for one in certificates])
    top = special.logsumexp(logs)
    share = np.ones(len(logs))
    known = np.isfinite(logs)  # else not one draw of few had a finite density
    share[known] = np.exp(logs[known] + margin[known] - top)
    return share


def _state(
    i: int, checked: set[int], problems: Sequence[Problem], solved: dict[int, Solved]
) -> State:
    if i not in checked:
        return "negligible"
    if not solved[i].certificate.doubts:
        return "certified"
    fewer = [
        solved[j].certificate.log_evidence
        for j in checked
        if not solved[j].certificate.doubts and problems[j].law.regimes < problems[i].law.regimes
    ]
    if fewer and max(fewer) > solved[i].certificate.log_evidence - BETTER:
        return "dropped"
    return "doubtful"


def _family(problem: Problem) -> tuple[object, ...]:
    """Return what two models share that differ in their number of crossovers only."""
    return problem.noise, problem.law.floor


def _natural(member: Member, count: int, rng: np.random.Generator) -> dict[str, Array]:
    """Return draws of one member's sampled and natural variables."""
    sampled = member.solved.resample(count, rng)
    problem = member.problem
    return {**sampled, **problem.law.natural(sampled, problem.window)}


def stack(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """Return draws of several laws that differ in their regimes as draws of one, padded."""
    most = max(part["exponent"].shape[1] for part in parts)
    sizes = {"exponent": most, "P_exponent": most, "crossover": most - 1, "width": most - 1}
    stacked: dict[str, Array] = {}
    for name in ("exponent", "crossover", "width", "log_amplitude", "floor", "noise",
                 "autocorrelation", "noise_slope", "degrees_of_freedom", "level", "steepness",
                 "run_noise", "P_exponent", "gamma_0", "gamma_1", "gamma_2", "gamma", "elbow",
                 "drift", "middle"):  # fmt: skip
        if not any(name in part for part in parts) or sizes.get(name) == 0:
            continue
        columns = []
        for part in parts:
            m = len(part["noise"])
            if name in sizes:
                wide = np.full((m, sizes[name]), np.nan)
                if name in part:
                    wide[:, : part[name].shape[1]] = part[name]
                columns.append(wide)
            else:
                columns.append(part.get(name, np.full(m, ABSENT.get(name, np.nan))))
        stacked[name] = np.concatenate(columns)
    stacked["regimes"] = np.concatenate(
        [np.full(len(part["noise"]), float(part["exponent"].shape[1])) for part in parts]
    )
    return stacked
