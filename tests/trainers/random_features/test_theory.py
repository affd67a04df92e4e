from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from samples import four_regimes

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.random_features import flow_theory, theory
from scalefit.trainers.random_features.deterministic_equivalent import solve
from scalefit.trainers.random_features.spectrum import nodes


def test_rows_of_the_reference(reference: Path) -> None:
    wanted = four_regimes.targets(reference / "four_regimes_reference.csv")
    off = [(four_regimes.off(row, four_regimes.value(row), known), row) for row, known in wanted]
    assert len(off) == 167
    assert [one for one in off if one[0] > 1] == []


@pytest.mark.parametrize("modes", [1, 3, 64, 66, 70, 5000])
def test_few_nodes_stand_for_all_modes(modes: int) -> None:
    index, count = nodes(modes)
    every = np.arange(1.0, modes + 1)
    for decay, knee in [(1.2, 1e-3), (3.0, 1e-6), (2.0, 1e2)]:
        assert count @ (index**-decay / (index**-decay + knee)) == pytest.approx(
            np.sum(every**-decay / (every**-decay + knee)), rel=1e-9
        )
    assert count.sum() == pytest.approx(modes, rel=1e-12)


def test_kappa_solves_its_equation_wherever_it_is_asked() -> None:
    modes = theory.power_law(1e6, 0.7)
    D, P, ridge = (
        one.ravel()
        for one in np.meshgrid([1.0, 7, 1e3, 1e5, np.inf], [2.0, 7, 1e4, np.inf], [0, 1e-12, 1.0])
    )
    kappa = solve(modes, D, P, ridge)
    df1 = ((modes.eigenvalue / (modes.eigenvalue + kappa[:, None])) * modes.copies).sum(1)
    bare = ridge == 0
    finite = bare & np.isfinite(np.minimum(D, P))
    assert df1[finite] == pytest.approx(np.minimum(D, P)[finite], rel=1e-10)
    assert np.all(kappa[bare & ~finite] == 0)
    left = (1 - df1 / D) * (1 - df1 / P) * kappa
    assert left[~bare & (ridge == 1)] == pytest.approx(1.0, rel=1e-9)
    small = ridge == 1e-12
    assert np.all(df1[small] <= np.minimum(D, P)[small] * (1 + 1e-10))


def test_a_large_grid_is_quick() -> None:
    sizes = np.geomspace(10, 1e4, 100)
    begin = time.process_time()
    found = theory.equivalent(theory.power_law(1e6, 0.5), sizes[:, None], sizes, 1e-4, 0.1)
    assert time.process_time() - begin < 10
    assert found.test_loss.shape == (100, 100)
    assert np.all(np.isfinite(found.test_loss))


def test_noise_and_ridge_trade_variance_for_bias() -> None:
    modes = theory.power_law(1e4, 1.0)
    for noise in (0.0, 0.3):
        best = theory.best_ridge(modes, [40, 40, 3000], [40, 400, 50], noise)
        for factor in (0.7, 1.4):
            other = theory.equivalent(
                modes, [40, 40, 3000], [40, 400, 50], best.ridge * factor, noise
            )
            assert np.all(other.test_loss > best.test_loss)
    # where features are few and data plenty, and no noise, the best ridge is nearly none
    assert theory.best_ridge(modes, np.inf, 50).ridge == 0
    assert theory.best_ridge(modes, np.inf, np.inf, 1.0).test_loss == 0


def test_losses_are_symmetric_without_noise_and_for_isotropic_targets_only() -> None:
    sizes, other = [64, 200, np.inf], [200, 64, 30]
    for teacher, noise, equal in [(0.0, 0.0, True), (1.0, 0.0, False), (0.0, 0.1, False)]:
        modes = theory.power_law(2000, 0.6, teacher)
        one = theory.equivalent(modes, sizes, other, 1e-3, noise).test_loss
        swapped = theory.equivalent(modes, other, sizes, 1e-3, noise).test_loss
        assert np.allclose(one, swapped, rtol=1e-9) is equal


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.7])
def test_closed_forms_are_the_limit_of_many_modes(alpha: float) -> None:
    modes, m = theory.power_law(1e12 if alpha < 1 else 1e8, alpha), np.array([64.0, 256])
    bare = theory.equivalent(modes, m, [128.0, 4096]).test_loss
    assert theory.ridgeless(alpha, m, [128.0, 4096]) == pytest.approx(bare, rel=1e-3)
    best, closed = theory.best_ridge(modes, m, 2 * m), theory.optimal(alpha, m, 2 * m)
    assert closed.test_loss == pytest.approx(best.test_loss, rel=0.03)
    assert closed.learned == pytest.approx(best.learned, rel=0.03)
    high = theory.equivalent(modes, m, m, 1e-13 * m**-alpha)
    assert theory.peak(alpha, m, high.ridge) == pytest.approx(high.test_loss, rel=0.2)
    assert theory.joint(alpha, closed.learned, m, 2 * m).ridge == pytest.approx(closed.ridge)


