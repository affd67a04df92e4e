from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from samples.losses import table

import scalefit as sf
from scalefit.fitting import jobs
from scalefit.inference import Posterior, infer

NAMES = ("<script>alert(1)</script>", "</div><b>bold</b> & $x^2$", "plain")


@pytest.fixture(scope="session")
def fit() -> sf.Fit:
    """Return previews of three curves, two with names that a page could choke on."""
    data = table(3)
    data["arch"] = data["arch"].map(dict(zip("abc", NAMES, strict=True)))
    data = data.rename(columns={"loss": "loss <b>"})
    return sf.fit(
        data, x="step", y="loss <b>", by="arch", regimes=[1, 2], method="point", progress=False
    )


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> sf.Fit:
    """Return a fit of two curves of which the second met a fault."""
    counted = iter(range(2))

    def fragile(*arguments: Any, **options: Any) -> Posterior:
        if next(counted) == 1:
            raise FloatingPointError("a <pole>")
        return infer(*arguments, **options)

    monkeypatch.setattr(jobs, "infer", fragile)
    return sf.fit(
        table(2), x="step", y="loss", by="arch", regimes=2, method="point", progress=False
    )


@pytest.fixture(scope="session")
def page(fit: sf.Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    fit.report(path)
    return path
