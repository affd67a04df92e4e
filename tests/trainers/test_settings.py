from __future__ import annotations

import pytest

from scalefit import trainers
from scalefit.trainers.families import FAMILIES
from scalefit.trainers.settings import described, kinds


@pytest.mark.parametrize("family", FAMILIES)
def test_every_setting_of_every_family_has_bounds_and_is_described(family: str) -> None:
    settings = FAMILIES[family].settings
    assert trainers.config(family).family == family
    told = described(settings)
    assert [name for name, _ in told] == list(kinds(settings))
    for name, text in told:
        meaning, _, values = text.partition(" [")
        assert len(meaning) > 5, name
        assert kinds(settings)[name].allowed in values
