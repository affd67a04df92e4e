"""Trained diagonal and quadratic networks: the convex minimum, exact risks, theory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.diagonal.settings import Diagonal
from scalefit.trainers.families import find
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.quadratic.settings import Quadratic

pytestmark = pytest.mark.train

PROTOCOLS = {
    "diagonal": ("lbfgs", "gradient_descent", "adam", "coordinate_descent", "proximal"),
    "quadratic": ("lbfgs", "gradient_descent", "adam", "proximal"),
}


def trained(family: str, **settings: Any) -> xr.Dataset:
    return trainers.run(trainers.config(family, **settings), device="cpu")


def last(runs: xr.Dataset, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = runs[name].values[:, -1]
    return values


def lasso(x: NDArray[Any], y: NDArray[Any], price: float, signed: bool) -> NDArray[Any]:
    """Return the minimiser by plain coordinate descent."""
    b, rest = np.zeros(x.shape[1]), y.copy()
    for _ in range(2000):
        for j in range(x.shape[1]):
            own = x[:, j] @ x[:, j]
            seen = b[j] + x[:, j] @ rest / own
            new = max(abs(seen) - price / own, 0.0) * (np.sign(seen) if signed else seen > 0)
            rest += (b[j] - new) * x[:, j]
            b[j] = new
    return b


@pytest.mark.parametrize("n", [9, 40])
@pytest.mark.parametrize("signed", [True, False])
def test_diagonal_networks_reach_the_minimum_that_coordinate_descent_finds(
    n: int, signed: bool
) -> None:
    d, decays = 12, [0.5, 2.0]
    base = {"d": d, "n_train": n, "teacher": "fixed", "signed": signed, "seeds": 1}
    one = Run(Diagonal(d=d, n_train=n, teacher="fixed"), 0, 0)
    x = one.stream("examples").standard_normal((n, d))
    truth = np.arange(1.0, d + 1) ** -1.0
    y = x @ truth + math.sqrt(0.5) * one.stream("noise").standard_normal(n)
    found = [lasso(x, y, decay * math.sqrt(d), signed) for decay in decays]
    risks = [((b - truth) ** 2).sum() for b in found]
    for protocol in ("lbfgs", "coordinate_descent", "proximal"):
        runs = trained(
            "diagonal", weight_decay=decays, protocol=protocol, steps=4000, points=2, **base
        )
        assert set(runs["status"].values) == {"ok"}
        np.testing.assert_allclose(last(runs, "excess_risk"), risks, rtol=1e-4, atol=1e-9)
        residual = [np.mean((y - x @ b) ** 2) for b in found]
        np.testing.assert_allclose(last(runs, "train_loss"), residual, rtol=1e-3)
        np.testing.assert_allclose(
            runs["spectrum"].values[:, -1, 0],
            [np.abs(b).max() for b in found],
            rtol=1e-4,
            atol=1e-9,
        )


@pytest.mark.parametrize("n", [12, 60])
def test_quadratic_networks_of_any_width_reach_the_convex_minimum(n: int) -> None:
    base = {"d": 6, "n_train": n, "weight_decay": [0.3, 2.0], "seeds": 1, "steps": 2000}
    convex = trained("quadratic", protocol="proximal", points=2, **base)
    network = trained("quadratic", width=[6, 12], points=2, **base)
    assert set(convex["status"].values) == set(network["status"].values) == {"ok"}
    for width in (6, 12):
        chosen = network.isel(run=network["width"].values == width)
        np.testing.assert_allclose(
            last(chosen, "excess_risk"), last(convex, "excess_risk"), rtol=1e-4
        )
    singular = network["singular_values"].values[:, -1]
    np.testing.assert_allclose(singular**2, network["spectrum"].values[:, -1], atol=1e-12)


def test_gram_matrix_and_examples_are_the_same_problem() -> None:
    import torch

    from scalefit.trainers.quadratic import network

    settings = Quadratic(d=5, n_train=40)
    runs = [Run(Quadratic(d=5, n_train=40, weight_decay=one), 0, 0) for one in (1.0, 2.0)]
    model = network.QuadraticModel()
    data = model.draw(Context(settings, torch.device("cpu")), runs)
    x = runs[0].stream("examples").standard_normal((40, 5))
    plain = {"inputs": torch.tensor(x)[None], "slots": data["slots"]}
    theta = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    theta = (theta + theta.mT).flatten(2)
    torch.testing.assert_close(model.apply(data, theta), model.apply(plain, theta))
    assert data["gram"].shape == (1, 15, 15)  # one instance for both weight decays


@pytest.mark.parametrize("family", ["diagonal", "quadratic"])
def test_excess_risk_is_that_on_fresh_examples(family: str) -> None:
    import torch

    simulation: Any = find(family).protocols()["lbfgs"]
    settings = find(family).settings(d=6, n_train=9)
    context = Context(settings, torch.device("cpu"))
    data, state = simulation.init(context, [Run(settings, 4, 0)])
    theta = simulation.theta(state, data)[0].numpy()
    truth = data["teacher"][0].numpy()
    x = np.random.default_rng(2).standard_normal((400_000, 6))
    if family == "diagonal":
        apart = x @ (theta - truth)
    else:
        gap = theta.reshape(6, 6) - np.diag(truth)
        apart = (((x @ gap) * x).sum(1) - np.trace(gap)) / math.sqrt(6)
    risk = float(simulation.measure(context, state, data)["excess_risk"][0])
    assert risk == pytest.approx((apart**2).mean(), rel=0.02)


@pytest.mark.parametrize("family", ["diagonal", "quadratic"])
def test_gap_bounds_the_distance_from_the_minimum_anywhere(family: str) -> None:
    runs = trained(family, d=8, n_train=30, seeds=3, steps=300, points=20)
    objective, gap = runs["objective"].values, runs["gap"].values
    assert (gap[:, -1] <= 1e-8).all()
    lowest = objective.min(axis=1, keepdims=True)
    assert (objective - lowest <= gap * objective + 1e-9 * lowest).all()
    assert gap[:, 0].min() > 0.01


@pytest.mark.parametrize("family", ["diagonal", "quadratic"])
@pytest.mark.parametrize("protocol", ["gradient_descent", "adam"])
def test_slow_optimisers_get_there_and_say_so_where_they_do_not(family: str, protocol: str) -> None:
    base = {"d": 6, "n_train": 40, "weight_decay": 2.0, "seeds": 2, "tolerance": 1e-4}
    rate = 0.2 if (family, protocol) == ("diagonal", "gradient_descent") else 0.05
    there = trained(family, protocol=protocol, learning_rate=rate, steps=4000, **base)
    short = trained(family, protocol=protocol, learning_rate=rate, steps=3, **base)
    convex = trained(family, protocol="proximal", **base)
    assert set(there["status"].values) == {"ok"}
    assert set(short["status"].values) == {"not converged"}
    np.testing.assert_allclose(last(there, "excess_risk"), last(convex, "excess_risk"), rtol=0.02)


@pytest.mark.parametrize(("family", "n"), [("diagonal", 120), ("quadratic", 400)])
def test_mean_risk_is_that_of_state_evolution(family: str, n: int) -> None:
    d = 60 if family == "diagonal" else 16
    settings = {"d": d, "n_train": n, "weight_decay": [0.3, 3.0], "seeds": 16}
    runs = trained(family, protocol="proximal", points=2, **settings)
    theory = trainers.theory(trainers.config(family, **settings))
    for at, decay in enumerate((0.3, 3.0)):
        risk = last(runs, "excess_risk")[runs["weight_decay"].values == decay]
        expected = float(theory["excess_risk"].values[at, 0])
        error = risk.std(ddof=1) / math.sqrt(risk.size)
        # finite d: theory is a few per cent low
        assert risk.mean() == pytest.approx(expected, abs=4 * error + 0.06 * expected)


def test_pruned_networks_are_cut_at_the_edge_of_the_bulk() -> None:
    from scalefit.trainers.quadratic.theory import StateEvolution

    settings = {"d": 24, "n_train": 600, "gamma": 1.5, "weight_decay": 0.3, "seeds": 6}
    runs = trained("quadratic", protocol="proximal", prune=True, points=2, **settings)
    delta = float(trainers.theory(trainers.config("quadratic", **settings))["delta"].values[0])
    expected = 2 * float(StateEvolution(24, 1.5).cut(delta).at(2 * delta)[0])
    pruned = last(runs, "pruned_risk")
    error = pruned.std(ddof=1) / math.sqrt(pruned.size)
    assert pruned.mean() == pytest.approx(expected, abs=4 * error + 0.1 * expected)
    assert pruned.mean() != pytest.approx(last(runs, "excess_risk").mean(), rel=0.01)


@pytest.mark.parametrize(
    ("family", "protocol"), [(name, one) for name, all_of in PROTOCOLS.items() for one in all_of]
)
def test_no_step_reads_from_the_device(family: str, protocol: str) -> None:
    import torch

    settings = find(family).settings(d=5, n_train=30, protocol=protocol)
    simulation: Any = find(family).protocols()[protocol]
    context = Context(settings, torch.device("meta"))
    runs = [Run(settings, seed, 0) for seed in range(2)]
    data, state = simulation.init(context, runs)
    state = simulation.update(context, state, data, {}, range(3))
    found = simulation.measure(context, state, data)
    assert found.keys() | {"step"} == simulation.facts(settings).variables.keys()
    assert found["spectrum"].shape == (2, 5)


@pytest.mark.parametrize("family", ["diagonal", "quadratic"])
def test_a_rate_that_is_too_large_ends_as_diverged(family: str) -> None:
    base = {"d": 6, "n_train": 40, "seeds": 2, "steps": 200, "protocol": "gradient_descent"}
    runs = trained(family, learning_rate=[0.02, 50.0], **base)
    status = runs["status"].values[runs["learning_rate"].values == 50.0]
    assert status.tolist() == ["diverged"] * 2
    assert np.isnan(last(runs, "excess_risk")).tolist() == [False, False, True, True]


def test_an_optimiser_that_goes_on_at_the_minimum_stays_there() -> None:
    base = {"d": 6, "n_train": 60, "weight_decay": 0.3, "seeds": 4}
    far = trained("quadratic", tolerance=1e-300, steps=700, points=4, **base)
    near = trained("quadratic", protocol="proximal", **base)
    np.testing.assert_allclose(last(far, "excess_risk"), last(near, "excess_risk"), rtol=1e-4)


def test_settings_are_checked_and_decay_is_converted() -> None:
    assert Diagonal(n_train=80, weight_decay=0.5, convention="mean").decay == 20.0
    assert Quadratic(d=10, n_train=80, weight_decay=0.5, convention="mean").decay == 2.0
    assert Quadratic(d=10, n_train=80).derived() == {"n_eff": 8.0, "lambda": 1.0}
    with pytest.raises(ConfigError, match="take teacher='fixed'"):
        Diagonal(signed=False)
