from __future__ import annotations

from scalefit import trainers
from scalefit.trainers.families import FAMILIES


def test_every_setting_of_every_family_has_bounds_and_is_described() -> None:
    for family in FAMILIES.values():
        for name, kind in trainers.config(family.family).points[0].coordinates().items():
            assert kind is not None
            assert name in str(family.__doc__) or name in family().derived()
