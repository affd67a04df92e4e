from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import two_layer
from scipy.special import erf

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.committee import last_phase, linear_units, stiff_solver, theory
from scalefit.trainers.committee.equations_of_motion import Full, Symmetric
from scalefit.trainers.committee.gaussian_averages import RESOLUTION, averages
from scalefit.trainers.committee.spectrum import beyond, eigenvalues, trained, window


@pytest.mark.parametrize(
    ("kind", "count"),
    [pytest.param("ODE", 30, marks=pytest.mark.slow), ("LINODE", 36), ("LINREC", 30),
     ("LINEXP", 10), ("FLOOR", 12), ("PLAT", 18),
     ("PLATETA", 54), ("ESC", 6), ("ETACERF", 5), pytest.param("PLEN", 28, marks=pytest.mark.slow),
     pytest.param("SPEC", 32, marks=pytest.mark.slow)],
)  # fmt: skip
def test_rows_of_the_reference(reference: Path, kind: str, count: int) -> None:
    rows = 0
    for name, group in two_layer.groups(reference / "two_layer_reference.csv").items():
        if name.split("-")[0] != kind:
            continue
        found = two_layer.values(name, group)
        for row, value in zip(group, found, strict=True):
            assert value == pytest.approx(float(row["value"]), rel=two_layer.tolerance(row)), row
        rows += len(group)
    assert rows == count


@pytest.mark.parametrize("activation", ["erf", "linear"])
def test_averages_against_samples(activation: str) -> None:
    K, M, n = 2, 3, 400_000
    rng = np.random.default_rng(5)
    root = rng.normal(size=(K + M, K + M)) / 2
    cov = root @ root.T
    Q, R, T = cov[:K, :K], cov[:K, K:], cov[K:, K:]
    z = rng.normal(size=(n, K + M)) @ root.T
    bend = erf(z / math.sqrt(2)) if activation == "erf" else z
    slope = math.sqrt(2 / math.pi) * np.exp(-(z**2) / 2) if activation == "erf" else np.ones_like(z)
    error = bend[:, K:].sum(1) / math.sqrt(M) - bend[:, :K].sum(1) * math.sqrt(M) / K
    delta = math.sqrt(M) / K * slope[:, :K] * error[:, None]
    A, C, V = averages(Q, R, T, activation)

    def close(samples: np.ndarray, expected: np.ndarray) -> None:
        spread = samples.std(axis=0) / math.sqrt(n)
        assert np.all(np.abs(samples.mean(axis=0) - expected) < 4 * spread)

    close(error**2 / 2, theory.test_loss(Q, R, T, activation))
    close(delta[:, :, None] * delta[:, None, :], V)
    # <delta z> = (A, C) <z z>: with the inverse covariance on both sides, A and C themselves
    close(delta[:, :, None] * np.linalg.solve(cov, z.T).T[:, None, :], np.hstack([A, C]))


def test_torch_and_numpy_have_one_formula() -> None:
    torch = pytest.importorskip("torch")
    root = np.random.default_rng(1).normal(size=(3, 5, 5))
    root[:, 2:] = root[0, 2:]
    cov = root @ root.swapaxes(-1, -2)
    parts = cov[:, :2, :2], cov[:, :2, 2:], cov[0, 2:, 2:]
    tensors = [torch.tensor(part) for part in parts]
    for activation in ("erf", "linear"):
        here, there = averages(*parts, activation), averages(*tensors, activation)
        for one, other in zip(here, there, strict=True):
            np.testing.assert_allclose(other.numpy(), one, rtol=1e-12)
        loss = theory.test_loss(*tensors, activation).numpy()
        np.testing.assert_allclose(loss, theory.test_loss(*parts, activation), rtol=1e-12)


@pytest.mark.parametrize("K", [1, 2, 3, 5])
def test_units_that_are_alike_give_the_equations_of_any_units(K: int) -> None:
    rng = np.random.default_rng(K)
    rates, weights = rng.uniform(0.1, 1, 3), rng.uniform(0.1, 0.4, 3)
    modes = min(K, 2)
    small = Symmetric(rates, weights, 0.7, K, 0.9)
    large = Full(rates, weights, 0.7, np.tile(np.eye(K), (3, 1, 1)), 0.9 * np.eye(K), "erf", K)
    state = rng.uniform(0.3, 0.5, (3, modes, 2)) * [1, 0.5]
    full = np.concatenate([_matrix(state[..., 0], K), _matrix(state[..., 1], K)], -1)
    found = small.rate(state, small.coefficients(small.means(state)))
    expected = large.rate(full, large.coefficients(large.means(full)))
    again = np.concatenate([_matrix(found[..., 0], K), _matrix(found[..., 1], K)], -1)
    np.testing.assert_allclose(again, expected, rtol=1e-11, atol=1e-14)


