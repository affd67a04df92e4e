from __future__ import annotations

from typing import Any

import pytest
import xarray as xr
from samples.trainings import config

from scalefit import trainers


@pytest.fixture(scope="session")
def expected() -> xr.Dataset:
    """Return the whole sweep as it comes out without folder, executor or interruption."""
    return trainers.run(config(), determinism="exact", seed=3)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the runs that are trained, as they are."""
    from scalefit.trainers import loop

    names: list[str] = []
    train = loop.train

    def noted(simulation: Any, runs: Any, *rest: Any, **options: Any) -> Any:
        names.extend(run.label for run in runs)
        return train(simulation, runs, *rest, **options)

    monkeypatch.setattr(loop, "train", noted)
    return names
