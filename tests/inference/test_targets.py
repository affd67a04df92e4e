"""Where searches start, and the coordinates that they move in."""

from __future__ import annotations

import numpy as np
import pytest
from samples.differences import second_differences
from samples.problems import collapsed, sharp
from scipy import special, stats

from scalefit.inference import Problem
from scalefit.inference.certified import solve
from scalefit.inference.collapsed import starts
from scalefit.inference.full import Full
from scalefit.inference.optimise import climb, spread
from scalefit.inference.weights import equal_weight
from scalefit.laws import BrokenPowerLaw
from scalefit.laws.noise import Noise
from scalefit.laws.priors import Dirichlet, LogNormal, Normal, Prior

X = np.geomspace(1.0, 1e4, 30)
# Where searches start.


@pytest.mark.parametrize("places", [[0.5], [0.3, 0.7]])
@pytest.mark.parametrize("floor", [False, True])
def test_hinges_lie_at_sharp_crossovers(places: list[float], floor: bool) -> None:
    law = BrokenPowerLaw(len(places) + 1, floor=floor)
    x = np.geomspace(1.0, 1e5, 60)
    truth = {
        "exponent": np.array([0.1, 0.6, 0.2][: law.regimes]),
        "crossover": 10.0 ** (5.0 * np.array(places)),
        "width": np.full(len(places), 0.1),
        "log_amplitude": np.array(1.0),
        "floor": np.array(0.02),
    }
    y = np.exp(law.log_mean(truth, x) + 0.005 * np.random.default_rng(0).standard_normal(60))
    target = collapsed(Problem(law, x, y))
    found = target.sources(np.random.default_rng(0))["hinge"]
    assert found.shape[1] == target.dimension
    assert np.isfinite(found).all()
    apart = np.abs(np.cumsum(target.gaps(found), axis=1)[:, :-1] - places).max(axis=1)
    # Half of the widest distance between knots is 1/64.
    assert apart.min() < 0.02
    best = climb(target, spread(found, target.log_density(found), 32, target.halved))
    at = np.cumsum(target.gaps(best.z[:1]), axis=1)[0, :-1]
    np.testing.assert_allclose(at, places, atol=0.02)


@pytest.mark.parametrize("crossovers", [1, 3])
def test_a_split_keeps_the_other_crossovers(crossovers: int, rng: np.random.Generator) -> None:
    fewer = collapsed(Problem(BrokenPowerLaw(crossovers), X, sharp(0.02, 0, X)))
    target = collapsed(Problem(BrokenPowerLaw(crossovers + 1), X, sharp(0.02, 0, X)))
    before = fewer.from_uniform(rng.random((40, fewer.dimension)))
    z = starts.split(before, crossovers, rng)
    assert "split" not in target.sources(rng)
    assert "split" in target.after(before).sources(rng)
    n = crossovers
    fresh = []
    for row in z:
        # The steepness, the last coordinate, tells which point was split.
        origin = before[np.argmin(np.abs(before[:, -1] - row[-1]))]
        np.testing.assert_array_equal(row[2 * n :], origin[2 * (n - 1) :])
        places = np.cumsum(target.gaps(row[None]), axis=1)[0, :-1]
        old = np.cumsum(fewer.gaps(origin[None]), axis=1)[0, :-1]
        added = [i for i in range(n) if np.abs(np.append(old, np.inf) - places[i]).min() > 1e-9]
        (new,) = added
        np.testing.assert_allclose(np.delete(places, new), old, atol=1e-9)
        np.testing.assert_array_equal(np.delete(row[n : 2 * n], new), origin[n - 1 : 2 * (n - 1)])
        fresh.append((places[new], row[n + new]))
    place, width = np.array(fresh).T
    # Anywhere, as wide as the prior says: 1,024 draws each, a false alarm in 1 of 10,000 seeds.
    assert stats.kstest(place, stats.uniform(0.01, 0.98).cdf).pvalue > 1e-4
    assert stats.kstest(width, stats.norm.cdf).pvalue > 1e-4


