from __future__ import annotations

import pytest
import xarray as xr
from samples.trainings import config

from scalefit import trainers


@pytest.fixture(scope="session")
def expected() -> xr.Dataset:
    """Return the whole sweep as it comes out without folder, executor or interruption."""
    return trainers.run(config(), determinism="exact", seed=3)
