from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.families import simulation
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.sweep import expand

pytestmark = pytest.mark.train


def simulate(**settings: Any) -> xr.Dataset:
    return trainers.run(trainers.config("random_features", **settings), device="cpu")


def drawn(run: Run) -> tuple[Any, ...]:
    """Return the inputs, projections, roots of spectrum and power, signs and noise of a run."""
    from scalefit.trainers.random_features import draws

    one = draws.settings_of(run)
    modes = one.kernel(whole=True)
    part = slice(0, one.size)
    return (
        draws.normals(run, "inputs", one.n_train, part),
        draws.normals(run, "features", one.n_params, part),
        np.sqrt(modes.eigenvalue),
        np.sqrt(modes.power),
        draws.signs(run, one.size),
        draws.label_noise(run, one.n_train),
    )


def by_hand(run: Run) -> tuple[float, float]:
    """Return test and training loss of a run with a target of its own, by least squares."""
    one: Any = run.settings
    G, F, scale, amplitude, signs, normal = drawn(run)
    A = scale * F / math.sqrt(one.n_params) if one.n_params else np.diag(scale)
    target = amplitude * signs
    Z, y = G @ A.T, G @ target + math.sqrt(one.noise) * normal
    D, P = Z.shape
    tall = np.vstack([Z, math.sqrt(D * one.ridge) * np.eye(P)])
    theta = np.linalg.lstsq(tall, np.concatenate([y, np.zeros(P)]), rcond=None)[0]
    return float(np.sum((target - A.T @ theta) ** 2)), float(np.mean((y - Z @ theta) ** 2))


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 0.1])
@pytest.mark.parametrize(("D", "P"), [(30, 12), (12, 30), (20, 20), (30, 0)])
def test_minimisers_are_those_of_least_squares(D: int, P: int, ridge: float) -> None:
    wanted = {"n_train": D, "n_params": P, "ridge": ridge, "noise": 0.2, "modes": 90}
    config = trainers.config(
        "random_features", **wanted, averaged=False, teacher=0.4, exponent=0.6, seeds=3
    )
    found = trainers.run(config, device="cpu")
    for at, run in enumerate(expand(config, 0)):
        test, train = by_hand(run)
        assert float(found["test_loss"][at, 0]) == pytest.approx(test, rel=1e-8)
        assert float(found["train_loss"][at, 0]) == pytest.approx(train, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("features", ["linear", "relu"])
def test_losses_averaged_over_targets_are_the_mean_of_many(features: str) -> None:
    from scalefit.trainers.random_features import moments, solutions

    wanted: dict[str, Any] = {"n_params": 20, "noise": 0.1, "modes": 40, "features": features}
    for D in (15, 30):
        both = [
            expand(trainers.config("random_features", n_train=D, averaged=one, **wanted), 0)[0]
            for one in (True, False)
        ]
        G, F, scale, amplitude, _, _ = drawn(both[0])
        fields = G @ (scale * F).T / math.sqrt(20)
        Z = np.maximum(fields, 0) if features == "relu" else fields
        B = np.linalg.solve(Z.T @ Z / D + 0.01 * np.eye(20), Z.T / D)
        large = np.random.default_rng(0).standard_normal((200_000, 40))
        new = large @ (scale * F).T / math.sqrt(20)
        new = np.maximum(new, 0) if features == "relu" else new
        residual = large * amplitude - new @ (B @ (G * amplitude))  # of each target by itself
        expected = (residual**2).sum(1).mean() + 0.1 * ((new @ B) ** 2).sum(1).mean()
        (_, cell), *_ = moments.cells(both[:1], _cpu())
        test, _ = solutions.factored(cell, 0.01)
        assert float(test) == pytest.approx(expected, rel=0.01)
        one = solutions.solved(cell)
        again, _ = one.losses(one.minimiser(test.new_tensor([[0.01]])))
        assert float(again) == pytest.approx(float(test), rel=1e-9)


def _cpu() -> Any:
    import torch

    return torch.device("cpu")


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 1e-1])
def test_data_and_features_may_change_places_in_every_draw(ridge: float) -> None:
    import torch

    from scalefit.trainers.random_features import moments, solutions

    (run,) = expand(trainers.config("random_features", modes=400, exponent=0.7, seeds=1), 0)
    rng = np.random.default_rng(3)
    one, other = (torch.tensor(rng.standard_normal((n, 400))) for n in (20, 50))
    scale, amplitude = moments.spectrum(run.settings, _cpu())  # type: ignore[arg-type]
    losses = []
    for inputs, fields in ((one, other), (other, one)):
        sums = moments.summed(scale, amplitude, inputs, fields, moments.Wanted())
        D, P = len(inputs), len(fields)
        Z, Y = sums["Z"], sums["Y"]
        start, none = (amplitude**2).sum(), torch.zeros(())
        if D < P:
            parts = Z @ Z.T, sums["X"] @ Z.T, Z @ sums["K"] @ Z.T / P, Y * P
            cell = moments.Cell("examples", *(x / P / D for x in parts), start, none, D)
        else:
            parts = Z.T @ Z, Z.T @ sums["X"], sums["K"], Z.T @ Y @ Z
            cell = moments.Cell("features", *(x / P / D for x in parts), start, none, D)
        flow = solutions.solved(cell)
        times = torch.tensor([[1.0], [100.0], [1e5]], dtype=torch.float64)
        both = flow.losses(flow.minimiser(times.new_tensor([[ridge]])))[0]
        factored = solutions.factored(cell, ridge)[0][None]
        losses.append(torch.cat([both, factored, flow.losses(flow.flow(times))[0]]).numpy())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10)


