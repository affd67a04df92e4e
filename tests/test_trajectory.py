"""The shared record: what passes for a trajectory, and that storing one changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalefit.errors import InvalidData
from scalefit.trajectory import build, from_frame, open_netcdf, to_frame, validate, write

LOSS = (("run", "point"), np.array([[3.0, 2.0, 1.0], [3.0, 2.5, np.nan]]))


def example(**more: Any) -> xr.Dataset:
    coords = {"run": np.array(["a", "b"], dtype=object), "seed": ("run", [0, 1])}
    return build({"loss": LOSS, **more}, coords, source="a test", attrs={"seed": 3, "device": None})


BROKEN: dict[str, tuple[Callable[[xr.Dataset], xr.Dataset], str]] = {
    "no run": (lambda ds: ds.isel(run=0, drop=True), "dimension 'run'"),
    "no point": (lambda ds: ds.isel(point=0), "dimension 'point'"),
    "no ids": (lambda ds: ds.drop_vars("run"), "'run' is missing"),
    "numbers as ids": (lambda ds: ds.assign_coords(run=[1, 2]), "must hold strings"),
    "ids twice": (
        lambda ds: ds.assign_coords(run=np.array(["a", "a"], dtype=object)),
        "'a' occurs 2 times",
    ),
    "no status": (lambda ds: ds.drop_vars("status"), "'status' on 'run' is missing"),
    "status elsewhere": (lambda ds: ds.assign_coords(status="ok"), "'status' on 'run' is missing"),
    "strange status": (
        lambda ds: ds.assign_coords(status=("run", ["ok", "divergd"])),
        "'divergd' is unknown; did you mean 'diverged'",
    ),
    "no variable": (lambda ds: ds.drop_vars("loss").assign_coords(point=[0, 1, 2]), "at least one"),
    "other dims": (lambda ds: ds.assign(loss=ds["loss"].T), r"'loss' has dims \('point', 'run'\)"),
    "integers": (lambda ds: ds.fillna(0).astype(int, keep_attrs=True), "convert it to float"),
    "no unit": (lambda ds: ds.assign(loss=ds["loss"].drop_attrs()), "lacks the attribute 'long_"),
    **{
        f"categories {told}": (
            lambda ds, kept=kept: ds.assign(loss=ds["loss"].assign_attrs(categories=kept)),
            "'categories' of variable 'loss'",
        )
        for told, kept in {
            "of no JSON": "[1",
            "of numbers": "[1, 2]",
            "too few": '["a"]',
            "of no text": 3,
        }.items()
    },
    "no source": (lambda ds: ds.drop_attrs(deep=False), "lacks the attribute 'schema'"),
    "other schema": (lambda ds: ds.assign_attrs(schema="v0"), "'v0' is not 'scalefit-traj"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_validate_refuses_each_broken_rule(rule: str) -> None:
    breaks, message = BROKEN[rule]
    xr.testing.assert_identical(validate(example()), example())
    with pytest.raises(InvalidData, match=message):
        validate(breaks(example()))


def test_build_fills_in_what_has_a_default() -> None:
    dataset = example()
    assert dataset["status"].values.tolist() == ["ok", "ok"]
    assert dataset["loss"].attrs == {"long_name": "loss", "units": ""}
    assert dataset.attrs == {"schema": "scalefit-trajectory/1", "source": "a test", "seed": 3}


def test_netcdf_round_trip_is_exact(tmp_path: Path) -> None:
    norms = (("run", "point", "layer"), np.arange(12.0).reshape(2, 3, 2) / 7)
    dates = (("run", "point"), np.ones((2, 3)), {"units": "days since 2020-01-01"})
    odd = {"eval/loss": LOSS, "100%": LOSS, "a%2Fb\n[c]": LOSS, "norm": norms, "age": dates}
    dataset = example(**odd, half=(("run", "point"), LOSS[1].astype("float32"))).assign_coords(
        layer=np.array(["w1", "w2"], dtype=object),
        status=("run", np.array(["ok", "diverged"], dtype=object)),
        rate=("run", [0.1, np.nan]),
        arch=("run", np.array(["ViT/16", ""], dtype=object)),
        count=("run", [2**60 + 1, 3]),
    )
    dataset = dataset.assign_coords({"model size/M": ("run", [1, 2])})
    write(dataset, tmp_path / "a.nc")
    xr.testing.assert_identical(open_netcdf(tmp_path / "a.nc"), dataset)
    assert {n: v.dtype for n, v in open_netcdf(tmp_path / "a.nc").variables.items()} == {
        n: v.dtype for n, v in dataset.variables.items()
    }


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    write(example(), path)
    with pytest.raises(InvalidData):
        write(example().drop_vars("status"), path)
    with pytest.raises((TypeError, ValueError)):
        write(example().assign_coords(tag=("run", np.array([{}, "y"], dtype=object))), path)
    xr.testing.assert_identical(open_netcdf(path), example())
    assert os.listdir(tmp_path) == ["a.nc"]


def test_texts_that_netcdf_cannot_hold_are_written_as_escapes(tmp_path: Path) -> None:
    ids = np.array(["x\0", "y"], dtype=object)
    odd = example().assign_coords(tag=("run", ids)).rename(tag="a\0b")
    write(odd.assign_attrs(source="a\ud800b"), tmp_path / "a.nc")
    again = open_netcdf(tmp_path / "a.nc")
    assert again["a\\x00b"].values.tolist() == ["x\\x00", "y"]
    assert again.attrs["source"] == "a\\ud800b"


@pytest.mark.parametrize("name", [".", "..", "a\tb", "%2E"])
def test_names_that_mean_something_to_netcdf_survive(name: str, tmp_path: Path) -> None:
    before = example().assign_coords({name: ("run", [1, 2])})
    write(before, tmp_path / "a.nc")
    assert open_netcdf(tmp_path / "a.nc")[name].values.tolist() == [1, 2]


def test_files_that_hold_no_trajectory(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    with pytest.raises(InvalidData, match=r"a\.nc: not a readable"):
        open_netcdf(path)
    write(example(), path)
    whole = path.read_bytes()
    for length in (0, 20, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InvalidData, match=r"a\.nc: not a readable"):
            open_netcdf(path)
    path.write_bytes(whole.replace(b"OHDR", b"XXXX"))
    with pytest.raises(InvalidData, match=r"a\.nc: not a readable"):
        open_netcdf(path)


def test_to_frame_names_elements_and_drops_padding() -> None:
    norms = (("run", "point", "layer"), np.ones((2, 3, 2)) * LOSS[1][..., None])
    frame = to_frame(example(norm=norms).assign_coords(layer=["w1", "w2"]))
    assert frame.columns.tolist()[-3:] == ["loss", "norm[w1]", "norm[w2]"]
    assert frame["run"].tolist() == ["a", "a", "a", "b", "b"]
    assert frame["point"].tolist() == [0, 1, 2, 0, 1]


def test_to_frame_names_elements_of_two_further_dimensions_by_both() -> None:
    values = np.arange(36.0).reshape(2, 3, 2, 3)
    frame = to_frame(example(R=(("run", "point", "unit", "teacher_unit"), values)))
    assert frame.columns.tolist()[-7:-4] == ["loss", "R[0,0]", "R[0,1]"]
    np.testing.assert_array_equal(frame["R[1,0]"], values[:, :, 1, 0].ravel())


def test_columns_with_taken_names_get_an_underscore() -> None:
    frame = pd.DataFrame({"run": [1, 2], "status": "done", "point": [5, 6], "loss": [2.0, 1.0]})
    dataset = from_frame(frame)
    assert set(dataset.data_vars) == {"run_", "point_", "loss"}
    assert dataset["status_"].values.tolist() == ["done"]
    with pytest.raises(InvalidData, match="'run' and 'run_': rename"):
        from_frame(frame.assign(run_=[3, 4]))


@pytest.mark.parametrize(
    ("frame", "arguments", "message"),
    [
        (pd.DataFrame({"a": [1.0]}), {"by": ["aa"]}, "no column 'aa'; did you mean 'a'"),
        (pd.DataFrame({"a": []}), {}, "no rows"),
        (pd.DataFrame({"a": [1, "1"], "b": [1, 2]}), {"by": ["a"]}, "a: .* called '1'"),
        (
            pd.DataFrame({"a": ["x, y", "x"], "b": ["z", "y, z"], "c": [1, 2]}),
            {"by": ["a", "b"]},
            "a, b: .* called 'x, y, z'",
        ),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "'a' occurs twice"),
    ],
)
def test_from_frame_refuses(frame: pd.DataFrame, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        from_frame(frame, **arguments)


def test_missing_text_is_empty_text() -> None:
    frame = pd.DataFrame({"k": ["a", "b"], "tag": ["x", None], "loss": [1.0, 2.0]})
    assert from_frame(frame, by=["k"])["tag"].values.tolist() == ["x", ""]


names = st.text(st.characters(codec="utf-8", exclude_characters="\x00."), min_size=1, max_size=6)
floats = st.floats(width=64)


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, list[str]]:
    """Draw a tidy table: keys that tell runs apart, and numbers, one row per point."""
    columns = draw(
        st.lists(
            names.filter(lambda n: n.rstrip("_") not in ("run", "point", "status")),
            min_size=3,
            max_size=5,
            unique=True,
        )
    )
    keys = draw(
        st.lists(
            st.tuples(st.integers(-(2**62), 2**62), names), min_size=1, max_size=4, unique=True
        )
    )
    rows = [
        (*key, *(draw(floats) for _ in columns[2:]))
        for key in keys
        for _ in range(draw(st.integers(1, 4)))
    ]
    return pd.DataFrame(rows, columns=columns), columns[:2]


@given(tables())
@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_table_to_file_and_back_is_exact(
    tmp_path: Path, table: tuple[pd.DataFrame, list[str]]
) -> None:
    frame, by = table
    numbers = [column for column in frame.columns if column not in by]
    path = tmp_path / "a.nc"
    write(from_frame(frame, by=by, variables=numbers), path)
    back = to_frame(open_netcdf(path))
    kept = frame[frame[numbers].notna().any(axis=1)].reset_index(drop=True)
    for column in frame.columns:
        np.testing.assert_array_equal(back[column].to_numpy(), kept[column].to_numpy())
