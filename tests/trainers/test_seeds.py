from __future__ import annotations

from scalefit.trainers.seeds import generator


def test_streams_differ_between_keys_and_repeat_for_equal_ones() -> None:
    draws = [generator(*key).random() for key in [(1, 2), (1, 2), (12,), (1, "2"), (2, 1)]]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 4
