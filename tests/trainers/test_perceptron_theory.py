from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scalefit import trainers, trajectory
from scalefit.trainers.perceptron.saddle import fixed_norm
from scalefit.trainers.perceptron.theory import limits


def test_every_row_of_the_reference(reference: Path) -> None:
    expected: dict[float, dict[float, float]] = defaultdict(dict)
    with (reference / "perceptron_reference.csv").open() as file:
        for row in csv.DictReader(file):
            expected[float(row["alpha"])][float(row["lambda"])] = float(row["eps_theory"])
    for load, errors in expected.items():
        ends = limits(load)
        assert ends.hebb_error == pytest.approx(errors.pop(0.0), rel=1e-5)
        assert ends.max_stability_error == pytest.approx(errors.pop(math.inf), rel=1e-5)
        found = [point.test_error for point in fixed_norm(load, sorted(errors))]
        np.testing.assert_allclose(found, [errors[norm] for norm in sorted(errors)], rtol=1e-5)


@pytest.mark.parametrize(
    ("load", "norm", "error", "overlap", "response", "multiplier", "train_error", "train_loss"),
    [
        (2, 1, 0.179942, 0.844426, 0.963893, 0.417242, 0.00692434, 0.185872),
        (2, 5, 0.178868, 0.846228, 28.9041, 0.00708623, 0, 0.00379477),
        (5, 0.5, 0.124344, 0.924666, 0.261092, 2.03874, 0.0464278, 0.378335),
        (5, 1, 0.105188, 0.945894, 0.303854, 0.995342, 0.0251522, 0.234616),
        (5, 5, 0.0840427, 0.965347, 1.09527, 0.0575581, 6.306e-7, 0.026374),
        (5, 30, 0.0907572, 0.959627, 20197.4, 2.21926e-6, 0, 1.12239e-6),
        (20, 2, 0.0372177, 0.993172, 0.0706463, 1.37438, 0.0156151, 0.144503),
        (20, 10, 0.0228818, 0.997417, 0.125291, 0.065411, 9.416e-4, 0.0225471),
    ],
)
def test_point_values(
    load: float,
    norm: float,
    error: float,
    overlap: float,
    response: float,
    multiplier: float,
    train_error: float,
    train_loss: float,
) -> None:
    (point,) = fixed_norm(load, [norm])
    # the two last training errors are known to four digits, hence the other tolerance
    assert point.train_error == pytest.approx(train_error, rel=1e-4, abs=1e-12)
    found = [point.test_error, point.overlap, point.response, point.multipliers[0]]
    expected = [error, overlap, response, multiplier]
    np.testing.assert_allclose([*found, point.train_loss], [*expected, train_loss], rtol=1e-5)


@pytest.mark.parametrize("load", [0.1, 1, 30, 1e4])
def test_the_two_formulas_for_the_multiplier_agree(load: float) -> None:
    for point in fixed_norm(load, np.geomspace(1e-3, 100, 6).tolist()):
        force, response = point.multipliers
        assert force == pytest.approx(response, rel=1e-6)


# load, norm and error at the optimum, then the errors of maximal stability and of Bayes
OPTIMA = [
    (0.5, 0.7628, 0.322407, 0.328850, 0.322395),
    (1, 1.1858, 0.254404, 0.265711, 0.254373),
    (2, 1.9989, 0.174587, 0.188479, 0.174534),
    (5, 4.536, 0.0839799, 0.0938270, 0.0839352),
    (10, 8.898, 0.0435994, 0.0491834, 0.0435732),
    (20, 17.703, 0.0220225, 0.0249133, 0.0220088),
    (50, 44.19, 0.00883464, 0.0100026, 0.00882909),
    (100, 88.36, 0.00441916, 0.00500399, 0.00441639),
    (1000, 883.6, 0.000441977, 0.000500488, 0.000441699),
]


@pytest.mark.parametrize(("load", "norm", "error", "max_stability", "bayes"), OPTIMA)
def test_optimum_of_the_curve(
    load: float, norm: float, error: float, max_stability: float, bayes: float
) -> None:
    best = minimize_scalar(
        lambda log_norm: math.log(fixed_norm(load, [math.exp(log_norm)])[0].test_error),
        bounds=(math.log(norm / 2), math.log(norm * 2)),
        method="bounded",
        options={"xatol": 2e-3},
    )
    assert math.exp(best.x) == pytest.approx(norm, rel=1e-2)
    assert math.exp(best.fun) == pytest.approx(error, rel=1e-5)
    ends = limits(load)
    assert ends.max_stability_error == pytest.approx(max_stability, rel=1e-5)
    assert ends.bayes_error == pytest.approx(bayes, rel=1e-5)


def test_tails_of_the_limits_at_large_load() -> None:
    load = 1e4
    ends = limits(load)
    assert ends.hebb_error * math.sqrt(load) == pytest.approx(1 / math.sqrt(2 * math.pi), rel=1e-3)
    assert ends.max_stability_error * load == pytest.approx(0.500489, abs=1e-5)
    assert ends.max_stability_margin * load == pytest.approx(1.004458, abs=1e-5)
    assert ends.bayes_error * load == pytest.approx(0.441700, abs=1e-5)
    assert ends.gibbs_error * load == pytest.approx(0.624658, abs=1e-5)


def test_curve_joins_hebb_to_maximal_stability() -> None:
    first, last = fixed_norm(5, [1e-4, 1e4])
    ends = limits(5)
    assert ends.hebb_error == pytest.approx(0.1626144, rel=1e-6)
    assert ends.max_stability_error == pytest.approx(0.0938270, abs=1e-6)
    assert ends.max_stability_margin == pytest.approx(0.1967100, abs=1e-6)
    assert first.test_error == pytest.approx(ends.hebb_error, abs=2e-5)
    assert last.test_error == pytest.approx(ends.max_stability_error, abs=2e-5)


@pytest.mark.parametrize("load", [0.05, 1e5])
def test_far_loads_and_norms_stay_between_bayes_and_hebb(load: float) -> None:
    ends = limits(load)
    for point in fixed_norm(load, [1e-4, 1.0, 1e4]):
        assert ends.bayes_error < point.test_error < ends.hebb_error
        assert 0 <= point.train_error < point.test_error
        assert 0 <= point.train_loss < math.log(2)


def test_theory_is_a_trajectory() -> None:
    config = trainers.config("perceptron", load=[2, 5], norm=[0.1, 1, 10])
    curves = trajectory.validate(trainers.theory(config))
    assert dict(curves.sizes) == {"run": 2, "point": 3}
    assert set(curves.data_vars) == {
        "norm",
        "test_error",
        "overlap",
        "train_loss",
        "train_error",
    }
    np.testing.assert_allclose(np.cos(np.pi * curves["test_error"]), curves["overlap"], rtol=1e-12)
    assert (curves["bayes_error"] < curves["test_error"].min("point")).all()
    assert (curves["test_error"].max("point") < curves["hebb_error"]).all()
    assert (curves["gibbs_error"] > curves["max_stability_error"]).all()
    assert curves["max_stability_margin"].values == pytest.approx([0.454578, 0.196710], rel=1e-5)
    assert curves.attrs["config"] == config.to_json()
    assert "gradient descent" in curves.attrs["note"]


def test_theory_of_a_protocol_without_dynamics_says_nothing_of_descent() -> None:
    config = trainers.config("perceptron", protocol="fixed_norm", norm=1)
    assert "gradient descent" not in trainers.theory(config).attrs["note"]
