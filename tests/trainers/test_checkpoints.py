from __future__ import annotations

import pytest

from scalefit.trainers.checkpoints import checkpoints


@pytest.mark.parametrize(("steps", "points"), [(1, 2), (2, 2), (7, 50), (1000, 2), (100_000, 60)])
def test_checkpoints_are_whole_unique_and_span_the_run(steps: int, points: int) -> None:
    found = checkpoints(steps, points)
    assert found[0] == 1
    assert found[-1] == steps
    assert len(found) <= points
    assert found == sorted(set(found))
