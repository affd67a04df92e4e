from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalefit import trainers
from scalefit.cli.train import gathered
from scalefit.errors import ConfigError


def points(**settings: Any) -> list[tuple[float, int]]:
    return [
        (one.load, one.N)  # type: ignore[attr-defined]
        for one in trainers.config("perceptron", **settings).points
    ]


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