def test_flow_and_descent_are_those_of_many_small_steps() -> None:
    rate, steps = 0.05, 400
    wanted = {"noise": 0.1, "modes": 60, "averaged": False, "seeds": 2, "points": 5}
    for D, P in ((30, 12), (12, 30), (20, 0)):
        config = trainers.config(
            "random_features", protocol="gradient_descent", n_train=D, n_params=P,
            learning_rate=rate, steps=steps, **wanted,
        )  # fmt: skip
        found = trainers.run(config, device="cpu")
        for at, run in enumerate(expand(config, 0)):
            G, F, scale, amplitude, signs, normal = drawn(run)
            A = scale * F / math.sqrt(P) if P else np.diag(scale)
            target = amplitude * signs
            Z, y = G @ A.T, G @ target + math.sqrt(0.1) * normal
            theta = np.zeros(Z.shape[1])
            for k in range(steps + 1):
                place = np.flatnonzero(found["step"].values[at] == k)
                if place.size:
                    test = np.sum((target - A.T @ theta) ** 2)
                    train = np.mean((y - Z @ theta) ** 2)
                    here = found.isel(run=at, point=int(place[0]))
                    assert float(here["test_loss"]) == pytest.approx(test, rel=1e-9)
                    assert float(here["train_loss"]) == pytest.approx(train, rel=1e-9)
                theta = theta - rate / D * Z.T @ (Z @ theta - y)
        flow = simulate(
            protocol="gradient_flow", n_train=D, n_params=P, duration=rate * steps, **wanted
        )
        last = found["test_loss"].values[:, -1]
        assert flow["test_loss"].values[:, -1] == pytest.approx(last, rel=0.05)


def test_a_grid_in_one_call_is_the_same_runs_one_by_one() -> None:
    wanted: dict[str, Any] = {
        "n_train": [0, 8, 20, 33], "n_params": [0, 5, 20, 40], "ridge": [0, 0.01],
        "noise": 0.1, "modes": 120, "seeds": 2,
    }  # fmt: skip
    config = trainers.config("random_features", **wanted)
    fast = trainers.run(config, device="cpu")
    exact = trainers.run(config, device="cpu", determinism="exact")
    for name in ("test_loss", "train_loss"):
        np.testing.assert_allclose(fast[name], exact[name], rtol=1e-7, atol=1e-10)
    assert set(fast["status"].values) == {"ok"}