def test_the_peak_grows_as_the_inverse_root_of_the_ridge() -> None:
    modes, ridge = theory.power_law(4000, 1.0), np.array([1e-10, 1e-12])
    heights = theory.equivalent(modes, 64, 64, ridge).test_loss
    assert four_regimes.slope(ridge, heights) == pytest.approx(0.5, abs=1e-3)
    assert math.isinf(theory.equivalent(modes, 64, 64).test_loss)


def test_flow_begins_at_nothing_learned_and_ends_at_the_minimiser() -> None:
    modes = theory.power_law(500, 1.0)
    for D, P in [(40, 90), (90, 40), (40, math.inf), (math.inf, 40)]:
        flow = theory.gradient_flow(modes, D, P, [0, 1e8], 0.1)
        end = theory.equivalent(modes, D, P, 0, 0.1)
        assert flow.test_loss[0] == pytest.approx(modes.power @ modes.copies)
        assert flow.test_loss[1] == pytest.approx(float(end.test_loss), rel=1e-4)
        train = float(end.train_loss)
        assert (flow.train_loss[1] == pytest.approx(train, rel=1e-4)) or train == 0
    assert math.isnan(theory.gradient_flow(modes, 40, 90, 1e8).train_loss[0])


def test_one_transform_and_two_agree_on_infinitely_many_examples() -> None:
    modes, times = theory.power_law(2000, 0.5), np.geomspace(1, 1e5, 6)
    both, _ = flow_theory._double(modes, 1e13, 64, times, 0.0)
    assert theory.population(modes, 64, times) == pytest.approx(both, rel=1e-8)
    wide = theory.population(modes, 1e13, times)
    assert wide == pytest.approx(theory.population(modes, math.inf, times), rel=1e-5)


def test_the_flow_is_symmetric_in_test_loss_only() -> None:
    modes, times = theory.power_law(1000, 1.0), np.geomspace(1, 1e4, 5)
    one, other = (theory.gradient_flow(modes, *size, times) for size in ((64, 128), (128, 64)))
    assert one.test_loss == pytest.approx(other.test_loss, rel=1e-8)
    assert np.all(one.train_loss < other.train_loss)


def test_exponents_tell_the_conflict() -> None:
    found = theory.exponents(0.5, 2.5)
    assert tuple(found) == pytest.approx((2.0, 3.0, 1.5, 3.0))
    isotropic = theory.exponents(0.5)
    assert tuple(isotropic) == pytest.approx((1 / 3, 0.5, 0.5, 0.5))


def test_sgd_grows_without_end_above_its_critical_rate() -> None:
    modes = theory.power_law(300, 1.0)
    top = theory.critical_rate(modes, 2)
    for factor, grows in [(0.95, False), (1.1, True)]:
        early, late = theory.recursion(modes, [0, 3000], learning_rate=top * factor, batch=2)
        assert (late > early) is np.bool_(grows)


def test_curves_have_the_coordinates_of_runs() -> None:
    config = trainers.config(
        "random_features", n_train=[16, 0], n_params=[32, 0], ridge=[0, 0.1], noise=0.1
    )
    found = trainers.theory(config)
    assert dict(found.sizes) == {"run": 8, "point": 1}
    assert set(found.data_vars) == {"test_loss", "train_loss", "penalty", "learned"}
    assert found["n_train"].values.tolist() == [16.0] * 4 + [math.inf] * 4
    assert np.all(found["penalty"].values[:, 0] == found["ridge"].values)
    both = trainers.config("random_features", averaged=[True, False])
    assert trainers.theory(both).sizes["run"] == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"features": "relu"}, "theory is of features='linear'"),
        ({"protocol": "sgd"}, "for all features, n_params=0"),
    ],
)
def test_where_there_is_no_theory_it_is_said(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        trainers.theory(trainers.config("random_features", **settings))


def test_arguments_out_of_range_are_refused() -> None:
    modes = theory.power_law(10, 1.0)
    for arguments, said in [((0, 5), "n_train"), ((5, -1), "n_params"), ((5, 5, -1), "ridge")]:
        with pytest.raises(ConfigError, match=f"argument '{said}' must be"):
            theory.equivalent(modes, *arguments)
    with pytest.raises(ConfigError, match="'times' must be finite"):
        theory.gradient_flow(modes, 5, 5, [-1.0])
    for eigenvalues, power, said in [
        ([1.0, 0.0], None, "drop those that vanish"),
        ([1.0], [1.0, 2.0], "two lists of one length"),
        ([1.0], [-1.0], "mean square"),
    ]:
        with pytest.raises(ConfigError, match=said):
            theory.given(np.array(eigenvalues), power)