def test_a_split_adds_two_coordinates_to_none(rng: np.random.Generator) -> None:
    given: dict[str, Prior] = {"exponent": Normal(0.3, 0.4, 1), "level": LogNormal(0.1, 1.5)}
    noise = Noise().priors()
    fewer = collapsed(
        Problem(BrokenPowerLaw(1, floor=False), X, sharp(0.02, 0, X), given={**given, **noise})
    )
    given |= {"exponent": Normal(0.3, 0.4, 2), "gap": Dirichlet(2.0, 2)}
    given |= {"width": LogNormal(0.4, 0.6, 1)}
    target = collapsed(
        Problem(BrokenPowerLaw(2, floor=False), X, sharp(0.02, 0, X), given={**given, **noise})
    )
    assert (fewer.dimension, target.dimension) == (1, 2)  # one there because none is not possible
    z = target.after(fewer.sweep(8)).sources(rng)["split"]
    assert z.shape[1] == 2
    assert np.isfinite(target.log_density(z)).all()


def test_known_points_of_fewer_crossovers_help_the_search() -> None:
    problem = Problem(BrokenPowerLaw(2, floor=False), X, sharp(0.02, 0, X))
    fewer = solve(
        collapsed(Problem(BrokenPowerLaw(1, floor=False), X, problem.y)), np.random.default_rng(0)
    )
    before = fewer.draws.z[equal_weight(fewer.weights.probability, 200, np.random.default_rng(0))]
    alone = solve(collapsed(problem), np.random.default_rng(1)).certificate
    helped = solve(collapsed(problem).after(before), np.random.default_rng(1)).certificate
    assert helped.doubts == []
    assert helped.log_evidence == pytest.approx(alone.log_evidence, abs=0.05)


# Small differences.


def test_fine_steps_reach_what_coarse_differences_hide(rng: np.random.Generator) -> None:
    problem = Problem(BrokenPowerLaw(2, floor=False), X, sharp(0.0, 0, X))
    target = collapsed(problem)
    z = target.sweep(4096)
    coarse = climb(target, spread(z, target.log_density(z), 8, target.halved))
    fine = climb(target, coarse.z[:1], fine=True)
    assert fine.log_density[0] > coarse.log_density[0] + 20.0


# Nothing integrated out.


def test_full_coordinates_are_those_of_the_law(rng: np.random.Generator) -> None:
    problem = Problem(BrokenPowerLaw(2, floor=True), X, sharp(0.02, 0, X), Noise("ar1"))
    target = Full(problem)
    v = rng.uniform(-2.0, 2.0, (6, problem.dimension))
    z = target.from_uniform(special.ndtr(v))
    sampled, direct = target.sampled(z, np.empty((6, 0))), problem.natural(v)
    for name, value in sampled.items():
        np.testing.assert_allclose(value, direct[name], rtol=1e-9)
    names = list(problem.priors)
    assert names[:2] == ["steepness", "exponent"]
    np.testing.assert_allclose(z[:, 1:3], direct["exponent"])
    # Two exponents in units of the steepness: the density shrinks by its square.
    shrunk = 2.0 * np.log(direct["steepness"])
    np.testing.assert_allclose(target.log_density(z), problem.log_posterior(v) - shrunk, rtol=1e-10)
    expected = stats.norm.logpdf(v).sum(axis=1) - shrunk
    np.testing.assert_allclose(target.log_prior(z), expected, rtol=1e-10)


def test_curvature_of_the_full_prior() -> None:
    target = Full(Problem(BrokenPowerLaw(2, floor=True), X, sharp(0.02, 0, X)))
    d = target.dimension
    # At the prior's median residuals vanish, and Gauss-Newton is exact.
    z = target.from_uniform(np.full((1, d), 0.5))[0]
    found = target.prior_curvature(z[None])[0]
    np.testing.assert_allclose(found, -second_differences(target.log_prior, z), rtol=0, atol=2e-4)
