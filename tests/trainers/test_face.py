from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from scalefit import trainers
from scalefit.errors import ConfigError, MissingExtra
from scalefit.trainers.schedule import checkpoints
from scalefit.trainers.seeds import generator


def test_families_are_described() -> None:
    assert list(trainers.families()) == ["perceptron"]


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
    one = trainers.config("perceptron", load=2, N=np.int64(50), norm=np.array([1, 2]))
    other = trainers.config("perceptron", load=[2.0], N=50, norm=(1.0, 2.0))
    assert one == other
    assert one.to_json() == other.to_json()


def test_config_comes_back_from_its_json() -> None:
    config = trainers.config("perceptron", load=[0.3, 5], learning_rate=0.1)
    assert trainers.config(**json.loads(config.to_json())) == config


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"laod": 2}, "did you mean 'load'"),
        ({"load": 0}, "'load' is 0"),
        ({"load": []}, "'load' is empty"),
        ({"load": "5"}, "'load' is '5'"),
        ({"load": [1, 1]}, "twice"),
        ({"load": 0.01, "N": 50}, "load >= 0.02"),
        ({"N": 1}, "'N' is 1; give one whole number >= 2"),
        ({"N": [100, 200]}, "'N' is"),
        ({"seeds": 0}, "'seeds' is 0"),
        ({"seeds": True}, "'seeds' is True"),
        ({"steps": 10.5}, "'steps' is 10.5"),
        ({"points": 1}, "'points' is 1"),
        ({"learning_rate": -1}, "'learning_rate' is -1"),
        ({"learning_rate": float("nan")}, "'learning_rate' is nan"),
        ({"norm": [2, 1]}, "increase"),
        ({"norm": [0, 1]}, "'norm' is 0"),
        ({"protocol": "fixednorm"}, "did you mean 'fixed_norm'"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        trainers.config("perceptron", **settings)
    assert words in str(caught.value)


def test_unknown_family_and_foreign_config_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'perceptron'"):
        trainers.config("perceptrn")
    with pytest.raises(ConfigError, match="'config' is a dict"):
        trainers.theory({"load": 2})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'seed' is -1"):
        trainers.run(trainers.config("perceptron"), seed=-1)


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
