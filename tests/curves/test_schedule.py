"""Areas of a learning rate along runs, and where a plan will take them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from scalefit import trajectory
from scalefit.curves.areas import areas
from scalefit.curves.schedule import Schedule, planned, schedule
from scalefit.errors import ConfigError, InvalidData

Array = NDArray[np.float64]


def loop(rate: Array, decay: float, first: float) -> tuple[Array, Array]:
    """Return both areas at every step, one step after the other."""
    s1, s2, momentum = [first], [0.0], 0.0
    for before, now in pairwise(rate):
        momentum = decay * momentum + (before - now)
        s1.append(s1[-1] + now)
        s2.append(s2[-1] + momentum)
    return np.array(s1), np.array(s2)


def runs(step: Array, rate: Array) -> xr.Dataset:
    dims = ("run", "point")
    return trajectory.build(
        {"step": (dims, step[None]), "lr": (dims, rate[None])}, {"run": ["a"]}, source="test"
    )


def cosine(step: Array, end: float) -> Array:
    return np.asarray(0.1 + 0.9 * 0.5 * (1.0 + np.cos(np.pi * step / end)))


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999])
def test_areas_are_those_of_a_plain_loop(decay: float) -> None:
    step = np.arange(100.0, 1100.0)
    rate = cosine(step - 100.0, 1000.0)
    s1, s2 = loop(rate, decay, 50.0)
    found = areas(step, rate, decay)
    np.testing.assert_allclose(found.s1, s1, rtol=1e-12)
    np.testing.assert_allclose(found.s2, s2, rtol=1e-9, atol=1e-12)


def test_steps_left_out_count_as_a_straight_line() -> None:
    step = np.array([64.0, 192.0, 200.0, 456.0])
    rate = np.array([1.0, 0.8, 0.8, 0.1])
    every = np.arange(64.0, 457.0)
    s1, s2 = loop(np.interp(every, step, rate), 0.99, 32.0)
    found = areas(step, rate, 0.99)
    at = (step - 64.0).astype(int)
    np.testing.assert_allclose(found.s1, s1[at], rtol=1e-12)
    np.testing.assert_allclose(found.s2, s2[at], rtol=1e-9)


def test_warm_up_is_no_annealing_and_a_later_rise_is() -> None:
    step = np.arange(1.0, 9.0)
    rate = np.array([0.2, 0.6, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0])
    found = areas(step, rate, 0.5, warm_up=0.0)
    np.testing.assert_array_equal(found.s2[:4], 0.0)
    _, s2 = loop(rate[3:], 0.5, 0.0)
    np.testing.assert_allclose(found.s2[3:], s2, atol=1e-15)
    assert found.s1[0] == 0.0


def test_the_variables_are_added_where_there_are_steps() -> None:
    step = np.array([10.0, 20.0, 30.0, np.nan])
    rate = np.array([1.0, np.nan, 0.0, np.nan])
    found = schedule(runs(step, rate), decay=0.9, warm_up=4.0)
    trajectory.validate(found)
    expected = areas([10.0, 20.0, 30.0], [1.0, 0.5, 0.0], 0.9, 4.0)
    np.testing.assert_allclose(found["s1"].values[0], [*expected.s1, np.nan])
    np.testing.assert_allclose(found["s2"].values[0], [*expected.s2, np.nan])


@pytest.mark.parametrize(
    ("plan", "rate"),
    [
        (Schedule("constant"), lambda step: np.ones_like(step)),
        (Schedule("linear", end=3000.0), lambda step: 1.0 - (step - 1000.0) / 2000.0),
        (
            Schedule("linear", start=2000.0, end=3000.0, low=0.1),
            lambda step: 1.0 - 0.9 * np.clip((step - 2000.0) / 1000.0, 0.0, 1.0),
        ),
        (
            Schedule("wsd", end=3000.0),
            lambda step: 1.0 - np.clip((step - 2400.0) / 600.0, 0.0, 1.0),
        ),
        (
            Schedule("exponential", start=2000.0, end=3000.0, low=0.01),
            lambda step: 0.01 ** np.clip((step - 2000.0) / 1000.0, 0.0, 1.0),
        ),
        (
            Schedule("cosine", end=3000.0),
            lambda step: 0.5 * (1.0 + np.cos(np.pi * (step - 1000.0) / 2000.0)),
        ),
    ],
)
def test_a_plan_is_the_same_run_gone_on(plan: Schedule, rate: object) -> None:
    past, future = np.arange(100.0, 1001.0), np.arange(1001.0, 3001.0)
    made = schedule(runs(past, np.ones_like(past)), warm_up=0.0)
    every = np.concatenate([past, future])
    whole = np.concatenate([np.ones_like(past), rate(future)])  # type: ignore[operator]
    expected = areas(every, whole, warm_up=0.0)
    at = np.array([1000.0, 1500.0, 2100.0, 3000.0])
    found = planned(made, plan, at)
    place = np.searchsorted(every, at)
    np.testing.assert_allclose(found["s1"], expected.s1[place], rtol=1e-9)
    np.testing.assert_allclose(found["s2"], expected.s2[place], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found["lr"], whole[place], atol=1e-12)


def test_a_cosine_that_has_begun_goes_on() -> None:
    every = np.arange(0.0, 2001.0, 10.0)
    rate = cosine(every, 2000.0)
    made = schedule(runs(every[:101], rate[:101]))
    found = planned(made, Schedule("cosine", start=0.0, end=2000.0, low=0.1), every[120:])
    whole = areas(every, rate)
    np.testing.assert_allclose(found["s1"], whole.s1[120:], rtol=2e-5)
    np.testing.assert_allclose(found["s2"], whole.s2[120:], rtol=1e-4)


def test_a_plan_may_be_a_column() -> None:
    past = np.arange(0.0, 101.0)
    made = schedule(runs(past, np.ones_like(past)), decay=0.9)
    found = planned(made, ([100.0, 150.0, 200.0], [1.0, 0.2, 0.1]), [120.0, 300.0], run="a")
    every = np.arange(0.0, 301.0)
    rate = np.interp(every, [0.0, 100.0, 150.0, 200.0], [1.0, 1.0, 0.2, 0.1])
    expected = areas(every, rate, 0.9)
    np.testing.assert_allclose(found["s1"], expected.s1[[120, 300]], rtol=1e-9)
    np.testing.assert_allclose(found["s2"], expected.s2[[120, 300]], rtol=1e-6)


def test_refusals_name_what_is_wrong() -> None:
    step, rate = np.arange(3.0), np.ones(3)
    made = schedule(runs(step, rate))
    with pytest.raises(InvalidData, match="'rate' is no variable"):
        schedule(runs(step, rate), lr="rate")
    with pytest.raises(InvalidData, match="does not ascend"):
        schedule(runs(step[::-1], rate))
    with pytest.raises(InvalidData, match="has -1"):
        schedule(runs(step, -rate))
    with pytest.raises(InvalidData, match="no 'lr' of run"):
        schedule(runs(step, np.full(3, np.nan)))
    with pytest.raises(ConfigError, match="decay=1"):
        schedule(runs(step, rate), decay=1.0)
    with pytest.raises(InvalidData, match=r"scalefit\.schedule first"):
        planned(runs(step, rate), Schedule("constant"), [4.0])
    with pytest.raises(InvalidData, match="lies before step 2"):
        planned(made, Schedule("constant"), [1.0])
    with pytest.raises(ConfigError, match="run='b'"):
        planned(made, Schedule("constant"), [4.0], run="b")
    with pytest.raises(ConfigError, match="not beyond the last step"):
        planned(made, Schedule("linear", end=1.0), [4.0])
    with pytest.raises(ConfigError, match="did you mean 'cosine'"):
        Schedule("cosin")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="needs end"):
        Schedule("linear")
    with pytest.raises(ConfigError, match="never gets there"):
        Schedule("exponential", end=3.0)


def test_a_rate_that_never_changes_may_be_a_coordinate_of_the_run() -> None:
    steps = np.arange(1.0, 9.0) * 100
    columns = {"step": (("run", "point"), steps[None]), "loss": (("run", "point"), steps[None])}
    along = {**columns, "lr": (("run", "point"), np.full((1, 8), 3e-4))}
    coords = {"run": ["a"], "lr": ("run", [3e-4])}
    found = schedule(trajectory.build(columns, coords, source="test"))
    same = schedule(trajectory.build(along, {"run": ["a"]}, source="test"))
    for name in ("s1", "s2"):
        np.testing.assert_array_equal(found[name].values, same[name].values)
