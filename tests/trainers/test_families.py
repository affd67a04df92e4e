"""Families of one's own: where they are found, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.families import FAMILIES, restored
from scalefit.trainers.perceptron.settings import Perceptron
from scalefit.trainers.protocol import Family
from scalefit.trainers.sweep import expand

MODULE = """
from dataclasses import dataclass
from typing import ClassVar
from scalefit.trainers import Family
from scalefit.trainers.settings import Settings, choice, number

@dataclass(frozen=True, kw_only=True)
class Slope(Settings):
    family: ClassVar[str] = "slope"
    description: ClassVar[str] = "a slope"
    protocol: str = choice("none")
    steep: float = number(1.0)

FAMILY = Family(Slope, simulations="slopes:SIMULATIONS")
SIMULATIONS = {}
"""


@pytest.fixture
def slopes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with a family in it, which is the current one."""
    (tmp_path / "slopes.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    path, known = sys.path[:], dict(FAMILIES)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("slopes", None)
    FAMILIES.clear()
    FAMILIES.update(known)


@pytest.mark.usefixtures("slopes")
def test_a_family_in_the_current_folder_has_its_name_from_then_on() -> None:
    config = trainers.config("slopes:FAMILY", steep=[1, 2])
    assert config.family == "slope"
    assert trainers.config("slope").points[0] == config.points[0]
    assert trainers.families()["slope"] == "a slope"
    with pytest.raises(ConfigError, match="'slope' has no theory: train it"):
        trainers.theory(config)


def test_an_installed_package_is_found_by_its_entry_point(
    slopes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Point:
        name, value = "slope", "slopes:FAMILY"

        def load(self) -> Any:
            sys.path.append(str(slopes))
            return import_module("slopes").FAMILY

    module = import_module("scalefit.trainers.families")  # the package has a function of its name
    monkeypatch.setattr(module, "entry_points", lambda group: [Point()])
    assert trainers.families()["slope"] == "from slopes:FAMILY"
    assert trainers.config("slope").family == "slope"
    assert trainers.families()["slope"] == "a slope"


@pytest.mark.usefixtures("slopes")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("perceptrn", "did you mean 'perceptron'.*module:NAME"),
        ("nowhere:FAMILY", "no module 'nowhere' in this folder or installed"),
        ("slopes:FAMILLY", "the module has no 'FAMILLY'"),
        ("slopes:Slope", "argument 'family' is a type; give Family"),
        ("a b:c", "give module:NAME"),
        (":c", "give module:NAME"),
        ("../slopes:FAMILY", "give module:NAME"),
    ],
)
def test_a_family_that_is_not_there_is_one_line(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as told:
        trainers.config(name)
    assert "\n" not in str(told.value)


def test_what_is_no_family_is_refused() -> None:
    class Other(Perceptron):
        """Another family of the same name."""

    for wrong, said in [
        (Perceptron, "argument 'family' is a"),
        (Family(str, "a:b"), "subclass Settings"),  # type: ignore[arg-type]
        (Family(Perceptron, "a.b"), "'a.b' names nothing in a module"),
        (Family(Perceptron, "a:b", "a:b:c"), "'a:b:c' names nothing"),
        (Family(Other, "a:b"), "'perceptron' is there already"),
    ]:
        with pytest.raises(ConfigError, match=said):
            trainers.register(wrong)  # type: ignore[arg-type]
    assert trainers.register(FAMILIES["perceptron"]).name == "perceptron"


def test_a_run_is_restored_from_its_identity() -> None:
    config = trainers.config("perceptron", protocol="fixed_norm", norm=[0.5, 2], seeds=[3])
    (run,) = expand(config, 7)
    again = restored(run.text)
    assert (again.text, again.label) == (run.text, run.label)
    with pytest.raises(ConfigError, match="another version"):
        restored(run.text.replace('"schema":1', '"schema":2'))
