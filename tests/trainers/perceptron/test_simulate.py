from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from scalefit import trainers, trajectory
from scalefit.errors import ConfigError
from scalefit.trainers.protocol import Context
from scalefit.trainers.sweep import expand

pytestmark = pytest.mark.train


def simulate(**settings: Any) -> Any:
    return trainers.run(trainers.config("perceptron", **settings), device="cpu")


def test_simulation_is_a_trajectory_that_survives_a_file(tmp_path: Path) -> None:
    config = trainers.config("perceptron", load=[0.5, 3], N=20, seeds=3, steps=50, points=8)
    curves = trajectory.validate(trainers.run(config, seed=7))
    assert curves.sizes["run"] == 6
    assert set(curves.data_vars) == {
        "step",
        "time",
        "norm",
        "test_error",
        "overlap",
        "train_loss",
        "train_error",
        "margin",
    }
    assert curves["n_train"].values.tolist() == [10] * 3 + [60] * 3
    assert curves["seed"].values.tolist() == [0, 1, 2] * 2
    assert set(curves["status"].values) == {"ok"}
    assert np.isfinite(curves.to_dataarray()).all()
    assert curves["step"].values[0, [0, -1]].tolist() == [1, 50]
    np.testing.assert_allclose(curves["time"], 0.5 * curves["step"])
    assert curves.attrs["config"] == config.to_json()
    assert curves.attrs["seed"] == 7
    assert {"device", "dtype", "determinism", "torch_version", "created"} <= set(curves.attrs)
    trajectory.write(curves, tmp_path / "runs.nc")
    assert trajectory.open_netcdf(tmp_path / "runs.nc").identical(curves)


def test_batched_descent_equals_a_plain_loop_with_autograd() -> None:
    import torch

    from scalefit.trainers.perceptron.simulate import draw

    N, rate, steps = 20, 0.3, 60
    curves = simulate(load=[0.5, 2, 7.3], N=N, seeds=2, learning_rate=rate, steps=steps, points=6)
    for index in range(curves.sizes["run"]):
        run = curves.isel(run=index)
        signed, teacher = draw(N, int(run["n_train"]), run_seed=int(run["seed"]), seed=0)
        examples = torch.from_numpy(signed)
        student = torch.nn.Linear(N, 1, bias=False, dtype=torch.float64)
        torch.nn.init.zeros_(student.weight)
        optimizer = torch.optim.SGD(student.parameters(), lr=rate * N)
        for step in range(1, steps + 1):
            optimizer.zero_grad()
            loss = torch.log1p(torch.exp(-2 * student(examples))).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step not in run["step"]:
                continue
            weights = student.weight.detach().numpy()[0]
            field = signed @ weights
            length = np.linalg.norm(weights)
            overlap = weights @ teacher / length
            expected = {
                "norm": length / math.sqrt(N),
                "overlap": overlap,
                "test_error": math.acos(overlap) / math.pi,
                "train_loss": np.log1p(np.exp(-2 * field)).mean(),
                "train_error": (field <= 0).mean(),
                "margin": field.min() * math.sqrt(N) / length,
            }
            (point,) = np.flatnonzero(run["step"] == step)
            for name, value in expected.items():
                assert run[name].values[point] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_runs_side_by_side_equal_runs_alone() -> None:
    import torch

    from scalefit.trainers.loop import train
    from scalefit.trainers.perceptron.simulate import SIMULATIONS

    for shared in (False, True):
        config = trainers.config(
            "perceptron", N=20, load=3, steps=50, seeds=5, shared_inputs=shared,
            learning_rate=[0.2, 0.4], points=6,
        )  # fmt: skip
        runs, cpu = expand(config, 0), torch.device("cpu")
        descent = SIMULATIONS["gradient_descent"]
        together = train(descent, runs, cpu)
        for row, run in enumerate(runs):
            for name, values in train(descent, [run], cpu).values.items():
                found = together.values[name][row]
                np.testing.assert_allclose(found, values[0], rtol=1e-10, atol=1e-13)


def test_shared_inputs_differ_in_teachers_alone() -> None:
    import torch

    from scalefit.trainers.perceptron.simulate import SIMULATIONS

    config = trainers.config("perceptron", N=8, load=2, seeds=3, shared_inputs=True)
    context = Context(config.points[0], torch.device("cpu"))
    data, _ = SIMULATIONS["gradient_descent"].init(context, expand(config, 0))
    assert data["inputs"].shape == (16, 8)
    signs = torch.sign(data["teacher"] @ data["inputs"].T)
    assert torch.equal(signs, data["labels"])
    assert len({tuple(one.tolist()) for one in data["teacher"]}) == 3


def test_large_examples_train_few_side_by_side() -> None:
    from scalefit.trainers.perceptron.simulate import SIMULATIONS

    hebb = SIMULATIONS["hebb"]
    small, large = (
        trainers.config("perceptron", protocol="hebb", load=10, N=N).points[0] for N in (50, 2000)
    )
    assert hebb.cost(small).width == 64
    assert hebb.cost(large).width * hebb.cost(large).memory < 2**30


