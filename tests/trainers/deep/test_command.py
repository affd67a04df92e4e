"""Command line: deep networks on digits, and on images of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from scalefit.cli import _run

pytestmark = pytest.mark.train

LINE = "train deep --set n_train=20 --set steps=3 --set points=3 --set width=0.1 --set seeds=1"


def test_networks_are_trained_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    more = "--set protocol=mlp,cnn --set init_scale=0.01 --set learning_rate=1e-9 --out plain.nc"
    assert _run([*LINE.split(), *more.split()]) == 0
    with xr.open_dataset("plain.nc") as found:
        assert found["protocol"].values.tolist() == ["mlp", "cnn"]
        assert found["n_train"].values.tolist() == [20, 20]
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 6), dtype=np.uint8)
    labels = np.arange(20) % 3
    np.savez("own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert _run([*LINE.split(), "--data", "own.npz", "--out", "own.nc"]) == 0
    with xr.open_dataset("own.nc") as found:
        assert found["images"].item().startswith("own-")
        assert "--data own.npz" in found.attrs["command"]
    capsys.readouterr()
    Path("own.npz").write_bytes(Path("own.npz").read_bytes()[:-30])
    assert _run([*LINE.split(), "--data", "own.npz", "--out", "own.nc"]) == 3
    said = capsys.readouterr().err
    assert "own.npz: cannot be read" in said
    assert said.count("\n") == 1