def test_the_tuned_ridge_beats_all_others() -> None:
    wanted: dict[str, Any] = {"n_train": [16, 40], "n_params": [40, 0], "modes": 200, "seeds": 2}
    best = simulate(tuned=True, noise=0.2, **wanted)
    penalty = best["penalty"].values[:, 0]
    assert np.all(penalty > 0)
    others = simulate(ridge=np.geomspace(1e-4, 1, 25).tolist(), noise=0.2, **wanted)
    lowest = others["test_loss"].values[:, 0].reshape(2, 2, 25, 2).min(2).ravel()
    assert np.all(best["test_loss"].values[:, 0] <= lowest * (1 + 1e-9))
    assert best["test_loss"].values[:, 0] == pytest.approx(lowest, rel=0.02)


def test_the_tuned_ridge_is_sound_where_the_matrix_is_nearly_singular() -> None:
    config = trainers.config(
        "random_features", exponent=3.0, modes=300, n_train=100, n_params=100, tuned=True, seeds=12
    )
    runs, theory = trainers.run(config, device="cpu"), trainers.theory(config)
    for name in ("test_loss", "penalty"):
        known = theory[name].item()
        np.testing.assert_allclose(runs[name].values, known, rtol=0.4)  # rounding would give 0


@pytest.mark.parametrize("averaged", [False, True])
def test_losses_below_their_rounding_are_not_told(averaged: bool) -> None:
    singular = {"exponent": 2.0, "modes": 10_000, "n_params": 73, "n_train": 73, "seeds": [2138]}
    config = trainers.config("random_features", averaged=averaged, tuned=True, **singular)
    best, known = trainers.run(config, device="cpu", seed=6), trainers.theory(config)
    assert best["test_loss"].item() == pytest.approx(known["test_loss"].item(), rel=0.3)
    bare = trainers.config("random_features", averaged=averaged, ridge=0.0, **singular)
    found = trainers.run(bare, device="cpu", seed=6)
    assert np.isnan(found["test_loss"].item())
    assert found["status"].item() == "diverged"


def test_means_are_those_of_the_theory() -> None:
    config = trainers.config(
        "random_features", n_train=[64, 0], n_params=[32, 128, 0], ridge=[0, 1e-2], noise=0.05,
        modes=800, seeds=12,
    )  # fmt: skip
    runs, theory = trainers.run(config, device="cpu"), trainers.theory(config)
    for name in ("test_loss", "train_loss"):
        values = runs[name].values[:, 0].reshape(12, 12)
        error, known = values.std(1, ddof=1) / math.sqrt(12), theory[name].values[:, 0]
        assert np.all(np.abs(values.mean(1) - known) <= 4 * error + 0.04 * known + 1e-9)


def test_variance_limited_excess_is_exact() -> None:
    wanted: dict[str, Any] = {"exponent": 0.5, "modes": 400, "seeds": 40}
    for small in ("n_train", "n_params"):
        large = {"n_train": "n_params", "n_params": "n_train"}[small]
        found = simulate(**{small: 16, large: [64, 256, 0]}, **wanted)["test_loss"]
        values = found.values[:, 0].reshape(3, 40)
        excess = values[:2] / values[2] - 1
        error = excess.std(1, ddof=1) / math.sqrt(40)
        assert np.all(np.abs(excess.mean(1) - [16 / 47, 16 / 239]) < 4 * error)


