from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from samples.losses import X, curve, table

import scalefit as sf


def _installed() -> bool:
    try:
        return find_spec("scalefit.trainers") is not None
    except ModuleNotFoundError:
        return False


def pytest_configure(config: pytest.Config) -> None:
    if not _installed():
        pytest.exit(
            "scalefit is not installed here: run  make setup  (or pip install -e '.[dev]')  first",
            returncode=4,
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    have_torch = find_spec("torch") is not None
    for package in ("torch", "distributed", "lightning", "transformers", "accelerate"):
        if find_spec(package) is None and os.environ.get("SCALEFIT_REQUIRE_ALL") == "1":
            pytest.exit(f"SCALEFIT_REQUIRE_ALL=1, but {package} is not installed", returncode=4)
    for item in items:
        if item.get_closest_marker("train") and not have_torch:
            item.add_marker(pytest.mark.skip(reason="needs PyTorch: pip install 'scalefit[train]'"))


@pytest.fixture
def rng() -> np.random.Generator:
    """Return the same stream for every test, so that none depends on luck or on order."""
    return np.random.default_rng(20260)


@pytest.fixture(scope="session")
def one() -> sf.Fit:
    """Return a preview of one curve, two regimes and a floor."""
    return sf.fit(X, curve(), regimes=2, floor=True, method="point", noise="normal", progress=False)


@pytest.fixture(scope="session")
def several() -> sf.Fit:
    """Return previews of three curves, one of them shorter."""
    return sf.fit(
        table(3, {1: 20}),
        x="step",
        y="loss",
        by="arch",
        regimes=2,
        floor=False,
        method="point",
        noise="normal",
        progress=False,
    )


@pytest.fixture
def reference() -> Path:
    return Path(__file__).parent / "reference"


@pytest.fixture
def public_data() -> Path:
    folder = os.environ.get("SCALEFIT_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("public curves: set SCALEFIT_DATA to the folder that holds them")
    return Path(folder)
