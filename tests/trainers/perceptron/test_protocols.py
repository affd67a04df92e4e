from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from scalefit import trainers
from scalefit.trainers.perceptron import theory

pytestmark = pytest.mark.train

N = 40
ONLINE = ["hebb", "rosenblatt", "relative_stability", "adatron"]


def simulate(**settings: Any) -> xr.Dataset:
    return trainers.run(trainers.config("perceptron", **({"N": N} | settings)), device="cpu")


def data(load: float, seed: int, law: str = "gaussian") -> tuple[NDArray[Any], NDArray[Any]]:
    from scalefit.trainers.perceptron.data import draw

    return draw(N, round(load * N), run_seed=seed, seed=0, law=law)


def log_loss(u: NDArray[Any], examples: NDArray[Any], norm: float) -> tuple[float, NDArray[Any]]:
    """Return log of the summed loss, and its gradient, of the direction of u at this norm."""
    length = np.linalg.norm(u)
    z = 2 * norm * math.sqrt(N) * (examples @ u) / length
    losses = np.where(z > 30, -z, np.log(np.log1p(np.exp(-np.minimum(z, 30)))))
    total = logsumexp(losses)
    pull = np.exp(-np.logaddexp(0, z) - total) @ examples
    gradient = -2 * norm * math.sqrt(N) / length * (pull - (pull @ u) * u / length**2)
    return float(total), gradient


@pytest.mark.parametrize("load", [0.5, 5])
@pytest.mark.parametrize("law", ["gaussian", "rademacher"])
def test_fixed_norm_is_the_minimum_that_another_method_finds(load: float, law: str) -> None:
    norms = [0.1, 2.0, 30.0]
    curves = simulate(protocol="fixed_norm", load=load, inputs=law, seeds=2, norm=norms)
    assert curves["norm"].values.tolist() == [norms] * 2
    for seed in (0, 1):
        examples, teacher = data(load, seed, law)
        u = examples.sum(axis=0)
        for point, norm in enumerate(norms):
            u = minimize(
                log_loss, u, (examples, norm), "L-BFGS-B", jac=True,
                options={"ftol": 1e-15, "gtol": 1e-8, "maxcor": 20},
            ).x  # fmt: skip
            overlap = u @ teacher / np.linalg.norm(u)
            found = curves.isel(run=seed, point=point)
            assert float(found["test_error"]) == pytest.approx(math.acos(overlap) / math.pi, 1e-5)
            stability = math.sqrt(N) * (examples @ u) / np.linalg.norm(u)
            assert float(found["margin"]) == pytest.approx(stability.min(), abs=1e-5)
            loss = np.logaddexp(0, -2 * norm * stability).mean()
            assert float(found["train_loss"]) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("norms", [[1e4], [0.001, 300], list(np.geomspace(0.1, 1000, 21))])
def test_any_ladder_of_norms_converges(norms: list[float]) -> None:
    curves = simulate(protocol="fixed_norm", load=[0.5, 2, 20], seeds=3, norm=norms)
    assert set(curves["status"].values) == {"ok"}
    assert np.isfinite(curves.to_dataarray()).all()


def test_what_has_not_converged_is_nan() -> None:
    import torch

    from scalefit.trainers.perceptron.fixed_norm import FixedNorm
    from scalefit.trainers.protocol import Context
    from scalefit.trainers.sweep import expand

    config = trainers.config("perceptron", protocol="fixed_norm", N=N, seeds=2, norm=[1, 50])
    runs = expand(config, 0)
    fixed = FixedNorm()
    here = Context(config.points[0], torch.device("cpu"))
    found, state = fixed.init(here, runs)
    steps = fixed.facts(config.points[0]).checkpoints[-1]
    state = fixed.update(here, state, found, {}, range(steps))
    state["student"][0, 0] += 0.1
    measured = fixed.measure(here, state, found)["test_error"]
    assert measured[0].isnan()
    assert measured[1].isfinite()