def _matrix(modes: np.ndarray, K: int) -> np.ndarray:
    ones = np.ones((K, K)) / K
    return modes[:, :1, None] * ones + modes[:, -1:, None] * (np.eye(K) - ones)


def test_steps_are_of_order_four_and_their_linear_systems_are_solved() -> None:
    rng = np.random.default_rng(3)
    spectrum = eigenvalues(3, 1.0)
    T = np.diag([1.0, 0.7, 0.4])
    blocks = Full(spectrum, spectrum / 3, 1.0, np.tile(T, (3, 1, 1)), T, "erf", 2)
    start = np.tile(np.hstack([0.3 * np.eye(2), rng.uniform(0, 0.3, (2, 3))]), (3, 1, 1))

    def end(steps: int) -> np.ndarray:
        state = start
        for _ in range(steps):
            state, _ = stiff_solver.advance(blocks, state, blocks.means(state), 4 / steps)
        return state

    best = end(256)
    errors = [np.abs(end(steps) - best).max() for steps in (16, 32, 64)]
    # a wrong Jacobian would leave order 1
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) > 3.6)


@pytest.mark.parametrize(("K", "M", "share"), [(2, 2, 1.0), (3, 2, 0.7), (2, 5, 0.4)])
def test_linear_units_in_closed_form_solve_the_equations(K: int, M: int, share: float) -> None:
    spectrum, times = eigenvalues(8, 1.0), [0.0, 0.1, 1, 10, 100]
    rates = {"learning_rate": 0.3, "init_scale": 0.7}
    closed = linear_units.path(spectrum, times, K=K, M=M, share=share, **rates)
    stepped = theory.flow(
        spectrum, 0.49 * np.eye(K), np.zeros((K, M)), np.eye(M), times,
        learning_rate=0.3, activation="linear", trained=trained(8, share),
    )  # fmt: skip
    for one, other in zip(closed, stepped, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-8)
    last = theory.floor(spectrum, learning_rate=0.3 * M / K, share=share)
    assert linear_units.path(
        spectrum, [1e6], K=K, M=M, share=share, **rates
    ).test_loss == pytest.approx(last, abs=1e-14)