def test_seeds_loads_and_root_seed_change_the_data() -> None:
    from scalefit.trainers.perceptron.simulate import draw

    first = [
        draw(4, size, run_seed=run_seed, seed=seed)[0][0, 0]
        for size, run_seed, seed in [(8, 0, 0), (9, 0, 0), (8, 1, 0), (8, 0, 1)]
    ]
    assert len(set(first)) == 4


def test_divergence_is_marked_and_leaves_the_others_alone() -> None:
    common: dict[str, Any] = {"load": 2, "N": 6, "seeds": 2, "steps": 5, "points": 3}
    curves = simulate(learning_rate=[0.5, 3e307], **common)
    assert curves["status"].values.tolist() == ["ok"] * 2 + ["diverged"] * 2
    assert np.isnan(curves["test_error"][2:]).all()
    assert np.isfinite(curves["step"]).all()
    alone = simulate(**common)
    for name in alone.data_vars:
        np.testing.assert_array_equal(curves[name][:2], alone[name])


def test_first_step_is_hebbs_rule() -> None:
    # Three standard errors on each of two means for two loads: false alarm 1 in 90, for one draw.
    curves = simulate(load=[2, 5], N=200, seeds=64, steps=1, points=2, learning_rate=0.25)
    ends = trainers.theory(trainers.config("perceptron", load=[2, 5], norm=1))
    for load in (2.0, 5.0):
        runs = curves.isel(run=np.flatnonzero(curves["load"] == load))
        error = ends["hebb_error"].values[np.flatnonzero(ends["load"] == load)[0]]
        norm = 0.25 * math.sqrt(2 / math.pi + 1 / load)
        for name, expected in (("test_error", error), ("norm", norm)):
            found = runs[name].values[:, 0]
            assert abs(found.mean() - expected) < 3 * found.std(ddof=1) / math.sqrt(64), name


def test_norm_grows_with_the_cube_root_of_time_before_the_elbow() -> None:
    # Population flow: d norm / d time = 4 E[h sigmoid(-2 norm h); h > 0], about 0.328 / norm^2.
    curves = simulate(load=50, N=50, seeds=4, steps=1500, points=40)
    time = curves["time"].values[0]
    norm = curves["norm"].mean("run").values
    window = (norm > 3) & (norm < 9)
    assert window.sum() > 5
    speed = np.gradient(norm, time)[window]
    for found, at in zip(speed, norm[window], strict=True):
        flow, _ = quad(
            lambda h, at=at: 4 * h * expit(-2 * at * h) * math.exp(-(h**2) / 2), 0, np.inf
        )
        assert found == pytest.approx(flow / math.sqrt(2 * math.pi), rel=0.1)
        assert found * at**2 == pytest.approx(0.328, rel=0.1)


@pytest.mark.slow
def test_descent_meets_the_theory_beyond_the_elbow() -> None:
    # 3 standard errors of the mean over instances, as for any draw, plus 1 % for the path.
    config = trainers.config("perceptron", load=3, N=100, seeds=32, steps=3000, norm=6)
    curves = trainers.run(config)
    point = int(np.argmin(np.abs(curves["norm"].mean("run").values - 6)))
    found = curves["test_error"].values[:, point]
    norm = float(curves["norm"].mean("run")[point])
    exact = trainers.theory(trainers.config("perceptron", load=3, norm=norm))
    expected = float(exact["test_error"][0, 0])
    error = found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean() - expected) < 3 * error + 0.01 * expected


def test_missing_device_is_refused() -> None:
    import torch

    config = trainers.config("perceptron", N=10, seeds=1, steps=1)
    for device in ("gpu", "cpu:1", "mps"):
        with pytest.raises(ConfigError, match="'auto', 'cpu', 'cuda'"):
            trainers.run(config, device=device)
    count = torch.cuda.device_count()
    with pytest.raises(ConfigError, match="not available"):
        trainers.run(config, device=f"cuda:{count}")


def test_number_of_threads_is_given_back() -> None:
    import torch

    before = torch.get_num_threads()
    simulate(N=10, seeds=1, steps=5)
    assert torch.get_num_threads() == before


def test_progress_goes_to_a_terminal_on_standard_error_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = trainers.config("perceptron", N=10, seeds=1, steps=20)
    trainers.run(config, progress=True)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the stream for a terminal
    trainers.run(config, progress=True)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "perceptron" in printed.err
    assert "runs/s" in printed.err


@pytest.mark.gpu
def test_gpu_agrees_with_the_cpu() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    config = trainers.config("perceptron", load=[1, 4], N=50, seeds=3, steps=300, points=10)
    here, there = trainers.run(config, device="cpu"), trainers.run(config, device="cuda")
    for name in here.data_vars:
        np.testing.assert_allclose(there[name], here[name], rtol=1e-9, atol=1e-12)
