from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import erf

from scalefit import trainers
from scalefit.arrays import Array
from scalefit.errors import ConfigError
from scalefit.trainers.committee.equations_of_motion import flow
from scalefit.trainers.committee.settings import Committee
from scalefit.trainers.committee.spectrum import eigenvalues
from scalefit.trainers.families import simulation
from scalefit.trainers.protocol import Context, Run
from scalefit.trainers.sweep import expand

pytestmark = pytest.mark.train

large_steps = pytest.mark.filterwarnings("ignore:learning_rate=.* makes steps of:UserWarning")


def simulate(**settings: Any) -> xr.Dataset:
    return trainers.run(trainers.config("committee", **settings), device="cpu")


def by_hand(run: Run, inputs: Array) -> list[tuple[float, Array, Array]]:
    """Return loss on many inputs, Q and R after every step, one example at a time."""
    from scalefit.trainers.committee import draws

    one = run.settings
    assert isinstance(one, Committee)
    variance = np.repeat(eigenvalues(one.L, one.beta), one.N // one.L)
    teacher, student = draws.teacher(run), np.zeros((one.K, one.N))
    first = draws.student(run)
    n = first.shape[1]
    student[:, :n] = first
    a_s, a_t = math.sqrt(one.M) / one.K, 1 / math.sqrt(one.M)
    g = {"erf": lambda x: erf(x / math.sqrt(2)), "linear": lambda x: x}[one.activation]
    slope = {
        "erf": lambda x: math.sqrt(2 / math.pi) * np.exp(-(x**2) / 2),
        "linear": np.ones_like,
    }[one.activation]
    test = np.random.default_rng(0).standard_normal((10_000, one.N)) * np.sqrt(variance / one.N)
    taught = a_t * g(test @ teacher.T).sum(1)
    found = []
    for batch in inputs:
        change = np.zeros((one.K, one.N))
        for x in batch:
            field = student @ x
            error = a_t * g(teacher @ x).sum() - a_s * g(field).sum()
            change += one.learning_rate * a_s * error * slope(field)[:, None] * x
        student[:, :n] += change[:, :n]
        loss = float(((taught - a_s * g(test @ student.T).sum(1)) ** 2).mean() / 2)
        weighted = student * variance / one.N
        found.append((loss, weighted @ student.T, weighted @ teacher.T))
    return found


@large_steps
@pytest.mark.parametrize(
    "settings",
    [
        {"activation": "erf", "K": 3, "M": 2},
        {"activation": "linear", "K": 2, "M": 2, "batch": 3, "trainable": 17},
        {"activation": "erf", "K": 2, "M": 3, "batch": 20, "teacher": "gaussian", "L": 30},
        {"activation": "erf", "K": 1, "M": 1, "L": 30, "trainable": 1},
    ],
)
def test_sgd_does_what_is_written_down(settings: dict[str, Any]) -> None:
    import torch

    settings = {"N": 30, "L": 3, "learning_rate": 0.5, "init_scale": 0.7, **settings}
    time = 40 * settings.get("batch", 1) / 30
    config = trainers.config("committee", seeds=2, duration=time, points=99, **settings)
    runs = expand(config, 0)
    one = simulation(runs[0].settings)
    inputs = (
        one.feed(Context(runs[0].settings, torch.device("cpu")), runs, 0)["inputs"].double().numpy()
    )
    curves = trainers.run(config, device="cpu")
    steps = curves["step"].values[0].astype(int)
    assert steps[-1] == 40
    for index, run in enumerate(runs):
        expected = by_hand(run, inputs[index, :40])
        for point, step in enumerate(steps):
            loss, Q, R = expected[step - 1]
            at = curves.isel(run=index, point=point)
            np.testing.assert_allclose(at["Q"], Q, rtol=1e-10, atol=1e-13)
            np.testing.assert_allclose(at["R"], R, rtol=1e-10, atol=1e-13)
            assert float(at["test_loss"]) == pytest.approx(loss, rel=0.05)
    assert curves["time"].values[:, -1] == pytest.approx(time)


@pytest.mark.parametrize("activation", ["erf", "linear"])
@pytest.mark.parametrize("batch", [1, 5, 32])
def test_machine_code_and_torch_give_the_same_answers(activation: str, batch: int) -> None:
    import torch

    from scalefit.trainers.committee.several_steps import with_numba, with_torch

    draw = np.random.default_rng(3).standard_normal
    arrays = [draw((4, 3, 32)), draw((4, 32)), draw((4, 32, 32)) / 32]
    one, other = (
        solve(*(torch.tensor(each) for each in arrays), batch, activation)
        for solve in (with_numba, with_torch)
    )
    np.testing.assert_allclose(one, other, rtol=1e-11)


def scores(found: Array, expected: Array | float) -> Array:
    """Return how many standard errors the mean over runs is off."""
    error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
    return np.asarray(np.abs(found.mean(axis=0) - expected) / error)


@large_steps
@pytest.mark.parametrize(
    ("batch", "more"), [(1, {}), (8, {}), (1, {"trainable": 64}), (8, {"K": 3, "M": 2})]
)
def test_mean_loss_of_linear_units_is_that_of_the_exact_recursion(
    batch: int, more: dict[str, Any]
) -> None:
    # 4 standard errors, 8 points, 4 rows: false alarm 1 in 500, for one draw
    from scalefit.trainers.committee.linear_units import recursion

    N, rate = 128, 0.2
    curves = simulate(
        activation="linear", N=N, L=N, teacher="gaussian", batch=batch, duration=16, points=10,
        learning_rate=rate, seeds=64, **{"K": 1, "M": 1, **more},
    )  # fmt: skip
    steps = curves["step"].values[0]
    ratio = more.get("M", 1) / more.get("K", 1)
    expected = recursion(
        eigenvalues(N, 1.0), N, steps, learning_rate=rate * ratio, batch=batch,
        start=1 + ratio * 0.01**2, share=more.get("trainable", N) / N,
    )  # fmt: skip
    assert (scores(curves["test_loss"].values, expected)[2:] < 4).all()


@pytest.mark.parametrize(
    "more", [{"N": 40, "K": 3}, {"N": 7, "activation": "linear"}, {"N": 100, "teacher": "gaussian"}]
)
def test_overlaps_move_as_those_of_the_weights(more: dict[str, Any]) -> None:
    # 4 standard errors, some 60 numbers in 3 rows: false alarm 1 in 260, for one draw
    settings = {"learning_rate": 1.0, "init_scale": 0.5, "duration": 20, "points": 6, "seeds": 200}
    if more["N"] == 7:
        settings |= {"duration": 2.0, "learning_rate": 0.5}
    weights, overlaps = (
        simulate(protocol=one, **{**settings, **more}) for one in ("sgd", "order_parameters")
    )
    for name in ("test_loss", "Q", "R"):
        for moment in (1, 2):
            apart = overlaps[name].values ** moment - weights[name].values ** moment
            assert (scores(apart, 0.0) < 4).all(), (name, moment)


def test_both_protocols_start_from_the_same_weights() -> None:
    import torch

    found = []
    for protocol in ("sgd", "order_parameters"):
        runs = expand(trainers.config("committee", protocol=protocol, K=3, M=2, N=20, seeds=2), 0)
        one = simulation(runs[0].settings)
        context = Context(runs[0].settings, torch.device("cpu"))
        data, state = one.init(context, runs)
        found.append(one.measure(context, state, data))
    for name, value in found[0].items():
        np.testing.assert_allclose(found[1][name], value, rtol=1e-10, atol=1e-14)


def test_a_late_loss_keeps_its_digits() -> None:
    # isotropic inputs, one linear unit: the mean loss falls by a constant factor per step
    N, rate, time = 50, 0.5, 60.0
    for protocol in ("sgd", "order_parameters"):
        curves = simulate(
            protocol=protocol, activation="linear", K=1, M=1, N=N, learning_rate=rate,
            duration=time, seeds=32,
        )  # fmt: skip
        loss = curves["test_loss"].values
        assert (loss > 0).all()
        late = np.log(loss[:, -1] / loss[:, -8]).mean() / np.ptp(curves["time"].values[0, [-8, -1]])
        assert late == pytest.approx(-2 * rate * (1 - rate / 2), rel=0.05)
        assert loss[:, -1].max() < 1e-16


@pytest.mark.parametrize("L", [1, 4])
def test_sgd_follows_the_equations_of_motion(L: int) -> None:
    from scalefit.trainers.committee import draws

    config = trainers.config("committee", L=L, learning_rate=0.5, duration=150, seeds=1)
    curves = trainers.run(config, device="cpu")
    q, r, t = draws.overlaps(expand(config, 0)[0])
    np.testing.assert_allclose(t, np.broadcast_to(np.eye(2), t.shape), atol=1e-12)
    times = curves["time"].values[0]
    expected = flow(eigenvalues(L, 1.0), q, r, t, times, learning_rate=0.5)
    apart = np.abs(curves["test_loss"].values[0] / expected.test_loss - 1)
    assert np.median(apart) < 0.05


def test_runs_do_not_depend_on_their_neighbours() -> None:
    for protocol in ("sgd", "order_parameters"):
        settings: dict[str, Any] = {"protocol": protocol, "N": 20, "duration": 20, "points": 5}
        config = trainers.config("committee", learning_rate=[0.1, 0.4], seeds=3, **settings)
        together = trainers.run(config, device="cpu", determinism="exact")
        config = trainers.config("committee", learning_rate=0.4, seeds=[2], **settings)
        alone = trainers.run(config, device="cpu", determinism="exact")
        assert alone["run"].values[0] == together["run"].values[5]
        for name in ("test_loss", "Q", "R"):
            np.testing.assert_array_equal(alone[name][0], together[name][5])


def test_normal_numbers_are_normal_and_do_not_know_each_other() -> None:
    import torch

    from scalefit.trainers.committee.draws import PIECE, normals

    drawn = torch.empty(2 * PIECE + 1)
    normals(np.random.default_rng(5), drawn)
    x = drawn.double().numpy()
    assert stats.kstest(x, "norm").pvalue > 0.01
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - moment) < 3.5 * math.sqrt(variance / len(x))
    assert np.abs(stats.zscore(x)).max() > 4
    half = PIECE // 2
    for lag in (1, 2, half, PIECE):
        for power in (1, 2):
            assert abs(stats.pearsonr(x[:-lag] ** power, x[lag:] ** power).statistic) < 0.013
    again = torch.empty(2 * PIECE + 1)
    normals(np.random.default_rng(5), again)
    assert torch.equal(drawn, again)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"L": 3, "N": 32}, "must divide N=32"),
        ({"L": 16, "N": 32, "M": 3}, "teacher='gaussian'"),
        ({"trainable": 600}, "at most 512"),
        ({"protocol": "order_parameters", "L": 2}, "protocol='sgd'"),
        ({"protocol": "order_parameters", "batch": 2}, "batch=2"),
        ({"protocol": "order_parameters", "N": 4}, "take N > 4"),
        ({"duration": 0.01, "N": 50}, "duration >= 0.02"),
        ({"learning_rate": 0}, "'learning_rate' is 0"),
        ({"L": 64, "N": 128, "beta": 200}, "take beta <= 54"),
        ({"activation": "relu"}, "'relu'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        trainers.config("committee", **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"L": 128, "teacher": "gaussian", "batch": 8}, "steps of 0.77"),
        ({"activation": "linear", "learning_rate": 2.5}, "above 1.9"),
        ({"learning_rate": 5}, "above 4.61: the student does not settle"),
    ],
)
def test_doubtful_settings_are_told_once_and_trained(settings: dict[str, Any], words: str) -> None:
    settings = {"N": 128, "learning_rate": 0.158, "duration": 1, "seeds": 2, **settings}
    config = trainers.config("committee", init_scale=[0.1, 0.2], **settings)
    with pytest.warns(UserWarning, match=f"{words}.*the first of 2 such points") as told:
        curves = trainers.run(config, device="cpu")
    assert len(told) == 1
    assert set(curves["status"].values) == {"ok"}
