from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import scalefit

from .conftest import Run


def test_a_stored_fit_becomes_a_page(run: Run, stored: Path) -> None:
    done = run("report", stored, "--out", "pages/all.html")
    assert (done.code, done.out) == (0, "wrote pages/all.html (seed 0)\n")
    assert Path("pages/all.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--out", "page.pdf"], 2, "ends in .html"),
        (["--out", "runs.csv/page.html"], 2, "is a file"),
        (["--interval", "90"], 2, "between 0 and 1"),
    ],
)
def test_what_cannot_be_written_is_refused(
    run: Run, stored: Path, arguments: list[str], code: int, said: str
) -> None:
    done = run("report", stored, *arguments)
    assert done.code == code
    assert said in done.err
    assert [str(path) for path in Path().glob("**/*.html")] == ["results/report.html"]


def test_a_fit_that_cannot_be_relied_on_is_written_and_ends_with_4(run: Run, stored: Path) -> None:
    fit = scalefit.load(stored)
    verdict = xr.DataArray(["two searches differ", "ok"], dims="run")
    tree = fit.tree.assign({"diagnostics": fit.tree["diagnostics"].assign(verdict=verdict)})
    scalefit.Fit(fit.law, tree).save(stored)
    done = run("report", stored, "--out", "page.html")
    assert done.code == 4
    assert "unreliable: 1 of 2 runs: base" in done.err
    assert "two searches differ" in Path("page.html").read_text(encoding="utf-8")


def test_what_is_no_fit_is_refused(run: Run, tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.0, 2.0], "y": [2.0, 1.0]}).to_csv(tmp_path / "a.csv", index=False)
    done = run("report", "a.csv")
    assert done.code == 3
    assert "not a fit" in done.err