@pytest.mark.slow
def test_fixed_norm_agrees_with_theory() -> None:
    # 3 standard errors of the mean, four rows: false alarm 1 in 90, for one draw
    norms = [0.5, 5.0]
    for law in ("gaussian", "rademacher"):
        config = {"protocol": "fixed_norm", "load": 5, "inputs": law, "norm": norms, "N": 200}
        curves = simulate(**config, seeds=20)
        expected = trainers.theory(trainers.config("perceptron", **config))
        for name in ("test_error", "train_loss"):
            found = curves[name].values
            error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
            assert (np.abs(found.mean(axis=0) - expected[name].values[0]) < 3 * error).all(), name


def test_rademacher_inputs_are_signs() -> None:
    examples, _ = data(5, 0, "rademacher")
    np.testing.assert_allclose(np.abs(examples), 1 / math.sqrt(N), rtol=1e-14)
    other, _ = data(5, 0)
    assert np.unique(np.abs(other)).size == other.size


def test_every_protocol_leaves_no_work_to_the_host() -> None:
    import torch

    from scalefit.trainers.perceptron.simulate import SIMULATIONS
    from scalefit.trainers.protocol import Context
    from scalefit.trainers.sweep import expand

    for protocol, simulation in SIMULATIONS.items():
        for extra in ({}, {"shared_inputs": True}, {"step_rule": "norm"}):
            config = trainers.config(
                "perceptron", protocol=protocol, N=6, load=2, seeds=2, norm=[1, 2], **extra
            )
            here = Context(config.points[0], torch.device("cpu"))
            found, state = simulation.init(here, expand(config, 0))
            there = Context(config.points[0], torch.device("meta"))
            # the meta device has shapes but no values: reading one, or mixing in the CPU, raises
            moved = [
                {name: one.to("meta") for name, one in part.items()} for part in (found, state)
            ]
            state = simulation.update(there, moved[1], moved[0], {}, range(3))
            for one in simulation.measure(there, state, moved[0]).values():
                assert one.device.type == "meta"
                assert one.shape == (2,)


@pytest.mark.parametrize("protocol", ["fixed_norm", *ONLINE])
def test_shared_inputs_give_what_own_inputs_give(protocol: str) -> None:
    import torch

    from scalefit.trainers.perceptron.simulate import SIMULATIONS
    from scalefit.trainers.protocol import Context
    from scalefit.trainers.sweep import expand

    simulation = SIMULATIONS[protocol]
    config = trainers.config(
        "perceptron", protocol=protocol, N=6, load=4, seeds=3, norm=[0.1, 1], shared_inputs=True
    )
    here = Context(config.points[0], torch.device("cpu"))
    shared, state = simulation.init(here, expand(config, 0))
    own = {**shared, "examples": shared["labels"][..., None] * shared["inputs"]}
    del own["inputs"], own["labels"]
    ends = [simulation.update(here, state, one, {}, range(14))["student"] for one in (shared, own)]
    torch.testing.assert_close(*ends, rtol=1e-9, atol=1e-12)


@cache
def descents() -> xr.Dataset:
    steps = {
        "learning_rate": [0.1, 0.1],
        "steps": [20_000, 2000],
        "step_rule": ["constant", "norm"],
    }
    return simulate(load=6, seeds=3, points=200, zip=steps)


@pytest.mark.slow
def test_steps_that_grow_with_the_norm_follow_the_path_of_constant_ones() -> None:
    curves = descents()
    norms = np.geomspace(0.3, 8, 12)
    for seed in range(3):
        found: dict[str, dict[str, NDArray[Any]]] = {}
        for rule in ("constant", "norm"):
            chosen = (curves["seed"] == seed) & (curves["step_rule"] == rule)
            run = curves.isel(run=int(np.flatnonzero(chosen)[0])).dropna("point")
            assert run["norm"].values[-1] > 8
            found[rule] = {
                name: np.interp(np.log(norms), np.log(run["norm"]), np.log(run[name]))
                for name in ("test_error", "train_loss", "time")
            }
        for name, values in found["constant"].items():
            # both follow the flow to first order in the step; time, by a whole first step
            atol = 0.1 if name == "time" else 0.02
            np.testing.assert_allclose(found["norm"][name], values, atol=atol, err_msg=name)


def test_constant_steps_count_time_as_growing_ones_do() -> None:
    curves = simulate(load=2, seeds=1, steps=6, points=60, learning_rate=0.2, step_rule="norm")
    run = curves.isel(run=0)
    before = np.concatenate([[0.0], run["norm"].values[:-1]])
    np.testing.assert_allclose(run["time"], np.cumsum(0.2 * (1 + before)), rtol=1e-12)


