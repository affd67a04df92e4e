"""Bundled trajectories: their files, and the sweeps that they are of."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from scalefit import datasets

registry = datasets.registry
ROOT = Path(__file__).parents[2]


def test_bundled_files_are_the_registered_ones() -> None:
    bundled = [name for name in datasets.names() if datasets.info(name).kind == "bundled"]
    assert bundled
    for name in bundled:
        assert all(path.is_file() for path in datasets.path(name).values())
    registered = {file.path for name in bundled for file in registry.entry(name).files}
    folder = Path(str(files("scalefit.datasets"))) / "data"
    found = {f"data/{path.name}" for path in folder.glob("*.nc")}
    assert found == registered


SWEEPS = {
    "diagonal-weight-decay": "diagonal_quadratic/diagonal.toml",
    "quadratic-spectra": "diagonal_quadratic/spectra.toml",
    "deep-mlp-digits": "deep/mlp_digits.toml",
    "deep-mlp-mnist": "deep/mlp_mnist.toml",
    "deep-cnn-mnist-published": "deep/cnn_mnist_published.toml",
    "deep-vit-mnist": "deep/vit_mnist.toml",
    "deep-cnn-mnist": "deep/cnn_mnist.toml",
    "deep-cnn-cifar10": "deep/cnn_cifar10.toml",
}


@pytest.mark.parametrize("name", SWEEPS)
def test_bundled_sweeps_are_those_of_their_files(name: str) -> None:
    from scalefit import trainers
    from scalefit.trainers.config import read

    settings = read(ROOT / "benchmarks" / "reproduction" / SWEEPS[name])
    config = trainers.config(**{"family": "deep"} | settings)
    found = datasets.load(name)
    assert json.loads(found.attrs["config"]) == json.loads(config.to_json())
    assert found.sizes["run"] == config.runs
    assert SWEEPS[name] in found.attrs["command"]
    assert set(found["status"].values) <= {"ok", "stalled"}
    if "gap" in found:
        assert float(found["gap"][:, -1].max()) <= 1e-8
