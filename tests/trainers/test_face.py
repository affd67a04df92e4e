from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalefit import trainers
from scalefit.cli.train import gathered
from scalefit.errors import ConfigError, MissingExtra
from scalefit.trainers.family import FAMILIES, expand
from scalefit.trainers.schedule import checkpoints
from scalefit.trainers.seeds import generator


def points(**settings: Any) -> list[tuple[float, int]]:
    return [
        (one.load, one.N)  # type: ignore[attr-defined]
        for one in trainers.config("perceptron", **settings).points
    ]


def test_families_are_described() -> None:
    assert list(trainers.families()) == ["perceptron", "committee"]


def test_neither_import_nor_theory_loads_torch_or_pymc() -> None:
    program = (
        "import sys; from scalefit import trainers; before = set(sys.modules); "
        "trainers.theory(trainers.config('perceptron', norm=1)); "
        "assert not {'torch', 'pymc', 'arviz', 'scalefit.fitting'} & set(sys.modules); "
        "assert 'scipy.optimize' not in before"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_folder_refuses_to_be_imported_under_its_own_name() -> None:
    program = f"import runpy; runpy.run_path({trainers.__file__!r}, run_name='trainers')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "scalefit.trainers" in done.stderr.splitlines()[-1]


def test_single_numbers_lists_and_numpy_values_give_equal_configs() -> None:
    one = trainers.config("perceptron", load=2, N=np.int64(50), norm=np.array([1, 2]), steps=1e3)
    other = trainers.config("perceptron", steps=1000, load=[2.0], N=50, norm=(1.0, 2.0))
    assert one == other
    assert one.to_json() == other.to_json()


def test_lists_are_a_product_and_zip_pairs_them() -> None:
    product = [(1.0, 20), (1.0, 30), (2.0, 20), (2.0, 30)]
    assert points(load=[1, 2], N=[20, 30]) == points(N=[20, 30], load=[1, 2]) == product
    assert points(zip={"N": [20, 30], "load": [1, 2]}) == [(1.0, 20), (2.0, 30)]
    paired = trainers.config("perceptron", zip={"load": [1, 2], "N": [20, 30]}, steps=[5, 6])
    assert [one.steps for one in paired.points] == [5, 6] * 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "settings",
    [
        {"load": [0.3, 5], "learning_rate": 0.1, "shared_inputs": True},
        {"zip": {"load": [1, 2], "N": [20, 30]}, "seeds": 3},
        {"seeds": [4, 7]},
    ],
)
def test_config_comes_back_from_its_json(settings: dict[str, Any]) -> None:
    config = trainers.config("perceptron", **settings)
    assert trainers.config(**json.loads(config.to_json())) == config


