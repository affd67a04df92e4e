"""From a trajectory to curves: what is refused, what is handled, and what the notes say.

One file of a little more than 400 lines: all that one function refuses and notes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scalefit.curves import surfaces
from scalefit.curves.curve import Curve
from scalefit.curves.selection import curves
from scalefit.curves.settings import defining
from scalefit.errors import ConfigError, InvalidData
from scalefit.io import read
from scalefit.trajectory import build

NAN, INF = np.nan, np.inf
AXES: dict[str, Any] = {"x": "step", "y": "loss"}


def trajectory(
    steps: list[list[float]], losses: list[list[float]], **coords: list[Any]
) -> xr.Dataset:
    """Return runs a, b, ...; shorter ones are padded."""
    longest = max(map(len, steps))

    def padded(rows: list[list[float]]) -> np.ndarray[Any, Any]:
        return np.array([[*row, *[NAN] * (longest - len(row))] for row in rows], dtype=float)

    return build(
        {"step": (("run", "point"), padded(steps)), "loss": (("run", "point"), padded(losses))},
        {
            "run": np.array(list("abcdefghijklmnopqrstuvwxyz"[: len(steps)]), dtype=object),
            **{
                name: (
                    "run",
                    np.array(values, dtype=object if isinstance(values[0], str) else None),
                )
                for name, values in coords.items()
            },
        },
        source="a test",
    )


def one(steps: list[float], losses: list[float], **arguments: Any) -> Curve:
    (curve,) = curves(trajectory([steps], [losses]), **{**AXES, **arguments})
    return curve


def sweep(**arguments: Any) -> list[Curve]:
    """Return curves over n_train: two seeds at 100, out of order, and two architectures."""
    dataset = trajectory(
        [[1, 2, 3]] * 7,
        [[9, 4, 5], [9, 3, NAN], [9, 2, 3], [9, 3, 4], [8, 4, 5], [8, 3, 4], [8, 2, 3]],
        n_train=[100, 100, 400, 200, 100, 200, 400],
        seed=[0, 1, 0, 0, 0, 0, 0],
        arch=["mlp"] * 4 + ["cnn"] * 3,
    )
    return curves(dataset, **{"x": "n_train", "y": "loss", "by": "arch", **arguments})


def test_every_run_is_a_curve() -> None:
    dataset = trajectory([[1, 2, 4], [1, 2]], [[3, 2, 1], [5, 4]], seed=[7, 8], arch=["p", "q"])
    first, second = curves(dataset, **AXES, minimum=2)
    assert (first.run, second.run) == ("a", "b")
    assert first.labels == {"seed": 7, "arch": "p"}
    assert type(first.labels["seed"]) is int
    np.testing.assert_array_equal(first.x, [1, 2, 4])
    np.testing.assert_array_equal(second.y, [5, 4])
    assert first.notes == second.notes == ()


def test_runs_equal_in_by_are_pooled() -> None:
    dataset = trajectory(
        [[1, 3, 5], [2, 4], [1, 2, 3]], [[6, 4, 2], [5, 3], [9, 8, 7]], arch=["p", "p", "q"]
    )
    first, second = curves(dataset, **AXES, by="arch")
    assert (first.run, first.labels) == ("p", {"arch": "p"})
    np.testing.assert_array_equal(first.x, [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(first.y, [6, 5, 4, 3, 2])
    assert first.notes == second.notes == ()


def test_ids_of_pooled_runs_are_unique() -> None:
    dataset = trajectory(
        [[1, 2, 3]] * 2, [[3, 2, 1]] * 2, p=["k, l", "k"], q=["m", "l, m"], n=[1, 2]
    )
    found = curves(dataset, **AXES, by=["p", "q"])
    assert [curve.run for curve in found] == ["'k, l', 'm'", "'k', 'l, m'"]
    assert [curve.run for curve in curves(dataset, **AXES, by=["run"])] == ["a", "b"]
    assert [curve.run for curve in curves(dataset, **AXES, by=["n", "q"])] == ["1, m", "2, l, m"]


NOTES: dict[str, tuple[list[float], list[float], dict[str, Any], list[float], list[str]]] = {
    "in order": ([1, 2, 3], [3, 2, 1], {}, [3, 2, 1], []),
    "unsorted": ([3, 1, 2], [1, 3, 2], {}, [3, 2, 1], ["rows were not in order of x"]),
    "hole": (
        [1, 2, 3, 4, 5],
        [3, NAN, NAN, 2, 1],
        {},
        [3, 2, 1],
        ["2 points without y between others left out"],
    ),
    "hole, unsorted": (
        [1, 4, 3, 2],
        [3, 1, NAN, 2],
        {},
        [3, 2, 1],
        ["rows were not in order of x", "1 point without y between others left out"],
    ),
    "replicates": ([1, 2, 2, 3], [4, 2, 3, 1], {}, [4, 2, 3, 1], ["1 row: all rows are kept"]),
    "last": (
        [1, 2, 2, 2, 3],
        [4, 2, 5, 3, 1],
        {"duplicates": "last"},
        [4, 3, 1],
        ["2 rows: the last row of each is kept"],
    ),
    "zero": ([0, 1, 2, 3], [9, 3, 2, 1], {}, [3, 2, 1], ["1 point at x = 0 dropped"]),
    "zero without y": ([0, 1, 2, 3], [NAN, 3, 2, 1], {}, [3, 2, 1], ["1 point at x = 0"]),
    "negative y at zero": ([0, 1, 2, 3], [-1, 3, 2, 1], {}, [3, 2, 1], ["1 point at x = 0"]),
    "head": ([1, 2, 3, 4, 5], [NAN, NAN, 3, 2, 1], {}, [3, 2, 1], ["2 leading points without y"]),
    "tail": ([1, 2, 3, 4], [3, 2, 1, NAN], {}, [3, 2, 1], ["1 trailing point without y"]),
    "tail, unsorted": (
        [4, 1, 2, 3],
        [NAN, 3, 2, 1],
        {},
        [3, 2, 1],
        ["rows were not in order", "1 trailing point"],
    ),
    "padding": ([1, 2, 3, NAN], [3, 2, 1, NAN], {}, [3, 2, 1], []),
    "neither x nor y": ([1, NAN, 2, 3], [3, NAN, 2, 1], {}, [3, 2, 1], []),
    "range": ([0, 1, 2, 3, 4, 5], [-1, 4, 3, 2, 1, -1], {"x_range": (2, 4)}, [3, 2, 1], []),
    "open range": ([1, 2, 3, 4], [NAN, 3, 2, 1], {"x_range": (2, INF)}, [3, 2, 1], []),
    "all": (
        [0, 1, 2, 4, 3, 3, 5],
        [9, NAN, 5, 3, 4, 4, NAN],
        {},
        [5, 4, 4, 3],
        ["rows were not", "x = 0", "leading", "trailing", "repeated"],
    ),
}


@pytest.mark.parametrize("case", NOTES)
def test_what_is_ordinary_gets_one_note_each(case: str) -> None:
    steps, losses, arguments, expected, words = NOTES[case]
    curve = one(steps, losses, **arguments)
    np.testing.assert_array_equal(curve.y, expected)
    assert len(curve.notes) == len(words)
    assert all(word in note for word, note in zip(words, curve.notes, strict=True))


def test_status_gets_a_note() -> None:
    states = {"status": ["ok", "diverged", "oom"], "arch": ["p", "p", "q"]}
    dataset = trajectory(
        [[1, 2, 3], [4, 5, 6], [1, 2, 3]], [[9, 8, 7], [6, 5, NAN], [3, 2, 1]], **states
    )
    pooled, single = curves(dataset, **AXES, by="arch")
    assert pooled.notes[0] == "1 of 2 runs ended as diverged: the finite part is used"
    assert "1 trailing point" in pooled.notes[1]
    assert single.notes == ("the run ended as oom: the finite part is used",)


def test_a_run_coordinate_as_x_takes_one_point_per_run() -> None:
    mlp, cnn = sweep()
    assert (mlp.run, cnn.run) == ("mlp", "cnn")
    np.testing.assert_array_equal(mlp.x, [100, 100, 200, 400])
    np.testing.assert_array_equal(mlp.y, [5, 3, 4, 3])
    assert mlp.notes == ("x is repeated in 1 row: all rows are kept as replicates",)
    np.testing.assert_array_equal(sweep(at="min")[0].y, [4, 3, 3, 2])
    np.testing.assert_array_equal(sweep(at=1)[0].y, [4, 3, 3, 2])


def test_runs_without_a_y_are_left_out_with_a_note() -> None:
    (mlp, _) = sweep(at=2)
    np.testing.assert_array_equal(mlp.y, [5, 4, 3])
    assert mlp.notes == ("1 run without y dropped",)


def test_zero_of_a_run_coordinate_may_stand_anywhere() -> None:
    dataset = trajectory([[1]] * 4, [[4], [9], [3], [2]], decay=[0.1, 0.0, 0.2, 0.3])
    (curve,) = curves(dataset, x="decay", y="loss")
    np.testing.assert_array_equal(curve.y, [4, 3, 2])
    assert curve.run == "all"
    assert curve.notes == ("1 point at x = 0 dropped: 0 has no logarithm",)


def test_pooling_everything_says_what_differs() -> None:
    (curve,) = sweep(by=[])
    assert curve.notes == (
        "x is repeated in 4 rows: all rows are kept as replicates",
        "all runs are one curve, though they differ in seed, arch",
    )
    mlp, cnn = sweep(by=None)
    assert (mlp.run, mlp.labels, cnn.run) == ("mlp", {"arch": "mlp"}, "cnn")
    said = "curves are told apart by arch; runs of one differ in seed"
    assert mlp.notes[-1] == cnn.notes[-1] == said


@pytest.mark.parametrize(
    ("coordinates", "apart"),
    [
        ({"arch": ["a", "a", "a", "b", "b", "b"]}, ["arch"]),
        ({"seed": [0, 1, 2, 0, 1, 2]}, []),
        ({"data_seed": [0, 1, 2, 0, 1, 2], "order": list("pqrpqr")}, []),
        ({"name": list("abcdef")}, []),  # as many as runs
        ({"size": ["S", "M", "L", "S", "M", "L"]}, []),  # a name of x
        ({"width": [8, 16, 32, 8, 16, 32]}, []),  # grows with x
        ({"rate": [3e-3, 1e-3, 1e-3, 3e-3, 1e-3, 1e-3]}, []),  # falls with x
        ({"rate": [3e-3, 1e-3, 2e-3, 1e-3, 2e-3, 3e-3]}, ["rate"]),
        ({"decay": [0, 0, 0, 0.1, 0.1, 0.1], "seed": [0] * 6}, ["decay"]),
        ({"decay": [0, 0, 0, NAN, NAN, NAN]}, ["decay"]),
        ({"constant": [1, 1, 1, 1, 1, 1]}, []),
    ],
)
def test_settings_that_vary_tell_curves_apart(
    coordinates: dict[str, Any], apart: list[str]
) -> None:
    n = [1.0, 2.0, 4.0] * 2
    dataset = trajectory([[1]] * 6, [[3]] * 6, n=n, **coordinates)
    assert defining(dataset, "n") == apart


def test_settings_of_different_x_tell_curves_apart() -> None:
    n, arch = [1.0, 4.0, 16.0, 2.0, 8.0, 32.0], list("aaabbb")
    dataset = trajectory([[1]] * 6, [[3]] * 6, n=n, arch=arch, width=[1, 2, 4, 1.4, 2.8, 5.6])
    assert defining(dataset, "n") == ["arch"]


def test_what_a_run_found_tells_no_curves_apart() -> None:
    n = [1.0, 2.0, 4.0] * 2
    dataset = trajectory([[1]] * 6, [[3]] * 6, n=n, error=[0.3, 0.1, 0.2, 0.1, 0.2, 0.3])
    assert defining(dataset, "n") == ["error"]
    dataset["error"].attrs["role"] = "outcome"
    assert defining(dataset, "n") == []
    assert surfaces._defining(dataset, ["n"]) == []


REFUSED: dict[str, tuple[list[float], list[float], dict[str, Any], list[str]]] = {
    "unknown x": ([1], [1], {"x": "stop"}, ["'stop'", "did you mean 'step'"]),
    "unknown y": ([1], [1], {"y": "lss"}, ["'lss'", "did you mean 'loss'"]),
    "infinite x": ([1, INF, 3], [3, 2, 1], {}, ["'step' is infinite", "'a'", "point 1"]),
    "negative x": (
        [-1, 1, -2],
        [3, 2, 1],
        {"x_range": (1, 9)},
        ["'step' is negative: -1.0", "point 0", "of 2"],
    ),
    "missing x": ([1, NAN, 3], [3, 2, 1], {}, ["'step' is missing", "point 1"]),
    "late zero": ([1, 2, 0, 3], [4, 3, 2, 1], {}, ["'step' returns to zero", "point 2", "Delete"]),
    "infinite y": ([1, 2, 3], [3, INF, 1], {}, ["'loss' is infinite", "point 1"]),
    "negative y": (
        [1, 2, 3],
        [3, -2, 0],
        {},
        ["'loss' is not positive: -2.0", "point 1", "of 2", "loss + 5"],
    ),
    "few": ([1, 2, 2], [3, 2, 1], {}, ["'a' has 2 distinct values of 'step'", "needs 3"]),
    "few left": ([1, 2, 3], [3, 2, 1], {"x_range": (2, 9)}, ["2 distinct", "x_range=(2, 9)"]),
    "none left": ([1, 2, 3], [3, 2, 1], {"x_range": (5, 9)}, ["no point", "(5, 9)", "1 to 3"]),
    "no y": ([1, 2, 3], [NAN, NAN, NAN], {}, ["'a' has no point"]),
    "constant": ([1, 2, 3], [2, 2, 2], {}, ["'loss' is 2.0 at all 3 points", "'a'"]),
    "repeated": (
        [1, 2, 2, 3],
        [4, 3, 2, 1],
        {"duplicates": "error"},
        ["'step' repeats", ": 2.0", "point 2", "duplicates"],
    ),
    "unknown by": ([1], [1], {"by": "sede"}, ["by='sede'", "known: run, status"]),
    "variable in by": ([1], [1], {"by": ["loss"]}, ["by='loss'", "changes along a run"]),
    "text as x": ([1], [1], {"x": "status"}, ["x='status'", "is text"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_defects_are_refused_by_name(case: str) -> None:
    steps, losses, arguments, words = REFUSED[case]
    with pytest.raises(InvalidData) as caught:
        one(steps, losses, **arguments)
    message = str(caught.value)
    assert len(message.split("\n")) <= 3
    assert message.startswith("a test: ")
    assert [word for word in words if word not in message] == []


def test_more_refusals() -> None:
    dataset = trajectory([[1, 2, 3]] * 3, [[3, 2, 1]] * 3, n=[1.0, NAN, 2.0], arch=["p", "q", "r"])
    with pytest.raises(InvalidData, match=r"'n' is missing at run 'b'"):
        curves(dataset, **AXES, by="n")
    with pytest.raises(InvalidData, match=r"'n' is missing where y is not, at run 'b', point 2"):
        curves(dataset, x="n", y="loss")
    with pytest.raises(InvalidData, match="y='n' does not change along a run"):
        curves(dataset, x="step", y="n")
    with pytest.raises(
        InvalidData, match=r"'p' has 1 distinct value of 'n'.*the first of 3 such curves"
    ):
        curves(dataset.assign_coords(n=("run", [1, 1, 2])), x="n", y="loss", by="arch")
    norm = (("run", "point", "layer"), np.ones((3, 3, 2)), {"long_name": "n", "units": ""})
    with pytest.raises(InvalidData, match="further dimension 'layer'"):
        curves(dataset.assign(norm=norm), x="step", y="norm")


def with_errors(dataset: xr.Dataset, errors: list[list[float]]) -> xr.Dataset:
    """Return the trajectory with standard errors in the variable `sd`."""
    named = {"long_name": "sd", "units": ""}
    return dataset.assign(sd=(("run", "point"), np.array(errors, dtype=float), named))


def test_errors_become_those_of_log_y() -> None:
    plain = trajectory([[4, 1, 2, 3, 3]], [[1, 4, 2, 5, 3]])
    dataset = with_errors(plain, [[0.1, 0.2, 0.0, 0.5, 0.6]])
    (curve,) = curves(dataset, **AXES, y_err="sd")
    assert curve.error is not None
    np.testing.assert_allclose(curve.error, [0.05, 0.0, 0.1, 0.2, 0.1])
    (last,) = curves(dataset, **AXES, y_err="sd", duplicates="last")
    assert last.error is not None
    np.testing.assert_allclose(last.error, [0.05, 0.0, 0.2, 0.1])
    (without,) = curves(dataset, **AXES)
    assert without.error is None


def test_errors_of_points_that_are_not_used_do_not_matter() -> None:
    plain = trajectory([[0, 1, 2, 3, 4, NAN]], [[9, NAN, 4, 2, 1, NAN]])
    dataset = with_errors(plain, [[-1, NAN, 0.4, 0.2, 0.1, INF]])
    (curve,) = curves(dataset, **AXES, y_err="sd")
    assert curve.error is not None
    np.testing.assert_allclose(curve.error, 0.1)


def test_errors_go_with_the_point_that_a_run_gives() -> None:
    plain = trajectory([[1, 2]] * 3, [[4, 8], [2, NAN], [2, 1]], n=[10, 20, 40])
    dataset = with_errors(plain, [[0.4, 0.8], [0.4, 9], [0.6, 0.5]])
    for at, expected in (("last", [0.1, 0.2, 0.5]), ("min", [0.1, 0.2, 0.5]), (0, [0.1, 0.2, 0.3])):
        (curve,) = curves(dataset, x="n", y="loss", y_err="sd", at=at)  # type: ignore[arg-type]
        assert curve.error is not None
        np.testing.assert_allclose(curve.error, expected)


@pytest.mark.parametrize("wrong", [-0.1, NAN, INF, -INF])
def test_errors_that_are_none_are_refused_by_row(wrong: float, tmp_path: Path) -> None:
    dataset = with_errors(trajectory([[1, 2, 3]] * 2, [[3, 2, 1]] * 2), [[0.1] * 3, [0, 0, wrong]])
    with pytest.raises(InvalidData) as caught:
        curves(dataset, **AXES, y_err="sd")
    for words in ("'sd' is no standard error", "at run 'b', point 2.", "Give a finite number >= 0"):
        assert words in str(caught.value)
    path = tmp_path / "runs.csv"
    path.write_text(f"step,loss,sd\n1,3,0.1\n2,2,{'' if wrong != wrong else wrong}\n3,1,0.1\n")
    with pytest.raises(InvalidData, match=r"'sd' is no standard error.*, row 3\."):
        curves(read(path, **AXES, y_err="sd"), **AXES, y_err="sd")


def test_columns_that_hold_no_errors() -> None:
    dataset = trajectory([[1, 2, 3]], [[3, 2, 1]], seed=[7])
    with pytest.raises(InvalidData, match="no column y_err='lss'; did you mean 'loss'"):
        curves(dataset, **AXES, y_err="lss")
    with pytest.raises(InvalidData, match="y_err='seed' does not change along a run"):
        curves(dataset, **AXES, y_err="seed")


def test_only_one_run_in_order_has_neighbours() -> None:
    """Noise is asked for serial correlation only along such a curve."""
    assert one([1, 2, 3], [3, 2, 1]).ordered
    assert one([3, 1, 2], [1, 3, 2]).ordered  # once sorted
    assert not one([1, 2, 2, 3], [4, 3, 2, 1]).ordered
    assert one([1, 2, 2, 3], [4, 3, 2, 1], duplicates="last").ordered
    pooled = trajectory([[1, 3, 5], [2, 4, 6]], [[6, 4, 2], [5, 3, 1]], arch=["p", "p"])
    assert not curves(pooled, **AXES, by="arch")[0].ordered
    assert all(curve.ordered for curve in curves(pooled, **AXES))
    assert not any(curve.ordered for curve in sweep())


@pytest.mark.parametrize(
    "arguments",
    [{"duplicates": "first"}, {"x_range": (3, 1)}, {"x_range": (NAN, 1)}, {"at": "first"}],
)
def test_arguments_outside_their_choices(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        sweep(**arguments)
    with pytest.raises(ConfigError, match="position from 0 to 2"):
        sweep(at=3)


def test_the_row_of_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("model,step,loss\na,1,3\nb,1,3\nb,2,0\nb,3,1\n")
    dataset = read(path, **AXES, by="model")
    with pytest.raises(InvalidData, match=r"runs\.csv: .*'loss' .*: 0\.0, at run 'b', row 4\."):
        curves(dataset, **AXES)


def test_columns_called_run_and_point_are_found(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(
        "run,seed,point,loss\n"
        + "".join(f"a,{i},{j + 1},{9 - j}\n" for i in (0, 1) for j in range(3))
    )
    dataset = read(path, x="point", y="loss", by=["run", "seed"])
    (curve,) = curves(dataset, x="point", y="loss", by="run")
    assert curve.labels == {"run": "a"}
    np.testing.assert_array_equal(curve.x, [1, 1, 2, 2, 3, 3])


numbers = st.one_of(
    st.floats(allow_nan=True, width=32), st.integers(-1, 5).map(float), st.just(NAN)
)
runs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8)


@given(st.lists(runs, min_size=1, max_size=4), st.sampled_from(["replicate", "last", "error"]))
@settings(deadline=None, max_examples=200)
def test_curves_are_sorted_positive_and_finite(
    points: list[list[tuple[float, float]]], duplicates: Any
) -> None:
    dataset = trajectory(
        [[x for x, _ in run] for run in points],
        [[y for _, y in run] for run in points],
        group=[i % 2 for i in range(len(points))],
    )
    for by in (None, "group"):
        try:
            found = curves(dataset, **AXES, by=by, duplicates=duplicates, minimum=2)
        except InvalidData:
            continue
        for curve in found:
            assert curve.x.shape == curve.y.shape
            assert (np.diff(curve.x) >= 0).all()
            assert (curve.x > 0).all()
            assert (curve.y > 0).all()
            assert np.isfinite([curve.x, curve.y]).all()
            assert len(np.unique(curve.x)) >= 2


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 99)), min_size=4, max_size=12),
    st.integers(-40, 40),
    st.integers(-40, 40),
)
@settings(deadline=None, max_examples=100)
def test_scaling_x_and_y_only_scales(
    points: list[tuple[int, int]], x_power: int, y_power: int
) -> None:
    x = np.sort([float(step) for step, _ in points])
    y = np.array([float(loss) for _, loss in points])
    try:
        before = one(x.tolist(), y.tolist(), minimum=2)
    except InvalidData:
        with pytest.raises(InvalidData):
            one((x * 2.0**x_power).tolist(), (y * 2.0**y_power).tolist(), minimum=2)
        return
    after = one((x * 2.0**x_power).tolist(), (y * 2.0**y_power).tolist(), minimum=2)
    np.testing.assert_array_equal(after.x, before.x * 2.0**x_power)
    np.testing.assert_array_equal(after.y, before.y * 2.0**y_power)
    assert _unrounded(after) == _unrounded(before)


def _unrounded(curve: Curve) -> list[str]:
    """Return notes but for that on decimals, which a scale has its own of."""
    return [note for note in curve.notes if not note.startswith("y is rounded")]


def test_a_setting_that_is_missing_everywhere_is_no_difference() -> None:
    data = trajectory([[1.0], [2.0]], [[0.5], [0.4]], width=[10.0, 20.0], margin=[NAN, NAN])
    (curve,) = curves(data, x="width", y="loss", minimum=2)
    assert not any("differ in margin" in note for note in curve.notes)


def test_zeros_among_rounded_values_are_looked_for_in_a_curve_of_single_points() -> None:
    x = np.geomspace(1.0, 1e6, 25)
    y = np.round(5.0 * x**-0.5 * np.exp(0.1 * np.random.default_rng(0).standard_normal(25)), 1)
    dataset = trajectory([[1.0]] * 25, [[one] for one in y.tolist()], n=x.tolist())
    (curve,) = curves(dataset, x="n", y="loss")
    assert curve.grain == pytest.approx(0.1)
    assert curve.x.size == 25
    scaled = dataset["loss"].copy(data=dataset["loss"].values * x[:, None])
    with pytest.raises(InvalidData, match="is no rounded value"):
        curves(dataset.assign(loss=scaled), x="n", y="loss")
