"""Small trainings of every family, and sweeps of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from scalefit import trainers
from scalefit.trainers.config import Config
from scalefit.trainers.families import FAMILIES, find
from scalefit.trainers.protocol import Run
from scalefit.trainers.sweep import expand

SMALL: dict[str, dict[str, Any]] = {
    "perceptron": {"N": 6, "load": 2, "steps": 7, "points": 4, "norm": [0.5, 1]},
    "committee": {"N": 12, "duration": 20, "points": 4},
    "diagonal": {"d": 6, "n_train": 9, "steps": 7, "points": 4},
    "quadratic": {"d": 4, "n_train": 9, "steps": 7, "points": 4},
    "random_features": {"n_train": 6, "n_params": 8, "modes": 30, "steps": 48, "points": 4},
    "manifold": {"dimension": 1, "n_train": 20, "n_test": 50, "steps": 7, "points": 4, "width": 6},
    "deep": {"n_train": 20, "batch": 6, "steps": 7, "points": 4, "width": 0.1, "eval_test": 50},
    "sequence": {"steps": 7, "points": 4, "batch": 6, "eval_test": 20},
}


PROTOCOLS = (
    [(family, protocol) for family in FAMILIES for protocol in find(family).protocols()]
    if find_spec("torch") is not None
    else []
)


SWEEP: dict[str, Any] = {
    "load": [1, 3], "N": 20, "seeds": 6, "steps": 40, "points": 6, "learning_rate": [0.2, 0.4]
}  # fmt: skip


def small(family: str, protocol: str, **more: Any) -> list[Run]:
    """Return three runs of a protocol, each of a few steps."""
    settings = {**SMALL[family], "seeds": 3, **more}
    return expand(trainers.config(family, protocol=protocol, **settings), 0)


def config(**changes: Any) -> Config:
    """Return a sweep of 24 perceptrons in two shapes, or one with other settings."""
    return trainers.config("perceptron", **{**SWEEP, **changes})


def same(found: xr.Dataset, expected: xr.Dataset) -> None:
    """Assert equality of values and coordinates, bit for bit."""
    assert set(found.variables) == set(expected.variables)
    for name in expected.variables:
        np.testing.assert_array_equal(found[name].values, expected[name].values, str(name))
        assert found[name].dtype == expected[name].dtype, name


def killed(patch: pytest.MonkeyPatch, train: Callable[[], object], *, after: int) -> None:
    """Train with a state kept after every block, and be killed as the `after`-th is kept."""
    from scalefit.trainers import loop

    keep, left = loop._kept, [after]

    def kill(*given: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return keep(*given)

    patch.setattr(loop, "SAVE_EVERY", 0.0)
    patch.setattr(loop, "SHARE", 1e9)
    with patch.context() as only:
        only.setattr(loop, "_kept", kill)
        with pytest.raises(KeyboardInterrupt):
            train()


def made(folder: Path) -> dict[str, tuple[int, int]]:
    """Return which file of each finished bundle is there, and since when."""
    stats = {path.name: path.stat() for path in (folder / "bundles").glob("[!.]*.nc")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}