@pytest.mark.slow
def test_late_norm_grows_with_the_logarithm_of_time() -> None:
    # the margin is that of the same data, at the minimiser of large norm
    late = simulate(load=5, seeds=2, steps=20_000, points=40, step_rule="norm")
    ends = simulate(protocol="fixed_norm", load=5, seeds=2, norm=1000)
    norm, time = late["norm"].values, np.log(late["time"].values)
    slope = (norm[:, -1] - norm[:, -5]) / (time[:, -1] - time[:, -5])
    np.testing.assert_allclose(slope, 1 / (2 * ends["margin"].values[:, 0]), rtol=0.1)


@pytest.mark.parametrize("protocol", ONLINE)
def test_online_rules_equal_a_plain_loop(protocol: str) -> None:
    load, rate, steps = 3, 0.7, 250
    curves = simulate(
        protocol=protocol, load=load, seeds=2, learning_rate=rate, steps=steps, points=5
    )
    threshold = 0.9 * theory.limits(load).max_stability_margin
    for seed in (0, 1):
        examples, teacher = data(load, seed)
        u, given = np.zeros(N), np.zeros(len(examples))
        run = curves.isel(run=seed)
        for step in range(steps):
            index = step % len(examples)
            field, norm = examples[index] @ u, np.linalg.norm(u) / math.sqrt(N)
            if protocol == "adatron":
                change = max(rate * (1 - field), -given[index])
                given[index] += change
            else:
                limit = {"hebb": math.inf, "rosenblatt": 0.0}.get(protocol, threshold * norm)
                change = rate * (field <= limit)
            u = u + change * examples[index]
            if step + 1 in run["step"]:
                point = run.isel(point=int(np.flatnonzero(run["step"] == step + 1)[0]))
                overlap = u @ teacher / np.linalg.norm(u)
                assert float(point["overlap"]) == pytest.approx(overlap, rel=1e-10)
                assert float(point["norm"]) == pytest.approx(
                    np.linalg.norm(u) / math.sqrt(N), rel=1e-10
                )
                assert float(point["time"]) == pytest.approx(rate * (step + 1) / N)


def test_one_pass_of_hebb_is_the_first_step_of_descent() -> None:
    hebb = simulate(protocol="hebb", load=4, seeds=3, learning_rate=0.5, steps=4 * N, points=2)
    # all P examples with rate 1 / 2 take a time of 2; so does one step of that rate
    descent = simulate(load=4, seeds=3, learning_rate=2, steps=1, points=2)
    np.testing.assert_allclose(hebb["time"][:, -1], descent["time"][:, 0])
    for name in ("norm", "test_error", "margin"):
        np.testing.assert_allclose(hebb[name][:, -1], descent[name][:, 0], rtol=1e-10)


@pytest.mark.slow
def test_where_the_rules_end() -> None:
    common: dict[str, Any] = {"load": 3, "seeds": 3, "N": 20}
    hard = simulate(protocol="fixed_norm", norm=[1e-3, 5000], **common)
    most = hard["margin"].values[:, 1]

    hebb = simulate(protocol="hebb", steps=60, points=2, **common)
    np.testing.assert_allclose(hebb["test_error"][:, -1], hard["test_error"][:, 0], rtol=1e-3)

    adatron = simulate(protocol="adatron", learning_rate=1, steps=50_000, points=2, **common)
    np.testing.assert_allclose(adatron["margin"][:, -1], most, rtol=1e-3)
    np.testing.assert_allclose(adatron["norm"][:, -1], 1 / most, rtol=1e-3)
    np.testing.assert_allclose(adatron["test_error"][:, -1], hard["test_error"][:, 1], rtol=1e-3)

    rosenblatt = simulate(protocol="rosenblatt", steps=5000, points=2, **common)
    assert (rosenblatt["train_error"][:, -1] == 0).all()
    relative = simulate(
        protocol="relative_stability", stability=0.5, steps=5000, points=2, **common
    )
    wanted = 0.5 * theory.limits(3).max_stability_margin
    assert (relative["margin"][:, -1] >= wanted).all()
    assert (relative["margin"][:, -1] < most).all()
