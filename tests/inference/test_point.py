"""The preview: optima, what one round of weights makes of them, and when it says it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from samples.problems import NOISE, ONE, TRUTH, TWO, X, noiseless
from scipy import optimize, special, stats

from scalefit.arrays import Array
from scalefit.inference import Problem
from scalefit.inference.collapsed import Collapsed
from scalefit.inference.full import Full
from scalefit.inference.optimise import Modes
from scalefit.inference.point import LEFT, approximate, optima, settle, solve
from scalefit.inference.target import Target
from scalefit.laws import BrokenPowerLaw, Law, Parameter, Window
from scalefit.laws.noise import Noise
from scalefit.laws.priors import Fixed, LogNormal, Normal, Prior


def settled(target: Target) -> Modes:
    return settle(target, optima(target, np.random.default_rng(0)))[0]


def test_many_points_give_least_squares(rng: np.random.Generator) -> None:
    x = np.geomspace(1.0, 1e5, 2000)
    log_y = 1.5 - 0.35 * np.log(x) + 0.1 * rng.standard_normal(x.size)
    posterior = solve(Problem(ONE, x, np.exp(log_y)), draws=40000, rng=rng)
    design = np.stack([-np.log(x), np.ones(x.size)], axis=1)
    expected, squares, *_ = np.linalg.lstsq(design, log_y, rcond=None)
    noise = np.sqrt(squares[0] / x.size)
    sds = noise * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    found = {name: value[0] for name, value in posterior.draws.items()}
    for values, mean, sd in (
        (found["exponent"][:, 0], expected[0], sds[0]),
        (found["log_amplitude"], expected[1], sds[1]),
        (np.log(found["noise"]), np.log(noise), 1 / np.sqrt(2 * x.size)),
    ):
        # The priors pull by about 1% of a sd. Monte Carlo: mean 0.7%, sd 0.5% of a sd; both
        # tolerances are 5 of those and the pull, so fewer than 1 seed in 100,000 would fail.
        assert np.mean(values) == pytest.approx(mean, abs=0.05 * sd)
        assert np.std(values) == pytest.approx(sd, rel=0.03)
    assert posterior.verdict == "ok"


TARGETS = {"collapsed": Collapsed.of, "full": Full}


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize(
    "law",
    [ONE, TWO, BrokenPowerLaw(1, floor=True), BrokenPowerLaw(2, floor=True)],
    ids=lambda law: law.name,
)
def test_the_optimum_is_one(law: BrokenPowerLaw, kind: str, y: Array) -> None:
    target = TARGETS[kind](Problem(law, X, y))
    assert target is not None
    modes = settled(target)
    np.testing.assert_array_equal(target.log_density(modes.z), modes.log_density)
    # A tenth of a posterior sd along any axis goes down, but for what ends the search: a step that
    # gains 0.02 nats, or less than 0.1 by a whole round where the coordinates are all there.
    allowed = 0.025 if kind == "collapsed" else LEFT
    sds = np.sqrt(np.diag(np.linalg.inv(modes.curvature[0])))
    steps = np.concatenate([np.diag(0.1 * sds), np.diag(-0.1 * sds)])
    assert target.log_density(modes.z[0] + steps).max() < modes.log_density[0] + allowed


def test_no_other_optimiser_climbs_higher(problem: Problem) -> None:
    target = Full(problem)
    modes = settled(target)
    start = modes.around(0, np.full((1, target.dimension), 0.2))[0]
    other = optimize.minimize(lambda z: -target.log_density(z[None])[0], start, method="BFGS")
    # Half a nat is one sd; the search ends where a step gains less than 0.02.
    assert -other.fun < modes.log_density[0] + 0.04


def test_a_noiseless_curve_is_recovered() -> None:
    problem = Problem(TWO, X, noiseless(TWO, X))
    posterior = solve(problem, draws=1000, rng=np.random.default_rng(0))
    for name in ("exponent", "crossover", "width", "log_amplitude"):
        # The noise may go down to 1e-6, where the posterior is as wide as that.
        found = np.median(posterior.draws[name][0], axis=0)
        np.testing.assert_allclose(found, TRUTH[name], rtol=1e-5)


def test_scatter_is_linear_in_the_exponents_and_centred(problem: Problem) -> None:
    target = Full(problem)
    modes = settled(target)
    normals = np.random.default_rng(2).standard_normal((50, target.dimension))

    def sampled(normals: Array) -> dict[str, Array]:
        return target.sampled(modes.around(0, normals), np.empty((len(normals), 0)))

    up, down, centre = sampled(normals), sampled(-normals), sampled(np.zeros((1, 7)))
    midpoint = (up["exponent"] + down["exponent"]) / 2
    np.testing.assert_allclose(midpoint, np.repeat(centre["exponent"], 50, axis=0), atol=1e-12)
    twice = sampled(2 * normals)["exponent"] - centre["exponent"]
    np.testing.assert_allclose(twice, 2 * (up["exponent"] - centre["exponent"]), atol=1e-12)
    # The steepness, on which the exponents' prior rests, moves by tens of percent.
    assert np.std(np.log(up["steepness"])) > 0.1
    assert np.std(up["exponent"][:, 0]) < 0.02


def test_point_draws_repeat_with_the_seed(problem: Problem) -> None:
    def draws(seed: int) -> Any:
        return solve(problem, draws=100, rng=np.random.default_rng(seed)).draws

    first, again, other = draws(5), draws(5), draws(6)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
        assert first[name].shape[:2] == (1, 100)


def test_a_missed_optimum_is_marked(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(target: Target, modes: Modes) -> tuple[Modes, float]:
        return modes, 0.3

    monkeypatch.setattr("scalefit.inference.point.settle", hasty)
    verdict = solve(problem, draws=100, rng=np.random.default_rng(0)).verdict
    assert "optimum was not reached (the last steps still gained 0.3 nats, limit 0.1)" in verdict
    assert "fewer regimes" in verdict


def test_further_steps_reach_an_optimum_that_was_missed(problem: Problem) -> None:
    target = Full(problem)
    modes = settled(target)
    away = modes.around(0, np.full((1, target.dimension), 1.5))
    short = Modes(away, target.log_density(away), modes.curvature[:1])
    assert short.log_density[0] < modes.log_density[0] - 2.0
    again, left = settle(target, short)
    assert again.log_density[0] == pytest.approx(modes.log_density[0], abs=0.04)
    assert left <= LEFT


def test_uneven_weights_are_evened_out_and_said_to_be(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Full(problem)
    modes = settled(target)
    wide = Modes(modes.z[:1], modes.log_density[:1], 1e-3 * modes.curvature[:1])
    monkeypatch.setattr("scalefit.inference.point.target_of", Full)
    monkeypatch.setattr("scalefit.inference.point.settle", lambda *_: (wide, 0.0))
    posterior = solve(problem, draws=400, rng=np.random.default_rng(0))
    assert any("evened out to 150 independent draws" in note for note in posterior.notes)
    assert len(np.unique(posterior.draws["noise"])) > 100


@dataclass(frozen=True)
class Quadratic(Law):
    """log y = height + slope log x + bend (log x)^2: nothing here can be integrated out."""

    @property
    def name(self) -> str:
        return "quadratic"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(
            Parameter(name, 1, "law", -np.inf, np.inf, "", name)
            for name in ("height", "slope", "bend")
        )

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        u = xp.log(x)
        slope, bend = params["slope"][..., None], params["bend"][..., None]
        return params["height"][..., None] + slope * u + bend * u**2

    def priors(self, window: Window) -> dict[str, Prior]:
        return {name: Normal(0.0, 1.0) for name in ("height", "slope", "bend")}


def test_a_law_of_ones_own_is_linear_regression(rng: np.random.Generator) -> None:
    u = np.log(X)
    log_y = 0.5 - 0.3 * u + 0.01 * u**2 + NOISE * rng.standard_normal(X.size)
    problem = Problem(Quadratic(), X, np.exp(log_y))
    posterior, evidence = approximate(problem, draws=4000, rng=rng)
    assert posterior.verdict == "ok"

    def conditional(v: float) -> tuple[float, Array, Array]:
        """Return the log evidence, mean and covariance given the noise's coordinate."""
        variance = LogNormal(0.02, 1.0).from_normal(np.array([[v]]), {})[0] ** 2 + 1e-12
        design = np.stack([np.ones(X.size), u, u**2], axis=1)
        inverse = np.eye(3) + design.T @ design / variance
        mean = np.linalg.solve(inverse, design.T @ log_y / variance)
        total = variance * np.eye(X.size) + design @ design.T
        density = stats.multivariate_normal(np.zeros(X.size), total, allow_singular=True)
        return float(density.logpdf(log_y)), mean, np.linalg.inv(inverse)

    grid = np.linspace(-1.5, 1.5, 121)
    parts = [conditional(v) for v in grid]
    logs = np.array([one for one, _, _ in parts]) + stats.norm.logpdf(grid)
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    exact = special.logsumexp(logs) + np.log(grid[1] - grid[0])
    # Some 400 independent draws of 4000: about 0.04 nats.
    assert evidence == pytest.approx(exact, abs=0.2)
    means = np.array([mean for _, mean, _ in parts])
    covariance = np.einsum("k,kij->ij", weight, np.array([one for _, _, one in parts]))
    expected, sds = weight @ means, np.sqrt(np.diag(covariance))
    for name, mean, sd in zip(("height", "slope", "bend"), expected, sds, strict=True):
        # 5 standard errors of 400 independent draws.
        assert np.mean(posterior.draws[name]) == pytest.approx(mean, abs=0.25 * sd)
        assert np.std(posterior.draws[name]) == pytest.approx(sd, rel=0.18)


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize("kind", ["normal", "ar1", "student"])
def test_every_noise_has_a_preview(kind: Any, error: bool, y: Array) -> None:
    known = np.full(X.size, 0.01) if error else None
    problem = Problem(BrokenPowerLaw(2, floor=True), X, y, Noise(kind), known)
    posterior, evidence = approximate(problem, draws=200, rng=np.random.default_rng(0))
    assert posterior.verdict == "ok"
    assert np.isfinite(evidence)
    assert set(posterior.draws) == set(problem.natural(np.zeros((1, problem.dimension))))
    assert all(value.shape[:2] == (1, 200) for value in posterior.draws.values())
    assert all(np.isfinite(value).all() for value in posterior.draws.values())


@pytest.mark.parametrize("name", ["floor_share", "steepness", "exponent"])
def test_what_is_fixed_stays(name: str, y: Array) -> None:
    law = BrokenPowerLaw(2, floor=True)
    values: dict[str, Any] = {"floor_share": 0.3, "steepness": 0.5, "exponent": (0.2, 0.7)}
    given = Problem(law, X, y).priors | {name: Fixed(values[name])}
    problem = Problem(law, X, y, given=given)
    posterior, evidence = approximate(problem, draws=200, rng=np.random.default_rng(0))
    assert np.isfinite(evidence)
    expected = np.broadcast_to(values[name], posterior.draws[name].shape)
    np.testing.assert_array_equal(posterior.draws[name], expected)
    assert np.ptp(posterior.draws["noise"]) > 0.0
