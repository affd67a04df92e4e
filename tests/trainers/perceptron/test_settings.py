from __future__ import annotations

import pytest

from scalefit import trainers
from scalefit.errors import ConfigError


def test_one_example_needs_one_example() -> None:
    assert trainers.config("perceptron", load=1 / 49, N=49).points[0].n_train == 1


def test_settings_of_the_protocols_are_checked() -> None:
    for settings, words in [
        ({"protocol": "adatron", "learning_rate": 2}, "below 2"),
        ({"protocol": "adatrn"}, "did you mean 'adatron'"),
        ({"inputs": "rademaker"}, "did you mean 'rademacher'"),
        ({"step_rule": "growing"}, "'step_rule' is 'growing'"),
        ({"stability": 1}, "'stability' is 1"),
    ]:
        with pytest.raises(ConfigError, match=words):
            trainers.config("perceptron", **settings)