@pytest.mark.parametrize("features", ["linear", "relu"])
def test_sgd_takes_the_steps_of_a_loop(features: str) -> None:
    config = trainers.config(
        "random_features", protocol="sgd", n_params=[0, 6] if features == "linear" else 6,
        features=features, batch=3, steps=40, points=5, modes=20, noise=0.1, seeds=2,
    )  # fmt: skip
    found = trainers.run(config, device="cpu")
    sgd = simulation(config.points[0])
    for at, run in enumerate(expand(config, 0)):
        one: Any = run.settings
        _, F, scale, amplitude, signs, _ = drawn_without_data(run)
        A = (F * scale / math.sqrt(6)) if one.n_params else np.diag(scale)
        target, theta = amplitude * signs, np.zeros(len(A))
        for k in range(40):
            fresh = sgd.feed(Context(one, _cpu()), [run], k // 64)
            x, noise = fresh["inputs"][0, k % 64].numpy(), fresh["noise"][0, k % 64].numpy()
            z = np.maximum(x @ A.T, 0) if features == "relu" else x @ A.T
            theta -= 0.1 / 3 * z.T @ (z @ theta - x @ target - math.sqrt(0.1) * noise)
        test = np.random.default_rng(1).standard_normal((200_000, 20))
        seen = np.maximum(test @ A.T, 0) if features == "relu" else test @ A.T
        loss = np.mean((test @ target - seen @ theta) ** 2)
        assert float(found["test_loss"][at, -1]) == pytest.approx(loss, rel=0.03)


def drawn_without_data(run: Run) -> tuple[Any, ...]:
    from scalefit.trainers.random_features import draws

    one = draws.settings_of(run)
    modes, part = one.kernel(whole=True), slice(0, one.size)
    features = draws.normals(run, "features", one.n_params, part)
    signs = draws.signs(run, one.size)
    return None, features, np.sqrt(modes.eigenvalue), np.sqrt(modes.power), signs, None


def test_a_kernel_of_ones_own_is_taken_by_its_eigenvalues() -> None:
    power = (np.arange(1, 81.0) ** -1.7)[::-1].tolist()
    wanted: dict[str, Any] = {"n_train": [10, 40], "n_params": [20, 0], "seeds": 2, "teacher": 0.5}
    own = simulate(spectrum="given", eigenvalues=power, **wanted)
    law = simulate(exponent=0.7, modes=80, **wanted)
    np.testing.assert_allclose(own["test_loss"], law["test_loss"], rtol=1e-9)


def test_nothing_leaves_the_device() -> None:
    import torch

    wanted: dict[str, Any] = {"n_train": [0, 8, 20], "n_params": [0, 12], "modes": 50, "seeds": 2}
    kinds: list[dict[str, Any]] = [
        {"protocol": "minimiser", "tuned": True}, {"protocol": "minimiser", "ridge": 0.1},
        {"protocol": "gradient_flow", "points": 4},
        {"protocol": "gradient_descent", "points": 4, "averaged": False},
    ]  # fmt: skip
    for kind in kinds:
        config = trainers.config("random_features", **kind, **wanted)
        runs, one = expand(config, 0), simulation(config.points[0])
        context = Context(config.points[0], torch.device("meta"))
        data, state = one.init(context, runs)
        measured = one.measure(context, one.update(context, state, data, {}, range(1)), data)
        assert {value.device.type for value in measured.values()} == {"meta"}
        assert {tuple(value.shape) for value in measured.values()} == {(len(runs),)}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"features": "relu", "n_params": 0}, "infinitely many relu features"),
        ({"spectrum": "given"}, "name the kernel's eigenvalues"),
        ({"eigenvalues": [0.5, 1.0]}, "used by spectrum='given'"),
        ({"exponent": 19, "modes": 10**6, "protocol": "sgd"}, None),
        ({"exponent": 20, "modes": 10**6}, None),
        ({"n_train": -1}, "setting 'n_train' is -1"),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, Any], said: str | None) -> None:
    if said is None:
        trainers.config("random_features", **settings)
        return
    with pytest.raises(ConfigError, match=said):
        trainers.config("random_features", **settings)


@pytest.mark.parametrize("protocol", ["sgd", "gradient_descent"])
def test_large_rates_are_cautioned(protocol: str) -> None:
    config = trainers.config("random_features", protocol=protocol, n_params=0, learning_rate=3.0)
    assert "learning_rate=3 is above" in config.points[0].cautions()[0]
