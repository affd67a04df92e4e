"""Search, certificate and importance sampling on toys whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from scalefit.arrays import Array
from scalefit.errors import FitFailed
from scalefit.inference import importance, smc
from scalefit.inference.certified import Certificate, Search, settle
from scalefit.inference.importance import Proposal
from scalefit.inference.mixture import Mixture
from scalefit.inference.optimise import Modes, climb, join, spread

# A toy whose answers are known.


@dataclass(frozen=True, eq=False)
class Peaks:
    """Normal peaks of one width and given shares; the prior is standard normal."""

    centre: Array
    share: Array
    width: float
    log_evidence: float = 0.0

    @property
    def dimension(self) -> int:
        return int(self.centre.shape[1])

    @property
    def farthest(self) -> Array:
        return np.full(self.dimension, 8.0)

    @property
    def step(self) -> float:
        return 1e-6

    @property
    def steps(self) -> int:
        return 60

    @property
    def repeats(self) -> bool:
        return True

    @property
    def halved(self) -> slice:
        return slice(0, 0)

    @property
    def coarse(self) -> None:
        return None

    @property
    def points(self) -> int:
        return 1

    @cached_property
    def _points(self) -> Array:
        return np.random.default_rng(0).standard_normal((4096, self.dimension))

    def sweep(self, count: int) -> Array:
        return self._points[:count]

    def log_prior(self, z: Array) -> Array:
        return np.asarray(stats.norm.logpdf(z).sum(axis=1))

    def prior_curvature(self, z: Array) -> Array:
        return np.broadcast_to(np.eye(self.dimension), (len(z), *2 * (self.dimension,)))

    def from_uniform(self, cube: Array) -> Array:
        return np.asarray(special.ndtri(cube))

    def _parts(self, z: Array) -> Array:
        apart = (z[:, None] - self.centre) / self.width
        logs = -0.5 * np.sum(apart**2, axis=2) + np.log(self.share)
        return logs - self.dimension * math.log(self.width * math.sqrt(2.0 * math.pi))

    def log_density(self, z: Array) -> Array:
        return np.asarray(special.logsumexp(self._parts(z), axis=1) + self.log_evidence)

    def residuals(self, z: Array) -> tuple[Array, Array, Array]:
        nearest = self.centre[np.argmax(self._parts(z), axis=1)]
        white = (z - nearest) * math.sqrt(1.0 / self.width**2 - 1.0)
        return self.log_density(z), white, np.zeros(len(z))

    def exact(self, z: Array, rng: np.random.Generator, effort: int = 1) -> tuple[Array, Array]:
        return self.log_density(z), np.empty((len(z), 0))

    def sampled(self, z: Array, inner: Array) -> dict[str, Array]:
        return {"z": z}

    def sources(self, rng: np.random.Generator) -> Mapping[str, Array]:
        return {"prior": rng.standard_normal((256, self.dimension))}


def two_peaks(dimension: int, width: float, apart: float = 2.0) -> Peaks:
    centre = np.zeros((2, dimension))
    centre[:, 0] = -apart, apart
    return Peaks(centre, np.array([0.7, 0.3]), width, log_evidence=5.0)


def test_climbing_reaches_every_peak(rng: np.random.Generator) -> None:
    target = two_peaks(3, 0.2)
    modes = climb(target, target.centre[rng.integers(2, size=20)] + rng.normal(size=(20, 3)))
    np.testing.assert_allclose(modes.z, target.centre, atol=0.01)
    expected = np.broadcast_to(np.eye(3) / 0.04, (2, 3, 3))
    np.testing.assert_allclose(modes.curvature, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(modes.log_mass, 5.0 + np.log([0.7, 0.3]), atol=0.01)


def test_points_around_a_mode_have_its_width(rng: np.random.Generator) -> None:
    target = two_peaks(3, 0.2)
    modes = climb(target, target.centre)
    points = modes.around(1, rng.standard_normal((20000, 3)))
    # 5 standard errors.
    np.testing.assert_allclose(points.mean(axis=0), target.centre[1], atol=0.2 * 5 / 141)
    np.testing.assert_allclose(np.cov(points.T), 0.04 * np.eye(3), atol=0.04 * 5 / 100)
    assert len(modes.first(1).z) == 1


def test_joined_modes_are_distinct() -> None:
    target = two_peaks(2, 0.2)
    one, both = climb(target, target.centre[1:]), climb(target, target.centre)
    together = join([one, both])
    np.testing.assert_allclose(together.z, target.centre, atol=0.01)
    np.testing.assert_allclose(together.log_mass, both.log_mass, atol=0.01)


@pytest.mark.parametrize(("apart", "distinct"), [(0.9, 1), (1.1, 2)])
def test_a_standard_deviation_apart_is_another_mode(apart: float, distinct: int) -> None:
    z, curvature = np.array([[0.0, 0.0], [0.2 * apart, 0.0]]), np.repeat(np.eye(2)[None], 2, axis=0)
    pair = Modes(z, np.array([1.0, 0.0]), curvature / 0.2**2)
    assert len(join([pair]).z) == distinct


def test_a_density_that_is_nowhere_finite_is_refused() -> None:
    class Nowhere(Peaks):
        def log_density(self, z: Array) -> Array:
            return np.full(len(z), -np.inf)

    target = Nowhere(np.zeros((1, 2)), np.ones(1), 1.0)
    with pytest.raises(FitFailed, match="no finite likelihood at any of 3 starting points"):
        climb(target, np.zeros((3, 2)))


def test_starts_are_high_and_apart(rng: np.random.Generator) -> None:
    z = rng.standard_normal((500, 2))
    value = -np.sum(z**2, axis=1)
    chosen = spread(z, value, 5, slice(0, 0))
    np.testing.assert_array_equal(chosen[0], z[np.argmax(value)])
    gaps = np.linalg.norm(chosen[:, None] - chosen, axis=2)[np.triu_indices(5, 1)]
    assert gaps.min() > 0.5
    few = spread(z[:3], value[:3], 5, slice(0, 0))
    assert len(few) == 3
    # Along a coordinate that counts half, twice the distance is needed.
    line = np.stack([np.linspace(0.0, 40.0, 401), np.zeros(401)], axis=1)
    height = -line[:, 0]
    near, far = spread(line, height, 3, slice(0, 0)), spread(line, height, 3, slice(0, 1))
    assert far[1, 0] == pytest.approx(2.0 * near[1, 0], abs=0.15)


# The certificate.


def searched(target: Peaks, first: Array, second: Array, seed: int) -> Search:
    """Return two searches, each of which knows the peaks it is given and no others."""
    search = Search(target, np.random.default_rng(seed))
    search._add(climb(target, first))
    search._add(climb(target, second))
    return search


def test_searches_that_agree_are_certified() -> None:
    target = two_peaks(5, 0.1)
    solved = settle(searched(target, target.centre, target.centre, 0))
    certificate = solved.certificate
    assert (certificate.doubts, certificate.effort) == ([], 1)
    assert certificate.log_evidence == pytest.approx(5.0, abs=5.0 * certificate.error)
    assert certificate.error < 0.02
    drawn = solved.resample(4000, np.random.default_rng(0))["z"]
    effective = certificate.effective
    # 5 standard errors, of 4,000 draws from `effective` ones.
    assert np.mean(drawn[:, 0] > 0) == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / effective))


def test_searches_that_disagree_are_not_certified() -> None:
    target = two_peaks(6, 0.05)
    search = searched(target, target.centre[:1], target.centre[1:], 0)
    certificate = search.result().certificate
    assert certificate.apart == pytest.approx(math.log(0.7 / 0.3), abs=0.1)
    (doubt,) = certificate.doubts
    assert "two searches differ by 0.8" in doubt
    assert not certificate.thin


@pytest.mark.parametrize("seed", [0, 1])
def test_trying_harder_repairs_a_missed_mode(seed: int) -> None:
    target = two_peaks(6, 0.1)
    certificate = settle(searched(target, target.centre[:1], target.centre[1:], seed)).certificate
    assert certificate.doubts == []
    assert certificate.effort == 3
    assert certificate.log_evidence == pytest.approx(5.0, abs=0.1)


class Holes(Peaks):
    """Peaks that rise from a plain: nothing leads to them, however slowly one goes."""

    def log_density(self, z: Array) -> Array:
        return np.logaddexp(super().log_density(z), self.log_prior(z))


def test_what_cannot_be_repaired_is_said() -> None:
    target = Holes(two_peaks(8, 0.003).centre, np.array([0.7, 0.3]), 0.003, log_evidence=5.0)
    certificate = settle(searched(target, target.centre[:1], target.centre[1:], 0)).certificate
    assert certificate.effort == 3
    assert any("two searches differ" in doubt for doubt in certificate.doubts)


def certificate(**changes: Any) -> Certificate:
    good = {
        "log_evidence": 1.0,
        "error": 0.01,
        "searches": (1.0, 1.1),
        "effective": 2000.0,
        "shape": 0.3,
        "settled": True,
        "effort": 1,
    }
    return Certificate(**{**good, **changes})


@pytest.mark.parametrize(
    ("changes", "words", "thin"),
    [
        ({}, None, False),
        ({"searches": (1.0,)}, None, False),
        ({"searches": (1.0, 1.29)}, None, False),
        ({"searches": (1.0, 1.31)}, "two searches differ by 0.31 nats", False),
        ({"searches": (1.0, math.nan)}, "two searches differ by nan", False),
        ({"settled": False}, "did not settle", False),
        ({"shape": 0.71}, "k-hat 0.71", True),
        ({"shape": math.nan}, "k-hat nan", True),
        ({"effective": 501.0}, None, False),
        ({"effective": 499.0}, None, True),
        ({"effective": 101.0}, None, True),
        ({"effective": 99.0}, "99 independent draws", True),
        ({"effective": 99.0, "settled": False}, "99 independent draws", False),
    ],
)
def test_what_a_certificate_doubts(changes: dict[str, Any], words: str | None, thin: bool) -> None:
    one = certificate(**changes)
    assert (words is None and one.doubts == []) or any(str(words) in d for d in one.doubts)
    assert one.thin == thin


# Importance sampling.


def test_merged_draws_are_draws_of_the_mixture(rng: np.random.Generator) -> None:
    target = two_peaks(2, 0.5)
    proposals = [
        Proposal(Mixture.of(np.ones(1), target.centre[k : k + 1], 0.3 * np.eye(2)[None]), True)
        for k in range(2)
    ]
    counts = (3000, 1000)
    parts = [
        importance.draw(target, one, count, rng)
        for one, count in zip(proposals, counts, strict=True)
    ]
    merged = importance.merge(parts, proposals)
    each = [one.log_density(merged.z, merged.log_prior) for one in proposals]
    expected = special.logsumexp(each, axis=0, b=np.array([[0.75], [0.25]]))
    np.testing.assert_allclose(merged.log_proposal, expected, rtol=1e-10)
    weights = merged.weights()
    assert weights.log_evidence == pytest.approx(5.0, abs=5.0 * weights.error)


def test_proposals_cover_what_only_the_sweep_saw(rng: np.random.Generator) -> None:
    target = two_peaks(2, 0.4)
    z = target.sweep(4096)
    sweep = importance.Sweep(z, target.log_prior(z), target.log_density(z))
    proposal = importance.adapt(target, sweep, climb(target, target.centre[:1]), rng)
    assert proposal.settled
    drawn = importance.draw(target, proposal, 4000, rng)
    assert drawn.weights().shape < 0.7
    assert drawn.weights().log_evidence == pytest.approx(5.0, abs=0.1)


def test_tempering_keeps_enough(rng: np.random.Generator) -> None:
    logs = 8.0 * rng.standard_normal(2000)
    power, probability, effective = importance.temper(logs)
    assert 0.0 < power < 1.0
    assert effective == pytest.approx(importance.ENOUGH, rel=0.01)
    assert effective == pytest.approx(1.0 / np.sum(probability**2))
    assert importance.temper(0.1 * logs)[0] == 1.0


# The slower method.


def test_a_tempered_population_finds_both_peaks(rng: np.random.Generator) -> None:
    target = two_peaks(3, 0.2)
    proposal = smc.explore(target, rng)
    assert proposal.settled
    drawn = proposal.mixture.sample(8000, rng)
    # 2,048 particles, moved six times a step: a share of 0.3 within 0.06 in all of 50 seeds.
    assert np.mean(drawn[:, 0] > 0.0) == pytest.approx(0.3, abs=0.1)
    ready = importance.draw(target, proposal, 4000, rng)
    assert ready.weights().log_evidence == pytest.approx(5.0, abs=0.1)


def test_a_population_that_did_not_arrive_is_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    target = two_peaks(6, 0.05)
    search = searched(target, target.centre, target.centre, 0)
    assert search.result().certificate.doubts == []
    monkeypatch.setattr(smc, "STEPS", 1)
    search.slower()
    assert "the search did not settle" in search.result().certificate.doubts


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_moves_leave_a_tempered_density_as_it_is(kind: int, rng: np.random.Generator) -> None:
    target = Peaks(np.zeros((1, 2)), np.ones(1), 0.2)
    power = 0.5
    variance = 1.0 / (1.0 + power * (1.0 / 0.2**2 - 1.0))  # of likelihood^power x prior
    now = smc._at(target, math.sqrt(variance) * rng.standard_normal((4000, 2)))
    guide = Mixture.of(np.ones(1), np.full((1, 2), 0.1), 2.0 * variance * np.eye(2)[None])
    start = now.z
    for _ in range(8):
        tried, offset = smc._tried(now.z, guide, math.sqrt(variance) * np.eye(2), kind, rng)
        now = smc._moved(now, smc._at(target, tried), offset, power, rng)
    assert np.mean(now.z != start) > 0.8
    # 5 standard errors of 4,000 draws.
    np.testing.assert_allclose(now.z.mean(axis=0), 0.0, atol=5 * math.sqrt(variance / 4000))
    np.testing.assert_allclose(np.cov(now.z.T), variance * np.eye(2), atol=variance * 5 / 45)
