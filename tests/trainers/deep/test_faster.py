"""The probe that leaves the faster of two ways."""

from __future__ import annotations

from scalefit.trainers.deep.faster import TRIED, Faster


def test_both_ways_are_tried_and_the_faster_is_left() -> None:
    done: list[str] = []

    def slow(add: int) -> None:
        done.append("slow")
        sum(range(30_000 + add))

    def fast(add: int) -> None:
        done.append("fast")
        sum(range(add))

    race = Faster(slow, fast)
    for _ in range(2 * TRIED + 10):
        race(1)
    assert race.chosen is fast
    assert done.count("slow") == TRIED + 1
    assert done[-8:] == 8 * ["fast"]


def test_a_single_way_is_not_timed() -> None:
    race = Faster(lambda: None)
    assert race.chosen is not None
    race()
