"""One sample from files of several kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalefit import trajectory
from scalefit.errors import InvalidData
from scalefit.io.values import read_values

VALUES = np.array([3.25, 1e-5, 7.0, 0.0, 12.5])


def test_files_of_several_kinds_hold_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({"s": VALUES})
    frame.to_csv(tmp_path / "v.csv", index=False)
    frame.to_json(tmp_path / "v.jsonl", orient="records", lines=True, double_precision=15)
    np.savetxt(tmp_path / "v.txt", VALUES, header="eigenvalues")
    np.savetxt(tmp_path / "v.gz", VALUES)
    np.save(tmp_path / "v.npy", VALUES.reshape(1, -1))
    trajectory.write(trajectory.from_frame(frame, source="test"), tmp_path / "v.nc")
    for name in ("v.csv", "v.jsonl", "v.txt", "v.gz", "v.npy"):
        np.testing.assert_allclose(read_values(tmp_path / name), VALUES, err_msg=name)
    np.testing.assert_allclose(read_values(tmp_path / "v.nc", "s"), VALUES)


def test_missing_cells_are_nan(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("layer,s\na,1.5\nb,\nc,2\n")
    np.testing.assert_array_equal(read_values(tmp_path / "v.csv", "s"), [1.5, np.nan, 2.0])


@pytest.mark.parametrize(
    ("name", "column", "words"),
    [
        ("v.npy", "s", "an array has no column 's'"),
        ("cut.npy", None, "not an array of numbers, or damaged"),
        ("text.npy", None, "what is no number"),
        ("none.csv", "s", "no such file"),
        ("v.csv", None, "name one of its columns: 'layer', 's'"),
        ("v.csv", "layers", "did you mean 'layer'?"),
    ],
)
def test_refusals_are_one_line(tmp_path: Path, name: str, column: str | None, words: str) -> None:
    (tmp_path / "v.csv").write_text("layer,s\na,1.5\nb,2\n")
    np.save(tmp_path / "v.npy", VALUES)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "v.npy").read_bytes()[:100])
    np.save(tmp_path / "text.npy", np.array(["a", "b"]))
    with pytest.raises(InvalidData) as caught:
        read_values(tmp_path / name, column)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
