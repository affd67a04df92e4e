"""Settings of the tasks: what is usual for each, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scalefit import trainers
from scalefit.errors import ConfigError
from scalefit.trainers.config import read
from scalefit.trainers.sequence.settings import Sequence

FILES = sorted((Path(__file__).parents[3] / "benchmarks/reproduction/sequence").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_campaign_is_a_configuration_of_its_task(path: Path) -> None:
    config = trainers.config("sequence", **read(path))
    assert config.runs >= 4
    assert {one.protocol for one in config.points} == {path.stem}


def test_every_task_has_a_campaign() -> None:
    assert [path.stem for path in FILES] == ["induction", "modular_addition", "parity"]


def test_usual_values_stand_where_nothing_is_given_and_are_not_named() -> None:
    parity, induction = Sequence(), Sequence(protocol="induction")
    assert (parity.batch, parity.steps, parity.weight_decay) == (1024, 20_000, 0.0)
    assert (induction.batch, induction.steps, induction.weight_decay) == (64, 3000, 0.01)
    addition = Sequence(protocol="modular_addition", modulus=7)
    assert (addition.batch, addition.steps, addition.weight_decay) == (24, 10_000, 1.0)
    assert addition.words() == ["protocol=modular_addition", "modulus=7"]
    assert Sequence(batch=1024, steps=9).words() == ["protocol=parity", "steps=9"]
    assert Sequence(protocol="induction", weight_decay=0).weight_decay == 0
    assert Sequence() == Sequence(batch=1024, steps=20_000, weight_decay=0.0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"subset": 25}, "'subset' is 25; there are 24 bits"),
        ({"bits": 4, "subset": 3, "tasks": 5}, "'tasks' is 5; 3 of 4 bits can be chosen in 4 ways"),
        ({"weight_decay": -0.5}, "'weight_decay' is -0.5"),
        ({"protocol": "induction", "heads": 5}, "'dimensions' is 64: 5 heads do not divide it"),
        ({"protocol": "modular_addition", "train_share": 1.0}, "'train_share' is 1: of 3481 pairs"),
    ],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Sequence(**settings)
