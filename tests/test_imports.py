"""What an import costs, what a wheel holds, and that the examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
HEAVY = ["torch", "pymc", "pytensor", "arviz", "pandas", "xarray", "matplotlib", "scipy"]

POINT_FIT = """
import numpy as np, scalefit as sf
x = np.geomspace(1, 1e3, 20)
y = x ** -0.5 * np.exp(0.02 * np.sin(37 * x))
fit = sf.fit(x, y, regimes=1, method="point")
fit.summary(), fit.predict(1e4), fit.end_exponent
"""


def loaded_after(code: str, folder: Path) -> set[str]:
    """Return which heavy packages a fresh interpreter has loaded after running some code."""
    report = f"import json, sys; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return set(json.loads(done.stdout))


def test_importing_everything_is_light(tmp_path: Path) -> None:
    code = "import scalefit, scalefit.trainers, scalefit.datasets, scalefit.errors, scalefit.laws"
    heavy = loaded_after(code, tmp_path)
    assert heavy.isdisjoint({"torch", "pymc", "pytensor", "arviz", "pandas", "xarray"})
    assert loaded_after("import scalefit; dir(scalefit); scalefit.__version__", tmp_path) == set()


def test_a_point_fit_needs_neither_pymc_nor_torch(tmp_path: Path) -> None:
    light = {"torch", "pymc", "pytensor", "arviz", "matplotlib"}
    assert loaded_after(f"{POINT_FIT}\nfit.save('fit.nc')", tmp_path).isdisjoint(light)
    reading = "import scalefit as sf; fit = sf.load('fit.nc'); fit.summary(), fit.predict(10.0)"
    assert loaded_after(reading, tmp_path).isdisjoint(light)


@pytest.mark.slow
def test_pymc_comes_without_torch(tmp_path: Path) -> None:
    heavy = loaded_after("import scalefit._compat", tmp_path)
    assert "pymc" in heavy
    assert "torch" not in heavy


def test_public_names_are_there() -> None:
    import scalefit

    for name in scalefit.__all__:
        assert getattr(scalefit, name) is not None
    assert {"datasets", "trainers", *scalefit.__all__} == set(dir(scalefit))
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        scalefit.fitt  # noqa: B018


def folder_of(package: str) -> Path:
    """Return where the settings say that a package lies."""
    mapped: dict[str, str] = SETTINGS["package-dir"]
    above = max((name for name in mapped if f"{package}.".startswith(f"{name}.")), key=len)
    return ROOT / mapped[above] / package[len(above) :].lstrip(".").replace(".", "/")


def test_every_package_is_listed() -> None:
    listed: list[str] = SETTINGS["packages"]
    assert len(set(listed)) == len(listed)
    folders = {folder_of(package) for package in listed}
    there = {
        path.parent
        for top in SETTINGS["package-dir"].values()
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert folders == there


def test_every_module_is_in_a_package() -> None:
    listed = {folder_of(package) for package in SETTINGS["packages"]}
    tops = SETTINGS["package-dir"].values()
    assert {path.parent for top in tops for path in (ROOT / top).rglob("*.py")} == listed


def modules() -> list[str]:
    """Return every module of the listed packages; `__main__` would run."""
    names: list[str] = []
    for package in SETTINGS["packages"]:
        found = pkgutil.iter_modules([str(folder_of(package))])
        names += [package, *(f"{package}.{m.name}" for m in found if m.name != "__main__")]
    return sorted(set(names))


def imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == "torch" and find_spec("torch") is None:
            pytest.skip(f"{name} needs PyTorch: pip install 'scalefit[train]'")
        raise


@pytest.mark.parametrize("name", modules())
def test_examples_are_true(name: str) -> None:
    module = imported(name)
    assert module.__doc__, f"{name} has no docstring"
    failed, _ = doctest.testmod(module)
    assert failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    module = importlib.import_module("scalefit.errors")
    assert any(test.examples for test in finder.find(module))