def test_command_line_and_file_say_the_same_as_python(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(
        'family = "perceptron"\nseeds = 4\nN = 30\n[zip]\nload = [1, 2]\nsteps = [5, 9]'
    )
    wanted = trainers.config("perceptron", N=20, seeds=4, zip={"load": [1, 2], "steps": [5, 9]})
    options = ["N=20", "zip:steps=5,9", "zip:load=1,2"]
    typed = gathered("perceptron", None, [*options, "seeds=4"])
    assert trainers.config("perceptron", **typed) == wanted
    assert trainers.config("perceptron", **gathered("perceptron", file, ["N=20"])) == wanted
    both = trainers.config("perceptron", **gathered("perceptron", file, ["load=3", "steps=7"]))
    assert [(one.load, one.N) for one in both.points] == [(3.0, 30)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "words"),
    [("load = [1", "not TOML"), (None, "No such file"), ('family = "cnn"', "'cnn', not")],
)
def test_bad_file_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "sweep.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        gathered("perceptron", file, None)
    assert words in str(caught.value)
    assert "sweep.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"laod": 2}, "did you mean 'load'"),
        ({"load": 0}, "'load' is 0; give a finite number > 0"),
        ({"load": []}, "'load' is empty"),
        ({"load": "5"}, "'load' is '5'"),
        ({"load": [1, 1]}, "twice"),
        ({"load": 0.01, "N": 50}, "load >= 0.02"),
        ({"N": 1}, "'N' is 1; give a whole number >= 2"),
        ({"N": [100, "x"]}, "'N' is 'x'"),
        ({"seeds": 0}, "'seeds' is 0"),
        ({"seeds": True}, "'seeds' is True"),
        ({"seeds": [1, 1]}, "'seeds' is [1, 1]"),
        ({"steps": 10.5}, "'steps' is 10.5"),
        ({"points": 1}, "'points' is 1"),
        ({"learning_rate": -1}, "'learning_rate' is -1"),
        ({"learning_rate": float("nan")}, "'learning_rate' is nan"),
        ({"norm": [2, 1]}, "increase"),
        ({"norm": [0, 1]}, "'norm' is 0"),
        ({"protocol": "fixednorm"}, "did you mean 'fixed_norm'"),
        ({"shared_inputs": 1}, "true or false"),
        ({"zip": {"load": [1, 2], "N": [20]}}, "load 2, N 1"),
        ({"zip": {"laod": [1, 2]}}, "did you mean 'load'"),
        ({"zip": {"load": [1, 2]}, "load": 1}, "twice"),
        ({"zip": {"norm": [1, 2]}}, "cannot be paired"),
        ({"zip": {"load": []}}, "empty"),
        ({"zip": 3}, "'zip' is 3"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        trainers.config("perceptron", **settings)
    assert words in str(caught.value)


def test_every_setting_of_every_family_has_bounds_and_is_described() -> None:
    for family in FAMILIES.values():
        for name, kind in trainers.config(family.family).points[0].coordinates().items():
            assert kind is not None
            assert name in str(family.__doc__) or name in family().derived()


def test_settings_that_a_protocol_does_not_use_do_not_make_another_run() -> None:
    norms = [trainers.config("perceptron", norm=norm, seeds=1) for norm in (1, 2)]
    one, other = (expand(config, 0)[0] for config in norms)
    assert one.identity == other.identity
    rates = trainers.config("perceptron", protocol="fixed_norm", learning_rate=[0.1, 0.2], seeds=2)
    assert [run.seed for run in expand(rates, 0)] == [0, 1]
    assert np.isnan(rates.points[0].coordinates()["learning_rate"])


def test_label_names_what_is_not_the_default() -> None:
    config = trainers.config("perceptron", load=5, N=[200, 300], seeds=[3])
    labels = [run.label for run in expand(config, 0)]
    assert labels == ["load=5, seed=3", "load=5, N=300, seed=3"]
    assert expand(config, 7)[0].label == "load=5, seed=3, root=7"


def test_unknown_family_and_foreign_arguments_are_refused() -> None:
    config = trainers.config("perceptron")
    with pytest.raises(ConfigError, match="did you mean 'perceptron'"):
        trainers.config("perceptrn")
    with pytest.raises(ConfigError, match="'config' is a dict"):
        trainers.theory({"load": 2})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'seed' is -1"):
        trainers.run(config, seed=-1)
    with pytest.raises(ConfigError, match="'determinism' is 'exat'; did you mean 'exact'"):
        trainers.run(config, determinism="exat")


def test_missing_torch_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"pip install 'scalefit\[train\]'"):
        trainers.run(trainers.config("perceptron"))


@pytest.mark.parametrize(("steps", "points"), [(1, 2), (2, 2), (7, 50), (1000, 2), (100_000, 60)])
def test_checkpoints_are_whole_unique_and_span_the_run(steps: int, points: int) -> None:
    found = checkpoints(steps, points)
    assert found[0] == 1
    assert found[-1] == steps
    assert len(found) <= points
    assert found == sorted(set(found))


def test_streams_differ_between_keys_and_repeat_for_equal_ones() -> None:
    draws = [generator(*key).random() for key in [(1, 2), (1, 2), (12,), (1, "2"), (2, 1)]]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 4


def test_one_example_needs_one_example() -> None:
    assert trainers.config("perceptron", load=1 / 49, N=49).points[0].n_train == 1


@pytest.mark.train
def test_large_examples_train_few_side_by_side() -> None:
    from scalefit.trainers.perceptron.simulate import SIMULATIONS

    hebb = SIMULATIONS["hebb"]
    small, large = (
        trainers.config("perceptron", protocol="hebb", load=10, N=N).points[0] for N in (50, 2000)
    )
    assert hebb.width(small) == 64
    assert hebb.width(large) * hebb.memory(large) < 2**30


@pytest.mark.train
def test_what_says_that_memory_did_not_suffice() -> None:
    from scalefit.trainers.device import out_of_memory

    for words in ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED when calling create"):
        assert out_of_memory(RuntimeError(words))
    assert not out_of_memory(RuntimeError("CUDA error: an illegal memory access"))


@pytest.mark.train
def test_a_gpu_is_ready_for_exact_runs_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from scalefit.trainers.device import resolve

    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert resolve("cuda:0").type == "cuda"
    assert os.environ.pop("CUBLAS_WORKSPACE_CONFIG") == ":4096:8"


@pytest.mark.train
def test_fast_runs_leave_the_switches_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from scalefit.trainers.device import exactly

    def mixed() -> str:
        raise RuntimeError("mix of the legacy and new APIs")

    monkeypatch.setattr(torch, "get_deterministic_debug_mode", mixed)
    with exactly(False):
        pass
    with pytest.raises(RuntimeError, match="mix of"), exactly(True):
        pass
