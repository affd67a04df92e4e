"""State evolution of the diagonal and the quadratic network against reference and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from samples import weight_decay as reference_rows

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.diagonal import theory as diagonal
from scalefit.trainers.quadratic import semicircle
from scalefit.trainers.quadratic import theory as quadratic
from scalefit.trainers.weight_decay.regions import ORDER, WORDS
from scalefit.trainers.weight_decay.roots import beyond, root


def slow(row: dict[str, str]) -> bool:
    """Return whether a row takes tables that no quick row needs."""
    large = row["model"] == "quadratic" and row["d"] == "200"
    return row["id"] in ("r614", "r615") or large


@pytest.mark.parametrize("late", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_rows_of_the_reference(reference: Path, late: bool) -> None:
    rows = reference_rows.rows(reference / "quadratic_diagonal_reference.csv")
    by_theory = [row for row in rows if not reference_rows.simulated(row)]
    chosen = [row for row in by_theory if slow(row) == late]
    found = reference_rows.values(chosen)
    assert len(found) == len(chosen) > 100
    missed = [row["id"] for row in chosen if not reference_rows.inside(row, found[row["id"]])]
    assert not missed


@pytest.mark.parametrize("law", ["gaussian", "fixed", "positive"])
def test_soft_threshold_against_drawn_numbers(law: str) -> None:
    from scalefit.trainers.diagonal.soft_threshold import Atoms

    rng = np.random.default_rng(5)
    size, tau, cut = 0.7, 0.4, 0.5
    b = size * (rng.standard_normal(400_000) if law == "gaussian" else np.ones(400_000))
    seen = b + tau * rng.standard_normal(b.size)
    left = seen - cut if law == "positive" else np.abs(seen) - cut
    learned = np.where(left > 0, left * (1.0 if law == "positive" else np.sign(seen)), 0.0)
    one = Atoms(np.array([size]), np.array([1.0]), law)
    risk, support = one.moments(np.array([tau]), np.array([cut]))
    error = (learned - b) ** 2
    assert risk[0] == pytest.approx(error.mean(), abs=4 * error.std() / np.sqrt(b.size))
    assert support[0] == pytest.approx((left > 0).mean(), abs=0.004)
    assert one.support(np.array([tau]), np.array([cut]))[0] == pytest.approx(support[0], rel=1e-12)
    near, _ = one.moments(np.array([tau] * 2), np.array([cut - 1e-5, cut + 1e-5]))
    assert one.slope(np.array([tau]), np.array([cut]))[0] == pytest.approx(
        (near[1] - near[0]) / 4e-5, rel=1e-5
    )


def test_risk_of_small_noise_keeps_its_digits() -> None:
    # tau^2 is 1e-20 of the weight's square: all of it is learned, less the threshold
    from scalefit.trainers.diagonal.soft_threshold import Atoms

    for law in ("gaussian", "fixed"):
        one = Atoms(np.array([1.0]), np.array([1.0]), law)
        risk, _ = one.moments(np.array([1e-10]), np.array([1e-10]))
        assert risk[0] == pytest.approx(2e-20, rel=1e-6)


def test_spectrum_against_a_drawn_matrix() -> None:
    d, delta = 300, 0.5
    rng = np.random.default_rng(3)
    s = np.sqrt(d) * np.arange(1.0, d + 1) ** -1.0
    made = quadratic.free_sum(s, delta)
    cuts = delta * np.array([0.3, 1.5, 2.2])
    errors, slopes = [], []
    for _ in range(3):
        noise = rng.standard_normal((d, d))
        values, vectors = np.linalg.eigh(np.diag(s) + delta * (noise + noise.T) / np.sqrt(2 * d))
        apart = np.subtract.outer(values, values)[np.triu_indices(d, 1)]
        for cut in cuts:
            left = np.maximum(values - cut, 0.0)
            errors.append((((vectors * left) @ vectors.T - np.diag(s)) ** 2).sum() / d)
            moved = np.subtract.outer(left, left)[np.triu_indices(d, 1)] / apart
            slopes.append((moved.sum() + (left > 0).sum()) / d**2)
    error, divergence, _ = made.at(cuts)
    np.testing.assert_allclose(np.reshape(errors, (3, 3)).mean(0), error, rtol=0.01)
    np.testing.assert_allclose(np.reshape(slopes, (3, 3)).mean(0), divergence, rtol=0.01)
    np.testing.assert_allclose(made.quantiles(d)[:4], values[::-1][:4], rtol=0.02)
    assert made.totals[4] == pytest.approx((s**2).mean(), rel=1e-9)


def test_sharp_spikes_agree_with_the_full_spectrum_where_they_are_few() -> None:
    n, decay = np.array([300.0, 1000.0]) * 500, 20.0
    risks = [
        quadratic.StateEvolution(500, 1.5, spectrum=how).minimiser(n, decay, 0.5).excess_risk
        for how in ("full", "sharp")
    ]
    np.testing.assert_allclose(*risks, rtol=0.05)


def test_solutions_solve_both_equations() -> None:
    n, decay, noise = 700.0, 0.3, 0.2
    one = diagonal.StateEvolution(500, 0.8)
    fixed = one.minimiser(n, decay, noise)
    assert n * fixed.tau**2 == pytest.approx(noise + fixed.excess_risk, rel=1e-9)
    assert fixed.threshold * (n - fixed.support) == pytest.approx(decay * 500**0.5, rel=1e-9)
    two = quadratic.StateEvolution(60, 1.2)
    found = two.minimiser(n, decay, noise)
    error, divergence, _ = two.cut(float(found.delta)).at(found.cutoff)
    assert 2 * error == pytest.approx(found.excess_risk, rel=3e-3)
    assert 4 * n / 3600 * found.delta**2 == pytest.approx(noise + 2 * error, rel=3e-3)
    assert 4 * found.cutoff * (n - 3600 * divergence) / 3600 == pytest.approx(decay, rel=3e-3)


@pytest.mark.parametrize(
    "solver", [diagonal.StateEvolution(300, 1.0), quadratic.StateEvolution(60, 1.0)]
)
def test_no_weight_decay_is_better_than_the_best(solver: object) -> None:
    n, decay = 900.0, np.geomspace(0.05, 50, 25)
    best = solver.best(n, 0.5)  # type: ignore[attr-defined]
    tried = solver.minimiser(n, decay, 0.5).excess_risk  # type: ignore[attr-defined]
    again = solver.minimiser(n, best.weight_decay, 0.5).excess_risk  # type: ignore[attr-defined]
    assert best.excess_risk <= tried.min() * 1.003
    assert again == pytest.approx(best.excess_risk, rel=5e-3)
    assert solver.bayes(n, 0.5) < best.excess_risk  # type: ignore[attr-defined]


def test_least_squares_beyond_interpolation_is_exact() -> None:
    solver = diagonal.StateEvolution(50, 1.0)
    fixed = solver.minimiser([80.0, 500.0], 0.0, 0.5)
    np.testing.assert_allclose(fixed.excess_risk, 0.5 * 50 / (np.array([80, 500]) - 50), rtol=1e-9)
    np.testing.assert_allclose(diagonal.interpolation([80, 500], 50, 0.5), fixed.excess_risk)
    clean = solver.minimiser(80, 0.0, 0.0)
    assert clean.excess_risk == 0.0
    shrunk = solver.minimiser(500, 1e-6, 0.0)
    t = 1e-6 * 50**0.5 / 450
    assert shrunk.excess_risk == pytest.approx(50 * t**2 * 500 / 450, rel=1e-3)


@pytest.mark.parametrize(
    "solver", [diagonal.StateEvolution(20, 1.0), quadratic.StateEvolution(20, 1.0)]
)
def test_without_noise_enough_examples_teach_everything(solver: object) -> None:
    n = np.array([10.0, 1000.0])
    best = solver.best(n, 0.0)  # type: ignore[attr-defined]
    bayes = solver.bayes(n, 0.0)  # type: ignore[attr-defined]
    assert best.excess_risk[1] == bayes[1] == best.weight_decay[1] == 0.0
    assert 0 < bayes[0] <= best.excess_risk[0]
    assert np.isfinite(best.excess_risk).all()


def test_semicircle_keeps_its_digits_at_the_edge() -> None:
    gap = np.array([1e-3, 1e-6])
    mass, _, square = semicircle.beyond(2 - gap)
    np.testing.assert_allclose(mass, 2 * gap**1.5 / (3 * np.pi), rtol=1e-3)
    np.testing.assert_allclose(square, 16 * gap**3.5 / (105 * np.pi), rtol=1e-3)


@pytest.mark.parametrize(("module", "peak"), [(diagonal, 100), (quadratic, 12.5)])
def test_phase_diagram_has_every_region_and_its_exponents(module: object, peak: float) -> None:
    d = 100 if module is diagonal else 50
    n_eff, decay = peak * np.logspace(-2, 4, 31), np.logspace(-3, 4, 8)
    phases = module.phase_diagram(d=d, n_eff=n_eff, weight_decay=decay)  # type: ignore[attr-defined]
    assert set(np.unique(phases["region"])) >= {"I", "II", "III", "IV", "VIa", "VIb"}
    assert set(np.unique(phases["region"])) <= set(ORDER) == set(WORDS)
    found, expected = phases["exponent"], phases["asymptotic_exponent"]
    for region, tolerance in {"I": 0.4, "II": 0.35, "III": 0.7, "VIb": 0.1}.items():
        inside = (phases["region"] == region).values
        middle = np.median(found.values[inside] - expected.values[inside])
        assert abs(middle) < tolerance, region
    axes = module.draw(phases)  # type: ignore[attr-defined]
    assert {text.get_text() for text in axes.texts} >= {"I", "II", "VIb"}
    with pytest.raises(ConfigError, match="'n_eff' must increase"):
        module.phase_diagram(n_eff=[3, 2, 1])  # type: ignore[attr-defined]


def test_curves_have_regions_and_the_spectrum_of_the_law() -> None:
    settings = {"d": 100, "n_train": [400, 40_000], "weight_decay": [0.1, 5], "steps": [9, 99]}
    curves = trainers.theory(trainers.config("quadratic", **settings))
    assert curves.sizes == {"run": 4, "point": 1, "rank": 100}
    assert curves["region"].values.tolist() == ["IV", "I", "VIa", "II"]
    last = curves.isel(run=-1)
    spikes = 10 / np.arange(1, 4) + last["delta"].values ** 2 / 10 * np.arange(1, 4)
    np.testing.assert_allclose(
        last["spectrum"].values[0, :3], spikes - last["cutoff"].values, rtol=0.02
    )
    mean = trainers.config("diagonal", n_train=80, weight_decay=0.5, convention="mean")
    both = trainers.config("diagonal", n_train=80, weight_decay=20.0)
    one, other = trainers.theory(mean), trainers.theory(both)
    assert float(one["excess_risk"].squeeze()) == float(other["excess_risk"].squeeze())
    assert one["best_weight_decay"].values * 40 == pytest.approx(other["best_weight_decay"].values)
    assert float(one["spectrum"].values[0, 0, 0]) < 2.0


def test_roots_between_bounds_and_beyond_a_guess() -> None:
    low, high = np.array([0.0, 1.0, 5.0]), np.array([2.0, 9.0, 6.0])
    wanted = np.array([1.3, 3.0, 5.5])
    found = root(lambda x: np.expm1(x - wanted), low, high)
    np.testing.assert_allclose(found, wanted, atol=1e-11)
    outside = root(lambda x: x - 20.0, low, high)
    np.testing.assert_allclose(outside, high)
    assert (beyond(lambda x: x - 100.0, low, 0.5) > 100.0).all()