def test_recursion_is_what_stepping_gives() -> None:
    N, L, batch, rate, share = 24, 6, 3, 0.8, 0.6
    spectrum = eigenvalues(L, 0.5)
    every = np.repeat(spectrum, N // L)
    seen = np.arange(N) < share * N
    e = np.where(seen, 1.3, 1.0)
    losses = []
    for _ in range(50):
        losses.append(every @ e / (2 * N))
        size = rate * every / N
        change = -2 * batch * size * e + (batch * (batch - 1) + 2 * batch) * size**2 * e
        e = e + np.where(seen, change + rate**2 * batch / N**2 * every * (every @ e), 0)
    shared = {"learning_rate": rate, "batch": batch, "start": 1.3, "share": np.mean(seen)}
    found = theory.recursion(spectrum, N, range(50), **shared)
    np.testing.assert_allclose(found, losses, rtol=1e-12)


def test_recursion_where_the_first_direction_alone_diverges() -> None:
    N, rate = 16, 4.0
    spectrum = eigenvalues(N, 1.0)
    size = rate * spectrum / N
    assert size[0] > 1
    e, losses = np.ones(N), []
    for _ in range(12):
        losses.append(spectrum @ e / (2 * N))
        e = e + (-2 * size + 2 * size**2) * e + rate**2 / N**2 * spectrum * (spectrum @ e)
    found = theory.recursion(spectrum, N, range(12), learning_rate=rate)
    np.testing.assert_allclose(found, losses, rtol=1e-9)


@pytest.mark.slow
def test_escape_does_not_depend_on_the_checkpoints() -> None:
    few, many = (
        float(trainers.theory(trainers.config("committee", duration=4000, points=points, seeds=1))[
            "escape_time"
        ].item())
        for points in (5, 400)
    )  # fmt: skip
    assert few == pytest.approx(many, rel=0.01)


def test_losses_of_erf_units_stay_positive() -> None:
    """Towards 0 the difference of overlaps is left with rounding, of either sign."""
    config = trainers.config("committee", learning_rate=1.0, duration=2000, points=30, seeds=1)
    loss = trainers.theory(config)["test_loss"].values
    assert loss.min() >= RESOLUTION


@pytest.mark.parametrize(("N", "batch"), [(None, 1), (64, 1), (64, 8)])
def test_linear_loss_falls_below_the_critical_rate_and_grows_above(
    N: int | None, batch: int
) -> None:
    spectrum = eigenvalues(64, 1.0)
    critical = theory.critical_linear(spectrum, N, batch=batch)
    for factor, falls in [(0.99, True), (1.01, False)]:
        rate = {"learning_rate": factor * critical}
        if N is None:
            ends = theory.loss(spectrum, [1e3, 2e3], **rate)
        else:
            steps = [10**4, 2 * 10**4]
            ends = theory.recursion(spectrum, N, steps, batch=batch, **rate)
        assert (ends[1] < ends[0]) == falls


def test_incomplete_gamma_functions_are_the_sum() -> None:
    L, beta = 2048, 1.0
    low, high = window(eigenvalues(L, beta), 1.0)
    times = np.geomspace(50 * low, 0.02 * high, 9)
    exact = linear_units.early(L, beta, times, learning_rate=1.0)
    np.testing.assert_allclose(
        linear_units.smooth(L, beta, times, learning_rate=1.0), exact, rtol=5e-3
    )


@pytest.mark.parametrize(("beta", "rate"), [(1.0, 0.5), (1.0, 1.0), (2.0, 1.0)])
def test_finite_learning_rates_raise_the_amplitude(beta: float, rate: float) -> None:
    spectrum = eigenvalues(4096, beta)
    low, high = window(spectrum, rate)
    times = np.geomspace(3e3 * low, 0.01 * high, 5)
    ratio = theory.loss(spectrum, times, learning_rate=rate) + linear_units.tail(
        4096, beta, learning_rate=rate
    )
    ratio /= linear_units.early(4096, beta, times, learning_rate=rate) + linear_units.tail(
        4096, beta
    )
    assert ratio == pytest.approx(1 / (1 - rate / 2), rel=5e-3)


@pytest.mark.parametrize(("K", "M"), [(3, 2), (2, 3), (4, 4)])
def test_plateau_and_escape_of_the_full_equations(K: int, M: int) -> None:
    rate, start = 0.2, 1e-5 * np.random.default_rng(0).normal(size=(K, M))
    s = theory.escape_rate(np.ones(1), K, M, rate)
    times = np.array([0.0, 4.0, 5.0]) / s
    path = theory.flow(np.ones(1), 1e-4 * np.eye(K), start, np.eye(M), times, learning_rate=rate)
    assert path.test_loss[1] == pytest.approx(theory.plateau(K, M, rate).test_loss, rel=1e-3)
    apart = path.R - path.R.mean(-1, keepdims=True)
    apart -= apart.mean(-2, keepdims=True)
    size = np.linalg.norm(apart, axis=(1, 2))
    assert math.log(size[2] / size[1]) == pytest.approx(1, rel=5e-3)


def test_no_plateau_at_large_learning_rates() -> None:
    assert theory.plateau(2, 2, 3.0).test_loss > 0.02
    assert math.isnan(theory.plateau(2, 2, 5.0).test_loss)
    assert math.isnan(theory.escape_rate(np.ones(1), 2, 2, 5.0))


@pytest.mark.parametrize(
    ("beta", "expected"), [(0.5, (10.2, 26.6, 91)), (1, (4.8, 9.8, 25)), (2, (2.6, 4.2, 8))]
)
def test_eigenvalues_beyond_which_there_is_no_plateau(
    beta: float, expected: tuple[float, ...]
) -> None:
    found = [theory.crossover(K, K, beta) for K in (2, 4, 10)]
    np.testing.assert_allclose(found, expected, rtol=0.03)


def test_last_phase_meets_the_full_solution() -> None:
    spectrum = eigenvalues(256, 1.0)
    _, high = window(spectrum, 0.1 * last_phase.slowest(2))
    times = np.geomspace(0.02 * high, 2 * high, 6)
    start = 1e-4 * np.eye(2), 1e-3 * (np.eye(2) - 0.5), np.eye(2)
    path = theory.flow(spectrum, *start, times, learning_rate=0.1)
    last = theory.specialised(spectrum, times, K=2, learning_rate=0.1)
    np.testing.assert_allclose(last, path.test_loss, rtol=0.04)


@pytest.mark.parametrize("K", [1, 2, 5])
def test_last_phase_lacks_what_comes_after_the_last_eigenvalue(K: int) -> None:
    L, beta, more, rate = 64, 1.0, 2**20, 0.1
    spectrum = eigenvalues(L, beta)
    longer = spectrum[0] * np.arange(1.0, more + 1) ** -(1 + beta)
    together, _ = last_phase.curvatures(K)
    times = [1e-4 * K / (rate * together * spectrum[-1])]  # nothing of it is learned yet
    whole = theory.specialised(longer, times, K=K, learning_rate=rate) * more / L
    lacking = whole - theory.specialised(spectrum, times, K=K, learning_rate=rate)
    assert lacking == pytest.approx(last_phase.tail(L, beta, K), rel=1e-3)


def test_landmarks_are_those_of_the_directions_that_are_trained() -> None:
    # of two eigenvalues with eight directions each, the first and half of the second
    shared: dict[str, Any] = {"N": 16, "L": 2, "trainable": 12, "duration": 1, "points": 2}
    every = np.repeat(eigenvalues(2, 1.0), 8)[:12]
    bent = trainers.theory(trainers.config("committee", init_scale=0.3, **shared))
    assert bent["D0"].item() == pytest.approx(0.3 * np.linalg.norm(every) / 16)
    shared |= {"L": 4, "trainable": 6, "activation": "linear", "K": 4}
    straight = trainers.theory(trainers.config("committee", learning_rate=0.2, **shared))
    ends = straight["alpha_lo"].item(), straight["alpha_hi"].item()
    assert ends == pytest.approx(window(eigenvalues(4, 1.0)[:2], 0.2 * 2 / 4))


def test_linear_units_learn_below_the_critical_rate_and_not_above() -> None:
    rates = [3.9, 4.1]  # 2 K / M is 4
    config = trainers.config(
        "committee", activation="linear", K=4, M=2, learning_rate=rates, duration=1000, points=9
    )
    curves = trainers.theory(config)
    loss = curves["test_loss"].values
    assert loss[0, -1] < loss[0, 0]
    assert loss[1, -1] > loss[1, 0]
    assert curves["critical_rate"].values == pytest.approx([4, 4])


def test_tail_of_linear_units_is_in_proportion_to_their_first_loss() -> None:
    config = trainers.config(
        "committee", activation="linear", K=4, M=2, L=8, init_scale=0.7, learning_rate=1e-3,
        duration=1, points=2,
    )  # fmt: skip
    found = trainers.theory(config).isel(run=0)
    first = float(found["test_loss"][0])
    assert float(found["tail"]) == pytest.approx(first * beyond(8, 1.0), rel=1e-3)


@pytest.mark.slow
def test_trajectory() -> None:
    config = trainers.config(
        "committee", L=[1, 8], N=[64], K=2, M=2, duration=400, points=30, learning_rate=0.5,
        protocol="sgd", teacher=["orthonormal", "gaussian"],
    )  # fmt: skip
    found = trainers.theory(config)
    assert found.sizes["run"] == 2
    assert found["Q"].dims == ("run", "point", "unit", "other_unit")
    assert found["R"].dims == ("run", "point", "unit", "teacher_unit")
    assert found["time"].values[:, -1] == pytest.approx(400)
    loss = theory.test_loss(found["Q"].values, found["R"].values, np.eye(2), "erf")
    np.testing.assert_allclose(loss, found["test_loss"].values, rtol=1e-12)
    one = found.isel(run=1)
    assert float(one["T2"]) == pytest.approx(float(np.mean(eigenvalues(8, 1.0) ** 2)))
    assert float(one["D0"]) == pytest.approx(0.01 * math.sqrt(float(one["T2"]) / 64))
    at = np.interp(float(one["escape_time"]), one["time"], one["test_loss"])
    assert at == pytest.approx(float(one["plateau_height"]) / 2, rel=0.2)
    assert "teacher" not in found.coords


@pytest.mark.parametrize(
    ("settings", "status", "known"),
    [
        ({"activation": "linear"}, "ok", {"alpha_lo", "alpha_hi", "tail", "floor"}),
        ({"activation": "linear", "trainable": 20}, "ok", {"alpha_lo", "alpha_hi", "floor"}),
        ({"activation": "linear", "learning_rate": 2.5, "duration": 1e4}, "diverged", {"alpha_lo"}),
        ({"K": 1}, "ok", {"D0", "plateau_height", "floor"}),
        ({"K": 3}, "ok", {"D0", "plateau_height", "escape_rate", "crossover_L"}),
        ({"trainable": 20}, "ok", {"D0"}),
    ],
)
def test_what_is_known_of_each_kind(
    settings: dict[str, float], status: str, known: set[str]
) -> None:
    config = trainers.config(
        "committee", **{"N": 64, "L": 4, "duration": 20, "points": 6} | settings
    )
    found = trainers.theory(config).isel(run=0)
    assert found["status"].item() == status
    shown = {name for name in theory.LANDMARKS if np.isfinite(found[name].item())}
    assert known <= shown
    assert ("tail" in shown) <= ("tail" in known)


def test_times_must_increase() -> None:
    with pytest.raises(ConfigError, match="'times' must be >= 0 and increase"):
        theory.flow(np.ones(1), np.eye(2), np.eye(2), np.eye(2), [2, 1], learning_rate=0.1)
