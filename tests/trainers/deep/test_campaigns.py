"""Campaign files: each is a configuration of deep networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalefit import trainers
from scalefit.trainers.config import read

FILES = sorted((Path(__file__).parents[3] / "benchmarks/reproduction/deep").rglob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_campaign_is_a_configuration(path: Path) -> None:
    config = trainers.config("deep", **read(path))
    assert config.runs >= 5
    assert all(path.stem.startswith(f"{one.protocol}_{one.images}") for one in config.points)
